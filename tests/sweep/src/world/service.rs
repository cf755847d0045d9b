//! Requests as they reach their services, and what is said to them.

use super::{Contract, Due, World};
use crate::ledger::{Entry, Request};
use crate::script::{CallId, Plan, Said};
use sagaflow_core::codegen::Json;
use sagaflow_core::service::{Attempt, Refusal};
use sagaflow_core::shard::{Send, Ticket};
use std::time::Duration;

impl World {
    pub(super) fn contract(&self, action: &str) -> Contract {
        let unknown = Contract { read: false, repeatable: true, probe: false };
        self.site.contracts.get(action).cloned().unwrap_or(unknown)
    }

    /// One request reaches its service; a copy is answered too, but nobody waits for the answer.
    pub(super) fn request(&mut self, send: Send, copy: bool) {
        let (ticket, request) = (send.ticket, self.seen(&send));
        let Send { call, args, .. } = send;
        let id = request.id.clone();
        let contract = request.contract.clone();
        let again = !self.ledger.crashes.is_empty()
            && self.ledger.under(&call.key).any(|sent| sent.attempt == call.attempt);
        let visit = self.visit(ticket.call, &id, &call.key);
        let plan = match &self.script.again {
            Some(plan) if again && !contract.read => plan.clone(),
            _ => self.script.plan(&id, visit, call.attempt),
        };
        // A probe answers with what its forward call was answered.
        let forward = call.undoes.as_ref().filter(|_| contract.probe);
        let value = match forward.and_then(|key| self.values.get(key)) {
            Some(value) => value.clone(),
            None => (self.site.answers)(&call.action, &id.at, request.arg.unwrap_or(0), &args),
        };
        self.values.insert(call.key.clone(), value.clone());
        let hangs = plan == Plan::Hangs;
        let said = self.note(Entry::Request(Box::new(request), plan, copy));
        if let Some((wanted, _)) = &self.script.interrupt
            && *wanted == id
            && !self.interrupted
        {
            self.interrupt();
        }
        let Some((said, _)) = said.filter(|_| !copy) else { return };
        let request = self.ledger.sent.len() - 1;
        let attempt = self.attempt(said, value, contract.probe);
        if hangs {
            return self.hang((ticket, request), attempt, call.within);
        }
        let delay = i64::try_from(self.latency.below(40)).unwrap_or(0);
        // The answer's place in the order is when it is taken in: the queue keeps it until then.
        self.schedule(delay, Due::Outcome(ticket, attempt, request));
    }

    /// Nobody answers: the process gives up at the attempt's bound, where it has one.
    fn hang(&mut self, (ticket, request): (Ticket, usize), attempt: Attempt, within: Duration) {
        // Bound: nobody waits for longer than a century.
        let within = i64::try_from(within.as_millis()).ok().filter(|ms| *ms < 3_155_760_000_000);
        if let Some(ms) = within {
            self.schedule(ms, Due::Outcome(ticket, attempt, request));
        }
    }

    /// The process died between the commit and the request: it never left.
    pub(super) fn withheld(&mut self, send: Send) {
        let request = self.seen(&send);
        self.visit(send.ticket.call, &request.id, &request.key);
        self.note(Entry::Withheld(Box::new(request)));
    }

    /// A request as its service sees it.
    fn seen(&self, send: &Send) -> Request {
        let Send { call, args, .. } = send;
        let at = args.get("at").and_then(Json::as_str).unwrap_or("-").to_owned();
        Request {
            id: CallId { action: call.action.clone(), at },
            key: call.key.clone(),
            attempt: call.attempt,
            purpose: call.purpose,
            undoes: call.undoes.clone(),
            arg: args.get("v").and_then(Json::as_i64),
            contract: self.contract(&call.action),
        }
    }

    fn visit(&mut self, number: u64, id: &CallId, key: &str) -> u32 {
        // A probe is asked anew for every key of its forward call.
        let probe = self.contract(&id.action).probe;
        let known = self.visits.get(&(number, id.clone())).copied().filter(|_| !probe);
        if let Some(visit) = known {
            self.by_key.insert(key.to_owned(), visit);
            return visit;
        }
        let visit = match self.by_key.get(key) {
            Some(visit) => *visit,
            None => {
                let count = self.counts.entry(id.clone()).or_default();
                *count += 1;
                *count - 1
            }
        };
        self.visits.insert((number, id.clone()), visit);
        self.by_key.insert(key.to_owned(), visit);
        visit
    }

    fn attempt(&self, said: Said, value: Json, probe: bool) -> Attempt {
        let refused = |cause| Attempt::Refused {
            reason: "refused by the sweep".into(),
            retry_after_ms: None,
            cause,
        };
        match said {
            Said::Ok => Attempt::Ok(value),
            Said::Spent if probe => Attempt::Ok(Json::Null),
            Said::Spent => refused(Refusal::Undone),
            Said::Refused => refused(Refusal::Away),
            Said::Failed(name) => {
                // The fields of every error here and in the order flow.
                let payload = serde_json::json!({ "code": 1, "sku": "ABC-1234", "reason": "no" });
                Attempt::Failed { name, payload }
            }
            Said::Unknown => Attempt::Unknown { cause: "lost".into(), timeout: false },
        }
    }
}
