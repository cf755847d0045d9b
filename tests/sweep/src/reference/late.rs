//! The workflow's deadline (T4, X1): when it strikes, and what may still begin behind it.

use super::End;
use crate::ledger::{Ledger, Purpose};
use crate::program::{Class, Program, Stmt, Undo};

/// `failure.error` of a run whose deadline struck.
pub(super) const CAUSE: &str = "deadline";

/// Whether the run says that its deadline struck.
pub(super) fn struck(ledger: &Ledger) -> bool {
    ledger.status == "failed" && ledger.error == CAUSE
}

/// Where everything is asked to stop, by the ledger's clock.
pub(super) fn stop(ledger: &Ledger) -> usize {
    ledger.late.filter(|_| struck(ledger)).unwrap_or(usize::MAX)
}

/// Whether the deadline struck where it may, and where it must.
///
/// # Errors
/// In words, where it did not.
pub(super) fn judge(
    program: &Program,
    ledger: &Ledger,
    end: &End,
    committed: Option<usize>,
) -> Result<(), String> {
    let Some(late) = ledger.late else {
        return match struck(ledger) {
            true => Err("it ended with its deadline before that had passed".to_owned()),
            false => Ok(()),
        };
    };
    if let End::Failed(failure) = end
        && !struck(ledger)
        && failure.since.is_some_and(|since| since > late)
    {
        return Err(format!("it failed with `{}` after its deadline", failure.error));
    }
    if commits_unseen(program) {
        return Ok(());
    }
    // Behind the commit point the deadline stops nothing. Of a commit that a probe told, the place is
    // not known.
    let until = committed.unwrap_or(usize::MAX);
    match ledger.sent.iter().find(|sent| {
        let first = ledger.under(&sent.key).next().is_some_and(|first| first.pos == sent.pos);
        let begins = sent.purpose == Purpose::Do && sent.attempt == 1 && first;
        begins && (late..until).contains(&sent.pos) && !aftermath(program, &sent.id.action)
    }) {
        Some(sent) => Err(format!("{} begins at {}, after the deadline", sent.id, sent.pos)),
        None => Ok(()),
    }
}

/// P3: whether a write in front of the pivot commits by itself, which no answer in the ledger shows.
fn commits_unseen(program: &Program) -> bool {
    let is_pivot = |stmt: &Stmt| {
        let mut found = false;
        crate::program::each_stmt(stmt, &mut |stmt| {
            found |= matches!(stmt, Stmt::Call(call) if call.class == Class::Pivot);
        });
        found
    };
    let front = program.body.iter().take_while(|stmt| !is_pivot(stmt)).cloned().collect();
    let front = Program { body: front, after: Vec::new(), result: None, deadline: None };
    front
        .calls()
        .iter()
        .any(|call| call.class == Class::Write && matches!(call.undo, Undo::None | Undo::Waived))
}

fn aftermath(program: &Program, action: &str) -> bool {
    let body = program.after.clone();
    let after = Program { body, after: Vec::new(), result: None, deadline: None };
    after.calls().iter().any(|call| call.action == action)
}
