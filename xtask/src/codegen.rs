//! Generated files that are committed: written by `cargo xtask codegen`, compared by `--check`.

use crate::sh;
use anyhow::Context as _;
use std::fs;

/// Writes or compares every generated file.
pub fn run(check: bool) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    let generated = [
        ("docs/errors/README.md", error_index()?),
        ("docs/reference/std.md", sagaflow_stdlib::page()),
    ];
    for (path, text) in generated {
        let now = fs::read_to_string(path).unwrap_or_default();
        if now == text {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            fs::write(path, &text).with_context(|| format!("write `{path}`"))?;
            println!("wrote {path}");
        }
    }
    let mut write = vec!["run", "--quiet", "-p", "sagaflow-differential", "--example", "write"];
    if check {
        write.extend(["--", "--check"]);
    }
    if let Err(error) = sh("cargo", &write) {
        anyhow::ensure!(check, error);
        stale.push("tests/differential/flows/generated");
    }
    anyhow::ensure!(stale.is_empty(), "stale: {} (run `cargo xtask codegen`)", stale.join(", "));
    Ok(())
}

/// Whether a page is of a code, `F0101` or `R1001`; the index itself lies beside them.
fn is_code(name: &str) -> bool {
    let number = name.strip_prefix(['F', 'R']);
    number.is_some_and(|number| number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// The index of the error pages, from their titles.
fn error_index() -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for entry in fs::read_dir("docs/errors").context("read `docs/errors`")? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        if !is_code(&name) {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let title = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let title = title.trim_start_matches(&name).trim_start_matches(": ");
        rows.push(format!("| [{name}]({name}.md) | {} |", title.trim()));
    }
    rows.sort();
    Ok(format!(
        "# Error codes\n\nEvery code has a page; `flowc explain CODE` prints it.\n\n| code | what it says |\n|---|---|\n{}\n",
        rows.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::is_code;

    #[test]
    fn the_index_is_no_page_of_a_code() {
        assert!(is_code("F0101") && is_code("R1001"));
        for other in ["README", "R", "R10", "Rxxxx", "X0101", "F01011"] {
            assert!(!is_code(other), "{other}");
        }
    }
}
