//! Events whose home is another shard, as far as runs here wait for them.
//!
//! The home keeps the events; this shard reads them when the first of its runs wants them, and is
//! told of the next ones by message. What it was told is memory: after a recovery it is read again.
//! The store's rows of who wants what are kept longer than a wait, until the next checkpoint, so that
//! a loop that waits again and again reads once.

use super::event::Stored;
use super::output::{Effect, Output};
use crate::id::ShardId;
use crate::port::{EventName, WaitRow};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// What this shard knows of the events of other homes.
#[derive(Default)]
pub(super) struct Remote {
    mirrors: BTreeMap<EventName, Mirror>,
}

/// The events of one name.
struct Mirror {
    /// The home was asked for what came then or later.
    asked: Time,
    /// It has answered for what came then or later.
    ///
    /// Order: what came before is still missing, so nobody who wants that may take anything yet.
    loaded: Time,
    /// By number.
    events: BTreeMap<u64, Stored>,
}

/// Before which nothing was asked for, or answered.
const NOTHING: Time = Time(i64::MAX);

impl Remote {
    /// The store says that this shard is told of them; nothing of it has been read yet.
    pub(super) fn told(&mut self, name: EventName) {
        let unread = Mirror { asked: NOTHING, loaded: NOTHING, events: BTreeMap::new() };
        self.mirrors.entry(name).or_insert(unread);
    }

    /// A run wants the events that come at `since` or later.
    pub(super) fn want(&mut self, home: ShardId, name: EventName, since: Time, out: &mut Output) {
        match self.mirrors.get_mut(&name) {
            Some(mirror) if mirror.asked <= since => return,
            Some(mirror) => mirror.asked = since,
            None => {
                // Crash: the row is in the batch of the record by which the run waits; both or neither.
                out.put_wait(WaitRow { name: name.clone(), wanted: true });
                let empty = Mirror { asked: since, loaded: NOTHING, events: BTreeMap::new() };
                self.mirrors.insert(name.clone(), empty);
            }
        }
        // Crash: recovery finds the run waiting, and wants them again.
        out.effects.push(Effect::FindEvents { home, name, since });
    }

    /// Whether it is not known yet what came at `since` or later.
    pub(super) fn loading(&self, name: &EventName, since: Time) -> bool {
        self.mirrors.get(name).is_some_and(|mirror| since < mirror.loaded)
    }

    /// What the home keeps. Says whether somebody here could want it.
    pub(super) fn found(&mut self, name: &EventName, since: Time, events: Vec<Stored>) -> bool {
        let Some(mirror) = self.mirrors.get_mut(name) else { return false };
        mirror.events.extend(events.into_iter().map(|event| (event.number, event)));
        mirror.loaded = mirror.loaded.min(since);
        true
    }

    /// The home tells of one. Says whether somebody here could want it.
    pub(super) fn deliver(&mut self, name: &EventName, event: Stored) -> bool {
        let Some(mirror) = self.mirrors.get_mut(name) else { return false };
        mirror.events.insert(event.number, event);
        mirror.loaded < NOTHING
    }

    /// Events above a number that came at `since` or later, for a run that wants those from `wanted`
    /// on; none where they have their home here.
    pub(super) fn after(
        &self,
        name: &EventName,
        (wanted, since): (Time, Time),
        taken: u64,
    ) -> Option<impl Iterator<Item = &Stored>> {
        let mirror = self.mirrors.get(name).filter(|mirror| mirror.loaded <= wanted)?;
        let above = mirror.events.range(taken.saturating_add(1)..);
        Some(above.map(|(_, event)| event).filter(move |event| event.at >= since))
    }

    /// Forgets what no run wants any more, and has the home tell no more of it.
    pub(super) fn tidy(&mut self, wanted: &BTreeSet<EventName>, out: &mut Output) {
        self.mirrors.retain(|name, _| {
            let keep = wanted.contains(name);
            if !keep {
                // Crash: without this the home tells of them in vain.
                out.put_wait(WaitRow { name: name.clone(), wanted: false });
            }
            keep
        });
    }

    /// Forgets events that came before the oldest run that could want them.
    pub(super) fn prune(&mut self, oldest: &BTreeMap<String, (u64, Time)>, skew_ms: i64) {
        for (name, mirror) in &mut self.mirrors {
            let Some((_, oldest)) = oldest.get(&name.namespace) else { continue };
            let since = oldest.plus(-skew_ms);
            mirror.events.retain(|_, event| event.at >= since);
            (mirror.asked, mirror.loaded) = (mirror.asked.max(since), mirror.loaded.max(since));
        }
    }
}
