//! What goes wrong, and when: every fault has a probability of its own, drawn from the seed, and a
//! stream of decisions of its own, so that leaving one fault out leaves the others where they were.
//!
//! Promises: the same seed makes the same decisions; a decision that was left out is never made.
//! Must not: look at anything but the seed and how often it was asked.

use sagaflow_sweep::random::Random;
use std::collections::{BTreeMap, BTreeSet};

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The store does not take a request, and says so.
    StoreRefuses,
    /// A commit is done, and nobody is told.
    CommitUnknownDone,
    /// A commit is not done, and nobody is told.
    CommitUnknownLost,
    /// A commit is reported as unknown, and lands much later.
    CommitLate,
    /// The store takes seconds for a request.
    StoreSlow,
    /// The store is away from every node for a while.
    Outage,
    /// A message between shards is shown to its receiver twice.
    MailTwice,
    /// A node dies.
    Crash,
    /// A node dies between a commit and what it holds back.
    CrashBeforeRelease,
    /// A node dies with a batch decided and not yet sent.
    CrashBeforeCommit,
    /// A node sleeps, for longer than a lease lasts or not.
    Pause,
    /// A node falls asleep between a commit and what it holds back.
    PauseBeforeRelease,
    /// What a sleeping node was about to send leaves when it wakes.
    PauseHolds,
    /// A node takes its time for everything.
    SlowNode,
    /// A node is stopped in good order.
    Drain,
    /// A node comes back with other versions of the workflow.
    Deploy,
    /// A node comes back with a clock that is minutes off.
    ClockOff,
    /// A node comes back with a clock that is hours off.
    ClockFarOff,
    /// A node comes back with a clock that runs too fast or too slow.
    ClockDrifts,
    /// A node's clock jumps.
    ClockJumps,
    /// A service answers with a declared error.
    Declared,
    /// A service is not reached.
    Refused,
    /// A service never answers.
    Hangs,
    /// A service does it, and its answer is lost.
    ReplyLost,
    /// A request is lost.
    RequestLost,
    /// A request is reported as lost, and arrives much later.
    RequestLate,
    /// A request that may be repeated arrives twice.
    RequestTwice,
    /// A service breaks its contract: the run parks.
    Broken,
    /// A service takes its time.
    ServiceSlow,
    /// A caller is not told what became of his request.
    AnswerLost,
    /// A caller asks twice.
    DoubleClick,
    /// A caller uses a key again, with another input.
    OtherInput,
    /// Somebody cancels a run.
    Cancel,
    /// Somebody pauses a run for a while.
    PauseRun,
    /// A person takes minutes.
    LatePerson,
    /// An event comes that nobody waits for.
    StrayEvent,
}

/// Every fault, with the highest probability of one decision, in thousandths.
const MENU: &[(Fault, u64)] = &[
    (Fault::StoreRefuses, 60),
    (Fault::CommitUnknownDone, 50),
    (Fault::CommitUnknownLost, 50),
    (Fault::CommitLate, 50),
    (Fault::StoreSlow, 30),
    (Fault::Outage, 12),
    (Fault::MailTwice, 300),
    (Fault::Crash, 40),
    (Fault::CrashBeforeRelease, 60),
    (Fault::CrashBeforeCommit, 60),
    (Fault::Pause, 50),
    (Fault::PauseBeforeRelease, 40),
    (Fault::PauseHolds, 700),
    (Fault::SlowNode, 30),
    (Fault::Drain, 15),
    (Fault::Deploy, 600),
    (Fault::ClockOff, 700),
    (Fault::ClockFarOff, 300),
    (Fault::ClockDrifts, 700),
    (Fault::ClockJumps, 20),
    (Fault::Declared, 150),
    (Fault::Refused, 250),
    (Fault::Hangs, 120),
    (Fault::ReplyLost, 200),
    (Fault::RequestLost, 200),
    (Fault::RequestLate, 200),
    (Fault::RequestTwice, 200),
    (Fault::Broken, 20),
    (Fault::ServiceSlow, 150),
    (Fault::AnswerLost, 300),
    (Fault::DoubleClick, 400),
    (Fault::OtherInput, 250),
    (Fault::Cancel, 20),
    (Fault::PauseRun, 12),
    (Fault::LatePerson, 300),
    (Fault::StrayEvent, 300),
];

/// One decision that struck: which fault, and the how-manieth time it was asked for.
pub type Strike = (Fault, u64);

/// What is left out of a seed, to find out what a failure needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Without {
    /// Faults that never strike.
    pub faults: BTreeSet<Fault>,
    /// Decisions that do not strike.
    pub strikes: BTreeSet<Strike>,
}

/// The decisions of one seed.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    rates: BTreeMap<Fault, u64>,
    asked: BTreeMap<Fault, u64>,
    without: Without,
    /// Decisions that struck, in order.
    struck: Vec<Strike>,
    healed: bool,
}

impl Dice {
    /// The decisions of a seed: about half of all faults can happen, each with its own probability.
    #[must_use]
    pub fn new(seed: u64, without: Without) -> Self {
        let mut random = Random::new(seed ^ 0xd1ce);
        let mut rates = BTreeMap::new();
        for (fault, most) in MENU {
            let (on, rate) = (random.chance(55), 1 + random.bits() % most);
            if on {
                rates.insert(*fault, rate);
            }
        }
        Self { seed, rates, asked: BTreeMap::new(), without, struck: Vec::new(), healed: false }
    }

    /// Whether this happens now.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let number = self.asked.entry(fault).or_default();
        *number += 1;
        let strike = (fault, *number);
        let Some(rate) = self.rates.get(&fault).filter(|_| !self.healed) else { return false };
        if self.without.faults.contains(&fault) || self.without.strikes.contains(&strike) {
            return false;
        }
        let stream = self.seed ^ (fault as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let struck = Random::new(stream ^ (*number << 20)).bits() % 1_000 < *rate;
        if struck {
            self.struck.push(strike);
        }
        struck
    }

    /// From now on nothing goes wrong.
    pub fn heal(&mut self) {
        self.healed = true;
    }

    /// Whether faults are over.
    #[must_use]
    pub fn is_healed(&self) -> bool {
        self.healed
    }

    /// Decisions that struck, in order.
    #[must_use]
    pub fn struck(&self) -> &[Strike] {
        &self.struck
    }
}
