//! `topics`: are the topics of a program there, and making those that are not.
//!
//! Promises: a topic that is there is never changed. Must not: open a store.

use super::args::{Program, TopicsCommand};
use super::{End, Problem, surroundings};
use crate::brokers;
use crate::config::{Config, Flags};
use crate::kafka::{self, Copied};
use crate::program::Source;
use sagaflow_core::value::parse_duration;

/// Looks at the topics of the programs, or makes them. Exit code 2 where one cannot be used.
pub async fn run(source: &dyn Source, command: TopicsCommand) -> Result<End, Problem> {
    let said = |error: &dyn std::fmt::Display| Problem(error.to_string());
    let (TopicsCommand::Check(Program { config, files })
    | TopicsCommand::Create { program: Program { config, files }, .. }) = &command;
    let config = Config::load(config.as_deref(), std::env::vars(), &Flags::default())
        .map_err(|error| said(&error))?;
    let files = if files.is_empty() { &config.files } else { files };
    let loaded = source.load(files, surroundings::colour_err());
    let program = loaded.map_err(|rejected| Problem(rejected.0))?;
    let Some(brokers) = &config.kafka else {
        return Err(Problem("R1032: the configuration has no `[kafka]`".to_owned()));
    };
    let settings = brokers::settings(brokers).map_err(|error| said(&error))?;
    let topics = brokers::used(brokers, &program.flows.machines);
    if topics.is_empty() {
        println!("no event of the program has a topic");
        return Ok(End::Done);
    }
    let found = match command {
        TopicsCommand::Check(_) => kafka::look(&settings, &topics).await,
        TopicsCommand::Create { partitions, replication, retention, .. } => {
            let retention_ms = retention.as_deref().map(kept).transpose()?;
            let how = Copied { partitions, replication, retention_ms };
            kafka::create(&settings, &topics, how).await
        }
    };
    let found = found.map_err(|trouble| said(&brokers::said(brokers, trouble)))?;
    let mut problems = Vec::new();
    for line in found {
        match line {
            Ok(line) => println!("{line}"),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(End::Done) } else { Err(Problem(problems.join("\n"))) }
}

/// How long records are kept, in the brokers' measure.
fn kept(text: &str) -> Result<i64, Problem> {
    let ms = parse_duration(text).filter(|ms| *ms > 0);
    ms.ok_or_else(|| Problem(format!("`--retention` must be a time such as `7d`, not `{text}`")))
}
