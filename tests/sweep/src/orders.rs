//! The order flow of the repository, as a tree for the reference, with a world that answers it.

use crate::program::{
    Call, Class, Cond, Expr, Handler, Key, Pattern, Program, Remedy, Retry, Stmt, Undo,
};
use crate::subject::{Subject, contracts};
use crate::world::Site;
use sagaflow_compiler::analyze;
use sagaflow_compiler::load::{Files, load};
use sagaflow_core::codegen::Json;
use sagaflow_interp::Interpreter;
use serde_json::json;
use std::sync::Arc;

const ORDERS: &str = include_str!("../../../flows/shop/orders.flow");
const TYPES: &str = include_str!("../../../flows/shop/types.flow");
const WORKFLOW: &str = "shop.orders.FulfilOrder";

/// The two files, in memory.
struct Memory;

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            "flows/shop/orders.flow" => Ok(ORDERS.to_owned()),
            "flows/shop/types.flow" => Ok(TYPES.to_owned()),
            _ => Err("there is no such file".to_owned()),
        }
    }

    fn exists(&self, path: &str) -> bool {
        self.read(path).is_ok()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        match folder {
            "flows" => Some(vec!["shop/".to_owned()]),
            "flows/shop" => Some(vec!["orders.flow".to_owned(), "types.flow".to_owned()]),
            _ => None,
        }
    }
}

/// The order flow with an order that looks harmless, or one that a person has to look at.
///
/// # Errors
/// Where it does not compile.
pub fn orders(risky: bool) -> Result<Subject, String> {
    let loaded =
        load(&["flows/shop/orders.flow".to_owned()], &Memory).map_err(|error| error.to_string())?;
    let fir = analyze(&loaded).lower(&loaded.sources).ok_or("the order flow is rejected")?;
    let machine = Interpreter::new(Arc::new(fir), WORKFLOW).map_err(|error| error.to_string())?;
    let program = tree();
    let order = json!({
        "id": "0190b5a0-0000-7000-8000-000000000001",
        "customer": "0190b5a0-0000-7000-8000-000000000002",
        "email": "a@example.org",
        "address": {
            "name": "A", "street": "B 1", "city": "C", "postcode": "10115", "country": "DE",
        },
        "items": [{ "sku": "ABC-1234", "quantity": 1, "price": "10.00 EUR" }],
        "total": "10.00 EUR",
    });
    let site = Site {
        workflow: WORKFLOW.to_owned(),
        input: [("order".to_owned(), order)].into_iter().collect(),
        contracts: Arc::new(contracts(&program)),
        answers: if risky {
            |action, _, _, _| answer(action, "90%")
        } else {
            |action, _, _, _| answer(action, "10%")
        },
        deadline_ms: None,
        process: None,
    };
    let values = if risky {
        |action: &str, _: &str, _: i64| if action == "score" { 90 } else { 0 }
    } else {
        |action: &str, _: &str, _: i64| if action == "score" { 10 } else { 0 }
    };
    Ok(Subject { program, text: String::new(), machine: Arc::new(machine), site, values })
}

fn answer(action: &str, risk: &str) -> Json {
    match action {
        "score" => json!(risk),
        "authorize" => json!({ "id": "hold", "expires": "2026-02-01T00:00:00Z" }),
        "book" => json!({ "tracking": "T1", "eta": "2026-02-01" }),
        "capture" => json!("10.00 EUR"),
        _ => Json::Null,
    }
}

fn tree() -> Program {
    let declined = || Remedy::Fail("PaymentDeclined".to_owned());
    let mut reserve = call("reserve", Class::Write, Retry::Times(3));
    undone(&mut reserve, "release", "OutOfStock");
    let mut score = call("score", Class::Read, Retry::Times(3));
    score.handlers.push(Handler { on: Pattern::Any, then: Remedy::Use(Expr::Lit(0)) });
    let review = Stmt::Task {
        name: "reviewOrder".to_owned(),
        handlers: vec![Handler { on: Pattern::Timeout, then: declined() }],
        no: vec![Stmt::Fail("PaymentDeclined".to_owned())],
    };
    let mut authorize = call("authorize", Class::Write, Retry::Times(3));
    undone(&mut authorize, "void", "Declined");
    on(&mut authorize, "Declined", declined());
    let mut book = call("book", Class::Write, Retry::Times(3));
    undone(&mut book, "cancel", "NoCarrier");
    on(&mut book, "NoCarrier", Remedy::Fail("Unshippable".to_owned()));
    let mut capture = call("capture", Class::Pivot, Retry::Forever);
    capture.errors.push("HoldExpired".to_owned());
    on(&mut capture, "HoldExpired", declined());
    let dispatch = call("dispatch", Class::Write, Retry::Forever);
    let risk = Cond { left: Expr::Name("score".to_owned()), right: 80 };
    Program {
        body: vec![
            Stmt::Parallel {
                branches: vec![Stmt::Call(reserve), Stmt::Call(score)],
                handlers: Vec::new(),
            },
            Stmt::If { cond: risk, then: vec![review], other: Vec::new() },
            Stmt::Call(authorize),
            Stmt::Call(book),
            Stmt::Call(capture),
            Stmt::Call(dispatch),
            Stmt::Call(mail("receipt")),
        ],
        after: vec![Stmt::Call(mail("apology"))],
        result: None,
        deadline: None,
    }
}

fn call(action: &str, class: Class, retry: Retry) -> Call {
    Call {
        name: action.to_owned(),
        action: action.to_owned(),
        undoes: Vec::new(),
        probe: None,
        class,
        key: Key::At,
        errors: Vec::new(),
        undo: Undo::None,
        at: Vec::new(),
        arg: Expr::Lit(0),
        retry,
        fallback: None,
        handlers: Vec::new(),
    }
}

fn undone(call: &mut Call, by: &str, error: &str) {
    call.undo = Undo::Args;
    call.undoes = vec![by.to_owned()];
    call.errors.push(error.to_owned());
}

fn on(call: &mut Call, error: &str, then: Remedy) {
    call.handlers.push(Handler { on: Pattern::Error(error.to_owned()), then });
}

fn mail(action: &str) -> Call {
    let mut call = call(action, Class::Write, Retry::Times(10));
    call.handlers.push(Handler { on: Pattern::Any, then: Remedy::Skip });
    call
}
