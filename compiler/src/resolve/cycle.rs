//! Cycles of calls (F0118): functions that call each other, workflows that run each other.

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::hir::{FunctionId, Program, StmtKind, Target, WorkflowId};
use crate::span::Span;
use std::collections::BTreeMap;

/// A call from one thing to another of its kind.
type Edges<I> = Vec<(I, Vec<(I, Span)>)>;

/// Reports each cycle once, at the call that closes it.
pub(super) fn check(resolver: &mut Resolver<'_>) {
    let program = &resolver.program;
    let mut found = Vec::new();
    let functions: Edges<FunctionId> =
        program.functions.ids().map(|id| (id, program.calls_of(id))).collect();
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

fn cycles<I: Copy + Ord>(
    edges: &Edges<I>,
    name: impl Fn(I) -> String,
    kind: &str,
    found: &mut Vec<Diagnostic>,
) {
    let places: BTreeMap<I, usize> =
        edges.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
    let mut state = vec![State::New; edges.len()];
    for start in 0..edges.len() {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        // Bound: as long as there are things; thousands may call each other in a row, so nothing
        // recurses here.
        let mut open = vec![(start, 0)];
        let mut way: Vec<(usize, Span)> = Vec::new();
        while let Some((at, done)) = open.pop() {
            let (from, calls) = &edges[at];
            let Some((to, span)) = calls.get(done) else {
                state[at] = State::Done;
                way.pop();
                continue;
            };
            open.push((at, done + 1));
            let Some(next) = places.get(to).copied() else { continue };
            match state[next] {
                State::New => {
                    state[next] = State::Open;
                    way.push((at, *span));
                    open.push((next, 0));
                }
                State::Open => {
                    let first = way.iter().position(|(place, _)| *place == next);
                    let first = first.unwrap_or(way.len());
                    let circle = way[first..].iter().map(|(at, span)| (name(edges[*at].0), *span));
                    let circle = circle.chain([(name(*from), *span)]).collect();
                    found.push(closed(circle, &name(*to), kind));
                }
                State::Done => {}
            }
        }
    }
}

/// Where the search is with one thing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Done,
}

/// A circle of calls, the one that closes it last.
fn closed(mut circle: Vec<(String, Span)>, to: &str, kind: &str) -> Diagnostic {
    let last = circle.pop();
    let span = last.as_ref().map_or_else(Span::default, |(_, span)| *span);
    let text = if circle.is_empty() {
        format!("the {kind} `{to}` calls itself without end")
    } else {
        format!("the {kind} `{to}` calls itself through others, without end")
    };
    let mut diagnostic = Diagnostic::error("F0118", span, text);
    for (from, span) in circle {
        diagnostic = diagnostic.label(span, format!("called by `{from}`…"));
    }
    if let Some((from, span)) = last {
        diagnostic = diagnostic.label(span, format!("called by `{from}`: back at the start"));
    }
    diagnostic.help(match kind {
        "workflow" => {
            "use `repeat` for a loop, or `start` for an independent successor that nothing waits for"
        }
        _ => "functions have no recursion: use the methods of lists, such as `fold`",
    })
}
