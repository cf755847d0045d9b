//! House rules that neither the compiler nor clippy knows; each says what to do.

mod layers;
mod text;

/// Checks everything and prints every finding before failing.
pub fn run() -> anyhow::Result<()> {
    let files = tracked()?;
    let mut findings = Vec::new();
    for file in &files {
        text::check(file, &mut findings)?;
    }
    layers::check(&files, &mut findings)?;
    layers::dependencies(&mut findings)?;
    for finding in &findings {
        println!("{finding}");
    }
    anyhow::ensure!(findings.is_empty(), "{} findings", findings.len());
    Ok(())
}

/// Every file git knows or would add.
fn tracked() -> anyhow::Result<Vec<String>> {
    let out = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()?;
    anyhow::ensure!(out.status.success(), "`git ls-files` failed");
    let mut files: Vec<String> =
        String::from_utf8(out.stdout)?.lines().map(str::to_owned).collect();
    files.retain(|f| std::path::Path::new(f).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}
