//! Waits and forks.

use super::around::Around;
use super::lower::Lower;
use super::step::{Errors, Handled, handlers_ask};
use super::{BlockId, Instr, On, Term, Var, VarTy};
use sagaflow_fir as fir;
use sagaflow_fir::{ArmWait, AwaitStmt, ForkStmt, ParallelBlock};

impl<'f> Lower<'f> {
    pub(super) fn wait(&mut self, wait: &'f AwaitStmt, block: BlockId) -> BlockId {
        self.end(block, Term::Wait(wait));
        let after = self.fresh();
        for (index, arm) in wait.arms.iter().enumerate() {
            if let ArmWait::Event { event_local, rest, .. } = &arm.wait {
                self.rest(&wait.at, index, *event_local, rest.as_ref());
            }
            let body = self.point(&wait.at, On::Arm(index, arm.bind.map(Var::from)));
            self.block_to(&arm.body, body, after);
        }
        let bind = match &wait.arms[..] {
            [only] => only.bind.map(Var::from),
            _ => None,
        };
        let handled = Handled {
            at: &wait.at,
            errors: Errors { call: None, bodies: [None, None] },
            bind,
            to: after,
        };
        let timeout = self.point(&wait.at, On::Timeout);
        let handler = wait.handlers.on.iter().find(|handler| handler.on == fir::On::Timeout);
        let remedy = handler.map(|handler| &handler.remedy).or(wait.handlers.otherwise.as_ref());
        match remedy {
            Some(remedy) => self.remedy(remedy, timeout, handled),
            None => self.end(timeout, Term::TimedOut),
        }
        let failure = self.var("#failure", VarTy::Failure);
        let failed = self.point(&wait.at, On::Failed(failure));
        self.handlers(failed, failure, &wait.handlers, handled);
        if handlers_ask(&wait.handlers) {
            self.entry(&wait.at, On::Answer(bind), after);
        }
        after
    }

    pub(super) fn fork(&mut self, fork: &'f ForkStmt, block: BlockId) -> BlockId {
        // A branch is a fiber of its own: nothing outside it can be left from inside.
        match &fork.branches {
            ParallelBlock::Fixed(branches) => self.fixed(&fork.at, branches, block),
            ParallelBlock::Each { .. } => self.branches(&fork.at, &fork.branches, block),
        }
    }

    fn fixed(
        &mut self,
        at: &'f str,
        branches: &'f [(fir::Block, Vec<fir::LocalId>)],
        block: BlockId,
    ) -> BlockId {
        self.end(block, Term::ForkFixed { at, branches: branches.len() });
        let around = std::mem::take(&mut self.around);
        let mut bound = Vec::new();
        for (index, (body, locals)) in branches.iter().enumerate() {
            let vars: Vec<Var> = locals.iter().map(|local| Var::from(*local)).collect();
            let branch = self.point(at, On::Branch(index));
            if let Some(end) = self.block(body, branch) {
                self.end(end, Term::EndWith(vars.clone()));
            }
            bound.push(vars);
        }
        self.around = around;
        let ends = self.var("#ends", VarTy::Ends);
        let after = self.point(at, On::Joined(ends));
        self.push(after, Instr::JoinFixed { ends, branches: bound });
        after
    }

    fn branches(&mut self, at: &'f str, each: &'f ParallelBlock, block: BlockId) -> BlockId {
        let ParallelBlock::Each { pattern, over, body, settle, bind } = each else { return block };
        let list = self.var(format!("#{at}.list"), VarTy::Items(over.ty.clone()));
        self.push(block, Instr::Items { to: list, over, max: None });
        self.end(block, Term::ForkEach { at, list });
        let around = std::mem::replace(&mut self.around, vec![Around::Branch]);
        let branch = self.point(at, On::EachBranch);
        self.depth += 1;
        let turn = self.fresh();
        self.end(branch, Term::Goto(turn));
        let pattern = pattern.iter().map(|local| Var::from(*local)).collect();
        self.push(turn, Instr::BranchItem { list, pattern });
        if let Some(end) = self.block(body, turn) {
            self.end(end, Term::End(None));
        }
        self.depth -= 1;
        self.around = around;
        let ends = self.var("#ends", VarTy::Ends);
        let after = self.point(at, On::Joined(ends));
        let to = bind.map(Var::from);
        self.push(after, Instr::JoinEach { ends, to, settle: *settle });
        after
    }
}
