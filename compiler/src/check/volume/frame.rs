//! What a run carries across a wait must stay small: F0705.
//!
//! Only what declared bounds prove is said: so many elements, each at least so large.

use crate::check::time::Clock;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ExprId, ExprKind, LocalId, LocalKind, Program, Stmt, StmtKind, Trigger, Ty, TyKind, Workflow,
};
use crate::span::Span;
use crate::types::Table;
use std::collections::BTreeMap;

/// What a frame should not exceed.
///
/// Bound: a thousand runs that wait should stay below 100 MB.
const FRAME_BYTES: u64 = 64 * 1024;

/// Checks every wait.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    let clock = Clock::new(program);
    for workflow in program.workflows.values() {
        let sizes = sizes(program, table, &clock, workflow);
        if sizes.is_empty() {
            continue;
        }
        let reads = last_reads(program, workflow);
        let mut waits = Vec::new();
        workflow.body.walk(false, &mut |stmt| waits.extend(wait(stmt)));
        for span in waits {
            let held = sizes.iter().find(|(local, _)| {
                let bound_before = program.locals[**local].span.start < span.start;
                bound_before && reads.get(local).is_some_and(|last| *last >= span.end)
            });
            let Some((local, (count, bytes))) = held else { continue };
            let name = program.local_name(*local);
            findings.push(
                Diagnostic::warning(
                    "F0705",
                    span,
                    format!("`{name}` is carried across this wait and may exceed 64 KB"),
                )
                .label(program.locals[*local].span, format!("up to {count} elements of at least {bytes} bytes…"))
                .label(span, "…are kept in the run while it waits here")
                .help("keep a reference (`blob`, a key) and read it again, or finish with it before the wait"),
            );
        }
    }
}

fn wait(stmt: &Stmt) -> Option<Span> {
    match &stmt.kind {
        StmtKind::Await(wait) => Some(wait.span),
        StmtKind::AwaitFirst(first) => Some(first.span),
        StmtKind::Sleep(..) | StmtKind::Manual(..) => Some(stmt.span),
        _ => None,
    }
}

/// Lists that are provably large: how many elements, and how large one is at least.
fn sizes(
    program: &Program,
    table: &Table,
    clock: &Clock<'_>,
    workflow: &Workflow,
) -> BTreeMap<LocalId, (u64, u64)> {
    let mut counts: BTreeMap<LocalId, u64> = BTreeMap::new();
    for trigger in &workflow.triggers {
        if let (Trigger::Batch { up_to, .. }, Some(param)) = (trigger, workflow.locals.first()) {
            counts.insert(*param, up_to.node);
        }
    }
    workflow.body.walk(false, &mut |stmt| match &stmt.kind {
        StmtKind::Let(local, value) => {
            counts.extend(length(program, clock, *value, &counts).map(|n| (*local, n)));
        }
        StmtKind::Each(each) => {
            let turns = each.max.map(|max| max.node);
            let turns = turns.or_else(|| length(program, clock, each.over, &counts));
            counts.extend(each.bind.zip(turns));
        }
        StmtKind::ParallelEach(each) => {
            let turns = length(program, clock, each.over, &counts);
            counts.extend(each.bind.zip(turns));
        }
        _ => {}
    });
    let large = counts.into_iter().filter_map(|(local, count)| {
        let element = match &table.local(local).kind {
            TyKind::List(inner) | TyKind::Batch(inner) => least(program, inner, 0),
            _ => return None,
        };
        (count.saturating_mul(element) > FRAME_BYTES).then_some((local, (count, element)))
    });
    large.collect()
}

fn length(
    program: &Program,
    clock: &Clock<'_>,
    list: ExprId,
    known: &BTreeMap<LocalId, u64>,
) -> Option<u64> {
    match &program.exprs[list].kind {
        ExprKind::Local(local) => known.get(local).copied().or_else(|| clock.length(list)),
        // One element for each: nothing is proven of what is chosen from it.
        ExprKind::Method { base, name, .. } if matches!(name.node.as_str(), "map" | "sort_by") => {
            length(program, clock, *base, known)
        }
        ExprKind::Builtin(..) => clock.length(list),
        _ => None,
    }
}

/// The least size of a value in bytes, as it is kept.
fn least(program: &Program, ty: &Ty, depth: u32) -> u64 {
    // Bound: records that contain each other through lists have no least size beyond this.
    if depth > 8 {
        return 0;
    }
    match &ty.kind {
        TyKind::Text => 2,
        TyKind::Uuid => 38,
        TyKind::Time => 22,
        TyKind::Date => 12,
        TyKind::Money(_) => 12,
        TyKind::Bool | TyKind::Decimal | TyKind::Percent => 4,
        TyKind::Int | TyKind::Duration | TyKind::Size => 1,
        TyKind::Alias(id) => least(program, &program.aliases[*id].of.node, depth + 1),
        TyKind::Record(id) => fields(program, &program.records[*id].fields, depth),
        TyKind::Event(id) => fields(program, &program.events[*id].fields, depth),
        _ => 2,
    }
}

fn fields(program: &Program, fields: &[crate::hir::Field], depth: u32) -> u64 {
    let each = fields
        .iter()
        .map(|field| field.name.node.len() as u64 + 4 + least(program, &field.ty.node, depth + 1));
    each.sum()
}

/// Where each name is read last.
fn last_reads(program: &Program, workflow: &Workflow) -> BTreeMap<LocalId, u32> {
    let mut last = BTreeMap::new();
    workflow.body.walk(true, &mut |stmt| {
        stmt.each_expr(&mut |expr| {
            let at = program.exprs[expr].span.start;
            program.each_read(expr, &mut |local| {
                let known = last.entry(local).or_insert(at);
                *known = at.max(*known);
            });
        });
    });
    last.retain(|local, _| program.locals[*local].kind != LocalKind::Lambda);
    last
}
