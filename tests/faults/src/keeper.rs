//! Keyed services in Rust: they keep the contract of their actions, fail now and then, and remember
//! everything that reached them, by run.

use sagaflow_core::codegen::Json;
use sagaflow_core::id::RunId;
use sagaflow_core::service::{Attempt, Attempting, Call, Purpose, Refusal, Service};
use sagaflow_sweep::ledger::{Contract, Entry, Ledger, Request};
use sagaflow_sweep::mess::mess;
use sagaflow_sweep::random::Random;
use sagaflow_sweep::script::{CallId, Plan, Said, value};
use sagaflow_sweep::subject::Subject;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All services of a program.
pub struct Keeper {
    contracts: Arc<BTreeMap<String, Contract>>,
    /// Declared errors by action.
    errors: BTreeMap<String, String>,
    runs: Mutex<BTreeMap<RunId, Ledger>>,
    random: Mutex<Random>,
}

impl Keeper {
    /// The services of a program.
    #[must_use]
    pub fn new(subject: &Subject, seed: u64) -> Self {
        let calls = subject.program.calls();
        let errors = calls
            .iter()
            .filter_map(|call| Some((call.action.clone(), call.errors.first()?.clone())));
        Self {
            contracts: Arc::clone(&subject.site.contracts),
            errors: errors.collect(),
            runs: Mutex::default(),
            random: Mutex::new(Random::new(seed)),
        }
    }

    fn ledgers(&self) -> MutexGuard<'_, BTreeMap<RunId, Ledger>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that reached it.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.ledgers().values().map(|ledger| ledger.sent.len()).sum()
    }

    /// The mess that a run has left that a client reads to have ended so.
    #[must_use]
    pub fn mess(&self, subject: &Subject, run: RunId, status: &str) -> Option<String> {
        let mut ledger = self.ledgers().get(&run).cloned().unwrap_or_default();
        ledger.note(Entry::Ended);
        status.clone_into(&mut ledger.status);
        let found = mess(&subject.program, &ledger)?;
        Some(format!("{found}\n{}", ledger.story()))
    }

    /// One of a hundred or so goes wrong, in each way.
    fn plan(&self, call: &Call) -> Plan {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let error = self.errors.get(&call.action).filter(|_| call.purpose == Purpose::Do);
        match (random.below(100), error) {
            (0..=5, Some(error)) => Plan::Fail(error.clone()),
            (6..=8, _) => Plan::Refused,
            (9..=11, _) => Plan::Done,
            (12..=13, _) => Plan::Lost,
            _ => Plan::Ok,
        }
    }

    fn answer(&self, call: &Call, args: &Json) -> Attempt {
        let Some(contract) = self.contracts.get(&call.action) else {
            return Attempt::Fault { message: format!("there is no `{}`", call.action) };
        };
        let at = args.get("at").and_then(Json::as_str).unwrap_or("-").to_owned();
        let arg = args.get("v").and_then(Json::as_i64);
        let id = CallId { action: call.action.clone(), at };
        let plan = self.plan(call);
        let request = Request {
            id: id.clone(),
            key: call.key.clone(),
            attempt: call.attempt,
            purpose: call.purpose,
            undoes: call.undoes.clone(),
            arg,
            contract: contract.clone(),
        };
        let mut runs = self.ledgers();
        let ledger = runs.entry(call.run).or_default();
        let said = ledger.note(Entry::Request(Box::new(request), plan, false));
        let (said, _) = said.unwrap_or((Said::Unknown, false));
        // What is said here is heard: it stays in the process.
        let (request, place) = (ledger.sent.len() - 1, ledger.place() + 1);
        ledger.note(Entry::Answered(request, place));
        let refused =
            |cause| Attempt::Refused { reason: "refused".to_owned(), retry_after_ms: None, cause };
        match said {
            Said::Ok => Attempt::Ok(Json::from(value(&id.action, &id.at, arg.unwrap_or(0)))),
            Said::Failed(name) => {
                let payload = [("code".to_owned(), Json::from(1))].into_iter().collect();
                Attempt::Failed { name, payload: Json::Object(payload) }
            }
            Said::Refused => refused(Refusal::Away),
            Said::Spent => refused(Refusal::Undone),
            Said::Unknown => Attempt::Unknown { cause: "lost".to_owned(), timeout: false },
        }
    }
}

impl Service for Keeper {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.answer(call, &args)
        })
    }
}
