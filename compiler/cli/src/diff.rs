//! `flowc diff`: what differs between two versions, and where a run may go on with the other one.

use crate::versions::{self, Version};
use anyhow::bail;
use clap::ValueEnum;
use sagaflow_compiler::released::{Difference, Move, differences, moves};
use sagaflow_fir::Frozen;
use serde_json::json;
use std::fmt::Write as _;
use std::process::ExitCode;

/// What `flowc diff` takes.
#[derive(clap::Args)]
pub struct Options {
    /// The older version: `Pay@1`, or `Pay` as it is written today
    old: String,
    /// The newer one
    new: String,
    /// The program: a source root, a folder above or a file
    #[arg(long, value_name = "PATH", default_value = ".")]
    root: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For scripts
    Json,
}

/// Compares.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let roots = versions::roots(&options.root)?;
    let old = Version::read(&options.old)?.find(&roots)?;
    let new = Version::read(&options.new)?.find(&roots)?;
    if old.workflow != new.workflow {
        bail!("`{}` and `{}` are two workflows", old.workflow, new.workflow);
    }
    let (differences, moves) = (differences(&old, &new), moves(&old, &new));
    let text = match options.format {
        Format::Text => text(&old, &new, &differences, &moves),
        Format::Json => {
            let found = differences
                .iter()
                .map(|it| json!({ "place": it.place, "what": it.what, "policy": it.policy }));
            let points = moves.iter().map(|it| {
                json!({
                    "at": it.at, "may_move": it.because.is_empty(),
                    "because": it.because, "more": it.more,
                })
            });
            let version = |it: &Frozen| json!({ "version": it.version, "hash": it.hash });
            let all = json!({
                "workflow": old.workflow, "old": version(&old), "new": version(&new),
                "differences": found.collect::<Vec<_>>(), "points": points.collect::<Vec<_>>(),
            });
            format!("{}\n", serde_json::to_string_pretty(&all)?)
        }
    };
    crate::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(old: &Frozen, new: &Frozen, differences: &[Difference], moves: &[Move]) -> String {
    let mut out = String::new();
    for (policy, title) in [(false, "Meaning"), (true, "Policy")] {
        let found: Vec<&Difference> = differences.iter().filter(|it| it.policy == policy).collect();
        let _ = writeln!(out, "{title}");
        if found.is_empty() {
            let _ = writeln!(out, "  nothing has changed");
        }
        for one in found {
            let _ = writeln!(out, "  {one}");
        }
        out.push('\n');
    }
    let today = |it: &Frozen| format!("v{} ({})", it.version, it.hash.get(..8).unwrap_or_default());
    let _ =
        writeln!(out, "May a run of {} that rests there go on with {}?", today(old), today(new));
    let width = moves.iter().map(|it| it.at.chars().count()).max().unwrap_or(0);
    for one in moves {
        let answer = match one.because.is_empty() {
            true => "yes".to_owned(),
            false => format!("no: {}", one.words()),
        };
        let _ = writeln!(out, "  {:width$}  {answer}", one.at);
    }
    out
}
