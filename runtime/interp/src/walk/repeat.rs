//! Loops that stay inside the machine: `each` and `repeat`.

use super::{Flow, Walk};
use crate::codec::{fault, settled};
use crate::program::{Cursor, Slot};
use crate::value::Value;
use sagaflow_core::codegen::rt::TURN;
use sagaflow_core::codegen::{Failure, Fault, Op};
use sagaflow_fir::{EachStmt, LocalId, RepeatStmt};
use std::sync::Arc;

impl Walk<'_> {
    pub(super) fn each(&mut self, at: Cursor, each: &EachStmt) -> Result<Flow, Fault> {
        let over = self.value(&each.over)?;
        let items = entries(over)?;
        if each.max.is_some_and(|max| items.len() > max as usize) {
            return Err(fault(format!("`{}` has more items than its `max`", each.at)));
        }
        self.hidden.insert(list_name(&each.at), Value::list(items));
        if each.bind.is_some() {
            self.hidden.insert(out_name(&each.at), Value::list(Vec::new()));
        }
        self.turn(at, each, 0)
    }

    /// Begins turn `index`, or ends the loop.
    fn turn(&mut self, at: Cursor, each: &EachStmt, index: u32) -> Result<Flow, Fault> {
        if index > 0 {
            self.eval.spend(TURN)?;
        }
        self.iteration.truncate(self.program.depth(at.block));
        let Some(item) = self.item(&each.at, index)? else {
            self.hidden.remove(&list_name(&each.at));
            let out = self.hidden.remove(&out_name(&each.at));
            if let (Some(id), Some(out)) = (each.bind, out) {
                self.env.set(id, out);
            }
            return Ok(self.go(at.next()));
        };
        self.iteration.push(index);
        self.bind_item(&each.pattern, item)?;
        if each.settle {
            let frame = self.frame(&each.at)?;
            self.ops.push(Op::Enter { frame, interrupts: Vec::new() });
        }
        self.child(at, Slot::Turn)
    }

    /// The turn ended well, with what it gave.
    pub(super) fn turn_end(
        &mut self,
        at: Cursor,
        each: &EachStmt,
        given: Option<Value>,
    ) -> Result<Flow, Fault> {
        let given = match (each.settle, given) {
            (true, given) => Some(Value::Ok(Arc::new(given.unwrap_or(Value::Unit)))),
            (false, given) => given,
        };
        if each.settle {
            self.ops.push(Op::Leave { at: each.at.clone() });
        }
        self.collect(&each.at, given);
        let index = self.index(at)?;
        self.turn(at, each, index)
    }

    /// A settled turn failed and is undone.
    pub(super) fn turn_failed(
        &mut self,
        at: Cursor,
        each: &EachStmt,
        failure: Failure,
    ) -> Result<Flow, Fault> {
        self.collect(&each.at, Some(settled(failure)));
        let index = self.index(at)?;
        self.turn(at, each, index)
    }

    /// A settled turn begins again. Its unit's frame keeps the list, not the item.
    pub(super) fn turn_again(&mut self, at: Cursor, each: &EachStmt) -> Result<Flow, Fault> {
        let index = self.iteration.get(self.program.depth(at.block)).copied();
        let index = index.ok_or_else(super::no_block)?;
        let item = self.item(&each.at, index)?.ok_or_else(super::no_block)?;
        self.bind_item(&each.pattern, item)?;
        self.child(at, Slot::Turn)
    }

    fn collect(&mut self, at: &str, given: Option<Value>) {
        if let Some(given) = given
            && let Some(Value::List(out)) = self.hidden.get_mut(&out_name(at))
        {
            Arc::make_mut(out).push(given);
        }
    }

    /// The index of the turn after the present one of the loop at `at`.
    fn index(&self, at: Cursor) -> Result<u32, Fault> {
        let index = self.iteration.get(self.program.depth(at.block)).copied();
        index.and_then(|index| index.checked_add(1)).ok_or_else(super::no_block)
    }

    /// Item `index` of a loop's list.
    pub(super) fn item(&self, at: &str, index: u32) -> Result<Option<Value>, Fault> {
        match self.hidden.get(&list_name(at)) {
            Some(Value::List(items)) => Ok(items.get(index as usize).cloned()),
            _ => Err(fault(format!("`{}` is not known here", list_name(at)))),
        }
    }

    /// Binds the names of a loop to its item, a pair to two names.
    pub(super) fn bind_item(&mut self, pattern: &[LocalId], item: Value) -> Result<(), Fault> {
        match (pattern, item) {
            ([name], item) => self.env.set(*name, item),
            ([key, value], Value::List(pair)) => {
                let [first, second] = pair.as_slice() else { return Err(super::no_block()) };
                self.env.set(*key, first.clone());
                self.env.set(*value, second.clone());
            }
            _ => return Err(fault("an item does not have as many parts as names")),
        }
        Ok(())
    }

    pub(super) fn repeat(&mut self, at: Cursor, repeat: &RepeatStmt) -> Result<Flow, Fault> {
        let mut values = Vec::new();
        for (id, value) in &repeat.vars {
            values.push((*id, self.value(value)?));
        }
        for (id, value) in values {
            self.env.set(id, value);
        }
        self.repeat_turn(at, repeat, 0)
    }

    fn repeat_turn(&mut self, at: Cursor, repeat: &RepeatStmt, turn: u32) -> Result<Flow, Fault> {
        if turn > 0 {
            self.eval.spend(TURN)?;
        }
        self.iteration.truncate(self.program.depth(at.block));
        if repeat.times.is_some_and(|times| turn >= times) {
            return match repeat.otherwise {
                Some(_) => self.child(at, Slot::RanOut),
                None => Ok(self.repeated(at, repeat, None)),
            };
        }
        self.iteration.push(turn);
        self.child(at, Slot::Repeat)
    }

    /// The end of the body: `until`, else another turn with the values of this one.
    pub(super) fn repeat_end(&mut self, at: Cursor, repeat: &RepeatStmt) -> Result<Flow, Fault> {
        if let Some(until) = &repeat.until
            && self.eval.truth(&mut self.env, until)?
        {
            return Ok(self.repeated(at, repeat, None));
        }
        self.again(at, repeat)
    }

    /// The next turn.
    pub(super) fn again(&mut self, at: Cursor, repeat: &RepeatStmt) -> Result<Flow, Fault> {
        let turn = self.index(at)?;
        self.repeat_turn(at, repeat, turn)
    }

    /// The loop ended, with what was given.
    pub(super) fn repeated(
        &mut self,
        at: Cursor,
        repeat: &RepeatStmt,
        given: Option<Value>,
    ) -> Flow {
        if let Some(id) = repeat.bind {
            self.env.set(id, Value::optional(given));
        }
        self.go(at.next())
    }
}

/// The hidden name of the list that a loop iterates.
pub(super) fn list_name(at: &str) -> String {
    format!("#{at}.list")
}

fn out_name(at: &str) -> String {
    format!("#{at}.out")
}

/// What is iterated: items, or the entries of a map as pairs in key order.
pub(super) fn entries(over: Value) -> Result<Vec<Value>, Fault> {
    match over {
        Value::List(items) => Ok(Arc::unwrap_or_clone(items)),
        Value::Map(map) => {
            let pair =
                |(key, value): (&Value, &Value)| Value::list(vec![key.clone(), value.clone()]);
            Ok(map.iter().map(pair).collect())
        }
        Value::Record(fields) => match fields.get("items") {
            Some(Value::List(items)) => Ok((**items).clone()),
            _ => Err(fault("only lists and maps are iterated")),
        },
        _ => Err(fault("only lists and maps are iterated")),
    }
}
