//! Random programs that the checker must accept.
//!
//! The shape is that of every recoverable program: steps that can be undone or only look, at most one
//! pivot at the top level, and behind it only what cannot fail. A seed always makes the same program.

mod block;
mod call;
mod coverage;

pub use coverage::{CONSTRUCTS, coverage};

use crate::program::{Ending, Expr, Handler, Pattern, Program, Remedy, Stmt};
use crate::random::Random;

/// Bound: call sites of one program, so that sweeping it stays quick.
const CALLS_MAX: usize = 9;

/// Bound: nesting of blocks.
const DEPTH_MAX: usize = 3;

/// The program of a seed.
#[must_use]
pub fn generate(seed: u64) -> Program {
    let mut maker = Maker {
        random: Random::new(seed),
        extras: Random::new(!seed),
        ids: 0,
        calls: 0,
        names: Vec::new(),
        at: Vec::new(),
        place: Place::default(),
        wanted: Vec::new(),
    };
    maker.program()
}

/// What the place in the program forbids.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    /// In a loop.
    looped: bool,
    /// In a loop whose turns look alike from outside.
    alike: bool,
    /// In something that may run again.
    rerun: bool,
    /// In a branch or a settled turn, which nothing may leave.
    enclosed: bool,
    /// In a scope that may be interrupted: nothing but calls decides what happens next.
    calm: bool,
    /// Nothing may fail any more.
    committed: bool,
}

struct Maker {
    random: Random,
    /// Choices of what is laid over a program, so that they leave its other choices as they are.
    extras: Random,
    ids: u32,
    calls: usize,
    /// Numbers in scope.
    names: Vec<String>,
    /// Loops around.
    at: Vec<String>,
    place: Place,
    /// Choices of [`Maker::block`] that the next inner blocks must hold, the outermost one last.
    wanted: Vec<usize>,
}

impl Maker {
    fn program(&mut self) -> Program {
        let mut body = Vec::new();
        if self.random.chance(10) {
            // Branches in a loop in a scope are too rare otherwise.
            self.wanted = vec![block::PARALLEL, block::EACH];
            body.push(self.block(block::SCOPE));
            self.wanted.clear();
        }
        for _ in 0..2 + self.random.below(3) {
            body.extend(self.stmt());
        }
        if self.random.chance(55) {
            body.push(self.commit_point());
            self.place.committed = true;
            let (at, names) = (body.len(), self.names.clone());
            for _ in 0..self.random.below(3) {
                body.extend(self.stmt());
            }
            self.reply(&mut body, at, &names);
        }
        let result = Some(self.number());
        let mut after = Vec::new();
        if self.random.chance(40) {
            let names = std::mem::take(&mut self.names);
            self.place.committed = true;
            after.push(Stmt::Call(self.guaranteed()));
            if self.random.chance(30) {
                after.push(Stmt::Review);
            }
            self.names = names;
        }
        let mut program = Program { body, after, result, deadline: None };
        program.deadline = self.deadline(&program);
        program
    }

    /// An early answer somewhere behind the commit point, which is at `at`, with these names in scope.
    fn reply(&mut self, body: &mut Vec<Stmt>, at: usize, names: &[String]) {
        if self.extras.chance(40) {
            let name = self.extras.pick(names).cloned();
            let value = Expr::Plus(Box::new(name.map_or(Expr::Input, Expr::Name)), 100);
            let behind = self.extras.below(body.len() + 1 - at);
            body.insert(at + behind, Stmt::Reply(value));
        }
    }

    /// A deadline that strikes in a pause, in a sleep or in a wait that nobody answers.
    fn deadline(&mut self, program: &Program) -> Option<u32> {
        let mut interrupted = false;
        program.each(&mut |stmt| {
            interrupted |= matches!(stmt, Stmt::Scope { interrupt: Some(_), .. });
        });
        // Which of a deadline and an interrupt stopped a scope cannot be told from outside.
        let any = !interrupted && self.extras.chance(40);
        self.extras.pick(&[2, 15, 60, 1_800]).copied().filter(|_| any)
    }

    /// The pivot, alone or beside turns that keep their own undo.
    fn commit_point(&mut self) -> Stmt {
        let beside = !self.spent() && self.random.chance(25);
        let names = self.names.clone();
        let pivot = Stmt::Call(self.pivot());
        if !beside {
            return pivot;
        }
        let after = std::mem::replace(&mut self.names, names);
        let turns = self.parallel_each(true);
        self.names = after;
        Stmt::Parallel { branches: vec![pivot, turns], handlers: Vec::new() }
    }

    fn id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    fn spent(&self) -> bool {
        self.calls >= CALLS_MAX
    }

    /// A number that is in scope here.
    fn number(&mut self) -> Expr {
        let names = self.names.clone();
        let simple = match self.random.below(4) {
            0 => Expr::Input,
            1 => Expr::Lit(self.small()),
            _ => self.random.pick(&names).map_or(Expr::Input, |name| Expr::Name(name.clone())),
        };
        match self.random.below(8) {
            0 => Expr::Plus(Box::new(simple), 1),
            1 => Expr::Twice(Box::new(simple)),
            2 => Expr::Decided(Box::new(simple)),
            _ => simple,
        }
    }

    fn small(&mut self) -> i64 {
        i64::try_from(self.random.below(9)).unwrap_or(0)
    }

    fn error(&mut self) -> String {
        ["Bad1", "Bad2"].get(self.random.below(2)).copied().unwrap_or("Bad1").to_owned()
    }

    fn gone(&mut self) -> String {
        ["Gone1", "Gone2"].get(self.random.below(2)).copied().unwrap_or("Gone1").to_owned()
    }

    /// One or several statements that belong together.
    fn stmt(&mut self) -> Vec<Stmt> {
        let deep = self.place.depth >= DEPTH_MAX || self.calls + 2 > CALLS_MAX;
        let choice = self.random.below(100);
        match choice {
            0..=35 => vec![self.step()],
            36..=39 if self.may_wait() => self.wait(),
            40..=81 if !deep => vec![self.block(choice)],
            82..=83 => vec![Stmt::Sleep(1 + u32::try_from(self.random.below(90)).unwrap_or(0))],
            84..=85 => vec![Stmt::Emit],
            86..=87 => vec![Stmt::Review],
            88..=89 => vec![Stmt::Progress],
            90..=91 => vec![self.binding()],
            92..=93 if !self.place.committed && !self.place.enclosed && !self.place.calm => {
                vec![self.failing_if(None)]
            }
            94..=99 if self.may_wait() => self.wait(),
            _ => vec![self.step()],
        }
    }

    fn may_wait(&self) -> bool {
        !self.place.looped && !self.place.rerun && !self.place.enclosed && !self.place.committed
    }

    /// A call, or something without one where there have been enough.
    fn step(&mut self) -> Stmt {
        if self.spent() {
            return Stmt::Progress;
        }
        Stmt::Call(if self.place.committed { self.guaranteed() } else { self.call() })
    }

    fn binding(&mut self) -> Stmt {
        let value = self.number();
        let name = format!("n{}", self.id());
        self.names.push(name.clone());
        Stmt::Let(name, value)
    }

    fn failing_if(&mut self, error: Option<String>) -> Stmt {
        let error = error.unwrap_or_else(|| self.gone());
        Stmt::If { cond: self.cond(), then: vec![Stmt::Fail(error)], other: Vec::new() }
    }

    /// A few statements whose names end with them.
    fn inner(&mut self, most: usize, place: Place) -> Vec<Stmt> {
        let (names, before) = (self.names.len(), self.place);
        self.place = Place { depth: before.depth + 1, ..place };
        let mut body = vec![self.step()];
        if let Some(choice) = self.wanted.pop() {
            body.push(self.block(choice));
        }
        for _ in 0..self.random.below(most) {
            let at = self.random.below(body.len() + 1).min(1);
            let more = self.stmt();
            if at == 0 && body.len() == 1 && !uses_names(&more) {
                body.splice(0..0, more);
            } else {
                body.extend(more);
            }
        }
        self.place = before;
        self.names.truncate(names);
        body
    }

    fn wait(&mut self) -> Vec<Stmt> {
        let name = format!("w{}", self.id());
        match self.random.below(3) {
            0 => {
                let handlers = vec![self.on_timeout(false)];
                // Only a wait that cannot be left without a value binds one.
                if matches!(handlers.first(), Some(Handler { then: Remedy::Fail(_), .. })) {
                    self.names.push(format!("{name}.n"));
                }
                vec![Stmt::Event { name, handlers }]
            }
            1 => {
                let place = Place { enclosed: true, ..self.place };
                let no = match self.random.below(2) {
                    0 => vec![Stmt::Fail(self.gone())],
                    _ => self.inner(1, place),
                };
                vec![Stmt::Task { name, handlers: vec![self.on_timeout(true)], no }]
            }
            _ => {
                let place = Place { enclosed: true, ..self.place };
                let event = self.inner(1, place);
                let time = match self.random.below(3) {
                    0 => vec![Stmt::Fail(self.gone())],
                    1 => vec![Stmt::Review],
                    _ => self.inner(1, place),
                };
                vec![Stmt::First { name, event, time }]
            }
        }
    }

    fn on_timeout(&mut self, task: bool) -> Handler {
        let then = match self.random.below(3) {
            0 if !task => Remedy::Skip,
            1 => {
                let place = Place { enclosed: true, ..self.place };
                let stmts = self.inner(1, place);
                Remedy::Block(stmts, Ending::Fail(self.gone()))
            }
            _ => Remedy::Fail(self.gone()),
        };
        Handler { on: Pattern::Timeout, then }
    }
}

fn uses_names(stmts: &[Stmt]) -> bool {
    // Only what binds and uses nothing may move in front of what stands there.
    !stmts
        .iter()
        .all(|stmt| matches!(stmt, Stmt::Sleep(_) | Stmt::Emit | Stmt::Review | Stmt::Progress))
}
