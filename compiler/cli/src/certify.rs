//! `flowc certify`: the auditor's page, and what has changed since an earlier one.

use crate::check::Checked;
use crate::pages;
use anyhow::{Context as _, bail};
use clap::ValueEnum;
use sagaflow_compiler::certify::{self, Certificate};
use sagaflow_compiler::hir::WorkflowId;
use sagaflow_compiler::page;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `flowc certify` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Say in words what has changed since this certificate, written with `--format json`
    #[arg(long, value_name = "EARLIER.json", conflicts_with = "format")]
    against: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Markdown
    Md,
    /// An HTML document
    Html,
    /// To keep, and to compare with later
    Json,
}

/// Certifies. Exit code 1 if a program has errors: what is refused is not certified.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let earlier = options.against.as_ref().map(read).transpose()?;
    let Some(programs) = pages::accepted(&options.paths)? else {
        eprintln!("not certified");
        return Ok(ExitCode::from(1));
    };
    let found = pages::workflows(&programs, None)?;
    let mut sheets = Vec::new();
    for checked in &programs {
        sheets.extend(of(checked, &found));
    }
    let certificate = certify::certificate(sheets);
    let text = match (earlier, options.format) {
        (Some(earlier), _) => {
            let lines = certify::compare(&earlier, &certificate);
            match lines.as_slice() {
                [] => "nothing has changed\n".to_owned(),
                lines => lines.iter().map(|line| format!("{line}\n")).collect(),
            }
        }
        (None, Format::Md) => page::markdown(&certify::page(&certificate)),
        (None, Format::Html) => page::html("Certificate", &certify::page(&certificate)),
        (None, Format::Json) => format!("{}\n", serde_json::to_string_pretty(&certificate)?),
    };
    crate::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn of(checked: &Checked, found: &[(&Checked, WorkflowId)]) -> Vec<certify::Sheet> {
    let own = found.iter().filter(|(program, _)| std::ptr::eq(*program, checked));
    let ids: Vec<WorkflowId> = own.map(|(_, id)| *id).collect();
    let (program, loaded) = (&checked.analysis.program, &checked.loaded);
    // Order: whoever has no error has an intermediate form.
    let Some(fir) = checked.analysis.lower(&loaded.sources) else { return Vec::new() };
    certify::sheets(program, &loaded.sources, &loaded.asts, &fir, &ids)
}

fn read(path: &PathBuf) -> anyhow::Result<Certificate> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))?;
    let certificate: Certificate = serde_json::from_str(&text)
        .with_context(|| format!("`{}` is no certificate in JSON", path.display()))?;
    if certificate.format != certify::FORMAT {
        bail!("`{}` was written by another version: certify again", path.display());
    }
    Ok(certificate)
}
