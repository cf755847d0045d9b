//! What the world does about a call, a question, a wait.

use super::service::{Asked, Plan};
use super::transaction;
use super::{Applied, Called, Chance, Choice, Due, GivenAnswer, World};
use crate::codec::print_json;
use sagaflow_core::codegen::{Arm, Frame, Json, Subscription, Ty as BoundaryTy};
use sagaflow_core::codegen::{Machine as _, SampleSeed, Schema};
use sagaflow_core::id::RunId;
use sagaflow_core::run::{Fiber, State};
use sagaflow_core::service::{Attempt, Purpose};
use sagaflow_core::shard::Send;
use sagaflow_core::time::Time;
use sagaflow_core::transaction::{ACTION, SETTLE};
use sagaflow_fir::{Action, Class, Fir, Ty};
use std::time::Duration;

/// A request that was sent, is not applied, and may still arrive.
pub(super) struct Hanging {
    /// What it would apply: of a transaction, its statements.
    effects: Vec<Applied>,
    pub(super) action: Action,
    usual: Json,
    /// It arrives in the end, whatever came of its key.
    late: bool,
}

impl World<'_> {
    /// A call leaves: its service answers, at once or after the time it was given.
    pub(super) fn send(&mut self, send: Send) {
        let Send { ticket, call, args, .. } = send;
        let name = format!("{}.{}", call.service, call.action);
        let contract = self.program.fir().action(&call.service, &call.action).cloned();
        let Some(action) = contract.or_else(|| transaction::action(&call.action)) else {
            let message = format!("`{name}` is in no contract");
            return self.schedule(0, Due::Outcome(ticket, Attempt::Fault { message }));
        };
        let effect = Applied { run: call.run, action: name.clone(), key: call.key.clone() };
        let (usual, effects, ended) = match call.action == ACTION {
            // What is known under the key is answered again; nothing is done twice.
            true if !self.services.may_apply(&call.key, &action) => (Json::Null, Vec::new(), None),
            true => self.transact(ticket, &call, &args),
            false => (self.usual(&call, &action.result, &args), vec![effect], None),
        };
        self.note_call(ticket, &call, &name, &usual);
        let within = millis(call.within);
        let (plan, mut after_ms) = self.plan(ticket, &call, &name, &args, &usual);
        // What the block came to by itself is what its database answers, unless it is told otherwise.
        let plan = match ended {
            Some(ended) if matches!(plan, Plan::Answer(_)) => ended,
            _ => plan,
        };
        let asked = Asked {
            key: &call.key,
            undoes: call.undoes.as_deref(),
            purpose: call.purpose,
            name: &name,
            action: &action,
            usual: &usual,
        };
        if plan == Plan::Timeout {
            after_ms = within;
        }
        let writes = call.purpose == Purpose::Do && action.class != Class::Read;
        let late = plan == Plan::UnknownLate;
        let hangs = writes && (late || matches!(plan, Plan::UnknownLost | Plan::Timeout));
        let mut answered = self.services.answer(&asked, plan);
        if call.action == SETTLE {
            answered.attempt = transaction::settled(answered.attempt);
        }
        if answered.applied {
            let read = action.class == Class::Read;
            effects.iter().for_each(|effect| self.ledger.applied(effect.clone(), read));
        }
        if hangs {
            self.hanging.insert(call.key.clone(), Hanging { effects, action, usual, late });
        }
        if let Some(forward) = &call.undoes {
            self.arrive_late(forward);
        }
        if after_ms > within {
            // It was done, but nobody waited for the answer.
            after_ms = within;
            let cause = "it took too long".to_owned();
            answered.attempt = Attempt::Unknown { cause, timeout: true };
        }
        self.schedule(after_ms, Due::Outcome(ticket, answered.attempt));
    }

    /// A request that hung on its way arrives as soon as its key is spent: by contract it is refused.
    fn arrive_late(&mut self, key: &str) {
        if self.services.is_spent(key) {
            self.arrive(key);
        }
    }

    /// Requests that hung on their way arrive behind everything else.
    pub(super) fn arrive_last(&mut self) {
        let late = self.hanging.iter().filter(|(_, hanging)| hanging.late);
        let keys: Vec<String> = late.map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| self.arrive(key));
    }

    fn arrive(&mut self, key: &str) {
        let Some(Hanging { effects, action, usual, .. }) = self.hanging.remove(key) else { return };
        let name = effects.first().map(|effect| effect.action.clone()).unwrap_or_default();
        let asked = Asked {
            key,
            undoes: None,
            purpose: Purpose::Do,
            name: &name,
            action: &action,
            usual: &usual,
        };
        let answered = self.services.answer(&asked, Plan::Answer(usual.clone()));
        for effect in effects {
            if answered.applied {
                self.ledger.applied(effect.clone(), false);
            }
            self.ledger.arrived_late(effect);
        }
    }

    pub(super) fn note_call(
        &mut self,
        ticket: sagaflow_core::shard::Ticket,
        call: &sagaflow_core::service::Call,
        name: &str,
        usual: &Json,
    ) {
        self.note_at(ticket, call, (None, name), usual);
    }

    /// The same for what is not at the point of its fiber: a statement inside a transaction.
    pub(super) fn note_at(
        &mut self,
        ticket: sagaflow_core::shard::Ticket,
        call: &sagaflow_core::service::Call,
        (at, name): (Option<&str>, &str),
        usual: &Json,
    ) {
        let state = self.shard.run(call.run);
        let fiber = state.and_then(|state| {
            state.fibers().values().find(|f| f.call().is_some_and(|c| c.id == ticket.call))
        });
        let rests = fiber.and_then(Fiber::call).map(|call| call.at.clone());
        let at = at.map(str::to_owned).or(rests).unwrap_or_default();
        let iteration = fiber.map(|fiber| fiber.frame.iteration.clone()).unwrap_or_default();
        let workflow = state.map(|state| state.origin().workflow.clone()).unwrap_or_default();
        let around = self.program.interpreter(&workflow).map_or_else(Vec::new, |machine| {
            machine.forks_around(&at, &iteration, call.purpose.word())
        });
        self.ledger.sent(Called {
            run: call.run,
            action: name.to_owned(),
            key: call.key.clone(),
            at,
            path: call.path.clone(),
            purpose: call.purpose,
            record: self.records.count(call.run),
            usual: usual.clone(),
            around,
        });
    }

    /// What the service answers where nothing is given (verdict 59).
    pub(super) fn usual(
        &self,
        call: &sagaflow_core::service::Call,
        result: &Option<Ty>,
        args: &Json,
    ) -> Json {
        let chosen = self.script.choices.iter().rev().find_map(|choice| match choice {
            Choice::Result { path, value } if *path == call.path && call.purpose == Purpose::Do => {
                Some(value.clone())
            }
            _ => None,
        });
        if let Some(value) = chosen {
            return value;
        }
        let fir = self.program.fir();
        if let Some(sample) = fir.samples.get(&format!("{}.{}", call.service, call.action)) {
            return sample.clone();
        }
        let Some(ty) = result.as_ref().and_then(boundary) else { return Json::Null };
        let state = self.shard.run(call.run);
        let workflow = state.map(|state| state.origin().workflow.clone()).unwrap_or_default();
        let Some(machine) = self.program.interpreter(&workflow) else { return Json::Null };
        let schema = &machine.spec().schema;
        let params = fir.action(&call.service, &call.action).map(|action| &action.params);
        let money = params.into_iter().flatten().find_map(|param| {
            let is_money = matches!(crate::eval::plain(fir, &param.ty), Ty::Money(_));
            args.get(&param.name).filter(|_| is_money)
        });
        let seed = SampleSeed { key: &call.key, name: &call.action, now: self.now, money };
        schema.sample(&ty, &seed)
    }

    /// How the service behaves this time, and after how long it answers.
    pub(super) fn plan(
        &mut self,
        ticket: sagaflow_core::shard::Ticket,
        call: &sagaflow_core::service::Call,
        name: &str,
        args: &Json,
        usual: &Json,
    ) -> (Plan, i64) {
        for (index, failing) in self.script.failing.iter().enumerate() {
            let here = failing.path == call.path
                && failing.action == name
                && failing.purpose == call.purpose;
            if !here {
                continue;
            }
            let id = (call.run, ticket.call);
            let struck = *self.struck.entry(index).or_insert(id);
            if struck == id && call.attempt <= failing.attempts {
                return (failing.plan.clone(), 0);
            }
        }
        let fits = |given: &&mut super::Given| {
            let args_fit = given.args.as_ref().is_none_or(|wanted| {
                wanted.iter().all(|(name, value)| args.get(name).unwrap_or(&Json::Null) == value)
            });
            given.target == name && args_fit && given.left != Some(0)
        };
        match self.script.given.iter_mut().rev().find(fits) {
            Some(given) => {
                if let Some(left) = &mut given.left {
                    *left -= 1;
                }
                (given.answer.plan(), given.after_ms)
            }
            None => (Plan::Answer(usual.clone()), 0),
        }
    }

    /// Looks at what waits for people and events.
    pub(super) fn look(&mut self) {
        self.look_at_items();
        self.look_at_waits();
    }

    fn look_at_items(&mut self) {
        let open: Vec<_> = self
            .records
            .open_items()
            .filter(|item| item.kind == "task" && !self.offered.contains(&item.id))
            .cloned()
            .collect();
        for item in open {
            self.offered.insert(item.id.clone());
            let Some(run) = item.run else { continue };
            let path = item.body.get("path").and_then(Json::as_str).unwrap_or_default();
            if item.body.get("manual") == Some(&Json::Bool(true)) {
                match self.manual_answer(run, path) {
                    Some(answer) => self.answer_task(&item.id, answer, 0),
                    None => self.questions.push(super::Question::of(run, &item.body)),
                }
                continue;
            }
            let task = item.body.get("task").and_then(Json::as_str).unwrap_or_default();
            self.choices.push(Chance::Task(path.to_owned(), task.to_owned()));
            if let Some((value, after_ms)) = self.task_answer(run, task, path) {
                self.answer_task(&item.id, value, after_ms);
            }
        }
    }

    /// The answer to the next question at a path: the first question there takes the first answer.
    fn manual_answer(&mut self, run: RunId, path: &str) -> Option<Json> {
        let asked = self.asked.entry((run, path.to_owned())).or_default();
        let before = std::mem::replace(asked, *asked + 1);
        let mut answers = self.script.choices.iter().filter_map(|choice| match choice {
            Choice::Manual { path: here, answer } if here == path => Some(answer),
            _ => None,
        });
        answers.nth(before).cloned()
    }

    /// A person's answer, and after how long; none where nobody answers.
    fn task_answer(&mut self, run: RunId, task: &str, path: &str) -> Option<(Json, i64)> {
        // Order: what the test says holds in every run, so it comes before what the enumeration tries.
        let fits = |given: &&mut super::Given| given.target == task && given.left != Some(0);
        if let Some(given) = self.script.given.iter_mut().rev().find(fits) {
            if let Some(left) = &mut given.left {
                *left -= 1;
            }
            return match &given.answer {
                GivenAnswer::Value(value) => Some((value.clone(), given.after_ms)),
                _ => None,
            };
        }
        let chosen = self.script.choices.iter().rev().find_map(|choice| match choice {
            Choice::Task { path: here, answer } if here == path => Some(answer.clone()),
            _ => None,
        });
        match chosen {
            Some(answer) => answer.map(|answer| (answer, 0)),
            None => {
                let answer =
                    sample_answer(self.program.fir(), self.schema(run)?, (task, path), self.now)?;
                Some((answer, 0))
            }
        }
    }

    fn schema(&self, run: RunId) -> Option<&Schema> {
        let workflow = &self.shard.run(run)?.origin().workflow;
        Some(&self.program.interpreter(workflow)?.spec().schema)
    }

    /// Sends the events that are scripted for waits by name, or chosen; also those that interrupt the
    /// units that are open.
    fn look_at_waits(&mut self) {
        let mut found = Vec::new();
        for (run, state) in self.shard.runs() {
            let workflow = &state.origin().workflow;
            for fiber in state.fibers().values() {
                let awaited = &mut self.awaited;
                let mut see = |frame: &Frame, began: u64, events: Vec<(usize, Subscription)>| {
                    let (at, iteration) = (frame.at.clone(), frame.iteration.clone());
                    if awaited.insert((run, at.clone(), iteration.clone(), began)) {
                        found.push(((run, at, iteration), workflow.clone(), events));
                    }
                };
                for unit in &fiber.units {
                    let events = unit.interrupts.iter().cloned().enumerate();
                    see(&unit.frame, unit.entered, events.collect());
                }
                if let State::Wait(wait) = &fiber.state {
                    let events =
                        wait.arms.iter().enumerate().filter_map(|(index, arm)| match arm {
                            Arm::Event(subscription) => Some((index, subscription.clone())),
                            _ => None,
                        });
                    see(&fiber.frame, wait.began, events.collect());
                }
            }
        }
        for ((run, at, iteration), workflow, events) in found {
            let path = self.path_of(&workflow, &at, &iteration);
            for (index, subscription) in events {
                self.choices.push(Chance::Event(path.clone(), index));
                let sent = self.event_for(run, (&at, &path), index, &subscription);
                if let Some((payload, after_ms)) = sent {
                    self.deliver(&subscription.event, payload, after_ms);
                }
            }
        }
    }

    fn path_of(&self, workflow: &str, at: &str, iteration: &[u32]) -> String {
        let machine = self.program.interpreter(workflow);
        let point = machine.and_then(|machine| machine.spec().points.get(at));
        point.map_or_else(|| at.to_owned(), |point| point.filled(iteration))
    }

    fn event_for(
        &mut self,
        run: RunId,
        (at, path): (&str, &str),
        index: usize,
        subscription: &Subscription,
    ) -> Option<(Json, i64)> {
        let last = at.rsplit('/').next().unwrap_or(at);
        let name = last.split('~').next().unwrap_or(last);
        let fits = |given: &&mut super::Given| {
            (given.target == name || given.target == subscription.event) && given.left != Some(0)
        };
        // Order: as for people, what the test says holds in every run.
        if let Some(given) = self.script.given.iter_mut().rev().find(fits) {
            if let Some(left) = &mut given.left {
                *left -= 1;
            }
            return match &given.answer {
                GivenAnswer::Value(value) => Some((value.clone(), given.after_ms)),
                _ => None,
            };
        }
        let chosen = self.script.choices.iter().any(|choice| {
            matches!(choice, Choice::Event { path: here, arm } if here == path && *arm == index)
        });
        chosen.then(|| self.sample_event(run, subscription)).flatten().map(|payload| (payload, 0))
    }

    /// An event of the awaited kind, with the key that is waited for.
    fn sample_event(&self, run: RunId, subscription: &Subscription) -> Option<Json> {
        let decl = self.program.fir().events.get(&subscription.event)?;
        let ty = BoundaryTy::Named(subscription.event.clone());
        let name = subscription.event.rsplit('.').next().unwrap_or_default();
        let seed = SampleSeed { key: &subscription.key, name, now: self.now, money: None };
        let mut payload = self.schema(run)?.sample(&ty, &seed);
        let mut slot = &mut payload;
        for part in decl.key.split('.') {
            slot = slot.get_mut(part)?;
        }
        // Keys of other types than text are printed as they stand in JSON.
        *slot = match slot {
            Json::String(_) => Json::from(subscription.key.as_str()),
            _ => serde_json::from_str(&subscription.key).ok()?,
        };
        Some(payload)
    }
}

/// What a person answers where nothing is given.
pub(crate) fn sample_answer(
    fir: &Fir,
    schema: &Schema,
    (task, path): (&str, &str),
    now: Time,
) -> Option<Json> {
    let ty = boundary(&fir.humans.get(task)?.answer)?;
    let short = task.rsplit('.').next().unwrap_or(task);
    let seed = SampleSeed { key: path, name: short, now, money: None };
    Some(schema.sample(&ty, &seed))
}

/// The key of an event's payload, as text.
pub(super) fn event_key(fir: &Fir, event: &str, payload: &Json) -> String {
    let path = fir.events.get(event).map_or("", |decl| &decl.key);
    let mut key = payload;
    for part in path.split('.') {
        key = key.get(part).unwrap_or(&Json::Null);
    }
    print_json(key)
}

/// A type as the boundary names it.
pub(crate) fn boundary(ty: &Ty) -> Option<BoundaryTy> {
    serde_json::from_value(serde_json::to_value(ty).ok()?).ok()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
