//! The services of the storm: one book outside of every node, which answers as contracts say, is
//! sometimes late, silent or cut off, and afterwards tells what happened to each order.
//!
//! What becomes of an order is written in its number, so the end of each is known beforehand.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use sagaflow_chaos::Dice;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bound: how often one key is answered badly; a step has twelve attempts.
const ODD_MAX: u32 = 3;

/// Longer than any attempt may take.
const LATE: Duration = Duration::from_secs(3);

/// What the world has in store for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Good,
    OutOfStock,
    Declined,
    NoCarrier,
}

impl Fate {
    pub fn of(order: u32) -> Self {
        match order % 10 {
            0 => Self::OutOfStock,
            1 => Self::Declined,
            2 => Self::NoCarrier,
            _ => Self::Good,
        }
    }

    /// The action that says no, and its word.
    fn refusal(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Good => None,
            Self::OutOfStock => Some(("Stock.reserve", "OutOfStock")),
            Self::Declined => Some(("Bank.authorize", "Declined")),
            Self::NoCarrier => Some(("Carrier.book", "NoCarrier")),
        }
    }
}

/// Whether an order waits for its payment.
pub fn awaited(order: u32) -> bool {
    order.is_multiple_of(3)
}

/// An order's id, with its number in it.
pub fn id(order: u32) -> String {
    format!("0192f0c1-7a50-7cc3-9a53-{order:012x}")
}

/// One request about an order, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub action: String,
    pub key: String,
    pub undoes: Option<String>,
    pub attempt: u32,
    pub run: String,
    /// Whether this made the effect.
    pub applied: bool,
}

#[derive(Default)]
struct Book {
    orders: BTreeMap<u32, Vec<Seen>>,
    applied: BTreeSet<String>,
    undone: BTreeSet<String>,
    odd: BTreeMap<String, u32>,
    requests: u64,
    wrong: Vec<String>,
}

/// How a request is treated, whatever its answer would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Plain,
    Slow(u64),
    /// Definitely not done.
    Refuse,
    /// Not done, and nobody can tell.
    Stumble,
    /// Done; the answer breaks off.
    Lose,
    /// Done; the answer comes when nobody waits any more.
    Silent,
    /// Done when nobody waits any more, unless its undo has come by then.
    Late,
}

/// The world, on a port of its own.
#[derive(Clone)]
pub struct World {
    book: Arc<Mutex<Book>>,
    dice: Arc<Mutex<Dice>>,
    pub url: String,
}

impl World {
    pub async fn open(dice: Dice) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let world = Self { book: Arc::default(), dice: Arc::new(Mutex::new(dice)), url };
        let serving = world.clone();
        let one = move |Path((service, action)): Path<(String, String)>,
                        headers: HeaderMap,
                        body: Bytes| {
            let world = serving.clone();
            async move { world.request(&format!("{service}.{action}"), &headers, &body).await }
        };
        let app = Router::new().route("/{service}/{action}", post(one));
        tokio::spawn(async move { axum::serve(listener, app).await });
        world
    }

    /// The bindings of every service.
    pub fn binds(&self) -> Vec<String> {
        let services = ["Stock", "Risk", "Bank", "Carrier", "Mail"];
        let bind = |name: &&str| ["--bind".to_owned(), format!("{name}={}/{name}", self.url)];
        services.iter().flat_map(bind).collect()
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.book().requests
    }

    /// What was seen of an order.
    pub fn seen(&self, order: u32) -> Vec<Seen> {
        self.book().orders.get(&order).cloned().unwrap_or_default()
    }

    /// Orders that were seen, and what was found wrong at once.
    pub fn found(&self) -> (Vec<u32>, Vec<String>) {
        let book = self.book();
        (book.orders.keys().copied().collect(), book.wrong.clone())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn manner(&self, key: &str) -> Manner {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let manner = match dice.below(100) {
            0..3 => Manner::Refuse,
            3..4 => Manner::Stumble,
            4..6 => Manner::Lose,
            6..7 => Manner::Silent,
            7..8 => Manner::Late,
            8..28 => Manner::Slow(dice.below(150)),
            _ => return Manner::Plain,
        };
        if matches!(manner, Manner::Slow(_)) {
            return manner;
        }
        let mut book = self.book();
        let odd = book.odd.entry(key.to_owned()).or_default();
        *odd += 1;
        if *odd > ODD_MAX { Manner::Plain } else { manner }
    }

    async fn request(&self, action: &str, headers: &HeaderMap, body: &Bytes) -> Response {
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let number = body["order"].as_str().and_then(|id| id.rsplit('-').next());
        let number = number.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let (Some(order), Some(key)) = (number, text("idempotency-key")) else {
            self.book().wrong.push(format!("{action} names no order, or has no key: {body}"));
            return StatusCode::BAD_REQUEST.into_response();
        };
        let seen = Seen {
            action: action.to_owned(),
            key: key.clone(),
            undoes: text("flow-undoes"),
            attempt: text("flow-attempt").and_then(|text| text.parse().ok()).unwrap_or(0),
            run: text("flow-run").unwrap_or_default(),
            applied: false,
        };
        let manner = self.manner(&key);
        if let Manner::Slow(ms) = manner {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let answer = match manner {
            Manner::Refuse | Manner::Stumble => {
                self.note(order, seen, false);
                let refuse = manner == Manner::Refuse;
                (if refuse { 429 } else { 500 }, Value::Null)
            }
            Manner::Late => {
                self.note(order, seen.clone(), false);
                tokio::time::sleep(LATE).await;
                self.note(order, seen, true)
            }
            Manner::Silent => {
                let answer = self.note(order, seen, true);
                tokio::time::sleep(LATE).await;
                answer
            }
            Manner::Plain | Manner::Slow(_) | Manner::Lose => self.note(order, seen, true),
        };
        response(answer, manner == Manner::Lose)
    }

    /// Enters a request, makes the effect where `does` and the contract allow it, and answers.
    fn note(&self, order: u32, mut seen: Seen, does: bool) -> (u16, Value) {
        let mut book = self.book();
        book.requests += 1;
        let refusal = Fate::of(order).refusal().filter(|(action, _)| *action == seen.action);
        if let (Some(forward), true) = (&seen.undoes, does) {
            book.undone.insert(forward.clone());
        }
        let spent = book.undone.contains(&seen.key);
        let answer = match (refusal, spent) {
            (_, true) => (409, json!({ "error": "undone" })),
            (Some((_, error)), _) => (422, json!({ "error": error })),
            _ => (200, result(&seen.action)),
        };
        if does && answer.0 == 200 {
            seen.applied = book.applied.insert(seen.key.clone());
        }
        book.orders.entry(order).or_default().push(seen);
        answer
    }
}

/// What an action answers.
fn result(action: &str) -> Value {
    match action {
        "Risk.score" => json!(7),
        "Bank.authorize" | "Carrier.book" => json!("T-1"),
        _ => Value::Null,
    }
}

fn response((status, body): (u16, Value), broken: bool) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    // Connections are not kept, so that those a node holds open are its own.
    let headers = [(header::CONNECTION, "close")];
    if broken {
        let cut = futures_util::stream::iter([Err::<Bytes, _>(std::io::Error::other("cut"))]);
        return (status, headers, Body::from_stream(cut)).into_response();
    }
    (status, headers, body.to_string()).into_response()
}
