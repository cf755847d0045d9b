//! The commands `run`, `dev`, `serve`, `migrate`, `topics` and `check-config`, for `flowd` and for every generated binary.
//!
//! Promises: data to stdout, the rest to stderr; colour only on a terminal; exit codes 0 completed,
//! 1 failed and undone, 2 usage or surroundings, 3 parked.

mod args;
mod check_config;
mod crash;
mod follow;
mod migrate;
mod run;
mod serve;
mod surroundings;
#[cfg(feature = "kafka")]
mod topics;

pub use args::{Args, Command};

use crate::program::{BuiltIn, Source};
use clap::Parser as _;
use sagaflow_core::codegen::rt::Flows;
use std::process::ExitCode;

/// Why a command did not do what it was asked: a line for people, with its code where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Problem(pub(crate) String);

/// Ends of a command.
pub(crate) enum End {
    /// The run completed, or the command did what it was asked.
    Done,
    /// The run failed, and was undone but for what a person gave up.
    Failed,
    /// The run needs a person.
    Parked,
    /// Interrupted by its user.
    Interrupted,
}

impl End {
    fn code(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Parked => 3,
            Self::Interrupted => 130,
        }
    }
}

/// Gives a binary with generated flows the commands of `flowd`.
pub async fn cli(flows: impl Into<Flows>) -> ExitCode {
    main_with(&BuiltIn(flows.into())).await
}

/// The commands over any source of programs.
pub async fn main_with(source: &dyn Source) -> ExitCode {
    let args = Args::parse();
    surroundings::log();
    let result = match args.command {
        Command::Run(args) => run::run(source, args).await,
        Command::Dev(args) => serve::dev(source, args).await,
        Command::Serve(args) => serve::serve(source, args).await,
        Command::Migrate(args) => migrate::migrate(&args).await,
        #[cfg(feature = "kafka")]
        Command::Topics(command) => topics::run(source, command).await,
        Command::CheckConfig(args) => check_config::check(source, &args),
    };
    match result {
        Ok(end) => ExitCode::from(end.code()),
        Err(problem) => {
            surroundings::complain(&problem.0);
            ExitCode::from(2)
        }
    }
}
