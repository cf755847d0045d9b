//! A package of a user's own that includes a `.flow` file, built by the real compiler: what is wrong
//! in the flow is said as the flow's own report, what is missing in the Rust at the user's line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const FLOW: &str = r#"
use terms { Reason }

service Till {
  write take(n: int) -> text
    idempotent by n
    fails Declined(why: Reason)
    compensate give_back(n)
    within 2s
  write give_back(n: int) idempotent by n within 2s
}
service Shop {
  write order(n: int)
    idempotent by n
    fails SoldOut
    compensate cancel(n)
    within 2s
  write cancel(n: int) idempotent by n within 2s
}

workflow Buy v1 (n: int) -> text
  idempotent by n
  fails Declined(why: Reason), SoldOut
  deadline 1h
  retain 1d
{
  step taken = Till.take(n)
  step Shop.order(n)
  return taken
}
"#;

const MAIN: &str = r#"
sagaflow::include_flow!("flows/buy.flow");

struct Mine;

impl buy::Till for Mine {
    async fn take(
        &self,
        _call: &sagaflow::Call,
        n: i64,
    ) -> sagaflow::Outcome<String, buy::till::TakeError> {
        Ok(n.to_string())
    }
    async fn give_back(&self, _call: &sagaflow::Call, _n: i64) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
}

fn main() {}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A package outside of the repository, with the repository's versions and profile.
struct Package(TempDir);

impl Package {
    fn new(main: &str, flow: &str) -> Self {
        let package = Self(tempfile::tempdir().expect("a folder"));
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        let (_, profile) = manifest.split_once("[profile.dev]").expect("a profile");
        let (profile, _) = profile.split_once("[profile.release]").expect("another");
        let mut own = String::from(
            "[package]\nname = \"ui-case\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n",
        );
        let sagaflow = root().join("runtime");
        writeln!(own, "[dependencies]\nsagaflow = {{ path = {sagaflow:?} }}\n").expect("a text");
        // Packages that only others of the repository use are no matter.
        let uses = |line: &&str| !line.starts_with("sagaflow-interp");
        let profile: Vec<&str> = profile.lines().filter(uses).collect();
        writeln!(own, "[profile.dev]{}", profile.join("\n")).expect("a text");
        package.write("Cargo.toml", &own);
        std::fs::copy(root().join("Cargo.lock"), package.0.path().join("Cargo.lock"))
            .expect("the lock file is copied");
        package.write("src/main.rs", main);
        package.write("flows/buy.flow", flow);
        package.write("flows/terms.flow", "type Reason = text\n");
        package
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("it is written");
    }

    /// Checks it: whether it builds, and what is said.
    fn check(&self) -> (bool, String) {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let out = Command::new(cargo)
            .args(["check", "--offline", "--color", "never"])
            .current_dir(self.0.path())
            .env("CARGO_TARGET_DIR", target.unwrap_or_else(|| root().join("target")))
            .output()
            .expect("cargo starts");
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    }
}

/// How many errors are reported, without the closing line.
fn errors(said: &str) -> usize {
    said.lines()
        .filter(|line| line.starts_with("error") && !line.contains("could not compile"))
        .count()
}

#[test]
fn what_builds_builds_again_when_an_imported_file_changes() {
    let package = Package::new(MAIN, FLOW);
    let (built, said) = package.check();
    assert!(built, "{said}");
    package.write("flows/terms.flow", "type Cause = text\n");
    let (built, said) = package.check();
    assert!(!built && said.contains("Reason"), "{said}");
}

#[test]
fn a_flow_that_could_lose_money_is_the_only_error_and_is_drawn() {
    let broken = FLOW.replace("    compensate give_back(n)\n", "");
    let (built, said) = Package::new(MAIN, &broken).check();
    assert!(!built);
    assert_eq!(errors(&said), 1, "nothing drowns it: {said}");
    for part in ["F0201", "flows/buy.flow", "step taken = Till.take(n)", "may have happened here"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_service_method_that_is_missing_is_an_error_on_the_users_line() {
    let main = MAIN.replace("async fn give_back", "#[cfg(any())]\n    async fn give_back");
    let (built, said) = Package::new(&main, FLOW).check();
    assert!(!built);
    assert_eq!(errors(&said), 1, "{said}");
    assert!(said.contains("missing: `give_back`"), "{said}");
    assert!(said.contains("src/main.rs:6"), "{said}");
}

#[test]
fn a_construct_that_cannot_be_executed_yet_is_named() {
    let locked = FLOW.replace(
        "  step taken = Till.take(n)\n  step Shop.order(n)\n  return taken",
        "  lock Drawer(n) ttl 1m {\n    step Till.take(n)\n    step Shop.order(n)\n  }\n  return \"done\"",
    );
    let locked = locked.replace("workflow Buy", "resource Drawer(int)\n\nworkflow Buy");
    let (built, said) = Package::new(MAIN, &locked).check();
    assert!(!built && said.contains("F0005") && said.contains("`lock`"), "{said}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let main = MAIN.replace("flows/buy.flow", "flows/sell.flow");
    let (built, said) = Package::new(&main, FLOW).check();
    assert!(!built && said.contains("sell.flow"), "{said}");
}
