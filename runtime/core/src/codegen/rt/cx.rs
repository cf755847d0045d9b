//! One resume: what is drawn, done on the way, and where in the loops the fiber is.

use super::{
    BranchEnd, Draw, Event, Fault, Frame, Json, Leave, Move, Next, Op, Outcome, TURN, Time, Work,
    WorkflowSpec, fault, json,
};
use crate::codegen::Subscription;
use serde::de::DeserializeOwned;

/// The state of one resume.
pub struct Cx<'a> {
    /// The workflow's tables.
    pub spec: &'a WorkflowSpec,
    /// Recorded clock and entropy.
    pub draw: &'a mut Draw,
    /// Done so far.
    pub ops: Vec<Op>,
    /// How the step is left.
    pub leave: Leave,
    /// Indexes of the enclosing loops.
    pub iteration: Vec<u32>,
    /// Counted so far.
    pub work: Work,
}

impl<'a> Cx<'a> {
    /// Begins at a frame.
    pub fn new(spec: &'a WorkflowSpec, frame: &Frame, draw: &'a mut Draw) -> Self {
        let iteration = frame.iteration.clone();
        Self { spec, draw, ops: Vec::new(), leave: Leave::GoOn, iteration, work: Work::new() }
    }

    /// Checks that the frame has as many indexes as its point has loops around it.
    ///
    /// # Errors
    /// A fault where it has not.
    pub fn check(&self, depth: usize) -> Result<(), Fault> {
        match self.iteration.len() == depth {
            true => Ok(()),
            false => Err(fault("a frame's iteration does not fit its point")),
        }
    }

    /// The index of the innermost loop.
    #[must_use]
    pub fn turn(&self) -> u32 {
        self.iteration.last().copied().unwrap_or_default()
    }

    /// Enters a loop at this index.
    pub fn enter(&mut self, index: u32) {
        self.iteration.push(index);
    }

    /// The next turn of the loop at `depth`, inner loops left.
    ///
    /// # Errors
    /// A fault after the last index there is, and where a program runs for too long without a durable
    /// point.
    pub fn next_turn(&mut self, depth: usize) -> Result<(), Fault> {
        self.work.spend(TURN)?;
        self.iteration.truncate(depth);
        let next = self.turn().checked_add(1).ok_or_else(|| fault("a loop has too many turns"))?;
        if let Some(last) = self.iteration.last_mut() {
            *last = next;
        }
        Ok(())
    }

    /// Leaves loops until only `depth` are around.
    pub fn outside(&mut self, depth: usize) {
        self.iteration.truncate(depth);
    }

    /// Leaves a unit.
    pub fn left(&mut self, at: &str) {
        self.ops.push(Op::Leave { at: at.to_owned() });
    }

    /// The recorded time.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.draw.now.0)
    }

    /// The move.
    #[must_use]
    pub fn finish(self, next: Next) -> Move {
        self.draw.work = self.work.spent();
        Move { leave: self.leave, ops: self.ops, next }
    }
}

/// When a wait ends: after a duration, or at a time.
pub trait Until {
    /// The instant.
    fn until(self, now: crate::time::Time) -> crate::time::Time;
}

impl Until for super::DurationMs {
    fn until(self, now: crate::time::Time) -> crate::time::Time {
        now.plus(self.0)
    }
}

impl Until for Time {
    fn until(self, _now: crate::time::Time) -> crate::time::Time {
        crate::time::Time(self.0)
    }
}

/// A subscription by the text its key must have.
#[must_use]
pub fn subscription(event: &str, key: String, fresh: bool) -> Subscription {
    Subscription { event: event.to_owned(), key, fresh }
}

/// How many branches a `parallel each` has.
///
/// # Errors
/// A fault where nobody could count them.
pub fn branches<T>(items: &[T]) -> Result<u32, Fault> {
    u32::try_from(items.len()).map_err(|_| fault("too many branches"))
}

/// The fault of an event that does not fit where the fiber rests.
#[must_use]
pub fn unfit(at: &str, event: &Event) -> Fault {
    let word = match event {
        Event::Enter => "enter",
        Event::Branch(_) => "branch",
        Event::Done(_) => "done",
        Event::Failed(_) => "failed",
        Event::Arm { .. } => "arm",
        Event::Timeout => "timeout",
        Event::Joined(_) => "joined",
        Event::Answer(_) => "answer",
        Event::Interrupt { .. } => "interrupt",
    };
    fault(&format!("`{word}` does not go on from `{at}`"))
}

/// What branch `index` of a `parallel { }` bound.
///
/// # Errors
/// A fault where the branch is missing or failed.
pub fn fixed(ends: &[BranchEnd], index: usize) -> Result<&Json, Fault> {
    match ends.get(index) {
        Some(BranchEnd::Ok(bound)) => Ok(bound),
        _ => Err(fault("a branch that was joined has no value")),
    }
}

/// A name that a branch bound.
///
/// # Errors
/// A fault where it is missing or does not fit.
pub fn joined<T: DeserializeOwned>(bound: &Json, name: &str) -> Result<T, Fault> {
    json::field(bound, name)
}

/// What the turns of a `parallel each` gave.
///
/// # Errors
/// A fault where one failed or does not fit.
pub fn each<T: DeserializeOwned>(ends: &[BranchEnd]) -> Result<Vec<T>, Fault> {
    (0..ends.len()).map(|index| json::decode(fixed(ends, index)?, "a turn's value")).collect()
}

/// How the turns of a `parallel each … settle` ended.
///
/// # Errors
/// A fault where a value does not fit.
pub fn settled<T: DeserializeOwned>(ends: Vec<BranchEnd>) -> Result<Vec<Outcome<T>>, Fault> {
    ends.into_iter().map(settled_turn).collect()
}

/// How one turn ended.
///
/// # Errors
/// A fault where its value does not fit.
pub fn settled_turn<T: DeserializeOwned>(end: BranchEnd) -> Result<Outcome<T>, Fault> {
    match end {
        BranchEnd::Ok(value) => json::decode(&value, "a turn's value").map(Outcome::Ok),
        BranchEnd::Failed(failure) => Ok(Outcome::of(failure)),
    }
}
