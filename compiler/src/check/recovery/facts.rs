//! What a condition says about the bindings: values never change, so the same condition over the same
//! names has the same truth twice.

use super::tree::Fact;
use crate::hir::{
    Args, BinaryOp, ExprId, ExprKind, Literal, LocalId, PatternId, PatternKind, Program, TextPart,
    UnaryOp,
};
use std::collections::BTreeMap;

/// Reads facts from conditions.
pub struct Facts<'p> {
    program: &'p Program,
    /// What names of a contract stand for at a call.
    stands: BTreeMap<LocalId, ExprId>,
}

impl<'p> Facts<'p> {
    /// For this program.
    pub fn new(program: &'p Program) -> Self {
        Self { program, stands: BTreeMap::new() }
    }

    /// As seen from a call: the names of its contract stand for what is passed.
    pub fn at_call(program: &'p Program, stands: BTreeMap<LocalId, ExprId>) -> Self {
        Self { program, stands }
    }

    /// The value in one spelling, over resolved names; nothing where it is drawn anew each time.
    /// Two expressions with the same text have the same value wherever both are bound.
    pub fn spelled(&self, id: ExprId) -> Option<String> {
        self.text(id, &mut Vec::new())
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

    /// `a == B` and `a != B` share a fact with a `match` on `a`, if `B` is one value and no name:
    /// two names may stand for the same value. Anything else is a fact of its own.
    fn comparison(&self, condition: ExprId, holds: bool) -> Option<Fact> {
        let mut locals = Vec::new();
        let ExprKind::Binary(op, a, b) = &self.program.exprs[condition].kind else {
            let key = self.text(condition, &mut locals)?;
            return Some(Fact { key, value: "true".to_owned(), locals, holds });
        };
        let equal = match op.node {
            BinaryOp::Eq => holds,
            BinaryOp::Ne => !holds,
            _ => {
                let key = self.text(condition, &mut locals)?;
                return Some(Fact { key, value: "true".to_owned(), locals, holds });
            }
        };
        // Order: a constant on either side is the value.
        let (subject, value) = if self.constant(*a) { (*b, *a) } else { (*a, *b) };
        let constant = self.constant(value);
        let (subject, value) = (self.text(subject, &mut locals)?, self.text(value, &mut locals)?);
        if constant {
            return Some(Fact { key: subject, value, locals, holds: equal });
        }
        let (first, second) = if subject <= value { (subject, value) } else { (value, subject) };
        let key = format!("({first})==({second})");
        Some(Fact { key, value: "true".to_owned(), locals, holds: equal })
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
            drawn |= match &self.program.exprs[inner].kind {
                ExprKind::Builtin(builtin, _) => builtin.is_drawn(),
                ExprKind::Local(local) => {
                    let passed = self.stands.get(local);
                    passed.is_some_and(|passed| self.text(*passed, &mut Vec::new()).is_none())
                }
                _ => false,
            };
        });
        if drawn {
            return None;
        }
        let mut out = String::new();
        self.write(id, &mut out, locals);
        Some(out)
    }

    /// Invariant: two expressions with the same text have the same value wherever both are bound.
    fn write(&self, id: ExprId, out: &mut String, locals: &mut Vec<u32>) {
        let mut parts: Vec<ExprId> = Vec::new();
        let head = match &self.program.exprs[id].kind {
            ExprKind::Local(local) => {
                if let Some(passed) = self.stands.get(local) {
                    return self.write(*passed, out, locals);
                }
                locals.push(local.0);
                format!("#{}", local.0)
            }
            ExprKind::Literal(literal) => literal_text(literal),
            // What was reported equals nothing else.
            ExprKind::Error(_) => format!("error{}", id.0),
            ExprKind::Text(pieces) => {
                let mut head = "text".to_owned();
                for piece in pieces {
                    match piece {
                        TextPart::Chars(chars) => head.push_str(&format!("{chars:?}")),
                        TextPart::Interp(expr) => {
                            head.push('_');
                            parts.push(*expr);
                        }
                    }
                }
                head
            }
            ExprKind::Record(of, args) => format!("{of:?}{}", given(args, &mut parts)),
            ExprKind::Variant(of, index, args) => {
                let variant = self.program.enums[*of].variants.get(*index as usize);
                let name = variant.map_or("", |v| v.name.node.as_str());
                format!(".{name}{}", given(args, &mut parts))
            }
            ExprKind::Call(function, args) => {
                format!("call{}{}", function.0, given(args, &mut parts))
            }
            ExprKind::Nominal(alias, inner) => {
                parts.push(*inner);
                format!("named{}", alias.0)
            }
            ExprKind::Builtin(builtin, args) => {
                parts.extend(args);
                format!("{}()", builtin.name())
            }
            ExprKind::Field { base, name, .. } => {
                parts.push(*base);
                format!("field {}", name.node)
            }
            ExprKind::Method { base, name, args, .. } => {
                parts.push(*base);
                parts.extend(args.iter().map(|arg| arg.value));
                let names = args.iter().filter_map(|arg| Some(arg.name.as_ref()?.node.as_str()));
                format!("method {} {}", name.node, names.collect::<Vec<_>>().join(" "))
            }
            ExprKind::Index(a, b) => {
                parts.extend([*a, *b]);
                "index".to_owned()
            }
            ExprKind::With(base, fields) => {
                parts.push(*base);
                parts.extend(fields.iter().map(|(_, value)| *value));
                let names = fields.iter().map(|(name, _)| name.node.as_str());
                format!("with {}", names.collect::<Vec<_>>().join(" "))
            }
            ExprKind::Unary(op, inner) => {
                parts.push(*inner);
                format!("{op:?}")
            }
            ExprKind::Binary(op, a, b) => {
                parts.extend([*a, *b]);
                format!("{:?}", op.node)
            }
            ExprKind::List(items) => {
                parts.extend(items);
                "list".to_owned()
            }
            ExprKind::If(a, b, c) => {
                parts.extend([*a, *b, *c]);
                "if".to_owned()
            }
            ExprKind::Match(subject, arms) => {
                parts.push(*subject);
                parts.extend(arms.iter().map(|arm| arm.value));
                format!("match{:?}", arms.iter().map(|arm| arm.pattern).collect::<Vec<_>>())
            }
            ExprKind::Lambda(names, body) => {
                parts.push(*body);
                format!("lambda{names:?}")
            }
        };
        out.push_str(&head);
        for part in parts {
            out.push('(');
            self.write(part, out, locals);
            out.push(')');
        }
    }
}

/// Which parameters are given, in order; what is given goes to `parts`.
fn given(args: &Args, parts: &mut Vec<ExprId>) -> String {
    parts.extend(args.each());
    let left_out = args.values.iter().enumerate().filter(|(_, value)| value.is_none());
    left_out.map(|(at, _)| format!(" no {at}")).collect()
}

/// A value in one spelling: `1`, `1.0` and `1.00` are the same number.
fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::Int(int) => int.to_string(),
        // A plain condition is compared with `true` as well.
        Literal::Bool(bool) => bool.to_string(),
        Literal::Decimal(decimal) => decimal.normalize().to_string(),
        Literal::Percent(percent) => format!("{}%", percent.normalize()),
        Literal::Money { amount, currency } => format!("{} {currency}", amount.normalize()),
        other => format!("{other:?}"),
    }
}
