//! All or nothing, judged from the ledger with no idea of how the program should have gone.
//!
//! Weaker than the reference, and independent of it: it also judges programs that the checker refuses.

use crate::ledger::{Ledger, Purpose};
use crate::program::{Call, Class, Ending, Program, Remedy, Stmt, Undo};
use crate::script::{Known, Said};

/// The mess that a run has left, in words.
#[must_use]
pub fn mess(program: &Program, ledger: &Ledger) -> Option<String> {
    if let Some(why) = &ledger.stuck {
        return Some(format!("it is stuck: {why}"));
    }
    if ledger.ended.is_none() {
        return Some(format!("it is {} for ever", ledger.status));
    }
    let after = Program { body: program.after.clone(), after: Vec::new(), ..program.clone() };
    let after: Vec<String> = after.calls().iter().map(|call| call.action.clone()).collect();
    let calls = program.calls();
    let calls = calls.iter().filter(|call| !after.contains(&call.action));
    let mut found = calls.filter(|call| call.class != Class::Read);
    found.find_map(|call| {
        let wrong = match ledger.status.as_str() {
            "completed" => given_up(call, ledger).or_else(|| forgotten(program, call, ledger)),
            _ => left(call, ledger),
        };
        wrong.or_else(|| repeated(call, ledger))
    })
}

/// Something was applied twice, as one call.
fn repeated(call: &Call, ledger: &Ledger) -> Option<String> {
    let mut applied: Vec<&str> = Vec::new();
    for sent in ledger.sent.iter().filter(|sent| sent.applied && sent.id.action == call.action) {
        if applied.contains(&sent.key.as_str()) {
            return Some(format!("`{}` has happened twice", call.action));
        }
        applied.push(&sent.key);
    }
    None
}

/// It was to be cancelled, could have been, and went on.
fn given_up(call: &Call, ledger: &Ledger) -> Option<String> {
    if call.class != Class::Pivot || call.undoes.is_empty() || !ledger.asked_to_cancel {
        return None;
    }
    standing(call, ledger).next()?;
    Some(format!("it could not be cancelled, although `{}` could be undone", call.action))
}

/// Keys under which a call was applied, and was not undone.
fn standing<'a>(call: &'a Call, ledger: &'a Ledger) -> impl Iterator<Item = &'a str> {
    let applied = ledger.sent.iter().filter(|sent| {
        sent.applied && sent.purpose == Purpose::Do && sent.id.action == call.action
    });
    let keys = applied.map(|sent| sent.key.as_str());
    keys.filter(|key| ledger.known.get(*key) == Some(&Known::Done))
}

/// It failed or was cancelled, and something stands.
fn left(call: &Call, ledger: &Ledger) -> Option<String> {
    if call.undo == Undo::Waived {
        return None;
    }
    standing(call, ledger).next()?;
    Some(format!("it is {}, and `{}` has happened", ledger.status, call.action))
}

/// It completed, and something stands of which it was never told.
fn forgotten(program: &Program, call: &Call, ledger: &Ledger) -> Option<String> {
    if call.undo == Undo::Waived || leaves_open(program, call) {
        return None;
    }
    let told = |key: &str| {
        ledger.sent.iter().any(|sent| {
            let about = match sent.purpose {
                Purpose::Probe => sent.undoes.as_deref() == Some(key),
                _ => sent.key == key,
            };
            let ok = matches!(sent.answered, Some((pos, Said::Ok)) if pos > 0);
            about && ok
        })
    };
    standing(call, ledger).find(|key| !told(key))?;
    Some(format!("it went on as if `{}` had not happened", call.action))
}

/// Whether the program says that either outcome is fine, or lets a person say which it is.
#[must_use]
pub fn leaves_open(program: &Program, call: &Call) -> bool {
    let open = |of: &Call| {
        of.handlers.iter().any(|handler| {
            matches!(handler.then, Remedy::Skip | Remedy::Manual | Remedy::Block(_, Ending::Skip))
        })
    };
    let mut found = open(call);
    program.each(&mut |stmt| {
        if let Stmt::Call(primary) = stmt {
            let other = primary.fallback.as_deref();
            found |= other.is_some_and(|other| other.action == call.action) && open(primary);
        }
    });
    found
}
