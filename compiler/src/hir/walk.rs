//! Walking statements, and how a block can end.

use super::*;

/// How the paths through a block can end. More than one may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exits {
    /// The end of the block is reached.
    pub falls: bool,
    /// `skip`
    pub skips: bool,
    /// `use e`
    pub uses: bool,
    /// `give e`, of a loop around the block.
    pub gives: bool,
    /// `again`, of a loop around the block.
    pub again: bool,
    /// `return`
    pub returns: bool,
    /// `fail`; errors of steps are not looked at.
    pub fails: bool,
}

impl Exits {
    const FALLS: Self = Self {
        falls: true,
        skips: false,
        uses: false,
        gives: false,
        again: false,
        returns: false,
        fails: false,
    };

    fn none() -> Self {
        Self { falls: false, ..Self::FALLS }
    }

    fn or(self, other: Self) -> Self {
        Self {
            falls: self.falls || other.falls,
            skips: self.skips || other.skips,
            uses: self.uses || other.uses,
            gives: self.gives || other.gives,
            again: self.again || other.again,
            returns: self.returns || other.returns,
            fails: self.fails || other.fails,
        }
    }

    /// Whether what stands after the step or block whose remedy this is can be reached through it.
    #[must_use]
    pub fn goes_on(self) -> bool {
        self.falls || self.skips || self.uses
    }

    /// As seen after a step or block whose remedy this is: `skip` and `use` end the remedy only.
    #[must_use]
    fn after_remedy(self) -> Self {
        Self { falls: self.goes_on(), skips: false, uses: false, ..self }
    }
}

impl Block {
    /// How the paths through the block can end.
    #[must_use]
    pub fn exits(&self) -> Exits {
        let mut so_far = Exits::FALLS;
        for stmt in &self.stmts {
            if !so_far.falls {
                break;
            }
            so_far.falls = false;
            so_far = so_far.or(stmt.exits());
        }
        so_far
    }
}

fn with_remedies(body: Exits, handlers: &Handlers) -> Exits {
    handlers.remedies().fold(body, |all, remedy| all.or(remedy.exits().after_remedy()))
}

fn with_guard(body: Exits, guard: &Guard) -> Exits {
    let mut all = with_remedies(body, &guard.handlers);
    for interrupt in &guard.interrupts {
        all = all.or(interrupt.remedy.exits().after_remedy());
    }
    if let Some(fallback) = &guard.fallback {
        all = all.or(fallback.body.exits().after_remedy());
    }
    all
}

impl Stmt {
    /// How the paths through the statement can end.
    #[must_use]
    pub fn exits(&self) -> Exits {
        match &self.kind {
            StmtKind::Fail(_) => Exits { fails: true, ..Exits::none() },
            StmtKind::Return(_) => Exits { returns: true, ..Exits::none() },
            StmtKind::Give(_) => Exits { gives: true, ..Exits::none() },
            StmtKind::Again(_) => Exits { again: true, ..Exits::none() },
            StmtKind::Use(_) => Exits { uses: true, ..Exits::none() },
            StmtKind::Skip => Exits { skips: true, ..Exits::none() },
            StmtKind::Step(step) => {
                let all = with_remedies(Exits::FALLS, &step.handlers);
                step.fallback.iter().fold(all, |a, f| a.or(f.body.exits().after_remedy()))
            }
            StmtKind::Await(wait) => with_remedies(Exits::FALLS, &wait.handlers),
            StmtKind::AwaitFirst(first) => {
                first.arms.iter().fold(Exits::none(), |all, arm| all.or(arm.body.exits()))
            }
            StmtKind::If(choice) => {
                let other = choice.otherwise.as_ref().map_or(Exits::FALLS, Block::exits);
                choice.then.exits().or(other)
            }
            StmtKind::Match(choice) => {
                choice.arms.iter().fold(Exits::none(), |all, arm| all.or(arm.body.exits()))
            }
            StmtKind::Parallel(fork) => {
                let all = fork.branches.iter().fold(Exits::FALLS, |a, branch| {
                    let exits = branch.exits();
                    Exits { falls: a.falls && exits.falls, ..a.or(exits) }
                });
                // Of `first k` not every branch comes to its end.
                let wins = |branch: &Stmt| branch.exits().falls;
                let falls = match fork.first {
                    Some(_) => fork.branches.iter().any(wins),
                    None => all.falls,
                };
                with_guard(Exits { falls, ..all }, &fork.guard)
            }
            StmtKind::ParallelEach(each) => with_guard(turns(&each.body, true), &each.guard),
            StmtKind::Each(each) => turns(&each.body, true),
            StmtKind::Repeat(repeat) => repeat_exits(repeat),
            StmtKind::Transaction(tx) => with_guard(tx.body.exits(), &tx.guard),
            StmtKind::Savepoint(point) => with_remedies(point.body.exits(), &point.handlers),
            StmtKind::Scope(scope) => with_guard(scope.body.exits(), &scope.guard),
            StmtKind::Lock(lock) => with_remedies(lock.body.exits(), &lock.handlers),
            _ => Exits::FALLS,
        }
    }
}

/// A loop over a list: it may have no turn, and `give` ends a turn only.
fn turns(body: &Block, falls: bool) -> Exits {
    Exits { falls, gives: false, ..body.exits() }
}

fn repeat_exits(repeat: &Repeat) -> Exits {
    let body = repeat.body.exits();
    let over = match &repeat.otherwise {
        None => Exits { falls: repeat.up_to.is_some(), ..Exits::none() },
        Some(block) => block.exits().after_remedy(),
    };
    let ends = body.gives || (repeat.until.is_some() && body.falls);
    let turns = Exits { falls: ends, gives: false, again: false, ..body };
    turns.or(over)
}

impl Block {
    /// Calls `see` for every statement in the block and in the blocks it holds, in source order;
    /// undo blocks only if `undo`.
    pub fn walk<'a>(&'a self, undo: bool, see: &mut dyn FnMut(&'a Stmt)) {
        for stmt in &self.stmts {
            stmt.walk(undo, see);
        }
    }
}

impl Stmt {
    /// As [`Block::walk`], for one statement.
    pub fn walk<'a>(&'a self, undo: bool, see: &mut dyn FnMut(&'a Stmt)) {
        see(self);
        self.each_block(undo, &mut |block| block.walk(undo, see));
        if let StmtKind::Parallel(fork) = &self.kind {
            // Order: branches are written before the clauses, but no reader depends on it.
            for branch in &fork.branches {
                branch.walk(undo, see);
            }
        }
    }

    /// Calls `see` for every block directly inside; branches of a `parallel { }` are no blocks.
    pub fn each_block<'a>(&'a self, undo: bool, see: &mut dyn FnMut(&'a Block)) {
        match &self.kind {
            StmtKind::Step(step) => {
                if let (true, Undo::Own(own)) = (undo, &step.undo) {
                    own.each_block(see);
                }
                step.fallback.iter().for_each(|f| see(&f.body));
                step.handlers.remedies().for_each(see);
            }
            StmtKind::Await(wait) => wait.handlers.remedies().for_each(see),
            StmtKind::AwaitFirst(first) => first.arms.iter().for_each(|a| see(&a.body)),
            StmtKind::If(choice) => {
                see(&choice.then);
                choice.otherwise.iter().for_each(see);
            }
            StmtKind::Match(choice) => choice.arms.iter().for_each(|a| see(&a.body)),
            StmtKind::Parallel(fork) => fork.guard.each_block(see),
            StmtKind::ParallelEach(each) => {
                see(&each.body);
                each.guard.each_block(see);
            }
            StmtKind::Each(each) => see(&each.body),
            StmtKind::Repeat(repeat) => {
                see(&repeat.body);
                repeat.otherwise.iter().for_each(see);
            }
            StmtKind::Transaction(tx) => {
                see(&tx.body);
                if let (true, Some(own)) = (undo, &tx.compensate) {
                    own.each_block(see);
                }
                tx.guard.each_block(see);
            }
            StmtKind::Savepoint(point) => {
                see(&point.body);
                point.handlers.remedies().for_each(see);
            }
            StmtKind::Scope(scope) => {
                see(&scope.body);
                scope.guard.each_block(see);
            }
            StmtKind::Lock(lock) => {
                see(&lock.body);
                lock.handlers.remedies().for_each(see);
            }
            _ => {}
        }
    }
}

impl Compensate {
    /// Calls `see` for the block, if there is one.
    pub fn each_block<'a>(&'a self, see: &mut dyn FnMut(&'a Block)) {
        if let CompensateHow::Block { body, .. } = &self.how {
            see(body);
        }
    }
}

impl Guard {
    /// Calls `see` for the blocks of the clauses.
    pub fn each_block<'a>(&'a self, see: &mut dyn FnMut(&'a Block)) {
        self.fallback.iter().for_each(|f| see(&f.body));
        self.interrupts.iter().for_each(|i| see(&i.remedy));
        self.handlers.remedies().for_each(see);
    }
}
