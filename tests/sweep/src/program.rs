//! The tree of a program: what the generator makes, the printer writes and the reference evaluates.
//!
//! Every call site has an action of its own, and every call tells the values of the loops around it
//! in its first argument, so that the ledger of a service names call sites and turns without asking
//! the runtime. All other values are whole numbers.

#![allow(missing_docs, reason = "the fields of statements are named by the forms above them")]

use std::collections::BTreeSet;

/// A whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A literal.
    Lit(i64),
    /// A name in scope: a step, a loop's variable, a `let`, a wait.
    Name(String),
    /// `input.k`.
    Input,
    /// `a + n`.
    Plus(Box<Expr>, i64),
    /// `twice(a)`: a function.
    Twice(Box<Expr>),
    /// `step_up(a)`: a decision table.
    Decided(Box<Expr>),
}

/// `left > right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cond {
    /// The number.
    pub left: Expr,
    /// The literal.
    pub right: i64,
}

/// Class of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Only looks.
    Read,
    /// Changes something.
    Write,
    /// Changes something for good.
    Pivot,
}

/// Whether, and how, an action may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// It may not.
    None,
    /// `idempotent`.
    Plain,
    /// `idempotent by at`.
    At,
}

/// How a write is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Not at all.
    None,
    /// Waived with a reason.
    Waived,
    /// By its contract, from its arguments.
    Args,
    /// By its contract, from its result.
    Result,
    /// By a clause of the step, from the arguments.
    Own,
    /// By a block of the step with two calls, from the arguments.
    Block,
}

/// Retry policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// None said.
    Default,
    /// So many attempts.
    Times(u32),
    /// So many attempts, also after this declared error.
    On(u32, String),
    /// Without end.
    Forever,
    /// Without end but for a deadline of the step, which lets so many attempts begin.
    Until(u32),
}

/// What a handler takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A declared error.
    Error(String),
    /// Never applied.
    Refused,
    /// Perhaps applied.
    Unknown,
    /// A read or a wait out of time.
    Timeout,
    /// `else`.
    Any,
}

/// What a handler does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// `fail E(0)`.
    Fail(String),
    /// `skip`.
    Skip,
    /// `use e`.
    Use(Expr),
    /// `manual "…"`.
    Manual,
    /// Statements, and how they end.
    Block(Vec<Stmt>, Ending),
}

/// How a handler's block ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It goes on.
    On,
    /// `fail E(0)`.
    Fail(String),
    /// `use e`.
    Use(Expr),
    /// `return e`.
    Return(Expr),
    /// `skip`.
    Skip,
}

/// One handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// What it takes.
    pub on: Pattern,
    /// What it does.
    pub then: Remedy,
}

/// One call site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Binding; none where the value may be missing.
    pub name: String,
    /// Action.
    pub action: String,
    /// Actions of its undo, in order; empty where there is none.
    pub undoes: Vec<String>,
    /// Action of its probe.
    pub probe: Option<String>,
    /// Class.
    pub class: Class,
    /// Repeatable?
    pub key: Key,
    /// Declared errors.
    pub errors: Vec<String>,
    /// Undo.
    pub undo: Undo,
    /// Names of the loops around it, for the first argument.
    pub at: Vec<String>,
    /// Second argument.
    pub arg: Expr,
    /// Policy.
    pub retry: Retry,
    /// Fallback: another call.
    pub fallback: Option<Box<Call>>,
    /// Handlers in order; `else` last.
    pub handlers: Vec<Handler>,
}

/// How a `repeat` is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turns {
    /// `forever`, with `again (n: n + 1)` until this turn, where it gives.
    Again(i64),
    /// `up to n times`, until the turn's own name is over a number, else a review.
    Until(i64, Cond),
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stmt {
    /// A step or pivot.
    Call(Call),
    /// `name = e`.
    Let(String, Expr),
    /// `parallel { … }`: a statement each.
    Parallel { branches: Vec<Stmt>, handlers: Vec<Handler> },
    /// `parallel each`.
    ParallelEach {
        name: String,
        var: String,
        list: Vec<i64>,
        max: usize,
        settle: bool,
        body: Vec<Stmt>,
        give: Expr,
    },
    /// `each`.
    Each { name: String, var: String, list: Vec<i64>, settle: bool, body: Vec<Stmt>, give: Expr },
    /// `repeat`.
    Repeat { name: String, var: String, turns: Turns, body: Vec<Stmt>, give: Expr },
    /// `scope`.
    Scope {
        name: String,
        fails: Vec<String>,
        body: Vec<Stmt>,
        retry: u32,
        interrupt: Option<Interrupt>,
        fallback: Option<Vec<Stmt>>,
        handlers: Vec<Handler>,
    },
    /// `if`.
    If { cond: Cond, then: Vec<Stmt>, other: Vec<Stmt> },
    /// `match e { n => … _ => … }`.
    Match { on: Expr, arms: Vec<(i64, Vec<Stmt>)>, rest: Vec<Stmt> },
    /// `await name = event …`.
    Event { name: String, handlers: Vec<Handler> },
    /// `await name = Task(…)`, a question whose answer is yes or no; a no takes the block.
    Task { name: String, handlers: Vec<Handler>, no: Vec<Stmt> },
    /// `await first`: an event or a time.
    First { name: String, event: Vec<Stmt>, time: Vec<Stmt> },
    /// `sleep`.
    Sleep(u32),
    /// `emit`.
    Emit,
    /// `review`.
    Review,
    /// `progress`.
    Progress,
    /// `reply e`.
    Reply(Expr),
    /// `fail E(0)`.
    Fail(String),
}

/// `on event … => …` of a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// Event.
    pub event: String,
    /// What was done is kept.
    pub keep: bool,
}

/// A workflow with its contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Statements.
    pub body: Vec<Stmt>,
    /// `after failure`; none where there is none.
    pub after: Vec<Stmt>,
    /// The result; none where it is not a number, and is not judged.
    pub result: Option<Expr>,
    /// `deadline`, in seconds.
    pub deadline: Option<u32>,
}

impl Program {
    /// Every call site, also in handlers, fallbacks and the aftermath.
    #[must_use]
    pub fn calls(&self) -> Vec<&Call> {
        let mut found = Vec::new();
        for stmt in self.body.iter().chain(&self.after) {
            calls_of(stmt, &mut found);
        }
        found
    }

    /// Every statement.
    pub fn each(&self, visit: &mut dyn FnMut(&Stmt)) {
        for stmt in self.body.iter().chain(&self.after) {
            each_stmt(stmt, visit);
        }
    }

    /// Names of events and tasks that are waited for.
    #[must_use]
    pub fn waits(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.each(&mut |stmt| match stmt {
            Stmt::Event { name, .. } | Stmt::Task { name, .. } | Stmt::First { name, .. } => {
                names.insert(name.clone());
            }
            _ => {}
        });
        names
    }
}

fn calls_of<'a>(stmt: &'a Stmt, found: &mut Vec<&'a Call>) {
    if let Stmt::Call(call) = stmt {
        found.push(call);
        if let Some(other) = &call.fallback {
            found.push(other);
            for inner in blocks_of(&other.handlers).into_iter().flatten() {
                calls_of(inner, found);
            }
        }
    }
    for block in blocks(stmt) {
        for inner in block {
            calls_of(inner, found);
        }
    }
}

/// Visits a statement and what is inside.
pub fn each_stmt(stmt: &Stmt, visit: &mut dyn FnMut(&Stmt)) {
    visit(stmt);
    for block in blocks(stmt) {
        for inner in block {
            each_stmt(inner, visit);
        }
    }
}

fn blocks_of(handlers: &[Handler]) -> Vec<&Vec<Stmt>> {
    let block = |handler: &'_ Handler| matches!(handler.then, Remedy::Block(..));
    handlers
        .iter()
        .filter(|handler| block(handler))
        .filter_map(|handler| match &handler.then {
            Remedy::Block(stmts, _) => Some(stmts),
            _ => None,
        })
        .collect()
}

/// The blocks directly inside a statement.
#[must_use]
pub fn blocks(stmt: &Stmt) -> Vec<&Vec<Stmt>> {
    match stmt {
        Stmt::Call(call) => blocks_of(&call.handlers),
        Stmt::Parallel { branches, handlers } => {
            let mut all = vec![branches];
            all.extend(blocks_of(handlers));
            all
        }
        Stmt::ParallelEach { body, .. } | Stmt::Each { body, .. } | Stmt::Repeat { body, .. } => {
            vec![body]
        }
        Stmt::Scope { body, fallback, handlers, .. } => {
            let mut all = vec![body];
            all.extend(fallback);
            all.extend(blocks_of(handlers));
            all
        }
        Stmt::If { then, other, .. } => vec![then, other],
        Stmt::Match { arms, rest, .. } => arms.iter().map(|(_, arm)| arm).chain([rest]).collect(),
        Stmt::Event { handlers, .. } => blocks_of(handlers),
        Stmt::Task { handlers, no, .. } => {
            let mut all = blocks_of(handlers);
            all.push(no);
            all
        }
        Stmt::First { event, time, .. } => vec![event, time],
        Stmt::Let(..)
        | Stmt::Sleep(_)
        | Stmt::Emit
        | Stmt::Review
        | Stmt::Progress
        | Stmt::Reply(_)
        | Stmt::Fail(_) => Vec::new(),
    }
}
