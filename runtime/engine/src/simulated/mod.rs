//! Services that nobody bound: they answer from their contracts.
//!
//! Promises: the same key gets the same answer; results are samples of the declared types; the
//! clauses of the guard hold over all simulated services of one [`World`]. Reads answer by type and
//! are not remembered.
//!
//! Crash: a world that is kept in a file answers for what it did before; one that is not forgets it.

mod failing;
mod kept;
#[cfg(test)]
mod tests;
mod transaction;
mod written;

pub use failing::{Failing, Unreadable};

use crate::clock;
use crate::contract::{Action, Contract};
use crate::guard::{self, Begun, Memory};
use kept::Kept;
use sagaflow_core::codegen::{Class, Json, SampleSeed, Ty};
use sagaflow_core::service::{Attempt, Attempting, Call, Purpose, Refusal, Service};
use sagaflow_core::shard::Machines;
use sagaflow_core::transaction::{ACTION, SETTLE};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Bound: keys that are remembered; a simulation that is asked for more forgets the oldest.
const KEYS_MAX: usize = 100_000;

/// What all simulated services of a process remember, by forward key.
#[derive(Default)]
pub struct World {
    memory: Mutex<Memories>,
}

impl World {
    /// A world that is kept in a file, and remembers what is there.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn kept_in(path: PathBuf) -> io::Result<Self> {
        let (kept, known) = Kept::open(path)?;
        let mut memories = Memories::default();
        known.into_iter().for_each(|(key, memory)| memories.remember(&key, memory));
        memories.kept = Some(kept);
        Ok(Self { memory: Mutex::new(memories) })
    }
}

#[derive(Default)]
struct Memories {
    by_key: BTreeMap<String, Memory>,
    order: VecDeque<String>,
    kept: Option<Kept>,
}

impl Memories {
    /// Remembers it; what cannot be kept has not happened.
    fn put(&mut self, key: &str, memory: Memory) -> Result<(), Attempt> {
        if let Some(kept) = &mut self.kept
            && let Err(error) = kept.add(key, &memory)
        {
            return Err(Attempt::Refused {
                reason: format!("the simulation cannot keep what it does: {error}"),
                retry_after_ms: None,
                cause: Refusal::Away,
            });
        }
        self.remember(key, memory);
        Ok(())
    }

    fn remember(&mut self, key: &str, memory: Memory) {
        if self.by_key.insert(key.to_owned(), memory).is_none() {
            self.order.push_back(key.to_owned());
        }
        while self.order.len() > KEYS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }
}

/// One simulated service.
pub struct Simulated {
    world: Arc<World>,
    contract: Contract,
    failing: BTreeMap<String, Failing>,
    samples: BTreeMap<String, Json>,
    machines: Machines,
}

impl Simulated {
    /// A simulation of `contract` whose actions in `failing` fail in every attempt, and those in
    /// `samples` answer with what is given there. `machines` walk the transactions of a database.
    #[must_use]
    pub fn new(
        world: Arc<World>,
        contract: Contract,
        failing: BTreeMap<String, Failing>,
        samples: BTreeMap<String, Json>,
        machines: Machines,
    ) -> Self {
        Self { world, contract, failing, samples, machines }
    }

    fn sampled(&self, call: &Call, action: &Action, args: &Json) -> Json {
        let Some(result) = &action.result else { return Json::Null };
        if let Some(given) = self.samples.get(&call.action) {
            return given.clone();
        }
        let money = first_money(action, args);
        action.schema.sample(result, &seed(call, &money))
    }

    fn attempt(&self, call: &Call, args: &Json) -> Attempt {
        let Some(action) = self.contract.get(&call.action) else {
            return Attempt::Fault {
                message: "no hosted workflow declares this action".to_owned(),
            };
        };
        let mut memories = self.world.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = self.failing.get(&call.action);
        if let Some(attempt) = failing.and_then(Failing::before) {
            return attempt;
        }
        match (call.purpose, &call.undoes) {
            (Purpose::Probe, Some(forward)) => {
                let (found, memory) = guard::judge_probe(memories.by_key.get(forward).cloned());
                let kept = memory.map_or(Ok(()), |memory| memories.put(forward, memory));
                // A transaction may have committed without a value: what is known is wrapped.
                let found = match call.action == SETTLE {
                    true => found.map(|outcome| serde_json::json!({ "outcome": outcome })),
                    false => found,
                };
                return match kept {
                    Ok(()) => Attempt::Ok(found.unwrap_or(Json::Null)),
                    Err(refused) => refused,
                };
            }
            (Purpose::Undo, Some(forward)) => {
                let (_, memory) = guard::judge_undo(memories.by_key.get(forward).cloned());
                let kept = memory.map_or(Ok(()), |memory| memories.put(forward, memory));
                if let Err(refused) = kept {
                    return refused;
                }
            }
            _ => {}
        }
        let attempt = match call.action == ACTION {
            true => self.transact(&mut memories, call, args),
            false => self.effect(&mut memories, call, action, args),
        };
        failing.map_or_else(|| attempt.clone(), |failing| failing.after(attempt.clone()))
    }

    fn effect(
        &self,
        memories: &mut Memories,
        call: &Call,
        action: &Action,
        args: &Json,
    ) -> Attempt {
        let declared = self
            .failing
            .get(&call.action)
            .and_then(|failing| failing.declared(action, &seed(call, &first_money(action, args))));
        if action.class == Class::Read {
            return declared.unwrap_or_else(|| Attempt::Ok(self.sampled(call, action, args)));
        }
        match guard::judge_forward(memories.by_key.get(&call.key).cloned()) {
            Begun::Answered(answer) => Attempt::Ok(answer),
            Begun::Failed { name, payload } => Attempt::Failed { name, payload },
            Begun::Undone => Attempt::Refused {
                reason: "the key's undo came first".to_owned(),
                retry_after_ms: None,
                cause: Refusal::Undone,
            },
            Begun::Fresh => {
                let attempt =
                    declared.unwrap_or_else(|| Attempt::Ok(self.sampled(call, action, args)));
                let kept = match &attempt {
                    Attempt::Ok(answer) => memories.put(&call.key, Memory::Done(answer.clone())),
                    Attempt::Failed { name, payload } => memories.put(
                        &call.key,
                        Memory::Failed { name: name.clone(), payload: payload.clone() },
                    ),
                    _ => Ok(()),
                };
                kept.map_or_else(|refused| refused, |()| attempt)
            }
        }
    }
}

impl Service for Simulated {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        Box::pin(std::future::ready(self.attempt(call, &args)))
    }
}

fn seed<'a>(call: &'a Call, money: &'a Option<Json>) -> SampleSeed<'a> {
    SampleSeed { key: &call.key, name: &call.action, now: clock::now(), money: money.as_ref() }
}

/// The first argument that is money, by name: what a capture or a refund answers with.
fn first_money(action: &Action, args: &Json) -> Option<Json> {
    fn is_money(ty: &Ty) -> bool {
        match ty {
            Ty::Money(_) => true,
            Ty::Pii(of) | Ty::Secret(of) | Ty::Optional(of) => is_money(of),
            _ => false,
        }
    }
    let mut money = action.params.iter().filter(|(_, ty)| is_money(ty));
    money.find_map(|(name, _)| args.get(name).filter(|value| !value.is_null()).cloned())
}
