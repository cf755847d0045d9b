//! What a condition says about the bindings: values never change, so the same condition over the same
//! names has the same truth twice.

use super::tree::Fact;
use crate::hir::{BinaryOp, ExprId, ExprKind, Literal, PatternId, PatternKind, Program, UnaryOp};

/// Reads facts from conditions.
pub struct Facts<'p> {
    program: &'p Program,
}

impl<'p> Facts<'p> {
    /// For this program.
    pub fn new(program: &'p Program) -> Self {
        Self { program }
    }

    /// What is known where the condition is (or is not) true; nothing where it is drawn anew each
    /// time (`now`, `random`, `new_uuid`).
    pub fn of(&self, condition: ExprId, holds: bool) -> Vec<Fact> {
        let mut facts = Vec::new();
        self.collect(condition, holds, &mut facts);
        facts
    }

    fn collect(&self, condition: ExprId, holds: bool, facts: &mut Vec<Fact>) {
        match &self.program.exprs[condition].kind {
            ExprKind::Unary(UnaryOp::Not, inner) => {
                self.collect(*inner, !holds, facts);
                return;
            }
            ExprKind::Binary(op, a, b) if op.node == BinaryOp::And && holds => {
                self.collect(*a, true, facts);
                self.collect(*b, true, facts);
            }
            ExprKind::Binary(op, a, b) if op.node == BinaryOp::Or && !holds => {
                self.collect(*a, false, facts);
                self.collect(*b, false, facts);
            }
            _ => {}
        }
        facts.extend(self.comparison(condition, holds));
    }

    /// `a == b` and `a != b` share a fact with a `match` on `a`; anything else is its own.
    fn comparison(&self, condition: ExprId, holds: bool) -> Option<Fact> {
        if let ExprKind::Binary(op, a, b) = &self.program.exprs[condition].kind
            && let BinaryOp::Eq | BinaryOp::Ne = op.node
        {
            // Order: a constant on either side is the value.
            let (subject, value) = if self.constant(*a) { (*b, *a) } else { (*a, *b) };
            let mut locals = Vec::new();
            let key = self.text(subject, &mut locals)?;
            let value = self.text(value, &mut locals)?;
            return Some(Fact { key, value, locals, holds: holds == (op.node == BinaryOp::Eq) });
        }
        let mut locals = Vec::new();
        let key = self.text(condition, &mut locals)?;
        Some(Fact { key, value: "true".to_owned(), locals, holds })
    }

    /// What is known in an arm: it fits, and the plain ones before it do not.
    pub fn of_arm(&self, subject: ExprId, pattern: PatternId, earlier: &[PatternId]) -> Vec<Fact> {
        let mut locals = Vec::new();
        let Some(key) = self.text(subject, &mut locals) else { return Vec::new() };
        let fact = |value: String, holds: bool| Fact {
            key: key.clone(),
            value,
            locals: locals.clone(),
            holds,
        };
        if let Some(value) = self.pattern(pattern) {
            return vec![fact(value, true)];
        }
        earlier.iter().filter_map(|p| self.pattern(*p)).map(|value| fact(value, false)).collect()
    }

    /// A pattern that says which value it is, in the words of [`Facts::text`].
    fn pattern(&self, id: PatternId) -> Option<String> {
        match &self.program.patterns[id].kind {
            PatternKind::Literal(literal) => Some(literal_text(literal)),
            PatternKind::Variant { name, .. } => Some(format!(".{}", name.node)),
            PatternKind::Any | PatternKind::Bind(_) | PatternKind::Error => None,
        }
    }

    fn constant(&self, id: ExprId) -> bool {
        match &self.program.exprs[id].kind {
            ExprKind::Literal(_) => true,
            ExprKind::Variant(_, _, args) => args.each().next().is_none(),
            _ => false,
        }
    }

    /// Canonical text over resolved names; nothing where the value is drawn.
    fn text(&self, id: ExprId, locals: &mut Vec<u32>) -> Option<String> {
        let mut drawn = false;
        self.program.each_inner(id, &mut |inner| {
            if let ExprKind::Builtin(builtin, _) = &self.program.exprs[inner].kind {
                drawn |= builtin.is_drawn();
            }
        });
        if drawn {
            return None;
        }
        let mut out = String::new();
        self.write(id, &mut out, locals);
        Some(out)
    }

    fn write(&self, id: ExprId, out: &mut String, locals: &mut Vec<u32>) {
        let all = |list: &[ExprId], out: &mut String, locals: &mut Vec<u32>| {
            for expr in list {
                out.push('(');
                self.write(*expr, out, locals);
                out.push(')');
            }
        };
        match &self.program.exprs[id].kind {
            ExprKind::Local(local) => {
                locals.push(local.0);
                out.push_str(&format!("#{}", local.0));
            }
            ExprKind::Literal(literal) => out.push_str(&literal_text(literal)),
            ExprKind::Field { base, name, .. } => {
                self.write(*base, out, locals);
                out.push_str(&format!(".{}", name.node));
            }
            ExprKind::Variant(of, index, args) => {
                let variant = self.program.enums[*of].variants.get(*index as usize);
                let name = variant.map_or("", |v| v.name.node.as_str());
                out.push_str(&format!(".{name}"));
                all(&args.each().collect::<Vec<_>>(), out, locals);
            }
            ExprKind::Binary(op, a, b) => {
                out.push_str(&format!("{:?}", op.node));
                all(&[*a, *b], out, locals);
            }
            ExprKind::Unary(op, a) => {
                out.push_str(&format!("{op:?}"));
                all(&[*a], out, locals);
            }
            other => {
                // Kind and parts say enough: two different expressions of one kind over the same
                // parts differ in their names, which are written too.
                out.push_str(&head(other));
                let mut parts = Vec::new();
                let mut first = true;
                self.program.each_inner(id, &mut |inner| {
                    if !std::mem::take(&mut first) {
                        parts.push(inner);
                    }
                });
                all(&parts, out, locals);
            }
        }
    }
}

fn literal_text(literal: &Literal) -> String {
    format!("{literal:?}")
}

/// What tells an expression from another with the same parts.
fn head(kind: &ExprKind) -> String {
    match kind {
        ExprKind::Call(function, _) => format!("call{}", function.0),
        ExprKind::Builtin(builtin, _) => builtin.name().to_owned(),
        ExprKind::Method { name, .. } => format!(".{}", name.node),
        ExprKind::Text(parts) => format!("{parts:?}"),
        ExprKind::Record(of, _) => format!("{of:?}"),
        ExprKind::With(_, fields) => {
            fields.iter().map(|(name, _)| format!("with {}", name.node)).collect()
        }
        ExprKind::Nominal(alias, _) => format!("named{}", alias.0),
        ExprKind::Lambda(names, _) => format!("lambda{names:?}"),
        ExprKind::Match(_, arms) => {
            format!("match{:?}", arms.iter().map(|a| a.pattern).collect::<Vec<_>>())
        }
        ExprKind::List(_) => "list".to_owned(),
        ExprKind::Index(..) => "index".to_owned(),
        ExprKind::If(..) => "if".to_owned(),
        _ => "other".to_owned(),
    }
}
