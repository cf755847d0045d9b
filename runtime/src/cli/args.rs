//! What the commands take.

use clap::{Args as ClapArgs, Parser, Subcommand};
use std::path::PathBuf;

/// Runs business processes written in `.flow` files.
#[derive(Debug, Parser)]
#[command(version, about, propagate_version = true, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one workflow to its end, with its story on the terminal
    ///
    /// Exit codes: 0 completed, 1 failed and undone, 2 it could not be run, 3 parked.
    /// Services that are not bound are simulated from their contracts.
    Run(Run),
    /// Serve the API on an embedded store, simulate what is not bound, reload on change
    Dev(Dev),
    /// Serve as a node: every service is bound, nothing is simulated
    Serve(Serve),
    /// Make the store's schema, or move it to this program's format
    Migrate(Migrate),
    /// Look at the topics of the program's events, or make them
    #[cfg(feature = "kafka")]
    #[command(subcommand)]
    Topics(TopicsCommand),
    /// Check a configuration and print it, without its secrets
    CheckConfig(CheckConfig),
}

/// `run`.
#[derive(Debug, ClapArgs)]
pub struct Run {
    /// The program
    pub file: Option<PathBuf>,
    /// The workflow, by qualified or short name; may be left out where there is one
    #[arg(long, short)]
    pub workflow: Option<String>,
    /// The input: JSON, a file that holds it, or the name of a sample beside the program
    #[arg(long, short)]
    pub input: Option<String>,
    /// A key for a workflow that declares none: repeating it finds the same run
    #[arg(long)]
    pub key: Option<String>,
    /// Where runs are kept
    #[arg(
        long,
        env = "SAGAFLOW_STORE",
        default_value = "./.sagaflow/store.db",
        hide_env_values = true
    )]
    pub store: String,
    /// Bind a service to a URL: `Payments=http://127.0.0.1:9000/payments`
    #[arg(long, value_name = "SERVICE=URL", value_parser = pair)]
    pub bind: Vec<(String, String)>,
    /// Fail every attempt of an action: `Payments.authorize=Declined("no funds")`, or `=refused`,
    /// `=unknown`
    #[arg(long, value_name = "SERVICE.ACTION=ERROR", value_parser = pair)]
    pub fail: Vec<(String, String)>,
    /// Abort the process right after the run's Nth record; repeating the command continues it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub crash_after: Option<u64>,
    /// Print the run as JSON on stdout; its story goes to stderr
    #[arg(long)]
    pub json: bool,
}

/// `dev`.
#[derive(Debug, ClapArgs)]
pub struct Dev {
    /// The programs; they replace those of the configuration
    pub files: Vec<PathBuf>,
    /// What `serve` takes too
    #[command(flatten)]
    pub node: Node,
}

/// `serve`.
#[derive(Debug, ClapArgs)]
pub struct Serve {
    /// The programs; they replace those of the configuration
    pub files: Vec<PathBuf>,
    /// What `dev` takes too
    #[command(flatten)]
    pub node: Node,
    /// Record what is asked for, but send nothing and fire no timer until it is started without this
    #[arg(long)]
    pub paused: bool,
}

/// What a node takes.
#[derive(Debug, ClapArgs)]
pub struct Node {
    /// The configuration
    #[arg(long, env = "SAGAFLOW_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where runs are kept: `sqlite:PATH`, for `serve` also `postgres://…`
    #[arg(long)]
    pub store: Option<String>,
    /// Where the API is served
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Bind a service to a URL: `Payments=http://127.0.0.1:9000/payments`
    #[arg(long, value_name = "SERVICE=URL", value_parser = pair)]
    pub bind: Vec<(String, String)>,
}

/// `migrate`.
#[derive(Debug, ClapArgs)]
pub struct Migrate {
    /// The configuration
    #[arg(long, env = "SAGAFLOW_CONFIG")]
    pub config: Option<PathBuf>,
    /// The store: `sqlite:PATH` or `postgres://…`, as a role that may change its schema
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// How many shards a store that is made gets: as many nodes can share its runs. It stays so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub shards: Option<u32>,
    /// Give this role of the server what a node needs, and no more
    #[arg(long, value_name = "ROLE")]
    pub grant: Option<String>,
}

/// `check-config`.
#[derive(Debug, ClapArgs)]
pub struct CheckConfig {
    /// The configuration
    #[arg(long, env = "SAGAFLOW_CONFIG", default_value = "flowd.toml")]
    pub config: PathBuf,
}

/// A program and its configuration.
#[cfg(feature = "kafka")]
#[derive(Debug, ClapArgs)]
pub struct Program {
    /// The programs; they replace those of the configuration
    pub files: Vec<PathBuf>,
    /// The configuration
    #[arg(long, env = "SAGAFLOW_CONFIG")]
    pub config: Option<PathBuf>,
}

/// `topics`.
#[cfg(feature = "kafka")]
#[derive(Debug, Subcommand)]
pub enum TopicsCommand {
    /// Say what each topic is; exit code 2 where one cannot be used
    Check(Program),
    /// Make the topics that are not there; those that are stay as they are
    Create {
        /// What `check` takes too
        #[command(flatten)]
        program: Program,
        /// How many partitions each gets: as many are read side by side. Adding some later changes
        /// which key is in which
        #[arg(long, value_name = "N", default_value = "12", value_parser = clap::value_parser!(i32).range(1..=10_000))]
        partitions: i32,
        /// How many copies each partition gets; there must be as many brokers
        #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(i32).range(1..=100))]
        replication: i32,
        /// How long records are kept: `7d`; the brokers' own time if nothing is said
        #[arg(long, value_name = "TIME")]
        retention: Option<String>,
    },
}

/// `NAME=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_pair_needs_both_sides() {
        for bad in ["Payments", "=url", "Payments="] {
            let args = ["flowd", "run", "a.flow", "--bind", bad];
            assert!(Args::try_parse_from(args).is_err(), "{bad}");
        }
        assert!(Args::try_parse_from(["flowd", "run", "--crash-after", "0"]).is_err());
    }
}
