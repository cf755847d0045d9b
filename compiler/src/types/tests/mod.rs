//! Meaning tests: which codes stand on which lines.

mod assign;
mod cases;
mod effects;
mod errors;
mod expressions;
mod money;
mod samples;
mod table;
mod unused;
mod waits;

use crate::load::Loaded;
use crate::types::Table;
use crate::{hir, load, resolve};

/// The findings of `resolve` and `types` as `line code`, and the table.
fn inferred(loaded: &Loaded) -> (Vec<String>, hir::Program, Table) {
    let mut all = loaded.diagnostics.clone();
    let (mut program, found) = resolve::resolve(&loaded.asts, &loaded.sources);
    all.extend(found);
    program.samples.clone_from(&loaded.samples);
    let (table, found) = super::infer(&program);
    all.extend(found);
    all.sort_by_key(|d| (d.span.file, d.span.start, d.code));
    let line = |d: &crate::diagnostic::Diagnostic| {
        let source = loaded.sources.get(d.span.file).expect("a finding stands in a file");
        format!("{} {} {}", source.line_column(d.span.start).0, d.code, d.headline)
    };
    (all.iter().map(line).collect(), program, table)
}

/// The findings on a text, as `line code`.
fn codes(text: &str) -> Vec<String> {
    let (found, ..) = inferred(&load::load_text("test.flow", "test", text));
    let short = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    found.iter().map(short).collect()
}

/// Declarations that most tests lean on. What is tested begins behind them.
const WORLD: &str = r#"type OrderId = uuid
type InvoiceId = uuid
type Sku = text matching "[A-Z]{3}-[0-9]{4}"
enum Signer { Nobody, Manager, Board }
enum Answer { Yes(note: text?), No(reason: text) }
record Line { sku: Sku, quantity: int, price: money<EUR> }
record Order { id: OrderId, customer: text, note: text?, gift: bool, lines: list<Line>, total: money<EUR> }
event Paid key order { order: OrderId, amount: money<EUR>, by: text? }
human Review(order: OrderId) -> bool { title "look at {order}" assign role("clerk") }
human Judge(order: OrderId) -> Answer { title "judge {order}" assign role("clerk") }
service Shop {
  read get(id: OrderId) -> Order within 1s fails NoSuchOrder
  read score(id: OrderId) -> percent within 1s
  read note(id: OrderId) -> text within 1s
  write reserve(id: OrderId) -> text idempotent by id within 1s fails OutOfStock(sku: Sku) compensate release(id)
  write release(id: OrderId) idempotent by id within 1s
  write mail(id: OrderId, to: text) idempotent by id within 1s compensate none because "a mail"
  pivot pay(id: OrderId, amount: money<EUR>) -> text idempotent by id within 1s fails Declined(reason: text)
}
database Books {
  tx enter(id: OrderId) fails Twice
  tx count(id: OrderId) -> int
  tx strike(id: OrderId)
}
resource Desk(OrderId)
fn plain(order: Order) -> bool = order.gift
workflow Say v1 (what: text) idempotent by what { progress "{what}" }
"#;

/// The findings on a text after [`WORLD`], with lines counted from 1.
fn after_world(text: &str) -> Vec<String> {
    let world = WORLD.lines().count();
    let shift = |line: String| {
        let (number, code) = line.split_once(' ').expect("a line and a code");
        let number: usize = number.parse().expect("a line is a number");
        format!("{} {code}", number.saturating_sub(world))
    };
    codes(&format!("{WORLD}{text}")).into_iter().map(shift).collect()
}

/// The findings on the body of a workflow `W (order: Order)` with errors `Bad(why: text)` and `Late`
/// that always can be raised; the body begins on line 1.
fn body(text: &str) -> Vec<String> {
    let head = "workflow W v1 (order: Order, id: OrderId, many: list<OrderId>) idempotent by order.id \
                fails Bad(why: text), Late deadline 1h { ";
    let tail = "\nif order.gift { fail Late }\nif order.customer == \"\" { fail Bad(\"\") } }";
    after_world(&format!("{head}{text}{tail}"))
}

struct Disk;

impl load::Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn exists(&self, path: &str) -> bool {
        std::path::Path::new(path).is_file()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let name = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            Some(if entry.path().is_dir() { format!("{name}/") } else { name })
        };
        Some(entries.filter_map(name).collect())
    }
}

#[test]
fn the_example_flows_infer_clean() {
    let root = format!("{}/../flows", env!("CARGO_MANIFEST_DIR"));
    let loaded = load::load(&[root], &Disk).unwrap();
    assert_eq!(loaded.asts.len(), 28);
    let (found, ..) = inferred(&loaded);
    assert!(found.is_empty(), "{found:#?}");
}
