//! The head of a file and its items, except contracts and workflows.

use super::*;

/// What a whole file or one piece of it holds.
#[derive(Default)]
pub(crate) struct Piece {
    /// Docs, `module` and `use` lines.
    pub head: File,
    /// Items.
    pub items: Vec<Item>,
}

impl Builder<'_> {
    /// The root pair of any of the entry rules.
    pub(crate) fn piece(&mut self, pair: Pair<'_, Rule>) -> Option<Piece> {
        let mut out = Piece::default();
        let mut tail = Lead::default();
        let mut head_docs = Vec::new();
        let (_, mut c) = self.open(pair);
        while let Some(child) = c.next() {
            match child.as_rule() {
                Rule::head => {
                    out.head = self.head(child)?;
                    if out.head.module.is_none() && out.head.uses.is_empty() {
                        head_docs = std::mem::take(&mut out.head.docs);
                    }
                }
                Rule::item => {
                    let docs = std::mem::take(&mut head_docs);
                    out.items.push(self.item(child, docs)?);
                }
                Rule::allow => tail.allows.push(self.allow(child)?),
                _ => return None,
            }
        }
        // A text of nothing but docs documents the module.
        out.head.docs.extend(head_docs);
        self.stray_allows(&tail);
        Some(out)
    }

    fn head(&mut self, pair: Pair<'_, Rule>) -> Option<File> {
        let (_, mut c) = self.open(pair);
        Some(File {
            docs: self.all(&mut c, Rule::doc, Self::doc)?,
            module: self.maybe(&mut c, Rule::module_decl, Self::module_decl)?,
            uses: self.all(&mut c, Rule::use_decl, Self::use_decl)?,
            ..File::default()
        })
    }

    fn module_decl(&mut self, pair: Pair<'_, Rule>) -> Option<ModuleDecl> {
        let (span, mut c) = self.after_keyword(pair);
        Some(ModuleDecl { path: self.path(c.take(Rule::path)?)?, span })
    }

    fn use_decl(&mut self, pair: Pair<'_, Rule>) -> Option<UseDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let path = self.path(c.take(Rule::path)?)?;
        let mut names = Vec::new();
        while let Some(name) = c.next() {
            names.push(self.name(name)?);
        }
        Some(UseDecl { path, names, span })
    }

    fn item(&mut self, pair: Pair<'_, Rule>, docs: Vec<Doc>) -> Option<Item> {
        let (_, mut c) = self.open(pair);
        let mut lead = Lead { docs, allows: Vec::new() };
        while let Some(child) = c.next() {
            match child.as_rule() {
                Rule::doc => lead.docs.push(self.doc(child)?),
                Rule::allow => lead.allows.push(self.allow(child)?),
                _ => return self.declaration(child, lead),
            }
        }
        None
    }

    fn declaration(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<Item> {
        Some(match pair.as_rule() {
            Rule::type_decl => Item::Type(self.type_decl(pair, lead)?),
            Rule::record_decl => Item::Record(self.record_decl(pair, lead)?),
            Rule::enum_decl => Item::Enum(self.enum_decl(pair, lead)?),
            Rule::event_decl => Item::Event(self.event_decl(pair, lead)?),
            Rule::resource_decl => Item::Resource(self.resource_decl(pair, lead)?),
            Rule::policy_decl => Item::Policy(self.policy_decl(pair, lead)?),
            Rule::service_decl => Item::Service(self.service_decl(pair, lead)?),
            Rule::database_decl => Item::Database(self.database_decl(pair, lead)?),
            Rule::fn_decl => Item::Fn(self.fn_decl(pair, lead)?),
            Rule::decide_decl => Item::Decide(self.decide_decl(pair, lead)?),
            Rule::human_decl => Item::Human(self.human_decl(pair, lead)?),
            Rule::workflow_decl => Item::Workflow(self.workflow_decl(pair, lead)?),
            Rule::schedule_decl => Item::Schedule(self.schedule_decl(pair, lead)?),
            Rule::test_decl => Item::Test(self.test_decl(pair, lead)?),
            _ => return None,
        })
    }

    fn type_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<TypeDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        let ty = self.ty(c.take(Rule::ty)?)?;
        c.flag(Rule::k_matching);
        Some(TypeDecl {
            lead,
            name,
            ty,
            matching: self.maybe(&mut c, Rule::plain, Self::plain)?,
            span,
        })
    }

    fn record_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<RecordDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        Some(RecordDecl { lead, name, fields: self.all(&mut c, Rule::field, Self::field)?, span })
    }

    fn field(&mut self, pair: Pair<'_, Rule>) -> Option<Field> {
        let (_, mut c) = self.open(pair);
        let docs = self.all(&mut c, Rule::doc, Self::doc)?;
        let name = self.name(c.take(Rule::name)?)?;
        let ty = self.ty(c.take(Rule::ty)?)?;
        let default = self.maybe(&mut c, Rule::literal, Self::literal)?;
        let span = name.span.to(default.as_ref().map_or(ty.span, |d| d.span));
        Some(Field { docs, name, ty, default, span })
    }

    fn enum_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<EnumDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        Some(EnumDecl {
            lead,
            name,
            variants: self.all(&mut c, Rule::variant, Self::variant)?,
            span,
        })
    }

    fn variant(&mut self, pair: Pair<'_, Rule>) -> Option<Variant> {
        let (_, mut c) = self.open(pair);
        let docs = self.all(&mut c, Rule::doc, Self::doc)?;
        let name = self.name(c.take(Rule::Ident)?)?;
        let mut span = name.span;
        let mut params = Vec::new();
        if let Some(pair) = c.take(Rule::params) {
            span = span.to(self.span(&pair));
            params = self.params(pair)?;
        }
        Some(Variant { docs, name, params, span })
    }

    fn event_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<EventDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        c.flag(Rule::k_on);
        let topic = self.maybe(&mut c, Rule::plain, Self::plain)?;
        c.flag(Rule::k_key);
        let key = self.path(c.take(Rule::path)?)?;
        c.flag(Rule::k_retain);
        let retain = self.maybe(&mut c, Rule::duration, Self::duration)?;
        let fields = self.all(&mut c, Rule::field, Self::field)?;
        Some(EventDecl { lead, name, topic, key, retain, fields, span })
    }

    fn resource_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<ResourceDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        let ty = self.ty(c.take(Rule::ty)?)?;
        c.flag(Rule::k_after);
        Some(ResourceDecl {
            lead,
            name,
            ty,
            after: self.maybe(&mut c, Rule::Ident, Self::name)?,
            span,
        })
    }

    fn policy_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<PolicyDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::ident)?)?;
        Some(PolicyDecl { lead, name, retry: self.retry_spec(c.take(Rule::retry_spec)?)?, span })
    }

    fn fn_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<FnDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::ident)?)?;
        let params = self.bare_params(c.take(Rule::params)?)?;
        let returns = self.returns(c.take(Rule::returns)?)?;
        let body = match c.take(Rule::expr) {
            Some(expr) => FnBody::Expr(self.expr(expr)?),
            None => {
                let (span, mut c) = self.open(c.take(Rule::fn_block)?);
                let lets = self.all(&mut c, Rule::let_stmt, Self::let_stmt)?;
                FnBody::Block { lets, value: self.expr(c.take(Rule::expr)?)?, span }
            }
        };
        Some(FnDecl { lead, name, params, returns, body, span })
    }

    fn decide_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<DecideDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::ident)?)?;
        let params = self.bare_params(c.take(Rule::params)?)?;
        let returns = self.returns(c.take(Rule::returns)?)?;
        let rules = self.all(&mut c, Rule::decide_rule, Self::decide_rule)?;
        let otherwise = self.maybe(&mut c, Rule::decide_else, Self::decide_else)?;
        Some(DecideDecl { lead, name, params, returns, rules, otherwise, span })
    }

    fn decide_rule(&mut self, pair: Pair<'_, Rule>) -> Option<DecideRule> {
        let (span, mut c) = self.open(pair);
        let condition = self.expr(c.take(Rule::expr)?)?;
        Some(DecideRule { condition, value: self.expr(c.take(Rule::expr)?)?, span })
    }

    fn decide_else(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let (_, mut c) = self.after_keyword(pair);
        self.expr(c.take(Rule::expr)?)
    }

    fn human_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<HumanDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        let params = self.bare_params(c.take(Rule::params)?)?;
        let returns = self.returns(c.take(Rule::returns)?)?;
        let clauses = self.all(&mut c, Rule::human_clause, Self::human_clause)?;
        Some(HumanDecl { lead, name, params, returns, clauses, span })
    }

    fn human_clause(&mut self, pair: Pair<'_, Rule>) -> Option<HumanClause> {
        let (span, mut c) = self.open(pair);
        Some(match c.next()?.as_rule() {
            Rule::k_title => HumanClause::Title { text: self.string(c.take(Rule::string)?)?, span },
            Rule::k_assign => {
                let to = self.expr(c.take(Rule::expr)?)?;
                c.flag(Rule::k_except);
                HumanClause::Assign {
                    to,
                    except: self.maybe(&mut c, Rule::expr, Self::expr)?,
                    span,
                }
            }
            _ => HumanClause::Show { values: self.all(&mut c, Rule::expr, Self::expr)?, span },
        })
    }

    fn schedule_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<ScheduleDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let workflow = self.name(c.take(Rule::Ident)?)?;
        let args = self.args(c.take(Rule::args)?)?;
        let when = if c.flag(Rule::k_every) {
            ScheduleWhen::Every(self.duration(c.take(Rule::duration)?)?)
        } else {
            c.flag(Rule::k_at);
            ScheduleWhen::At(self.plain(c.take(Rule::plain)?)?)
        };
        c.flag(Rule::k_in);
        let zone = self.maybe(&mut c, Rule::plain, Self::plain)?;
        let options = self.all(&mut c, Rule::schedule_option, Self::schedule_option)?;
        Some(ScheduleDecl { lead, workflow, args, when, zone, options, span })
    }

    fn schedule_option(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<ScheduleOption>> {
        let (span, mut c) = self.open(pair);
        let node = match c.next()?.as_rule() {
            Rule::k_catch => ScheduleOption::CatchUpAll,
            Rule::k_skip => ScheduleOption::SkipMissed,
            _ => match c.next()?.as_rule() {
                Rule::k_skip => ScheduleOption::OverlapSkip,
                Rule::k_queue => ScheduleOption::OverlapQueue,
                _ => ScheduleOption::OverlapAllow,
            },
        };
        Some(Spanned { node, span })
    }
}
