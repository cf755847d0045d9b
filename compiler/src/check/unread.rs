//! What a text that was not read whole is not blamed for.
//!
//! After a syntax error the clause or statement round it is skipped. Whoever has it pointed out needs
//! no second finding that what stood there is missing: an undo, a handler, an arm, a `give`.

use crate::diagnostic::Diagnostic;
use crate::hir::{Action, Block, CompensateHow, Program, StmtKind, Target};
use crate::span::{FileId, Span};
use crate::syntax::ast::{self, Item};

/// Leaves out what may follow only from what could not be read.
pub fn forgive(program: &Program, files: &[(FileId, ast::File)], findings: &mut Vec<Diagnostic>) {
    let unread = places(program, files);
    if unread.is_empty() {
        return;
    }
    let meets = |one: Span| {
        let overlaps = |at: &Span| at.file == one.file && at.start < one.end && one.start < at.end;
        unread.iter().any(overlaps)
    };
    findings.retain(|finding| {
        let spans = finding.labels.iter().map(|label| label.span).chain([finding.span]);
        !judges_the_whole(finding.code) || !spans.into_iter().any(meets)
    });
}

/// Whether a rule says that something is missing, or follows the paths through everything. The
/// others speak of what is written, and hold whatever stood beside it.
fn judges_the_whole(code: &str) -> bool {
    match code {
        "F0104" | "F0105" | "F0107" | "F0108" | "F0109" | "F0117" | "F0805" | "F0806" => true,
        "F0203" | "F0306" | "F0307" | "F0410" | "F0603" | "F0604" | "F0606" | "F0609" | "F0703" => {
            false
        }
        _ => {
            ["F02", "F03", "F04", "F05", "F06", "F07"].iter().any(|family| code.starts_with(family))
        }
    }
}

/// Items and actions of which a part was skipped, and the calls of such.
fn places(program: &Program, files: &[(FileId, ast::File)]) -> Vec<Span> {
    let mut out = Vec::new();
    for (_, file) in files {
        // Of a contract each action is looked at by itself, and of what is broken nothing is known.
        let whole = |item: &Item| {
            matches!(item, Item::Service(_) | Item::Database(_) | Item::Broken { .. })
                || !file.is_incomplete(item.span())
        };
        out.extend(file.items.iter().filter(|item| !whole(item)).map(Item::span));
    }
    let unread = |action: &Action| action.incomplete || undone_by_unread(program, action);
    out.extend(program.actions.values().filter(|action| unread(action)).map(|a| a.span));
    let mut see = |stmt: &crate::hir::Stmt| {
        let StmtKind::Step(step) = &stmt.kind else { return };
        let skipped = match step.call.target {
            Target::Error => false,
            Target::Action(id) => unread(&program.actions[id]),
            Target::Workflow(id) => program.workflows[id].incomplete,
        };
        out.extend(skipped.then_some(step.call.span));
    };
    super::each_block(program, &mut |block: &Block| block.walk(true, &mut see));
    out
}

/// Whether the undo of an action calls one that was not read whole.
fn undone_by_unread(program: &Program, action: &Action) -> bool {
    let Some(CompensateHow::Block { body, .. }) = action.compensate.as_ref().map(|own| &own.how)
    else {
        return false;
    };
    let mut found = false;
    body.walk(true, &mut |stmt| {
        if let StmtKind::Step(step) = &stmt.kind
            && let Target::Action(id) = step.call.target
        {
            found |= program.actions[id].incomplete;
        }
    });
    found
}
