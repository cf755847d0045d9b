//! Walking trees: every statement and expression of a block, undos and handlers included.

use crate::decl::{Function, FunctionBody, Ty};
use crate::expr::{Expr, ExprKind, PatternKind, TextPart};
use crate::stmt::{
    Arm, ArmWait, Block, Call, CallUndo, Fallback, Handlers, Interrupt, ParallelBlock, Remedy, Stmt,
};
use crate::workflow::LocalId;
use std::collections::BTreeSet;

/// Sees every statement and expression, outermost first.
pub(crate) trait Visitor {
    /// A statement, before what it holds.
    fn stmt(&mut self, _stmt: &Stmt) {}

    /// An expression, before what it holds.
    fn expr(&mut self, _expr: &Expr) {}

    /// An expression that no other one holds, before its parts.
    fn root(&mut self, _expr: &Expr) {}

    /// A block begins.
    fn enter(&mut self) {}

    /// A block ends.
    fn leave(&mut self) {}
}

/// Shows the expression and everything inside it.
pub(crate) fn expr<V: Visitor>(visitor: &mut V, found: &Expr) {
    visitor.root(found);
    found.each(&mut |inner| visitor.expr(inner));
}

/// Shows the body of a function or decision.
pub(crate) fn function<V: Visitor>(visitor: &mut V, found: &Function) {
    match &found.body {
        FunctionBody::Fn { lets, value } => {
            lets.iter().for_each(|(_, bound)| expr(visitor, bound));
            expr(visitor, value);
        }
        FunctionBody::Decide { rules, otherwise } => {
            for rule in rules {
                expr(visitor, &rule.when);
                expr(visitor, &rule.then);
            }
            otherwise.iter().for_each(|value| expr(visitor, value));
        }
    }
}

/// Shows every statement of the block and of the blocks it holds.
pub(crate) fn block<V: Visitor>(visitor: &mut V, found: &Block) {
    visitor.enter();
    found.iter().for_each(|stmt| statement(visitor, stmt));
    visitor.leave();
}

fn statement<V: Visitor>(visitor: &mut V, stmt: &Stmt) {
    visitor.stmt(stmt);
    match stmt {
        Stmt::Let(_, e) | Stmt::Reply(e) | Stmt::Review(e) | Stmt::Give(e) | Stmt::Use(e) => {
            expr(visitor, e);
        }
        Stmt::Reject(records, why) => [records, why].into_iter().for_each(|e| expr(visitor, e)),
        Stmt::Manual { text, .. } | Stmt::Ask { text, .. } => expr(visitor, text),
        Stmt::Progress(text, percent) => {
            expr(visitor, text);
            percent.iter().for_each(|e| expr(visitor, e));
        }
        Stmt::Return(value) => value.iter().for_each(|e| expr(visitor, e)),
        Stmt::Emit { fields, .. } | Stmt::Fail(_, fields) => named(visitor, fields),
        Stmt::Again(values) => values.iter().for_each(|(_, e)| expr(visitor, e)),
        Stmt::Step(step) => {
            call(visitor, &step.call);
            step.block.iter().for_each(|inside| block(visitor, &inside.body));
            undo(visitor, &step.undo);
            step.fallback.iter().for_each(|f| fallback(visitor, f));
            handlers(visitor, &step.handlers);
        }
        Stmt::Await(wait) => {
            wait.arms.iter().for_each(|arm| wait_arm(visitor, arm));
            wait.until.iter().for_each(|e| expr(visitor, e));
            handlers(visitor, &wait.handlers);
        }
        Stmt::Fork(fork) => match &fork.branches {
            ParallelBlock::Fixed(branches) => {
                branches.iter().for_each(|(body, _)| block(visitor, body));
            }
            ParallelBlock::Each { over, body, .. } => {
                expr(visitor, over);
                block(visitor, body);
            }
        },
        Stmt::Each(each) => {
            expr(visitor, &each.over);
            block(visitor, &each.body);
        }
        Stmt::Repeat(repeat) => {
            repeat.vars.iter().for_each(|(_, e)| expr(visitor, e));
            block(visitor, &repeat.body);
            repeat.until.iter().for_each(|e| expr(visitor, e));
            repeat.otherwise.iter().for_each(|b| block(visitor, b));
        }
        Stmt::Scope(scope) => {
            block(visitor, &scope.body);
            scope.interrupts.iter().for_each(|i| interrupt(visitor, i));
            scope.fallback.iter().for_each(|f| fallback(visitor, f));
            handlers(visitor, &scope.handlers);
        }
        Stmt::If(condition, then, otherwise) => {
            expr(visitor, condition);
            block(visitor, then);
            block(visitor, otherwise);
        }
        Stmt::Match(subject, arms) => {
            expr(visitor, subject);
            arms.iter().for_each(|arm| block(visitor, &arm.body));
        }
        Stmt::Skip | Stmt::Pass | Stmt::Unsupported(_) => {}
    }
}

fn named<V: Visitor>(visitor: &mut V, fields: &[(String, Expr)]) {
    fields.iter().for_each(|(_, e)| expr(visitor, e));
}

fn call<V: Visitor>(visitor: &mut V, found: &Call) {
    named(visitor, &found.args);
    found.by.iter().flatten().for_each(|e| expr(visitor, e));
    if let Some((_, _, args, _)) = &found.probe {
        named(visitor, args);
    }
}

fn undo<V: Visitor>(visitor: &mut V, found: &CallUndo) {
    if let CallUndo::Block { capture, body, .. } = found {
        capture.iter().for_each(|(_, e)| expr(visitor, e));
        block(visitor, body);
    }
}

fn fallback<V: Visitor>(visitor: &mut V, found: &Fallback) {
    block(visitor, &found.body);
}

fn handlers<V: Visitor>(visitor: &mut V, found: &Handlers) {
    found.on.iter().for_each(|handler| remedy(visitor, &handler.remedy));
    found.otherwise.iter().for_each(|r| remedy(visitor, r));
}

fn remedy<V: Visitor>(visitor: &mut V, found: &Remedy) {
    match found {
        Remedy::Manual(text) => expr(visitor, text),
        Remedy::Block { body, .. } => block(visitor, body),
    }
}

fn interrupt<V: Visitor>(visitor: &mut V, found: &Interrupt) {
    expr(visitor, &found.key);
    found.rest.iter().for_each(|e| expr(visitor, e));
    remedy(visitor, &found.remedy);
}

fn wait_arm<V: Visitor>(visitor: &mut V, arm: &Arm) {
    match &arm.wait {
        ArmWait::Task(_, args) => args.iter().for_each(|e| expr(visitor, e)),
        ArmWait::Event { key, rest, .. } => {
            expr(visitor, key);
            rest.iter().for_each(|e| expr(visitor, e));
        }
        ArmWait::Sleep(e) => expr(visitor, e),
    }
    block(visitor, &arm.body);
}

/// Calls `see` for every declared name in a type.
pub(crate) fn names_of(ty: &Ty, see: &mut dyn FnMut(&str)) {
    match ty {
        Ty::Named(name) => see(name),
        Ty::List(of)
        | Ty::Optional(of)
        | Ty::Outcome(of)
        | Ty::Batch(of)
        | Ty::Pii(of)
        | Ty::Secret(of) => names_of(of, see),
        Ty::Map(key, value) | Ty::Entry(key, value) => {
            names_of(key, see);
            names_of(value, see);
        }
        _ => {}
    }
}

impl Expr {
    /// Calls `see` for the expression and everything inside it, outermost first.
    pub fn each<'a>(&'a self, see: &mut dyn FnMut(&'a Expr)) {
        see(self);
        self.inside(&mut |inner| inner.each(see));
    }

    /// Calls `see` for the expressions that this one holds itself.
    pub(crate) fn inside<'a>(&'a self, see: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Local(_) | ExprKind::None => {}
            ExprKind::Text(parts) => {
                for part in parts {
                    if let TextPart::Value(value) = part {
                        see(value);
                    }
                }
            }
            ExprKind::Some(e)
            | ExprKind::Named(e)
            | ExprKind::Plain(e)
            | ExprKind::Unary(_, e)
            | ExprKind::Field(e, _)
            | ExprKind::OptionalField(e, _)
            | ExprKind::Lambda(_, e) => see(e),
            ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => {
                see(a);
                see(b);
            }
            ExprKind::Method(e, _, args) | ExprKind::OptionalMethod(e, _, args) => {
                see(e);
                args.iter().for_each(see);
            }
            ExprKind::With(e, fields) => {
                see(e);
                fields.iter().for_each(|(_, value)| see(value));
            }
            ExprKind::Record(_, fields) | ExprKind::Variant(_, _, fields) => {
                fields.iter().for_each(|(_, value)| see(value));
            }
            ExprKind::List(items) | ExprKind::Call(_, items) | ExprKind::Builtin(_, items) => {
                items.iter().for_each(see);
            }
            ExprKind::If(c, a, b) => [c, a, b].into_iter().for_each(|e| see(e)),
            ExprKind::Match(subject, arms) => {
                see(subject);
                arms.iter().for_each(|(_, value)| see(value));
            }
        }
    }

    /// Calls `see` for every local the expression reads from around it; names bound inside it, by
    /// lambdas and patterns, are not among them.
    pub fn each_read(&self, see: &mut dyn FnMut(LocalId)) {
        let mut bound = BTreeSet::new();
        let mut read = Vec::new();
        self.each(&mut |inner| match &inner.kind {
            ExprKind::Local(local) => read.push(*local),
            ExprKind::Lambda(params, _) => bound.extend(params),
            ExprKind::Match(_, arms) => {
                arms.iter().for_each(|(pattern, _)| bound.extend(pattern.binds()));
            }
            _ => {}
        });
        read.into_iter().filter(|local| !bound.contains(local)).for_each(see);
    }
}

impl PatternKind {
    /// The names it binds.
    pub(crate) fn binds(&self) -> impl Iterator<Item = LocalId> + '_ {
        let (one, many): (Option<LocalId>, &[Option<LocalId>]) = match self {
            Self::Bind(local) => (Some(*local), &[]),
            Self::Variant(_, binders) => (None, binders),
            Self::Any | Self::Literal(_) | Self::None => (None, &[]),
        };
        one.into_iter().chain(many.iter().flatten().copied())
    }
}
