//! Records of topics as events: which one it is, its id, and a payload that fits its declaration.
//!
//! Promises: the same record gives the same id whenever it is read; what cannot be read is handed on
//! whole, with the reason.

use super::port::Record;
use crate::input;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sagaflow_core::codegen::{EventSpec, GatherSpec, Json, Machine, Schema, WorkflowSpec};
use sagaflow_core::id::RunId;
use sagaflow_core::shard::{Arrived, BatchItem};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Headers of our own messages.
pub(super) const ID: &str = "flow-id";
pub(super) const RUN: &str = "flow-run";
pub(super) const NAMESPACE: &str = "flow-namespace";
pub(super) const EVENT: &str = "flow-event";
pub(super) const CONTENT: &str = "content-type";
pub(super) const TRACE: &str = "traceparent";

/// What records of a topic may be.
struct Known {
    name: String,
    spec: EventSpec,
    schema: Schema,
    /// Somebody takes it in by itself.
    single: bool,
}

/// Who reads a topic: everybody who takes events one by one, or a workflow that takes batches of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(super) topic: String,
    /// None: for single events.
    pub(super) batches: Option<Batches>,
}

/// Batches of one event's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batches {
    /// The workflow that takes them.
    pub(super) workflow: String,
    pub(super) event: String,
    pub(super) gather: GatherSpec,
}

impl Reader {
    /// The workflow whose batches it reads.
    pub(super) fn workflow(&self) -> Option<&str> {
        self.batches.as_ref().map(|batches| batches.workflow.as_str())
    }
}

/// Where a record was read.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) topic: &'a str,
    pub(super) topic_id: &'a str,
    pub(super) partition: u32,
}

/// Reads records as events of the hosted workflows.
pub(crate) struct Decoder {
    /// Of the node.
    namespace: String,
    topics: BTreeMap<String, Vec<Known>>,
    readers: Vec<Reader>,
}

impl Decoder {
    /// Of the events that these workflows await.
    pub(crate) fn new(namespace: &str, machines: &[Arc<dyn Machine>]) -> Self {
        let mut topics: BTreeMap<String, Vec<Known>> = BTreeMap::new();
        for spec in in_order(machines) {
            let gathered = spec.gathers().map(|(trigger, _)| &trigger.event);
            let read = |name, event: &EventSpec| event.awaited || gathered == Some(name);
            for (name, event) in spec.events.iter().filter(|(name, event)| read(name, event)) {
                let Some(topic) = &event.topic else { continue };
                let known = topics.entry(topic.clone()).or_default();
                let single = known.iter().any(|known| known.name == *name && known.single);
                let single = single || event.awaited;
                // Order: the version that was loaded last says what a payload is.
                known.retain(|known| known.name != *name);
                let (spec, schema) = (event.clone(), spec.schema.clone());
                known.push(Known { name: name.clone(), spec, schema, single });
            }
        }
        let readers = readers(&topics, machines);
        Self { namespace: namespace.to_owned(), topics, readers }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn readers(&self) -> &[Reader] {
        &self.readers
    }

    /// Who reads the batches of a workflow here.
    pub(super) fn batches(&self, workflow: &str) -> Option<&Reader> {
        self.readers.iter().find(|reader| reader.workflow() == Some(workflow))
    }

    /// A record as what a shard takes in from this reader; none where it is for others.
    pub(super) fn decode(
        &self,
        reader: &Reader,
        from: From<'_>,
        record: &Record,
    ) -> Option<Arrived> {
        let offset = record.offset;
        let (known, event) = match self.event(from, record) {
            Ok(read) => read,
            Err(why) => {
                let body = letter(from, record, (reader.workflow(), &why));
                return Some(Arrived::Poison { offset, body });
            }
        };
        match (&reader.batches, event) {
            (None, event) => known.single.then_some(event),
            (Some(batches), Arrived::Event { id, namespace, payload, .. })
                if batches.event == known.name =>
            {
                let own = is_own(&id, None).then_some((namespace, id));
                let whole = batches.gather.whole.then(|| whole(record));
                Some(Arrived::Item(Box::new(BatchItem { offset, payload, own, whole })))
            }
            (Some(_), _) => None,
        }
    }

    /// A payload that was set aside, as the event that a reader's batches are of.
    pub(super) fn fit(&self, reader: &Reader, payload: &Json) -> Result<Json, String> {
        let event = reader.batches.as_ref().map(|batches| batches.event.as_str());
        let all = self.topics.get(&reader.topic).map(Vec::as_slice).unwrap_or_default();
        let known = all.iter().find(|known| Some(known.name.as_str()) == event);
        let known = known.ok_or("nothing takes it in batches")?;
        let fit = input::event(&known.spec, &known.schema, payload);
        fit.map_err(|mismatch| format!("it is no `{}`: {mismatch}", known.name))
    }

    fn event(&self, from: From<'_>, record: &Record) -> Result<(&Known, Arrived), String> {
        let bytes = record.value.as_deref().ok_or("it has no value")?;
        let read = |bytes: &[u8]| -> Result<Json, String> {
            serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))
        };
        let header = |name: &str| header(record, name);
        let content = header(CONTENT).unwrap_or_default();
        let (said, payload) = if content.starts_with("application/cloudevents-batch") {
            return Err("it is a batch of CloudEvents; send them one by one".to_owned());
        } else if content.starts_with("application/cloudevents") {
            structured(read(bytes)?)?
        } else {
            let said = |name: &str| header(&format!("ce_{name}")).map(str::to_owned);
            (Said { id: said("id"), source: said("source"), kind: said("type") }, read(bytes)?)
        };
        let kind = header(EVENT).or(said.kind.as_deref());
        let (known, payload) = self.known(from.topic, kind, &payload)?;
        let key = input::event_key(&known.spec, &payload);
        let key = key.ok_or_else(|| format!("its payload has no `{}`", known.spec.key))?;
        // An event of ours keeps its id and namespace, so that one that was delivered here already is
        // recognised at its home.
        // Whoever makes other events of ours may pass our headers on with them.
        let whole = header(EVENT) == Some(known.name.as_str());
        let own = header(ID).filter(|id| whole && is_own(id, header(RUN))).map(str::to_owned);
        let namespace = header(NAMESPACE).filter(|_| own.is_some()).unwrap_or(&self.namespace);
        let place = || format!("{}/{}/{}", from.topic_id, from.partition, record.offset);
        // The id of a CloudEvent is its source's.
        let theirs = said.id.map(|id| format!("{}#{id}", said.source.unwrap_or_default()));
        let said = own.or(theirs);
        let placed = said.is_none().then_some(record.offset);
        let id = said.unwrap_or_else(place);
        if id.contains('\0') || namespace.contains('\0') {
            return Err("its id holds the character U+0000, which no store takes".to_owned());
        }
        let (namespace, event) = (namespace.to_owned(), known.name.clone());
        Ok((known, Arrived::Event { id, namespace, event, key, payload, placed }))
    }

    /// Which event it is: the one that it says, or the only one that it can be.
    fn known(
        &self,
        topic: &str,
        kind: Option<&str>,
        payload: &Json,
    ) -> Result<(&Known, Json), String> {
        let all = self.topics.get(topic).map(Vec::as_slice).unwrap_or_default();
        let short = |name: &str| name.rsplit('.').next().map(str::to_owned);
        let named = |known: &&Known| {
            kind.is_some_and(|kind| {
                known.name == kind || short(&known.name).as_deref() == Some(kind)
            })
        };
        let named: Vec<_> = all.iter().filter(named).collect();
        let mut wrong = String::new();
        let mut fitting = Vec::new();
        let candidates = if named.is_empty() { all.iter().collect() } else { named };
        for known in candidates {
            match input::event(&known.spec, &known.schema, payload) {
                Ok(payload) => fitting.push((known, payload)),
                Err(mismatch) => wrong = format!("it is no `{}`: {mismatch}", known.name),
            }
        }
        match (fitting.pop(), fitting.is_empty()) {
            (Some(one), true) => Ok(one),
            (Some(_), false) => Err(format!("it could be several events; say it in `{EVENT}`")),
            (None, _) => Err(wrong),
        }
    }
}

/// Released versions that only go on first, so that what today's say of an event counts.
fn in_order(machines: &[Arc<dyn Machine>]) -> impl Iterator<Item = &WorkflowSpec> {
    let specs = |continues: bool| {
        let all = machines.iter().map(|machine| machine.spec());
        all.filter(move |spec| spec.continues == continues)
    };
    specs(true).chain(specs(false))
}

/// Those who read: for single events each topic that has one, and the newest version of each workflow
/// that takes batches.
fn readers(topics: &BTreeMap<String, Vec<Known>>, machines: &[Arc<dyn Machine>]) -> Vec<Reader> {
    let singles = topics.iter().filter(|(_, known)| known.iter().any(|known| known.single));
    let singles = singles.map(|(topic, _)| Reader { topic: topic.clone(), batches: None });
    let mut newest: BTreeMap<&str, &WorkflowSpec> = BTreeMap::new();
    for spec in in_order(machines).filter(|spec| !spec.continues) {
        let known = newest.entry(&spec.name).or_insert(spec);
        if known.version <= spec.version {
            *known = spec;
        }
    }
    let batches = newest.values().filter_map(|spec| {
        let (trigger, gather) = spec.gathers()?;
        let topic = spec.events.get(&trigger.event)?.topic.clone()?;
        let (workflow, event) = (spec.name.clone(), trigger.event.clone());
        Some(Reader { topic, batches: Some(Batches { workflow, event, gather }) })
    });
    singles.chain(batches).collect()
}

/// What a CloudEvent says of itself.
struct Said {
    id: Option<String>,
    source: Option<String>,
    kind: Option<String>,
}

fn structured(event: Json) -> Result<(Said, Json), String> {
    let Json::Object(mut fields) = event else {
        return Err("it is no CloudEvent: not an object".to_owned());
    };
    let mut text = |name: &str| match fields.remove(name) {
        Some(Json::String(text)) => Some(text),
        _ => None,
    };
    let said = Said { id: text("id"), source: text("source"), kind: text("type") };
    let data = fields.remove("data").ok_or("it is a CloudEvent without JSON in `data`")?;
    Ok((said, data))
}

/// The text of the last header of this name, whatever its case.
fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let mut all = record.headers.iter().rev();
    let (_, value) = all.find(|(given, _)| given.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(value.as_deref()?).ok()
}

/// Whether it is an id that a run gives to an event: this run, where it is said.
fn is_own(id: &str, of: Option<&str>) -> bool {
    let parts = id.split_once('.');
    parts.is_some_and(|(run, number)| {
        of.is_none_or(|of| of == run)
            && run.parse::<RunId>().is_ok()
            && number.parse::<u64>().is_ok()
    })
}

/// The record that a letter holds.
pub(super) fn record_of(body: &Json) -> Option<Record> {
    let bytes = |given: Option<&Json>| match given {
        None | Some(Json::Null) => Some(None),
        Some(text) => STANDARD.decode(text.as_str()?).ok().map(Some),
    };
    let header = |pair: &Json| Some((pair.get(0)?.as_str()?.to_owned(), bytes(pair.get(1))?));
    let headers = body.get("headers")?.as_array()?.iter().map(header);
    Some(Record {
        offset: body.get("offset")?.as_u64()?,
        key: bytes(body.get("key"))?,
        value: bytes(body.get("value"))?,
        headers: headers.collect::<Option<_>>()?,
    })
}

/// All of a record, so that nothing of it is lost.
fn whole(record: &Record) -> Json {
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
    let headers = record.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| json!([name, text(value)])).collect();
    json!({ "key": text(&record.key), "value": text(&record.value), "headers": headers })
}

fn letter(from: From<'_>, record: &Record, (workflow, why): (Option<&str>, &str)) -> Json {
    let mut body = whole(record);
    let said = json!({
        "kind": "record", "message": why, "workflow": workflow,
        "topic": from.topic, "topic_id": from.topic_id, "partition": from.partition,
        "offset": record.offset,
    });
    if let (Json::Object(fields), Json::Object(said)) = (&mut body, said) {
        fields.extend(said);
    }
    body
}
