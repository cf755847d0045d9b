//! How runs end, and that nothing happens afterwards.

use super::{Case, Wrong, order};
use sagaflow_sweep::mess::mess;
use sagaflow_sweep::script::CallId;

/// I5, I8: an effect is applied once under its key, and none after the end.
pub(super) fn applied(case: &Case<'_>, key: &str, id: &CallId) -> Wrong {
    let times = case.story.ledger.under(key).filter(|sent| sent.applied).count();
    if times > 1 {
        return Err(format!("{id} was applied {times} times under one key"));
    }
    let open = case.version.structure.site(&id.action).is_some_and(|site| site.open);
    match &case.story.ended {
        Some((at, status)) if !open => {
            Err(format!("{id} was applied after the run was {status} at {at}"))
        }
        _ => Ok(()),
    }
}

/// I2, I3, I26: judged when the end is written.
pub(super) fn ended(case: &Case<'_>) -> Wrong {
    at_last(case)?;
    order::side_by_side(case)
}

/// I3: everything, or nothing.
pub(super) fn at_last(case: &Case<'_>) -> Wrong {
    if let Some(mess) = mess(&case.version.program, &case.story.ledger) {
        return Err(mess);
    }
    order::settled(case)?;
    match &case.story.ended {
        Some((_, status)) if case.story.cancelled && status != "cancelled" => {
            Err(format!("a cancel was taken, and it is {status}"))
        }
        _ => Ok(()),
    }
}
