//! The index of a workflow's tree: where each durable point is, and what stands around each block.
//!
//! Built once. Promises: from any durable point the rest of the program is found without having run
//! what came before it. Blocks are named by numbers, and a number leads to its block through its
//! owners, so that the index borrows nothing.

use sagaflow_fir::{
    Block, CallUndo, Fallback, Fir, Handlers, ParallelBlock, Remedy, Stmt, Unsupported, Workflow,
};
use std::collections::BTreeMap;

/// Number of a block.
pub(crate) type BlockId = usize;

/// A statement: its block and its position there; one past the last is the block's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    pub(crate) block: BlockId,
    pub(crate) index: usize,
}

impl Cursor {
    /// The beginning of a block.
    pub(crate) fn begin(block: BlockId) -> Self {
        Self { block, index: 0 }
    }

    /// What follows.
    pub(crate) fn next(self) -> Self {
        Self { index: self.index + 1, ..self }
    }
}

/// Which block of its statement a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// Of an `if`: where the condition holds, or does not.
    Then,
    Else,
    /// Of a `match` or wait.
    Arm(usize),
    /// A turn of `each`.
    Turn,
    /// A turn of `repeat`.
    Repeat,
    /// What runs when the turns of a `repeat` run out.
    RanOut,
    /// A branch of `parallel { }`.
    Branch(usize),
    /// A branch of `parallel each`.
    ForkTurn,
    /// The body of a scope.
    Scope,
    /// The undo of a step.
    Undo,
    /// The block of a transaction.
    Transaction,
    /// `fallback` of a step or scope.
    Fallback,
    /// `on …` of a step, wait or scope.
    Handler(usize),
    /// `else` of the same.
    Otherwise,
    /// `on event …` of a scope.
    Interrupt(usize),
}

/// What a block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The workflow.
    Body,
    /// Its `after failure`.
    Aftermath,
    /// A statement.
    Stmt(Cursor, Slot),
}

/// What rests at a durable point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `start`
    Start,
    /// `after`
    After,
    /// The beginning of a step's undo block.
    Undo(Cursor),
    /// The fallback unit of a step or scope.
    Fallback(Cursor),
    /// A statement.
    Stmt(Cursor),
}

struct Entry {
    owner: Owner,
    /// Loops around it.
    depth: usize,
}

/// The index.
#[derive(Default)]
pub(crate) struct Program {
    blocks: Vec<Entry>,
    children: BTreeMap<(Cursor, Slot), BlockId>,
    places: BTreeMap<String, Place>,
    /// Loops that keep hidden values, by their `at`.
    loops: BTreeMap<String, Cursor>,
    /// Orders of payload fields, by the name of the declared error.
    errors: BTreeMap<String, Vec<Vec<String>>>,
    aftermath: Option<BlockId>,
    /// The first construct that cannot be executed.
    pub(crate) unsupported: Option<Unsupported>,
}

impl Program {
    /// Indexes a workflow.
    pub(crate) fn of(fir: &Fir, workflow: &Workflow) -> Self {
        let mut program = Self::default();
        program.places.insert("start".to_owned(), Place::Start);
        for error in &workflow.fails {
            let order = error.fields.iter().map(|field| field.name.clone()).collect();
            program.errors.entry(error.name.clone()).or_default().push(order);
        }
        program.add(fir, &workflow.body, Owner::Body, 0);
        if let Some(aftermath) = &workflow.aftermath {
            program.places.insert("after".to_owned(), Place::After);
            program.aftermath = Some(program.add(fir, aftermath, Owner::Aftermath, 0));
        }
        program
    }

    /// The statements of a block.
    pub(crate) fn block<'w>(&self, workflow: &'w Workflow, id: BlockId) -> &'w [Stmt] {
        let owner = self.blocks.get(id).map(|entry| entry.owner);
        match owner {
            Some(Owner::Body) => &workflow.body,
            Some(Owner::Aftermath) => workflow.aftermath.as_deref().unwrap_or_default(),
            Some(Owner::Stmt(cursor, slot)) => {
                let stmt = self.block(workflow, cursor.block).get(cursor.index);
                stmt.and_then(|stmt| child(stmt, slot)).map_or(&[], Vec::as_slice)
            }
            None => &[],
        }
    }

    /// The statement at a cursor; none at the end of a block.
    pub(crate) fn stmt<'w>(&self, workflow: &'w Workflow, at: Cursor) -> Option<&'w Stmt> {
        self.block(workflow, at.block).get(at.index)
    }

    /// What a block belongs to.
    pub(crate) fn owner(&self, id: BlockId) -> Owner {
        self.blocks.get(id).map_or(Owner::Body, |entry| entry.owner)
    }

    /// Loops around a block: the length of the iteration there.
    pub(crate) fn depth(&self, id: BlockId) -> usize {
        self.blocks.get(id).map_or(0, |entry| entry.depth)
    }

    /// A block of a statement.
    pub(crate) fn child(&self, at: Cursor, slot: Slot) -> Option<BlockId> {
        self.children.get(&(at, slot)).copied()
    }

    /// The block of `after failure`.
    pub(crate) fn aftermath(&self) -> Option<BlockId> {
        self.aftermath
    }

    /// What rests at a durable point.
    pub(crate) fn place(&self, at: &str) -> Option<Place> {
        self.places.get(at).copied()
    }

    /// The names of all durable points that statements own.
    pub(crate) fn points(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// The loop that keeps the hidden value `#<at>.list` or `#<at>.out`.
    pub(crate) fn hidden(&self, name: &str) -> Option<(Cursor, Hidden)> {
        let (at, kind) = name.strip_prefix('#')?.rsplit_once('.')?;
        let kind = match kind {
            "list" => Hidden::List,
            "out" => Hidden::Out,
            _ => return None,
        };
        self.loops.get(at).map(|cursor| (*cursor, kind))
    }

    /// The order of the payload fields of an error that has these fields.
    pub(crate) fn payload_order(
        &self,
        name: &str,
        payload: &serde_json::Value,
    ) -> Option<&[String]> {
        let fits = |order: &&Vec<String>| match payload.as_object() {
            Some(object) => object.keys().all(|key| order.contains(key)),
            None => true,
        };
        let orders = self.errors.get(name)?;
        orders.iter().find(fits).or(orders.first()).map(Vec::as_slice)
    }

    fn add(&mut self, fir: &Fir, stmts: &Block, owner: Owner, depth: usize) -> BlockId {
        let block = self.blocks.len();
        self.blocks.push(Entry { owner, depth });
        for (index, stmt) in stmts.iter().enumerate() {
            self.index(fir, stmt, Cursor { block, index }, depth);
        }
        block
    }

    fn nest(&mut self, fir: &Fir, at: Cursor, slot: Slot, stmts: &Block, depth: usize) {
        let id = self.add(fir, stmts, Owner::Stmt(at, slot), depth);
        self.children.insert((at, slot), id);
    }

    fn rests(&mut self, at: &str, cursor: Cursor) {
        self.places.insert(at.to_owned(), Place::Stmt(cursor));
    }

    fn index(&mut self, fir: &Fir, stmt: &Stmt, at: Cursor, depth: usize) {
        match stmt {
            Stmt::Step(step) => {
                self.rests(&step.at, at);
                if let CallUndo::Block { at: undo, body, .. } = &step.undo {
                    self.places.insert(undo.clone(), Place::Undo(at));
                    self.nest(fir, at, Slot::Undo, body, depth);
                }
                if let Some(block) = &step.block {
                    self.nest(fir, at, Slot::Transaction, &block.body, depth);
                }
                self.errors_of(fir, &step.call.service, &step.call.action);
                self.fallback(fir, at, &step.fallback, depth);
                self.handlers(fir, at, &step.handlers, depth);
            }
            Stmt::Await(wait) => {
                self.rests(&wait.at, at);
                for (index, arm) in wait.arms.iter().enumerate() {
                    self.nest(fir, at, Slot::Arm(index), &arm.body, depth);
                }
                self.handlers(fir, at, &wait.handlers, depth);
            }
            Stmt::Fork(fork) => {
                self.rests(&fork.at, at);
                self.branches(fir, at, &fork.at, &fork.branches, depth);
            }
            Stmt::Each(each) => {
                self.loops.insert(each.at.clone(), at);
                if each.settle {
                    self.rests(&each.at, at);
                }
                self.nest(fir, at, Slot::Turn, &each.body, depth + 1);
            }
            Stmt::Repeat(repeat) => {
                self.nest(fir, at, Slot::Repeat, &repeat.body, depth + 1);
                if let Some(otherwise) = &repeat.otherwise {
                    self.nest(fir, at, Slot::RanOut, otherwise, depth);
                }
            }
            Stmt::Scope(scope) => {
                self.rests(&scope.at, at);
                self.nest(fir, at, Slot::Scope, &scope.body, depth);
                for (index, interrupt) in scope.interrupts.iter().enumerate() {
                    self.remedy(fir, at, Slot::Interrupt(index), &interrupt.remedy, depth);
                }
                self.fallback(fir, at, &scope.fallback, depth);
                self.handlers(fir, at, &scope.handlers, depth);
            }
            Stmt::If(_, then, otherwise) => {
                self.nest(fir, at, Slot::Then, then, depth);
                self.nest(fir, at, Slot::Else, otherwise, depth);
            }
            Stmt::Match(_, arms) => {
                for (index, arm) in arms.iter().enumerate() {
                    self.nest(fir, at, Slot::Arm(index), &arm.body, depth);
                }
            }
            Stmt::Manual { at: point, .. } | Stmt::Ask { at: point, .. } => self.rests(point, at),
            Stmt::Fail(name, fields) => {
                let order = fields.iter().map(|(field, _)| field.clone()).collect();
                self.errors.entry(name.clone()).or_default().push(order);
            }
            Stmt::Unsupported(what) => {
                self.unsupported.get_or_insert_with(|| what.clone());
            }
            _ => {}
        }
    }

    fn branches(
        &mut self,
        fir: &Fir,
        at: Cursor,
        point: &str,
        branches: &ParallelBlock,
        depth: usize,
    ) {
        match branches {
            ParallelBlock::Fixed(branches) => {
                for (index, (body, _)) in branches.iter().enumerate() {
                    self.nest(fir, at, Slot::Branch(index), body, depth);
                }
            }
            ParallelBlock::Each { body, .. } => {
                self.loops.insert(point.to_owned(), at);
                self.nest(fir, at, Slot::ForkTurn, body, depth + 1);
            }
        }
    }

    fn fallback(&mut self, fir: &Fir, at: Cursor, fallback: &Option<Fallback>, depth: usize) {
        if let Some(fallback) = fallback {
            self.places.insert(fallback.at.clone(), Place::Fallback(at));
            self.nest(fir, at, Slot::Fallback, &fallback.body, depth);
        }
    }

    fn handlers(&mut self, fir: &Fir, at: Cursor, handlers: &Handlers, depth: usize) {
        for (index, handler) in handlers.on.iter().enumerate() {
            self.remedy(fir, at, Slot::Handler(index), &handler.remedy, depth);
        }
        if let Some(otherwise) = &handlers.otherwise {
            self.remedy(fir, at, Slot::Otherwise, otherwise, depth);
        }
    }

    fn remedy(&mut self, fir: &Fir, at: Cursor, slot: Slot, remedy: &Remedy, depth: usize) {
        if let Remedy::Block { body, .. } = remedy {
            self.nest(fir, at, slot, body, depth);
        }
    }

    fn errors_of(&mut self, fir: &Fir, service: &str, action: &str) {
        for error in fir.action(service, action).iter().flat_map(|action| &action.errors) {
            let order = error.fields.iter().map(|field| field.name.clone()).collect();
            self.errors.entry(error.name.clone()).or_default().push(order);
        }
    }
}

/// Which bookkeeping of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// What is iterated.
    List,
    /// What was given so far.
    Out,
}

/// The block that a statement has in a slot.
fn child(stmt: &Stmt, slot: Slot) -> Option<&Block> {
    match (stmt, slot) {
        (Stmt::If(_, then, _), Slot::Then) => Some(then),
        (Stmt::If(_, _, otherwise), Slot::Else) => Some(otherwise),
        (Stmt::Match(_, arms), Slot::Arm(index)) => arms.get(index).map(|arm| &arm.body),
        (Stmt::Await(wait), Slot::Arm(index)) => wait.arms.get(index).map(|arm| &arm.body),
        (Stmt::Await(wait), slot) => handler(&wait.handlers, slot),
        (Stmt::Each(each), Slot::Turn) => Some(&each.body),
        (Stmt::Repeat(repeat), Slot::Repeat) => Some(&repeat.body),
        (Stmt::Repeat(repeat), Slot::RanOut) => repeat.otherwise.as_ref(),
        (Stmt::Fork(fork), Slot::Branch(index)) => match &fork.branches {
            ParallelBlock::Fixed(branches) => branches.get(index).map(|(body, _)| body),
            ParallelBlock::Each { .. } => None,
        },
        (Stmt::Fork(fork), Slot::ForkTurn) => match &fork.branches {
            ParallelBlock::Each { body, .. } => Some(body),
            ParallelBlock::Fixed(_) => None,
        },
        (Stmt::Scope(scope), Slot::Scope) => Some(&scope.body),
        (Stmt::Scope(scope), Slot::Fallback) => scope.fallback.as_ref().map(|each| &each.body),
        (Stmt::Scope(scope), Slot::Interrupt(index)) => {
            scope.interrupts.get(index).and_then(|interrupt| body(&interrupt.remedy))
        }
        (Stmt::Scope(scope), slot) => handler(&scope.handlers, slot),
        (Stmt::Step(step), Slot::Undo) => match &step.undo {
            CallUndo::Block { body, .. } => Some(body),
            _ => None,
        },
        (Stmt::Step(step), Slot::Transaction) => step.block.as_ref().map(|block| &block.body),
        (Stmt::Step(step), Slot::Fallback) => step.fallback.as_ref().map(|each| &each.body),
        (Stmt::Step(step), slot) => handler(&step.handlers, slot),
        _ => None,
    }
}

fn handler(handlers: &Handlers, slot: Slot) -> Option<&Block> {
    match slot {
        Slot::Handler(index) => handlers.on.get(index).and_then(|handler| body(&handler.remedy)),
        Slot::Otherwise => handlers.otherwise.as_ref().and_then(body),
        _ => None,
    }
}

fn body(remedy: &Remedy) -> Option<&Block> {
    match remedy {
        Remedy::Block { body, .. } => Some(body),
        Remedy::Manual(_) => None,
    }
}
