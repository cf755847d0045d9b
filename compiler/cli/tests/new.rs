//! `flowc new`: what it makes holds by itself, and what it refuses it leaves alone.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn flowc(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(folder)
        .args(args)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text(&done.stdout), text(&done.stderr))
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Everything in a folder, by its path, in order.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("readable") {
            let path = entry.expect("readable").path();
            match path.is_dir() {
                true => open.push(path),
                false => {
                    let below = path.strip_prefix(folder).expect("below it");
                    found.push(below.to_string_lossy().into_owned());
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_new_folder_checks_clean_is_laid_out_and_passes_its_own_sweep() {
    for template in ["rust", "http"] {
        let dir = folder();
        let (code, out, err) = flowc(dir.path(), &["new", "shop", "--template", template]);
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        let shop = dir.path().join("shop");
        let checked = flowc(&shop, &["check", "--deny", "warnings", "--format", "short", "flows"]);
        assert_eq!(checked, (0, String::new(), String::new()), "{template}");
        let (code, out, err) = flowc(&shop, &["fmt", "--check", "flows"]);
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
        let (code, out, err) = flowc(&shop, &["test", "flows"]);
        assert_eq!((code, err.as_str()), (0, "3 passed, 0 failed\n"), "{out}");
        let sweep = out.lines().last().expect("a line each").to_owned();
        let runs = sweep.rsplit_once('(').and_then(|(_, runs)| runs.split(' ').next());
        let runs: u32 = runs.and_then(|n| n.parse().ok()).expect("it says how many runs");
        assert!(runs > 50, "every failure and crash is many runs: {sweep}");
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1, "nothing is left over");
    }
}

#[test]
fn the_package_depends_on_the_version_of_the_compiler_or_on_a_checkout() {
    let dir = folder();
    assert_eq!(flowc(dir.path(), &["new", "released"]).0, 0);
    let manifest = fs::read_to_string(dir.path().join("released/Cargo.toml")).expect("readable");
    let version = env!("CARGO_PKG_VERSION");
    assert!(manifest.contains(&format!("sagaflow = \"{version}\"\n")), "{manifest}");
    assert!(manifest.contains("name = \"released\"\n"), "{manifest}");

    let checkout = root();
    let checkout = checkout.to_str().expect("a path of text");
    assert_eq!(flowc(dir.path(), &["new", "checkout", "--path", checkout]).0, 0);
    let manifest = fs::read_to_string(dir.path().join("checkout/Cargo.toml")).expect("readable");
    let runtime = fs::canonicalize(root().join("runtime")).expect("there");
    let expected = format!("sagaflow = {{ path = \"{}\" }}\n", runtime.display());
    assert!(manifest.contains(&expected), "{manifest}");

    let (code, _, err) = flowc(dir.path(), &["new", "nowhere", "--path", "released"]);
    assert_eq!(code, 2);
    assert!(err.contains("no checkout"), "{err}");
    assert!(!dir.path().join("nowhere").exists());
}

#[test]
fn every_place_of_a_template_is_filled_in_and_the_files_are_those_it_promises() {
    let dir = folder();
    assert_eq!(flowc(dir.path(), &["new", "shop"]).0, 0);
    let shop = dir.path().join("shop");
    let made = files(&shop);
    assert_eq!(
        made,
        [
            ".gitignore",
            "Cargo.toml",
            "README.md",
            "ci.sh",
            "flows/orders.flow",
            "flows/samples/order.json",
            "src/main.rs",
            "src/services.rs",
        ]
    );
    for path in made {
        let text = fs::read_to_string(shop.join(&path)).expect("readable");
        assert!(!text.contains("{{"), "{path}: {text}");
    }
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_an_empty_one_is_filled() {
    let dir = folder();
    fs::create_dir(dir.path().join("full")).expect("writable");
    fs::write(dir.path().join("full/mine.txt"), "mine").expect("writable");
    let (code, _, err) = flowc(dir.path(), &["new", "full"]);
    assert_eq!(code, 2);
    assert!(err.contains("not empty"), "{err}");
    assert_eq!(files(dir.path()), ["full/mine.txt"]);

    fs::create_dir(dir.path().join("empty")).expect("writable");
    assert_eq!(flowc(dir.path(), &["new", "empty"]).0, 0);
    assert!(dir.path().join("empty/flows/orders.flow").is_file());

    fs::write(dir.path().join("file"), "mine").expect("writable");
    assert_eq!(flowc(dir.path(), &["new", "file"]).0, 2);
    assert_eq!(fs::read_to_string(dir.path().join("file")).expect("readable"), "mine");
}

#[test]
fn names_that_are_no_identifiers_are_refused() {
    let dir = folder();
    let long = "a".repeat(65);
    for name in ["", "Shop", "my-shop", "1st", "_x", "a/b", "..", "größe", "fn", "sagaflow", &long]
    {
        let (code, _, err) = flowc(dir.path(), &["new", "--", name]);
        assert_eq!(code, 2, "`{name}` was taken");
        assert!(err.contains("cannot be the name"), "{err}");
    }
    assert!(files(dir.path()).is_empty());
    let (code, _, err) = flowc(dir.path(), &["new", "x", "--template", "http", "--path", "."]);
    assert_eq!(code, 2, "{err}");
}

#[test]
fn the_package_builds_with_what_this_repository_builds_with() {
    let dir = folder();
    let checkout = root();
    let checkout = checkout.to_str().expect("a path of text");
    assert_eq!(flowc(dir.path(), &["new", "shop", "--path", checkout]).0, 0);
    let shop = dir.path().join("shop");
    fs::copy(root().join("Cargo.lock"), shop.join("Cargo.lock")).expect("writable");
    // What was compiled for the repository is taken as it is, so the profile is that of its own.
    let done = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .current_dir(&shop)
        .args(["check", "--offline", "--quiet"])
        .args(["--config", "profile.dev.debug=\"line-tables-only\""])
        .args(["--config", "profile.dev.package.\"*\".debug=false"])
        .env("CARGO_TARGET_DIR", root().join("target"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(!said.contains("warning"), "{said}");
}
