//! Messages between shards: what this one sends, and what it does about those it is sent.
//!
//! Promises: a message is sent by the batch that decided it, and taken by the batch that holds what
//! came of it. Doing something about one twice changes nothing ([`Mail`]), so nothing but the store's
//! row has to remember which were taken.

use super::Shard;
use super::input::BreakerAct;
use super::output::Output;
use super::start::Waiting;
use crate::codegen::Values;
use crate::id::ShardId;
use crate::journal::{self, Mail, ShardRecord};
use crate::key::fingerprint;
use crate::limits::ASKING;
use crate::port::{ItemRow, MessageRow, Source};
use crate::time::Time;
use std::collections::BTreeSet;

/// Where this shard stands with its messages.
#[derive(Default)]
pub(super) struct Post {
    /// The epoch under which it sends.
    pub(super) epoch: u64,
    /// The position of the last one sent, and how many were sent there.
    last: (u64, u32),
    /// Starts that wait for their key to be looked up; their messages come again until then.
    in_hand: BTreeSet<Source>,
    /// Those of them that may ask for a place before they are admitted: the answer is a message too.
    asking: BTreeSet<Source>,
    /// Some were left where they are, since what they ask for cannot be done yet.
    left: bool,
}

impl Shard {
    /// Sends a message with the batch that is being made.
    pub(super) fn post(&mut self, to: ShardId, mail: &Mail, out: &mut Output) {
        let (seq, index) = match self.post.last {
            (seq, index) if seq == self.seq => (seq, index + 1),
            _ => (self.seq, 0),
        };
        self.post.last = (seq, index);
        let from = Source { shard: self.place.shard, epoch: self.post.epoch, seq, index };
        let body = journal::encode(mail).expect("our own values are JSON");
        out.batch.sent.push(MessageRow { to, from, body });
    }

    /// Does what messages ask for.
    pub(super) fn mail(&mut self, now: Time, rows: Vec<MessageRow>, out: &mut Output) {
        for MessageRow { from, body, .. } in rows {
            if self.post.in_hand.contains(&from) {
                continue;
            }
            match journal::decode(&body) {
                Ok(Mail::Start { namespace, workflow, key, input, event, came }) => {
                    let start = (input, event, came);
                    self.start_by_mail(now, from, (namespace, workflow, key), start, out);
                    continue;
                }
                Ok(Mail::Event(event)) => self.accept_event(now, event, None, out),
                Ok(Mail::Delivered(event)) => self.delivered(now, event, out),
                Ok(Mail::Ask { run, claim }) => self.claimed(run, &claim, out),
                Ok(Mail::Granted { run, class }) => self.granted(now, run, &class, out),
                Ok(Mail::Left { run, class }) => self.has_left(run, &class, out),
                Ok(Mail::Gone { run }) => self.classes.forget(run),
                Ok(Mail::Reserve { run, claim }) => {
                    self.classes.ask(run, claim);
                    self.take_census(out);
                }
                Ok(Mail::Reserved { run, class }) => self.reserved(now, run, &class, out),
                Ok(Mail::Full { run, class, by }) => self.full(now, run, (&class, by), out),
                Ok(Mail::Census) => self.answer_census(from, out),
                Ok(Mail::Present { epoch, claims, last }) => {
                    self.present(from, epoch, (claims, last));
                }
                Ok(Mail::Breaker(record)) => self.told_of_breaker(now, record, out),
                Err(error) => self.unreadable(now, from, &error, out),
            }
            out.batch.taken.push(from);
        }
    }

    /// A trigger at another shard starts a workflow.
    fn start_by_mail(
        &mut self,
        now: Time,
        from: Source,
        (namespace, workflow, key): (String, String, String),
        (input, event, came): (Values, String, (Time, u64)),
        out: &mut Output,
    ) {
        // Where no node of this build can run it, the message waits for one that can.
        let Some(machine) = self.machines.for_start(&workflow, None).cloned() else {
            self.post.left = true;
            return;
        };
        if machine.spec().asks() {
            // Bound: whoever has too many in hand takes no more messages, and these wait for messages.
            if self.post.asking.len() >= ASKING {
                self.post.left = true;
                return;
            }
            self.post.asking.insert(from);
        }
        self.post.in_hand.insert(from);
        let waiting = Waiting::by_mail(machine, input, (&namespace, &event, came), from);
        self.start_with(now, namespace, Some(key), waiting, out);
    }

    /// A start that came by message is decided.
    pub(super) fn started_by_mail(&mut self, from: Source, out: &mut Output) {
        self.let_go(from);
        // Crash: the run's first record and the message's deletion are one batch.
        out.batch.taken.push(from);
    }

    /// A start that came by message could not be taken in now; the message comes again.
    pub(super) fn put_off(&mut self, from: Source) {
        self.let_go(from);
        self.post.left = true;
    }

    fn let_go(&mut self, from: Source) {
        self.post.in_hand.remove(&from);
        self.post.asking.remove(&from);
    }

    /// Starts from messages whose keys are being looked up, which takes no message.
    #[must_use]
    pub fn mail_in_hand(&self) -> usize {
        self.post.in_hand.len() - self.post.asking.len()
    }

    /// Whether messages were left in the store since this was asked last: they have to be read again.
    pub fn left_mail(&mut self) -> bool {
        std::mem::take(&mut self.post.left)
    }

    /// Another shard has recorded something about the breaker of a service.
    fn told_of_breaker(&mut self, now: Time, record: ShardRecord, out: &mut Output) {
        // Crash: the record and the message's deletion are one batch.
        self.shard_record(now, &record, out);
        match &record {
            ShardRecord::BreakerOpened { service, until } => {
                self.breaker_opened(now, service, *until);
            }
            ShardRecord::Breaker { service, act, .. } => {
                let (service, act): (String, BreakerAct) = (service.clone(), *act);
                self.apply_breaker(now, &service, act, record, out);
            }
            _ => {}
        }
    }

    /// What cannot be read is set aside for a person, so that what comes behind it is not held up.
    fn unreadable(&mut self, now: Time, from: Source, error: &journal::Error, out: &mut Output) {
        let Source { shard, epoch, seq, index } = from;
        out.put_item(ItemRow {
            id: format!("message.{}.{epoch}.{seq}.{index}", shard.0),
            kind: super::letter::KIND.to_owned(),
            namespace: "default".to_owned(),
            run: None,
            open: true,
            at: now,
            body: serde_json::json!({ "kind": "message", "message": error.to_string() }),
        });
    }
}

/// The entropy of a start that an event triggers: the same for the same event.
pub(super) fn entropy(namespace: &str, event: &str, workflow: &str) -> [u8; 16] {
    let digest = fingerprint(&serde_json::json!([namespace, event, workflow]));
    let mut entropy = [0; 16];
    entropy.copy_from_slice(digest.get(..16).unwrap_or(&[0; 16]));
    entropy
}
