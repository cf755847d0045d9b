//! Random blocks: branches, loops, scopes, choices.

use super::{Maker, Place};
use crate::program::{Cond, Ending, Expr, Handler, Interrupt, Pattern, Remedy, Stmt, Turns};

/// Choices of [`Maker::block`].
pub(super) const PARALLEL: usize = 40;
pub(super) const EACH: usize = 54;
pub(super) const SCOPE: usize = 70;

impl Maker {
    pub(super) fn block(&mut self, choice: usize) -> Stmt {
        match choice {
            // Loops of branches are rare otherwise.
            65..=69 if self.place.looped && !self.place.alike => self.parallel(),
            40..=47 => self.parallel(),
            48..=53 => {
                let settle = self.place.committed || self.random.chance(40);
                self.parallel_each(settle)
            }
            54..=58 => self.each(),
            59..=64 => self.repeat(),
            65..=74 => self.scope(),
            75..=78 => self.choice(),
            _ => self.matching(),
        }
    }

    pub(super) fn cond(&mut self) -> Cond {
        Cond { left: self.number(), right: self.small() }
    }

    fn parallel(&mut self) -> Stmt {
        let (before, names) = (self.place, self.names.clone());
        let mut branches = Vec::new();
        let mut bound = Vec::new();
        for _ in 0..2 + self.random.below(2) {
            self.place = Place { depth: before.depth + 1, enclosed: true, ..before };
            let branch = match self.random.below(100) {
                0..=54 => self.step(),
                55..=59 => Stmt::Sleep(20),
                _ if self.calls + 2 < super::CALLS_MAX && self.place.depth < super::DEPTH_MAX => {
                    let choice = 48 + self.random.below(34);
                    self.block(choice)
                }
                _ => self.step(),
            };
            branches.push(branch);
            bound.extend(self.names.split_off(names.len().min(self.names.len())));
            self.names.clone_from(&names);
        }
        self.place = before;
        let mut handlers = Vec::new();
        if !before.committed && self.random.chance(30) {
            let then = self.block_remedy();
            handlers.push(Handler { on: Pattern::Any, then });
        }
        let leaves = handlers.iter().all(leaves);
        if leaves {
            self.names.extend(bound);
        }
        Stmt::Parallel { branches, handlers }
    }

    /// What a block's `else` does: it has no value.
    fn block_remedy(&mut self) -> Remedy {
        match self.random.below(5) {
            0..=1 => Remedy::Fail(self.gone()),
            2 => Remedy::Skip,
            _ => {
                let place = Place { enclosed: true, ..self.place };
                let stmts = self.inner(1, place);
                let ending = match self.random.below(3) {
                    0 => Ending::Fail(self.gone()),
                    1 if !self.place.enclosed => Ending::Return(Expr::Lit(self.small())),
                    _ => Ending::On,
                };
                Remedy::Block(stmts, ending)
            }
        }
    }

    fn list(&mut self) -> Vec<i64> {
        let first = self.small();
        let length = 2 + i64::try_from(self.random.below(2)).unwrap_or(0);
        (first..first + length).collect()
    }

    /// A loop's body with its variable in scope, and what it gives.
    fn turn(&mut self, var: &str, place: Place) -> (Vec<Stmt>, Expr) {
        let names = self.names.len();
        self.names.push(var.to_owned());
        self.at.push(var.to_owned());
        let body = self.inner(2, place);
        let give = Expr::Name(var.to_owned());
        self.at.pop();
        self.names.truncate(names);
        (body, give)
    }

    pub(super) fn parallel_each(&mut self, settle: bool) -> Stmt {
        let (name, var) = (format!("l{}", self.id()), format!("i{}", self.id()));
        let place = Place { looped: true, enclosed: true, ..self.place };
        let (body, give) = self.turn(&var, place);
        let max = 1 + self.random.below(3);
        Stmt::ParallelEach { name, var, list: self.list(), max, settle, body, give }
    }

    fn each(&mut self) -> Stmt {
        let (name, var) = (format!("l{}", self.id()), format!("i{}", self.id()));
        let settle = self.place.committed || self.random.chance(30);
        let enclosed = self.place.enclosed || settle;
        let place = Place { looped: true, enclosed, ..self.place };
        let (body, give) = self.turn(&var, place);
        Stmt::Each { name, var, list: self.list(), settle, body, give }
    }

    fn repeat(&mut self) -> Stmt {
        let (name, var) = (format!("l{}", self.id()), format!("i{}", self.id()));
        if self.random.chance(55) {
            let place = Place { looped: true, ..self.place };
            let (body, give) = self.turn(&var, place);
            let last = 1 + i64::try_from(self.random.below(2)).unwrap_or(0);
            return Stmt::Repeat { name, var, turns: Turns::Again(last), body, give };
        }
        let place = Place { looped: true, alike: true, ..self.place };
        let body = self.inner(2, place);
        let cond = Cond { left: Expr::Input, right: self.small() };
        let turns = Turns::Until(2, cond);
        Stmt::Repeat { name, var, turns, body, give: Expr::Lit(0) }
    }

    fn scope(&mut self) -> Stmt {
        let id = self.id();
        let name = format!("c{id}");
        let again = self.random.chance(30);
        let interrupted = !self.place.looped
            && !self.place.rerun
            && !self.place.enclosed
            && !self.place.committed
            && self.random.chance(45);
        let retry = if again { 2 } else { 1 };
        // What a scope does is undone where it fails: inside, it is as before the commit.
        let place = Place {
            rerun: self.place.rerun || again || interrupted,
            calm: self.place.calm || interrupted,
            enclosed: self.place.enclosed || self.place.committed,
            committed: false,
            ..self.place
        };
        let mut fails = Vec::new();
        let mut body = self.inner(2, place);
        if place.calm {
            // What ends it is an answer: the one boundary behind it is in the ledger.
            let names = self.names.len();
            body.push(self.step());
            self.names.truncate(names);
        } else if self.random.chance(35) {
            let local = format!("Local{id}");
            let cond = self.cond();
            body.push(Stmt::If { cond, then: vec![Stmt::Fail(local.clone())], other: Vec::new() });
            fails.push(local);
        }
        let mut handlers = Vec::new();
        for local in &fails {
            let then = self.scope_remedy();
            handlers.push(Handler { on: Pattern::Error(local.clone()), then });
        }
        let fallback =
            (!self.place.committed && !self.spent() && self.random.chance(20)).then(|| {
                let place = Place { enclosed: true, ..self.place };
                self.inner(1, place)
            });
        if self.place.committed || handlers.is_empty() || self.random.chance(30) {
            let then = self.scope_remedy();
            handlers.push(Handler { on: Pattern::Any, then });
        }
        let interrupt = interrupted
            .then(|| Interrupt { event: format!("I{id}"), keep: self.random.chance(40) });
        Stmt::Scope { name, fails, body, retry, interrupt, fallback, handlers }
    }

    fn scope_remedy(&mut self) -> Remedy {
        if self.place.committed { Remedy::Skip } else { self.block_remedy() }
    }

    fn choice(&mut self) -> Stmt {
        let cond = self.cond();
        let then = self.inner(2, self.place);
        let other = match self.random.below(2) {
            0 => Vec::new(),
            _ => self.inner(1, self.place),
        };
        Stmt::If { cond, then, other }
    }

    fn matching(&mut self) -> Stmt {
        let on = self.number();
        let arms = vec![(self.small(), self.inner(1, self.place))];
        let rest = match self.random.below(2) {
            0 => vec![Stmt::Progress],
            _ => self.inner(1, self.place),
        };
        Stmt::Match { on, arms, rest }
    }
}

fn leaves(handler: &Handler) -> bool {
    matches!(handler.then, Remedy::Fail(_) | Remedy::Block(_, Ending::Fail(_) | Ending::Return(_)))
}
