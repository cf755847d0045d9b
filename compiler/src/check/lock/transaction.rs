//! What may stand in a transaction: F0604, F0606, F0609.

use crate::check::once::Once;
use crate::diagnostic::Diagnostic;
use crate::hir::{Block, DatabaseId, Program, Provider, Stmt, StmtKind, Target, Transaction};
use crate::span::Span;

/// Checks every transaction, those of undos and contracts included.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let mut rule = Rule { program, once: Once::new(findings) };
    super::super::each_block(program, &mut |block| rule.outside(block));
    for action in program.actions.values() {
        action.compensate.iter().for_each(|own| own.each_block(&mut |block| rule.outside(block)));
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    once: Once<'f>,
}

impl<'p> Rule<'p, '_> {
    fn outside(&mut self, block: &'p Block) {
        for stmt in &block.stmts {
            match &stmt.kind {
                StmtKind::Transaction(tx) => {
                    self.transaction(tx);
                    continue;
                }
                StmtKind::Savepoint(point) => self.once.say(
                    Diagnostic::error("F0606", stmt.span, "a savepoint belongs into a transaction")
                        .label(point.name.span, "there is nothing here that could be rolled back to it")
                        .help("put it inside a `transaction`, or use a `scope`, which undoes its steps"),
                ),
                StmtKind::Parallel(fork) => {
                    for branch in &fork.branches {
                        self.outside_stmt(branch);
                    }
                }
                _ => {}
            }
            stmt.each_block(true, &mut |inner| self.outside(inner));
        }
    }

    fn transaction(&mut self, tx: &'p Transaction) {
        tx.body.stmts.iter().for_each(|inner| self.inside(inner, tx));
        if let Some(own) = &tx.compensate {
            own.each_block(&mut |undo| self.outside(undo));
        }
        tx.guard.each_block(&mut |remedy| self.outside(remedy));
    }

    /// A branch is a block of one statement.
    fn outside_stmt(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::Transaction(tx) => self.transaction(tx),
            StmtKind::Parallel(fork) => {
                fork.branches.iter().for_each(|branch| self.outside_stmt(branch));
                stmt.each_block(true, &mut |inner| self.outside(inner));
            }
            _ => stmt.each_block(true, &mut |inner| self.outside(inner)),
        }
    }

    fn inside(&mut self, stmt: &'p Stmt, tx: &'p Transaction) {
        match &stmt.kind {
            StmtKind::Step(step) => {
                self.step(step.call.target, step.call.span, &step.call.text, tx)
            }
            StmtKind::Await(wait) => self.waits(wait.span, "a wait", tx),
            StmtKind::AwaitFirst(first) => self.waits(first.span, "a wait", tx),
            StmtKind::Sleep(..) => self.waits(stmt.span, "a sleep", tx),
            StmtKind::Manual(..) => self.waits(stmt.span, "a question to a person", tx),
            StmtKind::Parallel(fork) => {
                self.waits(before(stmt, fork.body_span), "a `parallel`", tx);
                return;
            }
            StmtKind::ParallelEach(each) => {
                self.waits(before(stmt, each.body.span), "a `parallel each`", tx);
                return;
            }
            StmtKind::Lock(lock) => {
                self.waits(before(stmt, lock.body.span), "a `lock`", tx);
                return;
            }
            StmtKind::Transaction(inner) => {
                self.nested(inner, tx);
                return;
            }
            _ => {}
        }
        stmt.each_block(false, &mut |block| {
            block.stmts.iter().for_each(|inner| self.inside(inner, tx));
        });
    }

    fn step(&mut self, target: Target, span: Span, text: &str, tx: &Transaction) {
        let head = head(tx);
        match target {
            Target::Workflow(_) => self.waits(span, "a child run", tx),
            Target::Action(id) => match self.program.actions[id].provider {
                Provider::Service(_) => self.once.say(
                    Diagnostic::error(
                        "F0604",
                        span,
                        format!("`{text}` is called while a transaction is open"),
                    )
                    .label(head, "rows are locked from here…")
                    .label(span, "…and this goes over the network; rolling back would not undo it")
                    .help("call it before the transaction, or behind it"),
                ),
                Provider::Database(own) => {
                    if tx.database.is_some_and(|around| around != own) {
                        self.elsewhere(own, span, text, tx);
                    }
                }
            },
            Target::Error => {}
        }
    }

    /// F0609.
    fn elsewhere(&mut self, own: DatabaseId, span: Span, text: &str, tx: &Transaction) {
        let name = &self.program.databases[own].name.name;
        self.once.say(
            Diagnostic::error("F0609", span, format!("`{text}` is not part of this transaction"))
                .label(tx.name.span, format!("this is a transaction of `{}`…", tx.name.node))
                .label(
                    span,
                    format!("…and this runs in `{name}`: one may commit without the other"),
                )
                .help(format!(
                    "do it outside, in a `transaction {name}` of its own with its own undo"
                )),
        );
    }

    fn nested(&mut self, inner: &'p Transaction, tx: &Transaction) {
        match (inner.database, tx.database) {
            (Some(own), Some(around)) if own != around => {
                let text = format!("transaction {}", inner.name.node);
                self.elsewhere(own, head(inner), &text, tx);
            }
            _ => self.waits(head(inner), "another transaction", tx),
        }
    }

    /// F0606.
    fn waits(&mut self, span: Span, what: &str, tx: &Transaction) {
        self.once.say(
            Diagnostic::error("F0606", span, format!("a transaction contains {what}"))
                .label(head(tx), "a connection and its row locks are held from here…")
                .label(span, "…and nobody knows how long this takes")
                .help("do it before the transaction or behind it; inside, `each` and `savepoint` are fine"),
        );
    }
}

fn head(tx: &Transaction) -> Span {
    Span { end: tx.name.span.end, ..tx.span }
}

fn before(stmt: &Stmt, body: Span) -> Span {
    Span { end: body.start.max(stmt.span.start), ..stmt.span }
}
