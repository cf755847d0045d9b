//! Edits that are offered: the canonical layout, and what findings would have mended.

use super::{Answer, findings, place};
use crate::position::{Lines, Range};
use crate::server::State;
use sagaflow_compiler::{fix, format::format};
use serde_json::{Value, json};

/// The canonical layout as one edit of the lines that change; nothing where the text does not read.
pub(super) fn formatting(state: &mut State<'_>, params: &Value) -> Answer {
    let text = place::text(state, params)?;
    let Some(source) = text.source() else { return Ok(Value::Null) };
    let old = source.text.as_str();
    let Some(new) = format(old) else { return Ok(Value::Null) };
    if new == old {
        return Ok(json!([]));
    }
    let (start, end) = between(old, &new);
    let kept = old.len() - end;
    let inner = new.get(start..new.len() - kept).unwrap_or("");
    let lines = Lines::new(old, state.encoding);
    Ok(json!([{ "range": lines.range(start as u32, end as u32), "newText": inner }]))
}

/// The part of `old` that is not the same in `new`, in whole lines.
fn between(old: &str, new: &str) -> (usize, usize) {
    let same = |a: &str, b: &str| a == b;
    let start: usize = old
        .split_inclusive('\n')
        .zip(new.split_inclusive('\n'))
        .take_while(|(a, b)| same(a, b))
        .map(|(a, _)| a.len())
        .sum();
    let most = (old.len() - start).min(new.len() - start);
    let mut kept = 0;
    let lines = |text: &str| -> Vec<usize> { text.split_inclusive('\n').map(str::len).collect() };
    let (a, b) = (lines(old), lines(new));
    for (x, y) in a.iter().rev().zip(b.iter().rev()) {
        let next = kept + x;
        let tail = |text: &str| text.get(text.len() - next..).map(str::to_owned);
        if x != y || next > most || tail(old) != tail(new) {
            break;
        }
        kept = next;
    }
    (start, old.len() - kept)
}

/// Edits for the findings in a range, and all of a text's at once.
pub(super) fn actions(state: &mut State<'_>, params: &Value) -> Answer {
    let text = place::text(state, params)?;
    let (Some(file), Some(source)) = (text.file, text.source()) else { return Ok(Value::Null) };
    let Ok(range) = serde_json::from_value::<Range>(params["range"].clone()) else {
        return Err(super::Refused::params("`range` is missing"));
    };
    let lines = Lines::new(&source.text, state.encoding);
    let (start, end) = (lines.offset(range.start), lines.offset(range.end));
    let only = params["context"]["only"].as_array().cloned();
    let wanted = |kind: &str| {
        let fits = |one: &Value| {
            one.as_str().is_some_and(|one| kind == one || kind.starts_with(&format!("{one}.")))
        };
        only.as_ref().is_none_or(|only| only.iter().any(fits))
    };
    let all = &text.program.analysis.diagnostics;
    let mut offers = Vec::new();
    let here = all.iter().filter(|found| {
        found.span.file == file && found.span.start <= end && start <= found.span.end
    });
    for found in here.filter(|_| wanted("quickfix")) {
        let shown = findings::shown(state, &text.program, found);
        for (n, fix) in found.fixes.iter().enumerate() {
            let Some(of) = text.program.loaded.sources.get(fix.span.file) else { continue };
            let range = Lines::new(&of.text, state.encoding).span(fix.span);
            let edit = json!({ "range": range, "newText": fix.replacement });
            offers.push(json!({
                "title": fix.title,
                "kind": "quickfix",
                "isPreferred": n == 0,
                "diagnostics": shown.iter().collect::<Vec<_>>(),
                "edit": { "changes": { state.uri(&of.path): [edit] } },
            }));
        }
    }
    let chosen = fix::choose(all, file);
    if !chosen.is_empty() && wanted("source.fixAll") {
        let edits = chosen
            .iter()
            .map(|fix| json!({ "range": lines.span(fix.span), "newText": fix.replacement }));
        offers.push(json!({
            "title": "make every edit that findings offer",
            "kind": "source.fixAll",
            "edit": { "changes": { state.uri(&text.path): edits.collect::<Vec<_>>() } },
        }));
    }
    Ok(offers.into())
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn only_the_lines_that_differ_are_replaced() {
        for (old, new) in [
            ("a\nb\nc\n", "a\nB\nc\n"),
            ("a\nc\n", "a\nb\nc\n"),
            ("a\na\na\n", "a\na\n"),
            ("x", "x\n"),
            ("", "x\n"),
            ("a\né\nb", "a\né\nb\n"),
        ] {
            let (start, end) = between(old, new);
            let kept = old.len() - end;
            let made = format!("{}{}{}", &old[..start], &new[start..new.len() - kept], &old[end..]);
            assert_eq!(made, new);
        }
        assert_eq!(between("a\nb\nc\n", "a\nB\nc\n"), (2, 4));
    }
}
