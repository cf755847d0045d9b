//! Random programs under random outcomes, crashes, cancels and checkpoints: whatever happens, a run
//! ends, and what it has done is either part of a completed run or undone, once.

use super::program::{On, S, asking, fork, step, unit};
use super::world::{Crash, Play, World};
use crate::shard::Act;
use crate::status::Status;

/// A small generator: the tests need variety, not quality.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

struct Maker {
    dice: Dice,
    next: usize,
    plays: Vec<(&'static str, Vec<Play>)>,
}

impl Maker {
    fn name(&mut self, kind: &str) -> &'static str {
        self.next += 1;
        Box::leak(format!("{kind}{}", self.next).into_boxed_str())
    }

    fn call(&mut self) -> S {
        let at = self.name("s");
        let plays = match self.dice.roll(8) {
            0 => vec![Play::Failed("Declined")],
            1 => vec![Play::Applied],
            2 => vec![Play::Applied, Play::Lost, Play::Lost],
            3 => vec![Play::Lost, Play::Lost, Play::Lost],
            4 => vec![Play::Refused, Play::Refused, Play::Refused],
            _ => vec![],
        };
        self.plays.push((at, plays));
        if self.dice.roll(4) == 0 {
            let undo: &'static str = Box::leak(format!("un{at}").into_boxed_str());
            self.plays.push((undo, vec![Play::Applied, Play::Refused]));
        }
        let call = match self.dice.roll(3) {
            0 => asking(at),
            1 => step(at).probed(),
            _ => step(at),
        };
        call.on(if self.dice.roll(4) == 0 { On::Use } else { On::Propagate }).s()
    }

    fn block(&mut self, depth: u64) -> Vec<S> {
        let mut block = Vec::new();
        for _ in 0..=self.dice.roll(3) {
            block.push(match self.dice.roll(if depth == 0 { 1 } else { 6 }) {
                0..=2 => self.call(),
                3 => S::Sleep { at: self.name("z"), ms: 1_500 },
                4 => {
                    let branches = (0..=self.dice.roll(2)).map(|_| self.block(depth - 1)).collect();
                    let at = self.name("f");
                    let settle = self.dice.roll(3) == 0;
                    match fork(at, branches) {
                        S::Fork { at, branches, .. } => {
                            S::Fork { at, branches, max: Some(2), settle }
                        }
                        other => other,
                    }
                }
                _ => {
                    let handler = (self.dice.roll(2) == 0).then(Vec::new);
                    let body = self.block(depth - 1);
                    let (again, deadline) = (self.dice.roll(2) == 0, self.dice.roll(3) == 0);
                    let again = again.then(|| super::program::retry(Some(2)));
                    unit(self.name("u"), body, handler)
                        .with(|unit| {
                            unit.spec.retry = again;
                            unit.spec.deadline_ms = deadline.then_some(2_500);
                        })
                        .s()
                }
            });
        }
        block
    }
}

/// Every forward effect that was applied and whose step did not complete for good is undone once, and
/// never applied after its undo.
fn check(world: &World, status: Status, seed: u64) {
    let undone = |key: &String| world.undone.contains(key);
    let forward = world.applied.iter().filter(|(action, _)| !action.starts_with("un"));
    if status != Status::Completed {
        for (action, key) in forward {
            assert!(undone(key), "seed {seed}: `{action}` is not undone");
        }
    }
    let mut undos: Vec<_> =
        world.applied.iter().filter(|(action, _)| action.starts_with("un")).collect();
    let all = undos.len();
    undos.sort_unstable();
    undos.dedup();
    assert_eq!(undos.len(), all, "seed {seed}: one effect for one key");
}

#[test]
fn whatever_happens_a_run_ends_and_leaves_nothing_half_done() {
    let mut ends = std::collections::BTreeMap::new();
    for seed in 0..500 {
        let mut maker = Maker { dice: Dice(seed * 7 + 1), next: 0, plays: Vec::new() };
        let body = maker.block(2);
        let mut world = World::of(body);
        for (action, plays) in &maker.plays {
            world = world.play(action, plays);
        }
        let at = maker.dice.roll(12) as usize + 1;
        world.crash = match maker.dice.roll(3) {
            0 => Crash::Before(at),
            1 => Crash::After(at),
            _ => Crash::Never,
        };
        let run = world.start();
        let (cancel, checkpoint) = (maker.dice.roll(20), maker.dice.roll(20));
        for turn in 0..40 {
            if turn == cancel && world.shard.run(run).is_some() {
                world.operate_unheard(run, Act::Cancel);
            }
            if turn == checkpoint {
                let out = world.shard.checkpoint(world.now);
                world.finish(out);
                world.restart();
            }
            if !world.answer_one()
                && let Some(due) = world.shard.next_due()
            {
                world.now = world.now.max(due);
                world.apply(crate::shard::Input::Tick);
            }
        }
        world.settle();
        let status = world.status(run);
        assert!(status.ended(), "seed {seed}: {status:?} {:?}", world.fold(run));
        check(&world, status, seed);
        *ends.entry(status.word()).or_insert(0) += 1;
    }
    assert_eq!(ends.len(), 3, "every end was reached: {ends:?}");
}
