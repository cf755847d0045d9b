//! `check-config`: is this configuration usable, and what does it say?

use super::args::CheckConfig;
use super::{End, Problem, surroundings};
use crate::bind::Plan;
use crate::config::{Config, Flags};
use crate::program::Source;

/// Checks a configuration with its programs and bindings, and prints it without secrets. Opens no
/// store and no connection.
pub fn check(source: &dyn Source, args: &CheckConfig) -> Result<End, Problem> {
    let said = |error: &dyn std::fmt::Display| Problem(error.to_string());
    let config = Config::load(Some(&args.config), std::env::vars(), &Flags::default())
        .map_err(|error| said(&error))?;
    let loaded = source.load(&config.files, surroundings::colour_err());
    let program = loaded.map_err(|rejected| Problem(rejected.0))?;
    let plan = Plan {
        program: &program,
        urls: &config.services,
        databases: &config.databases,
        failing: &[],
        simulate: false,
        kept: None,
        node: None,
    };
    plan.bind().map_err(|error| said(&error))?;
    if let Some(kafka) = &config.kafka {
        kafka.secrets(|name| std::env::var(name).ok()).map_err(|error| said(&error))?;
    }
    print!("{config}");
    Ok(End::Done)
}
