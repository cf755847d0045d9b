//! What the model's world can look like.

use std::collections::BTreeSet;

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress {
    /// Nobody has started it.
    Nothing,
    /// The first step is called.
    First,
    /// The second step is called.
    Second,
    /// The first step is undone.
    Undoing,
    /// Both steps are done.
    Completed,
    /// Nothing is done.
    Failed,
}

impl Progress {
    /// What is called while it stands there.
    #[must_use]
    pub fn call(self) -> Option<Call> {
        match self {
            Self::First => Some(Call::First),
            Self::Second => Some(Call::Second),
            Self::Undoing => Some(Call::Undo),
            Self::Nothing | Self::Completed | Self::Failed => None,
        }
    }

    /// Whether one record may lead from here to there.
    #[must_use]
    pub fn leads_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Nothing, Self::First)
                | (Self::First, Self::Second | Self::Undoing)
                | (Self::Second, Self::Completed | Self::Undoing)
                | (Self::Undoing, Self::Failed)
        )
    }
}

/// A call of a service: each is one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// The first step.
    First,
    /// The second step, which may be refused for good.
    Second,
    /// The undo of the first step.
    Undo,
}

/// One record of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// An owner has begun.
    Fence,
    /// The run has come this far.
    Run(Progress),
}

/// A batch on its way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Batch {
    pub(crate) owner: u8,
    pub(crate) epoch: u8,
    /// Position before it.
    pub(crate) prev: u8,
    pub(crate) record: Record,
}

/// How an owner stands to the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// Without it.
    Away,
    /// It asked for the lease, and reads in the same statement: what it will see is what is there now.
    Asking {
        /// How much it will see.
        seen: u8,
    },
    /// It has the lease, and has not read.
    Acquired {
        /// Epoch.
        epoch: u8,
    },
    /// It has read, and its fence record is on its way.
    Fencing {
        /// Epoch.
        epoch: u8,
        /// Position it has read to.
        at: u8,
        /// What it has read.
        run: Progress,
    },
    /// It serves.
    Serving {
        /// Epoch.
        epoch: u8,
        /// Position of its last record.
        at: u8,
        /// The run.
        run: Progress,
        /// What is on its way to the store.
        flight: Option<Progress>,
    },
}

/// What went wrong, where a look at one state does not show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Broken {
    /// A record was written under an epoch that was over.
    pub unfenced: bool,
    /// A record was written that does not follow from those before it.
    pub illegal: bool,
    /// A call left that no record announces.
    pub unannounced: bool,
    /// A call left under an epoch that has written no fence record.
    pub before_fence: bool,
    /// A call was applied twice.
    pub twice: bool,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The journal, each record with its epoch.
    pub journal: Vec<(Record, u8)>,
    /// The current epoch, and whose it is.
    pub epoch: u8,
    /// Who holds the lease.
    pub holder: Option<u8>,
    /// It has not run out.
    pub live: bool,
    /// The two owners.
    pub owners: [Owner; 2],
    /// Whether calls may leave, by each owner's own clock.
    pub gates: [bool; 2],
    /// Batches that have not reached the store.
    pub batches: BTreeSet<Batch>,
    /// Answers of the store that have not reached their owners.
    pub answers: BTreeSet<(Batch, bool)>,
    /// Requests that may reach their service, now or later, once or again.
    pub requests: BTreeSet<(Call, u8)>,
    /// Replies that may reach the owner of an epoch; whether the call is done.
    pub replies: BTreeSet<(Call, u8, bool)>,
    /// The first step stands.
    pub first: bool,
    /// The first step was applied.
    pub first_applied: bool,
    /// The undo was applied.
    pub undone: bool,
    /// The second step was answered: done, or refused for good.
    pub second: Option<bool>,
    /// The store has lost its last record once.
    pub lost: bool,
    /// What went wrong on the way.
    pub broken: Broken,
}

impl State {
    /// Nothing has happened.
    #[must_use]
    pub fn begin() -> Self {
        Self {
            journal: Vec::new(),
            epoch: 0,
            holder: None,
            live: false,
            owners: [Owner::Away; 2],
            gates: [false; 2],
            batches: BTreeSet::new(),
            answers: BTreeSet::new(),
            requests: BTreeSet::new(),
            replies: BTreeSet::new(),
            first: false,
            first_applied: false,
            undone: false,
            second: None,
            lost: false,
            broken: Broken::default(),
        }
    }

    /// The fold of the first records of the journal.
    #[must_use]
    pub fn fold(&self, records: usize) -> Progress {
        let mut runs = self.journal.iter().take(records).filter_map(|(record, _)| match record {
            Record::Run(progress) => Some(*progress),
            Record::Fence => None,
        });
        runs.next_back().unwrap_or(Progress::Nothing)
    }

    /// How far the run is, as it is written.
    #[must_use]
    pub fn written(&self) -> Progress {
        self.fold(self.journal.len())
    }

    /// Forgets what can reach nobody any more: answers and replies to an owner that has dropped its
    /// memory, batches that the store would refuse, and requests that would change nothing.
    pub(crate) fn tidy(&mut self, fenced: bool) {
        let owners = self.owners;
        let epoch_of = |owner: &Owner| match owner {
            Owner::Away | Owner::Asking { .. } => None,
            Owner::Acquired { epoch }
            | Owner::Fencing { epoch, .. }
            | Owner::Serving { epoch, .. } => Some(*epoch),
        };
        let lives = |epoch: u8| owners.iter().any(|owner| epoch_of(owner) == Some(epoch));
        let wanted = |batch: &Batch| match owners.get(usize::from(batch.owner)) {
            Some(Owner::Fencing { epoch, at, .. }) => {
                (*epoch, *at, Record::Fence) == (batch.epoch, batch.prev, batch.record)
            }
            Some(Owner::Serving { epoch, at, flight: Some(next), .. }) => {
                (*epoch, *at, Record::Run(*next)) == (batch.epoch, batch.prev, batch.record)
            }
            _ => false,
        };
        self.answers.retain(|(batch, _)| wanted(batch));
        let current = self.epoch;
        self.batches.retain(|batch| wanted(batch) || !fenced || batch.epoch == current);
        let waits = |call: Call, epoch: u8| {
            owners.iter().any(|owner| match owner {
                Owner::Serving { epoch: own, run, flight: None, .. } => {
                    *own == epoch && run.call() == Some(call)
                }
                Owner::Fencing { epoch: own, run, .. } => *own == epoch && run.call() == Some(call),
                // It may come back to this when its batch has landed, or speaks before that.
                Owner::Serving { epoch: own, flight: Some(next), .. } => {
                    *own == epoch && next.call() == Some(call)
                }
                _ => false,
            })
        };
        self.replies.retain(|(call, epoch, _)| waits(*call, *epoch));
        let requests = std::mem::take(&mut self.requests);
        let anybody = |(call, epoch)| (call, if lives(epoch) { epoch } else { 0 });
        let known = |call: Call| match call {
            Call::First => self.first_applied || self.undone,
            Call::Second => self.second.is_some(),
            Call::Undo => self.undone,
        };
        let requests = requests.into_iter().map(anybody);
        self.requests = requests.filter(|(call, epoch)| *epoch > 0 || !known(*call)).collect();
        for (owner, gate) in self.owners.iter().zip(&mut self.gates) {
            *gate &= epoch_of(owner).is_some();
        }
    }

    /// Position of the last record.
    pub(crate) fn last(&self) -> u8 {
        u8::try_from(self.journal.len()).unwrap_or(u8::MAX)
    }
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The lease runs out.
    Expire,
    /// An owner asks for the lease; it has it at once, or waits for what is being written.
    Acquire(u8),
    /// An owner that read in the statement of its acquisition has both.
    AcquireRead(u8),
    /// An owner reads the tail, and sends its fence record.
    Read(u8),
    /// An owner dies, or gives up what it has under way.
    Drop(u8),
    /// A batch reaches the store.
    Land(Batch),
    /// An answer of the store reaches its owner.
    Told(Batch, bool),
    /// An owner admits the run.
    Start(u8),
    /// A request reaches its service; whether the second step takes it is the service's to say.
    Arrive(Call, u8, bool),
    /// A reply reaches the owner that serves under its epoch.
    Hear(u8, Call, bool),
    /// The store comes back from a replica without its last record.
    Failover,
}
