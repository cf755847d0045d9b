//! One key means one call: F0506.

use crate::check::call;
use crate::check::recovery::Facts;
use crate::diagnostic::Diagnostic;
use crate::hir::{Block, Class, Origin, Program, Step, Stmt, StmtKind};
use std::collections::BTreeMap;

/// Checks the calls of every workflow against each other.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        let mut rule = Rule { program, calls: BTreeMap::new(), findings };
        rule.block(&workflow.body, &mut Vec::new());
    }
}

/// Which arm of which choice: two calls in different arms of one choice never both run.
type Arms = Vec<(u32, usize)>;

struct Seen<'p> {
    step: &'p Step,
    args: Option<String>,
    arms: Arms,
}

struct Rule<'p, 'f> {
    program: &'p Program,
    /// By action and key.
    calls: BTreeMap<(crate::hir::ActionId, String), Vec<Seen<'p>>>,
    findings: &'f mut Vec<Diagnostic>,
}

impl<'p> Rule<'p, '_> {
    fn block(&mut self, block: &'p Block, arms: &mut Arms) {
        for stmt in &block.stmts {
            self.stmt(stmt, arms);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt, arms: &mut Arms) {
        let inside = |rule: &mut Self, arms: &mut Arms, blocks: Vec<&'p Block>| {
            for (at, block) in blocks.into_iter().enumerate() {
                arms.push((stmt.span.start, at));
                rule.block(block, arms);
                arms.pop();
            }
        };
        match &stmt.kind {
            StmtKind::If(choice) => {
                let blocks = std::iter::once(&choice.then).chain(&choice.otherwise).collect();
                inside(self, arms, blocks);
            }
            StmtKind::Match(choice) => {
                inside(self, arms, choice.arms.iter().map(|arm| &arm.body).collect());
            }
            StmtKind::AwaitFirst(first) => {
                inside(self, arms, first.arms.iter().map(|arm| &arm.body).collect());
            }
            _ => {
                if let StmtKind::Step(step) = &stmt.kind {
                    self.step(step, arms);
                }
                if let StmtKind::Parallel(fork) = &stmt.kind {
                    fork.branches.iter().for_each(|branch| self.stmt(branch, arms));
                }
                stmt.each_block(false, &mut |block| self.block(block, arms));
            }
        }
    }

    fn step(&mut self, step: &'p Step, arms: &Arms) {
        let Some((id, action)) = call::action(self.program, step) else { return };
        let Some(key) = &step.idempotent else { return };
        if action.class.node == Class::Read || key.value.by.is_empty() {
            return;
        }
        let stands = match key.origin {
            Origin::Contract(_) => call::stands(self.program, step),
            Origin::Step => BTreeMap::new(),
        };
        let facts = Facts::at_call(self.program, stands);
        let spelled: Option<Vec<String>> =
            key.value.by.iter().map(|by| facts.spelled(*by)).collect();
        // What is drawn differs from call to call.
        let Some(spelled) = spelled else { return };
        let args: Option<Vec<String>> =
            step.call.args.values.iter().flatten().map(|arg| facts.spelled(*arg)).collect();
        let seen = Seen { step, args: args.map(|args| args.join(",")), arms: arms.clone() };
        let calls = self.calls.entry((id, spelled.join(","))).or_default();
        let clash = calls.iter().find(|other| {
            !excludes(&other.arms, arms) && (other.args != seen.args || seen.args.is_none())
        });
        if let Some(first) = clash {
            self.findings.push(
                Diagnostic::error(
                    "F0506",
                    step.call.span,
                    format!("two calls of `{}` have one key, but say different things", step.call.text),
                )
                .label(first.step.call.span, "this key…")
                .label(step.call.span, "…is used again here with other arguments: the service gives the first answer, or refuses")
                .help("add the argument that differs to the key, or leave `by` out: each step then has a key of its own"),
            );
        }
        calls.push(seen);
    }
}

/// Whether two places stand in different arms of one choice.
fn excludes(a: &Arms, b: &Arms) -> bool {
    a.iter().any(|(choice, arm)| b.iter().any(|(other, at)| choice == other && arm != at))
}
