//! What a text declares, and what all texts of the workspace do.

use super::place::{is_file, location};
use super::{Answer, place};
use crate::position::Lines;
use crate::server::{State, overlay};
use sagaflow_compiler::load::roots;
use sagaflow_compiler::source::Source;
use sagaflow_compiler::span::Span;
use sagaflow_compiler::syntax::ast::{self, EffectCall, Item, Name, ServiceBody, ServiceMember};
use serde_json::{Value, json};

/// Kinds as the protocol numbers them.
mod kind {
    pub(super) const CLASS: u8 = 5;
    pub(super) const METHOD: u8 = 6;
    pub(super) const FIELD: u8 = 8;
    pub(super) const ENUM: u8 = 10;
    pub(super) const INTERFACE: u8 = 11;
    pub(super) const FUNCTION: u8 = 12;
    pub(super) const CONSTANT: u8 = 14;
    pub(super) const VARIANT: u8 = 22;
    pub(super) const STRUCT: u8 = 23;
    pub(super) const EVENT: u8 = 24;
}

/// Bound: a list that nobody reads to its end.
const SYMBOLS_MAX: usize = 1_000;

/// The declarations of a text with what is inside them.
pub(super) fn document(state: &mut State<'_>, params: &Value) -> Answer {
    let text = place::text(state, params)?;
    let Some(source) = text.source() else { return Ok(Value::Null) };
    let tree = text.program.loaded.asts.iter().find(|(id, _)| Some(*id) == text.file);
    let Some((_, tree)) = tree else { return Ok(Value::Null) };
    let drawer = Drawer { lines: Lines::new(&source.text, state.encoding), source };
    Ok(tree.items.iter().filter_map(|item| drawer.item(item)).collect())
}

/// Declarations of every program of the workspace whose name holds the query's letters in order.
pub(super) fn workspace(state: &mut State<'_>, params: &Value) -> Answer {
    let query = params["query"].as_str().unwrap_or_default().to_lowercase();
    let mut paths: Vec<String> = state.open.keys().cloned().collect();
    for folder in &state.folders {
        let found = roots(std::slice::from_ref(folder), &overlay(state)).unwrap_or_default();
        paths.extend(found.into_iter().filter_map(|root| root.into_iter().next()));
    }
    let mut symbols = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        let program = state.program(&path);
        for (id, tree) in &program.loaded.asts {
            let source = program.loaded.sources.get(*id);
            let Some(source) = source.filter(|source| is_file(source)) else { continue };
            if !seen.insert(source.path.clone()) {
                continue;
            }
            for item in &tree.items {
                let Some(name) = item.name().filter(|name| has(&name.text, &query)) else {
                    continue;
                };
                let Some((kind, _)) = kind_of(item) else { continue };
                let location = location(state, &program, name.span);
                let (text, module) = (&name.text, &source.module);
                symbols.push(json!({
                    "name": text, "kind": kind, "location": location, "containerName": module,
                }));
            }
        }
    }
    symbols.truncate(SYMBOLS_MAX);
    Ok(symbols.into())
}

/// Whether a name has the letters of a query in order, whatever their case.
fn has(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().all(|wanted| letters.any(|letter| letter == wanted))
}

fn kind_of(item: &Item) -> Option<(u8, &'static str)> {
    Some(match item {
        Item::Type(_) => (kind::CLASS, "type"),
        Item::Record(_) => (kind::STRUCT, "record"),
        Item::Enum(_) => (kind::ENUM, "enum"),
        Item::Event(_) => (kind::EVENT, "event"),
        Item::Resource(_) => (kind::CONSTANT, "resource"),
        Item::Policy(_) => (kind::CONSTANT, "policy"),
        Item::Service(_) => (kind::INTERFACE, "service"),
        Item::Database(_) => (kind::INTERFACE, "database"),
        Item::Fn(_) => (kind::FUNCTION, "fn"),
        Item::Decide(_) => (kind::FUNCTION, "decide"),
        Item::Human(_) => (kind::CLASS, "human"),
        Item::Workflow(_) => (kind::CLASS, "workflow"),
        Item::Test(_) => (kind::FUNCTION, "test"),
        Item::Schedule(_) => (kind::EVENT, "schedule"),
        Item::Broken { .. } => return None,
    })
}

struct Drawer<'t> {
    lines: Lines<'t>,
    source: &'t Source,
}

impl Drawer<'_> {
    fn symbol(
        &self,
        kind: u8,
        detail: &str,
        name: &str,
        at: (Span, Span),
        kids: Vec<Value>,
    ) -> Value {
        let (all, own) = at;
        json!({
            "name": name,
            "detail": detail,
            "kind": kind,
            "range": self.lines.span(all.to(own)),
            "selectionRange": self.lines.span(own),
            "children": kids,
        })
    }

    fn named(&self, kind: u8, name: &Name, all: Span) -> Value {
        self.symbol(kind, "", &name.text, (all, name.span), Vec::new())
    }

    fn item(&self, item: &Item) -> Option<Value> {
        let (kind, word) = kind_of(item)?;
        let span = item.span();
        let kids = match item {
            Item::Record(x) => self.fields(&x.fields),
            Item::Event(x) => self.fields(&x.fields),
            Item::Enum(x) => {
                x.variants.iter().map(|v| self.named(kind::VARIANT, &v.name, v.span)).collect()
            }
            Item::Database(x) => x.actions.iter().map(|action| self.action(action)).collect(),
            Item::Service(x) => match &x.body {
                ServiceBody::Members(members) => {
                    let actions = members.iter().filter_map(|member| match member {
                        ServiceMember::Action(action) => Some(self.action(action)),
                        _ => None,
                    });
                    actions.collect()
                }
                ServiceBody::Same(_) => Vec::new(),
            },
            Item::Workflow(x) => self.steps(&x.body),
            _ => Vec::new(),
        };
        Some(match (item.name(), item) {
            (Some(name), _) => self.symbol(kind, word, &name.text, (span, name.span), kids),
            (None, Item::Test(x)) => {
                self.symbol(kind, word, &x.name.text, (span, x.name.span), kids)
            }
            (None, _) => {
                let text = self.source.text.get(span.start as usize..span.end as usize);
                let line = text.and_then(|text| text.lines().next()).unwrap_or(word);
                self.symbol(kind, word, line, (span, span), kids)
            }
        })
    }

    fn fields(&self, fields: &[ast::Field]) -> Vec<Value> {
        fields.iter().map(|field| self.named(kind::FIELD, &field.name, field.span)).collect()
    }

    fn action(&self, action: &ast::Action) -> Value {
        self.named(kind::METHOD, &action.name, action.span)
    }

    /// The steps right inside a block; those of inner blocks are a matter of reading.
    fn steps(&self, block: &ast::Block) -> Vec<Value> {
        let mut found = Vec::new();
        for stmt in &block.stmts {
            match &stmt.kind {
                ast::StmtKind::Step(step) | ast::StmtKind::Pivot(step) => {
                    let (text, span) = match &step.call {
                        EffectCall::Run(call) => (format!("run {}", call.workflow.text), call.span),
                        EffectCall::Action(call) => {
                            (format!("{}.{}", call.service.text, call.action.text), call.span)
                        }
                        EffectCall::Local(call) => (call.action.text.to_string(), call.span),
                    };
                    let name = step.binding.as_ref().map_or(text.as_str(), |name| &name.text);
                    let own = step.binding.as_ref().map_or(span, |name| name.span);
                    found.push(self.symbol(kind::FUNCTION, &text, name, (stmt.span, own), vec![]));
                }
                ast::StmtKind::Parallel(fork) => found.extend(self.steps(&fork.body)),
                ast::StmtKind::Scope(scope) => found.extend(self.steps(&scope.body)),
                ast::StmtKind::Lock(lock) => found.extend(self.steps(&lock.body)),
                ast::StmtKind::Transaction(tx) => found.extend(self.steps(&tx.body)),
                ast::StmtKind::ParallelEach(each) => found.extend(self.steps(&each.body)),
                ast::StmtKind::Each(each) => found.extend(self.steps(&each.body)),
                ast::StmtKind::Repeat(repeat) => found.extend(self.steps(&repeat.body)),
                _ => {}
            }
        }
        found
    }
}
