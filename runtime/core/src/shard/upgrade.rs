//! `upgrade from`: a run goes on with a newer version, at once and altogether, or stays as it is.
//!
//! ```text
//!  old frames ──adopt──► new frames        one record: Upgraded, the version, every frame
//!  calls, waits, timers, branches, undos, keys, generations: as they were recorded
//! ```
//!
//! Promises: what was recorded stands, so nothing is called under another key and nothing is asked
//! twice; a run that cannot move altogether does not move at all, and says why. Whether the two
//! programs fit was found when the new one was compiled; what is looked at here is where the run is.
//!
//! Must not: move a run of which something is being undone or stopped. What is undone then began under
//! the old version, and ends there.

use super::input::{Actor, Answer};
use super::turn::Turn;
use super::unit::may_run_again;
use crate::codegen::{Frame, Machine, Misplaced, UpgradeSpec, Values, WorkflowSpec};
use crate::journal::Happened;
use crate::run::{Fiber, FiberId, Happening, Mode, Phase, State, Unit};
use std::mem::discriminant;
use std::sync::Arc;

/// Why a run stays on its version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stays {
    /// There is none newer.
    #[error("it is on v{0}, and there is none newer here")]
    Newest(u32),
    /// The newest version does not say that its runs may move there.
    #[error(
        "v{to} says nothing of runs of v{from} (`upgrade from v{from}`), or of another v{from}"
    )]
    NotTaken {
        /// Its version.
        from: u32,
        /// The newest one.
        to: u32,
    },
    /// Something is being undone or stopped, or the outcome is decided.
    #[error("it is being undone or stopped, and ends that on its version")]
    Unwinding,
    /// A transaction is with its database.
    #[error("the transaction `{0}` is with its database; ask again when it has ended")]
    Busy(String),
    /// It rests where no run moves.
    #[error("no run moves at `{0}`")]
    Nowhere(String),
    /// Calls of a part of it are not remembered, as it never runs again, and the newest version would run
    /// it again.
    #[error("`{0}` began as a part that never runs again, and might run again")]
    Once(String),
    /// A value that it would be given cannot be made.
    #[error("at `{at}`: {why}")]
    Value {
        /// The durable point.
        at: String,
        /// In words, without the value.
        why: String,
    },
    /// Its records were gathered in another way.
    #[error("its batch was gathered for another parameter")]
    Batch,
}

impl Stays {
    /// One word for it, for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Newest(_) => "newest",
            Self::NotTaken { .. } => "not_taken",
            Self::Unwinding => "unwinding",
            Self::Busy(_) => "busy",
            Self::Nowhere(_) => "nowhere",
            Self::Once(_) => "once",
            Self::Value { .. } => "value",
            Self::Batch => "batch",
        }
    }
}

/// A run as the new version holds it.
struct Moved {
    fibers: Vec<(FiberId, Fiber)>,
    given: Values,
}

impl Turn<'_> {
    /// Moves the run to the newest version, or says why it stays.
    pub(super) fn upgrade(
        &mut self,
        newest: Option<Arc<dyn Machine>>,
        dry_run: bool,
        actor: &Actor,
        reason: String,
    ) -> Answer {
        let Some(newest) = newest else { return Answer::NoWorkflow };
        if self.run.state.ended() {
            return Answer::TooLate;
        }
        let moved = match self.moved(newest.as_ref()) {
            Ok(moved) => moved,
            Err(stays) => return Answer::Stays(stays),
        };
        if dry_run {
            return Answer::Done;
        }
        let (from, to) = (self.run.state.origin().version, newest.spec().version);
        // Crash: the version and every frame are in one record. Before its commit the run is on the old
        // version, and after it on the new one, whoever recovers it.
        self.note(Happened::Upgraded { from, to, actor: actor.name.clone(), reason });
        let state = self.state();
        state.pin(to, newest.spec().hash.clone());
        for (id, fiber) in moved.fibers {
            state.put_fiber(id, fiber);
        }
        if !moved.given.is_empty() {
            state.head_mut().given.extend(moved.given);
        }
        self.run.machine = Some(newest);
        // Its row names the version.
        self.run.row = None;
        // What came before may fit a condition of the new version, as it would after a crash.
        self.look_for_events();
        self.timers();
        Answer::Done
    }

    fn moved(&self, newest: &dyn Machine) -> Result<Moved, Stays> {
        let state = &self.run.state;
        let (origin, head, spec) = (state.origin(), state.head(), newest.spec());
        let (from, to) = (origin.version, spec.version);
        if (from, &origin.hash) == (to, &spec.hash) || from > to {
            return Err(Stays::Newest(from));
        }
        let clause = spec.upgrades.iter().find(|one| (one.from, &one.hash) == (from, &origin.hash));
        let clause = clause.ok_or(Stays::NotTaken { from, to })?;
        let Some(machine) = self.machine() else { return Err(Stays::NotTaken { from, to }) };
        if head.mode != Mode::Forward || head.cause.is_some() || head.pending.is_some() {
            return Err(Stays::Unwinding);
        }
        if origin.gathered.is_some() && gathers(machine.spec()) != gathers(spec) {
            return Err(Stays::Batch);
        }
        // What never changes; a parameter that came with another version is beside it.
        let mut input = origin.input.values();
        input.extend(head.given.clone());
        let tables = Tables { old: machine.spec(), clause, newest, input };
        let fibers = state.fibers().iter().map(|(id, fiber)| Ok((*id, tables.fiber(fiber)?)));
        Ok(Moved { fibers: fibers.collect::<Result<_, Stays>>()?, given: tables.given()? })
    }
}

/// By which parameter batches are taken, and how records are kept.
fn gathers(spec: &WorkflowSpec) -> Option<(&str, bool)> {
    spec.gathers().map(|(trigger, gather)| (trigger.param.as_str(), gather.whole))
}

fn stays(at: &str, why: Misplaced) -> Stays {
    let at = at.to_owned();
    match why {
        Misplaced::Point => Stays::Nowhere(at),
        Misplaced::Value(why) => Stays::Value { at, why },
    }
}

/// Both versions.
struct Tables<'a> {
    old: &'a WorkflowSpec,
    clause: &'a UpgradeSpec,
    newest: &'a dyn Machine,
    /// What the run was started with, and was given since.
    input: Values,
}

impl Tables<'_> {
    /// What stands beside the input from now on: where the aftermath begins, and where a version after
    /// this one wants it.
    fn given(&self) -> Result<Values, Stays> {
        let spec = self.newest.spec();
        let mut given = Values::new();
        for at in ["start", "after"].into_iter().filter(|at| spec.points.contains_key(*at)) {
            let begin = Frame { at: at.to_owned(), ..Frame::default() };
            given.extend(self.adopt(&begin)?.values);
        }
        given.retain(|name, value| self.input.get(name) != Some(value));
        Ok(given)
    }

    fn adopt(&self, frame: &Frame) -> Result<Frame, Stays> {
        let adopted = self.clause.adopt(self.newest, &self.input, frame);
        adopted.map_err(|why| stays(&frame.at, why))
    }

    fn fiber(&self, fiber: &Fiber) -> Result<Fiber, Stays> {
        // Invariant: only what runs the program itself is moved, and nothing that is to be still.
        if !fiber.kind.program() || fiber.stop.is_some() {
            return Err(Stays::Unwinding);
        }
        let mut moved = fiber.clone();
        match &mut moved.state {
            State::Unwind(_) | State::Still => return Err(Stays::Unwinding),
            State::Join(join) if join.failed.is_some() => return Err(Stays::Unwinding),
            // Nothing goes on from there; what it gave was recorded.
            State::Ended(_) => return Ok(moved),
            State::Call(call) => {
                let busy = matches!(call.phase, Phase::Sent | Phase::Asked { .. });
                if busy && self.is_transaction(&call.at) {
                    return Err(Stays::Busy(call.path.clone()));
                }
            }
            // It has not begun, and has no frame of its own: it will begin in its fork's.
            State::Ready(ready) if matches!(ready.event, Happening::Branch(_)) => {
                self.same_point(&moved.frame.at)?;
                return Ok(moved);
            }
            State::Ready(ready) => ready.unit.iter_mut().try_for_each(|unit| self.unit(unit))?,
            State::Manual(manual) => manual.unit.iter_mut().try_for_each(|unit| self.unit(unit))?,
            State::Wait(_) | State::Join(_) | State::Again { .. } => {}
        }
        self.frame(&mut moved.frame)?;
        moved.units.iter_mut().try_for_each(|unit| self.unit(unit))?;
        Ok(moved)
    }

    /// A block that is open, or has failed.
    ///
    /// Invariant: what may run again has remembered which keys its calls have spent, from its beginning.
    fn unit(&self, unit: &mut Unit) -> Result<(), Stays> {
        self.frame(&mut unit.frame)?;
        let at = &unit.frame.at;
        let again = self.newest.spec().points.get(at).is_some_and(may_run_again);
        if again && !unit.again { Err(Stays::Once(at.clone())) } else { Ok(()) }
    }

    /// Whether a call of this point runs a block in a database, which the old version computes.
    fn is_transaction(&self, at: &str) -> bool {
        Turn::call_spec_of(self.old, at).is_some_and(|spec| spec.isolation.is_some())
    }

    fn frame(&self, frame: &mut Frame) -> Result<(), Stays> {
        self.same_point(&frame.at)?;
        *frame = self.adopt(frame)?;
        Ok(())
    }

    fn same_point(&self, at: &str) -> Result<(), Stays> {
        let same = match (self.old.points.get(at), self.newest.spec().points.get(at)) {
            // Invariant: the path is part of every key, so it stays.
            (Some(old), Some(new)) => {
                old.path == new.path && discriminant(&old.kind) == discriminant(&new.kind)
            }
            _ => false,
        };
        // A point without a row in the clause is the same and does not fit all the same.
        if same && self.clause.points.contains_key(at) {
            Ok(())
        } else {
            Err(Stays::Nowhere(at.to_owned()))
        }
    }
}
