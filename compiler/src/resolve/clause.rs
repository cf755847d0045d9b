//! Clauses: which may stand where, and how often (F0006, verdicts 60 and 79); retry policies.

use super::body::Body;
use super::once::{Once, meaningless};
use super::{Def, Resolver, name};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Class, Clause};
use crate::span::Span;
use crate::syntax::ast;

/// What clauses hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A call of an action; none where it is unknown.
    Step(Option<Class>),
    /// `run W(…)`
    Run,
    /// A wait for a person.
    Task,
    /// A wait for an event.
    Event,
    /// `parallel`
    Parallel,
    /// `scope`
    Scope,
    /// `transaction`
    Transaction,
    /// `lock`
    Lock,
}

impl Holder {
    fn words(self) -> &'static str {
        match self {
            Self::Step(_) => "a step",
            Self::Run => "a child run",
            Self::Task => "a wait for a person",
            Self::Event => "a wait for an event",
            Self::Parallel => "a `parallel`",
            Self::Scope => "a `scope`",
            Self::Transaction => "a `transaction`",
            Self::Lock => "a `lock`",
        }
    }

    /// Every clause that may stand there.
    fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Step(_) => &[
                "retry",
                "within",
                "deadline",
                "heartbeat",
                "idempotent",
                "probe",
                "compensate",
                "fallback",
                "on",
                "else",
            ],
            Self::Run => &["deadline", "compensate", "on", "else"],
            Self::Task => &["within", "until", "remind", "escalate", "on", "else"],
            Self::Event => &["within", "until", "on", "else"],
            Self::Parallel => &["deadline", "fallback", "on", "else"],
            Self::Scope => &["retry", "deadline", "fallback", "on event", "on", "else"],
            Self::Transaction => &["retry", "deadline", "compensate", "on", "else"],
            Self::Lock => &["on", "else"],
        }
    }
}

/// The clauses of one place, each at most once.
#[derive(Default)]
pub(super) struct Sorted<'c> {
    pub(super) retry: Option<&'c ast::Retry>,
    pub(super) within: Option<&'c ast::Within>,
    pub(super) until: Option<&'c ast::Until>,
    pub(super) deadline: Option<Clause<i64>>,
    pub(super) heartbeat: Option<Clause<i64>>,
    pub(super) idempotent: Option<&'c ast::Idempotent>,
    pub(super) probe: Option<&'c ast::Probe>,
    pub(super) compensate: Option<&'c ast::Compensate>,
    pub(super) fallback: Option<&'c ast::Fallback>,
    pub(super) remind: Option<Clause<i64>>,
    pub(super) escalate: Option<&'c ast::Escalate>,
    pub(super) handlers: Vec<&'c ast::Handler>,
    pub(super) interrupts: Vec<&'c ast::Interrupt>,
    pub(super) otherwise: Option<&'c ast::ElseClause>,
}

fn word(clause: &ast::Clause) -> &'static str {
    match clause {
        ast::Clause::Retry(_) => "retry",
        ast::Clause::Within(_) => "within",
        ast::Clause::Until(_) => "until",
        ast::Clause::Deadline(_) => "deadline",
        ast::Clause::Heartbeat(_) => "heartbeat",
        ast::Clause::Idempotent(_) => "idempotent",
        ast::Clause::Probe(_) => "probe",
        ast::Clause::Compensate(_) => "compensate",
        ast::Clause::Fallback(_) => "fallback",
        ast::Clause::Remind(_) => "remind",
        ast::Clause::Escalate(_) => "escalate",
        ast::Clause::Handler(_) => "on",
        ast::Clause::Interrupt(_) => "on event",
        ast::Clause::Else(_) => "else",
    }
}

impl Body<'_, '_> {
    /// Takes each clause that may stand here; reports the others.
    pub(super) fn sort<'c>(&mut self, holder: Holder, clauses: &'c [ast::Clause]) -> Sorted<'c> {
        let mut sorted = Sorted::default();
        let mut once = Once::default();
        for clause in clauses {
            let word = word(clause);
            if !self.may_stand(holder, clause, word) {
                continue;
            }
            // Order: a wait that is bounded twice over contradicts itself whichever comes first.
            let other = match word {
                "within" => "until",
                "until" => "within",
                _ => "",
            };
            let waits = matches!(holder, Holder::Task | Holder::Event);
            if waits && !other.is_empty() && !once.against(self.r, other, word, clause.span()) {
                continue;
            }
            let key = match clause {
                ast::Clause::Handler(handler) => on_word(&handler.pattern),
                ast::Clause::Interrupt(interrupt) => {
                    // Two interrupts of one event may ask for different ones of it.
                    format!("on event {} {}", interrupt.event.text, interrupt.span.start)
                }
                _ => word.to_owned(),
            };
            if once.first(self.r, key, clause.span()) {
                sorted.put(clause);
            }
        }
        sorted
    }

    fn may_stand(&mut self, holder: Holder, clause: &ast::Clause, word: &str) -> bool {
        let span = clause.span();
        if holder == Holder::Run && word == "retry" {
            self.retry_on_run(span);
            return false;
        }
        if !holder.allowed().contains(&word) {
            let allowed = crate::name::any_of(holder.allowed());
            let help = format!("{} takes {allowed}", holder.words());
            meaningless(self.r, word, holder.words(), span, &help);
            return false;
        }
        match (holder, clause) {
            (Holder::Step(Some(Class::Read)), ast::Clause::Compensate(_)) => {
                let help = "a read changes nothing, so there is nothing to undo";
                meaningless(self.r, word, "a read", span, help);
                false
            }
            (Holder::Step(Some(Class::Read)), ast::Clause::Probe(_)) => {
                let help = "a read may be repeated freely: the retry is the question";
                meaningless(self.r, word, "a read", span, help);
                false
            }
            (Holder::Run, ast::Clause::Compensate(c))
                if !matches!(c.undo, ast::Undo::Waived(_)) =>
            {
                let help =
                    "a child run is undone by itself; `compensate none because \"…\"` waives it";
                meaningless(self.r, word, "a child run", span, help);
                false
            }
            (Holder::Step(_) | Holder::Transaction, ast::Clause::Within(within)) => {
                self.fixed_within(within).is_some()
            }
            _ => true,
        }
    }

    fn retry_on_run(&mut self, span: Span) {
        let found = Diagnostic::error("F0102", span, "a child run is started once, never retried")
            .label(span, "leave this out")
            .help("put the `retry` on the child's steps, or the `run` into a `scope` with `retry`");
        self.r.report(found);
    }

    /// The bound of an attempt, which must be written out.
    pub(super) fn fixed_within(&mut self, within: &ast::Within) -> Option<Clause<i64>> {
        match &within.bound {
            ast::Bound::Fixed(ms) => Some(Clause { value: ms.node, span: within.span }),
            ast::Bound::Computed(expr) => {
                let text = "the bound of an attempt is a duration written out, as in `within 5s`";
                let found = Diagnostic::error("F0006", expr.span, text)
                    .label(expr.span, "computed")
                    .help("only waits and sleeps may compute how long they last");
                self.r.report(found);
                None
            }
        }
    }

    /// A `retry` with its policy looked up.
    pub(super) fn retry(&mut self, retry: &ast::Retry) -> hir::RetrySpec {
        self.r.retry_spec(self.module, &retry.spec, retry.span)
    }
}

/// A handler's failure, for telling two of them apart.
fn failure_word(pattern: &ast::FailurePattern) -> &str {
    match pattern {
        ast::FailurePattern::Timeout(_) => "timeout",
        ast::FailurePattern::Unknown(_) => "unknown",
        ast::FailurePattern::Refused(_) => "refused",
        ast::FailurePattern::Error { name, .. } => &name.text,
    }
}

/// What tells a handler from another: `on timeout`, `on Declined`.
pub(super) fn on_word(pattern: &ast::FailurePattern) -> String {
    format!("on {}", failure_word(pattern))
}

impl<'c> Sorted<'c> {
    fn put(&mut self, clause: &'c ast::Clause) {
        match clause {
            ast::Clause::Retry(x) => self.retry = Some(x),
            ast::Clause::Within(x) => self.within = Some(x),
            ast::Clause::Until(x) => self.until = Some(x),
            ast::Clause::Deadline(x) => {
                self.deadline = Some(Clause { value: x.duration.node, span: x.span });
            }
            ast::Clause::Heartbeat(x) => {
                self.heartbeat = Some(Clause { value: x.duration.node, span: x.span });
            }
            ast::Clause::Idempotent(x) => self.idempotent = Some(x),
            ast::Clause::Probe(x) => self.probe = Some(x),
            ast::Clause::Compensate(x) => self.compensate = Some(x),
            ast::Clause::Fallback(x) => self.fallback = Some(x),
            ast::Clause::Remind(x) => {
                self.remind = Some(Clause { value: x.every.node, span: x.span });
            }
            ast::Clause::Escalate(x) => self.escalate = Some(x),
            ast::Clause::Handler(x) => self.handlers.push(x),
            ast::Clause::Interrupt(x) => self.interrupts.push(x),
            ast::Clause::Else(x) => self.otherwise = Some(x),
        }
    }
}

impl Resolver<'_> {
    /// A retry policy as written, names of policies looked up. What stands beside the name of a
    /// policy wins over what the policy says.
    pub(super) fn retry_spec(
        &mut self,
        module: usize,
        spec: &ast::RetrySpec,
        span: Span,
    ) -> hir::RetrySpec {
        let (times, policy) = match &spec.times {
            ast::RetryTimes::Forever(_) => (hir::Times::Forever, None),
            ast::RetryTimes::Times(count) => {
                if count.node == 0 {
                    let text = "`0 times` would never try at all";
                    let found = Diagnostic::error("F0006", count.span, text)
                        .label(count.span, "means nothing")
                        .help("`retry 1 times` tries once");
                    self.report(found);
                }
                (hir::Times::N(count.node.max(1)), None)
            }
            ast::RetryTimes::Policy(policy) => match self.look_up(module, &policy.text) {
                Some(Def::Policy(id)) => (self.program.policies[id].retry.times, Some(id)),
                _ => {
                    let fits = |d| matches!(d, Def::Policy(_));
                    self.unknown(module, policy, "a policy", &fits);
                    (hir::Times::Error, None)
                }
            },
        };
        let written = spec.backoff.as_ref().map(|b| hir::Backoff {
            base_ms: b.base.node,
            max_ms: b.max.as_ref().map(|max| max.node),
            jitter: b.jitter,
            span: b.span,
        });
        let named = policy.map(|id| &self.program.policies[id].retry);
        let backoff = written.or_else(|| named.and_then(|p| p.backoff));
        let mut on: Vec<hir::Name> = named.map(|p| p.on.clone()).unwrap_or_default();
        on.extend(spec.on.iter().map(name));
        hir::RetrySpec { times, backoff, on, policy, span }
    }
}
