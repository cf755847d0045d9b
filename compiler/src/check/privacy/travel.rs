//! Where labelled values go: texts that people see (F0802) and places without the label (F0803).
//! Walks the program for what is never done with a secret, too.

use super::label::{Labels, what, word};
use super::through::{self, Handed};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Args, Awaited, Block, Call, CompensateHow, ExprId, ExprKind, Field, Function, FunctionBody,
    Human, Label, Program, RecordLike, Stmt, StmtKind, Target, Ty, TyKind, Workflow,
};
use crate::span::Span;
use crate::types::Table;

/// Checks every expression of the program that runs.
pub fn check(
    program: &Program,
    table: &Table,
    labels: &Labels<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut rule = Rule { program, labels, findings, calls: Vec::new() };
    for human in program.humans.values() {
        rule.human(human);
    }
    for function in program.functions.values() {
        rule.function(function);
    }
    for action in program.actions.values() {
        if let Some(own) = &action.compensate
            && let CompensateHow::Block { body, .. } = &own.how
        {
            rule.block(body, None);
        }
        if let Some(probe) = &action.probe {
            rule.call(&probe.call);
        }
    }
    for workflow in program.workflows.values() {
        rule.block(&workflow.body, Some(workflow));
        if let Some(aftermath) = &workflow.aftermath {
            rule.block(&aftermath.body, Some(workflow));
        }
    }
    let calls = rule.calls;
    through::check(program, table, &calls, findings);
}

/// What may be done instead of marking a place.
const WAYS_OUT: &str =
    "use an id or `fingerprint(…)`, or say why nobody is harmed with `reveal(…, \"…\")`";

pub(super) struct Rule<'p, 'f> {
    pub program: &'p Program,
    pub labels: &'f Labels<'f>,
    pub findings: &'f mut Vec<Diagnostic>,
    /// Calls of functions with a secret that nothing marks there, by the argument.
    pub calls: Vec<(ExprId, Handed)>,
}

impl<'p> Rule<'p, '_> {
    pub(super) fn function(&mut self, function: &'p Function) {
        match &function.body {
            FunctionBody::Fn { lets, value } => {
                lets.iter().for_each(|(_, value)| self.inside(*value));
                self.inside(*value);
            }
            FunctionBody::Decide { rules, otherwise } => {
                for row in rules {
                    self.condition(row.when);
                    self.inside(row.when);
                    self.inside(row.then);
                }
                otherwise.iter().for_each(|value| self.inside(*value));
            }
        }
    }

    pub(super) fn span(&self, id: ExprId) -> Span {
        self.program.exprs[id].span
    }

    fn human(&mut self, human: &'p Human) {
        human.title.iter().for_each(|title| self.text(*title, "the title of a task"));
        for shown in &human.show {
            if self.labels.deep(*shown) == Label::Secret {
                self.secret(*shown, "shown to a person");
            }
        }
        let assigned = human.assign.iter().flat_map(|a| std::iter::once(a.to).chain(a.except));
        human.title.into_iter().chain(assigned).for_each(|expr| self.inside(expr));
    }

    fn block(&mut self, block: &'p Block, workflow: Option<&'p Workflow>) {
        block.walk(true, &mut |stmt| self.stmt(stmt, workflow));
    }

    fn stmt(&mut self, stmt: &'p Stmt, workflow: Option<&'p Workflow>) {
        match &stmt.kind {
            StmtKind::Step(step) => self.call(&step.call),
            StmtKind::Await(wait) => self.awaited(&wait.awaited),
            StmtKind::AwaitFirst(first) => {
                for arm in &first.arms {
                    if let crate::hir::ArmWait::Awaited(awaited) = &arm.wait {
                        self.awaited(awaited);
                    }
                }
            }
            StmtKind::Emit { event: Some(event), args } => {
                let fields = &self.program.events[*event].fields;
                self.args(fields, args, true);
            }
            StmtKind::Start { workflow: Some(id), args, .. } => {
                self.args(&self.program.workflows[*id].params, args, false);
            }
            StmtKind::Progress(text, _) => self.text(*text, "a progress message"),
            StmtKind::Review(text) => self.text(*text, "the review queue"),
            StmtKind::Manual(_, text) => self.text(*text, "a question to a person"),
            // What is rejected goes where the event was; the reason goes to screens.
            StmtKind::Reject(_, reason) => self.text(*reason, "the reason of a reject"),
            StmtKind::Fail(fail) => {
                fail.args.each().for_each(|arg| self.text(arg, "the payload of an error"));
            }
            StmtKind::Return(Some(value)) | StmtKind::Reply(value) => self.answer(*value, workflow),
            StmtKind::Match(choice) => {
                let patterns = choice.arms.iter().map(|arm| arm.pattern);
                self.matched(choice.subject, patterns);
            }
            StmtKind::If(choice) => self.condition(choice.condition),
            StmtKind::Repeat(repeat) => {
                repeat.until.iter().for_each(|until| self.condition(*until))
            }
            _ => {}
        }
        stmt.each_expr(&mut |expr| self.inside(expr));
    }

    fn awaited(&mut self, awaited: &'p Awaited) {
        if let Awaited::Task { human: Some(human), args, .. } = awaited {
            self.args(&self.program.humans[*human].params, args, false);
        }
    }

    fn call(&mut self, call: &'p Call) {
        let params = match call.target {
            Target::Action(id) => &self.program.actions[id].params,
            Target::Workflow(id) => &self.program.workflows[id].params,
            Target::Error => return,
        };
        self.args(params, &call.args, false);
    }

    /// F0803: the label must travel; a secret is never emitted.
    fn args(&mut self, fields: &'p [Field], args: &Args, emitted: bool) {
        for (field, value) in fields.iter().zip(&args.values) {
            let Some(value) = *value else { continue };
            if emitted && self.labels.deep(value) == Label::Secret {
                self.secret(value, "emitted");
                continue;
            }
            self.into(field, value, if emitted { "event field" } else { "parameter" });
        }
    }

    fn into(&mut self, field: &Field, value: ExprId, place: &str) {
        let label = self.labels.lost(value, &field.ty.node);
        if label == Label::Open {
            return;
        }
        let (span, name, word) = (self.span(value), &field.name.node, word(label));
        let (headline, gap, help) = match self.marks_a_part(&field.ty.node, label) {
            true => (
                format!("{} goes into a {place} that marks only a part as `{word}`", what(label)),
                format!("…and what `{name}` marks stands elsewhere in it: this would go to logs"),
                format!("mark the whole, `{name}: {word} {}`", self.shown(&field.ty.node)),
            ),
            false => (
                format!("{} goes into a {place} that is not marked `{word}`", what(label)),
                format!("…and nothing marks `{name}` as such: it would go to logs"),
                format!("declare it as `{name}: {word} …`"),
            ),
        };
        self.findings.push(
            Diagnostic::error("F0803", span, headline)
                .label(span, format!("this is {}…", what(label)))
                .label(field.name.span, gap)
                .help(format!("{help}, or {WAYS_OUT}")),
        );
    }

    /// Whether something within a type has the label, so that it cannot be said to be unmarked.
    fn marks_a_part(&self, ty: &Ty, label: Label) -> bool {
        self.program.plain(ty).label < label && self.program.carried_label(ty) >= label
    }

    /// A type as it is written, without the labels of its parts.
    fn shown(&self, ty: &Ty) -> String {
        self.program.show_ty(&self.program.opened(ty))
    }

    /// F0802.
    fn text(&mut self, value: ExprId, place: &str) {
        let label = self.labels.deep(value);
        if label == Label::Open {
            return;
        }
        let span = self.span(value);
        self.findings.push(
            Diagnostic::error("F0802", span, format!("{place} contains {}", what(label)))
                .label(span, "this goes to logs and screens")
                .help("name the run or the order instead of the person, or say why with `reveal(…, \"…\")`"),
        );
    }

    /// What a workflow answers.
    fn answer(&mut self, value: ExprId, workflow: Option<&Workflow>) {
        if self.labels.deep(value) == Label::Secret {
            self.secret(value, "returned");
            return;
        }
        let Some(result) = workflow.and_then(|workflow| workflow.result.as_ref()) else { return };
        let label = self.labels.lost(value, &result.node);
        if label == Label::Open {
            return;
        }
        let (span, word) = (self.span(value), word(label));
        let (says, gap) = match self.marks_a_part(&result.node, label) {
            true => ("marks only a part of it", "…and what is marked here stands elsewhere in it"),
            false => ("does not say so", "…and the result is not marked as such"),
        };
        let shown = self.shown(&result.node);
        self.findings.push(
            Diagnostic::error(
                "F0803",
                span,
                format!("{} is the result of a workflow that {says}", what(label)),
            )
            .label(span, format!("this is {}…", what(label)))
            .label(result.span, gap)
            .help(format!("declare the result as `{word} {shown}`, or {WAYS_OUT}")),
        );
    }

    /// Whatever stands inside an expression: secrets that are compared, records that lose a label.
    pub(super) fn inside(&mut self, expr: ExprId) {
        let mut found = Vec::new();
        self.program.each_inner(expr, &mut |inner| found.push(inner));
        for inner in found {
            self.asked(inner);
            match &self.program.exprs[inner].kind {
                ExprKind::Record(RecordLike::Record(id), args) => {
                    self.fields(&self.program.records[*id].fields, args);
                }
                ExprKind::Variant(id, index, args) => {
                    let variants = &self.program.enums[*id].variants;
                    if let Some(variant) = variants.get(*index as usize) {
                        self.fields(&variant.fields, args);
                    }
                }
                ExprKind::With(base, changed) => {
                    let TyKind::Record(id) = self.labels.ty(*base).present().kind else { continue };
                    for (name, value) in changed {
                        let fields = &self.program.records[id].fields;
                        if let Some(field) = fields.iter().find(|f| f.name.node == name.node) {
                            self.into(field, *value, "field");
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn fields(&mut self, fields: &'p [Field], args: &Args) {
        for (field, value) in fields.iter().zip(&args.values) {
            if let Some(value) = *value {
                self.into(field, value, "field");
            }
        }
    }
}
