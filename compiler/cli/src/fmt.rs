//! `flowc fmt`: lays files out in the one canonical way.

use crate::disk::Disk;
use anyhow::{Context as _, bail};
use sagaflow_compiler::format::format;
use sagaflow_compiler::load::{Files, load_text, roots};
use sagaflow_compiler::render;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

/// What `flowc fmt` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Files, and folders with everything below them; `-` reads stdin and writes stdout
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// Change nothing; name what is not laid out canonically, and exit with 1
    #[arg(long)]
    check: bool,
}

/// Lays out. Exit code 1 where a text does not read, or with `--check` is laid out otherwise.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.paths.iter().any(|path| path == "-") {
        if options.paths.len() > 1 {
            bail!("`-` stands alone: stdin is one text");
        }
        return stdin(options.check);
    }
    let programs = roots(&options.paths, &Disk)?;
    let paths: Vec<&String> = programs.iter().flatten().collect();
    if paths.is_empty() {
        bail!("no `.flow` file in {}", options.paths.join(", "));
    }
    let (mut unlike, mut unread) = (0, 0);
    for path in &paths {
        let text = Disk.read(path).map_err(|why| anyhow::anyhow!("read `{path}`: {why}"))?;
        match format(&text) {
            None => {
                complain(path, &text);
                unread += 1;
            }
            Some(new) if new != text => {
                unlike += 1;
                if options.check {
                    crate::print(&format!("{path}\n"))?;
                } else {
                    replace(path, &new).with_context(|| format!("write `{path}`"))?;
                }
            }
            Some(_) => {}
        }
    }
    let what = if options.check { "not laid out canonically" } else { "laid out anew" };
    eprintln!("{unlike} of {} {what}", crate::plural(paths.len(), "file"));
    Ok(ExitCode::from(u8::from(unread > 0 || (options.check && unlike > 0))))
}

fn stdin(check: bool) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("read stdin")?;
    let Some(new) = format(&text) else {
        complain("<stdin>", &text);
        return Ok(ExitCode::from(1));
    };
    if check {
        return Ok(ExitCode::from(u8::from(new != text)));
    }
    crate::print(&new)?;
    Ok(ExitCode::SUCCESS)
}

/// Says on stderr what keeps a text from being read.
fn complain(path: &str, text: &str) {
    let loaded = load_text(path, "text", text);
    for finding in &loaded.diagnostics {
        eprintln!("{}", render::short(finding, &loaded.sources));
    }
}

/// Puts a new text in the place of a file.
pub fn replace(path: &str, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = fs::canonicalize(Path::new(path))?;
    let permissions = fs::metadata(&path)?.permissions();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("flow");
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // Crash: before the rename the old text stands and a hidden file is left over, after it the
    // new one stands; at no time is the file half written.
    let written = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, permissions))
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() && fs::remove_file(&beside).is_err() {
        eprintln!("flowc: `{}` is left over", beside.display());
    }
    written
}
