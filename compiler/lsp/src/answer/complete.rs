//! What may stand at a place of a text that is being typed.
//!
//! Told from the words before the place, because the text round it seldom reads; names come from
//! what is known of the program all the same.

mod context;
mod names;

use super::place::Text;
use super::{Answer, place};
use crate::position::Lines;
use crate::server::State;
use crate::world::World;
use context::{Context, Want, Where};
use sagaflow_compiler::syntax::vocabulary::{
    ACTION_CLAUSES, CLAUSES, HEADERS, HUMAN_CLAUSES, ITEMS, MEMBERS, STATEMENTS, TEST_STATEMENTS,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Kinds as the protocol numbers them.
pub(super) mod kind {
    pub(crate) const METHOD: u8 = 2;
    pub(crate) const FUNCTION: u8 = 3;
    pub(crate) const FIELD: u8 = 5;
    pub(crate) const VARIABLE: u8 = 6;
    pub(crate) const CLASS: u8 = 7;
    pub(crate) const INTERFACE: u8 = 8;
    pub(crate) const MODULE: u8 = 9;
    pub(crate) const ENUM: u8 = 13;
    pub(crate) const KEYWORD: u8 = 14;
    pub(crate) const VARIANT: u8 = 20;
    pub(crate) const CONSTANT: u8 = 21;
    pub(crate) const STRUCT: u8 = 22;
    pub(crate) const EVENT: u8 = 23;
}

/// What is offered: by label, its kind and a word beside it.
#[derive(Default)]
pub(super) struct Offers {
    all: BTreeMap<String, (u8, String)>,
}

impl Offers {
    pub(super) fn add(&mut self, label: impl Into<String>, kind: u8, detail: impl Into<String>) {
        self.all.entry(label.into()).or_insert((kind, detail.into()));
    }

    fn words(&mut self, words: &[&str]) {
        for word in words {
            self.add(*word, kind::KEYWORD, "");
        }
    }
}

/// The words of expressions.
const EXPRESSION: [&str; 9] = ["and", "false", "if", "in", "match", "none", "not", "or", "true"];
/// Built-in types.
const TYPES: [&str; 18] = [
    "batch", "blob", "bool", "date", "decimal", "duration", "int", "list", "map", "money",
    "outcome", "percent", "pii", "secret", "size", "text", "time", "uuid",
];

/// What may stand at a place.
pub(super) fn complete(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, file, offset)) = place::place(state, params)? else { return Ok(Value::Null) };
    let Some(source) = text.source() else { return Ok(Value::Null) };
    let Some(context) = Context::at(&source.text, offset) else { return Ok(json!([])) };
    let names = names::Names { text: &text, file, offset, context: &context };
    let mut offers = Offers::default();
    match &context.want {
        Want::Member => {
            if !names.members(&mut offers) {
                tried(state, &text, &context, offset, &mut offers);
            }
        }
        Want::Error => names.errors(&mut offers),
        Want::Handler => {
            names.errors(&mut offers);
            offers.words(&["timeout", "unknown", "refused", "event"]);
        }
        Want::Effect => {
            names.providers(&mut offers);
            offers.words(&["run"]);
        }
        Want::Top(kinds) => {
            names.tops(kinds, &mut offers);
            offers.words(context.also());
        }
        Want::Type => {
            names.types(&mut offers);
            offers.words(&TYPES);
        }
        Want::Module => names.modules(&mut offers),
        Want::Import(module) => names.exported(module, &mut offers),
        Want::Name => {}
        Want::Start => start(&context, &names, &mut offers),
        Want::Value => {
            names.values(&mut offers);
            offers.words(&EXPRESSION);
        }
    }
    let lines = Lines::new(&source.text, state.encoding);
    let range = lines.range(context.prefix, offset);
    let items = offers.all.iter().map(|(label, (kind, detail))| {
        let mut item = json!({
            "label": label, "kind": kind, "textEdit": { "range": range, "newText": label },
        });
        if !detail.is_empty() {
            item["detail"] = detail.as_str().into();
        }
        item
    });
    Ok(items.collect())
}

/// A word that nobody writes, to see what stands before it.
const STAND_IN: &str = "it_stands_for_what_is_typed";

/// Members of what is no chain of names: the text is read with a word at the place.
fn tried(state: &State<'_>, text: &Text, context: &Context<'_>, offset: u32, offers: &mut Offers) {
    let mut with = context.text.to_owned();
    with.insert_str(offset as usize, STAND_IN);
    let edits = BTreeMap::from([(text.path.clone(), with)]);
    let program = Rc::new(World::edited(&text.path, &edits, &state.open, state.disk));
    let file = program.file(&text.path).map(|(id, _)| id);
    let tried = Text { path: text.path.clone(), program, file };
    let Some(file) = file else { return };
    names::Names { text: &tried, file, offset, context }.members_of_expr(offers);
}

/// Where a statement, a clause or a declaration may begin.
fn start(context: &Context<'_>, names: &names::Names<'_>, offers: &mut Offers) {
    match context.place {
        Where::Top => {
            offers.words(&ITEMS);
            offers.words(&["module", "use", "allow", "after"]);
            if context.item == "workflow" {
                offers.words(&HEADERS);
            }
        }
        Where::Contract => {
            offers.words(&MEMBERS);
            offers.words(&ACTION_CLAUSES);
        }
        Where::Human => offers.words(&HUMAN_CLAUSES),
        Where::Test => {
            offers.words(&TEST_STATEMENTS);
            names.values(offers);
        }
        Where::Fields => {}
        Where::Body => {
            offers.words(&STATEMENTS);
            offers.words(&CLAUSES);
            names.values(offers);
        }
    }
}
