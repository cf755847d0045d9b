//! Outcomes that a person decides: of a step that is asked about, parked or unresolved, and of an
//! undo that is stuck (Q1, U2, verdict 6).

use super::input::{Actor, Answer, Resolution};
use super::turn::Turn;
use super::undo::Ending;
use crate::codegen::{AskSpec, Class, Failure, FailureKind, PointKind};
use crate::journal::Happened;
use crate::run::{Call, Fiber, FiberId, Happening, Hold, Phase, Ready, State, Unit};

/// Verdict 6.
const AFTER_COMMIT: &str = "after the commit only a result can be answered, or to ask again";

/// C9.
const ROW: &str =
    "a transaction's outcome row says what came of it: answer `again`, and it is asked";

impl Turn<'_> {
    /// Says what came of the step or undo at a path.
    pub(super) fn resolve(
        &mut self,
        path: &str,
        outcome: Resolution,
        actor: &Actor,
        reason: String,
    ) -> Answer {
        let found = self.run.state.fibers().iter().find_map(|(id, fiber)| {
            let undo = fiber.kind.undoes().and_then(|node| self.entry(node));
            let parked = fiber.fault().is_some() || matches!(fiber.state, State::Manual(_));
            let here = fiber.call().is_some_and(|call| call.path == path)
                || self.path(*id) == path
                || undo.is_some_and(|entry| {
                    entry.path == path || format!("{}/undo", entry.path) == path
                });
            let open = parked || fiber.call().is_some_and(|call| call.unresolved);
            (here && open).then(|| (*id, fiber.clone()))
        });
        let Some((id, fiber)) = found else { return Answer::NotFound };
        let answer = match fiber.kind.undoes() {
            Some(node) if fiber.fault().is_some() => {
                self.resolve_undo(id, node, outcome, (actor, &reason))
            }
            _ => self.resolve_step(id, &fiber, outcome),
        };
        if answer == Answer::Done {
            self.note(Happened::Resolved {
                path: path.to_owned(),
                actor: actor.name.clone(),
                reason,
            });
        }
        answer
    }

    /// U2: retry, mark done, or give up.
    fn resolve_undo(
        &mut self,
        id: FiberId,
        node: u64,
        outcome: Resolution,
        (actor, reason): (&Actor, &str),
    ) -> Answer {
        match outcome {
            Resolution::Again => {
                self.retry_fiber(id);
                Answer::Done
            }
            Resolution::Ok(_) => {
                self.undo_ended(id, Ending::Done);
                Answer::Done
            }
            Resolution::GiveUp => {
                let path = self.entry(node).map(|entry| entry.path.clone()).unwrap_or_default();
                let (actor, reason) = (actor.name.clone(), reason.to_owned());
                let (by, why) = (actor.clone(), reason.clone());
                self.note(Happened::GaveUp { path, actor, reason });
                self.undo_ended(id, Ending::GivenUp { actor: by, reason: why });
                Answer::Done
            }
            Resolution::Failed { .. } => {
                Answer::Refused("an undo is retried, marked done, or given up".to_owned())
            }
        }
    }

    fn resolve_step(&mut self, id: FiberId, fiber: &Fiber, outcome: Resolution) -> Answer {
        // A question about the step or block is answered by this.
        let asked = matches!(fiber.state, State::Manual(_));
        let ask = self.ask_spec(&fiber.frame.at).filter(|_| asked);
        let settled = match (fiber.call(), ask) {
            (Some(call), _) => self.settle_call(id, Box::new(call.clone()), outcome),
            (None, Some(ask)) => {
                let unit = fiber.failed_unit().map(|unit| Box::new(unit.clone()));
                self.settle_block(id, unit, &ask, outcome)
            }
            (None, None) => {
                Err(Answer::Refused("no step waits for an outcome at this path".to_owned()))
            }
        };
        match settled {
            Ok(()) => {
                if asked {
                    self.withdraw(fiber);
                }
                self.close_fault(fiber, "resolved");
                Answer::Done
            }
            Err(answer) => answer,
        }
    }

    /// Gives a call the outcome a person says, after checking it against the contract.
    pub(super) fn settle_call(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        outcome: Resolution,
    ) -> Result<(), Answer> {
        let machine = self.machine();
        let spec = machine.as_ref().and_then(|m| Self::call_spec(m.as_ref(), &call.at));
        let Some(spec) = spec else { return Err(Answer::NotFound) };
        let says = matches!(outcome, Resolution::Ok(_) | Resolution::Failed { .. });
        let block = spec.isolation.is_some() && matches!(outcome, Resolution::Ok(_));
        if spec.class == Class::Tx && says && (call.unresolved || block) {
            // C9: its row says what came of it, and an attempt may still write that row.
            return Err(Answer::Refused(ROW.to_owned()));
        }
        match outcome {
            Resolution::Ok(value) => {
                let value = self
                    .decode(spec.result.as_ref(), &value)
                    .map_err(|expected| Answer::Mismatch { path: "ok".to_owned(), expected })?;
                self.happened(id, call, spec, value);
            }
            Resolution::Failed { name, payload } => {
                if self.run.state.head().committed && !spec.commits {
                    return Err(Answer::Refused(AFTER_COMMIT.to_owned()));
                }
                let mut failure = self
                    .declared_failure(spec, &name, &payload)
                    .map_err(|expected| Answer::Mismatch { path: "failed".to_owned(), expected })?;
                failure.step.clone_from(&call.path);
                call.unresolved = false;
                self.note_declared(&call, spec, &failure);
                self.known_not(id, call, Some(failure));
            }
            Resolution::Again => {
                let expired = call.first_sent.zip(spec.key_for_ms);
                let expired = expired.is_some_and(|(at, good)| self.now.since(at) > good);
                if call.unresolved && !spec.idempotent && call.probe.is_none() {
                    let why = "the step may not be repeated: say what its outcome is";
                    return Err(Answer::Refused(why.to_owned()));
                }
                if call.unresolved && expired && call.probe.is_none() {
                    let why = "its key has expired: say what its outcome is";
                    return Err(Answer::Refused(why.to_owned()));
                }
                if !call.unresolved {
                    self.new_generation(id, &mut call, spec);
                }
                self.send_again(id, call);
            }
            Resolution::GiveUp => {
                return Err(Answer::Refused("only an undo can be given up".to_owned()));
            }
        }
        Ok(())
    }

    /// Goes on from a block, fallback or wait with what a person says came of it. `unit` is the one
    /// that failed; where there is none, only a value can be said.
    pub(super) fn settle_block(
        &mut self,
        id: FiberId,
        unit: Option<Box<Unit>>,
        ask: &AskSpec,
        outcome: Resolution,
    ) -> Result<(), Answer> {
        let refused = |why: &str| Err(Answer::Refused(why.to_owned()));
        let mut failed = None;
        let event = match (outcome, unit) {
            (Resolution::Ok(value), _) => {
                let value = self
                    .decode(ask.answer.as_ref(), &value)
                    .map_err(|expected| Answer::Mismatch { path: "ok".to_owned(), expected })?;
                Happening::Answer(value)
            }
            (Resolution::Failed { .. }, _) if self.run.state.head().committed => {
                return refused(AFTER_COMMIT);
            }
            (Resolution::Failed { name, payload }, Some(unit)) => {
                let Some(error) = ask.errors.iter().find(|error| error.name == name) else {
                    return refused(
                        "only an error that a handler of the block takes can be answered",
                    );
                };
                let payload = self
                    .decode_fields(error, &payload)
                    .map_err(|expected| Answer::Mismatch { path: "failed".to_owned(), expected })?;
                let step = self.path(id);
                // Its handlers may ask about the same unit once more.
                failed = Some(unit);
                Happening::Failed(Failure { kind: FailureKind::Declared, name, payload, step })
            }
            (Resolution::Again, Some(unit)) if ask.again => {
                self.reopen_unit(id, *unit);
                return Ok(());
            }
            (Resolution::Again, Some(_)) => {
                return refused("it may not be repeated: a write in it has no undo");
            }
            (Resolution::Failed { .. } | Resolution::Again, None) => {
                return refused("only its value can be answered here: `{\"ok\": …}`");
            }
            (Resolution::GiveUp, _) => return refused("only an undo can be given up"),
        };
        let queue = self.waits_for_place(id);
        self.ready(id, event);
        if let Some(Fiber { state: State::Ready(ready), .. }) = self.state().fiber_mut(id) {
            ready.unit = failed;
        }
        if queue {
            self.hold(id, Hold::Place);
        }
        Ok(())
    }

    /// Sends a call with its policy granted anew.
    fn send_again(&mut self, id: FiberId, mut call: Box<Call>) {
        call.next = call.attempt + 1;
        call.granted = call.attempt;
        call.began = self.now;
        call.phase = Phase::Backoff { until: self.now };
        self.durable = true;
        let machine = self.machine();
        let spec = machine.as_ref().and_then(|m| Self::call_spec(m.as_ref(), &call.at)).cloned();
        match spec {
            Some(spec) if call.unresolved && !spec.idempotent => {
                self.ask_probe(id, call, &spec, 1);
            }
            _ => {
                self.put_call(id, call);
                self.send(id);
            }
        }
    }

    /// Tries again what a fiber is parked with: the same intent, or the same move.
    pub(super) fn retry_fiber(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id).cloned() else { return };
        if fiber.fault().is_none() {
            return;
        }
        self.close_fault(&fiber, "retried");
        match (fiber.state, fiber.kind.undoes()) {
            (State::Call(call), _) => self.send_again(id, call),
            (State::Wait(mut wait), _) => {
                wait.fault = None;
                if let Some(fiber) = self.state().fiber_mut(id) {
                    fiber.state = State::Wait(wait);
                }
                self.check_wait(id);
            }
            (
                State::Ready(Ready { held: Hold::Fault(_), event: Happening::Failed(_), .. }),
                Some(node),
            ) => {
                // The undo block has failed as a whole: it begins again.
                if let Some(fiber) = self.state().fiber_mut(id) {
                    fiber.units.clear();
                }
                self.begin_undo(id, node);
            }
            _ => self.release(id),
        }
    }

    /// The call a question is about where its outcome is known: the frame rests at its point.
    pub(super) fn call_at_rest(&mut self, id: FiberId, path: &str) -> Option<Box<Call>> {
        let machine = self.machine()?;
        let fiber = self.run.state.fiber(id)?;
        let point = machine.spec().points.get(&fiber.frame.at)?;
        if !matches!(point.kind, PointKind::Call(_)) {
            return None;
        }
        fiber.call().filter(|call| call.path == path).map(|call| Box::new(call.clone()))
    }
}
