//! Which constructs a program uses.

use crate::program::{
    Call, Class, Ending, Expr, Handler, Key, Pattern, Program, Remedy, Retry, Stmt, Turns, Undo,
    blocks,
};
use std::collections::BTreeSet;

/// Words of all constructs that are counted.
pub const CONSTRUCTS: &[&str] = &[
    "parallel",
    "guarded parallel",
    "parallel each",
    "parallel each settle",
    "max",
    "each",
    "repeat again",
    "repeat until",
    "scope",
    "scope retry",
    "scope fallback",
    "error of a scope",
    "interrupt",
    "let",
    "if",
    "match",
    "decide",
    "fn",
    "fallback",
    "pivot",
    "contract undo",
    "undo from the result",
    "own undo",
    "undo block",
    "waiver",
    "probe",
    "not repeatable",
    "event",
    "task",
    "await first",
    "sleep",
    "emit",
    "review",
    "progress",
    "after failure",
    "retry times",
    "retry on",
    "retry forever",
    "on error",
    "on refused",
    "on unknown",
    "on timeout",
    "else",
    "use",
    "skip",
    "manual",
    "handler block",
    "return from a handler",
    "fail",
    "nested three deep",
    "parallel in a loop",
    "parallel in a loop in a scope",
    "pivot beside settled turns",
    "workflow deadline",
    "step deadline",
    "reply",
];

/// The constructs of a program.
#[must_use]
pub fn coverage(program: &Program) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    if !program.after.is_empty() {
        found.insert("after failure");
    }
    if program.deadline.is_some() {
        found.insert("workflow deadline");
    }
    for call in program.calls() {
        of_call(call, &mut found);
    }
    program.each(&mut |stmt| of_stmt(stmt, &mut found));
    for stmt in &program.body {
        nested(stmt, 1, Around::Nothing, &mut found);
    }
    found
}

fn of_stmt(stmt: &Stmt, found: &mut BTreeSet<&'static str>) {
    let word = match stmt {
        Stmt::Parallel { branches, handlers } => {
            if matches!(branches.first(), Some(Stmt::Call(call)) if call.class == Class::Pivot) {
                found.insert("pivot beside settled turns");
            }
            of_handlers(handlers, found);
            if !handlers.is_empty() {
                found.insert("guarded parallel");
            }
            "parallel"
        }
        Stmt::ParallelEach { settle, .. } => {
            found.insert("max");
            if *settle { "parallel each settle" } else { "parallel each" }
        }
        Stmt::Each { .. } => "each",
        Stmt::Repeat { turns: Turns::Again(_), .. } => "repeat again",
        Stmt::Repeat { turns: Turns::Until(..), .. } => "repeat until",
        Stmt::Scope { fails, retry, interrupt, fallback, handlers, .. } => {
            of_handlers(handlers, found);
            if !fails.is_empty() {
                found.insert("error of a scope");
            }
            if *retry > 1 {
                found.insert("scope retry");
            }
            if interrupt.is_some() {
                found.insert("interrupt");
            }
            if fallback.is_some() {
                found.insert("scope fallback");
            }
            "scope"
        }
        Stmt::If { .. } => "if",
        Stmt::Match { .. } => "match",
        Stmt::Event { handlers, .. } => {
            of_handlers(handlers, found);
            "event"
        }
        Stmt::Task { handlers, .. } => {
            of_handlers(handlers, found);
            "task"
        }
        Stmt::First { .. } => "await first",
        Stmt::Sleep(_) => "sleep",
        Stmt::Emit => "emit",
        Stmt::Review => "review",
        Stmt::Progress => "progress",
        Stmt::Reply(_) => "reply",
        Stmt::Fail(_) => "fail",
        Stmt::Let(_, value) => {
            of_expr(value, found);
            "let"
        }
        Stmt::Call(_) => return,
    };
    found.insert(word);
}

fn of_expr(value: &Expr, found: &mut BTreeSet<&'static str>) {
    match value {
        Expr::Twice(of) => {
            found.insert("fn");
            of_expr(of, found);
        }
        Expr::Decided(of) => {
            found.insert("decide");
            of_expr(of, found);
        }
        Expr::Plus(of, _) => of_expr(of, found),
        Expr::Lit(_) | Expr::Name(_) | Expr::Input => {}
    }
}

fn of_call(call: &Call, found: &mut BTreeSet<&'static str>) {
    of_expr(&call.arg, found);
    of_handlers(&call.handlers, found);
    if call.class == Class::Pivot {
        found.insert("pivot");
    }
    if call.fallback.is_some() {
        found.insert("fallback");
    }
    if call.probe.is_some() {
        found.insert("probe");
    }
    if call.class == Class::Write && call.key == Key::None {
        found.insert("not repeatable");
    }
    match call.undo {
        Undo::None => false,
        Undo::Waived => found.insert("waiver"),
        Undo::Args => found.insert("contract undo"),
        Undo::Result => found.insert("undo from the result"),
        Undo::Own => found.insert("own undo"),
        Undo::Block => found.insert("undo block"),
    };
    match call.retry {
        Retry::Default => false,
        Retry::Times(_) => found.insert("retry times"),
        Retry::On(..) => found.insert("retry on"),
        Retry::Forever => found.insert("retry forever"),
        Retry::Until(_) => found.insert("step deadline"),
    };
}

fn of_handlers(handlers: &[Handler], found: &mut BTreeSet<&'static str>) {
    for handler in handlers {
        match handler.on {
            Pattern::Error(_) => found.insert("on error"),
            Pattern::Refused => found.insert("on refused"),
            Pattern::Unknown => found.insert("on unknown"),
            Pattern::Timeout => found.insert("on timeout"),
            Pattern::Any => found.insert("else"),
        };
        if matches!(handler.then, Remedy::Block(_, Ending::Return(_))) {
            found.insert("return from a handler");
        }
        match &handler.then {
            Remedy::Fail(_) => found.insert("fail"),
            Remedy::Skip | Remedy::Block(_, Ending::Skip) => found.insert("skip"),
            Remedy::Use(_) => found.insert("use"),
            Remedy::Manual => found.insert("manual"),
            Remedy::Block(..) => found.insert("handler block"),
        };
    }
}

fn nested(stmt: &Stmt, depth: usize, around: Around, found: &mut BTreeSet<&'static str>) {
    if depth > 3 {
        found.insert("nested three deep");
    }
    if matches!(stmt, Stmt::Parallel { .. } | Stmt::ParallelEach { .. }) {
        if matches!(around, Around::Loop | Around::LoopInScope) {
            found.insert("parallel in a loop");
        }
        if around == Around::LoopInScope {
            found.insert("parallel in a loop in a scope");
        }
    }
    let around = match stmt {
        Stmt::Each { .. } | Stmt::Repeat { .. } | Stmt::ParallelEach { .. } => match around {
            Around::Scope | Around::LoopInScope => Around::LoopInScope,
            Around::Nothing | Around::Loop => Around::Loop,
        },
        Stmt::Scope { .. } if around == Around::Nothing => Around::Scope,
        _ => around,
    };
    for block in blocks(stmt) {
        for inner in block {
            nested(inner, depth + 1, around, found);
        }
    }
}

/// What is around a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Scope,
    Loop,
    LoopInScope,
}
