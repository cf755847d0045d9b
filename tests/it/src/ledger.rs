//! The effect ledger: every service of a test, keeping the contract, remembering everything.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One request that reached the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// `Payments.authorize`
    pub action: String,
    /// The call's key.
    pub key: String,
    /// Of which forward key it is the undo or the probe.
    pub undoes: Option<String>,
    /// Number of the attempt.
    pub attempt: u32,
    /// Whether this request made the effect.
    pub applied: bool,
    /// Where a 202 is to be completed.
    pub callback: Option<String>,
}

/// How an action behaves, the next time it is called.
#[derive(Clone, Debug)]
pub enum Behave {
    /// Answers this, without an effect.
    Answer(u16, Value),
    /// Makes the effect and answers this body.
    Apply(Value),
    /// Makes the effect and never answers.
    Lose,
    /// Does nothing and never answers.
    Hang,
    /// Makes the effect and answers 202.
    Accept,
}

#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
    /// Answers of applied keys.
    applied: BTreeMap<String, Value>,
    undone: BTreeSet<String>,
    script: BTreeMap<String, VecDeque<Behave>>,
    answers: BTreeMap<String, Value>,
}

/// The world, on a port of its own.
#[derive(Clone)]
pub struct Ledger {
    book: Arc<Mutex<Book>>,
    /// Its base, `http://127.0.0.1:4711`.
    pub url: String,
}

impl Ledger {
    /// Opens a ledger that answers as the order process expects.
    pub async fn open() -> Self {
        let book = Arc::new(Mutex::new(Book { answers: orders(), ..Book::default() }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let ledger = Self { book, url };
        let serving = ledger.clone();
        let app = Router::new().route(
            "/{service}/{action}",
            post(
                move |Path((service, action)): Path<(String, String)>,
                      headers: HeaderMap,
                      _: Bytes| {
                    let ledger = serving.clone();
                    async move { ledger.request(&format!("{service}.{action}"), &headers).await }
                },
            ),
        );
        tokio::spawn(async move { axum::serve(listener, app).await });
        ledger
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call of `action` behaves like this; calls queue up.
    pub fn next(&self, action: &str, behave: Behave) {
        self.book().script.entry(action.to_owned()).or_default().push_back(behave);
    }

    /// What `action` answers from now on.
    pub fn answer(&self, action: &str, body: Value) {
        self.book().answers.insert(action.to_owned(), body);
    }

    /// Every request so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.book().entries.clone()
    }

    /// How many there were.
    pub fn requests(&self) -> usize {
        self.book().entries.len()
    }

    /// The actions whose effects were made, in order.
    pub fn applied(&self) -> Vec<String> {
        self.entries().into_iter().filter(|e| e.applied).map(|e| e.action).collect()
    }

    /// How often requests for `action` came.
    pub fn count(&self, action: &str) -> usize {
        self.book().entries.iter().filter(|e| e.action == action).count()
    }

    /// Waits until `action` was called `times` times.
    pub async fn wait_for(&self, action: &str, times: usize) {
        for _ in 0..1_000 {
            if self.count(action) >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("`{action}` was not called {times} times: {:?}", self.entries());
    }

    /// `--bind` for every service of the order process.
    pub fn binds(&self) -> Vec<String> {
        let services = ["Inventory", "Payments", "Fraud", "Shipping", "Mail"];
        services
            .iter()
            .flat_map(|s| ["--bind".to_owned(), format!("{s}={}/{s}", self.url)])
            .collect()
    }

    async fn request(&self, action: &str, headers: &HeaderMap) -> Response {
        let (response, wait) = self.decide(action, headers);
        if wait {
            std::future::pending::<()>().await;
        }
        response
    }

    fn decide(&self, action: &str, headers: &HeaderMap) -> (Response, bool) {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let key = text("idempotency-key").unwrap_or_default();
        let undoes = text("flow-undoes");
        let attempt = text("flow-attempt").and_then(|t| t.parse().ok()).unwrap_or(0);
        let mut book = self.book();
        let answer = book.answers.get(action).cloned().unwrap_or(Value::Null);
        let behave = book.script.get_mut(action).and_then(VecDeque::pop_front);
        if let Some(forward) = &undoes {
            book.undone.insert(forward.clone());
        }
        let known = book.applied.get(&key).cloned();
        let spent = book.undone.contains(&key);
        let makes = !matches!(behave, Some(Behave::Answer(..) | Behave::Hang)) && !spent;
        let body = match &behave {
            Some(Behave::Apply(body)) => body.clone(),
            _ => answer,
        };
        if makes && known.is_none() {
            book.applied.insert(key.clone(), body.clone());
        }
        let applied = makes && known.is_none();
        let callback = text("flow-callback");
        let entry = Entry { action: action.to_owned(), key, undoes, attempt, applied, callback };
        book.entries.push(entry);
        let response = match (&behave, spent) {
            (Some(Behave::Answer(status, body)), _) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::IM_A_TEAPOT);
                (status, body.to_string()).into_response()
            }
            (_, true) => {
                (StatusCode::CONFLICT, json!({ "error": "undone" }).to_string()).into_response()
            }
            (Some(Behave::Accept), _) => StatusCode::ACCEPTED.into_response(),
            _ => known.unwrap_or(body).to_string().into_response(),
        };
        (response, matches!(behave, Some(Behave::Lose | Behave::Hang)))
    }
}

/// Every effect of an order that ends well: each is made once.
pub const ORDER: [&str; 6] = [
    "Inventory.reserve",
    "Payments.authorize",
    "Shipping.book",
    "Payments.capture",
    "Shipping.dispatch",
    "Mail.receipt",
];

/// What the services of the order process answer.
fn orders() -> BTreeMap<String, Value> {
    let hold = json!({ "id": "hold-1", "expires": "2030-01-01T00:00:00Z" });
    let parcel = json!({ "tracking": "T-1", "eta": "2030-01-01" });
    [
        ("Fraud.score", json!("0%")),
        ("Payments.authorize", hold),
        ("Payments.capture", json!("52.00 EUR")),
        ("Shipping.book", parcel),
    ]
    .into_iter()
    .map(|(action, body)| (action.to_owned(), body))
    .collect()
}
