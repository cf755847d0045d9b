//! Conditions as formulas over questions with few answers: which variant, true or not, where a
//! value lies between the constants it is compared with, which of two values is larger.

use super::cx::Cx;
use crate::hir::{BinaryOp, ExprId, ExprKind, Literal, Ty, TyKind, UnaryOp};
use rust_decimal::Decimal;

/// Something that a condition asks.
#[derive(Debug)]
pub(super) struct Question {
    /// Same text, same answer.
    key: String,
    /// The answers in words, behind `where `.
    pub answers: Vec<String>,
    /// The constants of a value that is compared with some, in order.
    constants: Vec<Decimal>,
}

/// A condition over questions.
#[derive(Debug)]
pub(super) enum Formula {
    Const(bool),
    /// Which answers to a question make it hold.
    Ask(usize, Vec<bool>),
    Not(Box<Formula>),
    And(Box<Formula>, Box<Formula>),
    Or(Box<Formula>, Box<Formula>),
}

impl Formula {
    pub fn holds(&self, answers: &[usize]) -> bool {
        match self {
            Self::Const(value) => *value,
            Self::Ask(question, holds) => {
                let answer = answers.get(*question).copied().unwrap_or_default();
                holds.get(answer).copied().unwrap_or_default()
            }
            Self::Not(inner) => !inner.holds(answers),
            Self::And(a, b) => a.holds(answers) && b.holds(answers),
            Self::Or(a, b) => a.holds(answers) || b.holds(answers),
        }
    }
}

impl Cx<'_> {
    /// The same text for the same pure expression over the same names.
    fn canonical(&self, id: ExprId) -> String {
        let inner = super::walk::operands(self.program, id)
            .into_iter()
            .map(|inner| self.canonical(inner))
            .collect::<Vec<_>>()
            .join(",");
        let expr = &self.program.exprs[id];
        match &expr.kind {
            ExprKind::Local(local) => format!("#{}", local.0),
            ExprKind::Literal(literal) => super::literal::literal_json(literal).to_string(),
            ExprKind::Field { name, .. } => format!("{inner}.{}", name.node),
            ExprKind::Method { name, .. } => format!("{}({inner})", name.node),
            ExprKind::Binary(op, ..) => format!("({} {inner})", super::operator::symbol(op.node)),
            ExprKind::Unary(op, _) => format!("{op:?}({inner})"),
            ExprKind::Call(function, _) => format!("fn{}({inner})", function.0),
            ExprKind::Builtin(builtin, _) => format!("{}({inner})", builtin.name()),
            ExprKind::Variant(of, index, _) => format!("v{}:{index}({inner})", of.0),
            // Anything else is its own question.
            _ => format!("e{}", id.0),
        }
    }

    /// A literal as a number, with its unit; what can be compared as numbers.
    fn number(&self, id: ExprId) -> Option<(Decimal, String)> {
        match &self.program.exprs[id].kind {
            ExprKind::Unary(UnaryOp::Neg, inner) => {
                self.number(*inner).map(|(value, unit)| (-value, unit))
            }
            ExprKind::Literal(literal) => Some(match literal {
                Literal::Money { amount, currency } => (*amount, currency.to_string()),
                Literal::Percent(value) => (*value, "%".to_owned()),
                Literal::Duration(ms) => (Decimal::from(*ms), "ms".to_owned()),
                Literal::Size(bytes) => (Decimal::from(*bytes), "B".to_owned()),
                Literal::Int(value) => (Decimal::from(*value), String::new()),
                Literal::Decimal(value) => (*value, String::new()),
                _ => return None,
            }),
            _ => None,
        }
    }
}

/// Questions as they are found.
pub(super) struct Asked<'c, 'a> {
    pub cx: &'c Cx<'a>,
    pub questions: Vec<Question>,
}

/// A comparison with the constant on the right.
struct Against {
    key: String,
    op: BinaryOp,
    constant: Decimal,
}

impl Asked<'_, '_> {
    fn question(&mut self, key: String, answers: impl FnOnce() -> Vec<String>) -> usize {
        if let Some(known) = self.questions.iter().position(|q| q.key == key) {
            return known;
        }
        let constants = Vec::new();
        self.questions.push(Question { key, answers: answers(), constants });
        self.questions.len() - 1
    }

    fn against(&self, id: ExprId) -> Option<Against> {
        let ExprKind::Binary(op, left, right) = &self.cx.program.exprs[id].kind else {
            return None;
        };
        let (value, op, number) = match (self.cx.number(*left), self.cx.number(*right)) {
            (None, Some(number)) => (*left, op.node, number),
            (Some(number), None) => (*right, flipped(op.node), number),
            _ => return None,
        };
        compares(op).then(|| Against {
            key: format!("{} in {}", self.cx.canonical(value), number.1),
            op,
            constant: number.0,
        })
    }

    /// Collects the constants that values are compared with, so that the regions between them are
    /// known before a formula is built.
    pub fn constants(&mut self, id: ExprId) {
        if let Some(against) = self.against(id) {
            let name = self.value_name(id);
            let index = self.question(against.key, Vec::new);
            if let Some(question) = self.questions.get_mut(index) {
                if let Err(place) = question.constants.binary_search(&against.constant) {
                    question.constants.insert(place, against.constant);
                }
                question.answers = regions(&name, &question.constants);
            }
            return;
        }
        for inner in super::walk::operands(self.cx.program, id) {
            self.constants(inner);
        }
    }

    /// The value of a comparison with a constant, as a person would write it.
    fn value_name(&self, id: ExprId) -> String {
        let ExprKind::Binary(_, left, right) = &self.cx.program.exprs[id].kind else {
            return "it".to_owned();
        };
        let value = if self.cx.number(*left).is_some() { *right } else { *left };
        self.name(value)
    }

    fn name(&self, id: ExprId) -> String {
        match &self.cx.program.exprs[id].kind {
            ExprKind::Local(local) => self.cx.program.locals[*local].name.to_string(),
            ExprKind::Field { base, name, .. } | ExprKind::Method { base, name, .. } => {
                format!("{}.{}", self.name(*base), name.node)
            }
            ExprKind::Variant(of, index, _) => {
                let variants = &self.cx.program.enums[*of].variants;
                variants.get(*index as usize).map_or_else(String::new, |v| v.name.node.to_string())
            }
            ExprKind::Literal(literal) => super::literal::literal_json(literal).to_string(),
            _ => "a condition".to_owned(),
        }
    }

    pub fn formula(&mut self, id: ExprId) -> Formula {
        if let Some(against) = self.against(id) {
            return self.compared(against);
        }
        let program = self.cx.program;
        match &program.exprs[id].kind {
            ExprKind::Literal(Literal::Bool(value)) => Formula::Const(*value),
            ExprKind::Unary(UnaryOp::Not, inner) => Formula::Not(Box::new(self.formula(*inner))),
            ExprKind::Binary(op, left, right) => match op.node {
                BinaryOp::And => {
                    Formula::And(Box::new(self.formula(*left)), Box::new(self.formula(*right)))
                }
                BinaryOp::Or => {
                    Formula::Or(Box::new(self.formula(*left)), Box::new(self.formula(*right)))
                }
                BinaryOp::Eq => self.equal(id, *left, *right),
                BinaryOp::Ne => Formula::Not(Box::new(self.equal(id, *left, *right))),
                BinaryOp::In => self.member(id, *left, *right),
                BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                    self.pair(*left, *right, op.node)
                }
                _ => self.truth(id),
            },
            _ => self.truth(id),
        }
    }

    fn compared(&mut self, against: Against) -> Formula {
        let index = self.question(against.key, Vec::new);
        let constants = &self.questions[index].constants;
        let place = constants.binary_search(&against.constant).unwrap_or_default();
        // Regions: below the first, the first, between it and the second, the second, …
        let at = 2 * place + 1;
        let holds = (0..=2 * constants.len())
            .map(|region| match against.op {
                BinaryOp::Lt => region < at,
                BinaryOp::Le => region <= at,
                BinaryOp::Gt => region > at,
                BinaryOp::Ge => region >= at,
                BinaryOp::Eq => region == at,
                _ => region != at,
            })
            .collect();
        Formula::Ask(index, holds)
    }

    /// Something true or not, of which no more is known.
    fn truth(&mut self, id: ExprId) -> Formula {
        let (key, name) = (self.cx.canonical(id), self.name(id));
        let index = self
            .question(key, || vec![format!("`{name}` does not hold"), format!("`{name}` holds")]);
        Formula::Ask(index, vec![false, true])
    }

    /// Which of two values is larger.
    fn pair(&mut self, left: ExprId, right: ExprId, op: BinaryOp) -> Formula {
        let (mut a, mut b) = (self.cx.canonical(left), self.cx.canonical(right));
        let (mut x, mut y, mut op) = (self.name(left), self.name(right), op);
        if a > b {
            std::mem::swap(&mut a, &mut b);
            std::mem::swap(&mut x, &mut y);
            op = flipped(op);
        }
        let index = self.question(format!("{a} <> {b}"), || {
            ["<", "==", ">"].map(|sign| format!("`{x} {sign} {y}`")).to_vec()
        });
        let holds = match op {
            BinaryOp::Lt => [true, false, false],
            BinaryOp::Le => [true, true, false],
            BinaryOp::Gt => [false, false, true],
            BinaryOp::Ge => [false, true, true],
            BinaryOp::Eq => [false, true, false],
            _ => [true, false, true],
        };
        Formula::Ask(index, holds.to_vec())
    }

    fn equal(&mut self, id: ExprId, left: ExprId, right: ExprId) -> Formula {
        let case = |this: &Self, id| this.case(id);
        match (case(self, left), case(self, right)) {
            (None, Some(case)) => self.is_case(left, case),
            (Some(case), None) => self.is_case(right, case),
            (Some(_), Some(_)) => self.truth(id),
            (None, None) => self.pair(left, right, BinaryOp::Eq),
        }
    }

    /// `x in [A, B]` over cases.
    fn member(&mut self, id: ExprId, left: ExprId, right: ExprId) -> Formula {
        let ExprKind::List(items) = &self.cx.program.exprs[right].kind else {
            return self.truth(id);
        };
        let cases: Option<Vec<Answer>> = items.iter().map(|item| self.case(*item)).collect();
        let Some(cases) = cases else { return self.truth(id) };
        cases.into_iter().fold(Formula::Const(false), |so_far, case| {
            Formula::Or(Box::new(so_far), Box::new(self.is_case(left, case)))
        })
    }

    /// A written-out case of an enum, a bool or an optional.
    fn case(&self, id: ExprId) -> Option<Answer> {
        match &self.cx.program.exprs[id].kind {
            ExprKind::Variant(of, index, _) => {
                let variant = self.cx.program.enums[*of].variants.get(*index as usize)?;
                variant.fields.is_empty().then_some(Answer::Variant(*index as usize))
            }
            ExprKind::Literal(Literal::Bool(value)) => Some(Answer::Bool(*value)),
            ExprKind::Literal(Literal::None) => Some(Answer::None),
            _ => None,
        }
    }

    fn is_case(&mut self, value: ExprId, case: Answer) -> Formula {
        let (key, name) = (self.cx.canonical(value), self.name(value));
        let ty = self.cx.table.own_ty(value);
        let names = self.answers(&ty);
        let at = match case {
            Answer::None => names.len().saturating_sub(1),
            Answer::Variant(index) => index,
            Answer::Bool(value) => usize::from(value),
        };
        let count = names.len();
        let index = self.question(key, || {
            names.iter().map(|answer| format!("`{name}` is `{answer}`")).collect()
        });
        Formula::Ask(index, (0..count).map(|answer| answer == at).collect())
    }

    /// The cases of a type, `none` last.
    fn answers(&self, ty: &Ty) -> Vec<String> {
        let mut names = match self.cx.base(&ty.present()).kind {
            TyKind::Enum(of) => {
                let variants = &self.cx.program.enums[of].variants;
                variants.iter().map(|variant| variant.name.node.to_string()).collect()
            }
            TyKind::Bool => vec!["false".to_owned(), "true".to_owned()],
            _ => vec!["present".to_owned()],
        };
        if ty.is_optional() {
            names.push("none".to_owned());
        }
        names
    }
}

/// A written-out case.
#[derive(Clone, Copy)]
enum Answer {
    Variant(usize),
    Bool(bool),
    None,
}

fn compares(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::Eq | BinaryOp::Ne
    )
}

/// The same comparison with its sides exchanged.
fn flipped(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Lt => BinaryOp::Gt,
        BinaryOp::Le => BinaryOp::Ge,
        BinaryOp::Gt => BinaryOp::Lt,
        BinaryOp::Ge => BinaryOp::Le,
        other => other,
    }
}

/// Where a value lies, in words.
fn regions(name: &str, constants: &[Decimal]) -> Vec<String> {
    let mut regions = Vec::new();
    let mut below: Option<&Decimal> = None;
    for constant in constants {
        regions.push(match below {
            Some(below) => format!("`{name}` is between {below} and {constant}"),
            None => format!("`{name}` is less than {constant}"),
        });
        regions.push(format!("`{name}` is {constant}"));
        below = Some(constant);
    }
    regions.push(below.map_or_else(String::new, |below| format!("`{name}` is more than {below}")));
    regions
}
