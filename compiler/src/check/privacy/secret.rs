//! What is never done with a secret: it is compared, searched, looked up by, or decides (F0804).
//!
//! The form of a value tells nothing of what is in it: whether there is one, whether a list has items
//! and which case of an enum it is may be asked.

use super::through::Handed;
use super::travel::Rule;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Args, BinaryOp, ExprId, ExprKind, FunctionId, Label, Literal, MethodArg, PatternId,
    PatternKind, TyKind, UnaryOp,
};
use crate::types::Ty;

impl Rule<'_, '_> {
    /// F0804.
    pub(super) fn secret(&mut self, value: ExprId, done: &str) {
        let span = self.span(value);
        self.findings.push(
            Diagnostic::error("F0804", span, format!("a secret is {done}"))
                .label(span, "a secret goes to calls that ask for one, and nowhere else")
                .help("pass a reference, or compare and show its `fingerprint(…)`"),
        );
    }

    /// What one expression asks of the values in it; what stands inside of those is not looked into.
    pub(super) fn asked(&mut self, expr: ExprId) {
        let program = self.program;
        let compared = match &program.exprs[expr].kind {
            ExprKind::Binary(op, a, b) if compares(op.node) => self.compared(*a, *b),
            ExprKind::Method { base, name, args, .. } => self.compared_by(*base, &name.node, args),
            ExprKind::Index(base, key) => {
                let keys = Some(*base).filter(|base| self.has_secret_keys(*base).unwrap_or(false));
                keys.or_else(|| Some(*key).filter(|key| self.is_secret(*key)))
            }
            ExprKind::Match(subject, arms) => {
                return self.matched(*subject, arms.iter().map(|arm| arm.pattern));
            }
            ExprKind::If(condition, ..) => return self.condition(*condition),
            ExprKind::Call(function, args) => {
                let handed: Vec<_> = self.hands(*function, args).collect();
                self.calls.extend(handed);
                None
            }
            _ => None,
        };
        if let Some(secret) = compared {
            self.secret(secret, "compared");
        }
    }

    /// A condition must not be a secret itself.
    pub(super) fn condition(&mut self, condition: ExprId) {
        let program = self.program;
        match &program.exprs[condition].kind {
            ExprKind::Unary(UnaryOp::Not, inner) => self.condition(*inner),
            ExprKind::Binary(op, a, b) if matches!(op.node, BinaryOp::And | BinaryOp::Or) => {
                self.condition(*a);
                self.condition(*b);
            }
            // What compares is judged by what it compares.
            ExprKind::Binary(op, ..) if compares(op.node) => {}
            ExprKind::Method { base, name, args, .. }
                if self.compared_by(*base, &name.node, args).is_some() => {}
            ExprKind::Call(function, args) if self.hands(*function, args).next().is_some() => {}
            _ if self.is_secret(condition) => self.secret(condition, "a condition"),
            _ => {}
        }
    }

    /// A subject that a pattern compares; whether it is there, and what became of it, may be asked.
    pub(super) fn matched(
        &mut self,
        subject: ExprId,
        patterns: impl IntoIterator<Item = PatternId>,
    ) {
        let outcome = matches!(self.labels.ty(subject).present().kind, TyKind::Outcome(_));
        let compares = |id: PatternId| match &self.program.patterns[id].kind {
            PatternKind::Literal(literal) => *literal != Literal::None,
            PatternKind::Variant { .. } => !outcome,
            PatternKind::Error | PatternKind::Any | PatternKind::Bind(_) => false,
        };
        let secret = self.labels.shallow(subject) == Label::Secret;
        if secret && patterns.into_iter().any(compares) {
            self.secret(subject, "compared");
        }
    }

    /// The secrets that a function is given where its parameter is not marked.
    fn hands(&self, function: FunctionId, args: &Args) -> impl Iterator<Item = (ExprId, Handed)> {
        let params = &self.program.functions[function].params;
        params.iter().zip(&args.values).enumerate().filter_map(move |(index, (param, value))| {
            let value = (*value)?;
            let full = self.labels.full(value).labelled(self.labels.shallow(value));
            let secret = self.program.lost(&full, &param.ty.node) == Label::Secret;
            let ty = self.program.labelled_as(param.ty.node.clone(), &full);
            secret.then_some((value, Handed { function, index, ty }))
        })
    }

    fn is_secret(&self, id: ExprId) -> bool {
        self.labels.deep(id) == Label::Secret
    }

    /// Whether the keys of a map are secrets; none for what is no map.
    fn has_secret_keys(&self, base: ExprId) -> Option<bool> {
        let Ty { label, kind: TyKind::Map(key, _) } =
            self.program.plain(&self.labels.ty(base).present())
        else {
            return None;
        };
        Some(label.max(self.program.deep_label(&key)) == Label::Secret)
    }

    /// The secret that a method compares: in what it is of, in what it is given, or in what its first
    /// lambda makes of an item. A key that is open may order records that hold a secret.
    fn compared_by(&self, base: ExprId, name: &str, args: &[MethodArg]) -> Option<ExprId> {
        let secret = |id: &ExprId| self.is_secret(*id);
        if let Some(ExprKind::Lambda(_, body)) =
            args.first().map(|arg| &self.program.exprs[arg.value].kind)
        {
            return Some(*body).filter(|body| ASK.contains(&name) && secret(body));
        }
        let by_key = self.has_secret_keys(base);
        if name == "put" || name == "at" {
            let keys = Some(base).filter(|_| by_key.unwrap_or(false));
            return keys.or_else(|| args.first().map(|arg| arg.value).filter(secret));
        }
        if name == "merge" {
            let other = args.iter().map(|arg| arg.value);
            return std::iter::once(base)
                .chain(other)
                .find(|map| self.has_secret_keys(*map).unwrap_or(false));
        }
        if !COMPARE.contains(&name) {
            return None;
        }
        // A map is searched by its keys alone.
        let of = Some(base).filter(|base| by_key.unwrap_or_else(|| secret(base)));
        of.or_else(|| args.iter().map(|arg| arg.value).find(secret))
    }

    /// The secret among two compared values.
    fn compared(&self, a: ExprId, b: ExprId) -> Option<ExprId> {
        let program = self.program;
        let none = |id| matches!(program.exprs[id].kind, ExprKind::Literal(Literal::None));
        let form = program.asks_for_form(a) || program.asks_for_form(b);
        let secret = |id: &ExprId| match form {
            true => self.labels.shallow(*id) == Label::Secret,
            false => self.is_secret(*id),
        };
        if none(a) || none(b) { None } else { [a, b].into_iter().find(secret) }
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
