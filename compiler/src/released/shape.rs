//! What a point waits for, and the blocks around it, held against another version: a call that is on
//! its way, a question that was asked, and branches that have begun stay as they were.

use super::contracts::changed;
use super::moves::{Both, kind};
use super::order::{Node, Order, Place};
use sagaflow_fir::{
    Arm, ArmWait, AwaitStmt, ForkStmt, Interrupt, LocalId, ParallelBlock, ScopeStmt, StepStmt,
};
use std::collections::BTreeMap;

/// What is said of the statements of the old version, by their points; nothing of those that are the
/// same.
pub(super) struct Shapes<'f>(BTreeMap<&'f str, Vec<String>>);

impl<'f> Shapes<'f> {
    pub(super) fn of(both: Both<'f>, before: &Order<'f>, after: &Order<'f>) -> Self {
        let (could, may) = (both.old.done_again(both.was), both.new.done_again(both.is));
        let judge = |place: &Place<'f>| {
            let other = after.places.get(after.get(place.at)?)?;
            let mut said = said(both, place.node, other.node);
            // What is done once does not remember which keys its calls have spent.
            if may.contains(place.at) && !could.contains(place.at) {
                said.push(format!("`{}` is done once, and might be done again", place.at));
            }
            (!said.is_empty()).then_some((place.at, said))
        };
        Self(before.places.iter().filter_map(judge).collect())
    }

    /// What forbids a run to move that rests at a point: of the point itself, and of what stands
    /// around it.
    pub(super) fn said_at<'s>(&'s self, place: &'s Place<'_>) -> impl Iterator<Item = String> + 's {
        let own = std::iter::once(place.at);
        let all = own.chain(place.around.iter().map(|around| around.at));
        // A step is done with when its undo or its handlers begin, and a fork with its branches.
        let ended = |at: &str| {
            let around = place.around.iter().find(|around| around.at == at);
            around.is_some_and(super::order::Around::is_behind)
        };
        let all = all.filter(move |at| !ended(at));
        all.filter_map(|at| self.0.get(at)).flatten().cloned()
    }
}

fn said(both: Both<'_>, was: Node<'_>, is: Node<'_>) -> Vec<String> {
    match (was, is) {
        (Node::Step(was), Node::Step(is)) if was.block.is_some() == is.block.is_some() => {
            step(both, was, is)
        }
        (Node::Wait(was), Node::Wait(is)) => wait(both, was, is),
        (Node::Fork(was), Node::Fork(is)) => fork(both, was, is).into_iter().collect(),
        (Node::Each(was), Node::Each(is)) => {
            turns(both, (was.settle, was.bind), (is.settle, is.bind)).into_iter().collect()
        }
        (Node::Scope(was), Node::Scope(is)) => scope(both, was, is),
        (was, is) if kind(was) == kind(is) => Vec::new(),
        (was, is) => vec![format!("it is {}, and would be {}", kind(was), kind(is))],
    }
}

/// A call that is on its way ends as what it is: its arguments and its key were recorded with it.
fn step(both: Both<'_>, was: &StepStmt, is: &StepStmt) -> Vec<String> {
    let short = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let words = |step: &StepStmt| format!("{}.{}", short(&step.call.service), step.call.action);
    let (old, new) = (&was.call, &is.call);
    if (&old.service, &old.action) != (&new.service, &new.action) {
        return vec![match was.block {
            Some(_) => "its transaction is on another database".to_owned(),
            None => format!("it calls `{}`, and would call `{}`", words(was), words(is)),
        }];
    }
    let mut said = Vec::new();
    if let (Some(was), Some(is)) =
        (both.old.action(&old.service, &old.action), both.new.action(&new.service, &new.action))
        && let Some(why) = changed(both.old, was, both.new, is)
    {
        said.push(format!("`{}`, which it calls, {why}", words_of(old)));
    }
    if old.idempotent != new.idempotent {
        said.push(match old.idempotent {
            true => "it has a key, and would have none".to_owned(),
            false => "it has no key, and would have one".to_owned(),
        });
    }
    if was.commits != is.commits {
        said.push(match was.commits {
            true => "it commits the run, and would not".to_owned(),
            false => "it would commit the run".to_owned(),
        });
    }
    if let (Some(was), Some(is)) = (&was.block, &is.block) {
        said.extend(kept(both, &was.keeps, &is.keeps).map(|why| format!("its block {why}")));
    }
    said.extend(both.bound(was.bind, is.bind));
    said
}

fn words_of(call: &sagaflow_fir::Call) -> String {
    let service = call.service.rsplit('.').next().unwrap_or(&call.service);
    format!("{service}.{}", call.action)
}

/// What was asked stays asked: the arms are the same, in their order.
fn wait(both: Both<'_>, was: &AwaitStmt, is: &AwaitStmt) -> Vec<String> {
    if was.arms.len() != is.arms.len() {
        return vec!["it waits for more or less than it would wait for".to_owned()];
    }
    let arms = was.arms.iter().zip(&is.arms).filter_map(|(was, is)| arm(both, was, is));
    arms.chain(bound("it", was.until.is_some(), is.until.is_some())).collect()
}

/// When something ends at the latest was recorded where it began, and what is done then is in its own
/// version.
fn bound(what: &str, was: bool, is: bool) -> Option<String> {
    match (was, is) {
        (true, false) => Some(format!("{what} has a bound of time, and would have none")),
        (false, true) => Some(format!("{what} has no bound of time, and would have one")),
        _ => None,
    }
}

fn arm(both: Both<'_>, was: &Arm, is: &Arm) -> Option<String> {
    let (old, new) = (awaited(&was.wait), awaited(&is.wait));
    if old != new {
        return Some(format!("it waits for {old}, and would wait for {new}"));
    }
    match (&was.wait, &is.wait) {
        (ArmWait::Event { fresh: was, .. }, ArmWait::Event { fresh: is, .. }) if was != is => {
            Some("it takes in what came before it, or does not, and would do otherwise".to_owned())
        }
        (ArmWait::Task(name, _), ArmWait::Task(..)) => {
            let answer =
                |fir: &'_ sagaflow_fir::Fir| fir.humans.get(name).map(|it| it.answer.clone());
            let (was, is) = (answer(both.old)?, answer(both.new)?);
            both.misfit(&was, &is, "its answer")
        }
        _ => both.bound(was.bind, is.bind),
    }
}

fn awaited(wait: &ArmWait) -> String {
    let short = |name: &str| format!("`{}`", name.rsplit('.').next().unwrap_or(name));
    match wait {
        ArmWait::Task(name, _) => short(name),
        ArmWait::Event { event, .. } => short(event),
        ArmWait::Sleep(_) => "a time".to_owned(),
    }
}

/// Branches that have begun or ended stay what they are.
fn fork(both: Both<'_>, was: &ForkStmt, is: &ForkStmt) -> Option<String> {
    use ParallelBlock::{Each, Fixed};
    match (&was.branches, &is.branches) {
        (Fixed(old), Fixed(new)) => {
            let of = match old.len().cmp(&new.len()) {
                std::cmp::Ordering::Less => "new",
                std::cmp::Ordering::Greater => "gone",
                std::cmp::Ordering::Equal => {
                    let mut pairs = old.iter().zip(new);
                    let why = pairs.find_map(|((_, was), (_, is))| kept(both, was, is));
                    return why.map(|why| format!("a branch of `{}` {why}", was.at));
                }
            };
            Some(format!("a branch is {of} in the `parallel` `{}`", was.at))
        }
        (Each { settle: settled, bind: from, .. }, Each { settle: settles, bind: to, .. }) => {
            turns(both, (*settled, *from), (*settles, *to))
        }
        _ => Some(format!("the branches of `{}` are others", was.at)),
    }
}

/// What a part that has ended has kept for what follows, and what is wanted of it.
fn kept(both: Both<'_>, was: &[LocalId], is: &[LocalId]) -> Option<String> {
    let had = |name: &str| {
        let mut had = was.iter().filter_map(|id| both.was.locals.get(id.0 as usize));
        had.find(|local| local.name == name)
    };
    let wanted = is.iter().filter_map(|id| both.is.locals.get(id.0 as usize));
    let why = |local: &sagaflow_fir::Local| match had(&local.name) {
        None => Some(format!("has not kept `{}`", local.name)),
        Some(had) => {
            let why = both.misfit(&had.ty, &local.ty, &format!("`{}`", local.name))?;
            Some(format!("has kept another value: {why}"))
        }
    };
    wanted.into_iter().find_map(why)
}

/// Turns that have ended have given what they gave.
fn turns(
    both: Both<'_>,
    (settled, from): (bool, Option<LocalId>),
    (settles, to): (bool, Option<LocalId>),
) -> Option<String> {
    match (settled, settles) {
        (true, false) => return Some("its turns settle, and would not".to_owned()),
        (false, true) => return Some("its turns would settle".to_owned()),
        _ => {}
    }
    match (from, to) {
        (None, Some(_)) => Some("its turns have given nothing".to_owned()),
        _ => both.bound(from, to),
    }
}

/// What may interrupt a unit was asked for when it began, and when it ends at the latest was reckoned.
fn scope(both: Both<'_>, was: &ScopeStmt, is: &ScopeStmt) -> Vec<String> {
    let events = |scope: &ScopeStmt| {
        let event = |it: &Interrupt| (it.event.clone(), it.keep);
        scope.interrupts.iter().map(event).collect::<Vec<_>>()
    };
    let others = events(was) != events(is);
    let others = others.then(|| format!("what interrupts `{}` is another", was.at));
    let what = format!("`{}`", was.at);
    let ends = bound(&what, was.deadline_ms.is_some(), is.deadline_ms.is_some());
    others.into_iter().chain(ends).chain(both.bound(was.yields(), is.yields())).collect()
}
