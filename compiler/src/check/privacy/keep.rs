//! How long personal data is kept: F0805, F0806.

use super::label::Labels;
use crate::check::time::sleep_ms;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ArmWait, ExprId, ExprKind, Label, LocalId, LocalKind, Program, Stmt, StmtKind, Workflow,
};
use crate::span::Span;
use std::collections::BTreeMap;

/// Longer waits should not hold what nobody needs.
const LONG_MS: i64 = 7 * 86_400_000;

/// Checks every workflow.
pub fn check(program: &Program, labels: &Labels<'_>, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        let personal: Vec<LocalId> = workflow
            .locals
            .iter()
            .copied()
            .filter(|local| {
                let hidden = matches!(
                    program.locals[*local].kind,
                    LocalKind::Lambda | LocalKind::Event | LocalKind::Failure
                );
                !hidden && labels.holds(&labels.local(*local), Label::Pii)
            })
            .collect();
        let Some(first) = personal.first() else { continue };
        if workflow.retain.is_none() && !workflow.incomplete {
            findings.push(
                Diagnostic::warning(
                    "F0805",
                    workflow.keyword,
                    format!(
                        "`{}` holds personal data, and nothing says for how long",
                        workflow.name.name
                    ),
                )
                .label(workflow.keyword, "a run is kept for 30 days after its end by default")
                .label(
                    program.locals[*first].span,
                    format!("`{}` is, or holds, personal data", program.local_name(*first)),
                )
                .help("decide it: `retain 30d`"),
            );
        }
        long_waits(program, labels, workflow, &personal, findings);
    }
}

/// What is read of a name behind a place: anything, and anything personal.
#[derive(Clone, Copy, Default)]
struct Reads {
    last: u32,
    last_personal: u32,
}

fn long_waits(
    program: &Program,
    labels: &Labels<'_>,
    workflow: &Workflow,
    personal: &[LocalId],
    findings: &mut Vec<Diagnostic>,
) {
    let mut waits: Vec<(Span, u32)> = Vec::new();
    let mut loops: Vec<Span> = Vec::new();
    workflow.body.walk(false, &mut |stmt| {
        waits.extend(long(program, stmt));
        if matches!(stmt.kind, StmtKind::Each(_) | StmtKind::ParallelEach(_) | StmtKind::Repeat(_))
        {
            loops.push(stmt.span);
        }
    });
    if waits.is_empty() {
        return;
    }
    let reads = reads(program, labels, workflow);
    for (span, behind) in waits {
        // In a loop the next turn reads again what stands before the wait.
        let turns = loops.iter().find(|l| l.start <= span.start && span.end <= l.end);
        let from = turns.map_or(behind, |l| l.start.min(behind));
        let dead = personal.iter().find(|local| {
            let own = &program.locals[**local];
            let read = reads.get(local).copied().unwrap_or_default();
            let input = own.kind == LocalKind::Param;
            // A name that nothing reads any more is dropped by itself; the input never is.
            let kept = read.last >= from || (input && read.last_personal < from);
            own.span.start < span.start && kept && read.last_personal < from
        });
        let Some(dead) = dead else { continue };
        let name = program.local_name(*dead);
        findings.push(
            Diagnostic::warning(
                "F0806",
                span,
                format!("personal data in `{name}` is kept for more than a week though nobody needs it any more"),
            )
            .label(program.locals[*dead].span, format!("`{name}` holds personal data…"))
            .label(span, "…and is kept while this waits; nothing behind it reads that part")
            .help("take what is needed later out of it before the wait, or pass a reference and read the person's data where it is used"),
        );
    }
}

/// A wait of more than a week, and where what follows it begins.
fn long(program: &Program, stmt: &Stmt) -> Option<(Span, u32)> {
    match &stmt.kind {
        StmtKind::Await(wait) => {
            let bound = wait.bound?;
            (bound.fixed_ms? > LONG_MS).then_some((wait.span, bound.span.end))
        }
        StmtKind::Sleep(_, sleep) => {
            (sleep_ms(program, *sleep)? > LONG_MS).then_some((stmt.span, stmt.span.end))
        }
        StmtKind::AwaitFirst(first) => {
            let sleeps = first.arms.iter().filter_map(|arm| match arm.wait {
                ArmWait::Sleep(sleep) => sleep_ms(program, sleep),
                ArmWait::Awaited(_) => None,
            });
            let shortest = sleeps.min()?;
            let begin = first.arms.iter().map(|arm| arm.body.span.start).min()?;
            (shortest > LONG_MS).then_some((first.span, begin))
        }
        _ => None,
    }
}

fn reads(program: &Program, labels: &Labels<'_>, workflow: &Workflow) -> BTreeMap<LocalId, Reads> {
    let mut found = BTreeMap::new();
    let mut see = |stmt: &Stmt| {
        stmt.each_expr(&mut |expr| note(program, labels, expr, expr, &mut found));
    };
    workflow.body.walk(true, &mut see);
    if let Some(aftermath) = &workflow.aftermath {
        aftermath.body.walk(true, &mut see);
    }
    found
}

/// Follows `a.b.c` down to its name: what is read of it is the whole chain.
fn note(
    program: &Program,
    labels: &Labels<'_>,
    chain: ExprId,
    at: ExprId,
    found: &mut BTreeMap<LocalId, Reads>,
) {
    match &program.exprs[at].kind {
        ExprKind::Local(local) => {
            let start = program.exprs[at].span.start;
            let reads = found.entry(*local).or_default();
            reads.last = reads.last.max(start);
            let ty = labels.ty(chain);
            if labels.holds(&ty, Label::Pii) || labels.shallow(chain) != Label::Open {
                reads.last_personal = reads.last_personal.max(start);
            }
        }
        ExprKind::Field { base, .. } => note(program, labels, chain, *base, found),
        _ => {
            for inner in crate::types::operands(program, at) {
                note(program, labels, inner, inner, found);
            }
        }
    }
}
