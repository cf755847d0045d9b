//! The ways in which a call goes wrong, each with what comes of it.

use super::sheet::{Undoing, Way};
use super::stack::{Cause, Leaves, leaves, remedy, unwinding};
use super::walk::Walker;
use crate::hir::{Step, Target};
use crate::words::{Policy, duration};

impl<'p> Walker<'p> {
    pub(super) fn ways(&mut self, step: &'p Step, own: Option<&Undoing>, read: bool) -> Vec<Way> {
        let policy = self.words.policy(step, false);
        let endless = policy.attempts.is_none() && step.deadline.is_none();
        let mut ways = self.declared(step, &policy, endless);
        let Target::Action(_) = step.call.target else {
            ways.push(self.crash(step, read));
            let struck = self.struck(own, false);
            ways.extend(struck);
            return ways;
        };
        for (cause, own) in [(Cause::Refused, None), (Cause::Unknown, own)] {
            let what = cause.word().to_owned();
            ways.push(match (&cause, read) {
                (Cause::Unknown, true) => {
                    let mut way = self.ended(step, Cause::Timeout, None, endless, &policy, &what);
                    way.then = format!("harmless, because it only reads; {}", way.then);
                    way
                }
                _ => self.ended(step, cause, own, endless, &policy, &what),
            });
        }
        let within = step.within.as_ref().map_or(30_000, |within| within.value);
        let mut late = match read {
            true => self.ended(step, Cause::Timeout, None, endless, &policy, "timeout"),
            false => self.ended(step, Cause::Unknown, own, endless, &policy, "timeout"),
        };
        late.then = match read {
            true => format!("an attempt is given up after {}; {}", duration(within), late.then),
            false => format!("after {} its outcome is unknown; {}", duration(within), late.then),
        };
        ways.push(late);
        ways.push(self.crash(step, read));
        let waits = !read && own.is_none() && !self.waived(step);
        let struck = self.struck(own, waits);
        ways.extend(struck);
        ways
    }

    /// Declared errors of what is called.
    fn declared(&mut self, step: &'p Step, policy: &Policy, endless: bool) -> Vec<Way> {
        let program = self.words.program;
        let mut ways = Vec::new();
        for id in program.target_errors(&step.call.target) {
            let name = program.errors[*id].name.node.to_string();
            let what = format!("fails {name}");
            let again = policy.on.contains(&name);
            let cause = Cause::Declared(name);
            ways.push(match again {
                true => self.ended(step, cause, None, endless, policy, &what),
                false => self.now(step, cause, None, &what),
            });
        }
        ways
    }

    /// A failure that the policy tries to get over first.
    fn ended(
        &mut self,
        step: &'p Step,
        cause: Cause,
        own: Option<&Undoing>,
        endless: bool,
        policy: &Policy,
        what: &str,
    ) -> Way {
        let held = matches!(cause, Cause::Refused) && remedy(&step.handlers, &cause).is_some();
        if endless && !held && step.fallback.is_none() {
            let then = "it is tried until it succeeds, under the same key".to_owned();
            return Way { what: what.into(), then, undone: vec![], ends: "tries again".into() };
        }
        let mut way = self.now(step, cause, own, what);
        if policy.attempts != Some(1) {
            way.then = format!("after {}: {}", policy.words(), way.then);
        }
        way
    }

    /// A failure that stands.
    fn now(&mut self, step: &'p Step, cause: Cause, own: Option<&Undoing>, what: &str) -> Way {
        let what = what.to_owned();
        let unknown = cause == Cause::Unknown;
        let decided = |block| !matches!(leaves(block), Leaves::Fails(_));
        if unknown && step.pivot && !remedy(&step.handlers, &cause).is_some_and(decided) {
            let then = "the run waits until a person says whether it happened".to_owned();
            return Way { what, then, undone: Vec::new(), ends: "asks a person".into() };
        }
        if let Some(fallback) = &step.fallback {
            let then = format!("its fallback: {}", self.words.remedy(&fallback.body));
            let undone = own.into_iter().cloned().collect();
            return Way { what, then, undone, ends: "goes on".into() };
        }
        self.failing(&step.handlers, cause, own, &what)
    }

    fn crash(&self, step: &Step, read: bool) -> Way {
        let then = match (read, &step.idempotent, &step.probe, step.call.target) {
            (_, _, _, Target::Workflow(_)) => "the child is found again by its parent".to_owned(),
            (true, ..) => "it is read again".to_owned(),
            (_, Some(_), ..) => "it is sent again under the same key: one effect".to_owned(),
            (_, None, Some(probe), _) => {
                format!("`{}` is asked whether it happened", self.words.text(probe.value.call.span))
            }
            (_, None, None, _) => "nobody can ask again: its outcome is unknown".to_owned(),
        };
        let goes_on = read || step.idempotent.is_some() || step.probe.is_some();
        let ends = if goes_on { "goes on" } else { "unknown" };
        Way { what: "crash".into(), then, undone: Vec::new(), ends: ends.into() }
    }

    fn waived(&self, step: &Step) -> bool {
        let compensate = match &step.undo {
            crate::hir::Undo::None => return false,
            crate::hir::Undo::Contract(id) => self.words.program.actions[*id].compensate.as_ref(),
            crate::hir::Undo::Own(own) => Some(own),
        };
        compensate.is_some_and(|c| matches!(c.how, crate::hir::CompensateHow::Waived(_)))
    }

    /// Cancel and deadline. `waits` where nothing may strike before the outcome is known.
    pub(super) fn struck(&mut self, own: Option<&Undoing>, waits: bool) -> Vec<Way> {
        let mut kinds = vec![("cancel", "cancelled", "somebody cancels it")];
        if self.workflow.deadline.is_some() {
            kinds.push(("deadline", "failed deadline", "its deadline passes"));
        }
        let mut ways = Vec::new();
        for (what, ends, _) in kinds {
            if self.committed || self.after {
                let (then, ends) = match what {
                    "cancel" => ("it is too late to cancel: the run is finished", "goes on"),
                    _ => ("an alert; the run is finished all the same", "goes on"),
                };
                ways.push(Way {
                    what: what.into(),
                    then: then.into(),
                    undone: Vec::new(),
                    ends: ends.into(),
                });
                continue;
            }
            self.k.extend(
                own.map(|own| Undoing::perhaps(std::slice::from_ref(own))).into_iter().flatten(),
            );
            let mut undone = unwinding(&self.k, &self.frames, None);
            if own.is_some() {
                self.k.pop();
            }
            if waits && !undone.is_empty() {
                // X1: an outcome that cannot be undone is awaited first, and wins.
                undone = vec![Undoing::If { when: "it did not happen".into(), then: undone }];
            }
            let then = match (waits, undone.is_empty()) {
                (true, _) => {
                    "it waits for the outcome: if it happened, that wins; else everything is undone"
                }
                (false, true) => "the run stops; there is nothing to undo",
                (false, false) => "the run stops at the next boundary, and everything is undone",
            };
            ways.push(Way { what: what.into(), then: then.into(), undone, ends: ends.into() });
        }
        ways
    }
}
