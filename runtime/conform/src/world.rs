//! The services that are called, and every single call: its key, its arguments, what came of it.
//!
//! Promises: keys are those the engine makes; the same seed draws the same calls; nothing personal
//! or secret is in what is kept of a call. Must not judge: that is for `check`.

use crate::contract::{Action, Ask, Contract, at};
use crate::given::{First, Given, GivenAction};
use crate::report::Exchange;
use crate::told::{Told, method, shortened, shown, told};
use sagaflow_core::codegen::{Json, SampleSeed, Schema, Ty};
use sagaflow_core::id::RunId;
use sagaflow_core::key::{KeyParts, call_key, hex};
use sagaflow_core::service::{Attempt, Call, Purpose, Service};
use sagaflow_core::time::Time;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The namespace of every call, so that a service can tell these from others.
pub const NAMESPACE: &str = "conformance";

/// How long a call may take where neither the contract nor the caller says so.
const WITHIN: Duration = Duration::from_secs(30);

/// How a service is reached.
#[derive(Clone, Debug)]
pub enum Place {
    /// Over HTTP, at this URL without secrets.
    Url(String),
    /// As Rust code in this process.
    Code,
}

/// A service that is there.
pub struct Bound {
    /// What it promises.
    pub contract: Contract,
    /// What is called.
    pub service: Arc<dyn Service>,
    /// How.
    pub place: Place,
}

/// The services, and what cases are drawn from.
pub(crate) struct World {
    pub bound: BTreeMap<String, Bound>,
    pub given: Given,
    pub seed: u64,
    pub timeout: Option<Duration>,
    pub wait: Duration,
    drawn: AtomicU32,
}

/// One set of arguments under one key, and the calls that were made with it.
pub(crate) struct Case {
    service: String,
    action: String,
    label: String,
    number: u32,
    pub args: Json,
    pub key: String,
    pub calls: Vec<Exchange>,
}

/// What one call is.
struct Sent<'a> {
    service: &'a str,
    action: &'a str,
    purpose: Purpose,
    key: &'a str,
    undoes: Option<&'a str>,
    path: String,
    attempt: u32,
}

impl World {
    pub fn new(bound: BTreeMap<String, Bound>, given: Given, seed: u64) -> Self {
        Self {
            bound,
            given,
            seed,
            timeout: None,
            wait: Duration::from_secs(10),
            drawn: AtomicU32::new(0),
        }
    }

    pub fn known(&self, service: &str, action: &str) -> Option<(&Bound, &Action)> {
        let bound = self.bound.get(service)?;
        Some((bound, bound.contract.actions.get(action)?))
    }

    /// `Service.action` by its qualified or short service.
    pub fn named(&self, name: &str) -> Option<(&Bound, &str)> {
        let (service, action) = name.rsplit_once('.')?;
        let fits =
            |bound: &&Bound| bound.contract.service == service || bound.contract.short() == service;
        let bound = self.bound.values().find(fits)?;
        let (action, _) = bound.contract.actions.get_key_value(action)?;
        Some((bound, action))
    }

    pub fn given(&self, service: &str, action: &str) -> Option<&GivenAction> {
        self.given.of(service, action)
    }

    /// A case with arguments of its own: given ones in turn, and made-up ones in their gaps.
    pub fn case(&self, service: &str, action: &str, label: &str) -> Case {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let given = self.given(service, action).filter(|given| !given.args.is_empty());
        let over = given.and_then(|given| given.args.get(number as usize % given.args.len()));
        self.case_of(service, action, label, number, over)
    }

    /// A case with these arguments, and made-up ones in their gaps.
    pub fn case_with(
        &self,
        service: &str,
        action: &str,
        label: &str,
        over: &BTreeMap<String, Json>,
    ) -> Case {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        self.case_of(service, action, label, number, Some(over))
    }

    fn case_of(
        &self,
        service: &str,
        action: &str,
        label: &str,
        number: u32,
        over: Option<&BTreeMap<String, Json>>,
    ) -> Case {
        let args = self.args(service, action, number, over);
        let path = format!("{label}[{number}]");
        Case {
            service: service.to_owned(),
            action: action.to_owned(),
            label: label.to_owned(),
            number,
            args,
            key: self.key(service, action, Purpose::Do, &path, number),
            calls: Vec::new(),
        }
    }

    fn args(
        &self,
        service: &str,
        action: &str,
        number: u32,
        over: Option<&BTreeMap<String, Json>>,
    ) -> Json {
        let Some((bound, known)) = self.known(service, action) else { return Json::Null };
        let arg = |(name, ty): &(String, Ty)| {
            let value = match over.and_then(|over| over.get(name)) {
                Some(given) => given.clone(),
                None => self.sample(&bound.contract.schema, name, ty, number),
            };
            (!value.is_null()).then(|| (name.clone(), value))
        };
        known.params.iter().filter_map(arg).collect()
    }

    /// Parameters of one name have one value in one case, whichever action they belong to.
    fn sample(&self, schema: &Schema, name: &str, ty: &Ty, number: u32) -> Json {
        let text = format!("{}/{number}/{name}", self.seed);
        let key = hex(&sha2::Sha256::digest(text.as_bytes()));
        // A day that is the same for the same seed, and in the future for many years.
        let now = Time(4_102_444_800_000);
        schema.sample(ty, &SampleSeed { key: &key, name, now, money: None })
    }

    fn run(&self) -> RunId {
        let digest = sha2::Sha256::digest(self.seed.to_be_bytes());
        let mut random = [0; 8];
        random.copy_from_slice(digest.get(..8).unwrap_or(&[0; 8]));
        RunId::new(0, 0, random)
    }

    fn key(
        &self,
        service: &str,
        action: &str,
        purpose: Purpose,
        path: &str,
        generation: u32,
    ) -> String {
        let action = format!("{service}.{action}");
        let (namespace, run) = (NAMESPACE, self.run());
        call_key(&KeyParts { namespace, action: &action, purpose, run, path, generation, by: None })
    }

    /// Makes one call; nothing else here does.
    async fn send(&self, sent: Sent<'_>, args: &Json) -> (Told, Exchange) {
        let Some((bound, action)) = self.known(sent.service, sent.action) else {
            // Callers look an action up before they call it.
            return (Told::Odd("nobody offers this action".to_owned()), nothing());
        };
        let contracted = action.within_ms.and_then(|ms| u64::try_from(ms).ok());
        let within = self.timeout.or(contracted.map(Duration::from_millis)).unwrap_or(WITHIN);
        let call = Call {
            namespace: NAMESPACE.to_owned(),
            service: sent.service.to_owned(),
            action: sent.action.to_owned(),
            key: sent.key.to_owned(),
            undoes: sent.undoes.map(str::to_owned),
            run: self.run(),
            path: sent.path,
            attempt: sent.attempt,
            purpose: sent.purpose,
            fence: None,
            within,
            callback: String::new(),
        };
        // Crash: nothing is kept here; what the service did under these keys stays there.
        let attempt = tokio::time::timeout(within * 2, bound.service.call(&call, args.clone()));
        let attempt = attempt.await.unwrap_or_else(|_| Attempt::Unknown {
            cause: "no answer in time".to_owned(),
            timeout: true,
        });
        let told = told(bound, action, attempt);
        let shown = Exchange {
            call: method(bound, sent.action),
            purpose: sent.purpose.word(),
            key: call.key.clone(),
            undoes: call.undoes.clone(),
            args: shortened(&bound.contract.masked_args(action, args)),
            outcome: shown(&bound.contract, action, &told),
        };
        (told, shown)
    }

    /// The step itself, for the `attempt`th time.
    async fn attempt(&self, case: &Case, attempt: u32) -> (Told, Exchange) {
        let sent = Sent {
            service: &case.service,
            action: &case.action,
            purpose: Purpose::Do,
            key: &case.key,
            undoes: None,
            path: case.path(),
            attempt,
        };
        self.send(sent, &case.args).await
    }

    /// Makes the call of a case, under its one key.
    pub async fn act(&self, case: &mut Case) -> Told {
        let attempt = case.calls.iter().filter(|call| call.purpose == "do").count();
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX).saturating_add(1);
        let (told, shown) = self.attempt(case, attempt).await;
        case.calls.push(shown);
        told
    }

    /// Makes the call twice at once.
    pub async fn act_twice(&self, case: &mut Case) -> (Told, Told) {
        let both = futures_util::future::join(self.attempt(case, 1), self.attempt(case, 1));
        let ((one, shown_one), (other, shown_other)) = both.await;
        case.calls.extend([shown_one, shown_other]);
        (one, other)
    }

    /// Undoes the call of a case, or asks about it; nothing where the arguments cannot be told.
    pub async fn follow(
        &self,
        case: &mut Case,
        ask: &Ask,
        purpose: Purpose,
        result: Option<&Json>,
    ) -> Option<Told> {
        let args = ask.args(&case.args, result)?;
        let path = format!("{}/{}", case.path(), purpose.word());
        let key = self.key(&ask.service, &ask.action, purpose, &path, case.number);
        let attempt = case.calls.iter().filter(|call| call.purpose == purpose.word()).count();
        let sent = Sent {
            service: &ask.service,
            action: &ask.action,
            purpose,
            key: &key,
            undoes: Some(&case.key),
            path,
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX).saturating_add(1),
        };
        let (told, shown) = self.send(sent, &args).await;
        case.calls.push(shown);
        Some(told)
    }

    /// Makes a call of its own beside a case: a read that shows, or what comes first.
    pub async fn beside(
        &self,
        case: &mut Case,
        name: &str,
        args: Json,
        what: &str,
    ) -> Option<Told> {
        let (bound, action) = self.named(name)?;
        let (service, action) = (bound.contract.service.clone(), action.to_owned());
        let path = format!("{}/{what}#{}", case.path(), case.calls.len());
        let key = self.key(&service, &action, Purpose::Do, &path, case.number);
        let sent = Sent {
            service: &service,
            action: &action,
            purpose: Purpose::Do,
            key: &key,
            undoes: None,
            path,
            attempt: 1,
        };
        let (told, mut shown) = self.send(sent, &args).await;
        // Beside the case, so that it is not counted as an attempt of it.
        shown.purpose = "read";
        case.calls.push(shown);
        Some(told)
    }

    /// Makes what a case needs: the call before it, whose answer gives it arguments, but for those
    /// that are given for this case.
    ///
    /// # Errors
    /// In words, why it could not.
    pub async fn prepare(
        &self,
        case: &mut Case,
        first: &First,
        given: Option<&BTreeMap<String, Json>>,
    ) -> Result<(), String> {
        let stranger = || format!("`{}`, which is to come first, is not bound", first.call);
        let (bound, action) = self.named(&first.call).ok_or_else(stranger)?;
        let known = self.given(&bound.contract.service, action);
        let over =
            known.and_then(|known| known.args.get(case.number as usize % known.args.len().max(1)));
        let args = self.args(&bound.contract.service, action, case.number, over);
        let told = self.beside(case, &first.call, args, "first").await;
        let Some(Told::Ok(answer)) = told else {
            let words = told.map_or_else(|| "nothing".to_owned(), |told| told.words());
            return Err(format!("`{}`, which is to come first, answered {words}", first.call));
        };
        for (param, part) in &first.take {
            if given.is_some_and(|given| given.contains_key(param)) {
                continue;
            }
            let fields: Vec<String> =
                part.split('.').filter(|field| !field.is_empty()).map(str::to_owned).collect();
            let value = at(&answer, &fields);
            let value = value.ok_or_else(|| format!("`{}` answers no `{part}`", first.call))?;
            if let Json::Object(args) = &mut case.args {
                args.insert(param.clone(), value.clone());
            }
        }
        Ok(())
    }
}

impl Case {
    fn path(&self) -> String {
        format!("{}[{}]", self.label, self.number)
    }
}

fn nothing() -> Exchange {
    Exchange {
        call: String::new(),
        purpose: "do",
        key: String::new(),
        undoes: None,
        args: String::new(),
        outcome: String::new(),
    }
}
