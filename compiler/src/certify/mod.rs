//! The auditor's page: every place where a workflow can go wrong, what has been done by then, what is
//! undone and in which order, what a person decides, and each waiver with its reason.
//!
//! `walk` goes through the program with the undo tree the run would have, `stack` says what a failure
//! meets on its way out, `ways` what can go wrong with a call, `blocks` what with a block,
//! `sheet` is the data, `compare` the
//! difference between two of them, `write` the page. Promises to say what the machine does; a test
//! holds it against runs of it. Must not judge: what is wrong with a program is a finding of `check`.

mod blocks;
mod compare;
mod sheet;
mod stack;
mod walk;
mod ways;
mod write;

pub use compare::compare;
pub use sheet::{Certificate, FORMAT, Point, Sheet, Undoing, Waiver, Way};
pub use write::{page, undone};

use crate::hir::{
    ArmWait, Awaited, CompensateHow, Program, Stmt, StmtKind, Target, Undo, Workflow, WorkflowId,
};
use crate::source::Sources;
use crate::span::{FileId, Span};
use crate::syntax::ast;
use crate::words::{Words, plural};
use sagaflow_fir::Fir;
use std::collections::BTreeSet;
use walk::Walker;

/// What is certified of some workflows of a program that has no errors, without the digest.
#[must_use]
pub fn sheets(
    program: &Program,
    sources: &Sources,
    asts: &[(FileId, ast::File)],
    fir: &Fir,
    ids: &[WorkflowId],
) -> Vec<Sheet> {
    let words = Words { program, sources };
    let allowed = crate::allow::all(asts);
    ids.iter().map(|id| sheet(words, &allowed, fir, &program.workflows[*id])).collect()
}

/// A certificate with its digest.
#[must_use]
pub fn certificate(workflows: Vec<Sheet>) -> Certificate {
    let mut bare = workflows.clone();
    for sheet in &mut bare {
        // Words and policies may change where no promise does.
        (sheet.place, sheet.verdict) = Default::default();
        for point in &mut sheet.points {
            point.place.clear();
            point.ways.iter_mut().for_each(|way| way.then.clear());
        }
        sheet.waivers.iter_mut().for_each(|waiver| waiver.place.clear());
    }
    let json = serde_json::to_value(&bare).expect("a sheet has no map keys but text");
    Certificate { format: FORMAT, digest: sagaflow_fir::digest(&json), workflows }
}

fn sheet(
    words: Words<'_>,
    allowed: &[crate::allow::Allowance],
    fir: &Fir,
    workflow: &Workflow,
) -> Sheet {
    let mut walker = Walker {
        words,
        workflow,
        k: Vec::new(),
        frames: Vec::new(),
        committed: false,
        after: false,
        points: Vec::new(),
        irreversible: Vec::new(),
        said: false,
    };
    walker.block(&workflow.body);
    if let Some(aftermath) = &workflow.aftermath {
        walker.k.clear();
        walker.after = true;
        walker.block(&aftermath.body);
    }
    let Walker { points, irreversible, .. } = walker;
    let name = workflow.name.to_string();
    let decisions = decisions(words, workflow);
    let waivers = waivers(words, allowed, workflow);
    let unsupported = fir.workflows.get(&name).into_iter().flat_map(|found| &found.unsupported);
    let mut unsupported: Vec<String> = unsupported.map(|(what, _)| what.clone()).collect();
    unsupported.sort();
    unsupported.dedup();
    Sheet {
        verdict: verdict(&points, &irreversible, &decisions, &waivers),
        workflow: name,
        version: workflow.version.node,
        place: words.place(workflow.name_span),
        irreversible,
        points,
        decisions,
        waivers,
        unsupported,
    }
}

fn verdict(
    points: &[Point],
    irreversible: &[String],
    decisions: &[String],
    waivers: &[Waiver],
) -> String {
    let ways: usize = points.iter().map(|point| point.ways.len()).sum();
    let until = match irreversible {
        [] => "Wherever it fails, what was done is undone".to_owned(),
        all => format!(
            "Before {} whatever fails is undone, and after it everything is finished",
            crate::words::or(&all.iter().map(|call| format!("`{call}`")).collect::<Vec<_>>())
        ),
    };
    let but = match waivers.len() as u64 {
        0 => String::new(),
        n => format!(", but for {}", plural(n, "waiver")),
    };
    let people = match decisions.len() as u64 {
        0 => "nobody has to decide".to_owned(),
        n => format!("a person decides {}", plural(n, "question")),
    };
    format!(
        "{until}{but}; {people}. Certified for {} at {}, under the contracts its services promise.",
        plural(ways as u64, "way to fail").replace("way to fails", "ways to fail"),
        plural(points.len() as u64, "place")
    )
}

/// What a person decides.
fn decisions(words: Words<'_>, workflow: &Workflow) -> Vec<String> {
    let mut all = Vec::new();
    let mut ask = |stmt: &Stmt| {
        let mut task = |awaited: &Awaited| {
            if let Awaited::Task { human: Some(id), .. } = awaited {
                let human = &words.program.humans[*id];
                let to = human.assign.as_ref();
                let to = to.map(|to| format!(" of `{}`", words.expr(to.to))).unwrap_or_default();
                all.push(format!("`{}` is answered by somebody{to}", human.name.name));
            }
        };
        match &stmt.kind {
            StmtKind::Await(wait) => task(&wait.awaited),
            StmtKind::AwaitFirst(first) => first.arms.iter().for_each(|arm| {
                if let ArmWait::Awaited(awaited) = &arm.wait {
                    task(awaited);
                }
            }),
            StmtKind::Manual(_, text) => {
                all.push(format!("an operator is asked {}", words.expr(*text)));
            }
            _ => {}
        }
    };
    workflow.body.walk(true, &mut |stmt| ask(stmt));
    workflow.aftermath.iter().for_each(|after| after.body.walk(true, &mut |stmt| ask(stmt)));
    all
}

/// What somebody has waived, in order of place.
fn waivers(
    words: Words<'_>,
    allowed: &[crate::allow::Allowance],
    workflow: &Workflow,
) -> Vec<Waiver> {
    let mut all: Vec<(Span, Waiver)> = Vec::new();
    let mut contracts = BTreeSet::new();
    let mut look = |stmt: &Stmt| {
        let StmtKind::Step(step) = &stmt.kind else { return };
        if let Target::Action(id) = step.call.target {
            contracts.insert(words.program.actions[id].span);
        }
        let undo = match &step.undo {
            Undo::None => None,
            Undo::Own(own) => Some(own),
            Undo::Contract(id) => words.program.actions[*id].compensate.as_ref(),
        };
        if let Some(CompensateHow::Waived(reason)) = undo.map(|undo| &undo.how) {
            let what = format!("no undo of {}", words.call(step));
            let place = words.place(reason.span);
            all.push((reason.span, Waiver { what, place, reason: reason.node.clone() }));
        }
    };
    workflow.body.walk(true, &mut |stmt| look(stmt));
    workflow.aftermath.iter().for_each(|after| after.body.walk(true, &mut |stmt| look(stmt)));
    for each in allowed {
        let meets = |span: Span| {
            span.file == each.covers.file
                && each.covers.start < span.end
                && span.start < each.covers.end
        };
        if meets(workflow.span) || contracts.iter().any(|span| meets(*span)) {
            let what = format!("rule {}", each.code);
            let place = words.place(each.span);
            all.push((each.span, Waiver { what, place, reason: each.reason.clone() }));
        }
    }
    all.sort_by_key(|(span, _)| *span);
    let mut waivers: Vec<Waiver> = all.into_iter().map(|(_, waiver)| waiver).collect();
    waivers.dedup();
    waivers
}
