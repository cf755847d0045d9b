//! Writes the generated programs again, after the generator or the language changed.
//!
//! `cargo xtask codegen` runs it, with `--check` only to compare. What it writes is committed, so that
//! a build needs no generator and a change of either machine meets the same texts.
//! `cargo run -p sagaflow-differential --example write -- FOLDER FIRST COUNT` writes other programs
//! somewhere else, from the seed FIRST on.

mod values;

use sagaflow_compiler::diagnostic::Severity;
use sagaflow_compiler::{analyze, emit, load::load_text};
use sagaflow_sweep::{generate::generate, print, subject};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: write [--check | FOLDER FIRST COUNT]";

/// Programs that are committed; one that the checker refuses is left out and the next seed taken.
const PROGRAMS: usize = 40;

/// Bound: lines of one program, because each of them is compiled as Rust by every build.
const LINES_MAX: usize = 140;

/// Says what stands against generating Rust for a text that the checker accepted.
fn compiles(seed: u64, text: &str) -> Result<(), String> {
    let loaded = load_text("m.flow", print::MODULE, text);
    let analysis = analyze(&loaded);
    let errors = analysis.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let told: Vec<String> = errors
        .map(|found| {
            let range = found.span.start as usize..found.span.end as usize;
            let at = text.get(range).unwrap_or_default();
            format!("{} {} at `{at}`", found.code, found.headline)
        })
        .collect();
    let Some(fir) = analysis.lower(&loaded.sources) else {
        return Err(format!("seed {seed}: {}", told.join("; ")));
    };
    match emit::modules(&fir).to_string().contains("compile_error") {
        true => Err(format!("seed {seed}: no Rust can be generated")),
        false => Ok(()),
    }
}

/// File names and texts of so many programs, from a seed on.
fn programs(first: u64, count: usize) -> Result<Vec<(String, String)>, String> {
    let mut values = values::Values::new();
    let mut files = Vec::new();
    for seed in first.. {
        if files.len() == count {
            break;
        }
        let program = generate(seed);
        let text = print::print(&program);
        if text.lines().count() > LINES_MAX || subject::generated(program).is_err() {
            continue;
        }
        let text = text + &values.text(seed);
        compiles(seed, &text)?;
        let name = format!("p{:02}", files.len());
        let head = format!("/// Generated from seed {seed}.\nmodule generated.{name}\n\n");
        files.push((format!("{name}.flow"), head + &text));
    }
    Ok(files)
}

/// The files of `folder` that are not what would be written.
fn stale(folder: &Path, files: &[(String, String)]) -> std::io::Result<Vec<String>> {
    let mut stale: Vec<String> = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).ok().as_ref() != Some(text) {
            stale.push(name.clone());
        }
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !files.iter().any(|(name, _)| entry.file_name() == name.as_str()) {
            stale.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(stale)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/generated");
    match args {
        [] => write(&committed, programs(1, PROGRAMS)?),
        [check] if check == "--check" => {
            let stale = stale(&committed, &programs(1, PROGRAMS)?).map_err(|e| e.to_string())?;
            match stale.is_empty() {
                true => Ok(()),
                false => Err(format!("stale: {}", stale.join(", "))),
            }
        }
        [folder, first, count] => match (first.parse(), count.parse()) {
            (Ok(first), Ok(count)) => write(Path::new(folder), programs(first, count)?),
            _ => Err(USAGE.to_owned()),
        },
        _ => Err(USAGE.to_owned()),
    }
}

fn write(folder: &Path, files: Vec<(String, String)>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(told)?;
    files
        .into_iter()
        .try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
        .map_err(told)
}
