//! Blocks: branches (C2, C3), loops (C4, C5), scopes (C6), waits (T3), choices (C7).

use super::{End, Failure, Node, Reference, Stop, Term};
use crate::ledger::Purpose;
use crate::program::{Expr, Handler, Pattern, Remedy, Stmt, Turns, each_stmt};

impl Reference<'_> {
    pub(super) fn stmt(&mut self, stmt: &Stmt, undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        match stmt {
            Stmt::Call(call) => self.call(call, undo, out),
            Stmt::Let(name, value) => {
                let value = self.number(value);
                self.env.insert(name.clone(), value);
                End::Next
            }
            Stmt::Parallel { branches, handlers } => self.parallel(branches, handlers, undo, out),
            Stmt::ParallelEach { var, list, max, settle, body, .. } => {
                self.parallel_each((var, list), *max, *settle, body, (undo, out))
            }
            Stmt::Each { var, list, settle, body, .. } => {
                self.each((var, list), *settle, body, (undo, out))
            }
            Stmt::Repeat { var, turns, body, .. } => self.repeat(var, turns, body, (undo, out)),
            Stmt::Scope { .. } => self.scope(stmt, undo, out),
            Stmt::If { cond, then, other } => {
                let taken = if self.holds(cond) { then } else { other };
                self.block(taken, undo, out)
            }
            Stmt::Match { on, arms, rest } => {
                let value = self.number(on);
                let arm = arms.iter().find(|(n, _)| *n == value).map_or(rest, |(_, arm)| arm);
                self.block(arm, undo, out)
            }
            Stmt::Event { .. } | Stmt::Task { .. } | Stmt::First { .. } => {
                self.wait(stmt, undo, out)
            }
            Stmt::Sleep(_) | Stmt::Emit | Stmt::Review | Stmt::Progress => End::Next,
            Stmt::Reply(value) => {
                let value = self.number(value);
                self.replied = Some(value);
                out.push(Term::Told(Some(value)));
                End::Next
            }
            // The boundary behind an answer comes before what follows it.
            Stmt::Fail(_) if self.clock > self.stop => End::Stopped,
            Stmt::Fail(name) => {
                self.failures += 1;
                End::Failed(Failure { error: name.clone(), declared: true, since: None })
            }
        }
    }

    fn parallel(
        &mut self,
        branches: &[Stmt],
        handlers: &[Handler],
        undo: &mut Vec<Node>,
        out: &mut Vec<Term>,
    ) -> End {
        let mut joined = Join::default();
        let (fork, stop) = self.begin_fork();
        for (number, branch) in branches.iter().enumerate() {
            let (mut own, mut terms) = (Vec::new(), Vec::new());
            self.clock = 0;
            self.stop = self.stop_of(fork, number).min(stop);
            let end = self.stmt(branch, &mut own, &mut terms);
            let end = self.dated(end, std::slice::from_ref(branch), &terms);
            joined.add(end, own, terms);
        }
        self.end_fork(fork, stop, &joined);
        if handlers.is_empty() {
            return joined.end(None, undo, out);
        }
        let mut own = Vec::new();
        match joined.end(None, &mut own, out) {
            End::Failed(failure) => {
                self.unwind(own, out);
                let remedy = self.handler(handlers, &failure).cloned();
                self.remedy(remedy.as_ref(), failure, undo, out)
            }
            end => {
                undo.extend(own);
                end
            }
        }
    }

    fn parallel_each(
        &mut self,
        (var, list): (&str, &[i64]),
        max: usize,
        settle: bool,
        body: &[Stmt],
        (undo, out): (&mut Vec<Node>, &mut Vec<Term>),
    ) -> End {
        let mut joined = Join::default();
        let (fork, stop) = self.begin_fork();
        for (number, value) in list.iter().enumerate() {
            self.env.insert(var.to_owned(), *value);
            let (mut own, mut terms) = (Vec::new(), Vec::new());
            self.clock = 0;
            self.stop = self.stop_of(fork, number).min(stop);
            let mut end = self.block(body, &mut own, &mut terms);
            if settle && matches!(end, End::Failed(_)) {
                self.unwind(std::mem::take(&mut own), &mut terms);
                end = End::Next;
            }
            let end = self.dated(end, body, &terms);
            joined.add(end, own, terms);
        }
        self.end_fork(fork, stop, &joined);
        joined.end(Some(max), undo, out)
    }

    fn begin_fork(&mut self) -> (usize, usize) {
        self.forks += 1;
        (self.forks, self.stop)
    }

    /// When a branch of a fork was asked to stop.
    ///
    /// Order: a recovery decides at one place of the ledger about all calls that the crash left open,
    /// one record after the other in program order. So behind the branch that fails there, the stop
    /// comes first.
    fn stop_of(&self, fork: usize, branch: usize) -> usize {
        let Some(stop) = self.stops.get(&fork) else { return usize::MAX };
        let behind = branch > stop.branch && self.ledger.crashes.contains(&stop.since);
        stop.since - usize::from(behind)
    }

    fn end_fork(&mut self, fork: usize, before: usize, joined: &Join) {
        self.stop = before;
        if let Some(since) = joined.failed.as_ref().and_then(|failure| failure.since) {
            self.stops.insert(fork, Stop { since, branch: joined.branch });
        }
    }

    /// A failure was decided with the last answer of its branch, unless time alone decided it.
    fn dated(&self, end: End, body: &[Stmt], terms: &[Term]) -> End {
        let End::Failed(failure) = end else { return end };
        let mut sleeps = false;
        for stmt in body {
            each_stmt(stmt, &mut |stmt| sleeps |= matches!(stmt, Stmt::Sleep(_)));
        }
        let last = terms.iter().filter_map(|term| self.last_answer(term)).max();
        let since = failure.since.or(last.filter(|_| !sleeps));
        End::Failed(Failure { since, ..failure })
    }

    fn last_answer(&self, term: &Term) -> Option<usize> {
        match term {
            Term::Call(expect) => {
                let keys = self.ledger.keys(&expect.id, expect.purpose);
                let key = keys.get(expect.generation)?;
                let sent = || self.ledger.under(key).filter(|sent| sent.attempt <= expect.to);
                let ended = sent().filter_map(|sent| sent.answered.as_ref()).map(|(pos, _)| *pos);
                let last = sent().filter(|sent| !sent.copy).last().filter(|sent| sent.lost);
                let lost = last.and_then(|sent| self.ledger.crash_of(sent));
                ended.filter(|pos| *pos > 0).max().max(lost)
            }
            Term::Seq(terms)
            | Term::Par(terms, _)
            | Term::Mirror(terms, _)
            | Term::Stopped(terms, _) => {
                terms.iter().filter_map(|term| self.last_answer(term)).max()
            }
            Term::Beside(_) | Term::Barrier | Term::Told(_) => None,
        }
    }

    fn each(
        &mut self,
        (var, list): (&str, &[i64]),
        settle: bool,
        body: &[Stmt],
        (undo, out): (&mut Vec<Node>, &mut Vec<Term>),
    ) -> End {
        for value in list {
            self.env.insert(var.to_owned(), *value);
            let mut own = Vec::new();
            let end = self.block(body, &mut own, out);
            if settle && matches!(end, End::Failed(_)) {
                self.unwind(own, out);
                continue;
            }
            undo.extend(own);
            if end != End::Next {
                return end;
            }
        }
        End::Next
    }

    fn repeat(
        &mut self,
        var: &str,
        turns: &Turns,
        body: &[Stmt],
        (undo, out): (&mut Vec<Node>, &mut Vec<Term>),
    ) -> End {
        let most = match turns {
            Turns::Again(last) => last + 1,
            Turns::Until(most, _) => *most,
        };
        for turn in 0..most {
            self.env.insert(var.to_owned(), turn);
            let end = self.block(body, undo, out);
            if end != End::Next {
                return end;
            }
            if let Turns::Until(_, until) = turns
                && self.holds(until)
            {
                break;
            }
        }
        End::Next
    }

    fn scope(&mut self, stmt: &Stmt, undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        let Stmt::Scope { body, retry, interrupt, fallback, handlers, .. } = stmt else {
            return End::Next;
        };
        let mut runs = 0;
        let mut failure = loop {
            let (mut own, mut terms) = (Vec::new(), Vec::new());
            let end = self.block(body, &mut own, &mut terms);
            let last = terms.iter().filter_map(|term| self.last_answer(term)).max();
            out.push(Term::Seq(terms));
            let failure = match end {
                End::Failed(failure) => failure,
                End::Stopped if interrupt.is_some() && self.ledger.interrupted.is_some() => {
                    if interrupt.as_ref().is_some_and(|interrupt| interrupt.keep) {
                        undo.extend(own);
                    } else {
                        self.unwind(own, out);
                    }
                    return End::Next;
                }
                End::Next if interrupt.is_some() && self.undone_at_once(&own, last) => {
                    // The boundary behind the last step: it had not ended yet.
                    self.unwind(own, out);
                    return End::Next;
                }
                end => {
                    undo.extend(own);
                    return end;
                }
            };
            self.unwind(own, out);
            runs += 1;
            if failure.declared || runs >= *retry {
                break failure;
            }
            // A5: the rerun waits for what is due.
            out.push(Term::Barrier);
        };
        failure.since = None;
        if let Some(fallback) = fallback {
            let mut own = Vec::new();
            match self.block(fallback, &mut own, out) {
                End::Failed(other) => {
                    self.unwind(own, out);
                    failure = Failure { since: None, ..other };
                }
                end => {
                    undo.extend(own);
                    return end;
                }
            }
        }
        let remedy = self.handler(handlers, &failure).cloned();
        self.remedy(remedy.as_ref(), failure, undo, out)
    }

    /// Whether what a scope did was undone before anything else was called.
    fn undone_at_once(&self, own: &[Node], ended: Option<usize>) -> bool {
        let Some(since) = self.ledger.interrupted else { return false };
        let last = own.iter().rev().find_map(|node| match node {
            Node::Step(undone) => Some(undone),
            Node::Par(lists, _) => lists.iter().flatten().find_map(|node| match node {
                Node::Step(undone) => Some(undone),
                Node::Par(..) => None,
            }),
        });
        let Some(last) = last else { return false };
        let forward = self.ledger.keys(&last.id, Purpose::Do);
        let Some(forward) = forward.get(last.generation) else { return false };
        let undo = self.ledger.sent.iter().find(|sent| sent.undoes.as_deref() == Some(*forward));
        let Some(undo) = undo.filter(|undo| undo.pos > since) else { return false };
        let ended = ended.unwrap_or(0);
        !self
            .ledger
            .sent
            .iter()
            .any(|sent| sent.purpose == Purpose::Do && (ended..undo.pos).contains(&sent.pos))
    }

    fn wait(&mut self, stmt: &Stmt, undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        let silent = |name: &String| self.script.silent.contains(name);
        match stmt {
            Stmt::Event { name, handlers } if silent(name) => self.timeout(handlers, undo, out),
            Stmt::Event { name, .. } => {
                self.env.insert(format!("{name}.n"), crate::subject::EVENT);
                End::Next
            }
            Stmt::Task { name, handlers, .. } if silent(name) => self.timeout(handlers, undo, out),
            Stmt::Task { name, no, .. } => match self.script.denied.contains(name) {
                true => self.block(no, undo, out),
                false => End::Next,
            },
            Stmt::First { name, event, time } => {
                let arm = if silent(name) { time } else { event };
                self.block(arm, undo, out)
            }
            _ => End::Next,
        }
    }

    fn timeout(&mut self, handlers: &[Handler], undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        let failure = Failure { error: "timeout".to_owned(), declared: false, since: None };
        let remedy = handlers
            .iter()
            .find(|handler| matches!(handler.on, Pattern::Timeout | Pattern::Any))
            .map(|handler| handler.then.clone());
        if let Some(Remedy::Use(Expr::Lit(_))) = remedy {
            return End::Next;
        }
        self.remedy(remedy.as_ref(), failure, undo, out)
    }
}

/// Branches on their way to the join.
#[derive(Default)]
struct Join {
    lists: Vec<Vec<Node>>,
    terms: Vec<Term>,
    failed: Option<Failure>,
    /// The branch that failed.
    branch: usize,
    stopped: bool,
    left: Option<End>,
}

impl Join {
    fn add(&mut self, end: End, undo: Vec<Node>, terms: Vec<Term>) {
        match end {
            End::Failed(failure) => {
                // The one recorded first came before the stop; the others do not count.
                let at = |failure: &Failure| failure.since.unwrap_or(usize::MAX);
                if self.failed.as_ref().is_none_or(|first| at(&failure) < at(first)) {
                    self.failed = Some(failure);
                    self.branch = self.lists.len();
                }
            }
            End::Stopped => self.stopped = true,
            End::Next => {}
            End::Return => self.left = Some(end),
        }
        self.lists.push(undo);
        self.terms.push(Term::Seq(terms));
    }

    fn end(self, max: Option<usize>, undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        let since = self.failed.as_ref().and_then(|failure| failure.since);
        out.push(match since {
            Some(since) => Term::Stopped(self.terms, since),
            None => Term::Par(self.terms, max),
        });
        undo.push(Node::Par(self.lists, max));
        match (self.failed, self.stopped, self.left) {
            (Some(failure), ..) => End::Failed(Failure { since: None, ..failure }),
            (None, true, _) => End::Stopped,
            (None, false, Some(left)) => left,
            (None, false, None) => End::Next,
        }
    }
}
