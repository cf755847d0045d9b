//! What operators do about a run: cancel, terminate, pause, resume, retry, resolve.

use super::input::{Act, Actor, Answer};
use super::letter::KIND;
use super::turn::Turn;
use crate::journal::Happened;
use crate::run::{Fault, FiberId};
use crate::status::Cause;

impl Turn<'_> {
    pub(super) fn operate(&mut self, act: Act, actor: &Actor, reason: String) -> Answer {
        match act {
            Act::Cancel => self.cancel(&actor.name, reason),
            Act::Terminate => self.terminate(&actor.name, reason),
            Act::Pause => {
                self.state().head_mut().paused = true;
                self.note(Happened::Paused { actor: actor.name.clone(), reason });
                Answer::Done
            }
            Act::Resume => {
                self.state().head_mut().paused = false;
                self.note(Happened::Resumed { actor: actor.name.clone() });
                self.go_on();
                Answer::Done
            }
            Act::Retry(item) => self.retry_parked(item.as_deref(), actor),
            // It needs the machines, which a turn does not see.
            Act::Upgrade { .. } => Answer::NoWorkflow,
            Act::Resolve { path, outcome } => self.resolve(&path, outcome, actor, reason),
        }
    }

    /// Tries again what is parked or stuck.
    fn retry_parked(&mut self, item: Option<&str>, actor: &Actor) -> Answer {
        let mut found = false;
        if let Some(poison) = self.run.state.head().poisoned.clone()
            && item.is_none_or(|item| item == poison)
        {
            found = true;
            self.note(Happened::Retried { path: String::new(), actor: actor.name.clone() });
            self.cure("retried");
            self.go_on();
        }
        let parked: Vec<FiberId> = self
            .run
            .state
            .fibers()
            .iter()
            .filter(|(_, fiber)| {
                fiber.fault().is_some_and(|fault| item.is_none_or(|item| item == fault.item))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in parked {
            found = true;
            let path = self.path(id);
            self.note(Happened::Retried { path, actor: actor.name.clone() });
            self.retry_fiber(id);
        }
        found |= self.retry_interrupts(item, actor);
        match item.and_then(|item| item.split_once('.')) {
            _ if found => Answer::Done,
            // Twice clicked, or repaired in between: there is nothing to do any more (I34).
            Some((_, number)) if number.parse::<u64>().is_ok_and(|n| self.gave_out(n)) => {
                Answer::TooLate
            }
            _ => Answer::NotFound,
        }
    }

    fn gave_out(&self, number: u64) -> bool {
        number < self.run.state.head().next_id
    }

    /// Tries the interrupts again whose conditions had a bug.
    fn retry_interrupts(&mut self, item: Option<&str>, actor: &Actor) -> bool {
        let wanted = |fault: &Fault| item.is_none_or(|item| item == fault.item);
        let mut found = Vec::new();
        for (id, fiber) in self.run.state.fibers().iter() {
            for (depth, unit) in fiber.units.iter().enumerate() {
                found.extend(unit.fault.clone().filter(wanted).map(|fault| (*id, depth, fault)));
            }
        }
        for (id, depth, fault) in &found {
            self.close_letter(fault, "retried");
            let path = self.path(*id);
            self.note(Happened::Retried { path, actor: actor.name.clone() });
            let unit = self.state().fiber_mut(*id).and_then(|fiber| fiber.units.get_mut(*depth));
            if let Some(unit) = unit {
                unit.fault = None;
            }
            self.interrupt_units(*id);
        }
        !found.is_empty()
    }

    /// A run that was set aside is so no longer.
    pub(super) fn cure(&mut self, how: &str) {
        let Some(item) = self.run.state.head().poisoned.clone() else { return };
        let head = self.state().head_mut();
        head.poisoned = None;
        head.recoveries = 0;
        self.close_item(&item, KIND, serde_json::json!({ "resolved": how }));
    }

    /// Lets everything go on that was held while the run was paused or set aside.
    pub(super) fn go_on(&mut self) {
        self.durable = true;
        self.release_boundaries();
        self.look_for_events();
        self.timers();
    }

    /// An operator's last resort: nothing more is sent, what was not undone becomes dead letters.
    fn terminate(&mut self, actor: &str, reason: String) -> Answer {
        // Order: the letters say what was open, so they are written before it is gone.
        self.abandon();
        let fibers: Vec<_> = self.run.state.fibers().keys().copied().collect();
        for id in fibers {
            if let Some(fiber) = self.state().remove_fiber(id) {
                self.withdraw(&fiber);
                self.close_fault(&fiber, "terminated");
                self.close_units(&fiber.units);
            }
        }
        let nodes: Vec<_> = self.run.state.nodes().keys().copied().collect();
        for node in nodes {
            self.state().remove_node(node);
        }
        self.cure("terminated");
        self.note(Happened::Terminated { actor: actor.to_owned(), reason: reason.clone() });
        let head = self.state().head_mut();
        head.abandoned = true;
        head.pending = None;
        head.cause = Some(Cause::Cancelled { actor: actor.to_owned(), reason });
        self.queue.clear();
        self.end_run();
        Answer::Done
    }
}
