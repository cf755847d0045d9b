//! Every word of a text with what it is, for colours that know more than the spelling.

use super::{Answer, place};
use crate::position::Lines;
use crate::server::State;
use sagaflow_compiler::hir::{LocalKind, Program};
use sagaflow_compiler::index::{Entity, Kind, scan};
use sagaflow_compiler::syntax::vocabulary::keywords;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Kinds in the order of their numbers.
const KINDS: [&str; 17] = [
    "namespace",
    "type",
    "struct",
    "enum",
    "enumMember",
    "event",
    "interface",
    "function",
    "method",
    "property",
    "parameter",
    "variable",
    "class",
    "keyword",
    "number",
    "string",
    "comment",
];

/// What stands beside a kind, by bit.
const MODIFIERS: [&str; 1] = ["declaration"];

/// What the numbers mean.
pub(super) fn legend() -> Value {
    json!({ "tokenTypes": KINDS, "tokenModifiers": MODIFIERS })
}

fn number(kind: &str) -> u32 {
    KINDS.iter().position(|known| *known == kind).unwrap_or_default() as u32
}

fn kind(program: &Program, entity: &Entity) -> &'static str {
    match entity {
        Entity::Module(_) => "namespace",
        Entity::Alias(_) | Entity::Error(_) => "type",
        Entity::Record(_) => "struct",
        Entity::Enum(_) => "enum",
        Entity::Variant(..) => "enumMember",
        Entity::Event(_) => "event",
        Entity::Service(_) | Entity::Database(_) | Entity::Human(_) => "interface",
        Entity::Function(_) => "function",
        Entity::Action(_) => "method",
        Entity::Field(_) => "property",
        Entity::Workflow(_) => "class",
        Entity::Policy(_) | Entity::Resource(_) => "variable",
        Entity::Local(id) => match program.locals[*id].kind {
            LocalKind::Param => "parameter",
            _ => "variable",
        },
    }
}

/// All words of a text.
pub(super) fn tokens(state: &mut State<'_>, params: &Value) -> Answer {
    let text = place::text(state, params)?;
    let (Some(file), Some(source)) = (text.file, text.source()) else { return Ok(Value::Null) };
    // By place: where it ends, its kind, whether it is declared there.
    let mut found: BTreeMap<u32, (u32, u32, bool)> = BTreeMap::new();
    let program = &text.program.analysis.program;
    for one in text.index().in_file(file) {
        let kind = number(kind(program, &one.entity));
        found.insert(one.span.start, (one.span.end, kind, one.declares));
    }
    let mut scanned = scan(&source.text);
    // The pieces of a quoted text that touch are one.
    scanned.dedup_by(|next, last| {
        let touch = last.kind == Kind::Text && next.kind == Kind::Text && last.end == next.start;
        if touch {
            last.end = next.end;
        }
        touch
    });
    for token in scanned {
        let kind = match token.kind {
            Kind::Word if keywords().contains(token.text(&source.text)) => "keyword",
            Kind::Number => "number",
            Kind::Text => "string",
            _ => continue,
        };
        found.entry(token.start).or_insert((token.end, number(kind), false));
    }
    if let Some((_, tree)) = text.program.loaded.asts.iter().find(|(id, _)| *id == file) {
        for comment in &tree.comments {
            found.insert(comment.span.start, (comment.span.end, number("comment"), false));
        }
    }
    let lines = Lines::new(&source.text, state.encoding);
    Ok(json!({ "data": encoded(&source.text, &lines, &found) }))
}

/// Five numbers for each: lines and units since the last one, length, kind, modifiers.
fn encoded(text: &str, lines: &Lines<'_>, found: &BTreeMap<u32, (u32, u32, bool)>) -> Vec<u32> {
    let (mut data, mut last, mut covered) = (Vec::new(), (0, 0), 0);
    for (&start, &(end, kind, declares)) in found {
        if start < covered {
            continue;
        }
        covered = end;
        let mut at = start;
        // Order: an editor takes no token over several lines.
        for line in text.get(start as usize..end as usize).unwrap_or("").split_inclusive('\n') {
            let shown = line.trim_end_matches(['\n', '\r']).len() as u32;
            if shown > 0 {
                let place = lines.place(at);
                let column = if place.0 == last.0 { place.1 - last.1 } else { place.1 };
                let length = lines.units(at, at + shown);
                data.extend([place.0 - last.0, column, length, kind, u32::from(declares)]);
                last = place;
            }
            at += line.len() as u32;
        }
    }
    data
}
