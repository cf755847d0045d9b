//! `flowc check`: every rule over files and folders.
//!
//! Programs are analysed side by side; what is printed depends on their order alone.

use crate::disk::Disk;
use crate::node::Node;
use crate::plural;
use crate::terminal::{self, Colour};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use sagaflow_compiler::diagnostic::{Diagnostic, Severity};
use sagaflow_compiler::load::{Loaded, load, mean, programs, root_of};
use sagaflow_compiler::render::{self, Found};
use sagaflow_compiler::{Analysis, released};
use sagaflow_fir::Fir;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `flowc check` takes.
#[derive(Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Style::Pretty)]
    format: Style,
    /// Treat these findings as errors
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
    /// When to colour what is drawn
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    /// Want every version to be released as it stands (F0905)
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    node: Node,
    /// Print the page of a code instead
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Style {
    /// Drawn beside the source
    Pretty,
    /// One line each
    Short,
    /// One JSON array
    Json,
    /// One JSON object a line
    JsonLines,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A Code Quality report of GitLab
    Gitlab,
    /// A JUnit report
    Junit,
    /// Reviewdog Diagnostic Format
    Rdjson,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Every warning
    Warnings,
}

/// A program that was analysed.
pub struct Checked {
    /// The files that were asked for.
    pub paths: Vec<String>,
    /// What was read.
    pub loaded: Loaded,
    /// What was found.
    pub analysis: Analysis,
}

/// Checks and reports. Errors make the exit code 1, warnings alone do not unless denied.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if let Some(code) = &options.explain {
        return crate::explain::print_page(code);
    }
    let mut programs = analyse(&options.paths)?;
    deployed(options, &mut programs)?;
    if options.deny == Some(Deny::Warnings) {
        for finding in programs.iter_mut().flat_map(|p| &mut p.analysis.diagnostics) {
            finding.severity = Severity::Error;
        }
    }
    let found: Vec<Found<'_>> = programs
        .iter()
        .map(|p| Found {
            diagnostics: &p.analysis.diagnostics,
            sources: &p.loaded.sources,
            checked: &p.paths,
        })
        .collect();
    crate::print(&write(options, &found))?;
    let all = || found.iter().flat_map(|f| f.diagnostics);
    let errors = all().filter(|d| d.severity == Severity::Error).count();
    if options.format == Style::Pretty {
        let files = found.iter().map(|f| f.checked.len()).sum();
        eprintln!("{}", summary(files, errors, all().count() - errors));
    }
    Ok(ExitCode::from(u8::from(errors > 0)))
}

/// What is asked of a program that is about to be deployed.
fn deployed(options: &Options, programs: &mut [Checked]) -> anyhow::Result<()> {
    if !options.locked && options.node.against.is_none() {
        return Ok(());
    }
    let mut live = options.node.open_runs()?;
    if let Some(asked) = options.node.asked() {
        eprintln!("asked for open runs in {asked}, and in no other");
    }
    live.retain(|runs| {
        let module = runs.workflow.rsplit_once('.').map_or("", |(module, _)| module);
        let root = |program: &Checked| program.paths.first().map(|path| root_of(path, &Disk));
        programs.iter().filter_map(root).any(|root| mean(&options.paths, &root, module, &Disk))
    });
    let lowered: Vec<Option<Fir>> = programs
        .iter()
        .map(|program| program.analysis.lower_beside(&program.loaded.sources))
        .collect();
    let mut found: Vec<Vec<Diagnostic>> = vec![Vec::new(); programs.len()];
    let (mut sides, mut places) = (Vec::new(), Vec::new());
    for (at, (program, fir)) in programs.iter().zip(&lowered).enumerate() {
        let Some(fir) = fir else { continue };
        let Checked { paths, loaded, analysis } = program;
        let today = analysis.today(fir, loaded);
        let own = |name: &str| {
            let module = name.rsplit_once('.').map_or("", |(module, _)| module);
            let source = loaded.sources.iter().find(|(_, source)| source.module == module);
            source.is_some_and(|(_, source)| paths.contains(&source.path))
        };
        if let (true, Some(found)) = (options.locked, found.get_mut(at)) {
            found.extend(released::locked(&today, &analysis.released, &own));
        }
        sides.push((today, &analysis.released[..]));
        places.push(at);
    }
    // What a program with errors contains is not known, so neither is what is missing.
    if sides.len() == programs.len() {
        for (at, findings) in released::stranded(&sides, &live) {
            places.get(at).and_then(|at| found.get_mut(*at)).into_iter().for_each(|found| {
                found.extend(findings.iter().cloned());
            });
        }
    }
    for (program, found) in programs.iter_mut().zip(found) {
        let all = &mut program.analysis.diagnostics;
        // One finding per cause: a policy that was not taken down is a stale file.
        all.retain(|it| it.code != "F0908" || !found.iter().any(|other| other.span == it.span));
        // And a version that was changed or goes down is not said to be stale too.
        let said = |it: &Diagnostic| {
            all.iter().any(|known| known.code.starts_with("F09") && known.span == it.span)
        };
        let new: Vec<Diagnostic> =
            found.into_iter().filter(|it| it.code != "F0905" || !said(it)).collect();
        all.extend(new);
    }
    Ok(())
}

fn write(options: &Options, found: &[Found<'_>]) -> String {
    let each = || found.iter().flat_map(|f| f.diagnostics.iter().map(|d| (d, f.sources)));
    match options.format {
        Style::Pretty => {
            let (colours, columns) = (options.color.wanted(), terminal::columns());
            let drawn = |(d, sources)| render::pretty(d, sources, colours, columns) + "\n";
            each().map(drawn).collect()
        }
        Style::Short => each().map(|(d, sources)| render::short(d, sources) + "\n").collect(),
        Style::Json => render::array(found),
        Style::JsonLines => render::lines(found),
        Style::Sarif => render::sarif(found, env!("CARGO_PKG_VERSION")),
        Style::Github => render::github(found),
        Style::Gitlab => render::gitlab(found),
        Style::Junit => render::junit(found),
        Style::Rdjson => render::rdjson(found),
    }
}

/// Reads and analyses the programs that some paths mean, one per source root, in order.
///
/// # Errors
/// A path that cannot be read, or paths without any `.flow` file.
pub fn analyse(paths: &[String]) -> anyhow::Result<Vec<Checked>> {
    let programs = programs(paths, &Disk)?;
    if programs.iter().all(Vec::is_empty) {
        bail!("no `.flow` file in {}", paths.join(", "));
    }
    let done: Mutex<Vec<(usize, anyhow::Result<Checked>)>> = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((at, paths)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            programs.get(at).map(|paths| (at, paths))
        } {
            let checked = one(paths);
            if let Ok(mut done) = done.lock() {
                done.push((at, checked));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(programs.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().ok().context("an analysis broke off")?;
    // Order: the output is that of one thread, and so is the error where several cannot be read.
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, checked)| checked).collect()
}

fn one(paths: &[String]) -> anyhow::Result<Checked> {
    let loaded = load(paths, &Disk)?;
    if let Some(unreadable) = loaded.unreadable.first() {
        bail!("{unreadable}");
    }
    let analysis = sagaflow_compiler::analyze(&loaded);
    Ok(Checked { paths: paths.to_vec(), loaded, analysis })
}

fn summary(files: usize, errors: usize, warnings: usize) -> String {
    let files = plural(files, "file");
    match (errors, warnings) {
        (0, 0) => format!("checked {files}: nothing to report"),
        (e, 0) => format!("checked {files}: {}", plural(e, "error")),
        (0, w) => format!("checked {files}: {}", plural(w, "warning")),
        (e, w) => format!("checked {files}: {}, {}", plural(e, "error"), plural(w, "warning")),
    }
}
