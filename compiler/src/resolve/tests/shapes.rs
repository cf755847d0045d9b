//! What the program looks like once names are resolved.

use super::{program, step_points};
use crate::hir::{Awaited, ExprKind, StmtKind, Trigger};

fn paths(body: &str) -> Vec<(String, String)> {
    let head = "workflow W(order: uuid, total: money, items: list<Item>) fails Failed(why: text)";
    step_points(&program(&format!("{head} {{\n{body}\n}}")).0)
}

fn pair(at: &str, path: &str) -> (String, String) {
    (at.into(), path.into())
}

#[test]
fn paths_follow_scopes_loops_undo_and_fallback() {
    let found = paths(
        "scope s { each i in items { step p = Post.send(i.id) compensate { step Post.send(order) } } }
         files = parallel each i in items max 2 { step Post.send(i.id) fallback Bank.refund(i.id) }",
    );
    let expected = [
        pair("s/each[]/p", "s/each[]/p"),
        pair("s/each[]/p/undo/Post.send", "s/each[]/p/undo/Post.send"),
        pair("files[]/Post.send", "files[]/Post.send"),
        pair("files[]/Post.send/fallback~2", "files[]/Post.send/fallback"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn arms_share_a_path_and_not_an_at() {
    let found = paths("if true { step Post.send(order) } else { step Post.send(order) }");
    assert_eq!(found, [pair("Post.send", "Post.send"), pair("Post.send~2", "Post.send")]);
}

#[test]
fn a_transaction_takes_the_path_of_its_first_step() {
    let (program, _) =
        program("workflow W(order: uuid) { transaction Shop { step Shop.take(order) } }");
    let tx = program.workflows.values().flat_map(|w| &w.body.stmts).find_map(|s| match &s.kind {
        StmtKind::Transaction(tx) => Some(tx.point.path.to_string()),
        _ => None,
    });
    assert_eq!(tx.as_deref(), Some("Shop.take"));
}

#[test]
fn unnamed_waits_and_loops_are_numbered() {
    let (program, _) = program("workflow W() { sleep 1s sleep 1s repeat forever { sleep 1s } }");
    let mut found = Vec::new();
    for workflow in program.workflows.values() {
        workflow.body.walk(true, &mut |stmt| match &stmt.kind {
            StmtKind::Sleep(point, _) => found.push(point.path.to_string()),
            StmtKind::Repeat(repeat) => found.push(repeat.point.path.to_string()),
            _ => {}
        });
    }
    assert_eq!(found, ["sleep", "sleep#2", "repeat", "repeat[]/sleep"]);
}

#[test]
fn the_key_of_a_wait_is_taken_out_of_its_condition() {
    let (program, _) = program(
        "workflow W(order: uuid) { await event Settled where amount > 1 EUR and order == order within 1h }",
    );
    let mut seen = false;
    for workflow in program.workflows.values() {
        workflow.body.walk(true, &mut |stmt| {
            let StmtKind::Await(wait) = &stmt.kind else { return };
            let Awaited::Event(event) = &wait.awaited else { return };
            let key = event.key.map(|id| &program.exprs[id].kind);
            assert!(
                matches!(key, Some(ExprKind::Local(id)) if program.locals[*id].name == "order")
            );
            assert_eq!(event.rest.len(), 1);
            seen = true;
        });
    }
    assert!(seen);
}

#[test]
fn a_trigger_passes_the_field_of_its_parameters_type_else_the_event() {
    let (program, _) = program(
        "workflow A(order: uuid) on Settled(order) {}\nworkflow B(settled: Settled) on Settled(settled) {}",
    );
    let fields: Vec<Option<u32>> = program
        .workflows
        .values()
        .flat_map(|w| &w.triggers)
        .filter_map(|t| match t {
            Trigger::Event { field, .. } => Some(*field),
            Trigger::Batch { .. } => None,
        })
        .collect();
    assert_eq!(fields, [Some(0), None]);
}

#[test]
fn arms_that_bind_one_name_join_it() {
    let (program, _) = program("workflow W() { if true { x = 1 } else { x = 2 }\ny = x }");
    let mut joined = 0;
    for workflow in program.workflows.values() {
        workflow.body.walk(true, &mut |stmt| {
            if let StmtKind::If(choice) = &stmt.kind {
                joined += choice.joins.iter().map(|j| j.from.len()).sum::<usize>();
            }
        });
    }
    assert_eq!(joined, 2);
}

#[test]
fn a_policy_is_looked_up_and_what_the_step_says_wins() {
    let (program, _) =
        program("workflow W(id: uuid) { step Post.send(id) retry quick, backoff 5s }");
    let mut seen = Vec::new();
    for workflow in program.workflows.values() {
        workflow.body.walk(true, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind {
                seen.extend(step.retry.clone());
            }
        });
    }
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].times, crate::hir::Times::N(3));
    assert_eq!(seen[0].backoff.map(|b| b.base_ms), Some(5000));
    assert!(seen[0].policy.is_some());
}
