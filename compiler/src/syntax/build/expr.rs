//! Expressions: operands and operators folded by precedence, and patterns.

use super::*;
use crate::syntax::CHAIN_HELP;
use pest::pratt_parser::{Assoc, ConstPrattParser, Op, pratt_precedence};
use std::cell::RefCell;

/// Precedence, lowest first.
const PRATT: ConstPrattParser<Rule, 11> = ConstPrattParser::new_const(pratt_precedence![
    Op::infix(Rule::op_or, Assoc::Left),
    Op::infix(Rule::op_and, Assoc::Left),
    Op::prefix(Rule::op_not),
    Op::infix(Rule::op_cmp, Assoc::Left),
    Op::infix(Rule::op_coalesce, Assoc::Right),
    Op::infix(Rule::op_add, Assoc::Left),
    Op::infix(Rule::op_mul, Assoc::Left),
    Op::prefix(Rule::op_neg),
    Op::postfix(Rule::member) | Op::postfix(Rule::index) | Op::postfix(Rule::update),
]);

/// How many levels of the tree the operators of one `expr` can make: each infix operator one, and
/// the longest row of prefixes and postfixes round one operand.
fn operator_depth(pairs: Pairs<'_, Rule>) -> usize {
    let (mut infix, mut row, mut longest) = (0, 0, 0);
    for pair in pairs {
        match pair.as_rule() {
            Rule::op_or
            | Rule::op_and
            | Rule::op_cmp
            | Rule::op_coalesce
            | Rule::op_add
            | Rule::op_mul => (infix, row) = (infix + 1, 0),
            Rule::op_not | Rule::op_neg | Rule::member | Rule::index | Rule::update => row += 1,
            _ => {}
        }
        longest = longest.max(row);
    }
    infix + longest
}

fn infix_op(text: &str) -> Option<BinaryOp> {
    Some(match text {
        "or" => BinaryOp::Or,
        "and" => BinaryOp::And,
        "??" => BinaryOp::Coalesce,
        "==" => BinaryOp::Eq,
        "!=" => BinaryOp::Ne,
        "<=" => BinaryOp::Le,
        ">=" => BinaryOp::Ge,
        "<" => BinaryOp::Lt,
        ">" => BinaryOp::Gt,
        "in" => BinaryOp::In,
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        _ => return None,
    })
}

impl Builder<'_> {
    /// An expression that is not part of another one.
    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let outer = (self.expr_depth, self.else_ifs, self.deep_said);
        (self.expr_depth, self.else_ifs, self.deep_said) = (0, 0, false);
        let expr = self.fold(pair);
        (self.expr_depth, self.else_ifs, self.deep_said) = outer;
        expr
    }

    /// An expression one level inside another one.
    pub(super) fn inner_expr(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        self.expr_depth += 1;
        let expr = self.fold(pair);
        self.expr_depth -= 1;
        expr
    }

    fn boxed(&mut self, pair: Pair<'_, Rule>) -> Option<Box<Expr>> {
        self.inner_expr(pair).map(Box::new)
    }

    /// Bound: `PRATT` recurses once for each operator, and whoever walks the tree does too.
    fn fold(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let outer = self.expr_depth;
        let depth = outer + operator_depth(pair.clone().into_inner());
        if depth > EXPR_DEPTH_MAX {
            let span = self.span(&pair);
            self.too_deep(span, depth);
            return Some(Expr { kind: ExprKind::Literal(Literal::None), span });
        }
        self.expr_depth = depth;
        let cell = RefCell::new(self);
        let expr = PRATT
            .map_primary(|p| cell.borrow_mut().primary(p))
            .map_prefix(|op, operand| cell.borrow_mut().prefix(&op, operand?))
            .map_postfix(|base, p| cell.borrow_mut().postfix(base?, p))
            .map_infix(|left, op, right| cell.borrow_mut().infix(left?, &op, right?))
            .parse(pair.into_inner());
        cell.into_inner().expr_depth = outer;
        expr
    }

    fn too_deep(&mut self, span: Span, depth: usize) {
        self.skipped.push(span);
        // Later parts of the same expression would only repeat it.
        if std::mem::replace(&mut self.deep_said, true) {
            return;
        }
        let (what, help) = match depth.saturating_sub(self.else_ifs) > EXPR_DEPTH_MAX {
            true => ("this expression is", "give parts of it names of their own: `part = …`"),
            false => ("with this chain of `else if`, it is", CHAIN_HELP),
        };
        self.error("F0003", span, format!("{what} more than {EXPR_DEPTH_MAX} levels deep"), help);
    }

    fn prefix(&mut self, op: &Pair<'_, Rule>, operand: Expr) -> Option<Expr> {
        let span = self.span(op).to(operand.span);
        let op = if op.as_rule() == Rule::op_neg { UnaryOp::Neg } else { UnaryOp::Not };
        Some(Expr { kind: ExprKind::Unary { op, operand: Box::new(operand) }, span })
    }

    fn infix(&mut self, left: Expr, op: &Pair<'_, Rule>, right: Expr) -> Option<Expr> {
        let op = Spanned { node: infix_op(op.as_str().trim())?, span: self.span(op) };
        let span = left.span.to(right.span);
        let kind = ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) };
        Some(Expr { kind, span })
    }

    fn postfix(&mut self, base: Expr, pair: Pair<'_, Rule>) -> Option<Expr> {
        let rule = pair.as_rule();
        let (span, mut c) = self.open(pair);
        let span = base.span.to(span);
        let base = Box::new(base);
        let kind = match rule {
            Rule::index => ExprKind::Index { base, index: self.boxed(c.take(Rule::expr)?)? },
            Rule::update => {
                c.flag(Rule::k_with);
                ExprKind::With { base, args: self.args(c.take(Rule::args)?)? }
            }
            _ => ExprKind::Member {
                base,
                optional: c.flag(Rule::dot_optional),
                name: self.name(c.take(Rule::name)?)?,
                args: self.maybe(&mut c, Rule::args, Self::args)?,
            },
        };
        Some(Expr { kind, span })
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::literal => ExprKind::Literal(self.literal(pair)?.node),
            Rule::ident => ExprKind::Name(self.name(pair)?),
            Rule::group => {
                let (_, mut c) = self.open(pair);
                self.inner_expr(c.take(Rule::expr)?)?.kind
            }
            Rule::construct => {
                let (_, mut c) = self.open(pair);
                ExprKind::Construct {
                    ty: self.name(c.take(Rule::Ident)?)?,
                    variant: self.maybe(&mut c, Rule::Ident, Self::name)?,
                    args: self.maybe(&mut c, Rule::args, Self::args)?,
                }
            }
            Rule::call => {
                let (_, mut c) = self.open(pair);
                let name = self.name(c.take(Rule::ident)?)?;
                ExprKind::Call { name, args: self.args(c.take(Rule::args)?)? }
            }
            Rule::list => {
                let (_, mut c) = self.open(pair);
                ExprKind::List(self.all(&mut c, Rule::expr, Self::inner_expr)?)
            }
            Rule::if_expr => return self.if_expr(pair),
            Rule::match_expr => {
                let (_, mut c) = self.after_keyword(pair);
                let subject = self.boxed(c.take(Rule::expr)?)?;
                ExprKind::Match {
                    subject,
                    arms: self.all(&mut c, Rule::match_arm, Self::match_arm)?,
                }
            }
            _ => return None,
        };
        Some(Expr { kind, span })
    }

    fn if_expr(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let (span, mut c) = self.after_keyword(pair);
        let condition = self.boxed(c.take(Rule::expr)?)?;
        let then = self.boxed(c.take(Rule::expr)?)?;
        c.flag(Rule::k_else);
        let otherwise = match c.take(Rule::if_expr) {
            Some(chained) => {
                (self.expr_depth, self.else_ifs) = (self.expr_depth + 1, self.else_ifs + 1);
                let chained = if self.expr_depth > EXPR_DEPTH_MAX {
                    self.too_deep(span, self.expr_depth);
                    Some(Expr { kind: ExprKind::Literal(Literal::None), span })
                } else {
                    self.if_expr(chained)
                };
                (self.expr_depth, self.else_ifs) = (self.expr_depth - 1, self.else_ifs - 1);
                Box::new(chained?)
            }
            None => self.boxed(c.take(Rule::expr)?)?,
        };
        Some(Expr { kind: ExprKind::If { condition, then, otherwise }, span })
    }

    fn match_arm(&mut self, pair: Pair<'_, Rule>) -> Option<MatchArm> {
        let (_, mut c) = self.open(pair);
        let pattern = self.pattern(c.take(Rule::pattern)?)?;
        let value = self.inner_expr(c.take(Rule::expr)?)?;
        let span = pattern.span.to(value.span);
        Some(MatchArm { pattern, value, span })
    }

    pub(super) fn args(&mut self, pair: Pair<'_, Rule>) -> Option<Args> {
        let (span, mut c) = self.open(pair);
        Some(Args { items: self.all(&mut c, Rule::arg, Self::arg)?, span })
    }

    fn arg(&mut self, pair: Pair<'_, Rule>) -> Option<Arg> {
        let (span, mut c) = self.open(pair);
        let name = self.maybe(&mut c, Rule::name, Self::name)?;
        let value = match c.take(Rule::lambda) {
            Some(lambda) => self.lambda(lambda)?,
            None => self.inner_expr(c.take(Rule::expr)?)?,
        };
        Some(Arg { name, value, span })
    }

    fn lambda(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let (span, mut c) = self.open(pair);
        let params = self.all(&mut c, Rule::ident, Self::name)?;
        let body = self.boxed(c.take(Rule::expr)?)?;
        Some(Expr { kind: ExprKind::Lambda { params, body }, span })
    }

    pub(super) fn pattern(&mut self, pair: Pair<'_, Rule>) -> Option<Pattern> {
        let (span, mut c) = self.open(pair);
        let first = c.next()?;
        let kind = match first.as_rule() {
            Rule::wild => PatternKind::Any,
            Rule::literal => PatternKind::Literal(self.literal(first)?.node),
            Rule::ident => PatternKind::Bind(self.name(first)?),
            _ => {
                let first = self.name(first)?;
                let second = self.maybe(&mut c, Rule::Ident, Self::name)?;
                let (ty, variant) = match second {
                    Some(variant) => (Some(first), variant),
                    None => (None, first),
                };
                let binders = self.maybe(&mut c, Rule::binders, Self::binders)?.unwrap_or_default();
                PatternKind::Variant { ty, variant, binders }
            }
        };
        Some(Pattern { kind, span })
    }

    pub(super) fn binders(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<Binder>> {
        let (_, mut c) = self.open(pair);
        self.all(&mut c, Rule::binder, Self::binder)
    }

    fn binder(&mut self, pair: Pair<'_, Rule>) -> Option<Binder> {
        let (span, mut c) = self.open(pair);
        Some(Binder { name: self.maybe(&mut c, Rule::ident, Self::name)?, span })
    }
}
