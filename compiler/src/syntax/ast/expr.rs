//! Expressions, patterns and literals.

use super::*;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it, with the parentheses round it.
    pub span: Span,
}

/// The forms of expressions; operators are already folded by precedence.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `30s`, `"…"`, `true`
    Literal(Literal),
    /// `order`
    Name(Name),
    /// `Receipt(order: x)`, `Signer.Nobody`, `Kind.Other(x)`, `Hotel`: a record, a variant, or (at
    /// the left of a member) a service or database.
    Construct {
        /// The first name.
        ty: Name,
        /// The second, after the dot.
        variant: Option<Name>,
        /// Left out where no parentheses were written.
        args: Option<Args>,
    },
    /// `usable(c)`
    Call {
        /// The function.
        name: Name,
        /// With what.
        args: Args,
    },
    /// `a.b`, `a?.b`, `a.b(c)`
    Member {
        /// Left of the dot.
        base: Box<Expr>,
        /// Whether the dot was `?.`.
        optional: bool,
        /// Right of it; any word.
        name: Name,
        /// Left out where no parentheses were written.
        args: Option<Args>,
    },
    /// `a[i]`
    Index {
        /// Before the bracket.
        base: Box<Expr>,
        /// Inside.
        index: Box<Expr>,
    },
    /// `r with (f: e)`
    With {
        /// What is copied.
        base: Box<Expr>,
        /// What differs.
        args: Args,
    },
    /// `-a`, `not a`
    Unary {
        /// Which.
        op: UnaryOp,
        /// Of what.
        operand: Box<Expr>,
    },
    /// `a + b`
    Binary {
        /// Which, and where it stands.
        op: Spanned<BinaryOp>,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `if c { a } else { b }`
    If {
        /// The condition.
        condition: Box<Expr>,
        /// Where it holds.
        then: Box<Expr>,
        /// Where not; another `If` for `else if`.
        otherwise: Box<Expr>,
    },
    /// `match e { p => v, … }`
    Match {
        /// What is looked at.
        subject: Box<Expr>,
        /// At least one.
        arms: Vec<MatchArm>,
    },
    /// `c => c.page`; only as an argument.
    Lambda {
        /// One, or several in parentheses.
        params: Vec<Name>,
        /// Its value.
        body: Box<Expr>,
    },
}

/// `p => v` in a match expression.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchArm {
    /// What must fit.
    pub pattern: Pattern,
    /// The value then.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// The arguments of a call, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Args {
    /// Positional and named ones.
    pub items: Vec<Arg>,
    /// With the parentheses.
    pub span: Span,
}

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// `name:`
    pub name: Option<Name>,
    /// Its value; may be a lambda.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// A prefix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`
    Not,
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `??`
    Coalesce,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `in`
    In,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
}

/// A value written out.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `500.00 EUR`
    Money {
        /// The digits without separators: `500.00`.
        amount: SmolStr,
        /// Three capitals.
        currency: SmolStr,
    },
    /// `80%` as `80`.
    Percent(SmolStr),
    /// `1h30m` in milliseconds.
    Duration(i64),
    /// `5MB` in bytes; a KB is 1,000 bytes.
    Size(u64),
    /// The digits without separators; a whole number where there is no dot.
    Number(SmolStr),
    /// `"…"`
    Text(Text),
    /// `true`, `false`
    Bool(bool),
    /// `none`
    None,
}

/// A quoted text with its interpolations.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// In order; neighbouring characters are one part, an empty text has none.
    pub parts: Vec<TextPart>,
    /// With the quotes.
    pub span: Span,
}

impl Text {
    /// The text, where it has no interpolation.
    #[must_use]
    pub fn as_plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TextPart::Chars(text)] => Some(text),
            _ => None,
        }
    }
}

/// A piece of a quoted text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    /// Characters, escapes decoded.
    Chars(String),
    /// `{expr}`
    Interp(Expr),
}

/// What a value must look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// All of it.
    pub span: Span,
}

/// The forms of patterns.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternKind {
    /// `_`
    Any,
    /// A value written out.
    Literal(Literal),
    /// `Approved(note)`, `Decision.Approved(_)`, also `ok(x)`-like errors of an outcome.
    Variant {
        /// The enum, where written.
        ty: Option<Name>,
        /// The variant.
        variant: Name,
        /// Names for its payload; empty where no parentheses were written.
        binders: Vec<Binder>,
    },
    /// `status`: binds what is left.
    Bind(Name),
}

/// A name for a part of a payload, or `_`.
#[derive(Clone, Debug, PartialEq)]
pub struct Binder {
    /// Nothing for `_`.
    pub name: Option<Name>,
    /// Where.
    pub span: Span,
}
