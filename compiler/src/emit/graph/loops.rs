//! `each` and `repeat`.

use super::around::Around;
use super::lower::Lower;
use super::{BlockId, Given, Instr, On, Term, Var, VarTy};
use sagaflow_fir::{EachStmt, RepeatStmt};

impl<'f> Lower<'f> {
    pub(super) fn each(&mut self, each: &'f EachStmt, block: BlockId) -> BlockId {
        let list = self.var(format!("#{}.list", each.at), VarTy::Items(each.over.ty.clone()));
        let bind = each.bind.map(Var::from);
        let out = bind.map(|bind| {
            let ty = self.graph.vars[bind.0].ty.clone();
            self.var(format!("#{}.out", each.at), ty)
        });
        self.push(block, Instr::Items { to: list, over: &each.over, max: each.max });
        if let Some(out) = out {
            self.push(block, Instr::Empty(out));
        }
        self.push(block, Instr::TurnFirst);
        let after = self.fresh();
        self.depth += 1;
        let (head, turn, next, done) = (self.fresh(), self.fresh(), self.fresh(), self.fresh());
        self.end(block, Term::Goto(head));
        self.end(head, Term::More { list, body: turn, done });
        self.push(next, Instr::TurnNext { depth: self.depth });
        self.end(next, Term::Goto(head));
        let pattern: Vec<Var> = each.pattern.iter().map(|local| Var::from(*local)).collect();
        self.push(turn, Instr::Item { list, pattern: pattern.clone() });
        self.around.push(Around::Each { out, settle: each.settle, next });
        if each.settle {
            // A unit's frame keeps the list, not the item: a turn begun again looks it up again.
            let again = self.point(&each.at, On::Enter);
            self.push(again, Instr::Item { list, pattern });
            let body = self.fresh();
            self.end(again, Term::Goto(body));
            self.settled(each, turn, body, (out, next));
        } else {
            self.block_to(&each.body, turn, next);
        }
        self.around.pop();
        self.depth -= 1;
        self.push(done, Instr::Depth(self.depth));
        if let (Some(to), Some(from)) = (bind, out) {
            self.push(done, Instr::Take { to, from });
        }
        self.end(done, Term::Goto(after));
        after
    }

    /// A turn that fails and undoes itself alone.
    fn settled(
        &mut self,
        each: &'f EachStmt,
        turn: BlockId,
        body: BlockId,
        (out, next): (Option<Var>, BlockId),
    ) {
        self.push(turn, Instr::Enter { at: &each.at, interrupts: &[] });
        self.end(turn, Term::Goto(body));
        self.around.push(Around::Unit(&each.at));
        if let Some(end) = self.block(&each.body, body) {
            if let Some(out) = out {
                self.push(end, Instr::Push(out, Given::OkNothing));
            }
            self.push(end, Instr::Leave { at: &each.at });
            self.end(end, Term::Goto(next));
        }
        self.around.pop();
        let failure = self.var("#failure", VarTy::Failure);
        let failed = self.point(&each.at, On::Failed(failure));
        if let Some(out) = out {
            self.push(failed, Instr::Push(out, Given::Failed(failure)));
        }
        self.end(failed, Term::Goto(next));
    }

    pub(super) fn repeat(&mut self, repeat: &'f RepeatStmt, block: BlockId) -> BlockId {
        let first = repeat.vars.iter().map(|(local, value)| (Var::from(*local), value)).collect();
        self.push(block, Instr::Assign(first));
        self.push(block, Instr::TurnFirst);
        let bind = repeat.bind.map(Var::from);
        let (after, out, found) = (self.fresh(), self.fresh(), self.fresh());
        let outside = self.depth;
        self.depth += 1;
        let (head, turn, next) = (self.fresh(), self.fresh(), self.fresh());
        self.end(block, Term::Goto(head));
        match repeat.times {
            Some(times) => self.end(head, Term::Turns { times, body: turn, out }),
            None => self.end(head, Term::Goto(turn)),
        }
        self.push(next, Instr::TurnNext { depth: self.depth });
        self.end(next, Term::Goto(head));
        self.around.push(Around::Repeat { bind, next, to: after, depth: outside });
        if let Some(end) = self.block(&repeat.body, turn) {
            match &repeat.until {
                Some(until) => self.end(end, Term::If(until, found, next)),
                None => self.end(end, Term::Goto(next)),
            }
        }
        self.around.pop();
        self.depth = outside;
        self.nothing(found, bind, after);
        self.ran_out(repeat, out, bind, after);
        after
    }

    /// The loop ends without a value.
    fn nothing(&mut self, block: BlockId, bind: Option<Var>, after: BlockId) {
        self.push(block, Instr::Depth(self.depth));
        if let Some(bind) = bind {
            self.push(block, Instr::Absent(bind));
        }
        self.end(block, Term::Goto(after));
    }

    fn ran_out(&mut self, repeat: &'f RepeatStmt, out: BlockId, bind: Option<Var>, after: BlockId) {
        let Some(otherwise) = &repeat.otherwise else {
            self.nothing(out, bind, after);
            return;
        };
        self.push(out, Instr::Depth(self.depth));
        let depth = self.depth;
        self.around.push(Around::Value { bind, to: after, depth });
        if let Some(end) = self.block(otherwise, out) {
            if let Some(bind) = bind {
                self.push(end, Instr::Absent(bind));
            }
            self.end(end, Term::Goto(after));
        }
        self.around.pop();
    }
}
