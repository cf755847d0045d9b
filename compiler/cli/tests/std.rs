//! The standard library and the reference pages say what is true: every example is executed.

use assert_cmd::Command;
use sagaflow_compiler::types::{Ty, TyKind, parts};
use sagaflow_stdlib::MODULES;
use std::fmt::Write as _;
use std::fs;
use tempfile::TempDir;

const METHODS: &str = include_str!("../../../docs/reference/methods.md");

/// Runs the command in a folder; what it printed. It must succeed.
fn flowc(dir: &TempDir, args: &[&str]) -> String {
    let mut command = Command::cargo_bin("flowc").expect("the command is built");
    let output = command.current_dir(dir.path()).args(args).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "flowc {args:?}\n{told}");
    told
}

/// A program in which each expression is what a workflow answers, and a test wants it to hold.
fn holding(expressions: &[&str]) -> String {
    let mut text = String::new();
    for (index, expression) in expressions.iter().enumerate() {
        let id = "00000000-0000-7000-8000-000000000000";
        write!(
            text,
            "workflow Example{index} v1 (id: uuid) -> bool idempotent by id {{ return {expression} }}\n\
             test \"{index}\" {{ run Example{index}(\"{id}\") expect result }}\n"
        )
        .expect("a text can be written to");
    }
    text
}

/// A folder of its own as source root.
fn root() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(dir.path().join("flow.toml"), "").expect("it can be written");
    dir
}

#[test]
fn the_modules_are_laid_out_as_the_formatter_does() {
    let dir = root();
    for module in MODULES {
        let file = format!("{}.flow", module.name);
        fs::write(dir.path().join(&file), module.text).expect("it can be written");
    }
    flowc(&dir, &["fmt", "--check", "."]);
}

#[test]
fn every_example_of_the_standard_library_holds() {
    let dir = root();
    let mut many = 0;
    for module in MODULES {
        let items = module.items();
        let names: Vec<&str> = items.iter().map(|item| item.name).collect();
        let (programs, lines): (Vec<_>, Vec<_>) =
            items.iter().filter(|item| !item.example.is_empty()).partition(|i| i.is_program());
        let short = module.name.trim_start_matches("std.");
        for item in &programs {
            let path = dir.path().join(format!("{short}_{}.flow", item.name.to_lowercase()));
            fs::write(path, item.example.join("\n")).expect("it can be written");
        }
        let lines: Vec<&str> = lines.iter().flat_map(|item| item.example.iter().copied()).collect();
        let text = format!("use {} {{ {} }}\n{}", module.name, names.join(", "), holding(&lines));
        fs::write(dir.path().join(format!("{short}.flow")), text).expect("it can be written");
        many += lines.len() + programs.len();
    }
    flowc(&dir, &["check", "."]);
    let told = flowc(&dir, &["test", "."]);
    assert!(told.contains(" passed, 0 failed"), "{told}");
    assert!(many > 60, "only {many} examples were found");
}

/// The examples in the tables of the page of methods.
fn examples() -> Vec<&'static str> {
    let rows = METHODS.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| row.rsplit(" | ").next()?.strip_prefix('`')?.strip_suffix("` |"))
        .collect()
}

#[test]
fn every_example_of_a_method_holds() {
    let dir = root();
    let text = format!("use std.time {{ day_of }}\n{}", holding(&examples()));
    fs::write(dir.path().join("methods.flow"), text).expect("it can be written");
    let told = flowc(&dir, &["test", "."]);
    assert!(told.contains(" passed, 0 failed"), "{told}");
}

#[test]
fn the_page_of_methods_names_every_method_in_an_example() {
    let plain = |kind| Box::new(Ty::new(kind));
    let kinds = [
        TyKind::List(plain(TyKind::Int)),
        TyKind::Map(plain(TyKind::Text), plain(TyKind::Int)),
        TyKind::Text,
        TyKind::Money(None),
        TyKind::Int,
        TyKind::Decimal,
        TyKind::Percent,
        TyKind::Duration,
        TyKind::Time,
        TyKind::Date,
        TyKind::Size,
    ];
    for kind in kinds {
        for name in parts(&kind) {
            let row = METHODS.lines().find(|line| {
                let named = line.split(" | ").next().unwrap_or_default();
                named.contains(&format!("`{name}`")) || named.contains(&format!("`{name}("))
            });
            assert!(row.is_some(), "`{name}` of {kind:?} is not on the page");
        }
    }
}

#[test]
fn a_module_that_is_not_there_is_answered_with_those_that_are() {
    let dir = root();
    fs::write(dir.path().join("a.flow"), "use std.tiem { age }\n").expect("it can be written");
    fs::write(dir.path().join("b.flow"), "use std.ftp { get }\n").expect("it can be written");
    let mut command = Command::cargo_bin("flowc").expect("the command is built");
    let output = command.current_dir(dir.path()).args(["check", "."]).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("did you mean `std.time`?"), "{told}");
    assert!(told.contains("the standard library has `std.approval`"), "{told}");
}
