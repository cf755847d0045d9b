//! The interpreter as a machine of the core: which event goes where.

use crate::codec::{decode, encode, fault};
use crate::eval::{Env, Eval};
use crate::program::{BlockId, Owner, Place, Program, Slot};
use crate::value::Value;
use crate::walk::Walk;
use sagaflow_core::codegen::{
    Draw, Event, Fault, Frame, Json, Machine, Move, Values, WorkflowSpec,
};
use sagaflow_fir::{ArmWait, Expr, Field, Fir, LocalId, Stmt, Workflow};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a workflow cannot be interpreted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The program has no workflow of this name.
    #[error("there is no workflow `{0}`")]
    Missing(String),
    /// It uses what cannot be executed yet.
    #[error("{what} in line {line} cannot be executed yet")]
    Unsupported {
        /// In words.
        what: String,
        /// From 1.
        line: u32,
    },
    /// The program is not one that lowering writes: a point without a table entry, or tables that do
    /// not read back.
    #[error("the intermediate form of `{workflow}` is damaged: {cause}")]
    Damaged {
        /// The workflow.
        workflow: String,
        /// What is wrong.
        cause: String,
    },
}

/// A workflow that runs by walking its tree.
pub struct Interpreter {
    fir: Arc<Fir>,
    spec: WorkflowSpec,
    program: Program,
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter").field("workflow", &self.spec.name).finish_non_exhaustive()
    }
}

impl Interpreter {
    /// Prepares the workflow of this qualified name.
    ///
    /// # Errors
    /// [`Error`] where there is none, where it uses what cannot be executed yet, or where the tables
    /// do not describe every durable point.
    pub fn new(fir: Arc<Fir>, workflow: &str) -> Result<Self, Error> {
        let found = fir.workflows.get(workflow);
        let found = found.ok_or_else(|| Error::Missing(workflow.to_owned()))?;
        if let Some((what, line)) = found.unsupported.first() {
            return Err(Error::Unsupported { what: what.clone(), line: *line });
        }
        let program = Program::of(&fir, found);
        if let Some(what) = &program.unsupported {
            return Err(Error::Unsupported { what: what.what.clone(), line: what.line });
        }
        let damaged = |cause: String| Error::Damaged { workflow: workflow.to_owned(), cause };
        let spec: WorkflowSpec = serde_json::from_value(sagaflow_fir::spec(&fir, workflow))
            .map_err(|cause| damaged(cause.to_string()))?;
        if let Some(at) = program.points().find(|at| !spec.points.contains_key(*at)) {
            return Err(damaged(format!("point `{at}` is not in its tables")));
        }
        Ok(Self { fir, spec, program })
    }

    /// The program it belongs to.
    #[must_use]
    pub fn fir(&self) -> &Arc<Fir> {
        &self.fir
    }

    /// Goes on from a frame, and says which blocks the walk entered.
    pub(crate) fn resume_traced(
        &self,
        frame: &Frame,
        event: Event,
        draw: &mut Draw,
    ) -> Result<(Move, Vec<BlockId>), Fault> {
        let place = self.program.place(&frame.at);
        let place = place.ok_or_else(|| fault(format!("there is no point `{}`", frame.at)))?;
        let mut walk = self.walk(Some(draw))?;
        let branch = match event {
            Event::Branch(index) => Some(index),
            _ => None,
        };
        walk.load(frame, place, branch)?;
        walk.resume(place, event)
    }

    /// The forks around a durable point, outermost first, with the branch it is in. Forks of one
    /// place in different turns, or with different purposes, are told apart.
    pub(crate) fn forks_around(
        &self,
        at: &str,
        iteration: &[u32],
        purpose: &str,
    ) -> Vec<(String, u32)> {
        let mut around = Vec::new();
        let mut next = match self.program.place(at) {
            Some(Place::Undo(cursor) | Place::Fallback(cursor) | Place::Stmt(cursor)) => {
                Some(cursor)
            }
            Some(Place::Start | Place::After) | None => None,
        };
        while let Some(cursor) = next {
            next = match self.program.owner(cursor.block) {
                Owner::Stmt(outer, slot) => {
                    let depth = self.program.depth(outer.block);
                    let turns = iteration.get(..depth).unwrap_or(iteration);
                    let branch = match slot {
                        Slot::Branch(index) => u32::try_from(index).ok(),
                        Slot::ForkTurn => iteration.get(depth).copied(),
                        _ => None,
                    };
                    if let Some(branch) = branch {
                        around.push((format!("{outer:?} {turns:?} {purpose}"), branch));
                    }
                    Some(outer)
                }
                Owner::Body | Owner::Aftermath => None,
            };
        }
        around.reverse();
        around
    }

    fn workflow(&self) -> Result<&Workflow, Fault> {
        let found = self.fir.workflows.get(&self.spec.name);
        found.ok_or_else(|| fault("the workflow is not in its program"))
    }

    fn walk<'a>(&'a self, draw: Option<&'a mut Draw>) -> Result<Walk<'a>, Fault> {
        Ok(Walk::new(&self.fir, self.workflow()?, &self.program, &self.spec, draw))
    }
}

impl Machine for Interpreter {
    fn spec(&self) -> &WorkflowSpec {
        &self.spec
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        self.resume_traced(frame, event, draw).map(|(answer, _)| answer)
    }

    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault> {
        let Some(place @ Place::Stmt(cursor)) = self.program.place(&frame.at) else {
            return Err(fault(format!("nothing waits at `{}`", frame.at)));
        };
        let workflow = self.workflow()?;
        let Some((name, rest, local)) =
            self.program.stmt(workflow, cursor).and_then(|stmt| condition(stmt, index))
        else {
            return Err(fault(format!("nothing waits for an event at `{}`", frame.at)));
        };
        let Some(rest) = rest else { return Ok(true) };
        let mut walk = self.walk(None)?;
        walk.load(frame, place, None)?;
        walk.matches(name, event, local, rest)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        let workflow = self.workflow()?;
        let Some(key) = &workflow.key else { return Ok(None) };
        let mut env = self.parameters(workflow, input)?;
        let mut eval = Eval::new(&self.fir, &workflow.module, None);
        let values = eval.all(&mut env, key)?;
        // One value is the key itself, so that people can look a run up by what they know.
        Ok(Some(match values.as_slice() {
            [value] => encode(value),
            values => values.iter().map(encode).collect(),
        }))
    }

    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        let workflow = self.workflow()?;
        self.values_of(workflow, workflow.classes(), input)
    }

    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        let workflow = self.workflow()?;
        self.values_of(workflow, workflow.indexed.iter().map(|one| Some(&one.value)), input)
    }

    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        let workflow = self.workflow()?;
        let clause = workflow.upgrades.iter().find(|one| one.from == from);
        let value = clause.and_then(|one| one.values.get(index));
        let (_, value) = value.ok_or_else(|| fault("there is no such value"))?;
        let mut used = BTreeSet::new();
        value.each_read(&mut |id| used.extend([id]));
        let mut env = Env::new(workflow.locals.len());
        // Only these: the rest may be of a type that only the older version can read.
        for (id, param) in (0_u32..).map(LocalId).zip(&workflow.params) {
            if used.contains(&id) {
                env.set(id, self.parameter(param, input)?);
            }
        }
        let mut eval = Eval::new(&self.fir, &workflow.module, None);
        Ok(encode(&eval.expr(&mut env, value)?))
    }
}

impl Interpreter {
    /// Values over the parameters; null where there is none.
    fn values_of<'e>(
        &self,
        workflow: &Workflow,
        all: impl Iterator<Item = Option<&'e Expr>>,
        input: &Values,
    ) -> Result<Vec<Json>, Fault> {
        let mut env = self.parameters(workflow, input)?;
        let mut eval = Eval::new(&self.fir, &workflow.module, None);
        let value = |value: Option<&Expr>| match value {
            Some(value) => Ok(encode(&eval.expr(&mut env, value)?)),
            None => Ok(Json::Null),
        };
        all.map(value).collect()
    }

    /// The parameters, where nothing else is known yet.
    fn parameters(&self, workflow: &Workflow, input: &Values) -> Result<Env, Fault> {
        let mut env = Env::new(workflow.locals.len());
        for (id, param) in (0_u32..).zip(&workflow.params) {
            env.set(LocalId(id), self.parameter(param, input)?);
        }
        Ok(env)
    }

    fn parameter(&self, param: &Field, input: &Values) -> Result<Value, Fault> {
        let json = input.get(&param.name).or(param.default.as_ref()).unwrap_or(&Json::Null);
        decode(&self.fir, &param.ty, json)
    }
}

/// The event, the rest of the condition, and the name of the payload in it.
fn condition(stmt: &Stmt, index: usize) -> Option<(&str, Option<&Expr>, LocalId)> {
    match stmt {
        Stmt::Await(wait) => match &wait.arms.get(index)?.wait {
            ArmWait::Event { event, rest, event_local, .. } => {
                Some((event, rest.as_ref(), *event_local))
            }
            _ => None,
        },
        Stmt::Scope(scope) => {
            let interrupt = scope.interrupts.get(index)?;
            Some((&interrupt.event, interrupt.rest.as_ref(), interrupt.event_local))
        }
        _ => None,
    }
}
