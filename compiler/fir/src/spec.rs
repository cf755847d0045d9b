//! The static tables of a workflow, as the JSON that `sagaflow_core::codegen::WorkflowSpec` reads.
//!
//! The runtime defines the shape; this crate writes it without depending on the runtime. Every
//! durable point is described by the statement that rests there, and a point no statement owns is
//! left out, so that a machine which asks for it is told so at load time.

use crate::ask;
use crate::decl::{Action, Class, ErrorDecl, Field, Fir, Retry, Ty, TypeDecl};
use crate::reach::Reach;
use crate::stmt::{CallUndo, Fallback, Handlers, On, ParallelBlock, ScopeStmt, StepStmt, Stmt};
use crate::walk::{self, Visitor};
use crate::workflow::{Point, Workflow};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long an ended run is kept where its workflow does not say: 30 days.
const RETAIN_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The JSON of the `WorkflowSpec` of `workflow`; `null` if the program has none of that name.
#[must_use]
pub fn spec(fir: &Fir, workflow: &str) -> Value {
    let Some(found) = fir.workflows.get(workflow) else { return Value::Null };
    let reach = Reach::of(fir, found);
    json!({
        "name": workflow,
        "version": found.version,
        "hash": fir.hash(workflow),
        "continues": found.continues,
        "params": fields(&found.params),
        "result": found.result.as_ref().map(ty),
        "fails": errors(&found.fails),
        "deadline_ms": found.deadline_ms,
        "retain_ms": found.retain_ms.unwrap_or(RETAIN_MS),
        "keyed": found.key.is_some(),
        "concurrency": found.concurrency.iter().map(|one| one.limit).collect::<Vec<_>>(),
        "otherwise": found.concurrency.iter().map(|one| one.otherwise).collect::<Vec<_>>(),
        "limits": found.limit.iter().map(|one| json!({
            "calls": one.starts, "window_ms": one.window_ms,
        })).collect::<Vec<_>>(),
        "indexed": found.indexed.iter().map(|one| json!([one.name, ty(&one.value.ty)]))
            .collect::<Vec<_>>(),
        "key_for_ms": found.key_for_ms,
        "upgrades": found.upgrades.iter().map(|one| json!({
            "from": one.from, "hash": one.hash, "defaults": one.defaults, "points": one.points,
        })).collect::<Vec<_>>(),
        "triggers": found.triggers.iter().map(|trigger| json!({
            "event": trigger.event, "param": trigger.param, "field": trigger.field,
            "gather": trigger.gather.map(|gather| json!({
                "up_to": gather.up_to, "every_ms": gather.every_ms, "whole": reach.rejects,
            })),
        })).collect::<Vec<_>>(),
        "points": points(fir, found),
        "aftermath": found.aftermath.is_some(),
        "tasks": tasks(fir, &reach),
        "events": events(fir, &reach),
        "services": services(fir, &reach),
        "schema": schema(fir, &reach),
    })
}

/// A type in the names of the boundary. Roles are text there; a batch is a record of its own.
pub(crate) fn ty(ty: &Ty) -> Value {
    serde_json::to_value(boundary(ty)).expect("a type has no map keys but text")
}

fn boundary(ty: &Ty) -> Ty {
    let boxed = |of: &Ty| Box::new(boundary(of));
    match ty {
        Ty::List(of) => Ty::List(boxed(of)),
        Ty::Map(key, value) => Ty::Map(boxed(key), boxed(value)),
        Ty::Optional(of) => Ty::Optional(boxed(of)),
        Ty::Outcome(of) => Ty::Outcome(boxed(of)),
        Ty::Pii(of) => Ty::Pii(boxed(of)),
        Ty::Secret(of) => Ty::Secret(boxed(of)),
        Ty::Batch(of) => Ty::Named(batch_name(of)),
        Ty::Entry(key, value) => Ty::Named(entry_name(key, value)),
        Ty::Role => Ty::Text,
        Ty::Never => Ty::Unit,
        plain => plain.clone(),
    }
}

/// The name of the record that describes a batch of `of` at the boundary, `batch<shop.Click>`.
fn batch_name(of: &Ty) -> String {
    match of {
        Ty::Named(name) => format!("batch<{name}>"),
        other => format!("batch<{}>", ty(other)),
    }
}

/// The name of the record that describes an entry of a map, `entry<text, shop.Line>`.
fn entry_name(key: &Ty, value: &Ty) -> String {
    let word = |of: &Ty| match ty(of) {
        Value::String(plain) => plain,
        other => other["named"].as_str().map_or_else(|| other.to_string(), str::to_owned),
    };
    format!("entry<{}, {}>", word(key), word(value))
}

pub(crate) fn fields(fields: &[Field]) -> Vec<Value> {
    fields.iter().map(|field| json!([field.name, ty(&field.ty)])).collect()
}

pub(crate) fn errors(errors: &[ErrorDecl]) -> Vec<Value> {
    let spec = |error: &ErrorDecl| {
        json!({
            "name": error.name,
            "fields": fields(&error.fields),
            "transient": error.transient,
        })
    };
    errors.iter().map(spec).collect()
}

fn tasks(fir: &Fir, reach: &Reach) -> Value {
    let task = |name: &String| {
        let human = fir.humans.get(name)?;
        Some((name.clone(), json!({ "answer": ty(&human.answer) })))
    };
    reach.humans.iter().filter_map(task).collect::<Map<_, _>>().into()
}

fn events(fir: &Fir, reach: &Reach) -> Value {
    let event = |name: &String| {
        let event = fir.events.get(name)?;
        let spec = json!({
            "fields": fields(&event.fields), "key": event.key, "topic": event.topic,
            "awaited": reach.awaited.contains(name),
            "waited": reach.waited.contains(name),
        });
        Some((name.clone(), spec))
    };
    reach.events.iter().filter_map(event).collect::<Map<_, _>>().into()
}

fn services(fir: &Fir, reach: &Reach) -> Value {
    let service = |name: &String| {
        let spec = match fir.services.get(name) {
            Some(service) => json!({ "breaker": service.breaker, "limit": service.limit }),
            None => json!({ "breaker": null, "limit": null }),
        };
        (name.clone(), spec)
    };
    reach.actions.keys().map(service).collect::<Map<_, _>>().into()
}

/// Declared types, the records of batches and entries, and events as the records their payloads are.
fn schema(fir: &Fir, reach: &Reach) -> Value {
    let mut types = Map::new();
    for name in &reach.types {
        if let Some(named) = fir.types.get(name) {
            types.insert(name.clone(), type_decl(&named.decl));
        }
    }
    for name in &reach.events {
        if let Some(event) = fir.events.get(name) {
            types.insert(name.clone(), record(&event.fields));
        }
    }
    for of in &reach.batches {
        types.insert(batch_name(of), batch(of));
    }
    for (key, value) in &reach.entries {
        let fields = json!([["key", ty(key), null], ["value", ty(value), null]]);
        types.insert(entry_name(key, value), json!({ "record": { "fields": fields } }));
    }
    types.into()
}

pub(crate) fn type_decl(decl: &TypeDecl) -> Value {
    match decl {
        TypeDecl::Alias { of, pattern } => {
            json!({ "alias": { "of": ty(of), "pattern": pattern } })
        }
        TypeDecl::Record(fields) => record(fields),
        TypeDecl::Enum(variants) => {
            let variant = |variant: &crate::decl::Variant| json!({ "name": variant.name, "fields": fields(&variant.fields) });
            json!({ "enum": { "variants": variants.iter().map(variant).collect::<Vec<_>>() } })
        }
    }
}

fn record(fields: &[Field]) -> Value {
    let field = |field: &Field| json!([field.name, ty(&field.ty), field.default]);
    json!({ "record": { "fields": fields.iter().map(field).collect::<Vec<_>>() } })
}

fn batch(of: &Ty) -> Value {
    json!({ "record": { "fields": [
        ["items", ty(&Ty::List(Box::new(of.clone()))), null],
        ["id", "text", null],
        ["partition", "int", null],
        ["first_offset", "int", null],
        ["last_offset", "int", null],
        ["started", "time", null],
        ["hour", "time", null],
    ] } })
}

fn points(fir: &Fir, workflow: &Workflow) -> Value {
    let begin = || json!("begin");
    let mut kinds = Kinds { fir, kinds: BTreeMap::new() };
    kinds.kinds.insert("start".to_owned(), begin());
    kinds.kinds.insert("after".to_owned(), begin());
    walk::block(&mut kinds, &workflow.body);
    workflow.aftermath.iter().for_each(|aftermath| walk::block(&mut kinds, aftermath));
    let asks = ask::asks(fir, workflow);
    let point = |(at, point): (&String, &Point)| {
        let mut spec = self::point(workflow, at, point, kinds.kinds.get(at)?);
        if let (Some(fields), Some(ask)) = (spec.as_object_mut(), asks.get(at)) {
            fields.insert("ask".to_owned(), ask.clone());
        }
        Some((at.clone(), spec))
    };
    workflow.points.iter().filter_map(point).collect::<Map<_, _>>().into()
}

fn point(workflow: &Workflow, at: &str, point: &Point, kind: &Value) -> Value {
    let locals = point.live.iter().filter_map(|id| {
        let local = workflow.locals.get(id.0 as usize)?;
        Some((local.name.clone(), ty(&local.ty)))
    });
    let hidden = point.hidden.iter().map(|(name, of)| (name.clone(), ty(of)));
    let live: Map<_, _> = locals.chain(hidden).collect();
    json!({ "at": at, "path": point.path, "kind": kind, "live": live, "line": point.line })
}

/// Collects the kind of each durable point from the statement that rests there.
struct Kinds<'a> {
    fir: &'a Fir,
    kinds: BTreeMap<String, Value>,
}

impl Visitor for Kinds<'_> {
    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Step(step) => {
                self.kinds.insert(step.at.clone(), call(self.fir, step));
                if let CallUndo::Block { at, .. } = &step.undo {
                    self.kinds.insert(at.clone(), json!("begin"));
                }
                self.fallback(&step.fallback);
            }
            Stmt::Await(wait) => {
                self.kinds.insert(wait.at.clone(), json!("wait"));
            }
            Stmt::Manual { at, .. } | Stmt::Ask { at, .. } => {
                self.kinds.insert(at.clone(), json!("manual"));
            }
            Stmt::Fork(fork) => {
                let settle = matches!(fork.branches, ParallelBlock::Each { settle: true, .. });
                let kind = json!({ "fork": { "max": fork.max, "settle": settle } });
                self.kinds.insert(fork.at.clone(), kind);
            }
            Stmt::Each(each) if each.settle => {
                self.kinds.insert(each.at.clone(), plain_unit());
            }
            Stmt::Scope(scope) => {
                self.kinds.insert(scope.at.clone(), unit(scope));
                self.fallback(&scope.fallback);
            }
            _ => {}
        }
    }
}

impl Kinds<'_> {
    fn fallback(&mut self, fallback: &Option<Fallback>) {
        if let Some(fallback) = fallback {
            self.kinds.insert(fallback.at.clone(), plain_unit());
        }
    }
}

fn plain_unit() -> Value {
    json!({ "unit": { "deadline_ms": null, "retry": null, "keep": [], "handled": [] } })
}

fn unit(scope: &ScopeStmt) -> Value {
    let keep: Vec<bool> = scope.interrupts.iter().map(|interrupt| interrupt.keep).collect();
    json!({ "unit": {
        "deadline_ms": scope.deadline_ms,
        "retry": scope.retry,
        "keep": keep,
        "handled": handled(&scope.handlers),
    } })
}

fn handled(handlers: &Handlers) -> BTreeSet<&str> {
    handlers
        .on
        .iter()
        .filter_map(|handler| match &handler.on {
            On::Error(name) => Some(name.as_str()),
            _ => None,
        })
        .collect()
}

fn call(fir: &Fir, step: &StepStmt) -> Value {
    let call = &step.call;
    let action = fir.action(&call.service, &call.action);
    let inside = step.block.as_ref().map(|block| raised(fir, &block.body));
    let errors_of = match &inside {
        Some(inside) => &inside[..],
        None => action.map_or(&[][..], |action| &action.errors),
    };
    let params: Map<_, _> = action
        .map_or(&[][..], |action| &action.params)
        .iter()
        .map(|param| (param.name.clone(), ty(&param.ty)))
        .collect();
    let probe = call.probe.as_ref().map(|(service, action, _, within_ms)| {
        json!({ "service": service, "action": action, "within_ms": within_ms })
    });
    json!({ "call": {
        "service": call.service,
        "action": call.action,
        "class": step.class,
        "idempotent": call.idempotent,
        "key_for_ms": call.key_for_ms,
        "within_ms": call.within_ms,
        "deadline_ms": call.deadline_ms,
        "retry": retry(&call.retry, errors_of),
        "errors": errors(errors_of),
        "result": action.and_then(|action: &Action| action.result.as_ref()).map(ty),
        "params": params,
        "leaves_when_refused": leaves_when_refused(step),
        "undo": undo(step),
        "commits": step.commits,
        "probe": probe,
        "sql": action.and_then(|action| action.sql.as_ref()).map(|parts| json!({
            "parts": parts, "no_rows": action.and_then(|action| action.no_rows.as_ref()),
        })),
        "isolation": step.block.as_ref().map(|block| block.isolation),
    } })
}

/// The policy with the `transient` errors of the contract, which it covers without naming them.
fn retry(retry: &Retry, errors: &[ErrorDecl]) -> Value {
    let transient = errors.iter().filter(|error| error.transient).map(|error| error.name.as_str());
    let on: BTreeSet<&str> = retry.on.iter().map(String::as_str).chain(transient).collect();
    json!({
        "attempts": retry.attempts,
        "first_ms": retry.first_ms,
        "max_ms": retry.max_ms,
        "jitter": retry.jitter,
        "on": on,
    })
}

fn leaves_when_refused(step: &StepStmt) -> bool {
    step.fallback.is_some()
        || step.handlers.otherwise.is_some()
        || step.handlers.on.iter().any(|handler| handler.on == On::Refused)
}

/// The undo of a transaction is armed by its commit: until that is known it is a question.
fn undo(step: &StepStmt) -> Value {
    match &step.undo {
        CallUndo::None => json!("none"),
        CallUndo::Waived(_) => json!("waived"),
        CallUndo::Block { at, result: None, .. } if step.class != Class::Tx => {
            json!({ "args": at })
        }
        CallUndo::Block { at, .. } => json!({ "result": at }),
    }
}

/// The declared errors with which a transaction may end: of its actions, and those it fails with.
fn raised(fir: &Fir, body: &crate::Block) -> Vec<ErrorDecl> {
    struct Raised<'a>(&'a Fir, Vec<ErrorDecl>);
    impl Raised<'_> {
        fn add(&mut self, error: ErrorDecl) {
            if !self.1.iter().any(|known| known.name == error.name) {
                self.1.push(error);
            }
        }
    }
    impl Visitor for Raised<'_> {
        fn stmt(&mut self, stmt: &Stmt) {
            match stmt {
                Stmt::Step(step) => {
                    let action = self.0.action(&step.call.service, &step.call.action);
                    action
                        .iter()
                        .flat_map(|action| &action.errors)
                        .cloned()
                        .for_each(|error| self.add(error));
                }
                Stmt::Fail(name, fields) => {
                    let field = |(name, value): &(String, crate::Expr)| Field {
                        name: name.clone(),
                        ty: value.ty.clone(),
                        default: None,
                    };
                    let fields = fields.iter().map(field).collect();
                    self.add(ErrorDecl { name: name.clone(), fields, transient: false });
                }
                _ => {}
            }
        }
    }
    let mut raised = Raised(fir, Vec::new());
    walk::block(&mut raised, body);
    raised.1
}
