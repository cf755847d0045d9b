//! `flowc test`: runs the `test` blocks of a program in the simulator, in virtual time.

use crate::disk::Disk;
use anyhow::bail;
use sagaflow_compiler::load::{load, roots};
use sagaflow_compiler::render::{self, Format};
use sagaflow_fir::{Fir, Test, TestStmt};
use std::process::ExitCode;

/// What `flowc test` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// Only tests whose module and name contain this
    #[arg(long, default_value = "", value_name = "TEXT")]
    filter: String,
}

/// Runs the tests and prints a line each. Exit code 1 if one does not hold, or cannot run.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let programs = roots(&options.paths, &Disk)?;
    let (mut passed, mut failed, mut refused) = (0_u32, 0_u32, false);
    for paths in &programs {
        let loaded = load(paths, &Disk)?;
        if let Some(unreadable) = loaded.unreadable.first() {
            bail!("{unreadable}");
        }
        let analysis = sagaflow_compiler::analyze(&loaded);
        let Some(fir) = analysis.lower(&loaded.sources) else {
            let format = Format::Pretty { colours: false };
            eprint!("{}", render::render(&analysis.diagnostics, &loaded.sources, format));
            refused = true;
            continue;
        };
        let (runnable, stuck) = split(fir);
        for (test, why) in stuck {
            failed += 1;
            crate::print(&format!("failed   {}: {}\n         {why}\n", test.module, test.name))?;
        }
        for report in sagaflow_interp::test::run(&runnable, &options.filter) {
            let runs = match report.runs {
                1 => "1 run".to_owned(),
                n => format!("{n} runs"),
            };
            if report.passed {
                passed += 1;
                crate::print(&format!("passed   {}: {}  ({runs})\n", report.module, report.name))?;
            } else {
                failed += 1;
                crate::print(&format!(
                    "failed   {}: {}  ({runs})\n         line {}: {}\n",
                    report.module, report.name, report.line, report.message
                ))?;
            }
        }
    }
    if !refused && passed + failed == 0 {
        bail!("no `test` in {}", options.paths.join(", "));
    }
    eprintln!("{passed} passed, {failed} failed");
    Ok(ExitCode::from(u8::from(failed > 0 || refused)))
}

/// Takes out the tests of workflows that cannot be executed yet, each with what stands in the way.
fn split(mut fir: Fir) -> (Fir, Vec<(Test, String)>) {
    let tests = std::mem::take(&mut fir.tests);
    let mut stuck = Vec::new();
    for test in tests {
        let blocked = test.stmts.iter().find_map(|stmt| {
            let (TestStmt::Run { workflow, .. } | TestStmt::EveryFailure { workflow, .. }) = stmt
            else {
                return None;
            };
            let found = fir.workflows.get(workflow)?;
            let (what, line) = found.unsupported.first()?;
            Some(format!(
                "F0005: `{workflow}` uses {what} (line {line}), which cannot be executed yet"
            ))
        });
        match blocked {
            Some(why) => stuck.push((test, why)),
            None => fir.tests.push(test),
        }
    }
    (fir, stuck)
}
