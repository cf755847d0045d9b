//! From the statement tree to blocks.

use super::around::Around;
use super::{Block, BlockId, Entry, Graph, Instr, On, Rest, Term, Var, VarInfo, VarTy};
use sagaflow_fir as fir;
use std::collections::BTreeMap;

/// The graph while it is built.
pub(super) struct Lower<'f> {
    pub(super) graph: Graph<'f>,
    pub(super) around: Vec<Around<'f>>,
    pub(super) depth: usize,
    /// Whether what is lowered is the aftermath, where `return` has no result to give.
    pub(super) aftermath: bool,
}

/// Builds the graph of a workflow: its body, undo blocks and aftermath.
pub(in crate::emit) fn graph<'f>(fir: &'f fir::Fir, workflow: &'f fir::Workflow) -> Graph<'f> {
    let local = |local: &fir::Local| VarInfo {
        name: local.name.clone(),
        ty: VarTy::Value(local.ty.clone()),
    };
    let graph = Graph {
        fir,
        workflow,
        vars: workflow.locals.iter().map(local).collect(),
        blocks: Vec::new(),
        entries: Vec::new(),
        rests: Vec::new(),
        depths: BTreeMap::new(),
        results: BTreeMap::new(),
    };
    let mut lower = Lower { graph, around: Vec::new(), depth: 0, aftermath: false };
    let body = lower.point("start", On::Enter);
    if let Some(end) = lower.block(&workflow.body, body) {
        lower.end(end, Term::Return(None));
    }
    if let Some(aftermath) = &workflow.aftermath {
        lower.aftermath = true;
        let body = lower.point("after", On::Enter);
        if let Some(end) = lower.block(aftermath, body) {
            lower.end(end, Term::End(None));
        }
    }
    lower.graph
}

impl<'f> Lower<'f> {
    /// A new block.
    pub(super) fn fresh(&mut self) -> BlockId {
        self.graph.blocks.push(Block { instrs: Vec::new(), term: Term::Open });
        self.graph.blocks.len() - 1
    }

    /// A new variable.
    pub(super) fn var(&mut self, name: impl Into<String>, ty: VarTy) -> Var {
        self.graph.vars.push(VarInfo { name: name.into(), ty });
        Var(self.graph.vars.len() - 1)
    }

    pub(super) fn push(&mut self, block: BlockId, instr: Instr<'f>) {
        self.graph.blocks[block].instrs.push(instr);
    }

    pub(super) fn end(&mut self, block: BlockId, term: Term<'f>) {
        self.graph.blocks[block].term = term;
    }

    /// Says that `at` goes on with `to` after `on`, at the present depth.
    pub(super) fn entry(&mut self, at: &'f str, on: On, to: BlockId) {
        self.graph.depths.insert(at, self.depth);
        self.graph.entries.push(Entry { at, on, to });
    }

    /// A new block that `at` goes on with after `on`.
    pub(super) fn point(&mut self, at: &'f str, on: On) -> BlockId {
        let block = self.fresh();
        self.entry(at, on, block);
        block
    }

    pub(super) fn rest(
        &mut self,
        at: &'f str,
        index: usize,
        event: fir::LocalId,
        rest: Option<&'f fir::Expr>,
    ) {
        self.graph.rests.push(Rest { at, index, event, rest });
    }

    /// Lowers statements from `block` on; answers the block they end in, if they end.
    pub(super) fn block(&mut self, stmts: &'f [fir::Stmt], block: BlockId) -> Option<BlockId> {
        stmts.iter().try_fold(block, |block, stmt| self.stmt(stmt, block))
    }

    /// As [`Self::block`], with `around` outside; goes on with `to`.
    pub(super) fn block_to(&mut self, stmts: &'f [fir::Stmt], block: BlockId, to: BlockId) {
        if let Some(end) = self.block(stmts, block) {
            self.end(end, Term::Goto(to));
        }
    }

    fn stmt(&mut self, stmt: &'f fir::Stmt, block: BlockId) -> Option<BlockId> {
        use fir::Stmt;
        match stmt {
            Stmt::Let(local, value) => self.push(block, Instr::Let((*local).into(), value)),
            Stmt::Emit { event, fields } => self.push(block, Instr::Emit { event, fields }),
            Stmt::Reply(value) => self.push(block, Instr::Reply(value)),
            Stmt::Review(text) => self.push(block, Instr::Review(text)),
            Stmt::Reject(records, why) => self.push(block, Instr::Reject(records, why)),
            Stmt::Progress(text, percent) => {
                self.push(block, Instr::Progress(text, percent.as_ref()));
            }
            Stmt::Pass => {}
            Stmt::Step(step) => return Some(self.step(step, block)),
            Stmt::Await(wait) => return Some(self.wait(wait, block)),
            Stmt::Fork(fork) => return Some(self.fork(fork, block)),
            Stmt::Each(each) => return Some(self.each(each, block)),
            Stmt::Repeat(repeat) => return Some(self.repeat(repeat, block)),
            Stmt::Scope(scope) => return Some(self.scope(scope, block)),
            Stmt::Manual { at, text } => return Some(self.manual(at, text, None, block)),
            Stmt::Ask { at, text, bind } => {
                return Some(self.manual(at, text, bind.map(Var::from), block));
            }
            Stmt::If(condition, then, otherwise) => {
                return Some(self.choice(condition, then, otherwise, block));
            }
            Stmt::Match(subject, arms) => return Some(self.cases(subject, arms, block)),
            leaving => {
                self.leaving(leaving, block);
                return None;
            }
        }
        Some(block)
    }

    /// Statements after which the block does not go on.
    fn leaving(&mut self, stmt: &'f fir::Stmt, block: BlockId) {
        use fir::Stmt;
        match stmt {
            Stmt::Fail(name, fields) => self.end(block, Term::Fail(name, fields)),
            Stmt::Return(value) => self.leave_all(block, value.as_ref()),
            Stmt::Give(value) => self.give(block, value),
            Stmt::Again(values) => self.again(block, values),
            Stmt::Use(value) => self.leave_value(block, Some(value)),
            Stmt::Skip => self.leave_value(block, None),
            Stmt::Unsupported(what) => self.end(block, Term::Unsupported(&what.what)),
            _ => self.end(block, Term::Unsupported("a statement")),
        }
    }

    fn manual(
        &mut self,
        at: &'f str,
        text: &'f fir::Expr,
        bind: Option<Var>,
        block: BlockId,
    ) -> BlockId {
        self.end(block, Term::Manual { at, text });
        self.point(at, On::Answer(bind))
    }

    fn choice(
        &mut self,
        condition: &'f fir::Expr,
        then: &'f [fir::Stmt],
        otherwise: &'f [fir::Stmt],
        block: BlockId,
    ) -> BlockId {
        let (yes, no, after) = (self.fresh(), self.fresh(), self.fresh());
        self.end(block, Term::If(condition, yes, no));
        self.block_to(then, yes, after);
        self.block_to(otherwise, no, after);
        after
    }

    fn cases(
        &mut self,
        subject: &'f fir::Expr,
        arms: &'f [fir::MatchArm],
        block: BlockId,
    ) -> BlockId {
        let after = self.fresh();
        let mut targets = Vec::new();
        for arm in arms {
            let to = self.fresh();
            targets.push((&arm.pattern, to));
            self.block_to(&arm.body, to, after);
        }
        self.end(block, Term::Match(subject, targets));
        after
    }
}
