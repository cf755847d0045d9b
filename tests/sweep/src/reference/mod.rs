//! A small evaluator of the semantics, over the generator's own tree.
//!
//! It predicts which requests a run makes, which undos run, and in which order, from the program and
//! the script alone. Where the semantics leave the answer to the world (how far a stopped branch
//! came, which answer a crash took) it asks the ledger: the set of allowed ledgers is what it accepts
//! for some answer. It shares no code with the runtime.

mod block;
mod call;
mod late;
mod term;

pub use term::{Expect, Term};

use crate::ledger::{Ledger, Purpose};
use crate::program::{Cond, Ending, Expr, Handler, Pattern, Program, Remedy, Stmt};
use crate::script::{CallId, Script};
use std::collections::BTreeMap;

/// How a step, block or run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `failure.error`.
    pub error: String,
    /// A declared error.
    pub declared: bool,
    /// Place in the ledger of the answer that decided it, where nothing came between.
    pub since: Option<usize>,
}

/// How a block ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Next,
    Failed(Failure),
    /// It was asked to stop.
    Stopped,
    Return,
}

/// An entry of the undo tree.
#[derive(Clone, Debug)]
enum Node {
    Step(Box<Undone>),
    Par(Vec<Vec<Node>>, Option<usize>),
}

/// One armed undo.
#[derive(Clone, Debug)]
struct Undone {
    actions: Vec<String>,
    id: CallId,
    generation: usize,
    arg: i64,
    /// A person said that it happened: under which key is not the service's to know.
    told: bool,
    /// The result is not known: the forward call is asked.
    ask: Option<Ask>,
}

#[derive(Clone, Debug)]
struct Ask {
    repeatable: bool,
    probe: Option<String>,
    visit: u32,
    attempts: u32,
    arg: i64,
    known: crate::script::Known,
}

/// What the semantics say about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its calls.
    pub term: Term,
    /// Status at the end.
    pub status: &'static str,
    /// `failure.error`.
    pub error: String,
    /// The answer; none where it has none, or none that is judged.
    pub answer: Option<i64>,
    /// Failures on the way, handled or not.
    pub failures: u32,
}

/// What a call answers.
pub type Values = fn(&str, &str, i64) -> i64;

/// Evaluates a program under a script.
///
/// # Errors
/// In words, where no allowed run explains the ledger.
pub fn evaluate(
    program: &Program,
    script: &Script,
    ledger: &Ledger,
    values: Values,
) -> Result<Verdict, String> {
    let mut stops = BTreeMap::new();
    let mut passes = 0;
    loop {
        passes += 1;
        let mut reference = Reference {
            script,
            ledger,
            values,
            env: BTreeMap::new(),
            visits: BTreeMap::new(),
            generations: BTreeMap::new(),
            committed: None,
            returned: None,
            replied: None,
            stops: stops.clone(),
            forks: 0,
            stop: late::stop(ledger),
            failures: 0,
            clock: 0,
        };
        let verdict = reference.program(program);
        // When a sibling failed is known only behind it: what stops with it is judged once more.
        // Bound: one pass for each fork inside another, and programs are not nested deeper.
        if reference.stops == stops || passes > 8 {
            return verdict;
        }
        stops = reference.stops;
    }
}

/// A branch failed, and its siblings are asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stop {
    /// Place in the ledger.
    since: usize,
    /// Which branch.
    branch: usize,
}

struct Reference<'a> {
    script: &'a Script,
    ledger: &'a Ledger,
    values: Values,
    env: BTreeMap<String, i64>,
    visits: BTreeMap<CallId, u32>,
    generations: BTreeMap<(CallId, &'static str), usize>,
    /// The place in the ledger where it committed; 0 where nothing there shows it.
    committed: Option<usize>,
    /// What a handler returned.
    returned: Option<i64>,
    /// What was answered early.
    replied: Option<i64>,
    /// Why the branches of a fork were asked to stop, by its number in the order of evaluation.
    stops: BTreeMap<usize, Stop>,
    forks: usize,
    /// When what is being evaluated was asked to stop.
    stop: usize,
    failures: u32,
    /// The last answer in the branch that is being evaluated.
    clock: usize,
}

impl Reference<'_> {
    fn program(&mut self, program: &Program) -> Result<Verdict, String> {
        let (mut undo, mut out) = (Vec::new(), Vec::new());
        let end = self.block(&program.body, &mut undo, &mut out);
        let cancelled = self.ledger.cancelled && self.ledger.status == "cancelled";
        let late = late::struck(self.ledger);
        late::judge(program, self.ledger, &end, self.committed)?;
        let (status, error) = match end {
            End::Stopped if !cancelled && !late => {
                let sent = self.ledger.sent.len();
                return Err(format!("a step that is due was never called ({sent} requests)"));
            }
            _ if cancelled && self.committed.is_none() => ("cancelled", "cancelled".to_owned()),
            _ if late && self.committed.is_none() => ("failed", late::CAUSE.to_owned()),
            End::Failed(failure) => ("failed", failure.error),
            End::Next | End::Return | End::Stopped => ("completed", String::new()),
        };
        let mut answer = None;
        if status == "completed" {
            let result = program.result.as_ref().map(|result| self.number(result));
            answer = self.replied.or(self.returned).or(result).filter(|_| result.is_some());
            // `return` after a `reply` does not answer again.
            if self.replied.is_none() {
                out.push(Term::Told(answer));
            }
        } else {
            if self.committed.is_some() {
                return Err("it failed behind its point of no return".to_owned());
            }
            // Everything but the end is past what a deadline stops.
            self.stop = usize::MAX;
            self.unwind(undo, &mut out);
            out.push(Term::Barrier);
            self.block(&program.after, &mut Vec::new(), &mut out);
        }
        let term = Term::Seq(out);
        Ok(Verdict { term, status, error, answer, failures: self.failures })
    }

    fn block(&mut self, stmts: &[Stmt], undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        for stmt in stmts {
            let end = self.stmt(stmt, undo, out);
            if end != End::Next {
                return end;
            }
        }
        End::Next
    }

    fn number(&self, expr: &Expr) -> i64 {
        match expr {
            Expr::Lit(n) => *n,
            Expr::Name(name) => self.env.get(name).copied().unwrap_or(0),
            Expr::Input => crate::subject::INPUT,
            Expr::Plus(of, n) => self.number(of) + n,
            Expr::Twice(of) => 2 * self.number(of),
            Expr::Decided(of) => match self.number(of) {
                n if n > 6 => 2,
                n if n > 2 => 1,
                _ => 0,
            },
        }
    }

    fn holds(&self, cond: &Cond) -> bool {
        self.number(&cond.left) > cond.right
    }

    fn place(&self, at: &[String]) -> String {
        if at.is_empty() {
            return "-".to_owned();
        }
        let values: Vec<_> =
            at.iter().map(|name| self.number(&Expr::Name(name.clone())).to_string()).collect();
        values.join(".")
    }

    fn generation(&mut self, id: &CallId, purpose: Purpose) -> usize {
        let next = self.generations.entry((id.clone(), purpose.word())).or_default();
        *next += 1;
        *next - 1
    }

    fn visit(&mut self, id: &CallId) -> u32 {
        let next = self.visits.entry(id.clone()).or_default();
        *next += 1;
        *next - 1
    }

    /// `undo(P;Q) = undo(Q);undo(P)`, `undo(P∥Q) = undo(P)∥undo(Q)`.
    fn unwind(&mut self, nodes: Vec<Node>, out: &mut Vec<Term>) {
        for node in nodes.into_iter().rev() {
            match node {
                Node::Step(undone) => self.undo(*undone, out),
                Node::Par(lists, max) => {
                    let mut branches = Vec::new();
                    for list in lists {
                        let mut branch = Vec::new();
                        self.unwind(list, &mut branch);
                        branches.push(Term::Seq(branch));
                    }
                    out.push(Term::Mirror(branches, max));
                }
            }
        }
    }

    /// The handler that takes a failure.
    fn handler<'h>(&self, handlers: &'h [Handler], failure: &Failure) -> Option<&'h Remedy> {
        let takes = |handler: &&Handler| match &handler.on {
            Pattern::Error(name) => failure.declared && *name == failure.error,
            Pattern::Refused => !failure.declared && failure.error == "refused",
            Pattern::Unknown => !failure.declared && failure.error == "unknown",
            Pattern::Timeout => !failure.declared && failure.error == "timeout",
            Pattern::Any => true,
        };
        // The more special one first; `else` stands last.
        handlers.iter().find(takes).map(|handler| &handler.then)
    }

    /// A remedy of a block or wait, which has no value.
    fn remedy(
        &mut self,
        remedy: Option<&Remedy>,
        failure: Failure,
        undo: &mut Vec<Node>,
        out: &mut Vec<Term>,
    ) -> End {
        let declared = |name: &String| {
            End::Failed(Failure { error: name.clone(), declared: true, since: None })
        };
        match remedy {
            None => End::Failed(failure),
            Some(Remedy::Fail(name)) => declared(name),
            Some(Remedy::Skip | Remedy::Use(_) | Remedy::Manual) => End::Next,
            Some(Remedy::Block(stmts, ending)) => match self.block(stmts, undo, out) {
                End::Next => match ending {
                    Ending::Fail(name) => declared(name),
                    Ending::Return(value) => {
                        self.returned = Some(self.number(value));
                        End::Return
                    }
                    Ending::On | Ending::Skip | Ending::Use(_) => End::Next,
                },
                other => other,
            },
        }
    }
}
