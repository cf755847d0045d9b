//! Undos, judged as they leave their node.

use super::{Case, Wrong};
use crate::history::Called;
use sagaflow_sweep::ledger::Purpose;
use sagaflow_sweep::program::Undo;
use sagaflow_sweep::script::Said;

pub(super) fn leaves(case: &Case<'_>, called: &Called) -> Wrong {
    if called.purpose == Purpose::Do {
        return Ok(());
    }
    let story = case.story;
    let Some(key) = called.undoes.as_deref() else {
        return Err(format!("{} {} carries no forward key", called.purpose.word(), called.id));
    };
    let Some(site) = case.version.structure.site(&called.id.action) else { return Ok(()) };
    let forward = story.under(key).next();
    let Some(forward) = forward else {
        // A crash may take the request between its record and the wire.
        return match story.recovered {
            1.. => Ok(()),
            0 => Err(format!("{} undoes what was never called", called.id)),
        };
    };
    if forward.id.action != site.call.action || forward.id.at != called.id.at {
        return Err(format!("{} carries the key of {}", called.id, forward.id));
    }
    if called.purpose == Purpose::Probe {
        return Ok(());
    }
    if site.open && site.call.undo == Undo::Result {
        // What a person says about a call is what counts.
        return Ok(());
    }
    sees_the_same(case, called, (forward, key, site.call.undo))?;
    if site.open { Ok(()) } else { may_have_happened(case, called, key) }
}

/// I12: an undo sees what its call saw and what it answered.
fn sees_the_same(
    case: &Case<'_>,
    called: &Called,
    (forward, key, undo): (&Called, &str, Undo),
) -> Wrong {
    let expected = match undo {
        Undo::Args | Undo::Own | Undo::Block => forward.arg,
        Undo::Result => case.story.values.get(key).copied(),
        Undo::None | Undo::Waived => return Err(format!("{} has no undo", forward.id)),
    };
    match called.arg == expected {
        true => Ok(()),
        false => Err(format!("{} is given {:?}, not {expected:?}", called.id, called.arg)),
    }
}

/// I10: what is known not to have happened is not undone.
fn may_have_happened(case: &Case<'_>, called: &Called, key: &str) -> Wrong {
    let mut before = case.story.under(key);
    let known = before
        .all(|call| matches!(call.heard, Some((_, Said::Failed(_) | Said::Refused | Said::Spent))));
    match known && case.story.recovered == 0 && !case.story.operated {
        true => Err(format!("{} undoes what was refused", called.id)),
        false => Ok(()),
    }
}
