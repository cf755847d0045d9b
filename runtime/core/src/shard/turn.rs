//! One transition of one run: what all kinds of transition share.
//!
//! A turn collects fibers whose next move is due, lets the machine make those moves until every fiber
//! rests, and closes at most one record with everything that changed. So a start is merged with the
//! first intent, a result with the next one, the last result with the end.

use super::Run;
use super::event::Events;
use super::guard::Guards;
use super::indexed::put_row;
use super::interest::Interests;
use super::output::{Effect, Notice, Outgoing, Output, Send};
use super::reject::Left;
use super::step::About;
use crate::codegen::{CallSpec, Draw, Machine, Point, PointKind, WorkflowSpec};
use crate::id::{Place, RunId};
use crate::journal::{self, EventBody, Happened, Record, Snapshot};
use crate::limits;
use crate::port::{ItemRow, JournalRow, RunRow};
use crate::run::{Fiber, FiberId, Happening, Hold, Kind, Mark, Mode, Ready, RunState, State};
use crate::status::Status;
use crate::time::Time;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;

/// One transition in the making.
pub(super) struct Turn<'a> {
    pub(super) now: Time,
    pub(super) id: RunId,
    pub(super) run: Box<Run>,
    /// The whole node is.
    pub(super) paused: bool,
    pub(super) guards: &'a mut Guards,
    pub(super) events: &'a Events,
    pub(super) interest: &'a Interests,
    pub(super) place: Place,
    pub(super) out: &'a mut Output,
    /// Fibers whose next move is due.
    pub(super) queue: VecDeque<FiberId>,
    /// Something happened that must be recorded before anything leaves.
    pub(super) durable: bool,
    pub(super) sends: Vec<Send>,
    pub(super) notices: Vec<Notice>,
    pub(super) emitted: Vec<EventBody>,
    /// A dead letter was opened.
    pub(super) letters: bool,
    /// The records of the run's batch that were not rejected, once they were looked at.
    pub(super) left: Option<Left>,
}

/// A finished transition.
pub(super) struct Closed {
    pub(super) run: Box<Run>,
    pub(super) emitted: Vec<EventBody>,
}

impl Turn<'_> {
    pub(super) fn state(&mut self) -> &mut RunState {
        &mut self.run.state
    }

    pub(super) fn machine(&self) -> Option<Arc<dyn Machine>> {
        self.run.machine.clone()
    }

    /// Writes a line of history, which makes the turn a record.
    pub(super) fn note(&mut self, happened: Happened) {
        self.durable = true;
        self.run.happened.push(happened);
    }

    /// Writes a line of history that can wait for the next record: a quick read.
    pub(super) fn note_quietly(&mut self, happened: Happened) {
        self.run.happened.push(happened);
    }

    /// Entropy and time of the record that is being made.
    pub(super) fn draw(&mut self) -> &mut Draw {
        let (id, number, now) = (self.id, self.run.state.number() + 1, self.now);
        let draw = self.run.draw.get_or_insert_with(|| Draw::new(now, seed(id, number)));
        draw.now = now;
        draw
    }

    /// The path of a fiber's durable point, with indexes.
    pub(super) fn path_of(&self, spec: &WorkflowSpec, fiber: &Fiber) -> String {
        path(spec.points.get(&fiber.frame.at), &fiber.frame)
    }

    /// The same, by id.
    pub(super) fn path(&self, id: FiberId) -> String {
        let (Some(fiber), Some(machine)) = (self.run.state.fiber(id), &self.run.machine) else {
            return String::new();
        };
        self.path_of(machine.spec(), fiber)
    }

    /// Makes a fiber's next move due.
    pub(super) fn ready(&mut self, id: FiberId, event: Happening) {
        self.ready_with(id, event, None);
    }

    /// The same, with the call whose outcome the handler decides about.
    pub(super) fn ready_with(
        &mut self,
        id: FiberId,
        event: Happening,
        call: Option<Box<crate::run::Call>>,
    ) {
        if let Some(fiber) = self.run.state.fiber_mut(id) {
            fiber.state = State::Ready(Ready { event, call, unit: None, held: Hold::Now });
            self.queue.push_back(id);
        }
    }

    /// Lets every fiber move until it rests, and the run draw its consequences.
    pub(super) fn drain(&mut self) {
        let mut moves = 0;
        loop {
            while let Some(id) = self.queue.pop_front() {
                moves += 1;
                if moves > limits::MOVES_PER_RECORD {
                    self.fault(id, "it goes on without ever reaching a durable point");
                } else {
                    self.go(id);
                }
            }
            if !(self.take_cause() || self.settle()) {
                return;
            }
        }
    }

    /// Makes the due move of one fiber, unless a boundary holds it.
    fn go(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        if !matches!(&fiber.state, State::Ready(Ready { held: Hold::Now, .. })) {
            return;
        }
        if fiber.stop.is_some() {
            return self.still(id);
        }
        if self.held_for(id) {
            return self.hold(id, Hold::Boundary);
        }
        let Some(machine) = self.machine() else { return };
        let mut draw = self.draw().clone();
        // Whatever comes of the move, its fiber is in the record.
        let Some(fiber) = self.run.state.fiber_mut(id) else { return };
        let State::Ready(ready) = &fiber.state else { return };
        let (event, kind) = (ready.event.clone(), fiber.kind.clone());
        let about = About { call: ready.call.clone(), unit: ready.unit.clone() };
        let begins = match (&event, kind) {
            (Happening::Branch(_), Kind::Branch { parent, .. }) => parent,
            _ => id,
        };
        let Some(Fiber { frame, .. }) = self.run.state.fiber(begins) else { return };
        let answer = machine.resume(frame, event.into(), &mut draw);
        self.run.draw = Some(draw);
        match answer {
            Ok(step) => self.follow(id, about, step),
            Err(fault) => self.fault(id, &fault.message),
        }
    }

    /// Whether fibers may not pass a boundary now: the node or the run is paused, the run is set aside,
    /// or a cause waits for an unresolved step.
    pub(super) fn held_at_boundary(&self, program: bool) -> bool {
        let head = self.run.state.head();
        let aside = self.paused || head.paused || head.poisoned.is_some() || self.run.suspect;
        aside || (program && head.pending.is_some())
    }

    /// Holds a due move back.
    pub(super) fn hold(&mut self, id: FiberId, why: Hold) {
        if let Some(Fiber { state: State::Ready(ready), .. }) = self.run.state.fiber_mut(id) {
            ready.held = why;
            self.durable = true;
        }
    }

    /// Parks a fiber with its move undone: a person repairs the cause and retries it.
    pub(super) fn fault(&mut self, id: FiberId, message: &str) {
        let path = self.path(id);
        let kind = match self.run.state.fiber(id).map(|fiber| fiber.kind.undoes()) {
            Some(Some(_)) => "stuck",
            _ => "fault",
        };
        let fault = self.fault_letter(kind, &path, message);
        if let Some(fiber) = self.run.state.fiber_mut(id) {
            match &mut fiber.state {
                State::Ready(ready) => ready.held = Hold::Fault(fault),
                State::Call(call) => call.phase = crate::run::Phase::Fault(fault),
                _ => {}
            }
        }
        let message = message.to_owned();
        self.note(match kind {
            "stuck" => Happened::Stuck { path, reason: message },
            _ => Happened::Faulted { path, message },
        });
    }

    /// Opens an item and returns its id.
    pub(super) fn open_item(&mut self, kind: &str, body: serde_json::Value) -> String {
        let number = self.state().fresh();
        let id = journal::item_id(self.id, number);
        self.put_item(&id, kind, true, body);
        id
    }

    /// Closes an item, saying how it ended.
    pub(super) fn close_item(&mut self, id: &str, kind: &str, body: serde_json::Value) {
        self.put_item(id, kind, false, body);
    }

    pub(super) fn put_item(&mut self, id: &str, kind: &str, open: bool, body: serde_json::Value) {
        self.put_item_since(id, kind, (open, self.now), body);
    }

    pub(super) fn put_item_since(
        &mut self,
        id: &str,
        kind: &str,
        (open, at): (bool, Time),
        mut body: serde_json::Value,
    ) {
        self.durable = true;
        if let Some(fields) = body.as_object_mut() {
            fields.insert("workflow".to_owned(), self.run.state.origin().workflow.clone().into());
        }
        // Crash: the row is in the batch of the record that opens or closes it; both or neither.
        self.out.put_item(ItemRow {
            id: id.to_owned(),
            kind: kind.to_owned(),
            namespace: self.run.state.origin().namespace.clone(),
            run: Some(self.id),
            open,
            at,
            body,
        });
    }

    /// Closes the record, if there is one, and hands over what may leave after it.
    pub(super) fn close(mut self, seq: &mut u64, bucket: &mut u32) -> Closed {
        self.tidy_generations();
        self.durable |= self.run.happened.len() >= limits::UNRECORDED;
        if self.durable {
            self.refresh_letters();
        }
        let recorded = self.durable && (self.run.state.changed() || !self.run.happened.is_empty());
        if recorded {
            self.record(seq, bucket);
        }
        let Self { out, run, sends, notices, emitted, id, .. } = self;
        if recorded {
            // Crash: effects leave after the commit of the record above; recovery sends open
            // attempts again under the same key and number.
            out.effects.extend(sends.into_iter().map(|send| Effect::Call(Box::new(send))));
            out.effects
                .extend(notices.into_iter().map(|notice| Effect::Notice { run: id, notice }));
        } else {
            // Crash: only quick reads get here; after a crash they are done again.
            out.reads.extend(sends);
        }
        Closed { run, emitted }
    }

    fn record(&mut self, seq: &mut u64, bucket: &mut u32) {
        let (number, parts) = self.run.state.close_record().expect("our own values are JSON");
        let mut numbers = self.events.last() + 1..;
        for event in &mut self.emitted {
            if self.interest.any(&event.event)
                && self.place.elsewhere(&event.namespace, &event.event, &event.key).is_none()
            {
                event.number = numbers.next().unwrap_or(u64::MAX);
            }
        }
        *seq += 1;
        *bucket = hour(self.now).max(*bucket);
        let happened = std::mem::take(&mut self.run.happened);
        let record = Record {
            number,
            at: self.now,
            happened: happened.clone(),
            emitted: self.emitted.clone(),
            parts,
        };
        let (run, now, class) = (self.id, self.now, self.run.state.origin().class);
        let body = journal::encode(&record).expect("our own values are JSON");
        self.out.put_row(JournalRow {
            seq: *seq,
            bucket: *bucket,
            class,
            run: Some(run),
            number,
            body,
        });
        self.run.draw = None;
        if number == 1 {
            self.run.first = *seq;
        }
        self.run.seq = *seq;
        self.run.at = now;
        for event in &self.emitted {
            if event.number > 0 {
                self.out.batch.events.push(event.clone().into());
            }
            // Crash: the record holds the event, and the next owner reads it again from there until
            // the topic has it.
            let outgoing = Outgoing::of(*seq, run, event);
            self.out.effects.extend(outgoing.map(|one| Effect::Publish(Box::new(one))));
        }
        self.row();
        self.out.effects.push(Effect::History { run, number, happened });
    }

    /// Writes the run's row where its status or flags changed.
    ///
    /// Order: a run that ends soon writes one row, and replaces none. One that does not is listed when
    /// it has been running for [`limits::UNLISTED_MS`], or sooner, when there is something else to say.
    fn row(&mut self) {
        let status = shown(&self.run);
        let row = (status.word(), self.run.state.head().flags());
        if self.run.row.as_ref() == Some(&row) {
            return;
        }
        let young = self.run.listed_at().is_some_and(|at| self.now < at);
        let brief = status == Status::Running || self.run.state.queued();
        if young && brief && row.1.is_empty() {
            return;
        }
        // A row that once held the state holds it in every later version too: recovery reads the
        // journal only behind the checkpoint.
        let whole = status.ended() || self.run.snapshot.is_some();
        put_row(self.id, &mut self.run, whole, self.out);
    }

    /// Forgets generations when nothing that has been called can be called anew.
    fn tidy_generations(&mut self) {
        let state = &self.run.state;
        // The undo of a step that was made anew is still to be made under a key of its own (K1).
        let renewed = |what: &crate::run::What| match what {
            crate::run::What::Step(entry) => entry.generation > 0,
            crate::run::What::Par { .. } => false,
        };
        if state.has_generations()
            && state.head().mode == Mode::Forward
            && !state.any(Mark::Renews)
            && !state.nodes().values().any(|node| renewed(&node.what))
        {
            self.state().forget_generations();
        }
    }

    /// The point of a frame, if it is a call.
    pub(super) fn call_spec<'m>(machine: &'m dyn Machine, at: &str) -> Option<&'m CallSpec> {
        Self::call_spec_of(machine.spec(), at)
    }

    /// The same in the tables of a version.
    pub(super) fn call_spec_of<'m>(spec: &'m WorkflowSpec, at: &str) -> Option<&'m CallSpec> {
        match &spec.points.get(at)?.kind {
            PointKind::Call(spec) => Some(spec),
            _ => None,
        }
    }
}

/// The status a run's row shows: one whose version is not here waits for a person.
pub(super) fn shown(run: &Run) -> Status {
    match run.state.status() {
        status if run.machine.is_some() || status.ended() => status,
        _ => Status::Parked,
    }
}

/// A run's row, with its whole state where `whole` says so.
pub(super) fn run_row(id: RunId, run: &mut Run, whole: bool) -> RunRow {
    let status = shown(run);
    run.row = Some((status.word(), run.state.head().flags()));
    run.listed = true;
    let snapshot = if whole {
        let parts = run.state.parts().expect("our own values are JSON");
        let snapshot = Snapshot { number: run.state.number(), at: run.at, parts };
        Some(journal::encode(&snapshot).expect("our own values are JSON"))
    } else {
        None
    };
    if snapshot.is_some() {
        run.snapshot = Some(run.seq);
    }
    let due_at = run.machine.as_ref().and_then(|m| super::timer::next(&run.state, m.spec()));
    let upto = run.snapshot.unwrap_or(0);
    RunRow { due_at, upto, snapshot, status: status.word().to_owned(), ..unlisted(id, &run.state) }
}

/// The row of a run that has none yet, by what its records say: without its state.
#[must_use]
pub fn unlisted(run: RunId, state: &RunState) -> RunRow {
    let (origin, head) = (state.origin(), state.head());
    RunRow {
        run,
        namespace: origin.namespace.clone(),
        workflow: origin.workflow.clone(),
        version: origin.version,
        hash: origin.hash.clone(),
        key: origin.key.clone(),
        status: state.status().word().to_owned(),
        flags: head.flags(),
        started_at: origin.started,
        ended_at: head.ended,
        expires_at: head.ended.map(|at| at.plus(origin.retain_ms)),
        due_at: None,
        upto: 0,
        snapshot: None,
    }
}

/// The events a run waits for, by name and key.
pub(super) fn subscriptions(state: &RunState) -> Vec<(String, String)> {
    let mut all: Vec<_> = state
        .marked(Mark::Subscribed)
        .into_iter()
        .filter_map(|id| state.fiber(id))
        .flat_map(|fiber| {
            let arms = match &fiber.state {
                State::Wait(wait) => wait.arms.as_slice(),
                _ => &[],
            };
            let arms = arms.iter().filter_map(|arm| match arm {
                crate::codegen::Arm::Event(subscription) => Some(subscription),
                _ => None,
            });
            let interrupts = fiber.units.iter().flat_map(|unit| &unit.interrupts);
            arms.chain(interrupts).map(|one| (one.event.clone(), one.key.clone()))
        })
        .collect();
    all.sort();
    all.dedup();
    all.shrink_to_fit();
    all
}

/// A path template with the indexes of an iteration.
pub(super) fn path(point: Option<&Point>, frame: &crate::codegen::Frame) -> String {
    let Some(point) = point else { return frame.at.clone() };
    point.filled(&frame.iteration)
}

/// Seed of one record: the same after every recovery.
fn seed(run: RunId, number: u64) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(run.0.as_bytes());
    hash.update(number.to_be_bytes());
    let mut seed = [0; 16];
    seed.copy_from_slice(hash.finalize().get(..16).unwrap_or(&[0; 16]));
    seed
}

/// The hour of an instant, as journal buckets count them.
pub(super) fn hour(now: Time) -> u32 {
    u32::try_from(now.0.max(0) / 3_600_000).unwrap_or(u32::MAX)
}
