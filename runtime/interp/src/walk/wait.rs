//! Waits: people, events, times, and the first of several.

use super::{Flow, Walk};
use crate::codec::{decode, encode, fault, print};
use crate::eval::Env;
use crate::program::{Cursor, Slot};
use crate::value::Value;
use sagaflow_core::codegen::{Arm, Fault, Json, Next, Subscription, Ty as BoundaryTy};
use sagaflow_core::time::Time;
use sagaflow_fir::{ArmWait, AwaitStmt, Expr, Human, LocalId, Ty};

impl Walk<'_> {
    pub(super) fn wait(&mut self, wait: &AwaitStmt) -> Result<Flow, Fault> {
        let mut arms = Vec::new();
        for arm in &wait.arms {
            arms.push(match &arm.wait {
                ArmWait::Task(task, args) => self.task(task, args)?,
                ArmWait::Event { event, key, fresh, .. } => {
                    let key = self.text(key)?;
                    Arm::Event(Subscription { event: event.clone(), key, fresh: *fresh })
                }
                ArmWait::Sleep(until) => Arm::Sleep { until: self.instant(until)? },
            });
        }
        let until = wait.until.as_ref().map(|until| self.instant(until)).transpose()?;
        Ok(Flow::Stop(Next::Wait { frame: self.frame(&wait.at)?, arms, until }))
    }

    /// A time, or a duration from the recorded now.
    fn instant(&mut self, expr: &Expr) -> Result<Time, Fault> {
        match self.value(expr)? {
            Value::Time(ms) => Ok(Time(ms)),
            Value::Duration(ms) => {
                let now = self.eval.draw.as_deref().map(|draw| draw.now);
                now.map(|now| now.plus(ms)).ok_or_else(|| fault("nothing can be drawn here"))
            }
            _ => Err(fault("a wait is bounded by a duration or a time")),
        }
    }

    fn task(&mut self, task: &str, args: &[Expr]) -> Result<Arm, Fault> {
        let fir = self.fir;
        let human: &Human = fir
            .humans
            .get(task)
            .ok_or_else(|| fault(format!("human task `{task}` is not declared")))?;
        let mut env = Env::new(human.locals.len());
        for (id, arg) in (0_u32..).zip(args) {
            let value = self.value(arg)?;
            env.set(LocalId(id), value);
        }
        let title = print(&self.eval.expr(&mut env, &human.title)?);
        let assign = match &human.assign {
            Some(assign) => match self.eval.expr(&mut env, assign)? {
                Value::Role(roles) => roles.to_vec(),
                _ => return Err(fault("a task is assigned to roles and users")),
            },
            None => Vec::new(),
        };
        let mut show = serde_json::Map::new();
        for (text, shown) in &human.show {
            let value = self.eval.expr(&mut env, shown)?;
            show.insert(text.clone(), self.masked(&shown.ty, &value)?);
        }
        let (task, show) = (task.to_owned(), Json::Object(show));
        Ok(Arm::Task { task, title, assign, show })
    }

    /// What is shown, without what is personal.
    fn masked(&self, ty: &Ty, value: &Value) -> Result<Json, Fault> {
        let json = serde_json::to_value(ty).map_err(|_| super::no_block())?;
        let ty: BoundaryTy = serde_json::from_value(json).map_err(|_| super::no_block())?;
        Ok(self.spec.schema.mask(&ty, &encode(value)))
    }

    /// An arm came first.
    pub(super) fn arm(
        &mut self,
        at: Cursor,
        wait: &AwaitStmt,
        index: usize,
        value: &Json,
    ) -> Result<Flow, Fault> {
        let arm = wait.arms.get(index).ok_or_else(|| fault("there is no such arm"))?;
        if let Some(id) = arm.bind {
            let (_, ty) = self.local(id)?;
            let value = match &arm.wait {
                ArmWait::Event { event, .. } => self.payload(event, value)?,
                _ => decode(self.fir, ty, value)?,
            };
            self.env.set(id, value);
        }
        self.child(at, Slot::Arm(index))
    }
}
