//! One trace through both machines.

use crate::random::Random;
use sagaflow::codegen::{
    Arm, BranchEnd, Draw, Event, Failure, FailureKind, Frame, Json, Machine, Move, Next, Op,
    PointKind, Subscription, UndoSpec, Values, WorkflowSpec,
};
use sagaflow::time::Time;
use std::collections::BTreeSet;

/// Bound: resumes of one trace. A loop that waits for an event that never comes ends here.
const RESUMES_MAX: u32 = 400;

/// What a trace has seen, so that a test can ask whether anything was seen at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Resumes that both machines answered alike.
    pub resumes: u32,
    /// Of those, faults.
    pub faults: u32,
    /// Undo blocks that ran.
    pub undos: u32,
    /// Durable points that were resumed.
    pub points: BTreeSet<String>,
}

impl Stats {
    /// Adds another trace's.
    pub fn add(&mut self, other: Self) {
        self.resumes += other.resumes;
        self.faults += other.faults;
        self.undos += other.undos;
        self.points.extend(other.points);
    }
}

/// Compares the static tables of both machines.
///
/// # Errors
/// Where they differ.
pub fn tables(generated: &dyn Machine, interp: &dyn Machine) -> Result<(), String> {
    let json = |spec: &WorkflowSpec| serde_json::to_value(spec).map_err(|e| e.to_string());
    match json(generated.spec())? == json(interp.spec())? {
        true => Ok(()),
        false => Err(format!("the tables of `{}` differ", generated.spec().name)),
    }
}

/// Drives both machines from `start` through random events to the end, undo blocks and aftermath
/// included.
///
/// # Errors
/// Where they first differ, with the seed that repeats it.
pub fn compare(generated: &dyn Machine, interp: &dyn Machine, seed: u64) -> Result<Stats, String> {
    let mut trace = Trace {
        generated,
        interp,
        spec: generated.spec(),
        random: Random::new(seed),
        seed,
        undos: Vec::new(),
        stats: Stats::default(),
    };
    trace.run()?;
    Ok(trace.stats)
}

/// How a fiber ended.
enum Ended {
    With(Json),
    Failed(Failure),
    /// A fault in both machines, or the bound: nothing follows.
    Stuck,
}

/// An undo that was armed.
struct Undo {
    frame: Frame,
}

/// An open unit of a fiber.
struct Unit {
    frame: Frame,
    interrupts: Vec<Subscription>,
}

struct Trace<'m> {
    generated: &'m dyn Machine,
    interp: &'m dyn Machine,
    spec: &'m WorkflowSpec,
    random: Random,
    seed: u64,
    undos: Vec<Undo>,
    stats: Stats,
}

impl Trace<'_> {
    fn run(&mut self) -> Result<(), String> {
        let mut values = Values::new();
        for (name, ty) in &self.spec.params {
            values.insert(name.clone(), self.random.value(&self.spec.schema, ty));
        }
        let keys = (self.generated.key(&values).ok(), self.interp.key(&values).ok());
        if keys.0 != keys.1 {
            return Err(self.differ("key", &format!("{:?}", keys.0), &format!("{:?}", keys.1)));
        }
        let classes = (self.generated.classes(&values).ok(), self.interp.classes(&values).ok());
        if classes.0 != classes.1 {
            let classes = (format!("{:?}", classes.0), format!("{:?}", classes.1));
            return Err(self.differ("classes", &classes.0, &classes.1));
        }
        let indexed = (self.generated.indexed(&values).ok(), self.interp.indexed(&values).ok());
        if indexed.0 != indexed.1 {
            let indexed = (format!("{:?}", indexed.0), format!("{:?}", indexed.1));
            return Err(self.differ("indexed", &indexed.0, &indexed.1));
        }
        let start = Frame { at: "start".into(), iteration: Vec::new(), values: values.clone() };
        let ended = self.fiber(start, Event::Enter)?;
        for undo in std::mem::take(&mut self.undos).into_iter().rev() {
            self.stats.undos += 1;
            self.fiber(undo.frame, Event::Enter)?;
        }
        match ended {
            Ended::Failed(failure) if self.spec.aftermath => self.aftermath(&values, &failure),
            _ => Ok(()),
        }
    }

    fn aftermath(&mut self, params: &Values, failure: &Failure) -> Result<(), String> {
        let Some(point) = self.spec.points.get("after") else { return Ok(()) };
        let mut values = Values::new();
        for (name, ty) in &point.live {
            let value = match params.get(name) {
                Some(param) => param.clone(),
                None if name.contains("error") => failure.name.clone().into(),
                None => self.random.value(&self.spec.schema, ty),
            };
            values.insert(name.clone(), value);
        }
        let frame = Frame { at: "after".into(), iteration: Vec::new(), values };
        self.fiber(frame, Event::Enter).map(|_| ())
    }

    /// Runs one fiber to its end.
    fn fiber(&mut self, frame: Frame, event: Event) -> Result<Ended, String> {
        let mut units: Vec<Unit> = Vec::new();
        let mut failed: Option<Unit> = None;
        let (mut frame, mut event) = (frame, event);
        loop {
            let Some(answer) = self.resume(&frame, event)? else { return Ok(Ended::Stuck) };
            for op in answer.ops {
                match op {
                    Op::Enter { frame, interrupts } => units.push(Unit { frame, interrupts }),
                    Op::Leave { at } => {
                        let left = units.pop().map(|unit| unit.frame.at);
                        if left.as_deref() != Some(&at) {
                            return Err(format!("{at} is left where {left:?} is open"));
                        }
                    }
                    _ => {}
                }
            }
            let failure = match answer.next {
                Next::End(value) | Next::Return(value) => return Ok(Ended::With(value)),
                Next::Fail(failure) => failure,
                other => match self.happens(other, failed.as_ref())? {
                    Happens::Goes(to, with) => {
                        (frame, event) = self.perhaps_interrupted(&mut units, to, with);
                        continue;
                    }
                    Happens::Again(to) => {
                        // A person opens the unit again that has just failed.
                        units.extend(failed.take());
                        (frame, event) = (to, Event::Enter);
                        continue;
                    }
                    Happens::Fails(failure) => failure,
                    Happens::Stuck => return Ok(Ended::Stuck),
                },
            };
            let Some(unit) = units.pop() else { return Ok(Ended::Failed(failure)) };
            // A unit with `retry` is run again after it was undone; it is open again then. Every
            // unit's frame holds what its body begins with, so the others are begun again too.
            let likely = if self.retries(&unit.frame.at) { 2 } else { 5 };
            let again = self.random.one_in(likely);
            frame = unit.frame.clone();
            event = if again { Event::Enter } else { Event::Failed(failure) };
            match again {
                true => units.push(unit),
                false => failed = Some(unit),
            }
        }
    }

    fn retries(&self, at: &str) -> bool {
        match self.spec.points.get(at).map(|point| &point.kind) {
            Some(PointKind::Unit(unit)) => unit.retry.is_some(),
            _ => false,
        }
    }

    /// Both machines' answer to one event; nothing where both fault.
    fn resume(&mut self, frame: &Frame, event: Event) -> Result<Option<Move>, String> {
        if self.stats.resumes >= RESUMES_MAX {
            return Ok(None);
        }
        self.stats.resumes += 1;
        self.stats.points.insert(frame.at.clone());
        let now = Time(1_700_000_000_000 + i64::from(self.stats.resumes) * 977);
        let seed = [u8::try_from(self.stats.resumes % 251).unwrap_or_default(); 16];
        let mut draw = Draw::new(now, seed);
        let mut other = draw.clone();
        let generated = self.generated.resume(frame, event.clone(), &mut draw);
        let interp = self.interp.resume(frame, event.clone(), &mut other);
        match (generated, interp) {
            (Ok(a), Ok(b)) if a == b && draw.work == other.work => Ok(Some(a)),
            (Ok(a), Ok(b)) if a == b => {
                let (a, b) = (draw.work.to_string(), other.work.to_string());
                Err(self.differ(&format!("the work of {event:?} at {frame:?}"), &a, &b))
            }
            (Err(_), Err(_)) => {
                self.stats.faults += 1;
                Ok(None)
            }
            (a, b) => {
                let what = format!("{event:?} at {frame:?}");
                Err(self.differ(&what, &format!("{a:#?}"), &format!("{b:#?}")))
            }
        }
    }

    fn differ(&self, what: &str, generated: &str, interp: &str) -> String {
        let (name, seed) = (&self.spec.name, self.seed);
        format!(
            "`{name}`, seed {seed}: the machines differ on {what}\n\
             generated: {generated}\ninterpreter: {interp}"
        )
    }

    /// At a boundary an open unit's interrupt may come first.
    fn perhaps_interrupted(
        &mut self,
        units: &mut Vec<Unit>,
        frame: Frame,
        event: Event,
    ) -> (Frame, Event) {
        let at = units.iter().position(|unit| !unit.interrupts.is_empty());
        let Some(at) = at.filter(|_| self.random.one_in(4)) else { return (frame, event) };
        units.truncate(at + 1);
        let Some(unit) = units.pop() else { return (frame, event) };
        let index = self.random.below(unit.interrupts.len());
        let value = unit.interrupts.get(index).map(|it| self.payload(&it.event));
        let value = value.unwrap_or_default();
        // What the condition answers is compared too; the core would ask first.
        if self.matches(&unit.frame, index, &value).is_err() {
            return (frame, event);
        }
        (unit.frame, Event::Interrupt { index, value })
    }

    fn payload(&mut self, event: &str) -> Json {
        match self.spec.events.get(event) {
            Some(event) => self.random.object(&self.spec.schema, &event.fields, 0),
            None => Json::Null,
        }
    }

    fn matches(&mut self, frame: &Frame, index: usize, event: &Json) -> Result<bool, String> {
        let generated = self.generated.matches(frame, index, event).ok();
        let interp = self.interp.matches(frame, index, event).ok();
        match generated == interp {
            true => Ok(generated.unwrap_or_default()),
            false => {
                let what = format!("matches {index} of {event} at {frame:?}");
                Err(self.differ(&what, &format!("{generated:?}"), &format!("{interp:?}")))
            }
        }
    }

    /// What happens to a fiber that rests.
    fn happens(&mut self, next: Next, failed: Option<&Unit>) -> Result<Happens, String> {
        match next {
            Next::Call { frame, undo, .. } if self.transacts(&frame) => {
                self.transacted(frame, undo)
            }
            Next::Call { frame, undo, .. } => Ok(self.called(frame, undo)),
            Next::Wait { frame, arms, until } => self.waited(frame, &arms, until.is_some()),
            Next::Fork { frame, branches } => self.forked(frame, branches),
            Next::Manual { frame, .. } => {
                let again = failed.is_some_and(|unit| unit.frame == frame);
                Ok(self.asked(frame, again))
            }
            Next::End(_) | Next::Return(_) | Next::Fail(_) => Ok(Happens::Stuck),
        }
    }

    fn transacts(&self, frame: &Frame) -> bool {
        let kind = self.spec.points.get(&frame.at).map(|point| &point.kind);
        matches!(kind, Some(PointKind::Call(call)) if call.isolation.is_some())
    }

    /// A transaction: its block, and then what it came to.
    fn transacted(&mut self, frame: Frame, undo: Option<Values>) -> Result<Happens, String> {
        let undo_at = match self.spec.points.get(&frame.at).map(|point| &point.kind) {
            Some(PointKind::Call(call)) => match &call.undo {
                UndoSpec::Args(at) | UndoSpec::Result(at) => Some(at.clone()),
                UndoSpec::None | UndoSpec::Waived => None,
            },
            _ => None,
        };
        Ok(match self.fiber(frame.clone(), Event::Branch(0))? {
            Ended::With(bound) => {
                if let (Some(at), Some(mut values)) = (undo_at, undo) {
                    let known = bound.as_object().into_iter().flatten();
                    values.extend(known.map(|(name, value)| (name.clone(), value.clone())));
                    let iteration = frame.iteration.clone();
                    self.undos.push(Undo { frame: Frame { at, iteration, values } });
                }
                Happens::Goes(frame, Event::Done(bound))
            }
            Ended::Failed(failure) => Happens::Goes(frame, Event::Failed(failure)),
            Ended::Stuck => Happens::Stuck,
        })
    }

    fn called(&mut self, frame: Frame, undo: Option<Values>) -> Happens {
        let Some(PointKind::Call(call)) = self.spec.points.get(&frame.at).map(|it| &it.kind) else {
            return Happens::Stuck;
        };
        let result = match &call.result {
            Some(ty) => self.random.value(&self.spec.schema, ty),
            None => Json::Null,
        };
        if let Some(mut values) = undo {
            let at = match &call.undo {
                UndoSpec::Args(at) => Some(at),
                UndoSpec::Result(at) => {
                    values.insert("result".into(), result.clone());
                    Some(at)
                }
                UndoSpec::None | UndoSpec::Waived => None,
            };
            if let Some(at) = at {
                let iteration = frame.iteration.clone();
                self.undos.push(Undo { frame: Frame { at: at.clone(), iteration, values } });
            }
        }
        let event = match self.random.below(10) {
            0..6 => Event::Done(result),
            6 | 7 => Event::Failed(self.declared(&call.errors)),
            _ => Event::Failed(self.cause()),
        };
        Happens::Goes(frame, event)
    }

    fn declared(&mut self, errors: &[sagaflow::codegen::ErrorSpec]) -> Failure {
        let Some(error) = self.random.pick(errors) else { return self.cause() };
        let payload = match error.fields.is_empty() {
            true => Json::Null,
            false => self.random.object(&self.spec.schema, &error.fields, 0),
        };
        let (kind, name) = (FailureKind::Declared, error.name.clone());
        Failure { kind, name, payload, step: "a/step".into() }
    }

    fn cause(&mut self) -> Failure {
        use FailureKind as K;
        let kinds = [K::Refused, K::Timeout, K::Unknown, K::Exhausted, K::Lost];
        let kind = self.random.pick(&kinds).copied().unwrap_or(K::Unknown);
        Failure { kind, name: String::new(), payload: Json::Null, step: "a/step".into() }
    }

    fn waited(&mut self, frame: Frame, arms: &[Arm], bounded: bool) -> Result<Happens, String> {
        if bounded && self.random.one_in(4) {
            return Ok(Happens::Goes(frame, Event::Timeout));
        }
        let index = self.random.below(arms.len());
        let value = match arms.get(index) {
            Some(Arm::Task { task, .. }) => match self.spec.tasks.get(task) {
                Some(task) => self.random.value(&self.spec.schema, &task.answer),
                None => Json::Null,
            },
            Some(Arm::Event(subscription)) => {
                let value = self.payload(&subscription.event);
                self.matches(&frame, index, &value)?;
                value
            }
            _ => Json::Null,
        };
        Ok(Happens::Goes(frame, Event::Arm { index, value }))
    }

    fn forked(&mut self, frame: Frame, branches: u32) -> Result<Happens, String> {
        let settle = match self.spec.points.get(&frame.at).map(|it| &it.kind) {
            Some(PointKind::Fork(fork)) => fork.settle,
            _ => false,
        };
        let (mut ends, mut failed) = (Vec::new(), None);
        for branch in 0..branches {
            match self.fiber(frame.clone(), Event::Branch(branch))? {
                Ended::With(value) => ends.push(BranchEnd::Ok(value)),
                Ended::Failed(failure) if settle => ends.push(BranchEnd::Failed(failure)),
                Ended::Failed(failure) => failed = failed.or(Some(failure)),
                Ended::Stuck => return Ok(Happens::Stuck),
            }
        }
        Ok(match failed {
            Some(failure) => Happens::Fails(failure),
            None => Happens::Goes(frame, Event::Joined(ends)),
        })
    }

    /// A person answers: at a call's own frame with the step's outcome, about a block with its value,
    /// with an error that it handles, or that it is to be done again.
    fn asked(&mut self, frame: Frame, again: bool) -> Happens {
        let Some(point) = self.spec.points.get(&frame.at) else { return Happens::Stuck };
        let event = match (&point.kind, &point.ask) {
            (_, Some(ask)) if again && ask.again && self.random.one_in(4) => {
                return Happens::Again(frame);
            }
            (_, Some(ask)) if !ask.errors.is_empty() && self.random.one_in(4) => {
                Event::Failed(self.declared(&ask.errors))
            }
            (_, Some(ask)) => Event::Answer(match &ask.answer {
                Some(ty) => self.random.value(&self.spec.schema, ty),
                None => Json::Null,
            }),
            (PointKind::Call(call), None) => match &call.result {
                _ if self.random.one_in(3) => Event::Failed(self.declared(&call.errors)),
                Some(ty) => Event::Done(self.random.value(&self.spec.schema, ty)),
                None => Event::Done(Json::Null),
            },
            _ => Event::Answer(Json::Null),
        };
        Happens::Goes(frame, event)
    }
}

/// What happens to a resting fiber.
enum Happens {
    Goes(Frame, Event),
    /// The unit of this frame, which failed, is done again.
    Again(Frame),
    Fails(Failure),
    Stuck,
}
