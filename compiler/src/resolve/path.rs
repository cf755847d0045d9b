//! Paths of durable points: segments, numbering, uniqueness, and collisions on one path (F0116).
//!
//! Order: alternatives (arms of one choice, handlers of one step) start from the same state and are
//! joined afterwards, so that only names on one path collide.

use crate::hir::Point;
use crate::span::Span;
use smol_str::SmolStr;
use std::collections::HashMap;

/// What the paths so far say about the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// Where a path was taken on the way here.
    paths: HashMap<SmolStr, Span>,
    /// How many unnamed things of a kind stand below a prefix.
    counts: HashMap<(SmolStr, &'static str), u32>,
}

impl Taken {
    /// What is taken after one of two alternatives.
    pub(super) fn join(mut self, other: Self) -> Self {
        self.paths.extend(other.paths);
        for (key, count) in other.counts {
            let mine = self.counts.entry(key).or_default();
            *mine = count.max(*mine);
        }
        self
    }
}

/// The points of one workflow, contract or undo.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// What stands before the next segment.
    prefix: Prefix,
    /// What is taken on the path to here.
    pub(super) taken: Taken,
    /// How often an `at` was asked for, over the whole workflow.
    uses: HashMap<SmolStr, u32>,
}

/// The enclosing segments, as path and as unique name.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefix {
    path: String,
    at: String,
}

impl Paths {
    /// Enters what lies below `point`: `suffix` is `[]`, or nothing for a scope.
    pub(super) fn enter(&mut self, point: &Point, suffix: &str) -> Prefix {
        let inner =
            Prefix { path: format!("{}{suffix}", point.path), at: format!("{}{suffix}", point.at) };
        std::mem::replace(&mut self.prefix, inner)
    }

    /// Back to where `enter` was called.
    pub(super) fn leave(&mut self, outer: Prefix) {
        self.prefix = outer;
    }

    /// A point named by a person, and where its path was taken already on this way.
    pub(super) fn named(&mut self, segment: &str, span: Span) -> (Point, Option<Span>) {
        let path = SmolStr::from(below(&self.prefix.path, segment));
        let earlier = self.taken.paths.insert(path.clone(), span);
        (Point { at: self.unique(&below(&self.prefix.at, segment)), path }, earlier)
    }

    /// A point without a name: its kind, numbered from the second on.
    pub(super) fn numbered(&mut self, kind: &'static str) -> Point {
        let key = (SmolStr::from(self.prefix.path.as_str()), kind);
        let count = self.taken.counts.entry(key).or_default();
        *count += 1;
        let segment = if *count == 1 { kind.to_owned() } else { format!("{kind}#{count}") };
        let path = SmolStr::from(below(&self.prefix.path, &segment));
        Point { at: self.unique(&below(&self.prefix.at, &segment)), path }
    }

    /// A point that shares the path of what encloses it: the only step of an undo.
    pub(super) fn same(&mut self) -> Point {
        let at = self.prefix.at.clone();
        Point { at: self.unique(&at), path: self.prefix.path.as_str().into() }
    }

    /// The point of what encloses it, for a question that is asked there.
    pub(super) fn enclosing(&self) -> Point {
        Point { at: self.prefix.at.as_str().into(), path: self.prefix.path.as_str().into() }
    }

    /// The point of the undo or fallback of `point`, or of a contract's where there is none.
    pub(super) fn beside(&mut self, point: Option<&Point>, segment: &str) -> Point {
        let (at, path) = match point {
            Some(p) => (below(&p.at, segment), below(&p.path, segment)),
            None => (segment.to_owned(), segment.to_owned()),
        };
        Point { at: self.unique(&at), path: path.into() }
    }

    fn unique(&mut self, at: &str) -> SmolStr {
        let uses = self.uses.entry(at.into()).or_default();
        *uses += 1;
        if *uses == 1 {
            return at.into();
        }
        // `#` and `~` cannot stand in names, so the result is taken by nothing else.
        format!("{at}~{uses}").into()
    }
}

fn below(prefix: &str, segment: &str) -> String {
    if prefix.is_empty() { segment.to_owned() } else { format!("{prefix}/{segment}") }
}
