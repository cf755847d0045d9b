//! Habits from other languages: what is written there, and how the same is said here.

use super::split;
use super::token::{Kind, Token};

/// How the same is said in `.flow`.
pub(super) struct Habit {
    /// The token that shows it.
    pub token: Token,
    /// What to write.
    pub help: &'static str,
    /// What the token is to be replaced with, where that alone mends it.
    pub replacement: Option<&'static str>,
}

/// Words of other languages that start a statement.
const STARTS: &[(&str, &str, Option<&str>)] = &[
    ("let", "a name is bound without a keyword: `total = a + b`", Some("")),
    ("var", "a name is bound without a keyword, once: `total = a + b`", Some("")),
    ("const", "a name is bound without a keyword: `total = a + b`", Some("")),
    ("val", "a name is bound without a keyword: `total = a + b`", Some("")),
    ("for", "a loop over a list is `each x in list { … }`, side by side `parallel each`", None),
    ("foreach", "a loop over a list is `each x in list { … }`", Some("each")),
    ("while", "a loop is `repeat (n = 1) forever { … } until condition`", None),
    ("loop", "a loop is `repeat (n = 1) forever { … } until condition`", None),
    (
        "try",
        "a failure is handled where it happens: `step A.b() on E => …`, or round a `scope`",
        None,
    ),
    ("throw", "a declared error is raised with `fail Error(…)`", Some("fail")),
    ("raise", "a declared error is raised with `fail Error(…)`", Some("fail")),
    ("switch", "write `match value { Pattern => … }`", Some("match")),
    ("case", "the arms of a `match` are `Pattern => …`", None),
    ("call", "an action is called by a `step`", Some("step")),
    ("function", "a function is `fn name(x: int) -> int = …`, beside the workflows", None),
    ("def", "a function is `fn name(x: int) -> int = …`, beside the workflows", None),
    ("break", "a loop ends with `give value`, a workflow with `return value`", None),
    ("continue", "the next turn of a `repeat` is `again`", None),
];

/// Signs; only the one found is meant, because each can stand somewhere else.
const SIGNS: &[(&str, &str, Option<&str>)] = &[
    (";", "a statement ends with its line", Some("")),
    ("&", "write `and`", None),
    ("|", "write `or`; the alternatives of a pattern stand in arms of their own", None),
    ("!", "write `not`", Some("not ")),
    ("'", "texts stand in double quotes: `\"text\"`", None),
    ("#", "a comment starts with `//`", Some("//")),
    ("?", "a choice is `if a { b } else { c }`; what may be absent gets its default by `??`", None),
];

/// Words that stand inside a statement.
const INSIDE: &[(&str, &str, Option<&str>)] = &[
    ("then", "leave it out: the block in braces follows the condition", Some("")),
    ("catch", "a failure is handled where it happens: `on E => …`, or `else …` for any", None),
    ("finally", "what runs after a failed run stands in `after failure { … }`", None),
    ("elif", "write `else if`", Some("else if")),
    ("elsif", "write `else if`", Some("else if")),
    ("elseif", "write `else if`", Some("else if")),
    ("timeout", "the time for one attempt is `within 5s`, for all of them `deadline 1m`", None),
];

/// A habit seen at the token found, at the one blamed, or in the first word of their line.
pub(super) fn seen(text: &str, tokens: &[Token], found: usize, blamed: usize) -> Option<Habit> {
    let first = split::chunk_start(text, tokens, blamed);
    let near = (first <= found && found - first <= 3).then_some(first);
    let known = |habits: &'static [(&str, &str, Option<&'static str>)], at: usize| {
        let token = *tokens.get(at)?;
        let written = text.get(token.start..token.end)?;
        let (_, help, replacement) = habits.iter().find(|(habit, ..)| *habit == written)?;
        Some(Habit { token, help, replacement: *replacement })
    };
    // `step A.b() catch { … }` fails behind the word.
    let places = [Some(found), Some(blamed), found.checked_sub(1)];
    // `on timeout` is a handler.
    let handler = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        before.is_some_and(|token| text.get(token.start..token.end) == Some("on"))
    };
    let mut places = places.into_iter().flatten().filter(|at| !handler(*at));
    structure(text, tokens, found)
        .or_else(|| known(SIGNS, found))
        .or_else(|| places.find_map(|at| known(INSIDE, at)))
        .or_else(|| near.and_then(|at| known(STARTS, at).or_else(|| bare_call(text, tokens, at))))
}

/// `Payments.void(order)` without the word before it.
fn bare_call(text: &str, tokens: &[Token], at: usize) -> Option<Habit> {
    let written = |at: usize| tokens.get(at).and_then(|token| text.get(token.start..token.end));
    let capital = written(at)?.starts_with(|c: char| c.is_ascii_uppercase());
    let called = written(at + 1) == Some(".") && written(at + 3) == Some("(");
    (capital && called).then_some(Habit {
        token: *tokens.get(at)?,
        help: "an action is called by a `step`: `step Service.action(…)`",
        replacement: None,
    })
}

/// Statements that another word introduces than was written.
fn structure(text: &str, tokens: &[Token], at: usize) -> Option<Habit> {
    let before = |n: usize| {
        let token = tokens.get(at.checked_sub(n)?)?;
        text.get(token.start..token.end)
    };
    let token = *tokens.get(at)?;
    match text.get(token.start..token.end)? {
        "parallel" | "each" | "repeat" | "scope" | "match" | "if"
            if before(1) == Some("=") && before(3) == Some("step") =>
        {
            let step = *tokens.get(at - 3)?;
            let help = "`step` is for calls: a block or value is bound with `name = …` alone";
            Some(Habit { token: step, help, replacement: Some("") })
        }
        "step" if before(1) == Some("pivot") => {
            let help = "`pivot` stands in the place of `step`: `pivot Service.action(…)`";
            Some(Habit { token, help, replacement: Some("") })
        }
        "pivot" if before(1) == Some("step") => {
            let help = "`pivot` stands in the place of `step`: `pivot Service.action(…)`";
            Some(Habit { token: *tokens.get(at - 1)?, help, replacement: Some("") })
        }
        "." if before(2) == Some("await") && token.kind != Kind::Text => {
            let help = "`await` is for people and events; an action is called by a `step`";
            Some(Habit { token: *tokens.get(at - 2)?, help, replacement: Some("step") })
        }
        ":" if text.get(token.end..token.end + 1) == Some("=") => {
            let help = "a name is bound with `=`, once";
            Some(Habit { token, help, replacement: Some("") })
        }
        "/" if text.get(token.end..token.end + 1) == Some("*") => {
            let help = "a comment starts with `//` and ends with its line";
            Some(Habit { token, help, replacement: None })
        }
        "+" | "-" | "*" if text.get(token.end..token.end + 1) == Some("=") => {
            let help =
                "a name is bound once; what changes from turn to turn is a value of a `repeat`";
            Some(Habit { token, help, replacement: None })
        }
        "->" if (1..=8).any(|n| before(n) == Some("on")) => {
            let help = "a handler is `on Error => …`";
            Some(Habit { token, help, replacement: Some("=>") })
        }
        "(" if before(1) == Some("retry") => {
            let help = "write `retry 3 times`, `retry forever` or `retry` with a policy's name";
            Some(Habit { token, help, replacement: None })
        }
        _ => None,
    }
}
