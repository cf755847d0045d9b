//! Frames: what is written where a fiber rests, and read when it goes on.

use super::Walk;
use crate::codec::{decode, encode, fault};
use crate::eval::plain;
use crate::program::{Cursor, Hidden, Place};
use crate::value::Value;
use sagaflow_core::codegen::{Fault, Frame, Json, Values};
use sagaflow_fir::{CallUndo, LocalId, ParallelBlock, Stmt, Ty};

impl Walk<'_> {
    /// The frame of a durable point: exactly what is live there.
    pub(super) fn frame(&self, at: &str) -> Result<Frame, Fault> {
        let point = self.workflow.points.get(at);
        let point = point.ok_or_else(|| fault(format!("point `{at}` is not in the tables")))?;
        let mut values = Values::new();
        for id in &point.live {
            let (name, _) = self.local(*id)?;
            let value = self.env.get(*id);
            let value =
                value.ok_or_else(|| fault(format!("`{name}` is live at `{at}` but not bound")))?;
            values.insert(name.to_owned(), encode(value));
        }
        for (name, _) in &point.hidden {
            let value = self.hidden.get(name);
            let value = value.ok_or_else(|| fault(format!("`{name}` is not known at `{at}`")))?;
            values.insert(name.clone(), encode(value));
        }
        Ok(Frame { at: at.to_owned(), iteration: self.iteration.clone(), values })
    }

    /// Takes over what a frame holds; for a branch that begins, of its fork's list its own item alone,
    /// so that a fork of many reads its list once and not once for each of them.
    pub(crate) fn load(
        &mut self,
        frame: &Frame,
        place: Place,
        branch: Option<u32>,
    ) -> Result<(), Fault> {
        self.iteration.clone_from(&frame.iteration);
        for id in self.expected(&frame.at, place)? {
            self.take(frame, id)?;
        }
        if let Place::Undo(at) = place
            && let Some(Stmt::Step(step)) = self.program.stmt(self.workflow, at)
            && let CallUndo::Block { result: Some(id), .. } = &step.undo
        {
            let json = frame.values.get("result").unwrap_or(&Json::Null);
            let (_, ty) = self.local(*id)?;
            let value = decode(self.fir, ty, json)?;
            self.env.set(*id, value);
        }
        for (name, json) in frame.values.iter().filter(|(name, _)| name.starts_with('#')) {
            if let Some((cursor, kind)) = self.program.hidden(name) {
                let own = branch.filter(|_| place == Place::Stmt(cursor));
                let value = self.bookkeeping(cursor, (kind, own), json)?;
                self.hidden.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// The locals that a frame of this point holds.
    fn expected(&self, at: &str, place: Place) -> Result<Vec<LocalId>, Fault> {
        let mut ids =
            self.workflow.points.get(at).map(|each| each.live.clone()).unwrap_or_default();
        let params = u32::try_from(self.workflow.params.len()).unwrap_or(u32::MAX);
        match place {
            Place::Start => ids.extend((0..params).map(LocalId)),
            Place::After => {
                ids.extend((0..params).map(LocalId));
                ids.extend(self.workflow.failure.iter().flat_map(|(error, step)| [*error, *step]));
            }
            Place::Undo(cursor) => {
                if let Some(Stmt::Step(step)) = self.program.stmt(self.workflow, cursor)
                    && let CallUndo::Block { capture, result, .. } = &step.undo
                {
                    ids.extend(capture.iter().map(|(id, _)| *id));
                    ids.retain(|id| Some(*id) != *result);
                }
            }
            Place::Fallback(_) | Place::Stmt(_) => {}
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    fn take(&mut self, frame: &Frame, id: LocalId) -> Result<(), Fault> {
        let (name, ty) = self.local(id)?;
        let value = match frame.values.get(name) {
            Some(json) => decode(self.fir, ty, json)
                .map_err(|cause| fault(format!("`{name}`: {}", cause.message)))?,
            None => match self.default_of(id) {
                Some(json) => decode(self.fir, ty, json)?,
                None if matches!(ty, Ty::Optional(_)) => Value::None,
                // Used, it is a fault of its own; a name that is only carried along is not missed.
                None => return Ok(()),
            },
        };
        self.env.set(id, value);
        Ok(())
    }

    /// The default of a parameter.
    fn default_of(&self, id: LocalId) -> Option<&Json> {
        self.workflow.params.get(id.0 as usize)?.default.as_ref()
    }

    /// Name and type of a local.
    pub(super) fn local(&self, id: LocalId) -> Result<(&str, &Ty), Fault> {
        let local = self.workflow.locals.get(id.0 as usize);
        local.map(|local| (local.name.as_str(), &local.ty)).ok_or_else(super::no_block)
    }

    fn bookkeeping(
        &self,
        cursor: Cursor,
        (kind, own): (Hidden, Option<u32>),
        json: &Json,
    ) -> Result<Value, Fault> {
        let (over, bind) = match self.program.stmt(self.workflow, cursor) {
            Some(Stmt::Each(each)) => (&each.over, each.bind),
            Some(Stmt::Fork(fork)) => match &fork.branches {
                ParallelBlock::Each { over, bind, .. } => (over, *bind),
                ParallelBlock::Fixed(_) => return Err(super::no_block()),
            },
            _ => return Err(super::no_block()),
        };
        match (kind, bind) {
            (Hidden::Out, Some(bind)) => decode(self.fir, self.local(bind)?.1, json),
            (Hidden::Out, None) => Ok(Value::list(Vec::new())),
            (Hidden::List, _) => self.items(plain(self.fir, &over.ty), json, own),
        }
    }

    /// The items of a loop, or one of them.
    fn items(&self, ty: &Ty, json: &Json, only: Option<u32>) -> Result<Value, Fault> {
        let items = json.as_array().ok_or_else(super::no_block)?;
        let items = match only {
            Some(index) => items.get(index as usize..).and_then(|rest| rest.get(..1)),
            None => Some(items.as_slice()),
        };
        let items = items.unwrap_or_default();
        let item = |item: &Json| match ty {
            Ty::List(of) | Ty::Batch(of) => decode(self.fir, of, item),
            Ty::Map(key, of) => match item.as_array().map(Vec::as_slice) {
                Some([name, value]) => {
                    let pair = [decode(self.fir, key, name)?, decode(self.fir, of, value)?];
                    Ok(Value::list(pair.to_vec()))
                }
                _ => Err(super::no_block()),
            },
            _ => Err(fault("only lists and maps are iterated")),
        };
        Ok(Value::list(items.iter().map(item).collect::<Result<_, _>>()?))
    }
}
