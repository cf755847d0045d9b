//! What events start.
//!
//! Promises: an event starts each workflow that it triggers once: one that its home keeps is offered
//! until that is done, one that is known by its place in a topic with the position that passes it.
//!
//! Must not: decide about a start key of another shard.

use super::Shard;
use super::output::Output;
use super::start::Waiting;
use crate::codegen::{Json, Machine, Values};
use crate::id::{ShardId, shard_of, slot_of};
use crate::journal::{EventBody, Mail, ShardRecord};
use crate::key::canonical;
use crate::time::Time;
use std::sync::Arc;

/// A start that an event asks for.
struct Wanted {
    machine: Arc<dyn Machine>,
    param: String,
    value: Json,
}

/// The same, with what it comes to.
struct Keyed {
    machine: Arc<dyn Machine>,
    key: String,
    input: Values,
    /// Where the key lives.
    home: ShardId,
}

impl Shard {
    /// Takes in an event that is known by its place in a topic, with the position that passes it.
    ///
    /// Order: nobody else brings an event of this id, so its home has not to be asked whether it knows
    /// it; the starts leave from here, and the home gets it only where a run may wait for it.
    pub(super) fn accept_placed(
        &mut self,
        now: Time,
        mut event: EventBody,
        offset: u64,
        out: &mut Output,
    ) {
        // The only shard of a store is sent nothing, by itself neither.
        if self.place.of <= 1 {
            return self.accept_event(now, event, None, out);
        }
        let starts = self.wanted(&event);
        event.offered = !starts.is_empty();
        for wanted in starts {
            let workflow = wanted.machine.spec().name.clone();
            match self.keyed(&event, wanted) {
                // Crash: the message is in the batch that moves the position; both or neither.
                Ok(start) => self.send_start(&event, start, (now, offset), out),
                Err(message) => self.undeliverable(now, &event, &workflow, &message, out),
            }
        }
        // Order: what starts nothing by the programs here may do so where its home is.
        let name = &event.event;
        if self.interest.waits(name) || (!event.offered && self.interest.any(name)) {
            self.accept_event(now, event, None, out);
        }
    }

    /// Starts what an event triggers, at its home.
    pub(super) fn offer(
        &mut self,
        now: Time,
        (position, event): (u64, EventBody),
        out: &mut Output,
    ) {
        let starts = self.wanted(&event);
        if starts.is_empty() {
            return;
        }
        self.events.pend(&event, starts.len(), position);
        for wanted in starts {
            self.trigger(now, &event, wanted, out);
        }
    }

    /// The starts of the newest version of each workflow that it triggers.
    fn wanted(&self, event: &EventBody) -> Vec<Wanted> {
        let mut starts = Vec::new();
        for machine in self.machines.newest() {
            for trigger in &machine.spec().triggers {
                // What is gathered comes from its topic only, whose position is its key.
                if trigger.event != event.event || trigger.gather.is_some() {
                    continue;
                }
                let value = match &trigger.field {
                    Some(field) => event.payload.get(field).cloned().unwrap_or(Json::Null),
                    None => event.payload.clone(),
                };
                let (machine, param) = (machine.clone(), trigger.param.clone());
                starts.push(Wanted { machine, param, value });
            }
        }
        starts
    }

    fn keyed(&self, event: &EventBody, wanted: Wanted) -> Result<Keyed, String> {
        let Wanted { machine, param, value } = wanted;
        let spec = machine.spec();
        let ty = spec.params.iter().find(|(name, _)| *name == param).map(|(_, ty)| ty);
        let ty = ty.ok_or_else(|| format!("the workflow has no parameter `{param}`"))?;
        let value = spec.schema.decode(ty, &value).map_err(|mismatch| mismatch.to_string())?;
        let input: Values = [(param, value)].into();
        let key = machine.key(&input).map_err(|fault| fault.message)?;
        // Without a declared key the event's id is the key, so that it starts one run.
        let key = canonical(&key.unwrap_or_else(|| Json::from(event.id.clone())));
        let home = shard_of(slot_of(&event.namespace, &spec.name, &key), self.place.of);
        Ok(Keyed { machine, key, input, home })
    }

    fn send_start(&mut self, event: &EventBody, start: Keyed, came: (Time, u64), out: &mut Output) {
        let Keyed { machine, key, input, home } = start;
        let start = Mail::Start {
            namespace: event.namespace.clone(),
            workflow: machine.spec().name.clone(),
            key,
            input,
            event: event.id.clone(),
            came,
        };
        self.post(home, &start, out);
    }

    fn trigger(&mut self, now: Time, event: &EventBody, wanted: Wanted, out: &mut Output) {
        let workflow = wanted.machine.spec().name.clone();
        let (namespace, id) = (event.namespace.clone(), event.id.clone());
        match self.keyed(event, wanted) {
            Ok(Keyed { machine, key, input, home }) if home == self.place.shard => {
                let waiting = Waiting::triggered(machine, input, event);
                return self.start_with(now, namespace, Some(key), waiting, out);
            }
            Ok(start) => self.send_start(event, start, (event.at, event.number), out),
            Err(message) => self.undeliverable(now, event, &workflow, &message, out),
        }
        self.triggered(now, namespace, id, out);
    }

    fn undeliverable(
        &mut self,
        now: Time,
        event: &EventBody,
        workflow: &str,
        message: &str,
        out: &mut Output,
    ) {
        out.put_item(crate::port::ItemRow {
            id: format!("event.{}.{workflow}", event.id),
            kind: super::letter::KIND.to_owned(),
            namespace: event.namespace.clone(),
            run: None,
            open: true,
            at: now,
            body: serde_json::json!({
                "kind": "event", "event": event.event, "key": event.key, "id": event.id,
                "payload": event.payload, "workflow": workflow, "message": message,
            }),
        });
    }

    /// One thing that had to be done for an event is done; the last one is recorded.
    pub(super) fn triggered(&mut self, now: Time, namespace: String, id: String, out: &mut Output) {
        if self.events.done(&namespace, &id) {
            // Crash: without this record the event is offered again, and its keys answer.
            self.shard_record(now, &ShardRecord::Triggered { namespace, id }, out);
        }
    }
}
