//! A service over HTTP that keeps its contract, or breaks one clause of it on request.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it promises.
pub const CONTRACT: &str = r#"
module pay

record Charge { id: text, amount: money }

service Payments {
  write charge(order: uuid, amount: money) -> Charge
    idempotent by order for 30s
    probe charge_of(order)
    fails Declined(reason: text)
    compensate refund(order)
    within 60s

  write refund(order: uuid)
    idempotent by order
    within 60s

  read charge_of(order: uuid) -> Charge?
    within 60s

  read taken(order: uuid) -> int
    within 60s
}
"#;

/// The one clause that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    None,
    WrongType,
    UndeclaredError,
    ForgetsTheKey,
    AnswersAnotherValue,
    ErrorLeavesAnEffect,
    SecondUndoFails,
    UndoesTwice,
    NoTombstone,
    ForgetsTheUndo,
    TwoAtOnceApplyTwice,
    KeyExpiresEarly,
    ProbeLeavesNoTombstone,
    CompletesLater,
}

#[derive(Clone)]
enum Row {
    Done(Value),
    Failed(Value),
    Undone,
}

#[derive(Default)]
struct Books {
    rows: HashMap<String, Row>,
    taken: HashMap<String, i64>,
    charges: u32,
    arrived: HashMap<String, u32>,
    heads: Vec<HeaderMap>,
}

/// The service with its books.
#[derive(Clone)]
pub struct Shop {
    defect: Defect,
    books: Arc<Mutex<Books>>,
}

type Answer = (StatusCode, Value);

fn head<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl Shop {
    /// Serves it on a port of its own; its URL.
    pub async fn open(defect: Defect) -> (String, Self) {
        let shop = Self { defect, books: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}/payments", listener.local_addr().expect("it has an address"));
        let router = Router::new()
            .route("/payments/charge", post(charge))
            .route("/payments/refund", post(refund))
            .route("/payments/charge_of", post(charge_of))
            .route("/payments/taken", post(taken))
            .with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, shop)
    }

    /// The headers of every charge, in order of arrival.
    pub fn heads(&self) -> Vec<HeaderMap> {
        self.with(|books| books.heads.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Books) -> T) -> T {
        work(&mut self.books.lock().expect("no test panics while it holds the books"))
    }

    /// Whether the call belongs to the check of this clause.
    fn during(headers: &HeaderMap, clause: &str) -> bool {
        head(headers, "flow-step").starts_with(clause)
    }

    fn apply(books: &mut Books, args: &Value, key: &str) -> Answer {
        books.charges += 1;
        let charge = json!({ "id": format!("ch-{}", books.charges), "amount": args["amount"] });
        *books.taken.entry(args["order"].to_string()).or_default() += 1;
        books.rows.insert(key.to_owned(), Row::Done(charge.clone()));
        (StatusCode::OK, charge)
    }

    fn charged(&self, headers: &HeaderMap, args: &Value) -> Answer {
        let (defect, key) = (self.defect, head(headers, "idempotency-key"));
        let forgets = match defect {
            Defect::ForgetsTheKey => true,
            // As if the time were up: a test waits for nobody's clock.
            Defect::KeyExpiresEarly => Self::during(headers, "key-life"),
            Defect::TwoAtOnceApplyTwice => Self::during(headers, "two-at-once"),
            _ => false,
        };
        self.with(|books| match books.rows.get(key).cloned() {
            Some(Row::Done(_)) if forgets => Self::apply(books, args, key),
            Some(Row::Done(mut charge)) => {
                if defect == Defect::AnswersAnotherValue {
                    charge["id"] = format!("{} again", charge["id"]).into();
                }
                (StatusCode::OK, charge)
            }
            Some(Row::Failed(error)) => (StatusCode::PAYMENT_REQUIRED, error),
            Some(Row::Undone) if defect == Defect::ForgetsTheUndo => Self::apply(books, args, key),
            Some(Row::Undone) => (StatusCode::CONFLICT, json!({ "error": "undone" })),
            None if args["amount"] == "13.00 EUR" => {
                let error = json!({ "error": "Declined", "reason": "unlucky" });
                if defect == Defect::ErrorLeavesAnEffect {
                    *books.taken.entry(args["order"].to_string()).or_default() += 1;
                }
                books.rows.insert(key.to_owned(), Row::Failed(error.clone()));
                (StatusCode::PAYMENT_REQUIRED, error)
            }
            None if defect == Defect::WrongType => (StatusCode::OK, json!({ "id": 7 })),
            None if defect == Defect::CompletesLater => (StatusCode::ACCEPTED, Value::Null),
            None if defect == Defect::UndeclaredError => {
                (StatusCode::PAYMENT_REQUIRED, json!({ "error": "NoFunds" }))
            }
            None => Self::apply(books, args, key),
        })
    }

    fn refunded(&self, headers: &HeaderMap, args: &Value) -> Answer {
        let (defect, key) = (self.defect, head(headers, "flow-undoes"));
        let give_back = |books: &mut Books| {
            *books.taken.entry(args["order"].to_string()).or_default() -= 1;
        };
        self.with(|books| match books.rows.get(key) {
            Some(Row::Done(_)) => {
                give_back(books);
                books.rows.insert(key.to_owned(), Row::Undone);
                (StatusCode::OK, Value::Null)
            }
            Some(Row::Undone) if defect == Defect::SecondUndoFails => {
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "cause": "refunded already" }))
            }
            Some(Row::Undone) => {
                if defect == Defect::UndoesTwice {
                    give_back(books);
                }
                (StatusCode::OK, Value::Null)
            }
            Some(Row::Failed(_)) => (StatusCode::OK, Value::Null),
            None => {
                if defect != Defect::NoTombstone {
                    books.rows.insert(key.to_owned(), Row::Undone);
                }
                (StatusCode::OK, Value::Null)
            }
        })
    }

    /// Lets the calls of the check of two at once go on only together.
    async fn together(&self, key: &str) {
        self.with(|books| *books.arrived.entry(key.to_owned()).or_default() += 1);
        let both = || self.with(|books| books.arrived.get(key).copied() >= Some(2));
        for _ in 0..6_000 {
            if both() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn answer((status, body): Answer) -> Response {
    (status, axum::Json(body)).into_response()
}

async fn charge(State(shop): State<Shop>, headers: HeaderMap, args: axum::Json<Value>) -> Response {
    shop.with(|books| books.heads.push(headers.clone()));
    if Shop::during(&headers, "two-at-once") {
        shop.together(head(&headers, "idempotency-key")).await;
    }
    answer(shop.charged(&headers, &args))
}

async fn refund(State(shop): State<Shop>, headers: HeaderMap, args: axum::Json<Value>) -> Response {
    answer(shop.refunded(&headers, &args))
}

async fn charge_of(State(shop): State<Shop>, headers: HeaderMap) -> Response {
    let key = head(&headers, "flow-undoes");
    answer(shop.with(|books| match books.rows.get(key) {
        Some(Row::Done(charge)) => (StatusCode::OK, charge.clone()),
        Some(_) => (StatusCode::OK, Value::Null),
        None => {
            if shop.defect != Defect::ProbeLeavesNoTombstone {
                books.rows.insert(key.to_owned(), Row::Undone);
            }
            (StatusCode::OK, Value::Null)
        }
    }))
}

async fn taken(State(shop): State<Shop>, args: axum::Json<Value>) -> Response {
    let order = args["order"].to_string();
    answer((StatusCode::OK, shop.with(|books| json!(books.taken.get(&order).unwrap_or(&0)))))
}
