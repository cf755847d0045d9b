//! Several shards of one store: events, triggers and operators' acts that cross them, whatever order
//! things happen in, and whichever shard loses its memory when.

use super::program::{Program, S, event, step, unit, write};
use crate::breaker::State;
use crate::codegen::{Arm, Json, Machine, Values};
use crate::id::{Place, RunId, ShardId, event_slot, shard_of, slot_of};
use crate::journal::{self, Mail};
use crate::memory::Memory;
use crate::port::{Interest, RunFilter, Store};
use crate::service::{Attempt, Refusal};
use crate::shard::{
    Act, Actor, Answer, BreakerAct, Effect, Input, Machines, Mirrors, Output, Protection, Recovery,
    Shard, Start,
};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

pub(super) const SHARDS: u32 = 4;

/// The store in memory never waits.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store in memory waits"),
    }
}

/// Numbers that are the same everywhere (splitmix64).
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % n.max(1) as u64).unwrap_or(0)
    }
}

pub(super) struct One {
    pub(super) lease: crate::port::Lease,
    pub(super) shard: Shard,
    /// What comes back to it: outcomes and look-ups, in any order.
    back: Vec<Effect>,
    mail: bool,
}

pub(super) struct Town {
    pub(super) store: Memory,
    clock: Arc<AtomicI64>,
    machines: Machines,
    pub(super) all: Vec<One>,
    pub(super) numbers: Numbers,
    /// Of so many commits one is followed, or preceded, by a crash; 0 for none.
    pub(super) crashes: usize,
    answers: BTreeMap<u64, Answer>,
    token: u64,
    /// What a shard tells others from its next recovery on.
    pub(super) mirrors: Mirrors,
    /// What shards know of the events that programs take in.
    pub(super) interest: Option<Arc<Interest>>,
    /// Services are away.
    refuse: bool,
    applied: BTreeMap<String, BTreeSet<String>>,
    /// What happened, for whoever looks into a seed that fails.
    trace: VecDeque<String>,
}

impl Town {
    pub(super) fn new<M: Machine + 'static>(
        programs: &[Arc<M>],
        seed: u64,
        crashes: usize,
    ) -> Self {
        let clock = Arc::new(AtomicI64::new(1_000_000));
        let hand = Arc::clone(&clock);
        let store = Memory::new(SHARDS, Arc::new(move || Time(hand.load(Ordering::Relaxed))));
        let mut machines = Machines::default();
        programs.iter().for_each(|program| machines.add(program.clone() as Arc<dyn Machine>));
        let mut town = Self {
            store,
            clock,
            machines,
            all: Vec::new(),
            numbers: Numbers(seed),
            crashes: 0,
            answers: BTreeMap::new(),
            token: 0,
            mirrors: Mirrors::default(),
            interest: None,
            refuse: false,
            applied: BTreeMap::new(),
            trace: VecDeque::new(),
        };
        for shard in (0..SHARDS).map(ShardId) {
            let one = town.recovered(shard);
            town.all.push(one.0);
            town.finish(shard, one.1);
        }
        town.crashes = crashes;
        town
    }

    pub(super) fn time(&self) -> Time {
        Time(self.clock.fetch_add(1, Ordering::Relaxed))
    }

    /// Lets time pass until then.
    pub(super) fn sleep_until(&self, due: Time) {
        self.clock.fetch_max(due.0, Ordering::Relaxed);
    }

    pub(super) fn checkpoint(&mut self, shard: ShardId) {
        let at = self.time();
        let output = self.all[shard.0 as usize].shard.checkpoint(at);
        self.finish(shard, output);
    }

    fn recovered(&self, shard: ShardId) -> (One, Output) {
        let lease = now(self.store.acquire(shard)).expect("a lease");
        let tail = now(self.store.tail(lease)).expect("a tail");
        let at = self.time();
        let mut recovered = Shard::recover(Recovery {
            lease,
            tail,
            machines: self.machines.clone(),
            now: at,
            place: Place { shard, of: SHARDS, skew_ms: 0 },
            protection: Protection::default(),
        });
        assert!(recovered.damaged.is_empty());
        recovered.shard.mirror_to(self.mirrors.clone(), at, &mut recovered.fence);
        let one = One { lease, shard: recovered.shard, back: Vec::new(), mail: true };
        (one, recovered.fence)
    }

    /// Every shard begins anew with these programs.
    pub(super) fn serve<M: Machine + 'static>(&mut self, programs: &[Arc<M>]) {
        self.machines = Machines::default();
        for program in programs {
            self.machines.add(program.clone() as Arc<dyn Machine>);
        }
        (0..SHARDS).map(ShardId).for_each(|shard| self.crash(shard));
    }

    pub(super) fn crash(&mut self, shard: ShardId) {
        self.trace.push_back(format!("crash {}", shard.0));
        let (one, fence) = self.recovered(shard);
        self.all[shard.0 as usize] = one;
        self.finish(shard, fence);
    }

    pub(super) fn apply(&mut self, shard: ShardId, input: Input) {
        self.trace.push_back(format!("{} {input:?}", shard.0));
        let at = self.time();
        let one = &mut self.all[shard.0 as usize].shard;
        one.interested(self.interest.clone());
        let output = one.apply(at, input);
        self.finish(shard, output);
    }

    pub(super) fn finish(&mut self, shard: ShardId, output: Output) {
        let crash = self.crashes > 0 && self.numbers.below(self.crashes) == 0;
        let lease = self.all[shard.0 as usize].lease;
        if crash && self.numbers.below(2) == 0 {
            return self.crash(shard);
        }
        if !output.is_clean() {
            let sent: Vec<_> = output.batch.sent.iter().map(|row| row.to).collect();
            for row in output.batch.sent.iter().filter(|row| row.to == shard) {
                let start = matches!(journal::decode(&row.body), Ok(Mail::Start { .. }));
                assert!(start, "a shard tells itself nothing but starts of what it read");
            }
            now(self.store.commit(lease, output.batch)).expect("a commit");
            for to in sent {
                // One that is not there yet looks first of all.
                self.all.get_mut(to.0 as usize).into_iter().for_each(|one| one.mail = true);
            }
        }
        if crash {
            return self.crash(shard);
        }
        for effect in output.effects {
            match effect {
                Effect::Reply { token, answer } => {
                    self.answers.insert(token, answer);
                }
                Effect::Notice { .. } | Effect::History { .. } | Effect::Publish(_) => {}
                effect => self.all[shard.0 as usize].back.push(effect),
            }
        }
    }

    fn answer(&mut self, shard: ShardId, effect: Effect) {
        let input = match effect {
            Effect::Call(send) if self.refuse => {
                let (reason, cause) = ("away".to_owned(), Refusal::Away);
                let result = Attempt::Refused { reason, retry_after_ms: None, cause };
                Input::Outcome { ticket: send.ticket, result, token: None }
            }
            Effect::Call(send) => {
                let action = send.call.action.clone();
                self.applied.entry(action).or_default().insert(send.call.key.clone());
                let result = Attempt::Ok(format!("r-{}", send.call.key).into());
                Input::Outcome { ticket: send.ticket, result, token: None }
            }
            Effect::Find { namespace, workflow, key } => {
                let row = now(self.store.key(&namespace, &workflow, &key)).expect("a key");
                Input::Found { namespace, workflow, key, row }
            }
            Effect::FindWaits(name) => {
                let shards = now(self.store.waits(std::slice::from_ref(&name))).expect("waits");
                Input::FoundWaits { name, shards: shards.concat() }
            }
            Effect::FindItem { item } => {
                let row = now(self.store.item(&item)).expect("an item");
                Input::FoundItem { item, row }
            }
            Effect::FindEvents { home, name, since } => {
                let rows = now(self.store.events(home, &name, since, 0, 1_000)).expect("events");
                Input::FoundEvents { name, since, rows }
            }
            other => panic!("{other:?}"),
        };
        self.apply(shard, input);
    }

    /// Does one of the things that can happen now, any of them.
    pub(super) fn step(&mut self) -> bool {
        let mut can: Vec<(ShardId, Option<usize>)> = Vec::new();
        for (shard, one) in (0..).map(ShardId).zip(&self.all) {
            can.extend((0..one.back.len()).map(|at| (shard, Some(at))));
            can.extend(one.mail.then_some((shard, None)));
        }
        if can.is_empty() || self.numbers.below(4) == 0 {
            let now = Time(self.clock.load(Ordering::Relaxed));
            let due = |one: &One| one.shard.next_due().is_some_and(|due| due <= now);
            // Order: after a recovery the inbox is looked into before a timer fires.
            if let Some(at) = self.all.iter().position(|one| !one.mail && due(one)) {
                self.apply(ShardId(u32::try_from(at).unwrap_or(0)), Input::Tick);
                return true;
            }
        }
        if can.is_empty() {
            return false;
        }
        let (shard, what) = can[self.numbers.below(can.len())];
        let one = &mut self.all[shard.0 as usize];
        if let Some(at) = what {
            let effect = one.back.swap_remove(at);
            self.answer(shard, effect);
        } else {
            one.mail = false;
            let limit = 1 + self.numbers.below(3);
            let rows = now(self.store.inbox(shard, None, u32::try_from(limit).unwrap_or(1)));
            let rows = rows.expect("an inbox");
            if !rows.is_empty() {
                self.apply(shard, Input::Mail(rows));
                // What is left, or was not taken, is looked for again.
                self.all[shard.0 as usize].mail = true;
            }
        }
        true
    }

    pub(super) fn steps(&mut self, most: usize) {
        for _ in 0..self.numbers.below(most) {
            self.step();
        }
    }

    pub(super) fn settle(&mut self) {
        self.crashes = 0;
        for _ in 0..20_000 {
            if !self.step() {
                return;
            }
        }
        panic!(
            "it never comes to rest: {:?}",
            self.trace.iter().rev().take(20).collect::<Vec<_>>()
        );
    }

    /// Asks until it is answered, as a client does.
    pub(super) fn ask(&mut self, shard: ShardId, mut input: impl FnMut(u64) -> Input) -> Answer {
        for _ in 0..200 {
            self.token += 1;
            let token = self.token;
            self.apply(shard, input(token));
            for _ in 0..200 {
                if let Some(answer) = self.answers.remove(&token) {
                    return answer;
                }
                if !self.step() {
                    break;
                }
            }
        }
        panic!("nobody answers");
    }

    pub(super) fn start(&mut self, order: &str) -> RunId {
        match self.try_start(order) {
            Answer::Started { run, .. } => run,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn try_start(&mut self, order: &str) -> Answer {
        let key = Json::from(order).to_string();
        let home = shard_of(slot_of("default", "shop.Order", &key), SHARDS);
        let input: Values = [("order".to_owned(), Json::from(order))].into();
        let start = |token| {
            Input::Start(Start {
                namespace: "default".into(),
                workflow: "shop.Order".into(),
                version: None,
                key: None,
                input: input.clone(),
                entropy: [7; 16],
                token: Some(token),
            })
        };
        self.ask(home, start)
    }

    pub(super) fn cancel(&mut self, run: RunId) {
        let cancel = |token| Input::Operate {
            run,
            act: Act::Cancel,
            actor: Actor::default(),
            reason: "given up".to_owned(),
            token: Some(token),
        };
        self.ask(shard_of(run.slot(), SHARDS), cancel);
    }

    fn deliver(&mut self, id: &str, name: &str, key: &str) {
        let home = shard_of(event_slot("default", name, key), SHARDS);
        let event = |token| Input::Event {
            id: id.into(),
            namespace: "default".into(),
            event: name.into(),
            key: key.into(),
            payload: serde_json::json!({ "order": key }),
            token: Some(token),
        };
        let answer = self.ask(home, event);
        assert!(matches!(answer, Answer::Done | Answer::Duplicate), "{answer:?}");
    }

    pub(super) fn statuses(&self) -> BTreeMap<String, usize> {
        let filter = RunFilter { limit: 1_000, ..RunFilter::default() };
        let mut all = BTreeMap::new();
        for row in now(self.store.runs(&filter)).expect("runs") {
            *all.entry(format!("{} {}", row.workflow, row.status)).or_default() += 1;
        }
        all
    }

    pub(super) fn count(&self, action: &str) -> usize {
        self.applied.get(action).map_or(0, BTreeSet::len)
    }

    /// Nothing is left over: no message, and after a checkpoint nobody is told of anything.
    pub(super) fn tidy(&mut self) {
        for shard in (0..SHARDS).map(ShardId) {
            self.checkpoint(shard);
            assert_eq!(now(self.store.inbox(shard, None, 9)), Ok(Vec::new()), "a message is left");
            let tail = now(self.store.tail(self.all[shard.0 as usize].lease)).expect("a tail");
            assert_eq!(tail.waits, [], "somebody is told of what nobody waits for");
        }
    }
}

fn on(name: &str) -> Arm {
    Arm::Event(event(name, "o-1"))
}

fn wait(at: &'static str, name: &str) -> S {
    S::Wait { at, arms: vec![(on(name), Vec::new())], within: None }
}

/// A payment wakes every order, wherever it lives; each tells that it has shipped, and that starts one
/// letter.
fn orders() -> Vec<Arc<Program>> {
    let order = Program::new(vec![
        wait("w", "shop.Paid"),
        step("a").s(),
        S::Emit { event: "shop.Shipped", key: "o-1" },
        wait("v", "shop.Shipped"),
        write("b").s(),
    ]);
    let letter = Program::new(vec![write("mail").s()]).trigger("shop.Shipped").with(|spec| {
        spec.name = "shop.Mail".into();
        spec.hash = "h2".into();
    });
    vec![order.arc(), letter.arc()]
}

const ORDERS: [&str; 6] = ["A", "B", "C", "D", "E", "F"];

fn storm(seed: u64, crashes: usize) -> Town {
    let mut town = Town::new(&orders(), seed, crashes);
    town.deliver("old", "shop.Paid", "o-1");
    town.steps(20);
    for order in ORDERS {
        town.start(order);
        town.steps(10);
    }
    assert_eq!(town.count("a"), 0, "seed {seed}: an event from before the admission counts");
    town.deliver("e-1", "shop.Paid", "o-1");
    town.steps(50);
    town.deliver("e-1", "shop.Paid", "o-1");
    town.settle();
    town
}

fn all_ended_once(town: &mut Town, seed: u64) {
    let expected = [("shop.Mail completed".to_owned(), 1), ("shop.Order completed".to_owned(), 6)];
    assert_eq!(town.statuses(), expected.into(), "seed {seed}");
    let counts = ["a", "b", "mail"].map(|action| town.count(action));
    assert_eq!(counts, [6, 6, 1], "seed {seed}: each effect has one key");
    town.tidy();
}

#[test]
fn an_event_reaches_runs_on_every_shard_in_any_order_of_things() {
    let homes: BTreeSet<_> = ORDERS
        .iter()
        .map(|order| slot_of("default", "shop.Order", &Json::from(*order).to_string()))
        .map(|slot| shard_of(slot, SHARDS))
        .collect();
    assert!(homes.len() > 2, "the orders live on {homes:?}");
    for seed in 0..300 {
        let mut town = storm(seed, 0);
        all_ended_once(&mut town, seed);
    }
}

#[test]
fn nothing_is_lost_or_done_twice_when_shards_lose_their_memory() {
    for seed in 0..600 {
        // More of them in a row would have runs set aside that were recovered too often.
        let crashes = 6 + usize::try_from(seed % 20).unwrap_or(0);
        let mut town = storm(seed, crashes);
        all_ended_once(&mut town, seed);
    }
}

/// A scope that is left by an event of another home, entered before or after it came.
#[test]
fn an_interrupt_sees_what_came_after_its_scope_was_entered_wherever_its_home_is() {
    let body = || {
        let mut scope = unit("s", vec![wait("never", "shop.Nothing")], Some(vec![write("c").s()]));
        scope.interrupts = vec![event("shop.Stop", "o-1")];
        vec![wait("w", "shop.Paid"), S::Unit(Box::new(scope))]
    };
    for seed in 0..200 {
        let mut town = Town::new(&[Program::new(body()).arc()], seed, 0);
        for order in ORDERS {
            town.start(order);
        }
        town.deliver("early", "shop.Stop", "o-1");
        town.steps(30);
        town.deliver("paid", "shop.Paid", "o-1");
        town.settle();
        assert_eq!(town.count("c"), 0, "seed {seed}: it came before the scope was entered");
        town.crashes = 9;
        town.deliver("late", "shop.Stop", "o-1");
        town.settle();
        assert_eq!(town.count("c"), 6, "seed {seed}");
    }
}

/// The event came in time; whoever waits for it lost its memory, and is back when the time is over.
#[test]
fn an_event_that_came_in_time_comes_before_the_end_of_the_time() {
    let arms = vec![(on("shop.Paid"), Vec::new())];
    let body = vec![S::Wait { at: "w", arms, within: Some(60_000) }, step("a").s()];
    let program = Program::new(body).arc();
    for seed in 0..100 {
        let mut town = Town::new(std::slice::from_ref(&program), seed, 0);
        for order in ORDERS {
            town.start(order);
        }
        if seed % 2 == 0 {
            town.settle();
        }
        town.deliver("e-1", "shop.Paid", "o-1");
        town.steps(6);
        town.clock.fetch_add(100_000, Ordering::Relaxed);
        for shard in (0..SHARDS).map(ShardId) {
            town.crash(shard);
        }
        town.settle();
        let expected = [("shop.Order completed".to_owned(), 6)];
        assert_eq!(town.statuses(), expected.into(), "seed {seed}");
    }
    let mut town = Town::new(std::slice::from_ref(&program), 0, 0);
    town.start("A");
    town.settle();
    town.clock.fetch_add(100_000, Ordering::Relaxed);
    town.settle();
    let expected = [("shop.Order failed".to_owned(), 1)];
    assert_eq!(town.statuses(), expected.into(), "without one the time runs out");
}

#[test]
fn what_an_operator_does_about_a_service_holds_on_every_shard_and_outlives_them() {
    for seed in 0..50 {
        let guarded =
            Program::new(vec![step("a").s()]).service("Shop", super::services::guarded(1));
        let mut town = Town::new(&[guarded.arc()], seed, 0);
        let act = |act| {
            move |token| Input::Breaker {
                service: "Shop".to_owned(),
                act,
                actor: Actor { name: "ann".to_owned(), ..Actor::default() },
                reason: "it is down".to_owned(),
                token: Some(token),
            }
        };
        let home = ShardId(u32::try_from(seed % u64::from(SHARDS)).unwrap_or(0));
        // A call that is refused opens it everywhere, an operator's act holds it so.
        town.refuse = true;
        town.start("A");
        town.settle();
        town.refuse = false;
        for one in &town.all {
            let at = town.time();
            let services = one.shard.services(at);
            assert!(matches!(services[0].breaker, Some(State::Open { .. })), "seed {seed}");
        }
        assert_eq!(town.ask(home, act(BreakerAct::Open)), Answer::Done);
        town.crashes = 5;
        town.settle();
        for shard in (0..SHARDS).map(ShardId) {
            town.crash(shard);
            let at = town.time();
            let services = town.all[shard.0 as usize].shard.services(at);
            assert!(services.iter().all(|service| service.held_open), "seed {seed} {shard:?}");
        }
    }
}
