//! `flowc retire`: takes a released version away, once no run is left of it.

use crate::node::Node;
use crate::versions::{self, Version};
use anyhow::{Context as _, bail};
use std::fs;
use std::process::ExitCode;

/// What `flowc retire` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Which one, such as `Pay@1`
    version: String,
    /// The program: a source root, a folder above or a file
    #[arg(long, value_name = "PATH", default_value = ".")]
    root: String,
    #[command(flatten)]
    node: Node,
    /// Do not ask whether runs are left
    #[arg(long, conflicts_with = "against")]
    force: bool,
}

/// Retires. Exit code 1 where runs are left, or nobody was asked.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let version = Version::read(&options.version)?;
    let Some(number) = version.number else {
        bail!("name the version too, such as `{}@1`", options.version);
    };
    let roots = versions::roots(&options.root)?;
    let frozen = version.find(&roots)?;
    let all = roots.iter().flat_map(|root| &root.checked.analysis.released);
    let mut same = all.filter(|it| it.frozen == frozen);
    let path = same.next().map(|it| it.path.clone()).context("it is not released")?;
    let name = format!("`{}` v{number}", frozen.workflow);
    match (&options.node.against, options.force) {
        (Some(_), _) => {
            let live = options.node.open_runs()?;
            let own =
                live.iter().filter(|it| it.workflow == frozen.workflow && it.version == number);
            let left: u64 = own.map(|it| it.runs).sum();
            if left > 0 {
                let left = sagaflow_compiler::words::plural(left, "open run");
                let asked = options.node.asked().unwrap_or_default();
                eprintln!("not retired: there are {left} of {name} in {asked}");
                return Ok(ExitCode::from(1));
            }
        }
        (None, true) => {}
        (None, false) => {
            eprintln!(
                "not retired: nobody was asked whether runs of {name} are left; \
                 name a node with `--against URL`, or use `--force`"
            );
            return Ok(ExitCode::from(1));
        }
    }
    // Crash: the file is there or it is not; version control has it in any case.
    fs::remove_file(&path).with_context(|| format!("remove `{path}`"))?;
    crate::print(&format!("{name} retired: {path}\n"))?;
    if let Some(asked) = options.node.asked() {
        eprintln!("no run of it is open in {asked}; no other namespace was asked about");
    }
    Ok(ExitCode::SUCCESS)
}
