//! Blocks that can fail or be stopped as a whole: transactions, and what has an interrupt or a
//! deadline of its own.

use super::sheet::{Undoing, Way};
use super::stack::{Cause, Leaves, leaves, unwinding};
use super::walk::Walker;
use crate::hir::{Block, CompensateHow, Guard, Handlers, On, StmtKind, Times, Transaction};
use crate::span::Span;
use crate::words::duration;

impl<'p> Walker<'p> {
    /// A transaction: its writes are one effect, whose outcome its row tells.
    pub(super) fn transaction(&mut self, tx: &'p Transaction, span: Span) {
        let what = format!("transaction {}", tx.name.node);
        let own = tx.compensate.as_ref();
        let waived = own.is_some_and(|undo| matches!(undo.how, CompensateHow::Waived(_)));
        let own = own.and_then(|undo| self.entry_of(undo, &tx.point.at, what.clone()));
        let own = own.filter(|_| self.keeps());
        let mut ways = Vec::new();
        let mut raised = Vec::new();
        self.raised(&tx.body, &mut raised);
        raised.dedup();
        for name in raised {
            let what = format!("fails {name}");
            ways.push(self.failing(&tx.guard.handlers, Cause::Declared(name), None, &what));
        }
        let policy = self.words.transaction_policy(tx.guard.retry.as_ref());
        let told = |what: &str, then: String, ends: &str| Way {
            what: what.into(),
            then,
            undone: Vec::new(),
            ends: ends.into(),
        };
        let endless = matches!(tx.guard.retry.as_ref().map(|r| r.times), Some(Times::Forever));
        ways.push(if endless && tx.guard.deadline.is_none() {
            told("refused", "it is tried until it commits".into(), "tries again")
        } else {
            let mut way = self.failing(&tx.guard.handlers, Cause::Refused, None, "refused");
            way.then = format!("after {}: {}", policy.words(), way.then);
            way
        });
        let row = "its outcome row says whether it committed".to_owned();
        ways.push(told("unknown", format!("never for long: {row}"), "goes on"));
        ways.push(told("crash", row, "goes on"));
        let commits = tx.compensate.is_none() && !self.after;
        let struck = self.struck(own.as_ref(), commits && !waived);
        ways.extend(struck);
        self.point(&tx.point.at, what.clone(), span, ways);
        if commits {
            self.commit(what);
        }
        self.k.extend(own);
    }

    /// Errors that leave a transaction's body.
    fn raised(&self, block: &'p Block, into: &mut Vec<String>) {
        block.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Fail(fail) => into.push(fail.name.node.to_string()),
            StmtKind::Step(step) => {
                for id in self.words.program.target_errors(&step.call.target) {
                    let name = &self.words.program.errors[*id].name.node;
                    if !takes(&step.handlers, name) {
                        into.push(name.to_string());
                    }
                }
            }
            _ => {}
        });
    }

    /// What stops a guarded block from outside: its deadline and its interrupts. Its frame is open.
    pub(super) fn stopped(
        &mut self,
        guard: &'p Guard,
        (at, what, span): (&str, String, Span),
        depth: Option<usize>,
    ) {
        let Some(depth) = depth else { return };
        let undone = unwinding(&self.k, &self.frames, Some(depth - 1));
        let undone = Undoing::perhaps(&undone);
        let mut ways = Vec::new();
        for interrupt in &guard.interrupts {
            let (undone, how) = match interrupt.keep {
                true => (Vec::new(), "it stops, and what it did is kept"),
                false => (undone.clone(), "it stops, and what it did is undone"),
            };
            let then = format!("{how}, then: {}", self.words.remedy(&interrupt.remedy));
            let ends = match leaves(&interrupt.remedy) {
                Leaves::Fails(name) => format!("failed {name}"),
                Leaves::Asks => "asks a person".to_owned(),
                Leaves::Skips | Leaves::GoesOn => "goes on".to_owned(),
            };
            let what = format!("event {}", interrupt.wait.name.node);
            let mut way = Way { what, then, undone, ends };
            if let Leaves::Fails(name) = leaves(&interrupt.remedy) {
                let (more, told, ends) = self.travels(&Cause::Declared(name), depth - 1);
                way = Way {
                    then: format!("{}; {told}", way.then),
                    undone: if interrupt.keep { more } else { Undoing::perhaps(&more) },
                    ends,
                    ..way
                };
            }
            ways.push(way);
        }
        if let Some(deadline) = guard.deadline {
            let (undone, told, ends) = self.travels(&Cause::Timeout, depth);
            let then = format!("after {} it is stopped; {told}", duration(deadline.value));
            let undone = Undoing::perhaps(&undone);
            ways.push(Way { what: "deadline of the block".into(), then, undone, ends });
        }
        if !ways.is_empty() {
            self.point(at, what, span, ways);
        }
    }
}

/// Whether handlers take an error.
fn takes(handlers: &Handlers, error: &str) -> bool {
    let named = |on: &On| matches!(on, On::Error { name, .. } if name.node == *error);
    handlers.otherwise.is_some() || handlers.on.iter().any(|handler| named(&handler.on))
}
