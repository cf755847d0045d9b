//! Recovery: the fold of what was recorded, a fence record, and only then anything that leaves (A6).

use super::fold::{Fold, handed_over};
use super::guard::{Guards, Protection};
use super::input::{Act, Actor, Answer};
use super::output::Output;
use super::suspect::suspicious;
use super::turn::Turn;
use super::{Damaged, Machines, Shard};
use crate::codegen::{Class, Machine};
use crate::id::{Place, RunId};
use crate::journal::{EventBody, Happened, ShardRecord};
use crate::limits::{DAMAGED_KEPT_MS, RECOVERIES};
use crate::port::{ItemRow, Lease, RunRow, Tail};
use crate::run::{Fiber, FiberId, Hold, Phase, State};
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::status::Status;
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What recovery needs.
pub struct Recovery {
    /// The new ownership.
    pub lease: Lease,
    /// What the store holds, read after the lease was acquired.
    pub tail: Tail,
    /// The machines this node can run.
    pub machines: Machines,
    /// The store's clock.
    pub now: Time,
    /// Where the shard stands among those of its store.
    pub place: Place,
    /// What protects the services of this process.
    pub protection: Protection,
}

impl Recovery {
    /// Of a store's only shard, by a process that has called no service yet.
    #[must_use]
    pub fn alone(lease: Lease, tail: Tail, machines: Machines, now: Time) -> Self {
        let (place, protection) = (Place::default(), Protection::default());
        Self { lease, tail, machines, now, place, protection }
    }
}

/// A recovered shard.
pub struct Recovered {
    /// It. Nothing may be applied to it before `fence` has committed.
    pub shard: Shard,
    /// Its first output: the fence record, and behind it the open attempts.
    pub fence: Output,
    /// Runs whose records do not decode: parked, with a dead letter each.
    pub damaged: Vec<(RunId, String)>,
}

impl Shard {
    /// Folds a tail into a shard.
    ///
    /// Order: fold, fence record, then open attempts, waits and triggers; all that leaves is in the
    /// fence's output and so waits for its commit.
    #[must_use]
    pub fn recover(recovery: Recovery) -> Recovered {
        Self::recover_as(recovery, false)
    }

    /// The same for a paused node: whatever it is told is recorded, nothing is sent, and no timer
    /// fires, until a node that is not paused recovers the shard.
    #[must_use]
    pub fn recover_paused(recovery: Recovery) -> Recovered {
        Self::recover_as(recovery, true)
    }

    fn recover_as(recovery: Recovery, paused: bool) -> Recovered {
        let Recovery { lease, mut tail, machines, now, place, protection } = recovery;
        let mut shard = Self::new(machines);
        shard.place = place;
        shard.post.epoch = lease.epoch;
        shard.events.place(place, std::mem::take(&mut tail.waits));
        shard.guards = Guards::new(protection);
        shard.paused = paused;
        shard.seq = tail.last;
        shard.checkpointed = tail.last;
        shard.bucket = tail.bucket;
        let stored: Vec<EventBody> = tail.events.iter().cloned().map(EventBody::from).collect();
        let rows: BTreeMap<_, _> = tail.runs.iter().map(|row| (row.run, row.clone())).collect();
        let torn = !handed_over(&tail);
        let fold = Fold::of(tail);
        for event in stored.into_iter().chain(fold.events.iter().map(|(_, event)| event.clone())) {
            shard.events.recall(now, event);
        }
        let mut out = Output::after(shard.seq);
        shard.shard_record(now, &ShardRecord::Fence { epoch: lease.epoch, at: now }, &mut out);
        for (run, (position, message)) in &fold.damaged {
            let row = rows.get(run).cloned().unwrap_or_else(|| unreadable(*run, now));
            let namespace = row.namespace.clone();
            out.put_run(RunRow { status: "parked".to_owned(), ..row.clone() });
            shard.damaged.insert(*run, Damaged { at: *position, row });
            out.put_item(ItemRow {
                id: damaged_item(*run),
                kind: "dead_letter".to_owned(),
                namespace,
                run: Some(*run),
                open: true,
                at: now,
                body: serde_json::json!({ "kind": "damaged", "message": message }),
            });
        }
        for (id, mut run) in fold.runs {
            let origin = run.state.origin();
            shard.events.at_least(origin.events);
            shard.events.at_least(run.state.last_taken());
            let machine = shard.machines.get(&origin.workflow, origin.version, &origin.hash);
            run.machine = machine.cloned();
            shard.starts.learn(id, &run.state);
            shard.batches.began(run.state.origin());
            shard.put_back(id, Box::new(run), &mut out);
        }
        let ids: Vec<_> = shard.runs.keys().copied().collect();
        for position in fold.positions {
            shard.keep_position(position);
        }
        for (class, bucket) in fold.buckets {
            shard.classes.limits.recall(class, bucket);
        }
        for (service, until) in fold.opened {
            shard.breaker_opened(now, &service, until);
        }
        for (service, (act, record)) in fold.breakers {
            shard.set_breaker(&service, act, record);
        }
        for id in ids {
            let run = shard.runs.get(&id);
            if run.is_some_and(|run| run.machine.is_some() && suspicious(&run.state)) {
                shard.suspect(id, &mut out);
            } else {
                shard.turn(now, id, None, &mut out, |turn| turn.recovered(torn));
            }
            // A row may still say that the version was missing, or not yet.
            let shown = rows.get(&id).map(|row| row.status.as_str());
            shard.show(id, shown, &mut out);
        }
        shard.next_suspect(now, &mut out);
        for (position, event) in fold.events {
            if !fold.triggered.contains(&(event.namespace.clone(), event.id.clone())) {
                shard.events.offer_again(position, event);
            }
        }
        shard.deliver(now, &mut out);
        if shard.machines.all().any(|machine| machine.spec().queues()) {
            shard.take_census(&mut out);
        }
        shard.grant(now, &mut out);
        // Sabotage: what leaves does not wait for the fence.
        #[cfg(feature = "sabotage")]
        if sabotage::is(Sabotage::RecoverySpeaksFirst) {
            out.speak_first();
        }
        let damaged = fold.damaged.into_iter().map(|(run, (_, why))| (run, why)).collect();
        Recovered { shard, fence: out, damaged }
    }

    /// Adds a machine, and lets the runs go on that waited for it.
    pub fn register(&mut self, now: Time, machine: Arc<dyn Machine>) -> Output {
        let mut out = Output::after(self.seq);
        let spec = machine.spec();
        let pinned = (spec.name.clone(), spec.version, spec.hash.clone());
        self.machines.add(machine.clone());
        let waiting: Vec<_> = self
            .runs
            .iter()
            .filter(|(_, run)| {
                let origin = run.state.origin();
                run.machine.is_none()
                    && (&origin.workflow, origin.version, &origin.hash)
                        == (&pinned.0, pinned.1, &pinned.2)
            })
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            if let Some(run) = self.runs.get_mut(&id) {
                run.machine = Some(machine.clone());
            }
            let shown = self.runs.get(&id).and_then(|run| run.row.as_ref()).map(|row| row.0);
            self.turn(now, id, None, &mut out, |turn| turn.recovered(true));
            self.show(id, shown, &mut out);
        }
        self.deliver(now, &mut out);
        self.grant(now, &mut out);
        out
    }

    /// Writes the row of a run that shows another status than it has.
    fn show(&mut self, id: RunId, shown: Option<&str>, out: &mut Output) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let status = super::turn::shown(run).word();
        if run.row.as_ref().is_none_or(|row| row.0 != status) && shown != Some(status) {
            let whole = run.snapshot.is_some();
            super::indexed::put_row(id, run, whole, out);
        }
    }

    /// A run that cannot be read can only be terminated.
    pub(super) fn operate_damaged(
        &mut self,
        now: Time,
        id: RunId,
        (act, actor, reason): (&Act, &Actor, String),
        out: &mut Output,
    ) -> Answer {
        if !matches!(act, Act::Terminate) {
            return Answer::Refused("the run cannot be read; it can only be terminated".to_owned());
        }
        let Some(Damaged { row, .. }) = self.damaged.remove(&id) else { return Answer::NotFound };
        self.leave_everywhere(id, out);
        let namespace = row.namespace.clone();
        // Crash: row and letter change together; recovery reads no records of a run that has ended.
        out.put_run(RunRow {
            status: Status::Cancelled.word().to_owned(),
            flags: vec!["abandoned".to_owned()],
            ended_at: Some(now),
            expires_at: Some(now.plus(DAMAGED_KEPT_MS)),
            due_at: None,
            ..row
        });
        let body = serde_json::json!({
            "kind": "damaged", "resolved": "terminated", "actor": actor.name, "reason": reason,
        });
        out.put_item(ItemRow {
            id: damaged_item(id),
            kind: super::letter::KIND.to_owned(),
            namespace,
            run: Some(id),
            open: false,
            at: now,
            body,
        });
        Answer::Done
    }
}

fn damaged_item(run: RunId) -> String {
    format!("{run}.damaged")
}

/// The row of a run whose first record is damaged before it was listed: what it is of nobody can say.
fn unreadable(run: RunId, now: Time) -> RunRow {
    RunRow {
        run,
        namespace: "default".to_owned(),
        workflow: "unreadable".to_owned(),
        version: 0,
        hash: String::new(),
        key: None,
        status: Status::Parked.word().to_owned(),
        flags: Vec::new(),
        started_at: now,
        ended_at: None,
        expires_at: None,
        due_at: None,
        upto: 0,
        snapshot: None,
    }
}

impl Turn<'_> {
    /// A run after a recovery: one recovery is counted if its process was `torn` from it while
    /// something was with a service.
    pub(super) fn recovered(&mut self, torn: bool) -> Answer {
        if self.run.machine.is_none() || self.run.state.head().poisoned.is_some() {
            return Answer::Done;
        }
        self.remember_held();
        let open = self.run.state.fibers().values().find(|fiber| Self::calls(fiber));
        if let Some(call) = open.and_then(|fiber| fiber.call()) {
            let path = call.path.clone();
            if torn {
                self.count_recovery(path);
            }
            self.resend();
        }
        self.go_on_after();
        Answer::Done
    }

    fn count_recovery(&mut self, path: String) {
        let head = self.state().head_mut();
        head.recoveries += 1;
        let count = head.recoveries;
        self.note(Happened::Recovered { count });
        if count > RECOVERIES {
            let why = "the run was recovered too often with the same step open";
            let item = self.dead_letter("poison", &path, why);
            self.state().head_mut().poisoned = Some(item);
            self.note(Happened::Poisoned { path });
        }
    }

    /// Moves that were due while nobody could make them, and what came in the meantime.
    fn go_on_after(&mut self) {
        let due = |fiber: &Fiber| {
            let State::Ready(ready) = &fiber.state else { return false };
            matches!(ready.held, Hold::Now | Hold::Boundary)
        };
        let fibers = self.run.state.fibers();
        let due: Vec<FiberId> = fibers.iter().filter(|(_, f)| due(f)).map(|(id, _)| *id).collect();
        for id in due {
            if !self.held_for(id) {
                self.release(id);
            }
        }
        self.look_for_events();
        self.timers();
    }

    /// Sends open attempts again: the same key, the same number (A6).
    ///
    /// What may not be sent, because the run is held, its key has expired, or the action may not be
    /// repeated, rests before that attempt, and [`Turn::send`] decides about it.
    pub(super) fn resend(&mut self) {
        let calls: Vec<FiberId> = self
            .run
            .state
            .fibers()
            .iter()
            .filter(|(_, fiber)| Self::calls(fiber))
            .map(|(id, _)| *id)
            .collect();
        let held = self.held_at_boundary(false);
        for id in calls {
            let Some((mut call, spec)) = self.calling(id) else { continue };
            self.durable = true;
            if let Phase::Asked { question } = call.phase {
                if held {
                    call.phase = Phase::AskBackoff { until: self.now, question };
                } else {
                    let args = call.probe.clone().unwrap_or_default();
                    self.sends.extend(self.question(&call, &spec, args));
                }
                self.put_call(id, call);
                continue;
            }
            let read = spec.class == Class::Read;
            // Sabotage: what is sent again is not what was sent.
            #[cfg(feature = "sabotage")]
            if sabotage::is(Sabotage::KeyChanges) {
                call.generation += 1;
                call.key = self.key(&call, &spec.service, &spec.action, call.purpose);
            } else if sabotage::is(Sabotage::AttemptsBeginAgain) {
                call.attempt = 1;
            }
            // A6: an intent without an outcome is in A4. The attempt that is sent again may be refused,
            // and that says nothing about the one that left before the crash.
            call.unresolved |= !read;
            if !held && (read || spec.idempotent) && !self.expired(&call, &spec) {
                let send = self.attempt(&call, &spec);
                self.sends.push(send);
                self.put_call(id, call);
                continue;
            }
            call.next = call.attempt;
            call.phase = Phase::Backoff { until: self.now };
            self.put_call(id, call);
            if !held {
                self.send(id);
            }
        }
    }
}
