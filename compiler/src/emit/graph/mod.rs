//! The control-flow graph of one workflow: basic blocks between durable points.
//!
//! A block holds pure instructions and ends in one terminator: a jump, a durable point, or an end.
//! An *entry* says which block a durable point goes on with after which event. Everything that the
//! machine contract leaves to the machine (handlers, fallbacks, loops, units left by a jump) is
//! spelled out here, so that printing Rust is a plain walk.

mod around;
mod live;
mod loops;
mod lower;
mod step;
mod wait;

pub(super) use live::{Solved, after, solve, uses};
pub(super) use lower::graph;

use sagaflow_fir as fir;

/// Index of a block.
pub(super) type BlockId = usize;

/// Index of a variable: the workflow's locals first, then what the machine needs for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Var(pub usize);

impl From<fir::LocalId> for Var {
    fn from(local: fir::LocalId) -> Self {
        Self(local.0 as usize)
    }
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum VarTy {
    /// A value of the program.
    Value(fir::Ty),
    /// The items of this list, map or batch.
    Items(fir::Ty),
    /// How something failed.
    Failure,
    /// An event's payload, as it came.
    Json,
    /// How the branches of a fork ended.
    Ends,
}

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct VarInfo {
    /// Its name in frames.
    pub name: String,
    /// What it holds.
    pub ty: VarTy,
}

/// What is pushed to the list that a loop gives.
pub(super) enum Given<'f> {
    /// The value as it is.
    Value(&'f fir::Expr),
    /// The value of an isolated turn.
    Ok(&'f fir::Expr),
    /// An isolated turn that gave nothing.
    OkNothing,
    /// A failed turn.
    Failed(Var),
}

/// A pure instruction.
pub(super) enum Instr<'f> {
    /// Binds a value.
    Let(Var, &'f fir::Expr),
    /// Evaluates for its faults alone.
    Eval(&'f fir::Expr),
    /// Binds several at once: all are evaluated before any is bound.
    Assign(Vec<(Var, &'f fir::Expr)>),
    /// An optional that is absent.
    Absent(Var),
    /// Takes over another variable's value.
    Take { to: Var, from: Var },
    /// An empty list.
    Empty(Var),
    /// The items to iterate, at most `max`.
    Items { to: Var, over: &'f fir::Expr, max: Option<u32> },
    /// The current item, by the iteration's last index.
    Item { list: Var, pattern: Vec<Var> },
    /// The same in a branch that begins, which has read its own item alone.
    BranchItem { list: Var, pattern: Vec<Var> },
    /// Appends to what was given.
    Push(Var, Given<'f>),
    /// Begins the first turn: one more index, 0.
    TurnFirst,
    /// Begins the next turn, after dropping the indexes of inner loops.
    TurnNext { depth: usize },
    /// Leaves loops: only so many indexes remain.
    Depth(usize),
    /// A unit begins.
    Enter { at: &'f str, interrupts: &'f [fir::Interrupt] },
    /// A unit ends well.
    Leave { at: &'f str },
    /// An event goes out.
    Emit { event: &'f str, fields: &'f [(String, fir::Expr)] },
    /// Answers a waiting caller.
    Reply(&'f fir::Expr),
    /// For the review queue.
    Review(&'f fir::Expr),
    /// Records of the batch are set aside.
    Reject(&'f fir::Expr, &'f fir::Expr),
    /// For the progress feed.
    Progress(&'f fir::Expr, Option<&'f fir::Expr>),
    /// How the answer to `Failed` leaves the step.
    Leaving(Leaving),
    /// Fields of a failure's payload, by name.
    Payload { failure: Var, fields: Vec<(String, Var)> },
    /// Fields of an event's payload, by name.
    EventFields { event: Var, fields: Vec<(String, Var)> },
    /// The bindings of a `parallel { }`, per branch.
    JoinFixed { ends: Var, branches: Vec<Vec<Var>> },
    /// The list that a `parallel each` gives.
    JoinEach { ends: Var, to: Option<Var>, settle: bool },
}

/// How a handler leaves a step whose outcome is unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// `skip`.
    Skip,
    /// `fail`.
    Fail,
}

/// How a block ends.
pub(super) enum Term<'f> {
    /// Not written yet: only while the graph is built.
    Open,
    /// Goes on there.
    Goto(BlockId),
    /// Two ways.
    If(&'f fir::Expr, BlockId, BlockId),
    /// The first arm that fits.
    Match(&'f fir::Expr, Vec<(&'f fir::PatternKind, BlockId)>),
    /// Another item, by the iteration's last index, or none left.
    More { list: Var, body: BlockId, done: BlockId },
    /// Another turn, or none left.
    Turns { times: u32, body: BlockId, out: BlockId },
    /// The handler that fits, else the failure goes on.
    Handle { failure: Var, arms: Vec<(&'f fir::On, BlockId)>, otherwise: Option<BlockId> },
    /// A call.
    Call(&'f fir::StepStmt),
    /// A wait.
    Wait(&'f fir::AwaitStmt),
    /// `parallel { }` with so many branches.
    ForkFixed { at: &'f str, branches: usize },
    /// `parallel each` over this list.
    ForkEach { at: &'f str, list: Var },
    /// A question to a person at this point.
    Manual { at: &'f str, text: &'f fir::Expr },
    /// Ends a branch with its bindings.
    EndWith(Vec<Var>),
    /// Ends a branch, undo or aftermath; with a value, or null.
    End(Option<&'f fir::Expr>),
    /// The workflow's result.
    Return(Option<&'f fir::Expr>),
    /// `fail E(…)`.
    Fail(&'f str, &'f [(String, fir::Expr)]),
    /// The wait's bound passed and nothing handles it.
    TimedOut,
    /// Never reached by a program that was allowed to start.
    Unsupported(&'f str),
}

/// A basic block.
pub(super) struct Block<'f> {
    /// In order.
    pub instrs: Vec<Instr<'f>>,
    /// The end.
    pub term: Term<'f>,
}

/// What resumes a durable point.
pub(super) enum On {
    /// `Enter`
    Enter,
    /// `Done`; binds the result.
    Done(Option<Var>),
    /// `Done` of a transaction; binds the object that its block ended with.
    Ended(Var),
    /// `Failed`; binds the failure.
    Failed(Var),
    /// `Arm`; binds its value.
    Arm(usize, Option<Var>),
    /// `Timeout`
    Timeout,
    /// `Branch` of a `parallel { }`.
    Branch(usize),
    /// `Branch` of a `parallel each`.
    EachBranch,
    /// `Joined`; binds the ends.
    Joined(Var),
    /// `Answer`; binds it, where a value is asked for.
    Answer(Option<Var>),
    /// `Interrupt`; binds the payload.
    Interrupt(usize, Var),
}

/// Where a durable point goes on.
pub(super) struct Entry<'f> {
    /// The point.
    pub at: &'f str,
    /// After what.
    pub on: On,
    /// With which block.
    pub to: BlockId,
}

/// A condition that the core asks for by point and index.
pub(super) struct Rest<'f> {
    /// The point.
    pub at: &'f str,
    /// Arm or interrupt.
    pub index: usize,
    /// Stands for the payload.
    pub event: fir::LocalId,
    /// The condition; none if the key says it all.
    pub rest: Option<&'f fir::Expr>,
}

/// Everything about one workflow.
pub(super) struct Graph<'f> {
    /// The program.
    pub fir: &'f fir::Fir,
    /// The workflow.
    pub workflow: &'f fir::Workflow,
    /// Locals first.
    pub vars: Vec<VarInfo>,
    /// Blocks.
    pub blocks: Vec<Block<'f>>,
    /// Entries.
    pub entries: Vec<Entry<'f>>,
    /// Conditions of arms and interrupts.
    pub rests: Vec<Rest<'f>>,
    /// Indexes in the iteration at each point.
    pub depths: std::collections::BTreeMap<&'f str, usize>,
    /// The local that an undo block reads the call's result from, by the block's point.
    pub results: std::collections::BTreeMap<&'f str, Var>,
}

impl Graph<'_> {
    /// What rests at a point: its live locals, then its hidden values.
    pub fn live(&self, at: &str) -> Vec<Var> {
        let Some(point) = self.workflow.points.get(at) else { return Vec::new() };
        let locals = point.live.iter().map(|id| Var::from(*id));
        let hidden = point
            .hidden
            .iter()
            .filter_map(|(name, _)| self.vars.iter().position(|var| &var.name == name).map(Var));
        locals.chain(hidden).collect()
    }
}

/// The services that a workflow calls, undo blocks, probes and aftermath included.
pub(super) fn calls(workflow: &fir::Workflow) -> Vec<&str> {
    let mut found = Vec::new();
    called(&workflow.body, &mut found);
    workflow.aftermath.iter().for_each(|body| called(body, &mut found));
    found
}

fn called<'f>(stmts: &'f [fir::Stmt], found: &mut Vec<&'f str>) {
    use fir::Stmt;
    for stmt in stmts {
        match stmt {
            Stmt::Step(step) => {
                found.push(&step.call.service);
                found.extend(step.call.probe.iter().map(|probe| probe.0.as_str()));
                if let fir::CallUndo::Block { body, .. } = &step.undo {
                    called(body, found);
                }
                step.block.iter().for_each(|block| called(&block.body, found));
                step.fallback.iter().for_each(|fallback| called(&fallback.body, found));
                handled(&step.handlers, found);
            }
            Stmt::Await(wait) => {
                wait.arms.iter().for_each(|arm| called(&arm.body, found));
                handled(&wait.handlers, found);
            }
            Stmt::Fork(fork) => match &fork.branches {
                fir::ParallelBlock::Fixed(all) => all.iter().for_each(|(it, _)| called(it, found)),
                fir::ParallelBlock::Each { body, .. } => called(body, found),
            },
            Stmt::Each(each) => called(&each.body, found),
            Stmt::Repeat(repeat) => {
                called(&repeat.body, found);
                repeat.otherwise.iter().for_each(|body| called(body, found));
            }
            Stmt::Scope(scope) => {
                called(&scope.body, found);
                scope.interrupts.iter().for_each(|it| remedied(&it.remedy, found));
                scope.fallback.iter().for_each(|fallback| called(&fallback.body, found));
                handled(&scope.handlers, found);
            }
            Stmt::If(_, then, otherwise) => {
                called(then, found);
                called(otherwise, found);
            }
            Stmt::Match(_, arms) => arms.iter().for_each(|arm| called(&arm.body, found)),
            _ => {}
        }
    }
}

fn handled<'f>(handlers: &'f fir::Handlers, found: &mut Vec<&'f str>) {
    handlers.on.iter().for_each(|handler| remedied(&handler.remedy, found));
    handlers.otherwise.iter().for_each(|remedy| remedied(remedy, found));
}

fn remedied<'f>(remedy: &'f fir::Remedy, found: &mut Vec<&'f str>) {
    if let fir::Remedy::Block { body, .. } = remedy {
        called(body, found);
    }
}
