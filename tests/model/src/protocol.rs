//! The rules, each of which can be left out.

use crate::state::{Action, Batch, Call, Owner, Progress, Record, State};
use stateright::{Model, Property};

/// Bound: records in one history; the longest right one has this many.
const RECORDS_MAX: usize = 8;

/// The protocol, whole or with a rule left out.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// A batch is written only under the current epoch.
    pub compares_epoch: bool,
    /// A batch is written only behind the position that its owner knows.
    pub compares_position: bool,
    /// The tail is read by a statement of its own, behind the acquisition.
    pub reads_behind: bool,
    /// Nothing leaves before the fence record is written.
    pub fences_first: bool,
    /// Nothing leaves before its own record is written.
    pub commits_first: bool,
    /// A foreign lease is taken only when it has run out.
    pub waits: bool,
    /// Nothing leaves under a lease that has run out by the owner's clock.
    pub gated: bool,
    /// The first step's service remembers its key and that it was undone. Otherwise it does whatever
    /// reaches it, its requests arrive at once, and a call that is open after a recovery is not made
    /// again, but undone.
    pub keyed: bool,
    /// The store may lose its last record once.
    pub fails_over: bool,
    /// Bound: acquisitions in one history. With three an owner is fenced, and the one that fenced it
    /// too, or settles a batch of its own.
    pub epochs: u8,
}

impl Protocol {
    /// All rules.
    pub const WHOLE: Self = Self {
        compares_epoch: true,
        compares_position: true,
        reads_behind: true,
        fences_first: true,
        commits_first: true,
        waits: true,
        gated: true,
        keyed: true,
        fails_over: false,
        epochs: 3,
    };

    fn may_acquire(self, state: &State, owner: u8) -> bool {
        let free = !state.live || state.holder == Some(owner) || !self.waits;
        let away = matches!(state.owners[usize::from(owner)], Owner::Away);
        away && free && state.epoch < self.epochs
    }

    fn grant(state: &mut State, owner: u8) -> u8 {
        state.epoch += 1;
        state.holder = Some(owner);
        state.live = true;
        state.gates[usize::from(owner)] = true;
        state.epoch
    }

    /// An owner has read: it sends its fence record.
    fn fence(self, state: &mut State, owner: u8, epoch: u8, run: Progress) {
        let at = state.last();
        state.owners[usize::from(owner)] = Owner::Fencing { epoch, at, run };
        let record = Record::Fence;
        state.batches.insert(Batch { owner, epoch, prev: at, record });
        if !self.fences_first {
            self.send(state, owner, epoch, run);
        }
    }

    /// The call of this progress leaves, if the lease lasts by the owner's clock.
    fn send(self, state: &mut State, owner: u8, epoch: u8, run: Progress) {
        let Some(call) = run.call() else { return };
        if self.gated && !state.gates[usize::from(owner)] {
            return;
        }
        let announced = state.journal.iter().any(|(record, _)| *record == Record::Run(run));
        let fenced = state.journal.contains(&(Record::Fence, epoch));
        state.broken.unannounced |= !announced;
        state.broken.before_fence |= !fenced;
        if !self.keyed && call == Call::First {
            // It arrives at once, and whatever arrives is done.
            state.broken.twice |= state.first_applied;
            state.first = true;
            state.first_applied = true;
            state.replies.insert((call, epoch, true));
        } else {
            state.requests.insert((call, epoch));
        }
    }

    fn land(self, state: &mut State, batch: Batch) {
        let current = batch.epoch == state.epoch;
        let behind = batch.prev == state.last();
        let taken = (current || !self.compares_epoch) && (behind || !self.compares_position);
        state.answers.insert((batch, taken));
        if !taken || state.journal.len() >= RECORDS_MAX {
            return;
        }
        if let Record::Run(next) = batch.record {
            state.broken.illegal |= !state.written().leads_to(next);
        }
        state.broken.unfenced |= !current;
        state.journal.push((batch.record, batch.epoch));
        // A commit renews the lease that it is made under.
        state.live |= current;
        if current {
            state.gates[usize::from(batch.owner)] = true;
        }
    }

    /// The store has answered an owner that still waits for this.
    fn told(self, state: &mut State, batch: Batch, taken: bool) {
        let Batch { owner, epoch, prev, record } = batch;
        let place = usize::from(owner);
        match (state.owners[place], record) {
            (Owner::Fencing { epoch: own, at, run }, Record::Fence)
                if (own, at) == (epoch, prev) =>
            {
                if !taken {
                    state.owners[place] = Owner::Away;
                    return;
                }
                let at = at + 1;
                if !self.keyed && run == Progress::First {
                    // What may not be made again is unknown, and undone.
                    state.owners[place] = Owner::Serving { epoch, at, run, flight: None };
                    return self.propose(state, owner, Progress::Undoing);
                }
                state.owners[place] = Owner::Serving { epoch, at, run, flight: None };
                if self.fences_first {
                    self.send(state, owner, epoch, run);
                }
            }
            (Owner::Serving { epoch: own, at, flight, .. }, Record::Run(next))
                if (own, at, flight) == (epoch, prev, Some(next)) =>
            {
                if !taken {
                    state.owners[place] = Owner::Away;
                    return;
                }
                let at = at + 1;
                state.owners[place] = Owner::Serving { epoch, at, run: next, flight: None };
                if self.commits_first {
                    self.send(state, owner, epoch, next);
                }
            }
            _ => {}
        }
    }

    /// An owner decides, and sends the record.
    fn propose(self, state: &mut State, owner: u8, next: Progress) {
        let place = usize::from(owner);
        let Owner::Serving { epoch, at, run, flight: None } = state.owners[place] else { return };
        state.owners[place] = Owner::Serving { epoch, at, run, flight: Some(next) };
        let record = Record::Run(next);
        state.batches.insert(Batch { owner, epoch, prev: at, record });
        if !self.commits_first {
            self.send(state, owner, epoch, next);
        }
    }

    fn arrive(state: &mut State, (call, epoch): (Call, u8), accepts: bool) {
        let done = match call {
            // The contract: applied once, refused for good once it was undone.
            Call::First => {
                if !state.undone && !state.first_applied {
                    state.first = true;
                    state.first_applied = true;
                }
                !state.undone
            }
            Call::Second => *state.second.get_or_insert(accepts),
            // The undo of what never happened succeeds, and is remembered.
            Call::Undo => {
                state.first = false;
                state.undone = true;
                true
            }
        };
        state.replies.insert((call, epoch, done));
    }

    fn hear(self, state: &mut State, owner: u8, call: Call, done: bool) {
        let next = match (call, done) {
            (Call::First, true) => Progress::Second,
            (Call::Second, true) => Progress::Completed,
            (Call::First | Call::Second, false) => Progress::Undoing,
            (Call::Undo, _) => Progress::Failed,
        };
        self.propose(state, owner, next);
    }

    fn heard(state: &State, actions: &mut Vec<Action>) {
        for (owner, place) in (0_u8..).zip(&state.owners) {
            let Owner::Serving { epoch, run, flight: None, .. } = place else { continue };
            if *run == Progress::Nothing {
                actions.push(Action::Start(owner));
            }
            for (call, of, done) in &state.replies {
                if of == epoch && run.call() == Some(*call) {
                    actions.push(Action::Hear(owner, *call, *done));
                }
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::begin()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.live {
            actions.push(Action::Expire);
        }
        for (owner, place) in (0_u8..).zip(&state.owners) {
            if self.may_acquire(state, owner) {
                actions.push(Action::Acquire(owner));
            }
            match place {
                Owner::Away => {}
                Owner::Asking { .. } => actions.push(Action::AcquireRead(owner)),
                Owner::Acquired { .. } => {
                    actions.extend([Action::Read(owner), Action::Drop(owner)]);
                }
                Owner::Fencing { .. } | Owner::Serving { .. } => actions.push(Action::Drop(owner)),
            }
        }
        actions.extend(state.batches.iter().map(|batch| Action::Land(*batch)));
        actions.extend(state.answers.iter().map(|(batch, taken)| Action::Told(*batch, *taken)));
        for (call, epoch) in &state.requests {
            actions.push(Action::Arrive(*call, *epoch, true));
            if *call == Call::Second && state.second.is_none() {
                actions.push(Action::Arrive(*call, *epoch, false));
            }
        }
        Self::heard(state, actions);
        if self.fails_over && !state.lost && !state.journal.is_empty() {
            actions.push(Action::Failover);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Expire => {
                state.live = false;
                // The owner's own clock runs out first.
                if let Some(holder) = state.holder {
                    state.gates[usize::from(holder)] = false;
                }
            }
            Action::Acquire(owner) if self.reads_behind => {
                let epoch = Self::grant(&mut state, owner);
                state.owners[usize::from(owner)] = Owner::Acquired { epoch };
            }
            Action::Acquire(owner) => {
                let seen = state.last();
                state.owners[usize::from(owner)] = Owner::Asking { seen };
            }
            Action::AcquireRead(owner) => {
                let Owner::Asking { seen } = state.owners[usize::from(owner)] else { return None };
                if state.epoch >= self.epochs {
                    return None;
                }
                let epoch = Self::grant(&mut state, owner);
                let run = state.fold(usize::from(seen));
                self.fence(&mut state, owner, epoch, run);
            }
            Action::Read(owner) => {
                let Owner::Acquired { epoch } = state.owners[usize::from(owner)] else {
                    return None;
                };
                let run = state.written();
                self.fence(&mut state, owner, epoch, run);
            }
            Action::Drop(owner) => state.owners[usize::from(owner)] = Owner::Away,
            Action::Land(batch) => {
                state.batches.remove(&batch);
                self.land(&mut state, batch);
            }
            Action::Told(batch, taken) => {
                state.answers.remove(&(batch, taken));
                self.told(&mut state, batch, taken);
            }
            Action::Start(owner) => self.propose(&mut state, owner, Progress::First),
            Action::Arrive(call, epoch, accepts) => {
                Self::arrive(&mut state, (call, epoch), accepts);
            }
            Action::Hear(owner, call, done) => self.hear(&mut state, owner, call, done),
            Action::Failover => {
                state.lost = true;
                state.journal.pop();
            }
        }
        state.tidy(self.compares_epoch);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "no owner writes when its epoch is over",
                |_: &Self, state: &State| !state.broken.unfenced,
            ),
            Property::always(
                "every record follows from those before it",
                |_: &Self, state: &State| !state.broken.illegal,
            ),
            Property::always(
                "nothing leaves that no record announces",
                |_: &Self, state: &State| !state.broken.unannounced,
            ),
            Property::always(
                "nothing leaves before the fence record",
                |_: &Self, state: &State| !state.broken.before_fence,
            ),
            Property::always("nothing is applied twice", |_: &Self, state: &State| {
                !state.broken.twice
            }),
            Property::always("everything or nothing", |_: &Self, state: &State| {
                match state.written() {
                    Progress::Completed => state.first && state.second == Some(true),
                    Progress::Failed => !state.first && state.second != Some(true),
                    // A run that nobody has written has done nothing.
                    Progress::Nothing => !state.first_applied,
                    Progress::First | Progress::Second | Progress::Undoing => true,
                }
            }),
            Property::sometimes("it completes behind a takeover", |all: &Self, state: &State| {
                state.written() == Progress::Completed && state.epoch == all.epochs
            }),
            Property::sometimes("it fails behind a takeover", |all: &Self, state: &State| {
                state.written() == Progress::Failed && state.epoch == all.epochs
            }),
        ]
    }
}
