//! Transactions: one effect with a block inside, whose outcome row says what came of it (C9).

use super::step::tx_retry;
use super::workflow::Lowerer;
use super::{bound, decl};
use crate::hir;
use sagaflow_fir as fir;
use std::collections::BTreeSet;

/// Bound of one attempt of a block; its statements have bounds of their own.
const ATTEMPT_MS: i64 = 5 * 60 * 1_000;

/// Bound of the question what came of it.
const SETTLE_MS: i64 = 30_000;

/// How a database is asked what came of a transaction, and told to refuse it from then on.
pub(super) fn settle(database: &str) -> (String, String, Vec<(String, fir::Expr)>, i64) {
    (database.to_owned(), fir::SETTLE.to_owned(), Vec::new(), SETTLE_MS)
}

impl Lowerer<'_> {
    pub(super) fn transaction(&mut self, tx: &hir::Transaction) -> fir::Stmt {
        let exits = tx.body.exits();
        for (leaves, word) in
            [(exits.returns, "return"), (exits.gives, "give"), (exits.again, "again")]
        {
            if leaves {
                self.cannot(&format!("`{word}` out of a `transaction`"), tx.span);
            }
        }
        let at = self.point(&tx.point, tx.span);
        let path = self.points.get(&at).map_or_else(|| at.clone(), |point| point.path.clone());
        let outer = std::mem::replace(&mut self.inside, true);
        let body = self.block(&tx.body);
        self.inside = outer;
        let undo = match &tx.compensate {
            None => fir::CallUndo::None,
            Some(own) => {
                let later = bound_in(self.cx.program, &tx.body);
                self.undo_block(own, (None, later), (&at, &path))
            }
        };
        let forward = !self.undo && !self.aftermath;
        let commits = matches!(undo, fir::CallUndo::None) && forward;
        let service = tx.database.map_or_else(
            || tx.name.node.to_string(),
            |id| decl::database_name(self.cx.program, id),
        );
        let call = fir::Call {
            probe: Some(settle(&service)),
            service,
            action: fir::TRANSACTION.to_owned(),
            args: Vec::new(),
            by: None,
            idempotent: true,
            key_for_ms: None,
            within_ms: ATTEMPT_MS,
            deadline_ms: tx.guard.deadline.as_ref().map(|deadline| deadline.value),
            retry: tx_retry(tx.guard.retry.as_ref(), self.undo, Vec::new()),
        };
        let isolation = match tx.isolation.as_ref().map(|level| level.node.as_str()) {
            Some("serializable") => fir::Isolation::Serializable,
            Some("repeatable_read") => fir::Isolation::RepeatableRead,
            _ => fir::Isolation::ReadCommitted,
        };
        let keeps = bound::assigned(&body);
        fir::Stmt::Step(Box::new(fir::StepStmt {
            at,
            class: fir::Class::Tx,
            commits,
            bind: None,
            call,
            undo,
            fallback: None,
            handlers: self.handlers(&tx.guard.handlers),
            block: Some(fir::TransactionBlock { isolation, body, keeps }),
        }))
    }

    /// A savepoint is a scope that only its transaction knows.
    pub(super) fn savepoint(&mut self, savepoint: &hir::Savepoint) -> fir::Stmt {
        let name = &savepoint.name.node;
        let at =
            self.register(format!("savepoint {name}"), format!("savepoint {name}"), savepoint.span);
        let body = self.block(&savepoint.body);
        fir::Stmt::Scope(Box::new(fir::ScopeStmt {
            at,
            body,
            retry: None,
            deadline_ms: None,
            interrupts: Vec::new(),
            fallback: None,
            handlers: self.handlers(&savepoint.handlers),
        }))
    }
}

/// Names that are bound inside a block: its undo knows them when it has ended.
fn bound_in(program: &hir::Program, body: &hir::Block) -> BTreeSet<hir::LocalId> {
    let inside = |local: &hir::Local| {
        local.span.file == body.span.file
            && local.span.start >= body.span.start
            && local.span.end <= body.span.end
    };
    program.locals.iter().filter(|(_, local)| inside(local)).map(|(id, _)| id).collect()
}
