//! People and events: what is answered and delivered, and what is not.

use super::{Due, World, everybody};
use crate::ledger::Entry;
use crate::print::{MODULE, awaited};
use sagaflow_core::codegen::{Arm, Json};
use sagaflow_core::run::State;
use sagaflow_core::shard::{Input, TaskAct};

impl World {
    /// Looks at what waits, and answers what the script does not leave silent.
    pub(super) fn people(&mut self) {
        self.tasks();
        self.events();
    }

    fn outside(&mut self, input: Input) {
        let delay = i64::try_from(self.latency.below(40)).unwrap_or(0);
        if self.script.twice {
            self.schedule(delay, Due::Request(input.clone()));
        }
        self.schedule(delay, Due::Request(input));
    }

    fn tasks(&mut self) {
        for item in self.store.open_items() {
            if item.kind != "task" || !self.offered.insert(item.id.clone()) {
                continue;
            }
            let answer = if item.body.get("manual") == Some(&Json::Bool(true)) {
                Some(serde_json::json!({ "ok": 7 }))
            } else {
                let task = item.body.get("task").and_then(Json::as_str).unwrap_or_default();
                let short = task.rsplit('.').next().unwrap_or(task);
                let is = |wait: &&String| awaited(wait) == short;
                match self.script.silent.iter().any(|wait| is(&wait)) {
                    true => None,
                    false => Some(Json::Bool(!self.script.denied.iter().any(|wait| is(&wait)))),
                }
            };
            if let Some(answer) = answer {
                self.outside(Input::Task {
                    item: item.id,
                    act: TaskAct::Answer(answer),
                    actor: everybody(),
                    token: None,
                });
            }
        }
    }

    fn events(&mut self) {
        let mut due = Vec::new();
        for (_, state) in self.shard.runs() {
            for fiber in state.fibers().values() {
                let State::Wait(wait) = &fiber.state else { continue };
                let place = (fiber.frame.at.clone(), fiber.frame.iteration.clone(), wait.began);
                for arm in &wait.arms {
                    if let Arm::Event(wanted) = arm {
                        due.push((place.clone(), wanted.event.clone()));
                    }
                }
            }
        }
        for (place, event) in due {
            let short = event.rsplit('.').next().unwrap_or(&event).to_owned();
            let silent = self.script.silent.iter().any(|wait| awaited(wait) == short);
            if !silent && self.awaited.insert(place) {
                self.deliver(&event);
            }
        }
    }

    pub(super) fn deliver(&mut self, event: &str) {
        self.numbers += 1;
        self.outside(Input::Event {
            id: format!("event-{}", self.numbers),
            namespace: "default".into(),
            event: event.to_owned(),
            key: "one".into(),
            payload: serde_json::json!({ "id": "one", "n": 4 }),
            token: None,
        });
    }

    /// The event of the script's interrupt comes.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
        self.note(Entry::Interrupt);
        if let Some((_, event)) = self.script.interrupt.clone() {
            self.deliver(&format!("{MODULE}.{event}"));
        }
    }
}
