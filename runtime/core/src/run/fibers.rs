//! The fibers of a run, to be looked at.

use super::{Fiber, FiberId};
use std::collections::BTreeMap;

/// The fibers of a run, by their ids.
#[derive(Clone, Copy, Debug)]
pub struct Fibers<'a>(pub(super) &'a BTreeMap<FiberId, Box<Fiber>>);

impl<'a> Fibers<'a> {
    /// Each with its id, in their order.
    pub fn iter(self) -> impl Iterator<Item = (&'a FiberId, &'a Fiber)> {
        self.0.iter().map(|(id, fiber)| (id, fiber.as_ref()))
    }

    /// Each, in their order.
    pub fn values(self) -> impl Iterator<Item = &'a Fiber> + Clone {
        self.0.values().map(Box::as_ref)
    }

    /// Their ids.
    pub fn keys(self) -> impl Iterator<Item = &'a FiberId> {
        self.0.keys()
    }
}
