//! A workflow as a list of its points, with what stands around each and what may have happened when a
//! run rests there.

use sagaflow_fir::{
    AwaitStmt, Block, EachStmt, Fallback, ForkStmt, Handlers, ParallelBlock, Remedy, ScopeStmt,
    StepStmt, Stmt, Workflow,
};
use std::collections::BTreeMap;

/// What a point is of.
#[derive(Clone, Copy)]
pub(super) enum Node<'f> {
    /// The beginning of the body or of what is done after a failure.
    Begin,
    Step(&'f StepStmt),
    Wait(&'f AwaitStmt),
    Fork(&'f ForkStmt),
    Each(&'f EachStmt),
    Repeat,
    Scope(&'f ScopeStmt),
    /// A question that stands for itself.
    Manual,
    /// The beginning of an undo or of a fallback.
    Unit,
}

/// A part of a statement with a point, around another point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Around<'f> {
    /// The point of the statement.
    pub at: &'f str,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Its block.
    Body,
    /// Its block, which is gone through again and again, or many times side by side.
    Turn,
    /// One of its branches.
    Branch(usize),
    Undo,
    Fallback,
    Handlers,
    Interrupts,
    /// What is done when its turns have run out.
    Otherwise,
}

/// A point in its place.
pub(super) struct Place<'f> {
    pub at: &'f str,
    pub node: Node<'f>,
    /// Outermost first.
    pub around: Vec<Around<'f>>,
}

/// The points of a workflow in the order of the program.
pub(super) struct Order<'f> {
    pub places: Vec<Place<'f>>,
    /// Steps that commit the run.
    pub commits: Vec<&'f str>,
    index: BTreeMap<&'f str, usize>,
    around: Vec<Around<'f>>,
}

impl Around<'_> {
    /// Whether what it is a part of has ended when this part begins.
    pub(super) fn is_behind(&self) -> bool {
        !matches!(self.part, Part::Body | Part::Turn | Part::Branch(_))
    }

    /// Whether it is the same part of the same statement; whether a block is gone through once or again
    /// is said of what it does.
    fn is(&self, other: &Around<'_>) -> bool {
        let once = |part: Part| if part == Part::Turn { Part::Body } else { part };
        self.at == other.at && once(self.part) == once(other.part)
    }
}

impl<'f> Order<'f> {
    pub(super) fn of(workflow: &'f Workflow) -> Self {
        let (places, around, commits) = (Vec::new(), Vec::new(), Vec::new());
        let mut order = Self { places, index: BTreeMap::new(), commits, around };
        order.place("start", Node::Begin);
        order.block(&workflow.body);
        if let Some(aftermath) = &workflow.aftermath {
            order.place("after", Node::Begin);
            order.within("after", Part::Body, |this| this.block(aftermath));
        }
        order
    }

    /// Where a point stands.
    pub(super) fn get(&self, at: &str) -> Option<usize> {
        self.index.get(at).copied()
    }

    /// The steps, each with where it stands.
    pub(super) fn steps(&self) -> impl Iterator<Item = (usize, &'f StepStmt)> + '_ {
        self.places.iter().enumerate().filter_map(|(index, place)| match place.node {
            Node::Step(step) => Some((index, step)),
            _ => None,
        })
    }

    /// The step of this point.
    pub(super) fn step(&self, at: &str) -> Option<(usize, &'f StepStmt)> {
        let index = self.get(at)?;
        match self.places.get(index)?.node {
            Node::Step(step) => Some((index, step)),
            _ => None,
        }
    }

    /// Whether the same blocks stand around this place as around another one.
    pub(super) fn is_around(&self, at: usize, other: &Place<'_>) -> bool {
        let own = self.places.get(at).map(|place| place.around.as_slice()).unwrap_or_default();
        own.len() == other.around.len() && own.iter().zip(&other.around).all(|(a, b)| a.is(b))
    }

    /// Whether what stands at `other` may have ended when a run rests at `at`: it stands before it, in a
    /// loop with it, or in a branch beside it.
    pub(super) fn precedes(&self, other: usize, at: usize) -> bool {
        other < at || self.together(other, at)
    }

    /// The same of what may have begun.
    pub(super) fn begins(&self, other: usize, at: usize) -> bool {
        other == at || self.precedes(other, at)
    }

    fn together(&self, one: usize, other: usize) -> bool {
        let (Some(one), Some(other)) = (self.places.get(one), self.places.get(other)) else {
            return false;
        };
        for (left, right) in one.around.iter().zip(&other.around) {
            match (left.part, right.part) {
                _ if left.at != right.at => return false,
                (Part::Branch(left), Part::Branch(right)) if left != right => return true,
                (Part::Turn, Part::Turn) => return true,
                (left, right) if left != right => return false,
                _ => {}
            }
        }
        false
    }

    fn place(&mut self, at: &'f str, node: Node<'f>) {
        // The question of a loop rests at the loop's own point.
        if !self.index.contains_key(at) {
            self.index.insert(at, self.places.len());
            self.places.push(Place { at, node, around: self.around.clone() });
        }
    }

    fn within(&mut self, at: &'f str, part: Part, walk: impl FnOnce(&mut Self)) {
        self.around.push(Around { at, part });
        walk(self);
        self.around.pop();
    }

    fn block(&mut self, block: &'f Block) {
        block.iter().for_each(|stmt| self.statement(stmt));
    }

    fn statement(&mut self, stmt: &'f Stmt) {
        match stmt {
            Stmt::Step(step) => self.walk_step(step),
            Stmt::Await(wait) => {
                self.place(&wait.at, Node::Wait(wait));
                wait.arms.iter().for_each(|arm| self.block(&arm.body));
                self.handlers(&wait.at, &wait.handlers);
            }
            Stmt::Fork(fork) => {
                self.place(&fork.at, Node::Fork(fork));
                match &fork.branches {
                    ParallelBlock::Fixed(branches) => {
                        for (number, (body, _)) in branches.iter().enumerate() {
                            self.within(&fork.at, Part::Branch(number), |this| this.block(body));
                        }
                    }
                    ParallelBlock::Each { body, .. } => {
                        self.within(&fork.at, Part::Turn, |this| this.block(body));
                    }
                }
            }
            Stmt::Each(each) => {
                self.place(&each.at, Node::Each(each));
                self.within(&each.at, Part::Turn, |this| this.block(&each.body));
            }
            Stmt::Repeat(repeat) => {
                self.place(&repeat.at, Node::Repeat);
                self.within(&repeat.at, Part::Turn, |this| this.block(&repeat.body));
                if let Some(body) = &repeat.otherwise {
                    self.within(&repeat.at, Part::Otherwise, |this| this.block(body));
                }
            }
            Stmt::Scope(scope) => self.walk_scope(scope),
            Stmt::If(_, then, otherwise) => {
                self.block(then);
                self.block(otherwise);
            }
            Stmt::Match(_, arms) => arms.iter().for_each(|arm| self.block(&arm.body)),
            Stmt::Manual { at, .. } => self.place(at, Node::Manual),
            _ => {}
        }
    }

    fn walk_step(&mut self, step: &'f StepStmt) {
        self.place(&step.at, Node::Step(step));
        if step.commits {
            self.commits.push(&step.at);
        }
        if let Some(inside) = &step.block {
            self.within(&step.at, Part::Body, |this| this.block(&inside.body));
        }
        if let sagaflow_fir::CallUndo::Block { at, body, .. } = &step.undo {
            self.within(&step.at, Part::Undo, |this| {
                this.place(at, Node::Unit);
                this.block(body);
            });
        }
        self.fallback(&step.at, step.fallback.as_ref());
        self.handlers(&step.at, &step.handlers);
    }

    fn walk_scope(&mut self, scope: &'f ScopeStmt) {
        self.place(&scope.at, Node::Scope(scope));
        let part = if scope.retry.is_some() { Part::Turn } else { Part::Body };
        self.within(&scope.at, part, |this| this.block(&scope.body));
        self.within(&scope.at, Part::Interrupts, |this| {
            scope.interrupts.iter().for_each(|interrupt| this.remedy(&interrupt.remedy));
        });
        self.fallback(&scope.at, scope.fallback.as_ref());
        self.handlers(&scope.at, &scope.handlers);
    }

    fn fallback(&mut self, of: &'f str, fallback: Option<&'f Fallback>) {
        let Some(Fallback { at, body }) = fallback else { return };
        self.within(of, Part::Fallback, |this| {
            this.place(at, Node::Unit);
            this.block(body);
        });
    }

    fn handlers(&mut self, of: &'f str, handlers: &'f Handlers) {
        let remedies = handlers.on.iter().map(|handler| &handler.remedy);
        let remedies = remedies.chain(&handlers.otherwise);
        self.within(of, Part::Handlers, |this| remedies.for_each(|remedy| this.remedy(remedy)));
    }

    fn remedy(&mut self, remedy: &'f Remedy) {
        if let Remedy::Block { body, .. } = remedy {
            self.block(body);
        }
    }
}
