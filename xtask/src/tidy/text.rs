//! Rules on one file's text: size, header, forbidden words, links.

use anyhow::Context as _;
use std::fs;
use std::path::Path;

/// Hard limit of a source file, in lines.
const LINES_MAX: usize = 600;

/// Longer files, each with its reason.
const LONG: &[(&str, &str)] = &[];

/// Words that never stay in the source: open work is not kept there.
const LEFT_OVERS: &[&str] = &["TODO", "FIXME", "XXX", "#[ignore", "unimplemented!(", "todo!("];

/// Names of types that other engines use for what this project calls run, step and workflow.
const BANNED_TYPES: &[&str] = &["Saga", "Activity", "Job", "Instance", "Execution"];

/// Checks one file.
pub fn check(path: &str, findings: &mut Vec<String>) -> anyhow::Result<()> {
    if path.ends_with(".rs") {
        let text = fs::read_to_string(path).with_context(|| format!("read `{path}`"))?;
        rust(path, &text, findings);
    } else if path.ends_with(".md") {
        let text = fs::read_to_string(path).with_context(|| format!("read `{path}`"))?;
        links(path, &text, findings);
    }
    Ok(())
}

fn rust(path: &str, text: &str, findings: &mut Vec<String>) {
    let test = is_test(path);
    let lines = text.lines().count();
    let excused = LONG.iter().any(|(file, _)| *file == path);
    if !test && !excused && lines > LINES_MAX {
        findings.push(format!("{path}: {lines} lines, at most {LINES_MAX}: split it by concept"));
    }
    if !text.starts_with("//!") && !text.starts_with("#![") {
        findings
            .push(format!("{path}: begins without `//!`: say what the file holds and promises"));
    }
    if path.starts_with("xtask/src/tidy") {
        return; // it names what it forbids
    }
    for (number, line) in text.lines().enumerate() {
        for word in LEFT_OVERS {
            if line.contains(word) {
                findings.push(format!("{path}:{}: `{word}` left in the source", number + 1));
            }
        }
        for word in BANNED_TYPES {
            for keyword in ["struct ", "enum ", "trait ", "type "] {
                let declared = format!("{keyword}{word}");
                let found = line.trim_start().trim_start_matches("pub ").strip_prefix(&declared);
                if found.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())) {
                    findings.push(format!(
                        "{path}:{}: `{word}` is not a word of this project (see docs/glossary.md)",
                        number + 1
                    ));
                }
            }
        }
    }
}

/// Test files may be longer: they are read one test at a time.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.rsplit('/').next().is_some_and(|name| name.starts_with("tests_"))
}

/// Relative links must lead to a file.
fn links(path: &str, text: &str, findings: &mut Vec<String>) {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if target.is_empty() || outside || folder.join(target).exists() {
                continue;
            }
            findings.push(format!("{path}:{}: `{target}` leads nowhere", number + 1));
        }
    }
}
