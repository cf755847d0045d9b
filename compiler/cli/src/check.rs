//! `flowc check`

use crate::disk::Disk;
use anyhow::bail;
use clap::{Args, ValueEnum};
use sagaflow_compiler::diagnostic::{Diagnostic, Severity};
use sagaflow_compiler::load::{load, roots};
use sagaflow_compiler::render::{self, Format};
use sagaflow_compiler::source::Sources;
use std::io::IsTerminal;
use std::process::ExitCode;

/// What `flowc check` takes.
#[derive(Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Style::Pretty)]
    format: Style,
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
}

/// Checks and reports. Errors make the exit code 1, warnings alone do not.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if let Some(code) = &options.explain {
        return crate::explain::print_page(code);
    }
    let programs = roots(&options.paths, &Disk)?;
    if programs.iter().all(Vec::is_empty) {
        bail!("no `.flow` file in {}", options.paths.join(", "));
    }
    let mut report = Report { style: options.format, text: String::new(), json: Vec::new() };
    let (mut files, mut errors, mut warnings) = (0, 0, 0);
    for paths in &programs {
        let loaded = load(paths, &Disk)?;
        if let Some(unreadable) = loaded.unreadable.first() {
            bail!("{unreadable}");
        }
        let analysis = sagaflow_compiler::analyze(&loaded);
        files += paths.len();
        let is_error = |d: &&Diagnostic| d.severity == Severity::Error;
        errors += analysis.diagnostics.iter().filter(is_error).count();
        warnings += analysis.diagnostics.iter().filter(|d| !is_error(d)).count();
        report.add(&analysis.diagnostics, &loaded.sources);
    }
    crate::print(&report.finish())?;
    if options.format == Style::Pretty {
        eprintln!("{}", summary(files, errors, warnings));
    }
    Ok(ExitCode::from(u8::from(errors > 0)))
}

/// Findings of several programs as one output.
struct Report {
    style: Style,
    text: String,
    json: Vec<serde_json::Value>,
}

impl Report {
    fn add(&mut self, found: &[Diagnostic], sources: &Sources) {
        match self.style {
            Style::Pretty => {
                let text = render::render(found, sources, Format::Pretty { colours: colours() });
                if !text.is_empty() {
                    self.text.push_str(&text);
                    self.text.push('\n');
                }
            }
            Style::Short => self.text.push_str(&render::render(found, sources, Format::Short)),
            Style::Json => self.json.extend(found.iter().map(|d| render::json(d, sources))),
        }
    }

    fn finish(self) -> String {
        match self.style {
            Style::Json => format!("{:#}\n", serde_json::Value::Array(self.json)),
            _ => self.text,
        }
    }
}

/// Colours only for a person at a terminal who has not declined them.
fn colours() -> bool {
    let declined = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    !declined && std::io::stdout().is_terminal()
}

fn summary(files: usize, errors: usize, warnings: usize) -> String {
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let files = plural(files, "file");
    match (errors, warnings) {
        (0, 0) => format!("checked {files}: nothing to report"),
        (e, 0) => format!("checked {files}: {}", plural(e, "error")),
        (0, w) => format!("checked {files}: {}", plural(w, "warning")),
        (e, w) => format!("checked {files}: {}, {}", plural(e, "error"), plural(w, "warning")),
    }
}
