//! Statements: from where a fiber rests, through what happens inside, to where it rests next.
//!
//! One loop moves a cursor; a statement says where the cursor goes, or stops the walk with the
//! answer. Nothing recurses over blocks: what stands around a block is asked of the index. Promises:
//! frames hold exactly the live names; operations are in program order; the units that a jump leaves
//! are left innermost first.

mod call;
mod exit;
mod fork;
mod frame;
mod handle;
mod repeat;
mod wait;

use crate::codec::{encode, fault, print, print_json};
use crate::eval::{Env, Eval};
use crate::program::{BlockId, Cursor, Owner, Place, Program, Slot};
use crate::value::Value;
use exit::Exit;
use sagaflow_core::codegen::rt::{rejected, rejected_batch};
use sagaflow_core::codegen::{
    Draw, Event, Failure, FailureKind, Fault, Json, Leave, Move, Next, Op, Subscription,
    WorkflowSpec,
};
use sagaflow_fir::{Expr, Fir, LocalId, ScopeStmt, Stmt, Ty, Workflow};
use std::collections::BTreeMap;

/// Where the walk goes.
pub(crate) enum Flow {
    /// On, at this statement.
    Go(Cursor),
    /// It rests or ends.
    Stop(Next),
}

/// One walk: the answer to one event.
pub(crate) struct Walk<'a> {
    fir: &'a Fir,
    workflow: &'a Workflow,
    program: &'a Program,
    spec: &'a WorkflowSpec,
    eval: Eval<'a>,
    env: Env,
    /// Bookkeeping of the loops around, by hidden name.
    hidden: BTreeMap<String, Value>,
    iteration: Vec<u32>,
    ops: Vec<Op>,
    leave: Leave,
    /// Blocks entered, for coverage.
    entered: Vec<BlockId>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        fir: &'a Fir,
        workflow: &'a Workflow,
        program: &'a Program,
        spec: &'a WorkflowSpec,
        draw: Option<&'a mut Draw>,
    ) -> Self {
        Self {
            fir,
            workflow,
            program,
            spec,
            eval: Eval::new(fir, &workflow.module, draw),
            env: Env::new(workflow.locals.len()),
            hidden: BTreeMap::new(),
            iteration: Vec::new(),
            ops: Vec::new(),
            leave: Leave::GoOn,
            entered: Vec::new(),
        }
    }

    /// Goes on from where the frame rests.
    pub(crate) fn resume(
        mut self,
        place: Place,
        event: Event,
    ) -> Result<(Move, Vec<BlockId>), Fault> {
        let mut flow = self.enter(place, event)?;
        let next = loop {
            match flow {
                Flow::Stop(next) => break next,
                Flow::Go(cursor) => {
                    flow = match self.program.stmt(self.workflow, cursor) {
                        Some(stmt) => self.stmt(cursor, stmt)?,
                        None => self.end(cursor.block)?,
                    };
                }
            }
        };
        self.eval.settle();
        Ok((Move { leave: self.leave, ops: self.ops, next }, self.entered))
    }

    fn enter(&mut self, place: Place, event: Event) -> Result<Flow, Fault> {
        match (place, event) {
            (Place::Start, Event::Enter) => Ok(Flow::Go(Cursor::begin(0))),
            (Place::After, Event::Enter) => {
                let block = self.program.aftermath();
                block.map(|block| Flow::Go(Cursor::begin(block))).ok_or_else(no_block)
            }
            (Place::Undo(at), Event::Enter) => self.child(at, Slot::Undo),
            (Place::Fallback(at), Event::Enter) => self.child(at, Slot::Fallback),
            (Place::Fallback(at), Event::Failed(failure)) => self.handle(at, failure),
            (Place::Fallback(at), Event::Answer(value)) => self.answered(at, &value),
            (Place::Stmt(at), event) => match self.program.stmt(self.workflow, at) {
                Some(stmt) => self.happened(at, stmt, event),
                None => Err(no_block()),
            },
            _ => Err(fault("this cannot happen at this point")),
        }
    }

    /// What happened to the statement at which the fiber rests.
    fn happened(&mut self, at: Cursor, stmt: &'a Stmt, event: Event) -> Result<Flow, Fault> {
        match (stmt, event) {
            (Stmt::Step(step), Event::Done(result)) => self.done(at, step, &result),
            (Stmt::Step(_), Event::Branch(0)) => self.child(at, Slot::Transaction),
            (Stmt::Step(_) | Stmt::Scope(_), Event::Failed(failure)) => self.failed(at, failure),
            (Stmt::Await(_), Event::Failed(failure)) => self.handle(at, failure),
            (Stmt::Await(wait), Event::Arm { index, value }) => self.arm(at, wait, index, &value),
            (Stmt::Await(_), Event::Timeout) => self.handle(at, timeout()),
            (Stmt::Fork(fork), Event::Branch(index)) => self.branch(at, fork, index),
            (Stmt::Fork(fork), Event::Joined(ends)) => self.joined(at, fork, ends),
            (Stmt::Scope(_), Event::Enter) => self.child(at, Slot::Scope),
            (Stmt::Scope(scope), Event::Interrupt { index, value }) => {
                self.interrupted(at, scope, index, &value)
            }
            (Stmt::Manual { .. }, Event::Answer(_)) => Ok(self.go(at.next())),
            (Stmt::Scope(_) | Stmt::Await(_) | Stmt::Ask { .. }, Event::Answer(value)) => {
                self.answered(at, &value)
            }
            (Stmt::Each(each), Event::Enter) => self.turn_again(at, each),
            (Stmt::Each(each), Event::Failed(failure)) => self.turn_failed(at, each, failure),
            _ => Err(fault("this cannot happen at this point")),
        }
    }

    /// Begins a block of a statement.
    fn child(&mut self, at: Cursor, slot: Slot) -> Result<Flow, Fault> {
        let id = self.program.child(at, slot).ok_or_else(no_block)?;
        self.entered.push(id);
        Ok(Flow::Go(Cursor::begin(id)))
    }

    /// Goes on somewhere outside the loops that end there.
    fn go(&mut self, to: Cursor) -> Flow {
        self.iteration.truncate(self.program.depth(to.block));
        Flow::Go(to)
    }

    fn stmt(&mut self, at: Cursor, stmt: &'a Stmt) -> Result<Flow, Fault> {
        match stmt {
            Stmt::Let(id, value) => {
                let value = self.value(value)?;
                self.env.set(*id, value);
            }
            Stmt::Step(step) => return self.call(step),
            Stmt::Await(wait) => return self.wait(wait),
            Stmt::Fork(fork) => return self.fork(fork),
            Stmt::Each(each) => return self.each(at, each),
            Stmt::Repeat(repeat) => return self.repeat(at, repeat),
            Stmt::Scope(scope) => return self.scope(at, scope),
            Stmt::If(condition, ..) => {
                let truth = self.eval.truth(&mut self.env, condition)?;
                return self.child(at, if truth { Slot::Then } else { Slot::Else });
            }
            Stmt::Match(subject, arms) => {
                let value = self.value(subject)?;
                let patterns = arms.iter().map(|arm| &arm.pattern);
                let index = self.eval.first_fit(&mut self.env, &subject.ty, &value, patterns)?;
                return self.child(at, Slot::Arm(index));
            }
            Stmt::Emit { event, fields } => self.emit(event, fields)?,
            Stmt::Reply(value) => {
                let value = self.json(value)?;
                self.ops.push(Op::Reply(value));
            }
            Stmt::Review(text) => {
                let text = self.text(text)?;
                self.ops.push(Op::Review(text));
            }
            Stmt::Reject(records, why) => {
                let of = self.json(records)?;
                let records = match records.ty {
                    Ty::Batch(_) => rejected_batch(of),
                    _ => rejected(of),
                };
                let why = self.text(why)?;
                self.ops.push(Op::Reject { records, why });
            }
            Stmt::Progress(text, percent) => {
                let text = self.text(text)?;
                let percent = percent.as_ref().map(|percent| self.text(percent)).transpose()?;
                self.ops.push(Op::Progress { text, percent });
            }
            Stmt::Manual { at, text } | Stmt::Ask { at, text, .. } => {
                let question = self.text(text)?;
                return Ok(Flow::Stop(Next::Manual { frame: self.frame(at)?, question }));
            }
            Stmt::Pass => {}
            Stmt::Fail(name, fields) => return self.fail(name, fields),
            leaving => return self.jump(at, leaving),
        }
        Ok(Flow::Go(at.next()))
    }

    /// Statements that leave the block they stand in.
    fn jump(&mut self, at: Cursor, stmt: &'a Stmt) -> Result<Flow, Fault> {
        let exit = match stmt {
            Stmt::Return(value) => {
                let value = value.as_ref().map(|value| self.json(value)).transpose()?;
                Exit::Return(value.unwrap_or(Json::Null))
            }
            Stmt::Give(value) => Exit::Give(self.value(value)?),
            Stmt::Again(values) => {
                // All are computed from the values of this turn before any is replaced.
                let next = values.iter().map(|(id, value)| Ok((*id, self.value(value)?)));
                Exit::Again(next.collect::<Result<_, Fault>>()?)
            }
            Stmt::Use(value) => Exit::Use(self.value(value)?),
            Stmt::Skip => Exit::Skip,
            _ => return Err(fault("this statement cannot be executed yet")),
        };
        self.leave_by(at.block, exit)
    }

    fn emit(&mut self, event: &str, fields: &[(String, Expr)]) -> Result<(), Fault> {
        let payload = self.object(fields)?;
        let decl = self.fir.events.get(event);
        let decl = decl.ok_or_else(|| fault(format!("event `{event}` is not declared")))?;
        let mut key = &payload;
        for part in decl.key.split('.') {
            key = key.get(part).ok_or_else(|| fault(format!("`{event}` has no key")))?;
        }
        let key = print_json(key);
        self.ops.push(Op::Emit { event: event.to_owned(), key, payload });
        Ok(())
    }

    fn fail(&mut self, name: &str, fields: &[(String, Expr)]) -> Result<Flow, Fault> {
        let payload = if fields.is_empty() { Json::Null } else { self.object(fields)? };
        let failure = Failure {
            kind: FailureKind::Declared,
            name: name.to_owned(),
            payload,
            step: String::new(),
        };
        Ok(Flow::Stop(Next::Fail(failure)))
    }

    fn scope(&mut self, at: Cursor, scope: &ScopeStmt) -> Result<Flow, Fault> {
        let mut interrupts = Vec::new();
        for interrupt in &scope.interrupts {
            let key = self.text(&interrupt.key)?;
            // What came before the scope was entered interrupts nothing.
            interrupts.push(Subscription { event: interrupt.event.clone(), key, fresh: true });
        }
        let frame = self.frame(&scope.at)?;
        self.ops.push(Op::Enter { frame, interrupts });
        self.child(at, Slot::Scope)
    }

    /// The end of a block.
    fn end(&mut self, block: BlockId) -> Result<Flow, Fault> {
        match self.program.owner(block) {
            Owner::Body => Ok(Flow::Stop(Next::Return(Json::Null))),
            Owner::Aftermath => Ok(Flow::Stop(Next::End(Json::Null))),
            Owner::Stmt(at, slot) => self.end_of(at, slot),
        }
    }

    fn end_of(&mut self, at: Cursor, slot: Slot) -> Result<Flow, Fault> {
        match (self.program.stmt(self.workflow, at), slot) {
            (_, Slot::Undo | Slot::ForkTurn) => Ok(Flow::Stop(Next::End(Json::Null))),
            (Some(Stmt::Fork(fork)), Slot::Branch(index)) => self.branch_end(fork, index),
            (Some(Stmt::Step(step)), Slot::Transaction) => self.transaction_end(step),
            (Some(Stmt::Each(each)), Slot::Turn) => self.turn_end(at, each, None),
            (Some(Stmt::Repeat(repeat)), Slot::Repeat) => self.repeat_end(at, repeat),
            (Some(Stmt::Repeat(repeat)), Slot::RanOut) => Ok(self.repeated(at, repeat, None)),
            (Some(stmt), Slot::Scope | Slot::Fallback) => {
                self.leave_unit(stmt, slot);
                Ok(self.go(at.next()))
            }
            _ => Ok(self.go(at.next())),
        }
    }

    fn value(&mut self, expr: &Expr) -> Result<Value, Fault> {
        self.eval.expr(&mut self.env, expr)
    }

    fn json(&mut self, expr: &Expr) -> Result<Json, Fault> {
        self.value(expr).map(|value| encode(&value))
    }

    fn text(&mut self, expr: &Expr) -> Result<String, Fault> {
        self.value(expr).map(|value| print(&value))
    }

    /// An object of these fields; what is none is left out.
    fn object(&mut self, fields: &[(String, Expr)]) -> Result<Json, Fault> {
        let fields = self.eval.fields(&mut self.env, fields)?;
        Ok(encode(&Value::Record(std::sync::Arc::new(fields))))
    }

    /// Whether the rest of a condition holds for an event.
    pub(crate) fn matches(
        mut self,
        event: &str,
        payload: &Json,
        local: LocalId,
        rest: &Expr,
    ) -> Result<bool, Fault> {
        let payload = self.payload(event, payload)?;
        self.env.set(local, payload);
        self.eval.truth(&mut self.env, rest)
    }

    /// An event's payload as a record.
    fn payload(&self, event: &str, payload: &Json) -> Result<Value, Fault> {
        let ty = sagaflow_fir::Ty::Named(event.to_owned());
        crate::codec::decode(self.fir, &ty, payload)
    }
}

/// The failure of a wait that ran out of time.
fn timeout() -> Failure {
    Failure {
        kind: FailureKind::Timeout,
        name: String::new(),
        payload: Json::Null,
        step: String::new(),
    }
}

fn no_block() -> Fault {
    fault("the index of this workflow is damaged")
}
