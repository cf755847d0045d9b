//! What strikes a simulation from outside: the death of its process, cancel, and the deadline.

use super::{Due, StrikeKind, World, everybody};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::Lease;
use sagaflow_core::shard::{Act, Input, Recovery, Shard};
use sagaflow_core::time::Time;

impl World<'_> {
    /// The process dies and another one takes over from the records.
    ///
    /// Crash: answers of services under way are lost; what was asked from outside is asked again.
    pub(super) fn recover(&mut self) {
        self.crashed = true;
        self.epoch += 1;
        self.queue.retain(|_, due| matches!(due, Due::Request(_)));
        let mut owner = [0; 16];
        owner[..8].copy_from_slice(&self.epoch.to_be_bytes());
        let lease =
            Lease { shard: ShardId(0), epoch: self.epoch, owner: uuid::Uuid::from_bytes(owner) };
        let recovered = Shard::recover(Recovery::alone(
            lease,
            self.records.tail(),
            self.machines.clone(),
            self.now,
        ));
        self.shard = recovered.shard;
        self.commit(recovered.fence);
        if let (Some(start), None) = (self.starting.clone(), &self.started) {
            self.schedule(0, Due::Request(Input::Start(start)));
        }
    }

    pub(super) fn strike(&mut self, what: StrikeKind) {
        let Some(run) = self.subject else { return };
        self.script.strike = None;
        match what {
            StrikeKind::Cancel => {
                let input = Input::Operate {
                    run,
                    act: Act::Cancel,
                    actor: everybody(),
                    reason: "simulated".to_owned(),
                    token: None,
                };
                // Order: before every answer that is under way.
                self.queue.insert((Time(i64::MIN), 0), Due::Request(input));
            }
            StrikeKind::Deadline => {
                let deadline = self.shard.run(run).and_then(|state| state.origin().deadline);
                if let Some(deadline) = deadline {
                    // Order: the clock strikes before the answers that are under way.
                    self.now = self.now.max(deadline);
                    let out = self.shard.apply(self.now, Input::Tick);
                    if !self.commit(out) {
                        self.recover();
                    }
                }
            }
        }
    }
}
