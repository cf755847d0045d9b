//! People: human tasks, `manual` questions, and who may answer them (Q1).

use super::input::{Actor, Answer, Resolution, TaskAct};
use super::turn::Turn;
use crate::codegen::{Arm, Frame, Json, PointKind};
use crate::journal::Happened;
use crate::run::{Call, Fiber, FiberId, Happening, Hold, Manual, State};

/// Kind of the items people answer.
const KIND: &str = "task";

impl Turn<'_> {
    /// Opens an item for every human task of a wait.
    pub(super) fn open_tasks(&mut self, id: FiberId, at: &str) {
        let Some(Fiber { state: State::Wait(wait), .. }) = self.run.state.fiber(id) else { return };
        let arms = wait.arms.clone();
        let path = self.path(id);
        for (index, arm) in arms.into_iter().enumerate() {
            let Arm::Task { task, title, assign, show } = arm else { continue };
            let body = serde_json::json!({
                "task": task, "title": title, "assign": assign, "show": show,
                "path": path, "at": at, "manual": false,
            });
            let item = self.open_item(KIND, body);
            let fiber = self.state().fiber_mut(id);
            if let Some(Fiber { state: State::Wait(wait), .. }) = fiber
                && let Some(slot) = wait.tasks.get_mut(index)
            {
                *slot = Some(item);
            }
        }
    }

    /// Q1: the run parks with a question.
    pub(super) fn ask_person(
        &mut self,
        id: FiberId,
        frame: Frame,
        question: String,
        call: Option<Box<Call>>,
    ) {
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.frame = frame;
        }
        let path = self.path(id);
        let mut about = call;
        if about.is_none() {
            // A known outcome is asked about too: the frame rests at the call's own point.
            about = self.call_at_rest(id, &path);
        }
        let body = serde_json::json!({
            "title": question, "assign": ["role:operator"], "path": path,
            "manual": true, "step": about.is_some(),
        });
        let item = self.open_item(KIND, body);
        self.note(Happened::Asked { path, question: question.clone(), item: item.clone() });
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.state = State::Manual(Manual { question, item, claim: None, call: about });
        }
        self.child_rests(id);
    }

    /// Withdraws what a fiber has asked people (verdict 74).
    pub(super) fn withdraw(&mut self, fiber: &Fiber) {
        let items: Vec<String> = match &fiber.state {
            State::Wait(wait) => wait.tasks.iter().flatten().cloned().collect(),
            State::Manual(manual) => vec![manual.item.clone()],
            _ => return,
        };
        for item in items {
            self.close_item(&item, KIND, serde_json::json!({ "withdrawn": true }));
            self.note(Happened::Withdrawn { item });
        }
    }

    /// A person does something about an item.
    pub(super) fn task(&mut self, item: &str, act: TaskAct, actor: &Actor) -> Answer {
        let Some((id, asked)) = self.asked(item) else {
            // T3: whoever comes too late is told so, and it is recorded.
            self.note(Happened::TooLate { input: format!("answer to {item}") });
            return Answer::TooLate;
        };
        if !actor.may(&asked.assign) {
            return Answer::Forbidden;
        }
        if let Some(by) = &asked.claim
            && *by != actor.name
            && !matches!(act, TaskAct::Comment(_))
        {
            return Answer::Claimed { by: by.clone() };
        }
        match act {
            TaskAct::Claim => {
                self.set_claim(id, asked.arm, Some(actor.name.clone()));
                let (item, actor) = (item.to_owned(), actor.name.clone());
                self.show_claim(&item, &asked, Some(&actor));
                self.note(Happened::Claimed { item, actor });
                Answer::Done
            }
            TaskAct::Release => {
                self.set_claim(id, asked.arm, None);
                let (item, actor) = (item.to_owned(), actor.name.clone());
                self.show_claim(&item, &asked, None);
                self.note(Happened::Released { item, actor });
                Answer::Done
            }
            TaskAct::Comment(text) => {
                let (item, actor) = (item.to_owned(), actor.name.clone());
                self.note(Happened::Commented { item, actor, text });
                Answer::Done
            }
            TaskAct::Answer(value) => match asked.arm {
                Some(index) => self.answer_task(id, index, (item, &asked), value, actor),
                None => self.answer_manual(id, item, value, actor),
            },
        }
    }

    fn asked(&self, item: &str) -> Option<(FiberId, Asked)> {
        self.run.state.fibers().iter().find_map(|(id, fiber)| match &fiber.state {
            State::Wait(wait) => {
                let index = wait.tasks.iter().position(|task| task.as_deref() == Some(item))?;
                let Arm::Task { task, title, assign, show } = wait.arms.get(index)? else {
                    return None;
                };
                let claim = wait.claims.iter().find(|(arm, _)| *arm == index);
                let body = serde_json::json!({
                    "task": task, "title": title, "assign": assign, "show": show,
                    "path": self.path(*id), "at": fiber.frame.at, "manual": false,
                });
                Some((
                    *id,
                    Asked {
                        arm: Some(index),
                        assign: assign.clone(),
                        claim: claim.map(|(_, by)| by.clone()),
                        task: task.clone(),
                        body,
                    },
                ))
            }
            State::Manual(manual) if manual.item == item => {
                let body = serde_json::json!({
                    "title": manual.question, "assign": ["role:operator"],
                    "path": self.path(*id), "manual": true, "step": manual.call.is_some(),
                });
                Some((
                    *id,
                    Asked {
                        arm: None,
                        assign: vec!["role:operator".to_owned()],
                        claim: manual.claim.clone(),
                        task: String::new(),
                        body,
                    },
                ))
            }
            _ => None,
        })
    }

    fn set_claim(&mut self, id: FiberId, arm: Option<usize>, by: Option<String>) {
        match self.state().fiber_mut(id).map(|fiber| &mut fiber.state) {
            Some(State::Wait(wait)) => {
                wait.claims.retain(|(index, _)| Some(*index) != arm);
                wait.claims.extend(arm.zip(by));
            }
            Some(State::Manual(manual)) => manual.claim = by,
            _ => {}
        }
    }

    fn show_claim(&mut self, item: &str, asked: &Asked, by: Option<&str>) {
        let mut body = asked.body.clone();
        if let (Some(fields), Some(by)) = (body.as_object_mut(), by) {
            fields.insert("claimed_by".to_owned(), by.into());
        }
        self.put_item(item, KIND, true, body);
    }

    fn answer_task(
        &mut self,
        id: FiberId,
        index: usize,
        (item, asked): (&str, &Asked),
        value: Json,
        actor: &Actor,
    ) -> Answer {
        let Some(machine) = self.machine() else { return Answer::TooLate };
        let ty = machine.spec().tasks.get(&asked.task).map(|task| task.answer.clone());
        let value = match ty {
            Some(ty) => match machine.spec().schema.decode(&ty, &value) {
                Ok(value) => value,
                Err(mismatch) => {
                    let (path, expected) = (mismatch.path, mismatch.expected);
                    return Answer::Mismatch { path, expected };
                }
            },
            None => value,
        };
        if self.held_for(id) && self.run.state.head().pending.is_some() {
            // X1: a cause waits for another branch; whether this wait goes on is not decided.
            return Answer::Refused("the run may be about to stop; answer again".to_owned());
        }
        self.answered(id, item, actor);
        self.wake(id, index, value, "task");
        Answer::Done
    }

    /// Closes an item with its answer, and takes it off its wait so that it is not withdrawn.
    pub(super) fn answered(&mut self, id: FiberId, item: &str, actor: &Actor) {
        let body = serde_json::json!({ "answered_by": actor.name, "answered_at": self.now.0 });
        self.close_item(item, KIND, body);
        let path = self.path(id);
        let (name, by) = (item.to_owned(), actor.name.clone());
        self.note(Happened::Answered { path, item: name, actor: by });
        if let Some(Fiber { state: State::Wait(wait), .. }) = self.state().fiber_mut(id) {
            for task in &mut wait.tasks {
                if task.as_deref() == Some(item) {
                    *task = None;
                }
            }
        }
    }

    fn answer_manual(&mut self, id: FiberId, item: &str, value: Json, actor: &Actor) -> Answer {
        let Some(Fiber { state: State::Manual(manual), frame, .. }) = self.run.state.fiber(id)
        else {
            return Answer::TooLate;
        };
        if let Some(call) = manual.call.clone() {
            let outcome: Resolution = match serde_json::from_value(value) {
                Ok(outcome) => outcome,
                Err(_) => {
                    return Answer::Mismatch {
                        path: String::new(),
                        expected: "`{\"ok\": …}`, `{\"failed\": {\"name\": …}}` or `\"again\"`"
                            .to_owned(),
                    };
                }
            };
            return match self.settle_call(id, call, outcome) {
                Ok(()) => {
                    self.answered(id, item, actor);
                    Answer::Done
                }
                Err(answer) => answer,
            };
        }
        let machine = self.machine();
        let statement = machine
            .as_ref()
            .and_then(|machine| machine.spec().points.get(&frame.at))
            .is_some_and(|point| matches!(point.kind, PointKind::Manual));
        if !statement {
            return Answer::Refused("nothing at this point can take an answer".to_owned());
        }
        let queue = self.waits_for_place(id);
        self.answered(id, item, actor);
        self.ready(id, Happening::Answer(value));
        if queue {
            self.hold(id, Hold::Place);
        }
        Answer::Done
    }
}

/// An item as it stands.
struct Asked {
    arm: Option<usize>,
    assign: Vec<String>,
    claim: Option<String>,
    task: String,
    body: Json,
}
