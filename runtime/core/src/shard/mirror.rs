//! What others are told of runs and dead letters, where a topic was named for that.
//!
//! Promises: it is in the batch of what it tells of, and goes the way of every event to a topic: so
//! nothing is left out whoever crashes, and what is sent again has the same id. It holds ids, names and
//! reasons as the API shows them. Must not: hold a value of a program.

use super::Shard;
use super::letter::KIND;
use super::output::{Effect, Outgoing, Output};
use crate::codegen::Json;
use crate::id::RunId;
use crate::journal::{EventBody, Happened, ShardRecord};
use crate::port::ItemRow;
use crate::time::Time;
use crate::value::print_time;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Begins the names of these events; no event of a program is called so.
pub(super) const MIRRORED: char = '@';

/// What is said of a letter, where it has it. No payload, no key, no value of a step.
const SAID: [&str; 11] = [
    "kind",
    "workflow",
    "path",
    "message",
    "event",
    "topic",
    "topic_id",
    "partition",
    "offset",
    "resolved",
    "reason",
];

/// The topics of what others are told; nothing is told where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// Of starts and ends of runs.
    pub runs: Option<String>,
    /// Of dead letters.
    pub letters: Option<String>,
}

impl Shard {
    /// From here on others are told; `first` is what was decided before, and has not been committed.
    pub fn mirror_to(&mut self, mirrors: Mirrors, now: Time, first: &mut Output) {
        self.mirrors = mirrors;
        self.mirror(now, first);
    }

    /// Tells others what is in this output.
    ///
    /// Crash: it is in the batch of what it tells of, and the next owner reads it again from there until
    /// the topic has it.
    pub(super) fn mirror(&mut self, now: Time, out: &mut Output) {
        let Mirrors { runs, letters } = self.mirrors.clone();
        let mut told = Vec::new();
        if let Some(topic) = &runs {
            told.extend(self.ends(out).into_iter().map(|one| one.body(topic, now)));
        }
        if let Some(topic) = &letters {
            let topics = [runs.as_ref(), letters.as_ref()];
            // Order: that nobody takes what tells of a letter, or can read it, is not told by another
            // one, for that would go on for ever.
            let own = |row: &&ItemRow| {
                let said =
                    |name: &str| row.body.get(name).and_then(Json::as_str).unwrap_or_default();
                match said("kind") {
                    "event_out" => said("event").starts_with(MIRRORED),
                    "record" | "topic" => topics.iter().flatten().any(|it| *it == said("topic")),
                    _ => false,
                }
            };
            let rows = out.batch.items.iter().filter(|row| row.kind == KIND && !own(row));
            // What is open since earlier is written again when its effects change.
            let rows = rows.filter(|row| !row.open || row.at == now);
            told.extend(rows.map(|row| of_letter(row).body(topic, now)));
        }
        if told.is_empty() {
            return;
        }
        self.shard_record(now, &ShardRecord::Mirrored(told.clone()), out);
        let all = told.iter();
        let all = all.filter_map(|one| Outgoing::of(self.seq, RunId(Uuid::nil()), one));
        out.effects.extend(all.map(|one| Effect::Publish(Box::new(one))));
    }

    /// Starts and ends of runs, in order.
    fn ends(&self, out: &Output) -> Vec<Told> {
        let (mut all, mut ended) = (Vec::new(), BTreeSet::new());
        for effect in &out.effects {
            let Effect::History { run, happened, .. } = effect else { continue };
            for one in happened {
                let status = match one {
                    Happened::Started { .. } => "running",
                    Happened::Ended { status } => status,
                    _ => continue,
                };
                ended.extend((status != "running").then_some(*run));
                all.extend(self.of_run(*run, status, out));
            }
        }
        // One that cannot be read ends without a record.
        let rows = out.batch.runs.iter().filter(|row| row.ended_at.is_some());
        for row in rows.filter(|row| !ended.contains(&row.run)) {
            all.extend(self.of_run(row.run, &row.status, out));
        }
        all
    }

    fn of_run(&self, run: RunId, status: &str, out: &Output) -> Option<Told> {
        // One that has ended is in its row only, one that has just begun has none yet.
        let row = out.batch.runs.iter().find(|row| row.run == run).cloned();
        let row = row.or_else(|| Some(super::unlisted(run, &self.runs.get(&run)?.state)))?;
        let began = status == "running";
        let what = if began { "started" } else { "ended" };
        let mut data = json!({
            "run": run.to_string(), "workflow": row.workflow, "version": row.version,
            "namespace": row.namespace, "status": status, "started_at": print_time(row.started_at),
        });
        if !began {
            data["flags"] = row.flags.into();
            data["ended_at"] = row.ended_at.map(print_time).into();
        }
        let id = format!("{run}.{what}");
        Some(Told {
            kind: format!("run.{what}"),
            id,
            key: run.to_string(),
            namespace: row.namespace,
            data,
        })
    }
}

/// Something that others are told.
struct Told {
    kind: String,
    id: String,
    key: String,
    namespace: String,
    data: Json,
}

impl Told {
    /// As a CloudEvent, in the form in which it is sent.
    fn body(self, topic: &str, at: Time) -> EventBody {
        let Self { kind, id, key, namespace, data } = self;
        let payload = json!({
            "specversion": "1.0", "id": id, "source": format!("/sagaflow/{namespace}"),
            "type": format!("sagaflow.{kind}"), "subject": key, "time": print_time(at),
            "datacontenttype": "application/json", "data": data,
        });
        let (event, topic) = (format!("{MIRRORED}{kind}"), Some(topic.to_owned()));
        EventBody { id, namespace, event, key, number: 0, at, payload, topic, offered: false }
    }
}

/// One letter may be opened again under its id: the time tells it from the one before.
fn of_letter(row: &ItemRow) -> Told {
    let what = if row.open { "opened" } else { "closed" };
    let id = format!("{}.{what}.{}", row.id, row.at.0);
    let run = row.run.map(|run| run.to_string());
    let run = run.or_else(|| row.body.get("run").and_then(Json::as_str).map(str::to_owned));
    let key = run.clone().unwrap_or_else(|| row.id.clone());
    let said =
        SAID.into_iter().filter_map(|name| Some((name.to_owned(), row.body.get(name)?.clone())));
    let mut data: serde_json::Map<String, Json> = said.collect();
    data.insert("letter".to_owned(), row.id.clone().into());
    data.insert("namespace".to_owned(), row.namespace.clone().into());
    data.insert("open".to_owned(), row.open.into());
    data.insert("run".to_owned(), run.into());
    let namespace = row.namespace.clone();
    Told { kind: format!("dead_letter.{what}"), id, key, namespace, data: data.into() }
}
