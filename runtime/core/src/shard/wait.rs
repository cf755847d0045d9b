//! Waits: for people, events and times, whichever comes first (verdict 74, T3).

use super::event::{After, Stored};
use super::turn::Turn;
use crate::codegen::{Arm, Frame, Subscription};
use crate::journal::Happened;
use crate::port::EventName;
use crate::run::{Fiber, FiberId, Happening, Hold, Mode, State, Stop, StopCause, Wait};
use crate::time::Time;

impl Turn<'_> {
    /// A wait begins; it is over at once if something is there already.
    pub(super) fn begin_wait(
        &mut self,
        id: FiberId,
        frame: Frame,
        arms: Vec<Arm>,
        until: Option<Time>,
    ) {
        let began = self.events.last();
        let at = frame.at.clone();
        let tasks = vec![None; arms.len()];
        let wait =
            Wait { arms, tasks, claims: Vec::new(), until, began, since: self.now, fault: None };
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.frame = frame;
            fiber.state = State::Wait(wait);
        }
        let path = self.path(id);
        self.note(Happened::Waiting { path, until });
        // Order: what is there already decides before a person is asked for nothing.
        if !self.check_wait(id) {
            self.open_tasks(id, &at);
            self.child_rests(id);
        }
    }

    /// Goes on if an arm of the wait is ready, or its bound has passed: the first in program order.
    pub(super) fn check_wait(&mut self, id: FiberId) -> bool {
        let Some(fiber) = self.run.state.fiber(id) else { return false };
        let State::Wait(wait) = &fiber.state else { return false };
        if wait.fault.is_some() {
            return false;
        }
        // Order: an event that came before the time ran out comes before it, also where its home is
        // still being asked.
        if self.is_loading(wait) {
            return false;
        }
        let (frame, wait) = (fiber.frame.clone(), wait.clone());
        for (index, arm) in wait.arms.iter().enumerate() {
            match arm {
                Arm::Event(subscription) => {
                    let origin = self.run.state.origin();
                    let after = if subscription.fresh {
                        After { number: wait.began, at: wait.since }
                    } else {
                        After { number: origin.events, at: origin.started }
                    };
                    let place = self.place(&frame, index, &subscription.key);
                    match self.next_event(&frame, index, subscription, (after, &place)) {
                        Ok(Some(event)) => {
                            self.take_event(place, &event);
                            self.wake(id, index, event.payload, "event");
                            return true;
                        }
                        Ok(None) => {}
                        Err(fault) => {
                            self.park_wait(id, &fault);
                            return false;
                        }
                    }
                }
                Arm::Sleep { until } if *until <= self.now => {
                    self.wake(id, index, crate::codegen::Json::Null, "time");
                    return true;
                }
                Arm::Sleep { .. } | Arm::Task { .. } => {}
            }
        }
        if wait.until.is_some_and(|until| until <= self.now) {
            let path = self.path(id);
            self.note(Happened::TimedOut { path });
            self.leave_wait(id, Happening::Timeout);
            return true;
        }
        false
    }

    /// An arm came first.
    pub(super) fn wake(
        &mut self,
        id: FiberId,
        index: usize,
        value: crate::codegen::Json,
        by: &str,
    ) {
        let path = self.path(id);
        self.note(Happened::Woken { path, arm: index, by: by.to_owned() });
        self.leave_wait(id, Happening::Arm { index, value });
    }

    fn leave_wait(&mut self, id: FiberId, event: Happening) {
        let Some(fiber) = self.run.state.fiber(id).cloned() else { return };
        let queue = self.waits_for_place(id);
        self.withdraw(&fiber);
        self.close_fault(&fiber, "woken");
        self.ready(id, event);
        if queue {
            self.hold(id, Hold::Place);
        }
    }

    fn event_name(&self, subscription: &Subscription) -> EventName {
        EventName {
            namespace: self.run.state.origin().namespace.clone(),
            event: subscription.event.clone(),
            key: subscription.key.clone(),
        }
    }

    /// Whether it is not known yet what came for an arm of the wait.
    fn is_loading(&self, wait: &Wait) -> bool {
        let admitted = self.run.state.origin().started;
        wait.arms.iter().any(|arm| match arm {
            Arm::Event(subscription) => {
                self.events.loading(&self.event_name(subscription), admitted)
            }
            Arm::Sleep { .. } | Arm::Task { .. } => false,
        })
    }

    /// The number after which a place takes events: behind the last one it took.
    fn next_event(
        &self,
        frame: &Frame,
        index: usize,
        subscription: &Subscription,
        (after, place): (After, &str),
    ) -> Result<Option<Stored>, String> {
        let Some(machine) = &self.run.machine else { return Ok(None) };
        let taken = self.run.state.taken(place);
        let name = self.event_name(subscription);
        let origin = self.run.state.origin();
        for event in self.events.after(&name, (origin.started, after), taken) {
            // Order: what started the run from its topic goes to its home beside the start.
            if origin.event.as_ref() == Some(&event.id) {
                continue;
            }
            let fits = machine.matches(frame, index, &event.payload);
            if fits.map_err(|fault| fault.message)? {
                return Ok(Some(event.clone()));
            }
        }
        Ok(None)
    }

    fn take_event(&mut self, place: String, event: &Stored) {
        self.state().set_taken(place, event.number);
    }

    /// A place in the source: the path without indexes, the arm, and the key it waits for.
    ///
    /// Invariant: events of different keys have different homes, so that one of them taken says
    /// nothing about the others; branches of one loop wait at one place.
    fn place(&self, frame: &Frame, index: usize, key: &str) -> String {
        let machine = self.run.machine.as_ref();
        let point = machine.and_then(|machine| machine.spec().points.get(&frame.at));
        let path = point.map_or(frame.at.as_str(), |point| point.path.as_str());
        format!("{path}#{index} {key}")
    }

    /// Looks at the interrupts of a fiber's open units, outermost first.
    pub(super) fn interrupt_units(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        if !fiber.kind.program()
            || self.run.state.head().mode != Mode::Forward
            || matches!(fiber.state, State::Unwind(_) | State::Again { .. })
            || matches!(fiber.stop, Some(Stop::Whole))
        {
            return;
        }
        let units = fiber.units.clone();
        // What arrives while a scope winds down waits for its next run; only a scope around it may
        // still be interrupted. A scope whose parallel has failed has failed.
        let stopping = match &fiber.stop {
            Some(Stop::Unit { depth, .. }) => *depth,
            _ => units.len(),
        };
        if matches!(&fiber.state, State::Join(join) if join.failed.is_some()) {
            return;
        }
        let whole = units.iter().enumerate().filter(|(_, unit)| unit.fault.is_none());
        for (depth, unit) in whole.take_while(|(depth, _)| *depth < stopping) {
            for (index, subscription) in unit.interrupts.iter().enumerate() {
                let place = format!("!{}", self.place(&unit.frame, index, &subscription.key));
                let after = After { number: unit.entered, at: unit.since };
                let next = self.next_event(&unit.frame, index, subscription, (after, &place));
                match next {
                    Ok(Some(event)) => {
                        self.take_event(place, &event);
                        let path = self.path(id);
                        let name = event.event.clone();
                        let id_of = event.id.clone();
                        self.note(Happened::Interrupted { path, event: name, id: id_of });
                        let keep = self.interrupt_keeps(&unit.frame.at, index);
                        let why = StopCause::Interrupt { index, value: event.payload, keep };
                        return self.request_stop(id, Stop::Unit { depth, why });
                    }
                    Ok(None) => {}
                    Err(fault) => return self.park_interrupt(id, depth, &fault),
                }
            }
        }
    }

    /// An event came for this run.
    pub(super) fn look_for_events(&mut self) {
        let fibers: Vec<_> = self.run.state.fibers().keys().copied().collect();
        for id in fibers {
            self.interrupt_units(id);
            let waits =
                matches!(self.run.state.fiber(id), Some(Fiber { state: State::Wait(_), .. }));
            if waits && !self.held_for(id) {
                self.check_wait(id);
            }
        }
    }

    /// Whether a fiber may not pass a boundary now. The step that a cause waits for is at none: what
    /// follows its unknown outcome, also a question to a person, is what the cause waits for (X1).
    pub(super) fn held_for(&self, id: FiberId) -> bool {
        let program = self
            .run
            .state
            .fiber(id)
            .is_some_and(|fiber| fiber.kind.program() && !self.is_critical(fiber));
        self.held_at_boundary(program)
    }

    /// The condition of a wait has a bug: the event stays where it is, and the wait parks.
    fn park_wait(&mut self, id: FiberId, message: &str) {
        let path = self.path(id);
        let fault = self.fault_letter("fault", &path, message);
        if let Some(Fiber { state: State::Wait(wait), .. }) = self.state().fiber_mut(id) {
            wait.fault = Some(fault);
        }
        self.note(Happened::Faulted { path, message: message.to_owned() });
    }

    /// The same for an interrupt: its scope goes on, and is interrupted by nothing until then.
    fn park_interrupt(&mut self, id: FiberId, depth: usize, message: &str) {
        let path = self.path(id);
        let fault = self.fault_letter("fault", &path, message);
        let unit = self.state().fiber_mut(id).and_then(|fiber| fiber.units.get_mut(depth));
        if let Some(unit) = unit {
            unit.fault = Some(fault);
        }
        self.note(Happened::Faulted { path, message: message.to_owned() });
    }
}
