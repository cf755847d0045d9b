//! Records that a run sets aside for a person.
//!
//! Promises: one letter for each record of the batch, however often it is rejected; of records that are
//! the same each has its own. What was rejected is part of the run's state, so nobody opens a letter
//! again that a person has closed.

use super::gather::{letter_body, place_letter};
use super::topic::letter;
use super::turn::Turn;
use crate::codegen::{Json, Machine, Schema, Ty, WorkflowSpec};
use crate::journal::{self, Happened};
use crate::key::canonical;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};

/// Places in a batch by the value that stands there.
pub(super) type Left = BTreeMap<String, VecDeque<usize>>;

/// What a rejected value is.
enum Which {
    /// The record at this place in the batch.
    Record(usize),
    /// All records with this value have been rejected before.
    Again,
    /// None of the batch: the program has made another record of it.
    Other,
}

impl Turn<'_> {
    /// Sets records of the run's batch aside for a person. A record is known by its value: of those that
    /// are the same it is the first one that was not rejected before. Where all of them were, only the
    /// history has the reason, for the letter has that of the first time.
    ///
    /// Crash: the letters are in the batch of this record; without it the run comes here again.
    pub(super) fn reject(&mut self, records: &[Json], why: &str) {
        let Some(machine) = self.machine() else { return };
        // Bound: a loop that rejects one by one looks at its batch once.
        let mut left = self.left.take().unwrap_or_else(|| self.unrejected(machine.as_ref()));
        let reading = reading(machine.spec());
        for record in records {
            let which = match left.get_mut(&canonical(&reading(record))) {
                Some(places) => places.pop_front().map_or(Which::Again, Which::Record),
                None => Which::Other,
            };
            match which {
                Which::Again => {}
                Which::Other => self.reject_other(record, why),
                Which::Record(index) => {
                    self.state().head_mut().rejected.insert(index as u64);
                    self.reject_one(record, index, why);
                }
            }
        }
        self.left = Some(left);
        let records = u32::try_from(records.len()).unwrap_or(u32::MAX);
        if records > 0 {
            self.note(Happened::Rejected { records, reason: why.to_owned() });
        }
    }

    /// The places in the batch that were not rejected, by what stands there; of what was rejected whole
    /// there are none.
    fn unrejected(&self, machine: &dyn Machine) -> Left {
        let mut places = Left::new();
        let Some((trigger, _)) = machine.spec().gathers() else { return places };
        let rejected = &self.run.state.head().rejected;
        let reading = reading(machine.spec());
        let batch = self.run.state.origin().input.get(&trigger.param);
        let items = batch.and_then(|batch| batch.get("items")).and_then(Json::as_array);
        for (index, item) in items.into_iter().flatten().enumerate() {
            let same = places.entry(canonical(&reading(item))).or_default();
            if !rejected.contains(index as u64) {
                same.push_back(index);
            }
        }
        places
    }

    fn reject_one(&mut self, record: &Json, index: usize, why: &str) {
        let origin = self.run.state.origin();
        let places = origin.gathered.as_deref();
        let read = places.and_then(|places| Some((places, places.offset(index)?)));
        // It was not read from a topic.
        let Some((places, offset)) = read else { return self.reject_other(record, why) };
        // Order: each run has a letter of its own, for this one may be of an earlier letter.
        let id = place_letter(places, offset, &self.id.to_string());
        let body = letter_body(places, (index, offset, record), &origin.workflow, why);
        self.put_rejected(id, body);
    }

    fn reject_other(&mut self, record: &Json, why: &str) {
        let id = journal::item_id(self.id, self.state().fresh());
        let workflow = &self.run.state.origin().workflow;
        let body = json!({
            "kind": "record", "message": why, "workflow": workflow, "payload": record,
        });
        self.put_rejected(id, body);
    }

    fn put_rejected(&mut self, id: String, mut body: Json) {
        if let Some(fields) = body.as_object_mut() {
            fields.insert("run".to_owned(), self.id.to_string().into());
        }
        let namespace = self.run.state.origin().namespace.clone();
        // Order: the row names no run, for it stays when the run's time is over.
        self.out.put_item(letter(id, (namespace, self.now), body));
    }
}

/// How a record reads at the boundary: machines write what is none in more than one way.
fn reading(spec: &WorkflowSpec) -> impl Fn(&Json) -> Json {
    let event = spec.gathers().map(|(trigger, _)| Ty::Named(trigger.event.clone()));
    let schema: &Schema = &spec.schema;
    move |record| {
        let read = event.as_ref().and_then(|event| schema.decode(event, record).ok());
        read.unwrap_or_else(|| record.clone())
    }
}
