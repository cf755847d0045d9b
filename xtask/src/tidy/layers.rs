//! What may see what: modules inside the compiler and the core, and packages of the workspace.

use anyhow::Context as _;
use std::collections::BTreeSet;
use std::fs;

/// Layers of the compiler's modules: a module imports only from lower numbers, or its own.
const COMPILER: &[(&str, u8)] = &[
    ("span", 0),
    ("source", 0),
    ("name", 0),
    ("diagnostic", 0),
    ("syntax", 1),
    ("hir", 2),
    ("resolve", 3),
    ("types", 4),
    ("check", 5),
    ("lower", 6),
    ("released", 7),
    ("emit", 7),
    ("format", 8),
];

/// Pairs that are allowed against the numbers, each with its reason.
const ALLOWED: &[(&str, &str)] = &[];

/// Packages that must never be reached from the runtime, and those that must not reach them.
const RUNTIME: &[&str] = &["sagaflow-core", "sagaflow-interp", "sagaflow-store", "sagaflow-engine"];

/// The client of Kafka, which has its library to itself and knows nothing of what it carries.
const KAFKA: &str = "sagaflow-kafka";

/// Checks the modules of the compiler.
pub fn check(files: &[String], findings: &mut Vec<String>) -> anyhow::Result<()> {
    for path in files {
        let Some(rest) = path.strip_prefix("compiler/src/") else { continue };
        if !path.ends_with(".rs") || path.ends_with("tests.rs") || path.contains("/tests/") {
            continue;
        }
        let module = rest.split(['/', '.']).next().unwrap_or_default();
        let Some(&(_, layer)) = COMPILER.iter().find(|(name, _)| *name == module) else { continue };
        let text = fs::read_to_string(path).with_context(|| format!("read `{path}`"))?;
        for (number, line) in text.lines().enumerate() {
            for used in crate_paths(line) {
                let above = COMPILER.iter().any(|(name, at)| *name == used && *at > layer);
                if above && !ALLOWED.contains(&(module, used.as_str())) {
                    findings.push(format!(
                        "{path}:{}: `{module}` must not see `{used}`: data flows one way",
                        number + 1
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Modules named after `crate::` in a line of code.
fn crate_paths(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

/// Nothing of the runtime below the binaries reaches the compiler.
pub fn dependencies(findings: &mut Vec<String>) -> anyhow::Result<()> {
    for package in RUNTIME {
        let reached = reached(package)?;
        for forbidden in ["sagaflow-compiler", "flowc"] {
            if reached.contains(forbidden) {
                findings.push(format!(
                    "`{package}` reaches `{forbidden}`: the runtime never sees the compiler"
                ));
            }
        }
        if reached.contains("rdkafka") {
            findings.push(format!("`{package}` reaches `rdkafka`: only `{KAFKA}` may"));
        }
        let core_is_pure = *package != "sagaflow-core" && *package != "sagaflow-interp";
        for heavy in ["tokio", "sqlx", "axum"] {
            if !core_is_pure && reached.contains(heavy) {
                findings.push(format!("`{package}` reaches `{heavy}`: it must stay pure"));
            }
        }
    }
    for other in reached(KAFKA)? {
        if other.starts_with("sagaflow") && other != KAFKA {
            findings.push(format!("`{KAFKA}` reaches `{other}`: it must know no other package"));
        }
    }
    Ok(())
}

/// Packages that are built into this one.
fn reached(package: &str) -> anyhow::Result<BTreeSet<String>> {
    let out = std::process::Command::new("cargo")
        .args(["tree", "--locked", "-p", package, "-e", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}"])
        .output()?;
    anyhow::ensure!(
        out.status.success(),
        "`cargo tree -p {package}` failed: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout)?;
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}
