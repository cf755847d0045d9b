//! Keys and attempts, judged as a request leaves its node.

use super::{Case, Wrong};
use crate::history::{Called, Story};
use sagaflow_sweep::ledger::Purpose;
use sagaflow_sweep::program::Undo;
use sagaflow_sweep::script::Said;

pub(super) fn leaves(case: &Case<'_>, called: &Called) -> Wrong {
    let known = |site: Option<&_>| site.is_some();
    if !known(case.version.structure.site(&called.id.action)) {
        return Err(format!("{} is in no program", called.id));
    }
    if let Some((_, ended)) = &case.story.ended {
        return Err(format!("{} leaves, and the run is {ended}", called.id));
    }
    one_call(case.story, called)?;
    match called.purpose {
        Purpose::Do if !called.read => {
            fresh(case, called)?;
            spent(case.story, called)?;
            attempts(case, called)
        }
        Purpose::Undo => attempts(case, called),
        Purpose::Do | Purpose::Probe => Ok(()),
    }
}

/// I9: a key is one call's, and the call is the same every time.
fn one_call(story: &Story, called: &Called) -> Wrong {
    let Some(first) = story.under(&called.key).next() else { return Ok(()) };
    let same = first.path == called.path
        && first.id == called.id
        && first.purpose == called.purpose
        && first.undoes == called.undoes
        && (first.arg == called.arg || called.purpose == Purpose::Probe);
    match same {
        true => Ok(()),
        false => Err(format!("{} and {} are not one call, and share a key", first.id, called.id)),
    }
}

/// I9: a call that has a key gets another one only when the first is spent.
fn fresh(case: &Case<'_>, called: &Called) -> Wrong {
    let story = case.story;
    let site = case.version.structure.site(&called.id.action);
    if story.under(&called.key).next().is_some() || site.is_none_or(|site| site.open) {
        return Ok(());
    }
    let same = |other: &&Called| other.path == called.path && other.purpose == Purpose::Do;
    for other in story.calls.iter().filter(same) {
        if !is_spent(story, &other.key) {
            return Err(format!(
                "{} is made under a new key, although nothing has spent {}",
                called.id, other.key
            ));
        }
    }
    Ok(())
}

/// Whether what was called under a key is known not to stand, or is being undone.
fn is_spent(story: &Story, key: &str) -> bool {
    let probed = story.calls.iter().any(|call| {
        call.purpose == Purpose::Probe
            && call.undoes.as_deref() == Some(key)
            && matches!(call.heard, Some((_, Said::Spent)))
    });
    let refused = |call: &Called| match &call.heard {
        Some((_, Said::Failed(_) | Said::Spent)) => Some(true),
        Some((_, Said::Refused)) => Some(false),
        _ => None,
    };
    let answers: Vec<_> = story.under(key).map(refused).collect();
    let failed = answers.contains(&Some(true));
    let never = answers.iter().all(Option::is_some);
    probed || failed || never || story.undos(key).next().is_some()
}

/// I9: a key is not used again once its undo has succeeded, or a declared error was its answer.
fn spent(story: &Story, called: &Called) -> Wrong {
    let mut undone = story.undos(&called.key);
    if undone.any(|undo| matches!(undo.heard, Some((_, Said::Ok))) && is_last(story, undo)) {
        return Err(format!("{} leaves under a key that was undone", called.id));
    }
    let mut before = story.under(&called.key);
    if before.any(|call| matches!(call.heard, Some((_, Said::Failed(_))))) {
        return Err(format!("{} leaves under a key whose answer was an error", called.id));
    }
    Ok(())
}

/// Whether an undo is one of a single call.
fn is_last(story: &Story, undo: &Called) -> bool {
    let key = undo.undoes.as_deref().unwrap_or_default();
    story.undos(key).all(|other| other.id.action == undo.id.action)
}

/// I13: attempts are counted one by one, also across crashes, and end where the policy says.
fn attempts(case: &Case<'_>, called: &Called) -> Wrong {
    let story = case.story;
    let Some(site) = case.version.structure.site(&called.id.action) else { return Ok(()) };
    let path = |call: &&Called| call.path == called.path && call.purpose == called.purpose;
    let under = story.under(&called.key).map(|call| call.attempt).max().unwrap_or(0);
    if called.attempt < under {
        return Err(format!("{} makes attempt {} after {under}", called.id, called.attempt));
    }
    if called.attempt > 1 && !story.operated {
        let heard = story.calls.iter().filter(path).filter(|call| call.heard.is_some());
        let heard = heard.map(|call| call.attempt).max().unwrap_or(0);
        // An attempt that may not be sent again is unknown after a crash (A6): nobody has answered it.
        if called.attempt > heard + 1 + story.recovered {
            return Err(format!("{} makes attempt {} behind {heard}", called.id, called.attempt));
        }
    }
    let most = site.attempts_max().filter(|_| called.purpose == Purpose::Do && !story.operated);
    match most {
        Some(most) if called.attempt > most && site.call.undo != Undo::Result => {
            Err(format!("{} makes attempt {} of {most}", called.id, called.attempt))
        }
        _ => Ok(()),
    }
}
