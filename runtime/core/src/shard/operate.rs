//! What operators do about a run: cancel, terminate, pause, resume, retry, resolve.

use super::input::{Act, Actor, Answer};
use super::turn::Turn;
use crate::journal::Happened;
use crate::run::{FiberId, What};
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
                self.release_boundaries();
                self.look_for_events();
                self.timers();
                Answer::Done
            }
            Act::Retry(item) => self.retry_parked(item.as_deref(), actor),
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
            let body = serde_json::json!({ "resolved": "retried" });
            self.close_item(&poison, "dead_letter", body);
            let head = self.state().head_mut();
            head.poisoned = None;
            head.recoveries = 0;
            self.note(Happened::Retried { path: String::new(), actor: actor.name.clone() });
            self.resend();
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
        if found { Answer::Done } else { Answer::NotFound }
    }

    /// An operator's last resort: nothing more is sent, what was not undone becomes dead letters.
    fn terminate(&mut self, actor: &str, reason: String) -> Answer {
        let fibers: Vec<_> = self.run.state.fibers().keys().copied().collect();
        for id in fibers {
            if let Some(fiber) = self.state().remove_fiber(id) {
                self.withdraw(&fiber);
                self.close_fault(&fiber, "terminated");
            }
        }
        let nodes: Vec<_> = self.run.state.nodes().keys().copied().collect();
        for node in nodes {
            let gone = self.state().remove_node(node);
            if let Some(What::Step(entry)) = gone.map(|node| node.what) {
                self.dead_letter(
                    "abandoned",
                    &entry.path,
                    "the run was terminated before its undo",
                );
            }
        }
        self.note(Happened::Terminated { actor: actor.to_owned(), reason: reason.clone() });
        let head = self.state().head_mut();
        head.abandoned = true;
        head.poisoned = None;
        head.pending = None;
        head.cause = Some(Cause::Cancelled { actor: actor.to_owned(), reason });
        self.queue.clear();
        self.end_run();
        Answer::Done
    }
}
