//! What the program does next: the machine's move, op by op, and the beginning of a call.

use super::output::Notice;
use super::turn::Turn;
use crate::codegen::{
    Arm, CallSpec, Class, Failure, Frame, Json, Leave, Move, Next, Op, Subscription, UndoSpec,
    Values,
};
use crate::journal::{EventBody, Happened, item_id};
use crate::key::{KeyParts, call_key};
use crate::limits::QUICK_READ_MS;
use crate::run::{
    Ask, Call, Entry, Fate, FiberId, Kind, Last, Mark, Mode, Node, Phase, Role, State, Unit, What,
};
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::service::Purpose;

/// What a call needs from its move.
pub(super) struct Intent {
    pub(super) frame: Frame,
    pub(super) args: Json,
    pub(super) by: Option<Json>,
    pub(super) probe: Option<Json>,
    pub(super) undo: Option<Values>,
}

/// What failed before a move, and was handled by it.
pub(super) struct About {
    pub(super) call: Option<Box<Call>>,
    pub(super) unit: Option<Box<Unit>>,
}

/// An event of the move whose key no store can hold, whether it goes out or is waited for: that would
/// fail the batches of the whole shard.
fn unkept(step: &Move) -> Option<&str> {
    fn waited(of: &Subscription) -> (&str, &str) {
        (&of.event, &of.key)
    }
    let ops = step.ops.iter().flat_map(|op| match op {
        Op::Emit { event, key, .. } => vec![(event.as_str(), key.as_str())],
        Op::Enter { interrupts, .. } => interrupts.iter().map(waited).collect(),
        _ => Vec::new(),
    });
    let arms = match &step.next {
        Next::Wait { arms, .. } => arms.as_slice(),
        _ => &[],
    };
    let arms = arms.iter().filter_map(|arm| match arm {
        Arm::Event(of) => Some(waited(of)),
        _ => None,
    });
    ops.chain(arms).find(|(_, key)| key.contains('\0')).map(|(event, _)| event)
}

impl Turn<'_> {
    /// Follows a move of the machine.
    pub(super) fn follow(&mut self, id: FiberId, about: About, step: Move) {
        if let Some(event) = unkept(&step) {
            let words =
                format!("the key of `{event}` holds the character U+0000, which no store takes");
            return self.fault(id, &words);
        }
        let Move { leave, ops, next } = step;
        let About { call, unit } = about;
        if let Some(call) = call {
            if let Next::Manual { frame, question } = &next
                && frame.at == call.at
            {
                // The question is about this very step: nothing is decided, its undo stays armed.
                let (frame, question) = (frame.clone(), question.clone());
                if self.run_ops(id, ops) {
                    let about = About { call: Some(call), unit: None };
                    self.ask_person(id, frame, question, about);
                }
                return;
            }
            if call.unresolved {
                if !self.leave_unknown(id, call, leave, &next) {
                    return;
                }
            } else if let Some(node) = call.entry {
                // A3: it is known not to have happened.
                self.disarm(id, node);
            }
        }
        if !self.run_ops(id, ops) {
            return;
        }
        match next {
            Next::Call { frame, args, by, probe, undo } => {
                self.begin_call(id, Intent { frame, args, by, probe, undo });
            }
            Next::Wait { frame, arms, until } => self.begin_wait(id, frame, arms, until),
            Next::Fork { frame, branches } => self.begin_fork(id, frame, branches),
            Next::Manual { frame, question } => {
                let unit = unit.filter(|unit| unit.frame.at == frame.at);
                self.ask_person(id, frame, question, About { call: None, unit });
            }
            Next::End(value) => self.end_fiber(id, value),
            Next::Return(value) => self.return_run(id, value),
            Next::Fail(failure) => self.fail(id, failure),
        }
    }

    /// A5: how a step is left whose outcome is unknown. Says whether the move goes on.
    fn leave_unknown(&mut self, id: FiberId, call: Box<Call>, leave: Leave, next: &Next) -> bool {
        let Some(machine) = self.machine() else { return false };
        let spec = Self::call_spec(machine.as_ref(), &call.at);
        let pivot = spec.is_some_and(|spec| spec.class == Class::Pivot);
        let commits = spec.is_some_and(|spec| spec.commits);
        let undo = call.purpose == Purpose::Undo;
        if (pivot || undo) && matches!(next, Next::Fail(_)) {
            // A pivot that stays unknown is decided by nobody but a person (P1), and so is an undo
            // of which nobody can tell whether it happened (U2).
            if let Some(fiber) = self.state().fiber_mut(id) {
                fiber.state = State::Call(call);
            }
            self.fault(id, "nobody can tell whether it happened");
            return false;
        }
        if call.purpose == Purpose::Do {
            let action = spec.map(|spec| self.action(spec)).unwrap_or_default();
            self.remember(call.id, &call.path, action, Fate::Unknown);
        }
        match (leave, call.entry) {
            (Leave::GoOn, Some(entry)) => self.make_due(id, entry),
            // After the commit nothing is kept that no unit keeps (P1).
            (Leave::Skip, Some(entry)) if !self.keeps(id) => self.disarm(id, entry),
            _ => {}
        }
        if commits && leave != Leave::Fail {
            self.commit(id);
        }
        true
    }

    /// Does what happens with the record; a fault stops the move.
    pub(super) fn run_ops(&mut self, id: FiberId, ops: Vec<Op>) -> bool {
        for op in ops {
            self.durable = true;
            match op {
                Op::Enter { frame, interrupts } => self.enter_unit(id, frame, interrupts),
                Op::Leave { at } => {
                    if !self.leave_unit(id, &at) {
                        return false;
                    }
                }
                Op::Emit { event, key, payload } => self.emit(event, key, payload),
                Op::Reply(value) => self.reply_now(value),
                Op::Review(text) => {
                    let path = self.path(id);
                    let body = serde_json::json!({ "text": text, "path": path });
                    let item = self.open_item(super::review::KIND, body);
                    self.note(Happened::Review { text, item });
                }
                Op::Reject { records, why } => self.reject(&records, &why),
                Op::Progress { text, percent } => self.note(Happened::Progress { text, percent }),
            }
        }
        true
    }

    fn reply_now(&mut self, value: Json) {
        if self.run.state.head().reply.is_some() {
            return;
        }
        self.state().head_mut().reply = Some(value.clone());
        self.note(Happened::Replied);
        self.notices.push(Notice::Reply(value));
    }

    fn emit(&mut self, event: String, key: String, payload: Json) {
        let number = self.state().fresh();
        let id = item_id(self.id, number);
        self.note(Happened::Emitted { event: event.clone(), id: id.clone() });
        let namespace = self.run.state.origin().namespace.clone();
        let machine = self.run.machine.as_ref();
        let spec = machine.and_then(|machine| machine.spec().events.get(&event));
        let topic = spec.and_then(|spec| spec.topic.clone());
        // The number at home is given when the event is taken in, directly after this record.
        self.emitted.push(EventBody {
            id,
            namespace,
            event,
            key,
            number: 0,
            at: self.now,
            payload,
            topic,
            offered: false,
        });
    }

    /// Records the intent of a call, arms its undo (A1), and sends it.
    pub(super) fn begin_call(&mut self, id: FiberId, intent: Intent) {
        let Some(machine) = self.machine() else { return };
        let Intent { frame, args, by, probe, undo } = intent;
        let Some(spec) = Self::call_spec(machine.as_ref(), &frame.at) else {
            return self.lost_point(id, &frame.at);
        };
        let path = super::turn::path(machine.spec().points.get(&frame.at), &frame);
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let undoes = fiber.kind.undoes().and_then(|node| self.entry(node)).map(|e| e.key.clone());
        let purpose = if undoes.is_some() { Purpose::Undo } else { Purpose::Do };
        let generation = self.run.state.generation(&path);
        let mut call = Call {
            id: self.state().fresh(),
            at: frame.at.clone(),
            path,
            purpose,
            role: Role::Step,
            generation,
            key: String::new(),
            undoes,
            args,
            by,
            probe,
            entry: None,
            attempt: 0,
            next: 1,
            granted: 0,
            first: 1,
            began: self.now,
            first_sent: None,
            unresolved: false,
            last: Last::None,
            declared: None,
            held: false,
            phase: Phase::Backoff { until: self.now },
        };
        call.key = self.key(&call, &spec.service, &spec.action, purpose);
        self.remember_generation(id, &call.path, generation + 1);
        let quick =
            spec.class == Class::Read && spec.within_ms <= QUICK_READ_MS && purpose == Purpose::Do;
        self.durable |= !quick;
        if let Some(captured) = undo.filter(|_| purpose == Purpose::Do && spec.class != Class::Read)
        {
            call.entry = self.arm(id, &call, &frame, &spec.undo, captured);
        }
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.frame = frame;
            fiber.state = State::Call(Box::new(call));
        }
        self.send(id);
    }

    /// Pushes `u` or `ask` onto the fiber's undo list.
    pub(super) fn arm(
        &mut self,
        id: FiberId,
        call: &Call,
        frame: &Frame,
        undo: &UndoSpec,
        captured: Values,
    ) -> Option<u64> {
        // Sabotage: nothing is armed at the intent; `happened` does it, behind the call.
        #[cfg(feature = "sabotage")]
        if sabotage::is(Sabotage::UndoArmedLate) && call.attempt == 0 {
            sabotage::hold(self.id, call.id, (frame.clone(), captured));
            return None;
        }
        let (undo, ask) = match undo {
            UndoSpec::None | UndoSpec::Waived => return None,
            UndoSpec::Args(at) => (at.clone(), None),
            UndoSpec::Result(at) => {
                let (args, by, probe) = (call.args.clone(), call.by.clone(), call.probe.clone());
                (at.clone(), Some(Ask { args, by, probe, first_sent: None, attempt: 0 }))
            }
        };
        let entry = Entry {
            at: frame.at.clone(),
            call: call.id,
            iteration: frame.iteration.clone(),
            path: call.path.clone(),
            undo,
            captured,
            generation: call.generation,
            key: call.key.clone(),
            ask,
            undoing: None,
        };
        Some(self.push(id, What::Step(Box::new(entry))))
    }

    /// Pushes a node onto a fiber's undo list.
    pub(super) fn push(&mut self, id: FiberId, what: What) -> u64 {
        let node = self.state().fresh();
        let prev = self.run.state.fiber(id).and_then(|fiber| fiber.head);
        self.state().put_node(node, Node { prev, what });
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.head = Some(node);
        }
        node
    }

    /// K1.
    pub(super) fn key(&self, call: &Call, service: &str, action: &str, purpose: Purpose) -> String {
        let generation = call.generation;
        // Sabotage: what is called anew is called under the key that is spent.
        #[cfg(feature = "sabotage")]
        let generation = match sabotage::is(Sabotage::KeyWithoutGeneration) {
            true => 0,
            false => generation,
        };
        call_key(&KeyParts {
            namespace: &self.run.state.origin().namespace,
            action: &format!("{service}.{action}"),
            purpose,
            run: self.id,
            path: &call.path,
            generation,
            by: call.by.as_ref(),
        })
    }

    /// Qualified name of an action.
    pub(super) fn action(&self, spec: &CallSpec) -> String {
        // A transaction is no action of a contract; people read it without its mark.
        format!("{}.{}", spec.service, spec.action.trim_start_matches('#'))
    }

    /// Remembers that a path was called, where it can be called anew later: within a unit that may
    /// run again, and in undo blocks, which a person may start again.
    pub(super) fn remember_generation(&mut self, id: FiberId, path: &str, next: u32) {
        let undo = self.run.state.fiber(id).is_some_and(|fiber| fiber.kind.undoes().is_some());
        if undo || self.run.state.any(Mark::Repeats) {
            self.state().set_generation(path, next);
        }
    }

    /// Parks a fiber whose durable point is not what its version says.
    pub(super) fn lost_point(&mut self, id: FiberId, at: &str) {
        self.state_ready(id);
        self.fault(id, &format!("the workflow has no durable point `{at}` of that kind"));
    }

    /// Makes sure that a fault finds a due move to hold.
    fn state_ready(&mut self, id: FiberId) {
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        if !matches!(fiber.state, State::Ready(_) | State::Call(_)) {
            fiber.state = State::Ready(crate::run::Ready {
                event: crate::run::Happening::Enter,
                call: None,
                unit: None,
                held: crate::run::Hold::Now,
            });
        }
    }

    /// The fiber fails: its innermost open unit takes it, else its parent, else the run.
    pub(super) fn fail(&mut self, id: FiberId, mut failure: Failure) {
        if failure.step.is_empty() {
            failure.step = self.path(id);
        }
        let Some(fiber) = self.run.state.fiber(id) else { return };
        if fiber.stop.is_some() {
            return self.still(id);
        }
        if let Some(unit) = fiber.units.last() {
            let to = unit.base;
            return self.begin_unwind(id, to, crate::run::Then::Unit(failure));
        }
        match fiber.kind.clone() {
            Kind::Root if self.run.state.head().mode == Mode::Forward => self.fail_run(id, failure),
            Kind::Branch { settle: true, .. } => {
                self.begin_unwind(id, None, crate::run::Then::Branch(failure));
            }
            Kind::Branch { parent, index, .. } => self.branch_failed(id, parent, index, failure),
            _ => {
                let word = crate::status::failure_word(&failure).to_owned();
                self.fault(id, &format!("it failed with `{word}` where nothing may fail"));
            }
        }
    }
}
