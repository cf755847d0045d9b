//! Declarations: types, contracts, events, tasks and functions.

use super::Cx;
use super::names::Names;
use crate::hir::{self, Class, CompensateHow, Label, Provider, TyKind};
use crate::sql::{Part, scan};
use sagaflow_fir as fir;

/// The record that stands for a failure in `Failed(e)`.
pub(super) const FAILURE: &str = "failure";

/// Everything but workflows and tests.
pub(super) fn all(cx: Cx<'_>) -> fir::Fir {
    let program = cx.program;
    let mut out = fir::Fir::default();
    for alias in program.aliases.values() {
        let decl = fir::TypeDecl::Alias {
            of: ty(program, &alias.of.node),
            pattern: alias.matching.as_ref().map(|m| m.node.clone()),
        };
        out.types.insert(alias.name.to_string(), fir::NamedType { decl, doc: alias.doc.clone() });
    }
    for record in program.records.values() {
        let decl = fir::TypeDecl::Record(fields(cx, &record.fields));
        out.types.insert(record.name.to_string(), fir::NamedType { decl, doc: record.doc.clone() });
    }
    for found in program.enums.values() {
        let variants = found
            .variants
            .iter()
            .map(|v| fir::Variant { name: v.name.node.to_string(), fields: fields(cx, &v.fields) })
            .collect();
        let decl = fir::TypeDecl::Enum(variants);
        out.types.insert(found.name.to_string(), fir::NamedType { decl, doc: found.doc.clone() });
    }
    out.types.insert(FAILURE.to_owned(), failure());
    for event in program.events.values() {
        let key: Vec<&str> = event.key.iter().map(|name| name.node.as_str()).collect();
        let decl = fir::EventDecl {
            topic: event.topic.as_ref().map(|t| t.node.clone()),
            key: key.join("."),
            retain_ms: event.retain.map(|r| r.node),
            fields: fields(cx, &event.fields),
        };
        // An event's payload is a record of the same name where it is passed on as a whole.
        let record = fir::TypeDecl::Record(decl.fields.clone());
        out.types
            .insert(event.name.to_string(), fir::NamedType { decl: record, doc: String::new() });
        out.events.insert(event.name.to_string(), decl);
    }
    contracts(cx, &mut out);
    for human in program.humans.values() {
        out.humans.insert(human.name.to_string(), task(cx, human));
    }
    for found in program.functions.values() {
        out.functions.insert(found.name.to_string(), function(cx, found));
    }
    out
}

fn failure() -> fir::NamedType {
    let text = |name: &str| fir::Field { name: name.to_owned(), ty: fir::Ty::Text, default: None };
    let decl = fir::TypeDecl::Record(vec![text("name"), text("kind"), text("step")]);
    fir::NamedType { decl, doc: String::new() }
}

fn contracts(cx: Cx<'_>, out: &mut fir::Fir) {
    let program = cx.program;
    for service in program.services.values() {
        let decl = fir::Service {
            same_as: service.same_as.map(|id| program.services[id].name.to_string()),
            breaker: service.breaker.as_ref().map(breaker),
            limit: service.limit.as_ref().map(|l| fir::Limit {
                calls: u32::try_from(l.count.node).unwrap_or(u32::MAX),
                window_ms: l.per.node,
            }),
            actions: actions(cx, &service.actions),
        };
        out.services.insert(service.name.to_string(), decl);
        let promises = super::promise::promises(cx, &service.actions);
        out.promises.insert(service.name.to_string(), promises);
    }
    for database in program.databases.values() {
        let decl = fir::Database { actions: actions(cx, &database.actions) };
        out.databases.insert(database.name.to_string(), decl);
    }
}

fn breaker(found: &hir::Breaker) -> fir::Breaker {
    use rust_decimal::prelude::ToPrimitive as _;
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    fir::Breaker {
        rate: found.rate.map(|(percent, volume, window)| {
            (percent.to_u32().unwrap_or(100), count(volume), window)
        }),
        failures: found.failures.map(count),
        probe_ms: found.probes_after.node,
    }
}

fn actions(cx: Cx<'_>, ids: &[hir::ActionId]) -> std::collections::BTreeMap<String, fir::Action> {
    ids.iter()
        .map(|id| {
            let found = &cx.program.actions[*id];
            (found.name.node.to_string(), action(cx, found))
        })
        .collect()
}

fn action(cx: Cx<'_>, found: &hir::Action) -> fir::Action {
    let program = cx.program;
    let compensation = match found.compensate.as_ref().map(|own| &own.how) {
        None => fir::Compensation::None,
        Some(CompensateHow::Waived(reason)) => fir::Compensation::Waived(reason.node.clone()),
        Some(CompensateHow::Block { body, bare: true, .. }) => {
            bare_target(program, body).map_or(fir::Compensation::Block, fir::Compensation::Action)
        }
        Some(CompensateHow::Block { .. }) => fir::Compensation::Block,
    };
    fir::Action {
        class: class(found.class.node),
        params: fields(cx, &found.params),
        result: found.result.as_ref().map(|r| ty(program, &r.node)),
        idempotent: found.idempotent.is_some(),
        errors: errors(cx, &found.errors),
        within_ms: found.within.map(|w| w.value),
        compensation,
        sql: found.sql.as_ref().map(|sql| statement(&sql.text.node)),
        no_rows: found
            .sql
            .as_ref()
            .and_then(|sql| sql.no_rows)
            .map(|error| program.errors[error].name.node.to_string()),
        lasts_ms: found.lasts.map(|l| l.value),
    }
}

/// A statement with its parameters apart, so that nobody has to look for them at run time.
fn statement(text: &str) -> Vec<fir::SqlPart> {
    let part = |part| match part {
        Part::Text(text) => fir::SqlPart::Text(text),
        Part::Param(name) => fir::SqlPart::Param(name),
    };
    scan(text).parts.into_iter().map(part).collect()
}

fn bare_target(program: &hir::Program, body: &hir::Block) -> Option<String> {
    let [hir::Stmt { kind: hir::StmtKind::Step(step), .. }] = body.stmts.as_slice() else {
        return None;
    };
    match step.call.target {
        hir::Target::Action(id) => {
            Some(format!("{}.{}", program.provider(id), program.actions[id].name.node))
        }
        _ => None,
    }
}

/// Effect class.
pub(super) fn class(found: Class) -> fir::Class {
    match found {
        Class::Read => fir::Class::Read,
        Class::Tx => fir::Class::Tx,
        Class::Write => fir::Class::Write,
        Class::Pivot => fir::Class::Pivot,
    }
}

/// Declared errors.
pub(super) fn errors(cx: Cx<'_>, ids: &[hir::ErrorId]) -> Vec<fir::ErrorDecl> {
    ids.iter()
        .map(|id| {
            let found = &cx.program.errors[*id];
            fir::ErrorDecl {
                name: found.name.node.to_string(),
                fields: fields(cx, &found.fields),
                transient: found.transient,
            }
        })
        .collect()
}

/// Fields with their defaults.
pub(super) fn fields(cx: Cx<'_>, found: &[hir::Field]) -> Vec<fir::Field> {
    found
        .iter()
        .map(|field| fir::Field {
            name: field.name.node.to_string(),
            ty: ty(cx.program, &field.ty.node),
            default: field.default.as_ref().map(|d| super::expr::literal_json(&d.node)),
        })
        .collect()
}

fn task(cx: Cx<'_>, human: &hir::Human) -> fir::Human {
    let mut names = Names::new(cx);
    for local in &human.locals {
        names.local(*local);
    }
    let empty = fir::Expr {
        ty: fir::Ty::Text,
        kind: fir::ExprKind::Literal(serde_json::Value::String(String::new())),
    };
    let title = human.title.map_or(empty, |title| names.expr(title));
    let assign = human.assign.as_ref().map(|assign| names.expr(assign.to));
    let show = human
        .show
        .iter()
        .map(|expr| {
            let text = cx.sources.text(cx.program.exprs[*expr].span).to_owned();
            (text, names.expr(*expr))
        })
        .collect();
    fir::Human {
        params: fields(cx, &human.params),
        answer: ty(cx.program, &human.answer.node),
        title,
        assign,
        show,
        locals: names.finish(),
    }
}

fn function(cx: Cx<'_>, found: &hir::Function) -> fir::Function {
    let mut names = Names::new(cx);
    for local in found.locals.iter().take(found.params.len()) {
        names.local(*local);
    }
    let params = names.len();
    let body = match &found.body {
        hir::FunctionBody::Fn { lets, value } => fir::FunctionBody::Fn {
            lets: lets.iter().map(|(local, e)| (names.local(*local), names.expr(*e))).collect(),
            value: names.expr(*value),
        },
        hir::FunctionBody::Decide { rules, otherwise } => fir::FunctionBody::Decide {
            rules: rules
                .iter()
                .map(|rule| fir::Rule { when: names.expr(rule.when), then: names.expr(rule.then) })
                .collect(),
            otherwise: otherwise.map(|e| names.expr(e)),
        },
    };
    let result = ty(cx.program, &found.result.node);
    fir::Function { params, result, body, locals: names.finish() }
}

/// A type, qualified.
pub(super) fn ty(program: &hir::Program, found: &hir::Ty) -> fir::Ty {
    let inner = |t: &hir::Ty| Box::new(ty(program, t));
    let plain = match &found.kind {
        // What could not be told never reaches lowering; a bare `none` nobody reads stays open.
        TyKind::Error | TyKind::Never | TyKind::None => fir::Ty::Never,
        TyKind::Unit => fir::Ty::Unit,
        TyKind::Text => fir::Ty::Text,
        TyKind::Bool => fir::Ty::Bool,
        TyKind::Int => fir::Ty::Int,
        TyKind::Decimal => fir::Ty::Decimal,
        TyKind::Percent => fir::Ty::Percent,
        TyKind::Money(currency) => fir::Ty::Money(currency.as_ref().map(ToString::to_string)),
        TyKind::Duration => fir::Ty::Duration,
        TyKind::Time => fir::Ty::Time,
        TyKind::Date => fir::Ty::Date,
        TyKind::Uuid => fir::Ty::Uuid,
        TyKind::Size => fir::Ty::Size,
        TyKind::Blob => fir::Ty::Blob,
        TyKind::Role => fir::Ty::Role,
        TyKind::List(t) => fir::Ty::List(inner(t)),
        TyKind::Map(k, v) => fir::Ty::Map(inner(k), inner(v)),
        TyKind::Entry(k, v) => fir::Ty::Entry(inner(k), inner(v)),
        TyKind::Optional(t) => fir::Ty::Optional(inner(t)),
        TyKind::Outcome(t) => fir::Ty::Outcome(inner(t)),
        TyKind::Batch(t) => fir::Ty::Batch(inner(t)),
        TyKind::Failure => fir::Ty::Named(FAILURE.to_owned()),
        TyKind::Alias(id) => fir::Ty::Named(program.aliases[*id].name.to_string()),
        TyKind::Record(id) => fir::Ty::Named(program.records[*id].name.to_string()),
        TyKind::Enum(id) => fir::Ty::Named(program.enums[*id].name.to_string()),
        TyKind::Event(id) => fir::Ty::Named(program.events[*id].name.to_string()),
    };
    match found.label {
        Label::Open => plain,
        Label::Pii => fir::Ty::Pii(Box::new(plain)),
        Label::Secret => fir::Ty::Secret(Box::new(plain)),
    }
}

/// The qualified name of a database.
pub(super) fn database_name(program: &hir::Program, id: hir::DatabaseId) -> String {
    program.databases[id].name.to_string()
}

/// The qualified service or database of an action, and its name.
pub(super) fn action_name(program: &hir::Program, id: hir::ActionId) -> (String, String) {
    let provider = match program.actions[id].provider {
        Provider::Service(service) => program.services[service].name.to_string(),
        Provider::Database(database) => program.databases[database].name.to_string(),
    };
    (provider, program.actions[id].name.node.to_string())
}
