//! Clauses of steps, waits and blocks, and the calls in them.

use super::*;

impl Builder<'_> {
    /// `clause` and `await_clause`, and the clauses that stand alone in some statements.
    pub(super) fn clause(&mut self, pair: Pair<'_, Rule>) -> Option<Clause> {
        let pair = match pair.as_rule() {
            Rule::clause | Rule::await_clause => self.open(pair).1.next()?,
            _ => pair,
        };
        Some(match pair.as_rule() {
            Rule::retry => Clause::Retry(self.retry(pair)?),
            Rule::within | Rule::wait_within => Clause::Within(self.within(pair)?),
            Rule::deadline => Clause::Deadline(self.deadline(pair)?),
            Rule::idempotent => Clause::Idempotent(self.idempotent(pair)?),
            Rule::compensate => Clause::Compensate(self.compensate(pair)?),
            Rule::probe => Clause::Probe(self.probe(pair)?),
            Rule::fallback => Clause::Fallback(self.fallback(pair)?),
            Rule::handler => Clause::Handler(self.handler(pair)?),
            Rule::interrupt => Clause::Interrupt(self.interrupt(pair)?),
            Rule::escalate => Clause::Escalate(self.escalate(pair)?),
            Rule::heartbeat => {
                let (duration, span) = self.duration_clause(pair)?;
                Clause::Heartbeat(Heartbeat { duration, span })
            }
            Rule::until => {
                let (span, mut c) = self.after_keyword(pair);
                Clause::Until(Until { time: self.expr(c.take(Rule::expr)?)?, span })
            }
            Rule::remind => {
                let (span, mut c) = self.after_keyword(pair);
                c.flag(Rule::k_every);
                Clause::Remind(Remind { every: self.duration(c.take(Rule::duration)?)?, span })
            }
            Rule::else_clause => {
                let (span, mut c) = self.after_keyword(pair);
                Clause::Else(ElseClause { remedy: self.remedy(c.take(Rule::remedy)?)?, span })
            }
            _ => return None,
        })
    }

    /// Every clause that follows.
    pub(super) fn clauses(&mut self, c: &mut Cursor<'_>) -> Option<Vec<Clause>> {
        let mut out = Vec::new();
        while let Some(pair) = c.next() {
            out.push(self.clause(pair)?);
        }
        Some(out)
    }

    /// A keyword and a duration.
    pub(super) fn duration_clause(&mut self, pair: Pair<'_, Rule>) -> Option<(DurationMs, Span)> {
        let (span, mut c) = self.after_keyword(pair);
        Some((self.duration(c.take(Rule::duration)?)?, span))
    }

    pub(super) fn deadline(&mut self, pair: Pair<'_, Rule>) -> Option<Deadline> {
        let (duration, span) = self.duration_clause(pair)?;
        Some(Deadline { duration, span })
    }

    pub(super) fn within(&mut self, pair: Pair<'_, Rule>) -> Option<Within> {
        let (span, mut c) = self.after_keyword(pair);
        let bound = match c.take(Rule::bound) {
            Some(bound) => self.bound(bound)?,
            None => Bound::Fixed(self.duration(c.take(Rule::duration)?)?),
        };
        Some(Within { bound, span })
    }

    pub(super) fn bound(&mut self, pair: Pair<'_, Rule>) -> Option<Bound> {
        let (_, mut c) = self.open(pair);
        let inner = c.next()?;
        Some(match inner.as_rule() {
            Rule::duration => Bound::Fixed(self.duration(inner)?),
            _ => Bound::Computed(self.expr(inner)?),
        })
    }

    pub(super) fn retry(&mut self, pair: Pair<'_, Rule>) -> Option<Retry> {
        let (span, mut c) = self.after_keyword(pair);
        Some(Retry { spec: self.retry_spec(c.take(Rule::retry_spec)?)?, span })
    }

    pub(super) fn retry_spec(&mut self, pair: Pair<'_, Rule>) -> Option<RetrySpec> {
        let (span, mut c) = self.open(pair);
        let first = c.next()?;
        let times = match first.as_rule() {
            Rule::k_forever => RetryTimes::Forever(self.span(&first)),
            Rule::integer => RetryTimes::Times(self.integer(first)?),
            _ => RetryTimes::Policy(self.name(first)?),
        };
        c.flag(Rule::k_times);
        let backoff = self.maybe(&mut c, Rule::backoff, Self::backoff)?;
        c.flag(Rule::k_on);
        Some(RetrySpec { times, backoff, on: self.all(&mut c, Rule::Ident, Self::name)?, span })
    }

    fn backoff(&mut self, pair: Pair<'_, Rule>) -> Option<Backoff> {
        let (span, mut c) = self.after_keyword(pair);
        let base = self.duration(c.take(Rule::duration)?)?;
        let max = self.maybe(&mut c, Rule::duration, Self::duration)?;
        Some(Backoff { base, max, jitter: c.flag(Rule::k_jitter), span })
    }

    pub(super) fn idempotent(&mut self, pair: Pair<'_, Rule>) -> Option<Idempotent> {
        let (span, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_by);
        let by = self.all(&mut c, Rule::expr, Self::expr)?;
        c.flag(Rule::k_for);
        Some(Idempotent { by, lifetime: self.maybe(&mut c, Rule::duration, Self::duration)?, span })
    }

    pub(super) fn compensate(&mut self, pair: Pair<'_, Rule>) -> Option<Compensate> {
        let (span, mut c) = self.after_keyword(pair);
        let first = c.next()?;
        let undo = match first.as_rule() {
            Rule::none => {
                c.flag(Rule::k_because);
                Undo::Waived(self.plain(c.take(Rule::plain)?)?)
            }
            Rule::block => Undo::Block(self.block(first)?),
            _ => Undo::Call(self.effect_call(first)?),
        };
        Some(Compensate { undo, span })
    }

    pub(super) fn probe(&mut self, pair: Pair<'_, Rule>) -> Option<Probe> {
        let (span, mut c) = self.after_keyword(pair);
        Some(Probe { call: self.effect_call(c.next()?)?, span })
    }

    fn fallback(&mut self, pair: Pair<'_, Rule>) -> Option<Fallback> {
        let (span, mut c) = self.after_keyword(pair);
        let first = c.next()?;
        let body = match first.as_rule() {
            Rule::block => FallbackBody::Block(self.block(first)?),
            _ => FallbackBody::Call(self.effect_call(first)?),
        };
        Some(Fallback { body, span })
    }

    /// `effect_call`, or any of the calls it may be.
    pub(super) fn effect_call(&mut self, pair: Pair<'_, Rule>) -> Option<EffectCall> {
        let pair = match pair.as_rule() {
            Rule::effect_call => self.open(pair).1.next()?,
            _ => pair,
        };
        let rule = pair.as_rule();
        let (span, mut c) = self.open(pair);
        c.flag(Rule::k_run);
        let first = self.name(c.next()?)?;
        let second = self.maybe(&mut c, Rule::name, Self::name)?;
        let args = self.args(c.take(Rule::args)?)?;
        Some(match (rule, second) {
            (Rule::run_call, _) => EffectCall::Run(RunCall { workflow: first, args, span }),
            (_, None) => EffectCall::Local(LocalCall { action: first, args, span }),
            (_, Some(action)) => {
                EffectCall::Action(ActionCall { service: first, action, args, span })
            }
        })
    }

    pub(super) fn handler(&mut self, pair: Pair<'_, Rule>) -> Option<Handler> {
        let (span, mut c) = self.after_keyword(pair);
        let pattern = self.failure_pattern(c.take(Rule::failure_pattern)?)?;
        Some(Handler { pattern, remedy: self.remedy(c.take(Rule::remedy)?)?, span })
    }

    fn failure_pattern(&mut self, pair: Pair<'_, Rule>) -> Option<FailurePattern> {
        let (span, mut c) = self.open(pair);
        let first = c.next()?;
        Some(match first.as_rule() {
            Rule::k_timeout => FailurePattern::Timeout(span),
            Rule::k_unknown => FailurePattern::Unknown(span),
            Rule::k_refused => FailurePattern::Refused(span),
            _ => FailurePattern::Error {
                name: self.name(first)?,
                binders: self.maybe(&mut c, Rule::binders, Self::binders)?.unwrap_or_default(),
                span,
            },
        })
    }

    fn interrupt(&mut self, pair: Pair<'_, Rule>) -> Option<Interrupt> {
        let (span, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_event);
        let event = self.name(c.take(Rule::Ident)?)?;
        let binders = self.maybe(&mut c, Rule::binders, Self::binders)?.unwrap_or_default();
        c.flag(Rule::k_where);
        let condition = self.expr(c.take(Rule::expr)?)?;
        let keep = c.flag(Rule::k_keep);
        let remedy = self.remedy(c.take(Rule::remedy)?)?;
        Some(Interrupt { event, binders, condition, keep, remedy, span })
    }

    fn escalate(&mut self, pair: Pair<'_, Rule>) -> Option<Escalate> {
        let (span, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_after);
        let after = self.duration(c.take(Rule::duration)?)?;
        c.flag(Rule::k_to);
        Some(Escalate { after, to: self.expr(c.take(Rule::expr)?)?, span })
    }

    fn remedy(&mut self, pair: Pair<'_, Rule>) -> Option<Block> {
        let (_, mut c) = self.open(pair);
        self.block_or_stmt(c.next()?)
    }
}
