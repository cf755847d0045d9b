//! People: human tasks, `manual` questions, and who may answer them (Q1).

use super::input::{Actor, Answer, Resolution, TaskAct};
use super::step::About;
use super::turn::Turn;
use crate::codegen::{Arm, AskSpec, Frame, Json};
use crate::journal::Happened;
use crate::run::{Call, Fiber, FiberId, Happening, Hold, Manual, State, Unit};

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
    pub(super) fn ask_person(&mut self, id: FiberId, frame: Frame, question: String, about: About) {
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.frame = frame;
        }
        let path = self.path(id);
        let About { mut call, unit } = about;
        if call.is_none() {
            // A known outcome is asked about too: the frame rests at the call's own point.
            call = self.call_at_rest(id, &path);
        }
        let body = self.question_body(id, &question, (call.as_deref(), unit.as_deref()));
        let item = self.open_item(KIND, body);
        self.note(Happened::Asked { path, question: question.clone(), item: item.clone() });
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.state = State::Manual(Manual { question, item, claim: None, call, unit });
        }
        self.child_rests(id);
    }

    /// The item of a question. `step` says that it is answered with an outcome; about a block that
    /// failed the item also says which errors can be answered, and whether it can be done again.
    fn question_body(
        &self,
        id: FiberId,
        question: &str,
        (call, unit): (Option<&Call>, Option<&Unit>),
    ) -> Json {
        let at = self.run.state.fiber(id).map(|fiber| fiber.frame.at.as_str()).unwrap_or_default();
        let ask = self.ask_spec(at).filter(|_| call.is_none());
        let mut body = serde_json::json!({
            "title": question, "assign": ["role:operator"], "path": self.path(id), "at": at,
            "manual": true, "step": call.is_some() || ask.is_some(),
        });
        if let (Some(ask), Some(fields)) = (ask, body.as_object_mut()) {
            let failed = unit.is_some();
            let errors = ask.errors.into_iter().filter(|_| failed).map(|error| error.name);
            fields.insert("errors".to_owned(), errors.collect());
            fields.insert("again".to_owned(), (failed && ask.again).into());
        }
        body
    }

    /// What may be answered at a point, where a question there is about more than one call.
    pub(super) fn ask_spec(&self, at: &str) -> Option<AskSpec> {
        self.run.machine.as_ref()?.spec().points.get(at)?.ask.clone()
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
                let about = (manual.call.as_deref(), manual.unit.as_deref());
                let body = self.question_body(*id, &manual.question, about);
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
        let Some(fiber) = self.run.state.fiber(id) else { return Answer::TooLate };
        let State::Manual(manual) = &fiber.state else { return Answer::TooLate };
        let (call, unit, at) = (manual.call.clone(), manual.unit.clone(), fiber.frame.at.clone());
        let ask = self.ask_spec(&at);
        if call.is_none() && ask.is_none() {
            let queue = self.waits_for_place(id);
            self.answered(id, item, actor);
            self.ready(id, Happening::Answer(value));
            if queue {
                self.hold(id, Hold::Place);
            }
            return Answer::Done;
        }
        let outcome: Resolution = match serde_json::from_value(value) {
            Ok(outcome) => outcome,
            Err(_) => {
                let expected = "`{\"ok\": …}`, `{\"failed\": {\"name\": …}}` or `\"again\"`";
                return Answer::Mismatch { path: String::new(), expected: expected.to_owned() };
            }
        };
        let settled = match (call, ask) {
            (Some(call), _) => self.settle_call(id, call, outcome),
            (None, Some(ask)) => self.settle_block(id, unit, &ask, outcome),
            (None, None) => Ok(()),
        };
        match settled {
            Ok(()) => {
                self.answered(id, item, actor);
                Answer::Done
            }
            Err(answer) => answer,
        }
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
