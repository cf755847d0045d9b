//! Workflows: head, body and aftermath.

use super::*;

impl Builder<'_> {
    pub(super) fn workflow_decl(
        &mut self,
        pair: Pair<'_, Rule>,
        lead: Lead,
    ) -> Option<WorkflowDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        let version = self.maybe(&mut c, Rule::version, Self::version)?;
        let params = self.bare_params(c.take(Rule::params)?)?;
        let returns = self.maybe(&mut c, Rule::returns, Self::returns)?;
        let headers = self.all(&mut c, Rule::header, Self::header)?;
        let body = self.block(c.take(Rule::block)?)?;
        let aftermath = match c.take(Rule::aftermath) {
            Some(pair) => {
                let (_, mut c) = self.after_keyword(pair);
                c.flag(Rule::k_failure);
                Some(self.block(c.take(Rule::block)?)?)
            }
            None => None,
        };
        Some(WorkflowDecl { lead, name, version, params, returns, headers, body, aftermath, span })
    }

    fn header(&mut self, pair: Pair<'_, Rule>) -> Option<Header> {
        let (_, mut c) = self.open(pair);
        let pair = c.next()?;
        Some(match pair.as_rule() {
            Rule::trigger => Header::Trigger(self.trigger(pair)?),
            Rule::idempotent => Header::Idempotent(self.idempotent(pair)?),
            Rule::fails => Header::Fails(self.fails(pair)?),
            Rule::deadline => Header::Deadline(self.deadline(pair)?),
            Rule::concurrency => Header::Concurrency(self.concurrency(pair)?),
            Rule::limit_by => Header::Limit(self.limit(pair)?),
            Rule::upgrade => Header::Upgrade(self.upgrade(pair)?),
            Rule::retain => {
                let (duration, span) = self.duration_clause(pair)?;
                Header::Retain(Retain { duration, span })
            }
            Rule::shard => {
                let (span, mut by) = self.by_exprs(pair)?;
                Header::Shard(ShardBy { by: by.pop()?, span })
            }
            Rule::subject_by => {
                let (span, mut by) = self.by_exprs(pair)?;
                Header::Subject(SubjectBy { by: by.pop()?, span })
            }
            Rule::index_by => {
                let (span, by) = self.by_exprs(pair)?;
                Header::Index(IndexBy { by, span })
            }
            _ => return None,
        })
    }

    /// A keyword, `by`, and the expressions after it.
    fn by_exprs(&mut self, pair: Pair<'_, Rule>) -> Option<(Span, Vec<Expr>)> {
        let (span, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_by);
        Some((span, self.all(&mut c, Rule::expr, Self::expr)?))
    }

    fn trigger(&mut self, pair: Pair<'_, Rule>) -> Option<Trigger> {
        let (span, mut c) = self.after_keyword(pair);
        let batch = c.flag(Rule::k_batch);
        let event = self.name(c.take(Rule::Ident)?)?;
        if !batch {
            return Some(Trigger::Event { event, binding: self.name(c.take(Rule::ident)?)?, span });
        }
        c.flag(Rule::k_up);
        c.flag(Rule::k_to);
        let up_to = self.integer(c.take(Rule::integer)?)?;
        c.flag(Rule::k_or);
        c.flag(Rule::k_every);
        Some(Trigger::Batch { event, up_to, every: self.duration(c.take(Rule::duration)?)?, span })
    }

    fn concurrency(&mut self, pair: Pair<'_, Rule>) -> Option<Concurrency> {
        let (span, mut c) = self.after_keyword(pair);
        let count = self.integer(c.take(Rule::integer)?)?;
        c.flag(Rule::k_per);
        let per = self.maybe(&mut c, Rule::expr, Self::expr)?;
        c.flag(Rule::k_else);
        let otherwise = c.next().and_then(|pair| {
            let node = match pair.as_rule() {
                Rule::k_join => ConcurrencyElse::Join,
                Rule::k_refuse => ConcurrencyElse::Refuse,
                Rule::k_replace => ConcurrencyElse::Replace,
                _ => return None,
            };
            Some(Spanned { node, span: self.span(&pair) })
        });
        Some(Concurrency { count, per, otherwise, span })
    }

    fn upgrade(&mut self, pair: Pair<'_, Rule>) -> Option<Upgrade> {
        let (span, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_from);
        let from = self.version(c.take(Rule::version)?)?;
        let values = self.all(&mut c, Rule::upgrade_value, Self::upgrade_value)?;
        Some(Upgrade { from, values, span })
    }

    fn upgrade_value(&mut self, pair: Pair<'_, Rule>) -> Option<(Name, Expr)> {
        let (_, mut c) = self.open(pair);
        let name = self.name(c.take(Rule::name)?)?;
        Some((name, self.expr(c.take(Rule::expr)?)?))
    }
}
