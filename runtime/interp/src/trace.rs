//! What walks reach: the measure of coverage in enumerations.

use crate::Interpreter;
use sagaflow_core::codegen::{
    Draw, Event, Fault, Frame, Json, Machine, Move, Next, Values, WorkflowSpec,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Arms and durable points reached, shared between a world and its machines.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeSet<String>>>);

impl Seen {
    /// Everything reached so far.
    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The name under which a durable point is remembered.
    pub(crate) fn point(workflow: &str, at: &str) -> String {
        format!("{workflow}:{at}")
    }

    fn add(&self, workflow: &str, at: &str, blocks: &[usize]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(Self::point(workflow, at));
        seen.extend(blocks.iter().map(|block| format!("{workflow}#{block}")));
    }
}

/// A machine that remembers what its walks reach.
pub(crate) struct Traced {
    machine: Arc<Interpreter>,
    seen: Seen,
}

impl Traced {
    pub(crate) fn new(machine: Arc<Interpreter>, seen: Seen) -> Self {
        Self { machine, seen }
    }
}

impl Machine for Traced {
    fn spec(&self) -> &WorkflowSpec {
        self.machine.spec()
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let (answer, blocks) = self.machine.resume_traced(frame, event, draw)?;
        self.seen.add(&self.spec().name, &frame.at, &blocks);
        let rests = match &answer.next {
            Next::Call { frame, .. } | Next::Wait { frame, .. } => Some(frame),
            Next::Fork { frame, .. } | Next::Manual { frame, .. } => Some(frame),
            Next::End(_) | Next::Return(_) | Next::Fail(_) => None,
        };
        if let Some(frame) = rests {
            self.seen.add(&self.spec().name, &frame.at, &[]);
        }
        Ok(answer)
    }

    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault> {
        self.machine.matches(frame, index, event)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        self.machine.key(input)
    }

    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.machine.classes(input)
    }

    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.machine.indexed(input)
    }

    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        self.machine.given(from, index, input)
    }
}
