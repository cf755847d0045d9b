//! The faults, and the order in which they come: a deck of all kinds, shuffled and dealt again and
//! again, so that a short storm has each kind too.

use crate::nodes::{COUNT, Nodes, TTL};
use crate::shop::Shop;
use sagaflow_chaos::Dice;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// New orders by which a takeover is measured: enough to fall on every part of the store.
const PROBES: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// `kill -9` of a node, and a new process after a moment.
    Kill,
    /// A node ends in good order.
    Leave,
    /// A node sleeps through its lease and wakes.
    Sleep,
    /// Every process of the server is killed.
    Server,
    /// The server and a node at the same time.
    Both,
    /// All connections of one node, or of all, are cut.
    Cut,
    /// A node's connections stall, for less or for more than a lease, and what was held comes late.
    Stall,
    /// The answer of a commit is lost, at every node.
    Eat,
}

const DECK: [Fault; 8] = [
    Fault::Kill,
    Fault::Leave,
    Fault::Sleep,
    Fault::Server,
    Fault::Both,
    Fault::Cut,
    Fault::Stall,
    Fault::Eat,
];

/// Bound: how long a commit is waited for whose answer is to be lost.
const EAT_MAX: Duration = Duration::from_secs(20);

/// How long it must have been quiet before a takeover is measured. After an outage of the store nobody
/// takes a foreign lease before the time of one has passed, which is no slow takeover.
const CALM: Duration = Duration::from_secs(TTL.as_secs() + 1);

/// What came, and how long it took until others had taken over.
#[derive(Debug, Default)]
pub struct Weather {
    faults: BTreeMap<Fault, u32>,
    /// After the death or the sleep of one node in the storm: until the first of many new orders was
    /// accepted elsewhere, and the last.
    rough: Vec<(Duration, Duration)>,
    /// The same when everybody else had been well for a while, and before it the time of as many orders
    /// when everybody was.
    pub calm: Vec<(Duration, (Duration, Duration))>,
    pub eaten: u32,
}

impl Weather {
    /// A storm for so long.
    pub async fn storm(nodes: &mut Nodes, shop: &Shop, dice: &mut Dice, span: Duration) -> Self {
        let mut weather = Self::default();
        let mut deck: Vec<Fault> = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < span || weather.faults.len() < DECK.len() {
            if deck.is_empty() {
                deck = DECK.to_vec();
            }
            let fault = deck.swap_remove(dice.below(deck.len() as u64) as usize);
            *weather.faults.entry(fault).or_default() += 1;
            println!("{:>6.1} s  {fault:?}", begun.elapsed().as_secs_f64());
            weather.strike(fault, nodes, shop, dice).await;
            nodes.heal();
            tokio::time::sleep(Duration::from_millis(dice.below(1_500))).await;
        }
        weather.eaten = (0..COUNT).map(|node| nodes.wire(node).eaten()).sum();
        weather
    }

    /// Takes one node after the other away from the rest, who are well, and measures what that takes.
    pub async fn settle(&mut self, nodes: &mut Nodes, shop: &Shop) {
        for node in 0..COUNT {
            tokio::time::sleep(CALM).await;
            let others = Nodes::but(node);
            let well = shop.probe(PROBES, &[0, 1, 2]).await.1;
            let begun = Instant::now();
            if node + 1 < COUNT {
                nodes.kill(node);
                self.calm.push((well, shop.probe(PROBES, &others).await));
                nodes.up(node).await;
            } else {
                nodes.signal(node, "-STOP");
                self.calm.push((well, shop.probe(PROBES, &others).await));
                tokio::time::sleep((TTL * 2).saturating_sub(begun.elapsed())).await;
                nodes.signal(node, "-CONT");
            }
        }
    }

    async fn strike(&mut self, fault: Fault, nodes: &mut Nodes, shop: &Shop, dice: &mut Dice) {
        let any = dice.below(COUNT as u64) as usize;
        // The last one lives through everything.
        let mortal = dice.below(COUNT as u64 - 1) as usize;
        let pause = Duration::from_millis(dice.below(2_000));
        match fault {
            Fault::Kill => {
                nodes.kill(mortal);
                self.rough.push(shop.probe(PROBES, &Nodes::but(mortal)).await);
                tokio::time::sleep(pause).await;
                nodes.up(mortal).await;
            }
            Fault::Leave => {
                nodes.terminate(mortal).await;
                tokio::time::sleep(pause).await;
                nodes.up(mortal).await;
            }
            Fault::Sleep => {
                let begun = Instant::now();
                nodes.signal(any, "-STOP");
                self.rough.push(shop.probe(PROBES, &Nodes::but(any)).await);
                let long = TTL + TTL / 2 + pause;
                tokio::time::sleep(long.saturating_sub(begun.elapsed())).await;
                nodes.signal(any, "-CONT");
            }
            Fault::Server => {
                nodes.kill_server();
                tokio::time::sleep(pause).await;
                nodes.restart_server();
            }
            Fault::Both => {
                nodes.kill_server();
                nodes.kill(mortal);
                tokio::time::sleep(pause).await;
                nodes.restart_server();
                nodes.up(mortal).await;
            }
            Fault::Cut => {
                let all = dice.percent(30);
                (0..COUNT).filter(|node| all || *node == any).for_each(|n| nodes.wire(n).cut());
            }
            Fault::Stall => {
                nodes.wire(any).stall(true);
                tokio::time::sleep(TTL / 3 + pause * 2).await;
                if dice.percent(30) {
                    nodes.wire(any).cut();
                }
            }
            Fault::Eat => {
                let eaten = || (0..COUNT).map(|node| nodes.wire(node).eaten()).sum::<u32>();
                let (begun, before) = (Instant::now(), eaten());
                (0..COUNT).for_each(|node| nodes.wire(node).eat_next());
                // After other faults nobody may commit for a while.
                while eaten() == before && begun.elapsed() < EAT_MAX {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// In words.
    pub fn told(&self) -> String {
        let faults: Vec<String> =
            self.faults.iter().map(|(fault, times)| format!("{fault:?} {times}")).collect();
        let ms = |times: &[(Duration, Duration)]| {
            let one = |(first, last): &(Duration, Duration)| {
                format!("{}..{}", first.as_millis(), last.as_millis())
            };
            times.iter().map(one).collect::<Vec<_>>().join(" ")
        };
        format!(
            "faults: {}; commits whose answer was lost: {}\ntakeovers in the storm, ms: {}\n\
             takeovers while the rest was well, ms: {}",
            faults.join(", "),
            self.eaten,
            ms(&self.rough),
            ms(&self.calm.iter().map(|(_, took)| *took).collect::<Vec<_>>())
        )
    }
}
