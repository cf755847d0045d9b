//! Where a run of one version may go on with another: frame subtyping, point by durable point.
//!
//! A run may move where (1) the point is in both, within the same blocks, and calls or waits for the
//! same there; (2) everything that the new version needs there is in the frame, with a type that it can
//! read and the same labels, or among what the run was started with; (3) the same steps that commit may
//! have ended before it, and no step that changes something, and is in both, stands before it in one and
//! behind it in the other, under this name or another; (4) every undo
//! that may be armed there is the same in both, what it uses and what the actions promise that it
//! calls included, and nothing would be undone of which no undo is armed. What is not proven is
//! refused.

use super::fit::{Fit, Reader};
use super::held::{Held, Needed};
use super::order::{Node, Order, Place};
use super::shape::Shapes;
use super::undos::Undos;
use sagaflow_fir::{Class, Fir, Frozen, LocalId, StepStmt, Ty, Workflow};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a run that rests at a point may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The durable point, as paths name it.
    pub at: String,
    /// Why not, the first reasons; empty where it may.
    pub because: Vec<String>,
    /// How many reasons there are beside these.
    pub more: usize,
}

/// Bound: reasons that are kept of one point. A point behind thousands of steps may have one for each,
/// and so may every point behind it.
const REASONS: usize = 8;

impl Move {
    /// The reasons, one after the other.
    #[must_use]
    pub fn words(&self) -> String {
        let all = self.because.join("; ");
        if self.more == 0 { all } else { format!("{all}; and {} more", self.more) }
    }
}

impl From<Found> for Move {
    fn from(found: Found) -> Self {
        let more = found.because.len().saturating_sub(REASONS);
        let mut because = found.because;
        because.truncate(REASONS);
        because.shrink_to_fit();
        Self { at: found.at, because, more }
    }
}

/// All that is found of one point.
pub(super) struct Found {
    pub at: String,
    pub because: Vec<String>,
    /// The values that the new version needs there and the old frame lacks; each is a reason too.
    pub lacks: Vec<String>,
}

/// Values that a run is given when it moves, by name, each with the names that it is made from.
pub(super) type Given = BTreeMap<String, Vec<String>>;

/// Both versions of a workflow, each in the program that it was frozen with.
#[derive(Clone, Copy)]
pub(super) struct Both<'f> {
    pub old: &'f Fir,
    pub was: &'f Workflow,
    pub new: &'f Fir,
    pub is: &'f Workflow,
}

impl Both<'_> {
    /// Why a value of the old version cannot stand where the new one wants this type.
    pub(super) fn misfit(&self, from: &Ty, to: &Ty, what: &str) -> Option<String> {
        Fit::new(self.old, self.new, Reader::Frame).ty(from, to, what)
    }

    /// The same of what both bind.
    pub(super) fn bound(&self, from: Option<LocalId>, to: Option<LocalId>) -> Option<String> {
        let from = self.was.locals.get(from?.0 as usize)?;
        let to = self.is.locals.get(to?.0 as usize)?;
        self.misfit(&from.ty, &to.ty, &format!("`{}`", to.name))
    }
}

/// The durable points of `old`, in the order of the program, each with what forbids a run that rests
/// there to go on with `new`.
#[must_use]
pub fn moves(old: &Frozen, new: &Frozen) -> Vec<Move> {
    let mut all = Vec::new();
    each_point(old, new, &Given::new(), &mut |found| all.push(found.into()));
    all
}

/// Shows every point where a run that moves is given values, one after the other: no two of them are held
/// with all that is said of them.
pub(super) fn each_point(old: &Frozen, new: &Frozen, given: &Given, see: &mut dyn FnMut(Found)) {
    let (Some(was), Some(is)) =
        (old.fir.workflows.get(&old.workflow), new.fir.workflows.get(&new.workflow))
    else {
        return;
    };
    let both = Both { old: &old.fir, was, new: &new.fir, is };
    let (before, after) = (Order::of(was), Order::of(is));
    // Bound: what is said of a step or a block is found once for all points that it matters at, so the
    // work grows with points times what commits, is undone differently, or stands around them.
    let shapes = Shapes::of(both, &before, &after);
    let undos = Undos::of(old, new, both, &before, &after);
    let (writes, renamed) = (writes(&before, &after), renamed(&before, &after));
    let row = |(index, place): (usize, &Place<'_>)| {
        let (mut because, mut lacks) = (Vec::new(), Vec::new());
        let point = was.points.get(place.at)?;
        match (is.points.get(place.at), after.get(place.at)) {
            (Some(other), Some(there)) => {
                if point.path != other.path || !after.is_around(there, place) {
                    because.push("it stands within other blocks".to_owned());
                }
                let held = Held::of(was, is, Some(point));
                let needed = Needed::of(&held, given, is, place.at, other);
                for (name, why) in values(both, (&held, &needed), given) {
                    because.push(why);
                    lacks.extend(name);
                }
                because.extend(shapes.said_at(place));
                because.extend(commits((&before, index), (&after, there)));
                because.extend(passed((&before, index), (&after, there), &writes));
                because.extend(repeated((&before, index), (&after, there), &renamed));
                because.extend(undos.said_at(&before, index));
            }
            _ => because.push("there is no such point any more".to_owned()),
        }
        let mut said = BTreeSet::new();
        because.retain(|why| said.insert(why.clone()));
        Some(Found { at: place.at.to_owned(), because, lacks })
    };
    let nowhere = was.points.keys().filter(|at| before.get(at).is_none()).map(|at| {
        let because = vec!["nobody knows where it stands".to_owned()];
        Found { at: at.clone(), because, lacks: Vec::new() }
    });
    let rows = before.places.iter().enumerate().filter_map(row).chain(nowhere);
    rows.chain(aftermath(both, given)).for_each(see);
}

/// What is done after a failure, where only the new version does anything: it begins with the parameters
/// that the run was started with.
fn aftermath(both: Both<'_>, given: &Given) -> Option<Found> {
    let after = both.is.points.get("after").filter(|_| !both.was.points.contains_key("after"))?;
    let held = Held::of(both.was, both.is, None);
    let needed = Needed::of(&held, given, both.is, "after", after);
    let said = values(both, (&held, &needed), given);
    let (lacks, because): (Vec<_>, Vec<_>) = said.into_iter().unzip();
    Some(Found { at: "after".to_owned(), because, lacks: lacks.into_iter().flatten().collect() })
}

/// What is needed at a point and neither there nor given, with its name, or of a type that cannot be
/// read.
fn values(
    both: Both<'_>,
    (Held(had), Needed(need)): (&Held<'_>, &Needed<'_>),
    given: &Given,
) -> Vec<(Option<String>, String)> {
    let reads = |name: &str, ty: &Ty| match had.get(name) {
        None => Some(format!("`{name}`, which the old frame lacks")),
        Some(had) => both.misfit(had, ty, &format!("`{name}`")),
    };
    // What a value is made from is a parameter of the new version.
    let param = |name: &str| both.is.params.iter().find(|it| it.name == name).map(|it| &it.ty);
    let made = |from: &Vec<String>| {
        from.iter().find_map(|name| match param(name) {
            Some(ty) => reads(name, ty),
            None => Some(format!("`{name}`, which is no parameter")),
        })
    };
    let judge = |(name, ty): (&str, &Ty)| match (had.contains_key(name), given.get(name)) {
        (true, _) => reads(name, ty).map(|why| (None, why)),
        (false, Some(from)) => made(from).map(|why| (None, format!("`{name}` is made from {why}"))),
        (false, None) => {
            reads(name, ty).map(|why| (Some(name.to_owned()), format!("it needs {why}")))
        }
    };
    need.iter().filter_map(|(name, ty)| judge((name, ty))).collect()
}

/// The first step that has committed the run in one version only, where a run rests at this point.
fn commits((before, was): (&Order<'_>, usize), (after, is): (&Order<'_>, usize)) -> Option<String> {
    let has = |order: &Order<'_>, at: &str, here: usize| {
        let step = order.step(at).filter(|(_, step)| step.commits);
        step.is_some_and(|(step, _)| order.precedes(step, here))
    };
    let gone = before.commits.iter().find(|at| has(before, at, was) && !has(after, at, is));
    let new = || after.commits.iter().find(|at| has(after, at, is) && !has(before, at, was));
    match gone {
        Some(at) => Some(format!("`{at}` has committed the run, and would not have")),
        None => new().map(|at| format!("`{at}` would have committed the run")),
    }
}

/// Steps of both versions that change something: where each stands in them, and its name.
fn writes<'f>(before: &Order<'f>, after: &Order<'_>) -> Vec<(usize, usize, &'f str)> {
    let changes = before.steps().filter(|(_, step)| step.class != Class::Read);
    let both = changes.filter_map(|(was, step)| Some((was, after.step(&step.at)?.0, &*step.at)));
    both.collect()
}

/// A step that changes something: where it stands, and its name.
type Write<'f> = (usize, &'f str);

/// Steps that change something and are in the older version only, each beside one that is in the newer one
/// only and does the same.
fn renamed<'f>(before: &Order<'f>, after: &Order<'f>) -> Vec<(Write<'f>, Write<'f>)> {
    let changes = |(_, step): &(usize, &StepStmt)| step.class != Class::Read;
    let what = |step: &'f StepStmt| (step.call.service.as_str(), step.call.action.as_str());
    let mut fresh: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let new = after.steps().filter(changes).filter(|(_, step)| before.step(&step.at).is_none());
    for (at, step) in new {
        fresh.entry(what(step)).or_default().push((at, &*step.at));
    }
    let gone = before.steps().filter(changes).filter(|(_, step)| after.step(&step.at).is_none());
    let pairs = gone.flat_map(|(at, step)| {
        let same = fresh.get(&what(step)).into_iter().flatten();
        // Bound: one that stands behind the point is enough, and the last one is behind it first.
        same.last().map(|next| ((at, &*step.at), *next))
    });
    pairs.collect()
}

/// The first step that a run which rests at this point has done, and would do again under another name.
fn repeated(
    (before, was): (&Order<'_>, usize),
    (after, is): (&Order<'_>, usize),
    renamed: &[(Write<'_>, Write<'_>)],
) -> Option<String> {
    renamed.iter().find_map(|((old, at), (new, next))| {
        let done = before.precedes(*old, was) && !after.precedes(*new, is);
        done.then(|| format!("`{at}` is done, and `{next}` would do it again"))
    })
}

/// The first step that a run which rests at this point has behind it in one version and before it in the
/// other.
fn passed(
    (before, was): (&Order<'_>, usize),
    (after, is): (&Order<'_>, usize),
    writes: &[(usize, usize, &str)],
) -> Option<String> {
    writes.iter().find_map(|(old, new, at)| {
        match (before.precedes(*old, was), after.precedes(*new, is)) {
            (true, false) => Some(format!("`{at}` is done, and would be done again")),
            (false, true) => Some(format!("`{at}` was not done, and would be passed over")),
            _ => None,
        }
    })
}

/// What a point is, as it is named to people.
pub(super) fn kind(node: Node<'_>) -> &'static str {
    match node {
        Node::Begin => "a beginning",
        Node::Step(step) if step.block.is_some() => "a transaction",
        Node::Step(_) => "a step",
        Node::Wait(_) => "a wait",
        Node::Fork(_) => "a `parallel`",
        Node::Each(_) => "an `each`",
        Node::Repeat => "a `repeat`",
        Node::Scope(_) => "a scope",
        Node::Manual => "a question",
        Node::Unit => "the beginning of an undo or a fallback",
    }
}
