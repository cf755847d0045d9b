//! Batches that were read from a partition: one run for each.
//!
//! Promises: a run of a batch lives where its partition's position is, and begins in the batch of the
//! store that moves that position, so each offset is in one run's input. Its key is the batch's id,
//! which says the place; nobody else can start under such a key, so nothing has to be looked up.
//!
//! Must not: know when a batch is full.

use super::Shard;
use super::input::{BatchItem, Gathering};
use super::output::Output;
use super::start::Waiting;
use super::topic::letter;
use crate::codegen::{Json, Values, WorkflowSpec};
use crate::id::slot_of;
use crate::key::canonical;
use crate::port::EventRow;
use crate::run::{Gathered, Origin, Ranges};
use crate::time::Time;
use crate::value::print_time;
use serde_json::json;
use std::collections::BTreeMap;

const HOUR_MS: i64 = 3_600_000;

/// The slot of a start key: that of the partition where the key is the id of a batch that was read
/// from one, and that of the key itself everywhere else.
#[must_use]
pub fn start_slot(namespace: &str, spec: &WorkflowSpec, key: &str) -> u16 {
    match place(spec, key) {
        Some((topic, partition)) => slot_of("", &topic, &partition),
        None => slot_of(namespace, &spec.name, key),
    }
}

/// Whether a start key is the id of a batch that was read from a partition.
pub(super) fn is_place(spec: &WorkflowSpec, key: &str) -> bool {
    place(spec, key).is_some()
}

/// Topic and partition of a batch's id. Names of topics hold no slash.
fn place(spec: &WorkflowSpec, key: &str) -> Option<(String, String)> {
    spec.gathers()?;
    let id: String = serde_json::from_str(key).ok()?;
    let mut parts = id.split('/');
    let (topic, partition, _, offsets) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (first, last) = offsets.split_once('-')?;
    let numbers = partition.parse::<u32>().is_ok()
        && first.parse::<u64>().is_ok()
        && last.parse::<u64>().is_ok();
    (numbers && parts.count() <= 1).then(|| (topic.to_owned(), partition.to_owned()))
}

/// Runs of batches that have not ended, by whose they are and the partition they were read from.
#[derive(Default)]
pub(super) struct Batches(BTreeMap<(String, String, u32), usize>);

impl Batches {
    fn place(origin: &Origin) -> Option<(String, String, u32)> {
        let Gathered { topic, partition, .. } = origin.gathered.as_deref()?;
        Some((origin.workflow.clone(), topic.clone(), *partition))
    }

    pub(super) fn began(&mut self, origin: &Origin) {
        Self::place(origin).into_iter().for_each(|place| *self.0.entry(place).or_default() += 1);
    }

    pub(super) fn ended(&mut self, origin: &Origin) {
        let Some(place) = Self::place(origin) else { return };
        if let Some(count) = self.0.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&place);
            }
        }
    }
}

impl Gathering {
    /// The same for the same records of the same topic, whoever reads them and however often.
    fn id(&self) -> String {
        let Self { topic, topic_id, partition, items, again, .. } = self;
        let (first, last) = self.ends();
        debug_assert!(!items.is_empty(), "a batch has records");
        let again = again.as_ref().map(|again| format!("/{again}")).unwrap_or_default();
        format!("{topic}/{partition}/{topic_id}/{first}-{last}{again}")
    }

    fn ends(&self) -> (u64, u64) {
        let end = |item: Option<&BatchItem>| item.map_or(0, |item| item.offset);
        (end(self.items.first()), end(self.items.last()))
    }

    fn places(&self) -> Gathered {
        let Self { topic, topic_id, partition, items, .. } = self;
        let mut places = Gathered {
            topic: topic.clone(),
            topic_id: topic_id.clone(),
            partition: *partition,
            offsets: Ranges::default(),
            whole: items.iter().filter_map(|item| item.whole.clone()).collect(),
        };
        items.iter().for_each(|item| places.offsets.insert(item.offset));
        places
    }

    /// The workflow's input.
    fn input(&mut self, now: Time, spec: &WorkflowSpec, id: &str) -> Result<Values, String> {
        let (trigger, _) = spec.gathers().ok_or("it takes no batches")?;
        let ty = spec.params.iter().find(|(name, _)| *name == trigger.param).map(|(_, ty)| ty);
        let ty = ty.ok_or_else(|| format!("it has no parameter `{}`", trigger.param))?;
        let (first, last) = self.ends();
        let items: Vec<Json> = self.items.iter().map(|item| item.payload.clone()).collect();
        let batch = json!({
            "items": items, "id": id, "partition": self.partition,
            "first_offset": first, "last_offset": last,
            "started": print_time(now), "hour": print_time(Time(now.0 - now.0.rem_euclid(HOUR_MS))),
        });
        let batch = spec.schema.decode(ty, &batch).map_err(|mismatch| mismatch.to_string())?;
        Ok([(trigger.param.clone(), batch)].into())
    }
}

impl Shard {
    /// How many runs of batches of a partition have not ended: whoever reads it reads no further
    /// while there are many.
    #[must_use]
    pub fn batches(&self, workflow: &str, topic: &str, partition: u32) -> usize {
        let place = (workflow.to_owned(), topic.to_owned(), partition);
        self.batches.0.get(&place).copied().unwrap_or(0)
    }

    /// Starts the run of a batch.
    ///
    /// Crash: its first record is in the batch that moves the position behind its records, or closes
    /// the letter of the one that comes again. Without it the records are gathered again, perhaps
    /// with others beside them, and nobody has seen this id.
    pub(super) fn start_batch(&mut self, now: Time, mut batch: Gathering, out: &mut Output) {
        if batch.items.is_empty() {
            return;
        }
        let Some(machine) = self.machines.for_start(&batch.workflow, None).cloned() else {
            return self.set_all_aside(now, &batch, "no such workflow is here", out);
        };
        let id = batch.id();
        match batch.input(now, machine.spec(), &id) {
            Ok(input) => {
                let key = canonical(&Json::from(id.clone()));
                debug_assert!(self.place.owns(start_slot(&batch.namespace, machine.spec(), &key)));
                let from = (batch.namespace.as_str(), id.as_str());
                let waiting = Waiting::gathered(machine, input, from, batch.places());
                self.admit_batch(now, (batch.namespace, key), waiting, out);
            }
            Err(why) => self.set_all_aside(now, &batch, &why, out),
        }
    }

    /// Whether an event of ours is read for a workflow's batches for the first time; what others wrote
    /// always is.
    ///
    /// Crash: its id is in the batch of the store that moves the position behind it.
    pub(super) fn is_first(
        &mut self,
        now: Time,
        workflow: Option<&str>,
        item: &BatchItem,
        out: &mut Output,
    ) -> bool {
        let (Some(workflow), Some((namespace, id))) = (workflow, &item.own) else { return true };
        // Order: whoever takes the event in by itself, or for other batches, knows it by another id.
        let id = format!("{id} in {workflow}");
        if self.events.knows(namespace, &id) {
            return false;
        }
        self.events.remember(namespace.clone(), id.clone(), now);
        out.batch.events.push(EventRow {
            id,
            namespace: namespace.clone(),
            event: workflow.to_owned(),
            key: String::new(),
            // Nobody waits for it, and nothing comes before it.
            number: 0,
            at: now,
            payload: Json::Null,
        });
        true
    }

    /// Nothing is lost of a batch that no run can have.
    fn set_all_aside(&self, now: Time, batch: &Gathering, why: &str, out: &mut Output) {
        let places = batch.places();
        for (index, item) in batch.items.iter().enumerate() {
            let mut id = place_letter(&places, item.offset, &batch.workflow);
            id.extend(batch.again.iter().flat_map(|again| [".", again.as_str()]));
            let record = (index, item.offset, &item.payload);
            let body = letter_body(&places, record, &batch.workflow, why);
            out.put_item(letter(id, (batch.namespace.clone(), now), body));
        }
    }
}

pub(super) fn place_letter(places: &Gathered, offset: u64, of: &str) -> String {
    let Gathered { topic, topic_id, partition, .. } = places;
    format!("record.{topic}.{partition}.{topic_id}.{offset}.{of}")
}

pub(super) fn letter_body(
    places: &Gathered,
    (index, offset, payload): (usize, u64, &Json),
    workflow: &str,
    why: &str,
) -> Json {
    let Gathered { topic, topic_id, partition, whole, .. } = places;
    let mut body = json!({
        "kind": "record", "message": why, "workflow": workflow, "topic": topic,
        "topic_id": topic_id, "partition": partition, "offset": offset, "payload": payload,
    });
    let whole = whole.get(index).and_then(Json::as_object);
    if let (Some(fields), Some(whole)) = (body.as_object_mut(), whole) {
        fields.extend(whole.clone());
    }
    body
}
