//! Test blocks.

use super::body::Body;
use super::step::Role;
use super::{Def, Resolver, module, name};
use crate::hir::{self, GivenAnswer, GivenTarget, LocalKind, TestStmt, WorkflowId};
use crate::syntax::ast;

/// Reads a test.
pub(super) fn read(resolver: &mut Resolver<'_>, module: usize, decl: &ast::TestDecl) {
    let incomplete = resolver.modules[module].file.is_incomplete(decl.span);
    let mut body = Body::new(resolver, module);
    body.incomplete = incomplete;
    body.spreads = true;
    let mut last = None;
    let stmts = decl.stmts.iter().map(|stmt| statement(&mut body, stmt, &mut last)).collect();
    let locals = body.finish();
    let module = resolver.modules[module].name.clone();
    let name = super::decl::plain(&decl.name);
    resolver.program.tests.push(hir::Test { module, name, locals, stmts, span: decl.span });
}

fn statement(
    body: &mut Body<'_, '_>,
    stmt: &ast::TestStmt,
    last: &mut Option<WorkflowId>,
) -> TestStmt {
    match stmt {
        ast::TestStmt::Given(given) => TestStmt::Given(self::given(body, given)),
        ast::TestStmt::Deliver(deliver) => {
            let event = body.r.event(body.module, &deliver.event);
            let args = match event {
                Some(id) => {
                    let event = &body.r.program.events[id];
                    let (fields, incomplete) = (event.fields.clone(), event.incomplete);
                    body.args_of(incomplete, &deliver.args, &deliver.event.text, &fields)
                }
                None => body.loose_args(&deliver.args),
            };
            TestStmt::Deliver { event, args, after: deliver.after, span: deliver.span }
        }
        ast::TestStmt::Run(run) => {
            let (workflow, args) = started(body, &run.workflow, &run.args);
            *last = workflow;
            let kind = match workflow {
                Some(id) => LocalKind::RunResult(id),
                None => LocalKind::Let,
            };
            let bind = run.binding.as_ref().map(|n| body.bind(n, kind));
            TestStmt::Run { bind, workflow, args, span: run.span }
        }
        ast::TestStmt::Every(every) => {
            let (workflow, args) = started(body, &every.workflow, &every.args);
            *last = workflow;
            TestStmt::EveryFailure { workflow, args, span: every.span }
        }
        ast::TestStmt::Expect(expect) => {
            TestStmt::Expect(self::expect(body, &expect.kind, *last), expect.span)
        }
        ast::TestStmt::Let(written) => {
            let (local, value) = body.let_(written);
            TestStmt::Let(local, value, written.span)
        }
    }
}

fn started(
    body: &mut Body<'_, '_>,
    workflow: &ast::Name,
    args: &ast::Args,
) -> (Option<WorkflowId>, hir::Args) {
    let id = body.r.workflow(body.module, workflow);
    let args = match id {
        Some(id) => {
            let declared = &body.r.program.workflows[id];
            let (params, incomplete) = (declared.params.clone(), declared.incomplete);
            body.args_of(incomplete, args, &workflow.text, &params)
        }
        None => body.loose_args(args),
    };
    (id, args)
}

fn given(body: &mut Body<'_, '_>, given: &ast::Given) -> hir::GivenStmt {
    let target = match &given.target {
        ast::GivenTarget::Call { call, args } => match call_ref(body, call) {
            Some(id) => {
                let params = body.r.program.actions[id].params.clone();
                let what = format!("{}.{}", call.service.text, call.action.text);
                let args = args.as_ref().map(|args| body.some_args(args, &what, &params));
                GivenTarget::Action(id, args)
            }
            None => {
                args.iter().for_each(|args| {
                    body.loose_args(args);
                });
                GivenTarget::Error
            }
        },
        ast::GivenTarget::Name(name) => match body.r.look_up(body.module, &name.text) {
            Some(Def::Human(id)) => GivenTarget::Human(id),
            Some(Def::Event(id)) => GivenTarget::Event(id),
            _ => {
                let fits = |d| matches!(d, Def::Human(_) | Def::Event(_));
                body.r.unknown(body.module, name, "a human task", &fits);
                GivenTarget::Error
            }
        },
    };
    let answer = match &given.answer {
        ast::GivenAnswer::Fail(fail) => {
            let (id, args) = failure(body, &target, fail);
            GivenAnswer::Fail(id, args)
        }
        ast::GivenAnswer::Refused(_) => GivenAnswer::Refused,
        ast::GivenAnswer::Unknown(_) => GivenAnswer::Unknown,
        ast::GivenAnswer::Timeout(_) => GivenAnswer::Timeout,
        ast::GivenAnswer::Value(value) => GivenAnswer::Value(body.expr(value)),
    };
    hir::GivenStmt { target, answer, after: given.after, calls: given.calls, span: given.span }
}

/// An error that the given call is made to end with: one that it declares.
fn failure(
    body: &mut Body<'_, '_>,
    target: &GivenTarget,
    fail: &ast::Fail,
) -> (Option<hir::ErrorId>, hir::Args) {
    let loose = |body: &mut Body<'_, '_>| {
        fail.args.as_ref().map(|args| body.loose_args(args)).unwrap_or_default()
    };
    let GivenTarget::Action(action, _) = target else { return (None, loose(body)) };
    let declared = body.r.program.actions[*action].errors.clone();
    let errors = &body.r.program.errors;
    let found = declared.iter().find(|id| errors[**id].name.node == fail.error.text).copied();
    let Some(id) = found else {
        if !body.r.program.actions[*action].incomplete {
            let known = declared.iter().map(|id| errors[*id].name.node.as_str());
            let near = crate::name::suggest(&fail.error.text, known);
            let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
            let what = body.r.program.action_name(*action);
            let text = format!("`{what}` never fails with `{}`", fail.error.text);
            let found = super::unknown_name(text, fail.error.span, &near, None);
            body.r.report(found);
        }
        return (None, loose(body));
    };
    let fields = errors[id].fields.clone();
    let args = body.args_or_none(fail.args.as_ref(), fail.error.span, &fail.error.text, &fields);
    (Some(id), args)
}

fn call_ref(body: &mut Body<'_, '_>, call: &ast::CallRef) -> Option<hir::ActionId> {
    let found = body.r.look_up(body.module, &call.service.text).and_then(module::provider);
    let Some(provider) = found else {
        body.r.unknown(body.module, &call.service, "a service", &module::is_provider);
        return None;
    };
    body.action(provider, &call.action, Role::Step)
}

fn expect(
    body: &mut Body<'_, '_>,
    kind: &ast::ExpectKind,
    last: Option<WorkflowId>,
) -> hir::Expect {
    match kind {
        ast::ExpectKind::Completed => hir::Expect::Completed,
        ast::ExpectKind::Settled => hir::Expect::Settled,
        ast::ExpectKind::Failed(error) => {
            let known = body.r.program.errors.values().any(|e| e.name.node == error.text);
            if !known {
                body.unknown_error(error);
            }
            hir::Expect::Failed(name(error))
        }
        ast::ExpectKind::Calls(calls) => {
            hir::Expect::Calls(calls.iter().map(|call| call_ref(body, call)).collect())
        }
        ast::ExpectKind::Never { call, when } => {
            let call = call_ref(body, call);
            let when = match when {
                ast::NeverWhen::Ever => hir::NeverWhen::Ever,
                ast::NeverWhen::Twice => hir::NeverWhen::Twice,
                ast::NeverWhen::After(other) => hir::NeverWhen::After(call_ref(body, other)),
                ast::NeverWhen::Unless(e) => {
                    let (condition, result) = with_result(body, e, last);
                    hir::NeverWhen::Unless(condition, result)
                }
            };
            hir::Expect::Never { call, when }
        }
        ast::ExpectKind::Value(e) => {
            let (value, result) = with_result(body, e, last);
            hir::Expect::Value(value, result)
        }
    }
}

/// A condition in which `result` is what the last run gave (verdict 56), and that local if so.
fn with_result(
    body: &mut Body<'_, '_>,
    e: &ast::Expr,
    last: Option<WorkflowId>,
) -> (hir::ExprId, Option<hir::LocalId>) {
    let Some(workflow) = last else { return (body.expr(e), None) };
    let mark = body.mark();
    let local = body.alloc("result", e.span, LocalKind::RunResult(workflow));
    body.reveal(vec![("result".into(), local)]);
    let value = body.expr(e);
    body.forget(mark);
    let read = body.r.program.exprs.values().any(|x| x.kind == hir::ExprKind::Local(local));
    (value, read.then_some(local))
}
