//! What the hash of a workflow depends on, and what it does not.

use crate::{
    Action, Class, Compensation, Damage, Database, Expr, ExprKind, Field, Fir, Frozen, Function,
    FunctionBody, Human, Local, LocalId, NamedType, SqlPart, Stmt, Ty, TypeDecl, Workflow,
    canonical,
};
use serde_json::json;

fn literal(ty: Ty, json: serde_json::Value) -> Expr {
    Expr { ty, kind: ExprKind::Literal(json) }
}

fn workflow() -> Workflow {
    let called = Expr { ty: Ty::Int, kind: ExprKind::Call("m.f".into(), vec![]) };
    Workflow {
        version: 1,
        params: vec![Field { name: "o".into(), ty: Ty::Named("m.Order".into()), default: None }],
        locals: vec![Local { name: "o".into(), ty: Ty::Named("m.Order".into()) }],
        result: Some(Ty::Int),
        triggers: vec![],
        key: None,
        key_for_ms: None,
        policy_locals: 0,
        limit: Vec::new(),
        concurrency: Vec::new(),
        indexed: Vec::new(),
        upgrades: Vec::new(),
        fails: vec![],
        deadline_ms: Some(1),
        retain_ms: None,
        body: vec![Stmt::Return(Some(called))],
        aftermath: None,
        failure: None,
        points: Default::default(),
        unsupported: vec![],
        module: "m".into(),
        doc: "what it does".into(),
        continues: false,
    }
}

fn program() -> Fir {
    let mut fir = Fir::default();
    let field = |name: &str, ty| Field { name: name.into(), ty, default: None };
    let named = |decl| NamedType { decl, doc: String::new() };
    let record = |fields| named(TypeDecl::Record(fields));
    fir.types.insert("m.Order".into(), record(vec![field("sku", Ty::Named("m.Sku".into()))]));
    let sku = TypeDecl::Alias { of: Ty::Text, pattern: Some("[A-Z]+".into()) };
    fir.types.insert("m.Sku".into(), named(sku));
    fir.types.insert("m.Other".into(), record(vec![]));
    let body = FunctionBody::Fn { lets: vec![], value: literal(Ty::Int, json!(1)) };
    let function = Function { locals: vec![], params: 0, result: Ty::Int, body };
    fir.functions.insert("m.f".into(), function.clone());
    fir.functions.insert("m.g".into(), function);
    fir.workflows.insert("m.W".into(), workflow());
    fir
}

fn changed(change: impl Fn(&mut Fir)) -> bool {
    let mut fir = program();
    change(&mut fir);
    fir.hash("m.W") != program().hash("m.W")
}

fn flow(fir: &mut Fir) -> &mut Workflow {
    fir.workflows.get_mut("m.W").expect("the program has it")
}

#[test]
fn policy_and_what_is_not_reached_leave_the_hash_alone() {
    assert!(!changed(|fir| flow(fir).deadline_ms = Some(2)));
    assert!(!changed(|fir| flow(fir).retain_ms = Some(2)));
    assert!(!changed(|fir| flow(fir).doc = "other words".into()));
    assert!(!changed(|fir| drop(fir.types.remove("m.Other"))));
    assert!(!changed(|fir| drop(fir.functions.remove("m.g"))));
    assert!(!changed(|fir| {
        fir.types.get_mut("m.Order").expect("declared").doc = "an order".into();
    }));
}

#[test]
fn what_is_reached_through_types_and_functions_counts() {
    assert!(changed(|fir| flow(fir).body.clear()));
    assert!(changed(|fir| {
        let decl = TypeDecl::Alias { of: Ty::Text, pattern: None };
        fir.types.insert("m.Sku".into(), NamedType { decl, doc: String::new() });
    }));
    assert!(changed(|fir| {
        let function = fir.functions.get_mut("m.f").expect("declared");
        let value = literal(Ty::Int, json!(2));
        function.body = FunctionBody::Fn { lets: vec![], value };
    }));
}

#[test]
fn the_hash_is_hex_and_unknown_workflows_have_none() {
    let hash = program().hash("m.W");
    assert_eq!(hash.len(), 64);
    assert!(hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(program().hash("m.Nowhere"), "");
    assert_eq!(crate::spec(&program(), "m.Nowhere"), json!(null));
}

#[test]
fn an_action_counts_but_for_its_time() {
    let mut fir = program();
    let action = Action {
        class: Class::Tx,
        params: vec![],
        result: None,
        idempotent: false,
        errors: vec![],
        within_ms: Some(5),
        compensation: Compensation::None,
        sql: Some(vec![SqlPart::Text("select 1".into())]),
        no_rows: None,
        lasts_ms: None,
    };
    let actions = [("put".to_owned(), action)].into();
    fir.databases.insert("m.Db".into(), Database { actions });
    let found = fir.action("m.Db", "put").expect("declared");
    assert_eq!(found.within_ms, Some(5));
    assert!(fir.action("m.Db", "get").is_none());
}

#[test]
fn canonical_json_sorts_keys_at_every_depth() {
    let json = json!({"b": [{"d": 1, "c": "x\"y"}], "a": null});
    assert_eq!(canonical(&json), r#"{"a":null,"b":[{"c":"x\"y","d":1}]}"#);
}

#[test]
fn what_a_person_is_asked_counts_but_not_how_it_is_put() {
    let human = |title: &str, answer: Ty| Human {
        params: vec![],
        locals: vec![],
        answer,
        title: literal(Ty::Text, json!(title)),
        assign: None,
        show: vec![],
    };
    let with = |human: Human| {
        let mut fir = program();
        fir.humans.insert("m.Ask".into(), human);
        let arm = crate::Arm {
            wait: crate::ArmWait::Task("m.Ask".into(), vec![]),
            bind: Some(LocalId(0)),
            body: vec![],
        };
        let wait = crate::AwaitStmt {
            at: "Ask".into(),
            arms: vec![arm],
            until: None,
            handlers: crate::Handlers::default(),
        };
        flow(&mut fir).body = vec![Stmt::Await(Box::new(wait))];
        fir.hash("m.W")
    };
    assert_eq!(with(human("one", Ty::Bool)), with(human("other", Ty::Bool)));
    assert_ne!(with(human("one", Ty::Bool)), with(human("one", Ty::Int)));
}

/// A workflow frozen whose value is wrapped so many times.
fn wrapped(times: usize) -> String {
    // What is too deep to be read is too deep to be written on the stack of a test.
    let deep = move || {
        let mut fir = program();
        let mut value = literal(Ty::Int, json!(1));
        for _ in 0..times {
            value = Expr { ty: Ty::Int, kind: ExprKind::Some(Box::new(value)) };
        }
        flow(&mut fir).body = vec![Stmt::Return(Some(value))];
        fir.freeze("m.W").expect("the program has it").text()
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(deep);
    thread.expect("a thread starts").join().expect("it is written")
}

#[test]
fn a_text_that_is_deeper_than_any_program_is_refused_and_exhausts_no_stack() {
    let refused = |text: &str| match Frozen::read(text) {
        Err(Damage::Shape(why)) => why == "it is nested too deeply",
        _ => false,
    };
    assert!(Frozen::read(&wrapped(300)).is_ok());
    assert!(refused(&wrapped(600)), "deep expressions");
    assert!(refused(&wrapped(20_000)), "deep brackets");
    assert!(refused(&"[".repeat(1_000_000)), "nothing but brackets");
    let quoted = format!("{{\"format\":2,\"workflow\":\"{}\"}}", "[\\\"".repeat(10_000));
    assert!(!refused(&quoted), "brackets in a text are no depth");
}

#[test]
fn a_reason_to_reject_is_no_meaning_and_which_records_are_rejected_is() {
    let with = |records: i64, why: &str| {
        let mut fir = program();
        let (records, why) = (literal(Ty::Int, json!(records)), literal(Ty::Text, json!(why)));
        flow(&mut fir).body = vec![Stmt::Reject(records, why)];
        fir.hash("m.W")
    };
    assert_eq!(with(1, "late"), with(1, "too late"));
    assert_ne!(with(1, "late"), with(2, "late"));
}

#[test]
fn a_label_that_was_inferred_is_no_meaning_and_one_that_was_declared_is() {
    let pii = |ty: Ty| Ty::Pii(Box::new(ty));
    let name = |ty| Expr { ty, kind: ExprKind::Local(LocalId(1)) };
    let with = |inferred: Ty| {
        let mut fir = program();
        let flow = flow(&mut fir);
        flow.locals.push(Local { name: "to".into(), ty: inferred.clone() });
        flow.body = vec![
            Stmt::Let(LocalId(1), literal(inferred.clone(), json!("a"))),
            Stmt::Return(Some(name(inferred.clone()))),
        ];
        let point = crate::Point {
            path: "start".into(),
            live: vec![],
            hidden: vec![("#each.list".into(), Ty::List(Box::new(inferred)))],
            line: 0,
        };
        flow.points.insert("start".into(), point);
        fir.hash("m.W")
    };
    assert_eq!(with(Ty::Text), with(pii(Ty::Text)));
    assert_eq!(with(Ty::Text), with(Ty::Secret(Box::new(Ty::Text))));
    assert_ne!(with(Ty::Text), with(pii(Ty::Int)), "what it is a label of is meaning");
    assert!(changed(|fir| flow(fir).result = Some(pii(Ty::Int))));
    assert!(changed(|fir| flow(fir).params[0].ty = pii(Ty::Named("m.Order".into()))));
    assert!(changed(|fir| fir.functions.get_mut("m.f").expect("declared").result = pii(Ty::Int)));
    let taking = |declared: Ty, inferred: Ty| {
        let mut fir = program();
        let local = |name: &str, ty| Local { name: name.into(), ty };
        let function = fir.functions.get_mut("m.f").expect("declared");
        function.params = 1;
        function.locals = vec![local("a", declared), local("b", inferred)];
        fir.hash("m.W")
    };
    assert_eq!(taking(Ty::Text, Ty::Text), taking(Ty::Text, pii(Ty::Text)));
    assert_ne!(taking(Ty::Text, Ty::Text), taking(pii(Ty::Text), Ty::Text));
}

#[test]
fn a_file_of_an_older_build_is_said_to_be_one_and_not_to_be_damaged() {
    let text = program().freeze("m.W").expect("the program has it").text();
    let of = |format: u32| {
        let (_, rest) = text.split_once(',').expect("its first part is the format");
        match Frozen::read(&format!("{{\"format\":{format},{rest}")) {
            Err(damage @ Damage::Format(_)) => damage.to_string(),
            other => panic!("format {format}: {other:?}"),
        }
    };
    assert_eq!(of(1), "an older build wrote it, in format 1; this one reads format 2");
    assert_eq!(of(3), "a newer build wrote it, in format 3; this one reads format 2");
}
