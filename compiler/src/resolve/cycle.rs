//! Cycles of calls (F0118): functions that call each other, workflows that run each other.

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ExprId, ExprKind, FunctionBody, FunctionId, Program, StmtKind, Target, WorkflowId,
};
use crate::span::Span;

/// A call from one thing to another of its kind.
type Edges<I> = Vec<(I, Vec<(I, Span)>)>;

/// Reports each cycle once, at the call that closes it.
pub(super) fn check(resolver: &mut Resolver<'_>) {
    let program = &resolver.program;
    let mut found = Vec::new();
    let functions: Edges<FunctionId> =
        program.functions.ids().map(|id| (id, function_calls(program, id))).collect();
    cycles(&functions, |id| program.functions[id].name.name.to_string(), "function", &mut found);
    let workflows: Edges<WorkflowId> =
        program.workflows.ids().map(|id| (id, runs(program, id))).collect();
    cycles(&workflows, |id| program.workflows[id].name.name.to_string(), "workflow", &mut found);
    for diagnostic in found {
        resolver.report(diagnostic);
    }
}

fn runs(program: &Program, id: WorkflowId) -> Vec<(WorkflowId, Span)> {
    let workflow = &program.workflows[id];
    let mut runs = Vec::new();
    let blocks = std::iter::once(&workflow.body).chain(workflow.aftermath.iter().map(|a| &a.body));
    for block in blocks {
        block.walk(true, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind
                && let Target::Workflow(child) = step.call.target
            {
                runs.push((child, step.call.span));
            }
        });
    }
    runs
}

fn function_calls(program: &Program, id: FunctionId) -> Vec<(FunctionId, Span)> {
    let mut calls = Vec::new();
    match &program.functions[id].body {
        FunctionBody::Fn { lets, value } => {
            lets.iter().for_each(|(_, e)| calls_in(program, *e, &mut calls));
            calls_in(program, *value, &mut calls);
        }
        FunctionBody::Decide { rules, otherwise } => {
            for rule in rules {
                calls_in(program, rule.when, &mut calls);
                calls_in(program, rule.then, &mut calls);
            }
            otherwise.iter().for_each(|e| calls_in(program, *e, &mut calls));
        }
    }
    calls
}

fn calls_in(program: &Program, expr: ExprId, calls: &mut Vec<(FunctionId, Span)>) {
    program.each_inner(expr, &mut |id| {
        let expr = &program.exprs[id];
        if let ExprKind::Call(called, _) = &expr.kind {
            calls.push((*called, expr.span));
        }
    });
}

fn cycles<I: Copy + Eq>(
    edges: &Edges<I>,
    name: impl Fn(I) -> String,
    kind: &str,
    found: &mut Vec<Diagnostic>,
) {
    let mut state = vec![0_u8; edges.len()];
    for start in 0..edges.len() {
        visit(edges, start, &mut state, &mut Vec::new(), &name, kind, found);
    }
}

fn visit<I: Copy + Eq>(
    edges: &Edges<I>,
    at: usize,
    state: &mut [u8],
    way: &mut Vec<(usize, Span)>,
    name: &impl Fn(I) -> String,
    kind: &str,
    found: &mut Vec<Diagnostic>,
) {
    if state[at] != 0 {
        return;
    }
    state[at] = 1;
    let (from, calls) = &edges[at];
    for (to, span) in calls {
        let Some(next) = edges.iter().position(|(id, _)| id == to) else { continue };
        if state[next] == 1 {
            let text = if next == at {
                format!("the {kind} `{}` calls itself without end", name(*to))
            } else {
                format!("the {kind} `{}` calls itself through others, without end", name(*to))
            };
            let mut diagnostic = Diagnostic::error("F0118", *span, text);
            let first = way.iter().position(|(index, _)| *index == next).unwrap_or(way.len());
            for (index, span) in way.iter().skip(first) {
                diagnostic =
                    diagnostic.label(*span, format!("called by `{}`…", name(edges[*index].0)));
            }
            diagnostic =
                diagnostic.label(*span, format!("called by `{}`: back at the start", name(*from)));
            let help = match kind {
                "workflow" => {
                    "use `repeat` for a loop, or `start` for an independent successor that nothing \
                     waits for"
                }
                _ => "functions have no recursion: use the methods of lists, such as `fold`",
            };
            found.push(diagnostic.help(help));
            continue;
        }
        way.push((at, *span));
        visit(edges, next, state, way, name, kind, found);
        way.pop();
    }
    state[at] = 2;
}
