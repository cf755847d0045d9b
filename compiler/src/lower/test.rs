//! Tests.

use super::names::Names;
use super::{Cx, decl};
use crate::hir::{self, Expect, GivenAnswer, GivenTarget, NeverWhen};
use sagaflow_fir as fir;

/// One test.
pub(super) fn test(cx: Cx<'_>, found: &hir::Test) -> fir::Test {
    let mut names = Names::new(cx);
    let stmts = found.stmts.iter().filter_map(|stmt| statement(cx, &mut names, stmt)).collect();
    fir::Test {
        module: found.module.to_string(),
        name: found.name.node.clone(),
        line: cx.line(found.span),
        stmts,
        locals: names.finish(),
    }
}

fn statement(cx: Cx<'_>, names: &mut Names<'_>, stmt: &hir::TestStmt) -> Option<fir::TestStmt> {
    let program = cx.program;
    Some(match stmt {
        hir::TestStmt::Given(given) => given_stmt(cx, names, given)?,
        hir::TestStmt::Deliver { event, args, after, .. } => {
            let decl = &program.events[(*event)?];
            fir::TestStmt::Deliver {
                event: decl.name.to_string(),
                fields: names.fields(&decl.fields, args),
                after_ms: after.map_or(0, |a| a.node),
            }
        }
        hir::TestStmt::Run { bind, workflow, args, .. } => fir::TestStmt::Run {
            workflow: program.workflows[(*workflow)?].name.to_string(),
            args: args.values.iter().flatten().map(|a| names.expr(*a)).collect(),
            bind: bind.map(|local| names.local(local)),
        },
        hir::TestStmt::EveryFailure { workflow, args, .. } => fir::TestStmt::EveryFailure {
            workflow: program.workflows[(*workflow)?].name.to_string(),
            args: args.values.iter().flatten().map(|a| names.expr(*a)).collect(),
        },
        hir::TestStmt::Expect(expect, span) => expectation(cx, names, expect, cx.line(*span))?,
        hir::TestStmt::Let(local, value, _) => {
            let value = names.expr(*value);
            fir::TestStmt::Let(names.local(*local), value)
        }
    })
}

fn qualified(cx: Cx<'_>, id: hir::ActionId) -> String {
    let (service, action) = decl::action_name(cx.program, id);
    format!("{service}.{action}")
}

fn given_stmt(cx: Cx<'_>, names: &mut Names<'_>, given: &hir::GivenStmt) -> Option<fir::TestStmt> {
    let program = cx.program;
    let (target, args) = match &given.target {
        GivenTarget::Error => return None,
        GivenTarget::Action(id, args) => {
            let params = &program.actions[*id].params;
            let args = args.as_ref().map(|args| {
                params
                    .iter()
                    .zip(&args.values)
                    .filter_map(|(p, v)| v.map(|v| (p.name.node.to_string(), names.expr(v))))
                    .collect()
            });
            (qualified(cx, *id), args)
        }
        GivenTarget::Human(id) => (program.humans[*id].name.to_string(), None),
        GivenTarget::Event(id) => (program.events[*id].name.to_string(), None),
    };
    let outcome = match &given.answer {
        GivenAnswer::Fail(error, args) => {
            let decl = &program.errors[(*error)?];
            fir::TestOutcome::Fail(decl.name.node.to_string(), names.fields(&decl.fields, args))
        }
        GivenAnswer::Refused => fir::TestOutcome::Refused,
        GivenAnswer::Unknown => fir::TestOutcome::Unknown,
        GivenAnswer::Timeout => fir::TestOutcome::Timeout,
        GivenAnswer::Value(value) => fir::TestOutcome::Value(names.expr(*value)),
    };
    Some(fir::TestStmt::Given {
        target,
        args,
        outcome,
        after_ms: given.after.map_or(0, |a| a.node),
        calls: given.calls.map(|c| u32::try_from(c.node).unwrap_or(u32::MAX)),
        line: cx.line(given.span),
    })
}

fn expectation(
    cx: Cx<'_>,
    names: &mut Names<'_>,
    expect: &Expect,
    line: u32,
) -> Option<fir::TestStmt> {
    Some(match expect {
        Expect::Completed => fir::TestStmt::ExpectCompleted(line),
        Expect::Failed(name) => fir::TestStmt::ExpectFailed(name.node.to_string(), line),
        Expect::Settled => fir::TestStmt::ExpectSettled(line),
        Expect::Calls(calls) => {
            let calls: Option<Vec<String>> =
                calls.iter().map(|call| call.map(|id| qualified(cx, id))).collect();
            fir::TestStmt::ExpectCalls(calls?, line)
        }
        Expect::Never { call, when } => {
            let after = match when {
                NeverWhen::After(after) => Some(qualified(cx, (*after)?)),
                _ => None,
            };
            let unless = match when {
                NeverWhen::Unless(condition, result) => {
                    let result = result.map(|local| names.local(local));
                    Some((names.expr(*condition), result))
                }
                _ => None,
            };
            fir::TestStmt::ExpectNever {
                call: qualified(cx, (*call)?),
                twice: matches!(when, NeverWhen::Twice),
                after,
                unless,
                line,
            }
        }
        Expect::Value(value, result) => {
            let result = result.map(|local| names.local(local));
            fir::TestStmt::Expect(names.expr(*value), result, line)
        }
    })
}
