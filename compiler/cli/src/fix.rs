//! `flowc fix`: makes the edits that findings offer, and checks again.

use crate::disk::Disk;
use crate::fmt::replace;
use crate::plural;
use anyhow::{Context as _, bail};
use sagaflow_compiler::Analysis;
use sagaflow_compiler::diagnostic::Severity;
use sagaflow_compiler::load::{Files, Loaded, load, roots};
use sagaflow_compiler::{analyze, fix, render};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Bound: an edit that offers itself again and again would never come to an end.
const ROUNDS_MAX: usize = 10;

/// What `flowc fix` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// Change nothing; print the edits
    #[arg(long)]
    dry_run: bool,
}

/// The disk with texts that are not yet written.
struct Edited(BTreeMap<String, String>);

impl Files for Edited {
    fn read(&self, path: &str) -> Result<String, String> {
        self.0.get(path).map_or_else(|| Disk.read(path), |text| Ok(text.clone()))
    }

    fn exists(&self, path: &str) -> bool {
        Disk.exists(path)
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        Disk.list(folder)
    }
}

/// Mends and reports what is left. Exit code 1 where errors are left, or edits were only printed.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let programs = roots(&options.paths, &Disk)?;
    if programs.iter().all(Vec::is_empty) {
        bail!("no `.flow` file in {}", options.paths.join(", "));
    }
    let (mut edits, mut errors) = (0, 0);
    for paths in &programs {
        let done = mend(paths)?;
        for line in &done.edits {
            crate::print(line)?;
        }
        if !options.dry_run {
            for (path, text) in &done.files.0 {
                replace(path, text).with_context(|| format!("write `{path}`"))?;
            }
        }
        edits += done.edits.len();
        errors += error_count(&done.analysis);
        for finding in &done.analysis.diagnostics {
            eprintln!("{}", render::short(finding, &done.loaded.sources));
        }
    }
    let would = if options.dry_run { "to make" } else { "made" };
    eprintln!("{} {would}, {} left", plural(edits, "edit"), plural(errors, "error"));
    Ok(ExitCode::from(u8::from(errors > 0 || (options.dry_run && edits > 0))))
}

/// A program after its edits.
struct Mended {
    files: Edited,
    /// One line for each edit.
    edits: Vec<String>,
    loaded: Loaded,
    analysis: Analysis,
}

/// Makes edits until none is offered any more, or making them would do harm.
fn mend(paths: &[String]) -> anyhow::Result<Mended> {
    let mut files = Edited(BTreeMap::new());
    let (mut loaded, mut analysis) = analyse(paths, &files)?;
    let mut edits = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let mut next = Edited(files.0.clone());
        let mut lines = Vec::new();
        for (id, source) in loaded.sources.iter().filter(|(_, s)| paths.contains(&s.path)) {
            let chosen = fix::choose(&analysis.diagnostics, id);
            for fix in &chosen {
                let (line, column) = source.line_column(fix.span.start);
                lines.push(format!("{}:{line}:{column}: {}\n", source.path, fix.title));
            }
            if !chosen.is_empty() {
                next.0.insert(source.path.clone(), fix::apply(&source.text, &chosen));
            }
        }
        if lines.is_empty() {
            break;
        }
        let (then_loaded, then) = analyse(paths, &next)?;
        // What makes more errors than it mends was no help: a person has to look.
        if error_count(&then) > error_count(&analysis) {
            break;
        }
        edits.append(&mut lines);
        (files, loaded, analysis) = (next, then_loaded, then);
    }
    Ok(Mended { files, edits, loaded, analysis })
}

fn analyse(paths: &[String], files: &Edited) -> anyhow::Result<(Loaded, Analysis)> {
    let loaded = load(paths, files)?;
    if let Some(unreadable) = loaded.unreadable.first() {
        bail!("{unreadable}");
    }
    let analysis = analyze(&loaded);
    Ok((loaded, analysis))
}

fn error_count(analysis: &Analysis) -> usize {
    analysis.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
}
