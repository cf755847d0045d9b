//! What people look at: tasks and questions, reviews, dead letters.

use super::{Engine, operate};
use crate::problem::{Problem, Result};
use crate::request::{self, Path, Query};
use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use sagaflow_core::journal::Happened;
use sagaflow_core::port::ItemRow;
use sagaflow_core::shard::{Act, Resolution, TaskAct};
use sagaflow_core::value::print_time;
use sagaflow_engine::kafka::{self, Wanted};
use sagaflow_engine::reader::ItemList;
use sagaflow_engine::view::Entry;
use sagaflow_engine::{Error, Handle, code};
use serde_json::{Value, json};

/// Bound: longest comment, in characters; it is a line of the run's history.
const COMMENT_MAX: usize = 4_000;

fn shape(item: &ItemRow) -> Value {
    json!({
        "id": item.id, "kind": item.kind, "run": item.run.map(|run| run.to_string()),
        "open": item.open, "at": print_time(item.at), "body": item.body,
    })
}

async fn list(handle: &Handle, uri: &Uri, kind: &str) -> Result<Json<Value>> {
    let query = Query::of(uri, &["all", "after", "limit"])?;
    let limit = query.limit()?;
    let list = ItemList {
        namespace: String::new(),
        kind: kind.to_owned(),
        all: query.flag("all")?,
        after: query.get("after").map(str::to_owned),
        limit: limit + 1,
    };
    let mut rows = handle.items(list).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.clone());
    let items: Vec<Value> = rows.iter().map(shape).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

/// One item of a kind.
async fn item(handle: &Handle, id: &str, kind: &str) -> Result<ItemRow> {
    let item = handle.item(id).await?;
    if item.kind == kind { Ok(item) } else { Err(Error::NotFound("item").into()) }
}

/// `GET /api/tasks`
pub async fn tasks(Engine(handle): Engine, uri: Uri) -> Result<Json<Value>> {
    list(&handle, &uri, "task").await
}

/// `GET /api/tasks/{id}`: with what people said about it.
pub async fn task(Engine(handle): Engine, Path(id): Path<String>) -> Result<Json<Value>> {
    let item = item(&handle, &id, "task").await?;
    let mut shown = shape(&item);
    if let Some(run) = item.run {
        let history = super::shape::whole_history(&handle, run).await?;
        shown["comments"] = comments(&history, &id).into();
    }
    Ok(Json(shown))
}

fn comments(history: &[Entry], id: &str) -> Vec<Value> {
    let lines = history.iter().flat_map(|entry| entry.happened.iter().map(|line| (entry.at, line)));
    let comments = lines.filter_map(|(at, line)| match line {
        Happened::Commented { item, actor, text } if item == id => {
            Some(json!({ "at": print_time(at), "actor": actor, "text": text }))
        }
        _ => None,
    });
    comments.collect()
}

async fn act(handle: Handle, id: String, headers: &HeaderMap, act: TaskAct) -> Result<Response> {
    let run = item(&handle, &id, "task").await?.run;
    let decided = handle.task(id, act, request::actor(headers)).await?;
    let input = run.map(|run| format!("{run}.cancel")).unwrap_or_default();
    Ok(operate::answer(decided, &input))
}

/// `POST /api/tasks/{id}/claim`
pub async fn claim(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    act(handle, id, &headers, TaskAct::Claim).await
}

/// `POST /api/tasks/{id}/release`
pub async fn release(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    act(handle, id, &headers, TaskAct::Release).await
}

/// `POST /api/tasks/{id}/answer`
pub async fn answer(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let mut body = request::object(&bytes, &["answer"])?;
    let value = body.remove("answer").ok_or_else(|| {
        Problem::new(code::VALUE, "the body must have `answer`").with("path", "answer")
    })?;
    act(handle, id, &headers, TaskAct::Answer(value)).await
}

/// `POST /api/tasks/{id}/comment`
pub async fn comment(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let body = request::object(&bytes, &["comment"])?;
    let comment = request::text(&body, "comment")?;
    if !(1..=COMMENT_MAX).contains(&comment.chars().count()) {
        let words = format!("`comment` must have 1 to {COMMENT_MAX} characters");
        return Err(Problem::new(code::VALUE, words).with("path", "comment"));
    }
    act(handle, id, &headers, TaskAct::Comment(comment)).await
}

/// `GET /api/reviews`
pub async fn reviews(Engine(handle): Engine, uri: Uri) -> Result<Json<Value>> {
    list(&handle, &uri, "review").await
}

/// `POST /api/reviews/{id}/resolve`
pub async fn resolve_review(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let body = request::object(&bytes, &["reason"])?;
    let reason = request::text(&body, "reason")?;
    item(&handle, &id, "review").await?;
    let decided = handle.review(id, request::actor(&headers), reason).await?;
    Ok(operate::answer(decided, ""))
}

/// `GET /api/dead-letters`
pub async fn dead_letters(Engine(handle): Engine, uri: Uri) -> Result<Json<Value>> {
    list(&handle, &uri, "dead_letter").await
}

/// `POST /api/dead-letters/{id}/retry`
pub async fn retry(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let body = request::object(&bytes, &["reason"])?;
    let reason = request::text(&body, "reason")?;
    let letter = item(&handle, &id, "dead_letter").await?;
    if kafka::is_of_topic(&letter) {
        let by = (request::actor(&headers), reason);
        let decided = handle.topic_letter(&letter, Wanted::Retry, by).await?;
        return Ok(operate::answer(decided, ""));
    }
    let run = letter.run.ok_or(Error::NotFound("run"))?;
    let act = Act::Retry(Some(id));
    let decided = handle.operate(run, act, request::actor(&headers), reason).await?;
    Ok(operate::answer(decided, &format!("{run}.cancel")))
}

/// `POST /api/dead-letters/{id}/resolve`
pub async fn resolve(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let body = request::object(&bytes, &["outcome", "reason"])?;
    let reason = request::text(&body, "reason")?;
    let outcome = operate::resolution(body.get("outcome"))?;
    let letter = item(&handle, &id, "dead_letter").await?;
    if kafka::is_of_topic(&letter) {
        let wanted = match outcome {
            Resolution::Again => Wanted::Retry,
            Resolution::GiveUp => Wanted::LetGo,
            _ => {
                let words = "`outcome` of a letter of a topic is `\"again\"` or `\"give_up\"`";
                return Err(Problem::new(code::VALUE, words).with("path", "outcome"));
            }
        };
        let by = (request::actor(&headers), reason);
        let decided = handle.topic_letter(&letter, wanted, by).await?;
        return Ok(operate::answer(decided, ""));
    }
    let run = letter.run.ok_or(Error::NotFound("run"))?;
    let path = letter.body.get("path").and_then(Value::as_str).unwrap_or_default().to_owned();
    let act = Act::Resolve { path, outcome };
    let decided = handle.operate(run, act, request::actor(&headers), reason).await?;
    Ok(operate::answer(decided, &format!("{run}.cancel")))
}

/// `POST /api/dead-letters/replay`: retries the open ones, a page at a time; retrying one that was
/// fixed in between changes nothing.
pub async fn replay(
    Engine(handle): Engine,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>> {
    let query = Query::of(&uri, &["after", "limit"])?;
    let body = request::object(&bytes, &["reason"])?;
    let reason = request::text(&body, "reason")?;
    let list = ItemList {
        namespace: String::new(),
        kind: "dead_letter".to_owned(),
        all: false,
        after: query.get("after").map(str::to_owned),
        limit: query.limit()?,
    };
    let full = list.limit as usize;
    let letters = handle.items(list).await?;
    let next = letters.last().filter(|_| letters.len() == full).map(|letter| letter.id.clone());
    let (mut retried, mut refused) = (Vec::new(), Vec::new());
    for letter in letters {
        let by = (request::actor(&headers), reason.clone());
        let decided = match letter.run {
            _ if kafka::is_of_topic(&letter) => {
                handle.topic_letter(&letter, Wanted::Retry, by).await
            }
            Some(run) => {
                let act = Act::Retry(Some(letter.id.clone()));
                handle.operate(run, act, by.0, by.1).await
            }
            None => continue,
        };
        match decided {
            Ok(_) => retried.push(letter.id),
            Err(error) => refused.push(json!({ "id": letter.id, "detail": error.to_string() })),
        }
    }
    Ok(Json(json!({ "retried": retried, "refused": refused, "next": next })))
}
