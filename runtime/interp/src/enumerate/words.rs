//! A scenario in words, for the message of a test.

use crate::simulate::{Choice, Failing, Plan, Script, StrikeKind};

/// What a run was told, beside what the test says.
pub(super) fn of(script: &Script) -> String {
    let mut parts: Vec<String> = script.choices.iter().map(choice).collect();
    parts.extend(script.failing.iter().map(failing));
    if let Some(strike) = script.strike {
        let what = match strike.what {
            StrikeKind::Cancel => "it is cancelled",
            StrikeKind::Deadline => "its deadline passes",
        };
        parts.push(format!("{what} after record {}", strike.record));
    }
    if let Some(crash) = script.crash {
        let when = if crash.before { "before" } else { "after" };
        parts.push(format!("the process dies {when} record {}", crash.record));
    }
    match parts.is_empty() {
        true => "in the run with every default".to_owned(),
        false => format!("in the run where {}", parts.join(", and ")),
    }
}

fn choice(choice: &Choice) -> String {
    match choice {
        Choice::Result { path, value } => format!("`{path}` answers {value}"),
        Choice::Task { path, answer: Some(answer) } => {
            format!("the person asked at `{path}` answers {answer}")
        }
        Choice::Task { path, answer: None } => format!("nobody answers at `{path}`"),
        Choice::Event { path, .. } => format!("the event awaited at `{path}` comes"),
        Choice::Manual { path, answer } => {
            format!("the question about `{path}` is answered {answer}")
        }
    }
}

fn failing(failing: &Failing) -> String {
    let Failing { path, action, purpose, plan, attempts } = failing;
    let action = action.rsplit('.').next().unwrap_or(action);
    let how = match plan {
        Plan::Answer(value) => format!("answers {value}"),
        Plan::Fail(name, _) => format!("fails with {name}"),
        Plan::Refused => "is refused".to_owned(),
        Plan::UnknownDone => "is done but its answer is lost".to_owned(),
        Plan::UnknownLost => "is not done and nobody knows".to_owned(),
        Plan::UnknownLate => "is not done before the run has come to rest, and is then".to_owned(),
        Plan::Timeout => "takes too long".to_owned(),
        Plan::Fault(message) => format!("is at fault: {message}"),
    };
    let times = match attempts {
        1 => "on its first attempt".to_owned(),
        n => format!("on its first {n} attempts"),
    };
    format!("`{action}` ({}) at `{path}` {how} {times}", purpose.word())
}
