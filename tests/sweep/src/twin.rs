//! Machines that are wrong in one known way, around one that is right.

use sagaflow_core::codegen::{
    Draw, Event, Fault, Frame, Json, Machine, Move, Next, Values, WorkflowSpec,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Has other tables than its program: what the core promises by itself can be taken away with them.
pub struct Retold {
    inner: Arc<dyn Machine>,
    spec: WorkflowSpec,
}

impl Retold {
    /// Around a machine that is right.
    #[must_use]
    pub fn new(inner: Arc<dyn Machine>, change: impl FnOnce(&mut WorkflowSpec)) -> Self {
        let mut spec = inner.spec().clone();
        change(&mut spec);
        Self { inner, spec }
    }
}

impl Machine for Retold {
    fn spec(&self) -> &WorkflowSpec {
        &self.spec
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        self.inner.resume(frame, event, draw)
    }

    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault> {
        self.inner.matches(frame, index, event)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        self.inner.key(input)
    }

    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.inner.classes(input)
    }

    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.inner.indexed(input)
    }

    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        self.inner.given(from, index, input)
    }
}

/// Answers a right machine's moves changed.
pub struct Altered {
    inner: Arc<dyn Machine>,
    change: fn(&mut Move),
}

impl Altered {
    /// Around a machine that is right.
    #[must_use]
    pub fn new(inner: Arc<dyn Machine>, change: fn(&mut Move)) -> Self {
        Self { inner, change }
    }
}

impl Machine for Altered {
    fn spec(&self) -> &WorkflowSpec {
        self.inner.spec()
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let mut answer = self.inner.resume(frame, event, draw)?;
        (self.change)(&mut answer);
        Ok(answer)
    }

    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault> {
        self.inner.matches(frame, index, event)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        self.inner.key(input)
    }

    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.inner.classes(input)
    }

    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.inner.indexed(input)
    }

    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        self.inner.given(from, index, input)
    }
}

/// Captures the values of an undo when it runs, not when it is armed: every undo of a step sees what
/// its last call saw.
pub struct LateCapture {
    inner: Arc<dyn Machine>,
    latest: Mutex<BTreeMap<String, Values>>,
}

impl LateCapture {
    /// Around a machine that is right.
    #[must_use]
    pub fn new(inner: Arc<dyn Machine>) -> Self {
        Self { inner, latest: Mutex::default() }
    }
}

impl Machine for LateCapture {
    fn spec(&self) -> &WorkflowSpec {
        self.inner.spec()
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frame = frame.clone();
        if let Some(values) = frame.at.strip_suffix("/undo").and_then(|step| latest.get(step)) {
            frame.values.extend(values.clone());
        }
        let next = self.inner.resume(&frame, event, draw)?;
        if let Next::Call { frame, undo: Some(values), .. } = &next.next {
            latest.insert(frame.at.clone(), values.clone());
        }
        Ok(next)
    }

    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault> {
        self.inner.matches(frame, index, event)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        self.inner.key(input)
    }

    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.inner.classes(input)
    }

    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.inner.indexed(input)
    }

    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        self.inner.given(from, index, input)
    }
}
