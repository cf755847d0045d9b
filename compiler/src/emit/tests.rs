//! What the tokens must keep, whatever a user calls things. That they run is shown where they are
//! compared with the interpreter.

use super::{modules, names, pretty, stub, with_released};
use sagaflow_fir::{
    Action, Call, CallUndo, Class, Compensation, Expr, ExprKind, Field, Fir, Handlers, Local,
    LocalId, NamedType, Point, Retry, Service, StepStmt, Stmt, Ty, TypeDecl, Workflow,
};

fn field(name: &str, ty: Ty) -> Field {
    Field { name: name.into(), ty, default: None }
}

fn record(fields: Vec<Field>) -> NamedType {
    NamedType { decl: TypeDecl::Record(fields), doc: String::new() }
}

/// A workflow that calls `Desk.ask` and returns its own parameter, which the call's point keeps or
/// does not.
fn program(live: &[u32]) -> Fir {
    let mut fir = Fir::default();
    let action = Action {
        class: Class::Read,
        params: vec![field("self", Ty::Text), field("call", Ty::Int)],
        result: Some(Ty::Text),
        idempotent: false,
        errors: Vec::new(),
        within_ms: None,
        compensation: Compensation::None,
        sql: None,
        no_rows: None,
        lasts_ms: None,
    };
    let actions = [("ask".to_owned(), action)].into();
    let desk = Service { same_as: None, breaker: None, limit: None, actions };
    fir.services.insert("shop.Desk".into(), desk);
    fir.workflows.insert("shop.Take".into(), workflow(live));
    fir
}

fn workflow(live: &[u32]) -> Workflow {
    let read = Expr { ty: Ty::Text, kind: ExprKind::Local(LocalId(0)) };
    let point = |live: &[u32]| Point {
        path: "ask".into(),
        live: live.iter().copied().map(LocalId).collect(),
        hidden: Vec::new(),
        line: 1,
    };
    let retry = Retry { attempts: Some(1), first_ms: 1, max_ms: 1, jitter: false, on: Vec::new() };
    let call = Call {
        service: "shop.Desk".into(),
        action: "ask".into(),
        args: vec![("self".into(), read.clone())],
        by: None,
        idempotent: false,
        key_for_ms: None,
        within_ms: 1,
        deadline_ms: None,
        retry,
        probe: None,
    };
    let step = StepStmt {
        at: "ask".into(),
        class: Class::Read,
        commits: false,
        bind: None,
        call,
        undo: CallUndo::None,
        fallback: None,
        handlers: Handlers::default(),
        block: None,
    };
    Workflow {
        version: 1,
        params: vec![field("type", Ty::Text)],
        locals: vec![Local { name: "type".into(), ty: Ty::Text }],
        result: Some(Ty::Text),
        triggers: Vec::new(),
        key: None,
        key_for_ms: None,
        policy_locals: 0,
        limit: Vec::new(),
        concurrency: Vec::new(),
        indexed: Vec::new(),
        upgrades: Vec::new(),
        fails: Vec::new(),
        deadline_ms: None,
        retain_ms: None,
        body: vec![Stmt::Step(Box::new(step)), Stmt::Return(Some(read))],
        aftermath: None,
        failure: None,
        points: [("start".to_owned(), point(&[0])), ("ask".to_owned(), point(live))].into(),
        unsupported: Vec::new(),
        module: "shop".into(),
        doc: String::new(),
        continues: false,
    }
}

#[test]
fn no_name_of_a_user_breaks_the_syntax() {
    let mut fir = program(&[0]);
    let words = ["type", "self", "Self", "crate", "async", "union", "x", "match"];
    let fields = words.iter().map(|word| field(word, Ty::Text)).collect();
    fir.types.insert("shop.Option".into(), record(fields));
    for tokens in [modules(&fir), stub(&fir)] {
        syn::parse2::<syn::File>(tokens).expect("the tokens are Rust");
    }
}

#[test]
fn a_point_that_lacks_what_runs_after_it_is_refused_by_name() {
    let text = modules(&program(&[])).to_string();
    assert!(text.contains("durable point `ask` does not keep `type`"), "{text}");
    assert!(!modules(&program(&[0])).to_string().contains("compile_error"));
}

#[test]
fn what_cannot_be_executed_yet_is_refused_with_its_code_and_line() {
    let mut fir = program(&[0]);
    for workflow in fir.workflows.values_mut() {
        workflow.unsupported.push(("a `lock`".into(), 7));
    }
    let text = modules(&fir).to_string();
    assert!(text.contains("F0005: `shop.Take` uses a `lock` (line 7)"), "{text}");
}

#[test]
fn a_stub_has_the_names_and_no_machine() {
    let text = stub(&program(&[0])).to_string();
    assert!(text.contains("pub trait Desk") && text.contains("pub struct Take"), "{text}");
    assert!(!text.contains("resume"), "{text}");
}

#[test]
fn modules_of_one_last_name_keep_apart() {
    let mut fir = Fir::default();
    fir.types.insert("a.orders.X".into(), record(vec![field("y", Ty::Named("b.orders.X".into()))]));
    fir.types.insert("b.orders.X".into(), record(Vec::new()));
    let text = modules(&fir).to_string();
    assert!(text.contains("pub mod a_orders") && text.contains("super :: b_orders :: X"), "{text}");
}

#[test]
fn names_change_case_as_people_write_them() {
    let snakes = ["FulfilOrder", "HTTPApi", "A", "OrderV2Item"].map(names::snake);
    assert_eq!(snakes, ["fulfil_order", "http_api", "a", "order_v2_item"]);
    let camels = ["files[]/Inventory.reserve", "sleep#2", "2x"].map(names::camel);
    assert_eq!(camels, ["FilesInventoryReserve", "Sleep2", "P2x"]);
}

#[test]
fn a_module_whose_workflows_are_gone_still_hosts_their_released_versions() {
    let mut fir = program(&[0]);
    let frozen = fir.freeze("shop.Take").expect("the program has it");
    fir.workflows.clear();
    let text = pretty(&with_released(&fir, &[frozen]));
    assert!(text.contains("pub fn flows()"), "{text}");
    assert!(text.contains("__shop_take_v1::shop::__w0_take::machine()"), "{text}");
    assert!(text.contains("service `shop.Desk` is missing"), "its calls must be served: {text}");
}
