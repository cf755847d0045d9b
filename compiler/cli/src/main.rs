//! `flowc`: the compiler's command. Data goes to stdout, everything else to stderr.
//!
//! Exit codes: 0 clean, 1 findings, 2 usage or files that cannot be read.

mod certify;
mod check;
#[cfg(feature = "conform")]
mod conform;
mod cost;
mod debug;
mod diff;
mod disk;
mod doc;
mod explain;
mod fix;
mod fmt;
mod graph;
mod lsp;
mod new;
mod node;
mod pages;
mod release;
mod retire;
mod terminal;
mod test;
mod versions;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The .flow compiler
#[derive(Parser)]
#[command(name = "flowc", version, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Check files and folders against every rule
    Check(check::Options),
    /// Write the auditor's page: each point of failure, what is undone, each waiver
    Certify(certify::Options),
    /// Hold services to their contracts, by real calls over HTTP
    #[cfg(feature = "conform")]
    Conform(conform::Options),
    /// Say what a run costs: commits, records, bytes, calls and time at worst, by path
    Cost(cost::Options),
    /// Say what differs between two versions of a workflow, and where a run may move
    Diff(diff::Options),
    /// Write a page for each workflow, for whoever has to live with it
    Doc(doc::Options),
    /// Print the page of a code, such as F0201
    Explain(explain::Options),
    /// Make the edits that findings offer, and check again
    Fix(fix::Options),
    /// Lay files out in the one canonical way
    Fmt(fmt::Options),
    /// Draw a workflow: forward path, undos, pivot
    Graph(graph::Options),
    /// Serve an editor: findings, completion, hover, rename and more, over stdin and stdout
    Lsp(lsp::Options),
    /// Make a folder with a small process that builds and passes its tests
    New(new::Options),
    /// Freeze the versions of workflows, so that their runs go on when the source changes
    Release(release::Options),
    /// Take a released version away, once no run is left of it
    Retire(retire::Options),
    /// Run the `test` blocks of files and folders in the simulator
    Test(test::Options),
    /// Print an intermediate form of a file
    Debug(debug::Options),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let done = match command.verb {
        Verb::Check(options) => check::run(&options),
        Verb::Certify(options) => certify::run(&options),
        #[cfg(feature = "conform")]
        Verb::Conform(options) => conform::run(&options),
        Verb::Cost(options) => cost::run(&options),
        Verb::Diff(options) => diff::run(&options),
        Verb::Doc(options) => doc::run(&options),
        Verb::Explain(options) => explain::run(&options),
        Verb::Fix(options) => fix::run(&options),
        Verb::Fmt(options) => fmt::run(&options),
        Verb::Graph(options) => graph::run(&options),
        Verb::Lsp(options) => lsp::run(&options),
        Verb::New(options) => new::run(&options),
        Verb::Release(options) => release::run(&options),
        Verb::Retire(options) => retire::run(&options),
        Verb::Test(options) => test::run(&options),
        Verb::Debug(options) => debug::run(&options),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("flowc: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Writes data to stdout. A reader that has gone away is no error of ours.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A number of things, in words.
fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}
