//! What resolution reports, and what it must not: source in, `line:column code` out.

use super::resolve;
use crate::hir::{Idx, Program, StmtKind};
use crate::load::{Loaded, load_text};
use crate::render::short;
use crate::source::{Source, Sources};
use crate::syntax;

mod accepted;
mod rejected;
mod shapes;

/// A contract and declarations that the sources of the tests build on; it adds no lines of its own,
/// because it stands behind them.
const WORLD: &str = r#"
service Bank {
  write pay(order: uuid, amount: money) -> text idempotent by order fails Declined(reason: text)
    compensate refund(order) within 2s
  write refund(order: uuid) idempotent by order within 2s
  read balance(order: uuid) -> money within 1s
  pivot capture(order: uuid) -> text idempotent by order within 2s
}
service Post { write send(order: uuid) idempotent by order within 2s }
database Shop { tx take(order: uuid) fails Gone  tx give_back(order: uuid) }
event Settled on "settled" key order { order: uuid, amount: money }
record Item { id: uuid, price: money }
enum Colour { Red, Green, Other(name: text) }
resource Stock(uuid)
policy quick = 3 times
human Ask(order: uuid) -> bool { title "?" assign role("x") }
fn twice(n: int) -> int = n * 2
"#;

/// Findings of a source, one per line.
fn check_alone(text: &str) -> String {
    found(&load_text("t.flow", "t", text))
}

/// Findings of a source that builds on [`WORLD`].
fn check(text: &str) -> String {
    check_alone(&format!("{text}\n{WORLD}"))
}

/// Findings of a workflow with this body.
fn body(text: &str) -> String {
    check(&format!(
        "workflow W(order: uuid, total: money, items: list<Item>) fails Failed(why: text) {{\n{text}\n}}"
    ))
}

/// Findings of several modules, each by name and text.
fn modules(files: &[(&str, &str)]) -> String {
    let mut loaded = Loaded::default();
    for (module, text) in files {
        let path = format!("{}.flow", module.replace('.', "/"));
        let id = loaded.sources.add(Source::new(path, *module, *text));
        let (file, diagnostics) = syntax::parse(id, text);
        loaded.asts.push((id, file));
        loaded.diagnostics.extend(diagnostics);
    }
    found(&loaded)
}

fn found(loaded: &Loaded) -> String {
    let (_, diagnostics) = resolve(&loaded.asts, &loaded.sources);
    let all = loaded.diagnostics.iter().chain(&diagnostics);
    let mut lines: Vec<String> = all.map(|d| line(&short(d, &loaded.sources))).collect();
    lines.sort();
    lines.join("\n")
}

/// `t.flow:2:3: error[F0101]: …` as `2:3 F0101`; the path stays where it is not `t.flow`.
fn line(short: &str) -> String {
    let (place, rest) = short.split_once(": ").unwrap_or((short, ""));
    let code = rest.split(['[', ']']).nth(1).unwrap_or(rest);
    format!("{} {code}", place.trim_start_matches("t.flow:"))
}

fn program(text: &str) -> (Program, Sources) {
    let loaded = load_text("t.flow", "t", &format!("{text}\n{WORLD}"));
    let (program, diagnostics) = resolve(&loaded.asts, &loaded.sources);
    assert_eq!(diagnostics, [], "the program of this test is right");
    (program, loaded.sources)
}

/// The `at` and path of every step of the last workflow, in source order.
fn step_points(program: &Program) -> Vec<(String, String)> {
    let mut points = Vec::new();
    let last = program.workflows.ids().last().map_or(0, Idx::index);
    for (id, workflow) in program.workflows.iter() {
        if id.index() != last {
            continue;
        }
        workflow.body.walk(true, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind {
                points.push((step.point.at.to_string(), step.point.path.to_string()));
            }
        });
    }
    points
}
