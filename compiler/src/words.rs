//! Words for people about a program: places, durations, counts, and what clauses come to once
//! defaults are filled in, with who said each.
//!
//! Used by the tools that write pages. Promises that a default here is the one `lower` fills in; must
//! not decide anything.

use crate::hir::{
    Block, ExprId, ExprKind, Idempotent, LocalId, Name, Origin, Program, RetrySpec, Step, Stmt,
    StmtKind, Target, Times, UnaryOp,
};
use crate::source::Sources;
use crate::span::Span;
use std::collections::BTreeSet;

/// Bound: a longer piece of source would make a line of a page wider than what it says.
const TEXT_MAX: usize = 80;

/// Reads words from one program.
#[derive(Clone, Copy)]
pub struct Words<'p> {
    /// The program.
    pub program: &'p Program,
    /// Its texts.
    pub sources: &'p Sources,
}

/// Who said what a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The step itself.
    Step,
    /// The step, by the name of a policy.
    Policy(String),
    /// The contract of the action, by its name.
    Contract(String),
    /// Nobody: it is the default of the place.
    Default,
}

/// A retry policy with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all; none is for ever.
    pub attempts: Option<u64>,
    /// First pause, in ms.
    pub first_ms: i64,
    /// Longest pause, in ms.
    pub max_ms: i64,
    /// Declared errors that are tried again too.
    pub on: Vec<String>,
    /// Who said it.
    pub from: From,
}

impl Words<'_> {
    /// The characters of a place on one line, cut where they are many.
    #[must_use]
    pub fn text(&self, span: Span) -> String {
        let words: Vec<&str> = self.sources.text(span).split_whitespace().collect();
        shortened(&words.join(" "))
    }

    /// An expression as it is written.
    #[must_use]
    pub fn expr(&self, id: ExprId) -> String {
        self.text(self.program.exprs[id].span)
    }

    /// A condition that holds, and one that does not; `not x` is said of `x`.
    #[must_use]
    pub fn sides(&self, condition: ExprId) -> (String, String) {
        let (id, swapped) = match &self.program.exprs[condition].kind {
            ExprKind::Unary(UnaryOp::Not, inner) => (*inner, true),
            _ => (condition, false),
        };
        let text = self.expr(id);
        let (holds, not) = (format!("`{text}` holds"), format!("`{text}` does not hold"));
        if swapped { (not, holds) } else { (holds, not) }
    }

    /// `shop/orders.flow:12`.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        self.sources.get(span.file).map_or_else(String::new, |source| {
            format!("{}:{}", source.path, source.line_column(span.start).0)
        })
    }

    /// `Payments.capture`, `run ShipOrder`.
    #[must_use]
    pub fn call(&self, step: &Step) -> String {
        match step.call.target {
            Target::Action(action) => self.program.action_name(action),
            Target::Workflow(child) => format!("run {}", self.program.workflows[child].name.name),
            Target::Error => step.call.text.to_string(),
        }
    }

    /// Who said a clause.
    #[must_use]
    pub fn origin(&self, origin: Origin) -> From {
        match origin {
            Origin::Step => From::Step,
            Origin::Contract(action) => From::Contract(self.program.action_name(action)),
        }
    }

    /// How often a step is tried, and how far apart; `undo` where it stands in an undo.
    #[must_use]
    pub fn policy(&self, step: &Step, undo: bool) -> Policy {
        let read = matches!(step.call.target, Target::Action(id)
            if self.program.actions[id].class.node == crate::hir::Class::Read);
        let repeatable = read || step.idempotent.is_some();
        let default = if undo { (1_000, 300_000) } else { (1_000, 30_000) };
        let attempts = match (undo, repeatable) {
            (true, _) => None,
            (false, true) => Some(3),
            (false, false) => Some(1),
        };
        let mut policy = self.spec(step.retry.as_ref(), attempts, default);
        let errors = self.program.target_errors(&step.call.target).iter();
        let transient = errors.map(|id| &self.program.errors[*id]).filter(|error| error.transient);
        let named: BTreeSet<String> =
            transient.map(|error| error.name.node.to_string()).chain(policy.on.drain(..)).collect();
        policy.on = named.into_iter().collect();
        policy
    }

    /// How often a transaction is tried.
    #[must_use]
    pub fn transaction_policy(&self, retry: Option<&RetrySpec>) -> Policy {
        self.spec(retry, Some(5), (20, 1_000))
    }

    fn spec(
        &self,
        written: Option<&RetrySpec>,
        attempts: Option<u64>,
        default: (i64, i64),
    ) -> Policy {
        let Some(spec) = written else {
            let (first_ms, max_ms) = default;
            return Policy { attempts, first_ms, max_ms, on: Vec::new(), from: From::Default };
        };
        let (first_ms, max_ms) = match spec.backoff {
            Some(pause) => (pause.base_ms, pause.max_ms.unwrap_or(pause.base_ms)),
            None => default,
        };
        let attempts = match spec.times {
            Times::N(n) => Some(n),
            Times::Forever | Times::Error => None,
        };
        let from = match spec.policy {
            Some(id) => From::Policy(self.program.policies[id].name.name.to_string()),
            None => From::Step,
        };
        let on = spec.on.iter().map(|name| name.node.to_string()).collect();
        Policy { attempts, first_ms, max_ms, on, from }
    }

    /// The key of a step: what it is made of, and how long it is good.
    #[must_use]
    pub fn key(&self, key: &Idempotent) -> (String, Option<i64>) {
        let by: Vec<String> = key.by.iter().map(|by| format!("`{}`", self.expr(*by))).collect();
        let made = if by.is_empty() { "the run and the step".to_owned() } else { and(&by) };
        (made, key.lifetime.map(|lifetime| lifetime.node))
    }

    /// What a remedy comes to, in one line.
    #[must_use]
    pub fn remedy(&self, block: &Block) -> String {
        let parts: Vec<String> = block.stmts.iter().filter_map(|stmt| self.brief(stmt)).collect();
        if parts.is_empty() { "go on".to_owned() } else { parts.join(", then ") }
    }

    fn brief(&self, stmt: &Stmt) -> Option<String> {
        Some(match &stmt.kind {
            StmtKind::Skip => "go on without it".to_owned(),
            StmtKind::Use(value) => format!("go on with `{}`", self.expr(*value)),
            StmtKind::Pass => return None,
            StmtKind::Fail(fail) => {
                let what = self.text(fail.span);
                format!("fail with `{}`", what.trim_start_matches("fail ").trim_start())
            }
            StmtKind::Manual(_, text) => format!("a person decides ({})", self.expr(*text)),
            StmtKind::Review(text) => format!("ask for a review ({})", self.expr(*text)),
            StmtKind::Step(step) => format!("`{}`", self.text(step.call.span)),
            StmtKind::If(choice) => {
                let (holds, _) = self.sides(choice.condition);
                let then = self.remedy(&choice.then);
                match &choice.otherwise {
                    Some(other) => format!("if {holds} {then}, else {}", self.remedy(other)),
                    None => format!("if {holds} {then}"),
                }
            }
            StmtKind::Return(_) => "end".to_owned(),
            _ => format!("`{}`", self.text(stmt.span)),
        })
    }

    /// The name of a local, hidden ones left out.
    #[must_use]
    pub fn local(&self, local: Option<LocalId>) -> Option<&str> {
        let name = self.program.local_name(local?);
        (!name.starts_with('#')).then_some(name)
    }
}

impl Policy {
    /// `3 attempts, pausing 1s to 30s`, `until it succeeds, pausing 1s to 5m`.
    #[must_use]
    pub fn words(&self) -> String {
        let times = match self.attempts {
            Some(1) => return "one attempt".to_owned(),
            Some(n) => plural(n, "attempt"),
            None => "again and again until it succeeds".to_owned(),
        };
        let pause = if self.first_ms == self.max_ms {
            format!("{} apart", duration(self.first_ms))
        } else {
            format!("{} to {} apart", duration(self.first_ms), duration(self.max_ms))
        };
        let on = match self.on.as_slice() {
            [] => String::new(),
            names => format!(", also after {}", and(names)),
        };
        format!("{times}, {pause}{on}")
    }
}

impl From {
    /// `the step`, `policy quick`, `the contract`, `default`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Step => "the step".to_owned(),
            Self::Policy(name) => format!("policy `{name}`"),
            Self::Contract(name) => format!("the contract of `{name}`"),
            Self::Default => "default".to_owned(),
        }
    }
}

/// A number of things, in words.
#[must_use]
pub fn plural(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// A duration as a person says it: `1m 30s`, at most two units.
#[must_use]
pub fn duration(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = ms.max(0);
    let mut parts: Vec<String> = Vec::new();
    for (size, unit) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
        if !parts.is_empty() && (parts.len() == 2 || count == 0) {
            break;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// `a, b and c`.
#[must_use]
pub fn and(parts: &[String]) -> String {
    joined(parts, "and")
}

/// `a, b or c`.
#[must_use]
pub fn or(parts: &[String]) -> String {
    joined(parts, "or")
}

fn joined(parts: &[String], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

/// The names of errors.
#[must_use]
pub fn names<'n>(all: impl IntoIterator<Item = &'n Name>) -> Vec<String> {
    all.into_iter().map(|name| name.node.to_string()).collect()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_MAX {
        return text.to_owned();
    }
    let cut: String = text.chars().take(TEXT_MAX - 1).collect();
    format!("{}…", cut.trim_end())
}
