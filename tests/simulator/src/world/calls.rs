//! Calls: how requests leave a node, reach their services, and come back.
//!
//! Services keep the contract of an action: what was applied under a key is remembered, and so are a
//! declared error, an undo, and a probe that found nothing. Between node and service everything can be
//! lost, doubled or late.

use super::node::NodeEvent;
use super::{Event, Twin, World};
use crate::dice::Fault;
use crate::history::Called;
use crate::structure::indexes;
use sagaflow_core::codegen::Json;
use sagaflow_core::port::Lease;
use sagaflow_core::service::{Attempt, Purpose, Refusal};
use sagaflow_core::shard::Send;
use sagaflow_sweep::script::{CallId, Plan, Said, value};
use std::time::Duration;

/// A request on its way to its service, and who waits for the answer.
pub(super) struct Trip {
    call: usize,
    plan: Plan,
    node: usize,
    incarnation: u64,
    /// Its node was told already what there was to say.
    unheard: bool,
    copy: bool,
}

impl Trip {
    /// Whether this node has sent it.
    pub(super) fn is_of(&self, node: usize) -> bool {
        self.node == node
    }
}

type Wrong = Result<(), String>;

fn refused(cause: Refusal) -> Attempt {
    Attempt::Refused { reason: "refused".to_owned(), retry_after_ms: None, cause }
}

fn unknown(timeout: bool) -> Attempt {
    Attempt::Unknown { cause: "lost".to_owned(), timeout }
}

impl World {
    /// A call leaves its node, if the lease lasts; a read may leave before the batch it stands in.
    pub(super) fn leave(
        &mut self,
        node: usize,
        lease: Lease,
        gate: i64,
        send: Send,
        early: bool,
    ) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get(node) else { return Ok(()) };
        let (boot, wall, incarnation) = (of.boot(now), of.wall(now), of.incarnation);
        if boot >= gate && self.twin != Some(Twin::Gateless) {
            return Ok(());
        }
        let Send { ticket, call, args, expires } = send;
        let at = args.get("at").and_then(Json::as_str).unwrap_or("-").to_owned();
        let contract = self.judges.contract(&call)?;
        let called = Called {
            left: self.steps,
            run: call.run,
            indexes: indexes(&call.path),
            path: call.path.clone(),
            id: CallId { action: call.action.clone(), at },
            key: call.key.clone(),
            attempt: call.attempt,
            purpose: call.purpose,
            undoes: call.undoes.clone(),
            arg: args.get("v").and_then(Json::as_i64),
            read: contract.read,
            heard: None,
            told: None,
            arrivals: Vec::new(),
        };
        let word = call.purpose.word();
        let line = format_args!("n{node} {word} {} #{} {}", called.id, call.attempt, call.key);
        self.trace.note(now, line);
        if early && !contract.read {
            return Err(format!("{} leaves before the batch that it stands in", called.id));
        }
        let holder = self.leases.get(&lease.shard).map_or(0, |lease| lease.epoch);
        if holder != lease.epoch && !contract.read {
            return Err(format!(
                "{} leaves under epoch {} although epoch {holder} has the shard",
                called.id, lease.epoch
            ));
        }
        let (purpose, service) = (call.purpose, call.service.clone());
        let index = self.judges.leave(called, &service)?;
        if let Some(of) = self.nodes.get_mut(node) {
            of.outstanding.insert(index, (lease.shard, ticket));
        }
        if expires.is_some_and(|expires| wall > expires) {
            self.tell(0, node, NodeEvent::Heard(index, refused(Refusal::Expired)));
            return Ok(());
        }
        self.travel((index, node, incarnation), purpose, &call.action, call.within);
        Ok(())
    }

    /// What becomes of a request.
    fn travel(
        &mut self,
        (call, node, incarnation): (usize, usize, u64),
        purpose: Purpose,
        action: &str,
        within: Duration,
    ) {
        let within = i64::try_from(within.as_millis()).unwrap_or(i64::MAX).min(3_600_000);
        // Nobody is waited for any longer than that.
        self.tell(within, node, NodeEvent::Heard(call, unknown(true)));
        let slow = self.strikes(Fault::ServiceSlow);
        let there = if slow { self.ms(100, 3_000) } else { self.ms(1, 30) };
        if self.strikes(Fault::Refused) {
            return self.tell(there, node, NodeEvent::Heard(call, refused(Refusal::Away)));
        }
        // A person who tries again gets nowhere where the service may not be asked again.
        if self.judges.repeatable(action, call) && self.strikes(Fault::Broken) {
            let message = "it answered something else".to_owned();
            return self.tell(there, node, NodeEvent::Heard(call, Attempt::Fault { message }));
        }
        if self.strikes(Fault::Hangs) {
            return;
        }
        if self.strikes(Fault::RequestLost) {
            return self.tell(there, node, NodeEvent::Heard(call, unknown(false)));
        }
        let plan = match self.judges.declared(call).filter(|_| purpose == Purpose::Do) {
            Some(error) if self.strikes(Fault::Declared) => Plan::Fail(error),
            _ => Plan::Ok,
        };
        let trip = |plan, unheard, copy| Trip { call, plan, node, incarnation, unheard, copy };
        if self.strikes(Fault::RequestLate) {
            self.tell(there, node, NodeEvent::Heard(call, unknown(false)));
            let late = there + self.ms(500, 90_000);
            return self.after(late, Event::Service(trip(plan, true, false)));
        }
        if self.judges.repeatable(action, call) && self.strikes(Fault::RequestTwice) {
            let late = there + self.ms(1, 20_000);
            self.after(late, Event::Service(trip(plan.clone(), true, true)));
        }
        self.after(there, Event::Service(trip(plan, false, false)));
    }

    /// A request reaches its service.
    pub(super) fn arrive(&mut self, trip: Trip) -> Wrong {
        let Trip { call, plan, node, incarnation, unheard, copy } = trip;
        let plan = match plan {
            Plan::Ok if !unheard && self.strikes(Fault::ReplyLost) => Plan::Done,
            plan => plan,
        };
        let (said, applied) = self.judges.arrive(call, plan, copy)?;
        let now = self.now;
        self.trace.note(now, format_args!("call {call} arrives: {said:?} applied {applied}"));
        if unheard {
            return Ok(());
        }
        let attempt = self.said(call, said);
        let slow = self.strikes(Fault::ServiceSlow);
        let back = if slow { self.ms(100, 3_000) } else { self.ms(1, 30) };
        self.after(back, Event::Node(node, incarnation, NodeEvent::Heard(call, attempt)));
        Ok(())
    }

    fn said(&mut self, call: usize, said: Said) -> Attempt {
        let Some((called, contract)) = self.judges.called(call) else { return unknown(false) };
        let (probe, id, arg) = (contract.probe, called.id.clone(), called.arg.unwrap_or(0));
        match said {
            // A probe answers with what its forward call was answered.
            Said::Ok if probe => {
                let forward = called.undoes.clone().unwrap_or_default();
                Attempt::Ok(self.judges.value(call, &forward).map_or(Json::Null, Json::from))
            }
            Said::Ok => {
                let (key, fresh) = (called.key.clone(), value(&id.action, &id.at, arg));
                Attempt::Ok(Json::from(self.judges.remember(call, &key, fresh)))
            }
            Said::Spent if probe => Attempt::Ok(Json::Null),
            Said::Spent => refused(Refusal::Undone),
            Said::Refused => refused(Refusal::Away),
            Said::Failed(name) => {
                Attempt::Failed { name, payload: serde_json::json!({ "code": 1 }) }
            }
            Said::Unknown => unknown(false),
        }
    }

    /// What came of a call reaches its node, once.
    pub(super) fn heard(&mut self, node: usize, call: usize, result: Attempt) -> Wrong {
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let Some((shard, ticket)) = of.outstanding.remove(&call) else { return Ok(()) };
        // Order: a node that serves the shard no longer has dropped who waited for this.
        if of.serving(shard).is_none() {
            return Ok(());
        }
        self.judges.told(call, &result);
        let input = sagaflow_core::shard::Input::Outcome { ticket, result, token: None };
        self.apply(node, shard, input, Some(call))
    }
}
