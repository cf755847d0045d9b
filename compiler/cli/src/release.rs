//! `flowc release`: freezes versions into the folder `released` of their source root.

use crate::versions::{self, Root, Version};
use anyhow::{Context as _, bail};
use sagaflow_compiler::load::FILE_BYTES_MAX;
use sagaflow_fir::Frozen;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// What `flowc release` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Which workflow; without it, every one
    workflow: Option<String>,
    /// The program: a source root, a folder above or a file
    #[arg(long, value_name = "PATH", default_value = ".")]
    root: String,
    /// Write nothing, and exit with 1 if anything would be written
    #[arg(long)]
    check: bool,
}

/// Releases. Exit code 1 if the program has errors: what is refused is not released.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let wanted = options.workflow.as_deref().map(Version::read).transpose()?;
    if wanted.as_ref().is_some_and(|wanted| wanted.number.is_some()) {
        bail!("the version is that of the source: name the workflow alone");
    }
    let roots = versions::roots(&options.root)?;
    let mut refused = false;
    for root in &roots {
        refused |= root.complain();
    }
    if refused {
        eprintln!("nothing was released");
        return Ok(ExitCode::from(1));
    }
    let (mut found, mut known, mut changes) = (0, Vec::new(), 0);
    for root in &roots {
        for frozen in own(root) {
            known.push(frozen.workflow.clone());
            if wanted.as_ref().is_some_and(|wanted| !wanted.fits(&frozen.workflow)) {
                continue;
            }
            found += 1;
            match frozen.fir.workflows.get(&frozen.workflow).and_then(|it| it.unsupported.first()) {
                Some((what, _)) => {
                    let name = &frozen.workflow;
                    eprintln!(
                        "not released: `{name}` uses {what}, which cannot be executed yet (F0005)"
                    );
                    refused |= wanted.is_some();
                }
                None => changes += usize::from(release(root, &frozen, options.check)?),
            }
        }
    }
    if found == 0 {
        let name = options.workflow.as_deref().unwrap_or_default();
        bail!("there is no workflow `{name}`{}", versions::hint(name, &known));
    }
    Ok(ExitCode::from(u8::from(refused || (options.check && changes > 0))))
}

/// The workflows of the files that were asked for, frozen as they stand.
fn own(root: &Root) -> Vec<Frozen> {
    let Some(fir) = &root.fir else { return Vec::new() };
    let (program, sources) = (&root.checked.analysis.program, &root.checked.loaded.sources);
    let asked = program.workflows.values().filter(|workflow| {
        let source = sources.get(workflow.name_span.file);
        source.is_some_and(|source| root.checked.paths.contains(&source.path))
    });
    asked.filter_map(|workflow| fir.freeze(&workflow.name.to_string())).collect()
}

/// Writes one version; whether that changes anything.
fn release(root: &Root, frozen: &Frozen, check: bool) -> anyhow::Result<bool> {
    let path = root.folder.join(frozen.file_name());
    let known = &root.checked.analysis.released;
    let before = known.iter().find(|it| it.frozen.file_name() == frozen.file_name());
    let name = format!("`{}` v{}", frozen.workflow, frozen.version);
    if before.is_some_and(|before| before.frozen == *frozen) {
        eprintln!("{name} is released already");
        return Ok(false);
    }
    let what = match (check, before.is_some()) {
        (true, false) => "is not released",
        (true, true) => "is released with another policy",
        (false, false) => "released",
        (false, true) => "released with its new policy",
    };
    let text = frozen.text();
    let read_back = text.len() as u64 <= FILE_BYTES_MAX
        && Frozen::read(&text).is_ok_and(|read| read == *frozen);
    if !read_back {
        bail!("{name} is too large or nested too deeply to be released");
    }
    if !check {
        write(&path, &text).with_context(|| format!("write `{}`", path.display()))?;
    }
    crate::print(&format!("{name} {what}: {}\n", path.display()))?;
    Ok(true)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".release.{}", std::process::id()));
    // Crash: before the rename there is the old file or none, after it the new one; a hidden file
    // that is left over is read by nobody.
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() && beside.exists() && fs::remove_file(&beside).is_err() {
        eprintln!("flowc: `{}` is left over", beside.display());
    }
    written
}
