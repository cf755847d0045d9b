//! What the terminal can show: colours and width.

use clap::ValueEnum;
use std::io::{IsTerminal, stdout};

/// When output is coloured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// For a person at a terminal who has not declined them with `NO_COLOR`
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Colour {
    /// Whether stdout gets colours. What the flag says outweighs the environment.
    pub fn wanted(self) -> bool {
        let declined = || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        match self {
            Self::Auto => !declined() && stdout().is_terminal(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// How many columns stdout has: what `COLUMNS` says, else what the terminal says, else unknown.
pub fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|v| v.parse().ok()).filter(|n| *n > 0);
    said.or_else(|| {
        let (width, _) = terminal_size::terminal_size_of(stdout())?;
        Some(usize::from(width.0))
    })
}
