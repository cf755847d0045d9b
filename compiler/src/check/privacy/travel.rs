//! Where labelled values go: texts that people see (F0802), places without the label (F0803), and
//! what is never done with a secret (F0804).

use super::label::{Labels, what, word};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Args, Awaited, BinaryOp, Block, Call, CompensateHow, ExprId, ExprKind, Field, Human, Label,
    Literal, MethodArg, Program, RecordLike, Stmt, StmtKind, Target, TyKind, Workflow,
};
use crate::span::Span;

/// Checks every expression of the program that runs.
pub fn check(program: &Program, labels: &Labels<'_>, findings: &mut Vec<Diagnostic>) {
    let mut rule = Rule { program, labels, findings };
    for human in program.humans.values() {
        rule.human(human);
    }
    for function in program.functions.values() {
        match &function.body {
            crate::hir::FunctionBody::Fn { lets, value } => {
                lets.iter().for_each(|(_, value)| rule.inside(*value));
                rule.inside(*value);
            }
            crate::hir::FunctionBody::Decide { rules, otherwise } => {
                for row in rules {
                    rule.inside(row.when);
                    rule.inside(row.then);
                }
                otherwise.iter().for_each(|value| rule.inside(*value));
            }
        }
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
}

struct Rule<'p, 'f> {
    program: &'p Program,
    labels: &'p Labels<'p>,
    findings: &'f mut Vec<Diagnostic>,
}

impl<'p> Rule<'p, '_> {
    fn span(&self, id: ExprId) -> Span {
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
            StmtKind::Match(choice) if self.labels.shallow(choice.subject) == Label::Secret => {
                self.secret(choice.subject, "compared");
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
        let label = self.labels.shallow(value).max(self.lost(value, &field.ty.node));
        let wanted = self.declared(&field.ty.node);
        if label <= wanted {
            return;
        }
        let span = self.span(value);
        self.findings.push(
            Diagnostic::error(
                "F0803",
                span,
                format!("{} goes into a {place} that is not marked `{}`", what(label), word(label)),
            )
            .label(span, format!("this is {}…", what(label)))
            .label(
                field.name.span,
                format!("…and nothing marks `{}` as such: it would go to logs", field.name.node),
            )
            .help(format!(
                "declare it as `{}: {} …`, or pass an id or `fingerprint(…)`",
                field.name.node,
                word(label)
            )),
        );
    }

    /// The label of a declared type, named types looked through.
    fn declared(&self, ty: &crate::hir::Ty) -> Label {
        let mut label = ty.label;
        let mut at = ty;
        // Bound: an alias never leads to itself.
        while let TyKind::Alias(id) = &at.kind {
            at = &self.program.aliases[*id].of.node;
            label = label.max(at.label);
        }
        label
    }

    /// What a collection of labelled elements loses in one of unlabelled ones.
    fn lost(&self, value: ExprId, wanted: &crate::hir::Ty) -> Label {
        let got = self.labels.ty(value);
        [Label::Secret, Label::Pii]
            .into_iter()
            .find(|label| {
                self.labels.holds(&got, *label)
                    && !self.labels.holds(wanted, *label)
                    && !self.labels.holds(wanted, Label::Secret)
            })
            .unwrap_or_default()
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
        let label = self.labels.shallow(value).max(self.lost(value, &result.node));
        if label > self.declared(&result.node) {
            let span = self.span(value);
            self.findings.push(
                Diagnostic::error(
                    "F0803",
                    span,
                    format!("{} is the result of a workflow that does not say so", what(label)),
                )
                .label(span, format!("this is {}…", what(label)))
                .label(result.span, "…and the result is not marked as such")
                .help(format!("declare the result as `{} …`, or answer with an id", word(label))),
            );
        }
    }

    /// F0804.
    fn secret(&mut self, value: ExprId, done: &str) {
        let span = self.span(value);
        self.findings.push(
            Diagnostic::error("F0804", span, format!("a secret is {done}"))
                .label(span, "a secret goes to calls that ask for one, and nowhere else")
                .help("pass a reference, or compare and show its `fingerprint(…)`"),
        );
    }

    /// Whatever stands inside an expression: secrets that are compared, records that lose a label.
    fn inside(&mut self, expr: ExprId) {
        let mut found = Vec::new();
        self.program.each_inner(expr, &mut |inner| found.push(inner));
        for inner in found {
            match &self.program.exprs[inner].kind {
                ExprKind::Binary(op, a, b) if compares(op.node) => {
                    if let Some(secret) = self.compared(*a, *b) {
                        self.secret(secret, "compared");
                    }
                }
                ExprKind::Method { base, name, args, .. } => {
                    if let Some(secret) = self.compared_by(*base, &name.node, args) {
                        self.secret(secret, "compared");
                    }
                }
                ExprKind::Index(_, key) if self.labels.deep(*key) == Label::Secret => {
                    self.secret(*key, "compared");
                }
                ExprKind::Match(subject, _) if self.labels.shallow(*subject) == Label::Secret => {
                    self.secret(*subject, "compared");
                }
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

    /// The secret that a method compares: in what it is of, in what it is given, or in what its first
    /// lambda makes of an item. A key that is open may order records that hold a secret.
    fn compared_by(&self, base: ExprId, name: &str, args: &[MethodArg]) -> Option<ExprId> {
        let secret = |id: &ExprId| self.labels.deep(*id) == Label::Secret;
        if let Some(ExprKind::Lambda(_, body)) =
            args.first().map(|arg| &self.program.exprs[arg.value].kind)
        {
            return Some(*body).filter(|body| ASK.contains(&name) && secret(body));
        }
        if name == "put" {
            return args.first().map(|arg| arg.value).filter(secret);
        }
        if !COMPARE.contains(&name) {
            return None;
        }
        // A map is searched by its keys alone.
        let by_key = match &self.labels.ty(base).present().kind {
            TyKind::Map(key, _) => Some(self.program.deep_label(key) == Label::Secret),
            _ => None,
        };
        let of = Some(base).filter(|base| by_key.unwrap_or_else(|| secret(base)));
        of.or_else(|| args.iter().map(|arg| arg.value).find(secret))
    }

    /// The secret among two compared values; whether there is one at all is no secret.
    fn compared(&self, a: ExprId, b: ExprId) -> Option<ExprId> {
        let none =
            |id: ExprId| matches!(self.program.exprs[id].kind, ExprKind::Literal(Literal::None));
        if none(a) || none(b) {
            return None;
        }
        [a, b].into_iter().find(|id| self.labels.deep(*id) == Label::Secret)
    }
}

/// Methods that compare what they are of, or what they are given.
const COMPARE: [&str; 11] = [
    "starts_with",
    "ends_with",
    "contains",
    "index_of",
    "unique",
    "sort",
    "min",
    "max",
    "clamp",
    "get",
    "remove",
];

/// Methods that compare or ask what their lambda makes of each item.
const ASK: [&str; 13] = [
    "where",
    "find",
    "any",
    "all",
    "count",
    "min",
    "max",
    "sort_by",
    "unique_by",
    "group_by",
    "count_by",
    "index_by",
    "to_map",
];

fn compares(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(op, B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::In)
}
