//! Services, databases and their actions.

use super::*;

impl Builder<'_> {
    pub(super) fn service_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<ServiceDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        if let Some(same) = c.take(Rule::Ident) {
            let body = ServiceBody::Same(self.name(same)?);
            return Some(ServiceDecl { lead, name, body, span });
        }
        let mut members = Vec::new();
        while let Some(member) = c.next() {
            members.push(match member.as_rule() {
                Rule::breaker => ServiceMember::Breaker(self.breaker(member)?),
                Rule::limit => ServiceMember::Limit(self.limit(member)?),
                Rule::action => ServiceMember::Action(self.action(member)?),
                _ => return None,
            });
        }
        Some(ServiceDecl { lead, name, body: ServiceBody::Members(members), span })
    }

    pub(super) fn database_decl(
        &mut self,
        pair: Pair<'_, Rule>,
        lead: Lead,
    ) -> Option<DatabaseDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        Some(DatabaseDecl {
            lead,
            name,
            actions: self.all(&mut c, Rule::action, Self::action)?,
            span,
        })
    }

    fn breaker(&mut self, pair: Pair<'_, Rule>) -> Option<Breaker> {
        let (span, mut c) = self.open(pair);
        let mut opens = Vec::new();
        while let Some(child) = c.next() {
            match child.as_rule() {
                Rule::opens_rate => opens.push(self.opens_rate(child)?),
                Rule::opens_failures => opens.push(self.opens_failures(child)?),
                Rule::duration => {
                    return Some(Breaker { opens, probes_after: self.duration(child)?, span });
                }
                _ => {}
            }
        }
        None
    }

    fn opens_rate(&mut self, pair: Pair<'_, Rule>) -> Option<BreakerOpens> {
        let (_, mut c) = self.after_keyword(pair);
        let percent = self.percent(c.take(Rule::percent)?)?;
        c.flag(Rule::k_of);
        let calls = self.integer(c.take(Rule::integer)?)?;
        c.flag(Rule::k_calls);
        c.flag(Rule::k_in);
        Some(BreakerOpens::Rate { percent, calls, window: self.duration(c.take(Rule::duration)?)? })
    }

    fn opens_failures(&mut self, pair: Pair<'_, Rule>) -> Option<BreakerOpens> {
        let (_, mut c) = self.after_keyword(pair);
        Some(BreakerOpens::Failures(self.integer(c.take(Rule::integer)?)?))
    }

    /// `limit` of a service and `limit_by` of a workflow.
    pub(super) fn limit(&mut self, pair: Pair<'_, Rule>) -> Option<Limit> {
        let (span, mut c) = self.after_keyword(pair);
        let count = self.integer(c.take(Rule::integer)?)?;
        c.flag(Rule::k_per);
        let per = self.duration(c.take(Rule::duration)?)?;
        c.flag(Rule::k_by);
        Some(Limit { count, per, by: self.maybe(&mut c, Rule::expr, Self::expr)?, span })
    }

    fn action(&mut self, pair: Pair<'_, Rule>) -> Option<Action> {
        let (span, mut c) = self.open(pair);
        let docs = self.all(&mut c, Rule::doc, Self::doc)?;
        let effect = self.effect(c.take(Rule::effect)?)?;
        let name = self.name(c.take(Rule::name)?)?;
        let params = self.params(c.take(Rule::params)?)?;
        let returns = self.maybe(&mut c, Rule::returns, Self::returns)?;
        let clauses = self.all(&mut c, Rule::action_clause, Self::action_clause)?;
        let span = Span { start: effect.span.start, ..span };
        Some(Action { docs, effect, name, params, returns, clauses, span })
    }

    fn effect(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<Effect>> {
        let (span, mut c) = self.open(pair);
        let node = match c.next()?.as_rule() {
            Rule::k_read => Effect::Read,
            Rule::k_write => Effect::Write,
            Rule::k_pivot => Effect::Pivot,
            _ => Effect::Tx,
        };
        Some(Spanned { node, span })
    }

    fn action_clause(&mut self, pair: Pair<'_, Rule>) -> Option<ActionClause> {
        let (_, mut c) = self.open(pair);
        let pair = c.next()?;
        Some(match pair.as_rule() {
            Rule::idempotent => ActionClause::Idempotent(self.idempotent(pair)?),
            Rule::fails => ActionClause::Fails(self.fails(pair)?),
            Rule::within => ActionClause::Within(self.within(pair)?),
            Rule::deadline => ActionClause::Deadline(self.deadline(pair)?),
            Rule::compensate => ActionClause::Compensate(self.compensate(pair)?),
            Rule::probe => ActionClause::Probe(self.probe(pair)?),
            Rule::lasts => {
                let (duration, span) = self.duration_clause(pair)?;
                ActionClause::Lasts(Lasts { duration, span })
            }
            Rule::cache => {
                let (duration, span) = self.duration_clause(pair)?;
                ActionClause::Cache(Cache { duration, span })
            }
            Rule::sql => ActionClause::Sql(self.sql(pair)?),
            _ => return None,
        })
    }

    fn sql(&mut self, pair: Pair<'_, Rule>) -> Option<Sql> {
        let (span, mut c) = self.after_keyword(pair);
        let text = self.sql_text(c.take(Rule::sql_text)?)?;
        c.flag(Rule::k_no);
        c.flag(Rule::k_rows);
        Some(Sql { text, no_rows: self.maybe(&mut c, Rule::Ident, Self::name)?, span })
    }

    pub(super) fn fails(&mut self, pair: Pair<'_, Rule>) -> Option<Fails> {
        let (span, mut c) = self.after_keyword(pair);
        Some(Fails { errors: self.all(&mut c, Rule::error_ref, Self::error_ref)?, span })
    }

    fn error_ref(&mut self, pair: Pair<'_, Rule>) -> Option<ErrorRef> {
        let (span, mut c) = self.open(pair);
        let name = self.name(c.take(Rule::Ident)?)?;
        let params = self.maybe(&mut c, Rule::params, Self::params)?.unwrap_or_default();
        Some(ErrorRef { name, params, transient: c.flag(Rule::k_transient), span })
    }
}
