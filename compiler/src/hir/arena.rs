//! Typed ids and the vectors they point into.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// An id that counts from zero.
pub trait Idx: Copy + Eq {
    /// The id of the `n`th.
    fn new(n: usize) -> Self;
    /// Its number.
    fn index(self) -> usize;
}

/// Things named by ids of one kind.
///
/// Invariant: ids come only from [`Arena::alloc`] of the same arena and nothing is removed, so
/// indexing cannot fail.
#[derive(Clone, Debug)]
pub struct Arena<I, T> {
    items: Vec<T>,
    ids: PhantomData<I>,
}

impl<I, T> Default for Arena<I, T> {
    fn default() -> Self {
        Self { items: Vec::new(), ids: PhantomData }
    }
}

impl<I: Idx, T> Arena<I, T> {
    /// Adds one and names it.
    pub fn alloc(&mut self, item: T) -> I {
        self.items.push(item);
        I::new(self.items.len() - 1)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// All, in the order they were added.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(n, item)| (I::new(n), item))
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.items.len()).map(I::new)
    }

    /// All things, in order.
    pub fn values(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
}

impl<I: Idx, T> Index<I> for Arena<I, T> {
    type Output = T;
    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: Idx, T> IndexMut<I> for Arena<I, T> {
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $crate::hir::Idx for $name {
            fn new(n: usize) -> Self {
                // Bound: sources are at most 4 MB a file, so counts stay far below 2^32.
                Self(n as u32)
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+ };
}
pub(crate) use ids;
