//! Undos must be guaranteed, and the aftermath is the last word: F0204 (an undo that needs a result
//! nobody may ever learn), F0205, F0206, F0207, F0210; what it carries and what it says: F0212 to F0215.

mod capture;
mod honest;

use super::lock::Commits;
use super::recovery::{self, Cause, Effect, Node, Reducer, Undo, escapes};
use crate::check::once::Once;
use crate::diagnostic::Diagnostic;
use crate::hir::{CompensateHow, Program, Step, StmtKind};
use crate::source::Sources;
use crate::span::Span;
use crate::types::Table;

/// Checks every undo that is declared, and every aftermath.
pub fn check(
    program: &Program,
    table: &Table,
    sources: &Sources,
    commits: &Commits<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    capture::check(program, table, findings);
    honest::check(program, sources, commits, findings);
    let mut rule = Rule { program, sources, once: Once::new(findings) };
    for action in program.actions.values() {
        if let Some(own) = &action.compensate {
            rule.compensation(&own.how, own.span);
        }
    }
    super::each_stmt(program, &mut |stmt| match &stmt.kind {
        StmtKind::Step(step) => {
            // Once the run has committed nothing is armed any more.
            if commits.before.contains(&step.call.span) {
                rule.needs_result(step);
            }
            if let crate::hir::Undo::Own(own) = &step.undo {
                rule.compensation(&own.how, own.span);
            }
        }
        StmtKind::Transaction(tx) => {
            if let Some(own) = &tx.compensate {
                rule.compensation(&own.how, own.span);
            }
        }
        _ => {}
    });
    for workflow in program.workflows.values() {
        if let Some(aftermath) = &workflow.aftermath {
            rule.aftermath(&aftermath.body);
        }
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    sources: &'p Sources,
    once: Once<'f>,
}

impl Rule<'_, '_> {
    fn compensation(&mut self, how: &CompensateHow, span: Span) {
        let CompensateHow::Block { body, .. } = how else { return };
        let mut reducer = Reducer::new(self.program, self.sources);
        reducer.undo = true;
        let nodes = reducer.block(body);
        self.contents(&nodes, span);
        for abort in escapes(&nodes) {
            if self.once.has("F0206", abort.span) {
                continue;
            }
            match &abort.cause {
                Cause::Declared(error) if abort.span != span => self.once.say(
                    Diagnostic::error(
                        "F0207",
                        span,
                        format!("this undo can fail with {error}, and nothing says what happens then"),
                    )
                    .label(span, "an undo must succeed in the end")
                    .label(abort.span, abort.label)
                    .help(format!("handle it: `on {error} => skip` in a block, or take the error out of the undo's contract")),
                ),
                _ => self.once.say(
                    Diagnostic::error("F0206", abort.span, "an undo can give up")
                        .label(abort.span, abort.label)
                        .help("leave `retry` out: an undo insists until it succeeds; or say `else manual \"…\"`"),
                ),
            }
        }
    }

    /// What may not stand in an undo at all.
    fn contents(&mut self, nodes: &[Node], span: Span) {
        let mut all = Vec::new();
        nodes.iter().for_each(|node| node.walk(&mut |inner| all.push(inner)));
        for node in all {
            match node {
                Node::Step(step) => {
                    if step.pivot || matches!(step.effect, Effect::Pivot | Effect::CommittingChild)
                    {
                        self.forbidden(step.span, "a pivot", "what cannot be undone cannot undo");
                    } else if matches!(step.undo, Undo::Arguments | Undo::Result) {
                        self.forbidden(step.span, "an undo of its own", "an undo is not undone");
                    } else if step.effect == Effect::Write && !step.repeatable {
                        self.not_idempotent(step, span);
                    }
                }
                Node::Wait { span: at, .. } => {
                    self.forbidden(*at, "a wait", "an undo must not hang on a person or an event");
                }
                Node::Fail { span: at, .. } => {
                    self.forbidden(
                        *at,
                        "a `fail`",
                        "there is nothing left that could undo the undo",
                    );
                }
                _ => {}
            }
        }
    }

    fn forbidden(&mut self, span: Span, what: &str, why: &str) {
        self.once.say(
            Diagnostic::error("F0206", span, format!("an undo contains {what}"))
                .label(span, why)
                .help(
                    "an undo may read, write what is `idempotent`, and ask a person with `manual`",
                ),
        );
    }

    fn not_idempotent(&mut self, step: &recovery::Step, span: Span) {
        self.once.say(
            Diagnostic::error(
                "F0205",
                span,
                format!("`{}` undoes something, but may not be repeated", step.name),
            )
            .label(span, "this undo is sent again until it is known to have happened")
            .help(format!(
                "declare `{}` as `idempotent` in `service {}`",
                step.action, step.service
            )),
        );
    }

    /// The undo needs a result that an unknown outcome never gives.
    fn needs_result(&mut self, step: &Step) {
        let reduced = Reducer::new(self.program, self.sources).step(step);
        let write = reduced.effect == Effect::Write;
        if !write || reduced.undo != Undo::Result || reduced.repeatable || reduced.probe {
            return;
        }
        self.once.say(
            Diagnostic::error(
                "F0204",
                reduced.span,
                format!("`{}` may end unknown, and its undo needs the answer", reduced.name),
            )
            .label(reduced.span, "if the connection is lost here, nobody has the result to undo with")
            .help(format!(
                "any one of these fixes it:\n• declare `{0}` as `idempotent`: asking again gives the answer\n• give it a `probe` that tells whether it happened\n• undo it by its arguments instead of its result",
                reduced.action
            )),
        );
    }

    fn aftermath(&mut self, body: &crate::hir::Block) {
        let nodes = Reducer::new(self.program, self.sources).block(body);
        for abort in escapes(&nodes) {
            self.once.say(
                Diagnostic::error("F0210", abort.span, "a step of `after failure` can fail itself")
                    .label(abort.span, abort.label)
                    .help("`after failure` is the last word: say `else skip`, or `retry forever` on an `idempotent` action"),
            );
        }
    }
}
