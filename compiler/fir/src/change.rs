//! Walking trees to change them: every local and every expression, wherever one stands.

use crate::decl::{Function, FunctionBody};
use crate::expr::{Expr, ExprKind, PatternKind, TextPart};
use crate::stmt::{
    Arm, ArmWait, Block, Call, CallUndo, Handlers, Interrupt, ParallelBlock, Remedy, Stmt,
};
use crate::workflow::{LocalId, Workflow};

/// What is done with what is met.
pub(crate) trait Change {
    /// A local, where it is bound and where it is named.
    fn local(&mut self, _local: &mut LocalId) {}

    /// An expression, before what it holds.
    fn expr(&mut self, _expr: &mut Expr) {}
}

type Each<'e> = &'e mut dyn Change;

/// Shows every local and expression of a workflow.
pub(crate) fn workflow(workflow: &mut Workflow, each: Each<'_>) {
    for key in workflow.key.iter_mut().flatten() {
        expr(key, each);
    }
    let limits = workflow.limit.iter_mut().filter_map(|one| one.by.as_mut());
    let places = workflow.concurrency.iter_mut().filter_map(|one| one.per.as_mut());
    let index = workflow.indexed.iter_mut().map(|one| &mut one.value);
    let given = workflow.upgrades.iter_mut().flat_map(|one| &mut one.values);
    let given = given.map(|(_, value)| value);
    for policy in limits.chain(places).chain(index).chain(given) {
        expr(policy, each);
    }
    block(&mut workflow.body, each);
    for body in workflow.aftermath.iter_mut() {
        block(body, each);
    }
    if let Some((error, step)) = &mut workflow.failure {
        each.local(error);
        each.local(step);
    }
    for point in workflow.points.values_mut() {
        point.live.iter_mut().for_each(|local| each.local(local));
    }
}

fn block(stmts: &mut Block, each: Each<'_>) {
    for stmt in stmts {
        statement(stmt, each);
    }
}

fn statement(stmt: &mut Stmt, each: Each<'_>) {
    match stmt {
        Stmt::Let(local, value) => {
            each.local(local);
            expr(value, each);
        }
        Stmt::Step(step) => {
            step.bind.iter_mut().for_each(|local| each.local(local));
            call(&mut step.call, each);
            undo(&mut step.undo, each);
            for fallback in step.fallback.iter_mut() {
                block(&mut fallback.body, each);
            }
            handlers(&mut step.handlers, each);
            for inside in step.block.iter_mut() {
                block(&mut inside.body, each);
                inside.keeps.iter_mut().for_each(|local| each.local(local));
            }
        }
        Stmt::Await(wait) => {
            wait.arms.iter_mut().for_each(|found| arm(found, each));
            wait.until.iter_mut().for_each(|until| expr(until, each));
            handlers(&mut wait.handlers, each);
        }
        Stmt::Fork(fork) => match &mut fork.branches {
            ParallelBlock::Fixed(branches) => {
                for (body, keeps) in branches {
                    block(body, each);
                    keeps.iter_mut().for_each(|local| each.local(local));
                }
            }
            ParallelBlock::Each { pattern, over, body, bind, .. } => {
                pattern.iter_mut().chain(bind).for_each(|local| each.local(local));
                expr(over, each);
                block(body, each);
            }
        },
        Stmt::Each(turns) => {
            turns.pattern.iter_mut().chain(&mut turns.bind).for_each(|local| each.local(local));
            expr(&mut turns.over, each);
            block(&mut turns.body, each);
        }
        Stmt::Repeat(repeat) => {
            repeat.bind.iter_mut().for_each(|local| each.local(local));
            values(&mut repeat.vars, each);
            block(&mut repeat.body, each);
            repeat.until.iter_mut().for_each(|until| expr(until, each));
            repeat.otherwise.iter_mut().for_each(|body| block(body, each));
        }
        Stmt::Scope(scope) => {
            block(&mut scope.body, each);
            scope.interrupts.iter_mut().for_each(|found| interrupt(found, each));
            for fallback in scope.fallback.iter_mut() {
                block(&mut fallback.body, each);
            }
            handlers(&mut scope.handlers, each);
        }
        other => leaf(other, each),
    }
}

/// Statements without points of their own.
fn leaf(stmt: &mut Stmt, each: Each<'_>) {
    match stmt {
        Stmt::If(condition, then, otherwise) => {
            expr(condition, each);
            block(then, each);
            block(otherwise, each);
        }
        Stmt::Match(subject, arms) => {
            expr(subject, each);
            for arm in arms {
                pattern(&mut arm.pattern, each);
                block(&mut arm.body, each);
            }
        }
        Stmt::Emit { fields, .. } | Stmt::Fail(_, fields) => named(fields, each),
        Stmt::Reply(value) | Stmt::Review(value) | Stmt::Give(value) | Stmt::Use(value) => {
            expr(value, each);
        }
        Stmt::Reject(records, why) => {
            expr(records, each);
            expr(why, each);
        }
        Stmt::Progress(text, percent) => {
            expr(text, each);
            percent.iter_mut().for_each(|percent| expr(percent, each));
        }
        Stmt::Manual { text, .. } => expr(text, each),
        Stmt::Ask { text, bind, .. } => {
            expr(text, each);
            bind.iter_mut().for_each(|local| each.local(local));
        }
        Stmt::Return(value) => value.iter_mut().for_each(|value| expr(value, each)),
        Stmt::Again(turn) => values(turn, each),
        _ => {}
    }
}

/// Shows the body of a function or decision.
pub(crate) fn function(found: &mut Function, each: Each<'_>) {
    match &mut found.body {
        FunctionBody::Fn { lets, value } => {
            values(lets, each);
            expr(value, each);
        }
        FunctionBody::Decide { rules, otherwise } => {
            for rule in rules {
                expr(&mut rule.when, each);
                expr(&mut rule.then, each);
            }
            otherwise.iter_mut().for_each(|value| expr(value, each));
        }
    }
}

fn named(fields: &mut [(String, Expr)], each: Each<'_>) {
    fields.iter_mut().for_each(|(_, value)| expr(value, each));
}

fn values(bound: &mut [(LocalId, Expr)], each: Each<'_>) {
    for (local, value) in bound {
        each.local(local);
        expr(value, each);
    }
}

fn call(found: &mut Call, each: Each<'_>) {
    named(&mut found.args, each);
    found.by.iter_mut().flatten().for_each(|by| expr(by, each));
    if let Some((_, _, args, _)) = &mut found.probe {
        named(args, each);
    }
}

fn undo(found: &mut CallUndo, each: Each<'_>) {
    if let CallUndo::Block { capture, result, body, .. } = found {
        values(capture, each);
        result.iter_mut().for_each(|local| each.local(local));
        block(body, each);
    }
}

fn handlers(found: &mut Handlers, each: Each<'_>) {
    for handler in &mut found.on {
        handler.binders.iter_mut().flatten().for_each(|local| each.local(local));
        remedy(&mut handler.remedy, each);
    }
    found.otherwise.iter_mut().for_each(|found| remedy(found, each));
}

fn remedy(found: &mut Remedy, each: Each<'_>) {
    match found {
        Remedy::Manual(text) => expr(text, each),
        Remedy::Block { body, .. } => block(body, each),
    }
}

fn interrupt(found: &mut Interrupt, each: Each<'_>) {
    expr(&mut found.key, each);
    found.rest.iter_mut().for_each(|rest| expr(rest, each));
    each.local(&mut found.event_local);
    found.binders.iter_mut().flatten().for_each(|local| each.local(local));
    remedy(&mut found.remedy, each);
}

fn arm(found: &mut Arm, each: Each<'_>) {
    match &mut found.wait {
        ArmWait::Task(_, args) => args.iter_mut().for_each(|arg| expr(arg, each)),
        ArmWait::Event { key, rest, event_local, .. } => {
            expr(key, each);
            rest.iter_mut().for_each(|rest| expr(rest, each));
            each.local(event_local);
        }
        ArmWait::Sleep(until) => expr(until, each),
    }
    found.bind.iter_mut().for_each(|local| each.local(local));
    block(&mut found.body, each);
}

fn pattern(found: &mut PatternKind, each: Each<'_>) {
    match found {
        PatternKind::Bind(local) => each.local(local),
        PatternKind::Variant(_, binders) => {
            binders.iter_mut().flatten().for_each(|local| each.local(local))
        }
        PatternKind::Any | PatternKind::Literal(_) | PatternKind::None => {}
    }
}

/// Shows an expression and everything inside it.
pub(crate) fn expr(found: &mut Expr, each: Each<'_>) {
    each.expr(found);
    match &mut found.kind {
        ExprKind::Literal(_) | ExprKind::None => {}
        ExprKind::Local(local) => each.local(local),
        ExprKind::Text(parts) => {
            for part in parts {
                if let TextPart::Value(value) = part {
                    expr(value, each);
                }
            }
        }
        ExprKind::Some(e)
        | ExprKind::Named(e)
        | ExprKind::Plain(e)
        | ExprKind::Unary(_, e)
        | ExprKind::Field(e, _)
        | ExprKind::OptionalField(e, _) => expr(e, each),
        ExprKind::Lambda(params, e) => {
            params.iter_mut().for_each(|local| each.local(local));
            expr(e, each);
        }
        ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => {
            expr(a, each);
            expr(b, each);
        }
        ExprKind::Method(e, _, args) | ExprKind::OptionalMethod(e, _, args) => {
            expr(e, each);
            args.iter_mut().for_each(|arg| expr(arg, each));
        }
        ExprKind::With(e, fields) => {
            expr(e, each);
            named(fields, each);
        }
        ExprKind::Record(_, fields) | ExprKind::Variant(_, _, fields) => named(fields, each),
        ExprKind::List(items) | ExprKind::Call(_, items) | ExprKind::Builtin(_, items) => {
            items.iter_mut().for_each(|item| expr(item, each));
        }
        ExprKind::If(c, a, b) => [c, a, b].into_iter().for_each(|e| expr(e, each)),
        ExprKind::Match(subject, arms) => {
            expr(subject, each);
            for (arm, value) in arms {
                pattern(arm, each);
                expr(value, each);
            }
        }
    }
}
