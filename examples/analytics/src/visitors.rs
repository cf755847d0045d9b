//! Somebody who clicks: the same seed, the same clicks.

use anyhow::Context as _;
use sagaflow_kafka::{Admin, Message, NewTopic, Producer, Report, Settings};
use serde_json::json;
use std::collections::BTreeMap;

/// Pages with how often they are asked for.
const PAGES: [(&str, u64); 6] =
    [("/", 40), ("/pricing", 20), ("/docs", 20), ("/blog", 12), ("/about", 7), ("/sale", 1)];

/// Bound: messages that are under way.
const WINDOW: usize = 10_000;

/// What was clicked.
#[derive(Default)]
pub struct Made {
    /// Usable clicks by page.
    pub by_page: BTreeMap<String, i64>,
    pub bots: u32,
    pub empty: u32,
    /// Last offset by partition.
    pub ends: BTreeMap<i32, i64>,
}

/// Makes the topics.
pub async fn topics(brokers: &str) -> anyhow::Result<()> {
    let admin = Admin::start(&Settings::new(brokers))?;
    for name in ["clicks.raw.v1", "pages.counted.v1", "pages.alarms.v1"] {
        let (name, partitions) = (name.to_owned(), super::PARTITIONS);
        admin.create(&NewTopic { name, partitions, replication: 1, settings: Vec::new() }).await?;
    }
    Ok(())
}

/// Clicks, and waits until all are in their topic.
pub async fn click(brokers: &str, clicks: u32, seed: u64) -> anyhow::Result<Made> {
    let (producer, mut reports) = Producer::start(&Settings::new(brokers))?;
    let generation = producer.generation();
    let (mut made, mut dice) = (Made::default(), Dice(seed.max(1)));
    let mut under_way = 0;
    for number in 0..clicks {
        let (key, value) = one(&mut dice, &mut made, (number, clicks));
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let message = Message { topic: "clicks.raw.v1", key, value, headers: &[] };
        let sent = producer.send(generation, message).await;
        sent.map_err(|_| anyhow::anyhow!("the producer had to begin anew"))?;
        under_way += 1;
        while under_way >= WINDOW || number + 1 == clicks && under_way > 0 {
            for report in reports.next().await.context("the producer ended")? {
                let Report::Delivered { partition, offset, .. } = report else {
                    anyhow::bail!("a click was lost: {report:?}");
                };
                let end = made.ends.entry(partition).or_default();
                *end = (*end).max(offset);
                under_way -= 1;
            }
        }
    }
    Ok(made)
}

/// One click as JSON, and its key; counted where it is usable.
fn one(dice: &mut Dice, made: &mut Made, (number, clicks): (u32, u32)) -> (String, String) {
    // At three quarters of the way everybody hears of the sale.
    let rush = number * 4 > clicks * 3 && number * 20 < clicks * 17;
    let visitor = uuid::Uuid::from_u64_pair(7, dice.below(5_000)).to_string();
    let page = match dice.below(100) {
        _ if rush && dice.below(30) > 0 => "/sale",
        0 => "",
        _ => dice.page(),
    };
    let bot = dice.below(10) == 0;
    match (bot, page) {
        (_, "") => made.empty += 1,
        (true, _) => made.bots += 1,
        (false, page) => *made.by_page.entry(page.to_owned()).or_default() += 1,
    }
    let id = uuid::Uuid::from_u64_pair(dice.next(), u64::from(number)).to_string();
    let now = jiff::Timestamp::now().to_string();
    let click = json!({
        "id": id, "visitor": visitor, "address": "203.0.113.7", "page": page, "at": now, "bot": bot,
    });
    (visitor, click.to_string())
}

/// A small generator (xorshift64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn page(&mut self) -> &'static str {
        let mut at = self.below(PAGES.iter().map(|(_, share)| share).sum());
        for (page, share) in PAGES {
            if at < share {
                return page;
            }
            at -= share;
        }
        PAGES[0].0
    }
}
