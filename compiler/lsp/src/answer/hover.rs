//! What a name means, beside it: its type, its contract, its documentation, and how long it takes at
//! worst.

use super::place::Text;
use super::{Answer, place};
use crate::position::Lines;
use crate::server::State;
use sagaflow_compiler::check::time::Clock;
use sagaflow_compiler::cost;
use sagaflow_compiler::hir::{
    ActionId, ErrorId, ErrorOwner, LocalId, LocalKind, Program, Step, StmtKind, WorkflowId,
};
use sagaflow_compiler::index::{Entity, Occurrence};
use sagaflow_compiler::span::{FileId, Span};
use sagaflow_compiler::words::{Words, duration};
use serde_json::{Value, json};

/// Bound: what a reader takes in beside a word.
const LINES_MAX: usize = 24;

/// What the place means, in Markdown.
pub(super) fn hover(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, file, offset)) = place::place(state, params)? else { return Ok(Value::Null) };
    let Some(source) = text.source() else { return Ok(Value::Null) };
    let step = step_at(&text.program.analysis.program, file, offset);
    let (value, span) = match (text.index().at(file, offset), step) {
        (Some(name), step) => (Teller { text: &text }.name(name, step), name.span),
        (None, Some(step)) if on_keyword(step, offset) => {
            (Teller { text: &text }.step(step), step.keyword)
        }
        (None, _) => return Ok(Value::Null),
    };
    let range = Lines::new(&source.text, state.encoding).span(span);
    Ok(json!({ "contents": { "kind": "markdown", "value": value }, "range": range }))
}

fn on_keyword(step: &Step, offset: u32) -> bool {
    step.keyword.start <= offset && offset <= step.keyword.end
}

/// The innermost step round a place.
fn step_at(program: &Program, file: FileId, offset: u32) -> Option<&Step> {
    let mut found: Option<&Step> = None;
    for workflow in program.workflows.values().filter(|w| w.name_span.file == file) {
        let bodies = std::iter::once(&workflow.body)
            .chain(workflow.aftermath.iter().map(|after| &after.body));
        for body in bodies {
            body.walk(true, &mut |stmt| {
                if let StmtKind::Step(step) = &stmt.kind
                    && step.span.file == file
                    && step.span.start <= offset
                    && offset <= step.span.end
                    && found.is_none_or(|outer| outer.span.start <= step.span.start)
                {
                    found = Some(step);
                }
            });
        }
    }
    found
}

struct Teller<'t> {
    text: &'t Text,
}

impl<'t> Teller<'t> {
    fn program(&self) -> &'t Program {
        &self.text.program.analysis.program
    }

    fn source(&self, span: Span) -> &'t str {
        self.text.program.loaded.sources.text(span)
    }

    fn name(&self, name: &Occurrence, step: Option<&Step>) -> String {
        let program = self.program();
        match &name.entity {
            Entity::Module(file) => {
                let source = self.text.program.loaded.sources.get(*file);
                code(&format!("module {}", source.map_or("", |source| &source.module)))
            }
            Entity::Action(id) => self.action(*id, step),
            Entity::Workflow(id) => self.workflow(*id),
            Entity::Local(id) => self.local(*id, step),
            Entity::Field(ty) => {
                code(&format!("{}: {}", self.source(name.span), program.show_ty(ty)))
            }
            Entity::Error(id) => self.error(*id),
            Entity::Variant(id, n) => {
                let owner = &program.enums[*id];
                let payload: Vec<String> = owner
                    .variants
                    .get(*n as usize)
                    .map(|v| v.fields.iter())
                    .into_iter()
                    .flatten()
                    .map(|f| format!("{}: {}", f.name.node, program.show_ty(&f.ty.node)))
                    .collect();
                let own = self.source(name.span);
                let shown = format!("{}.{own}", owner.name.name);
                let payload = payload.join(", ");
                code(&if payload.is_empty() { shown } else { format!("{shown}({payload})") })
            }
            Entity::Alias(id) => {
                self.item(program.aliases[*id].name_span, &program.aliases[*id].doc)
            }
            Entity::Record(id) => {
                self.item(program.records[*id].name_span, &program.records[*id].doc)
            }
            Entity::Enum(id) => self.item(program.enums[*id].name_span, &program.enums[*id].doc),
            Entity::Event(id) => self.item(program.events[*id].name_span, &program.events[*id].doc),
            Entity::Service(id) => {
                self.item(program.services[*id].name_span, &program.services[*id].doc)
            }
            Entity::Database(id) => {
                self.item(program.databases[*id].name_span, &program.databases[*id].doc)
            }
            Entity::Resource(id) => self.item(program.resources[*id].name_span, ""),
            Entity::Policy(id) => self.item(program.policies[*id].name_span, ""),
            Entity::Function(id) => self.item(program.functions[*id].name_span, ""),
            Entity::Human(id) => self.item(program.humans[*id].name_span, ""),
        }
    }

    /// A declaration as it is written.
    fn item(&self, name: Span, doc: &str) -> String {
        let trees = &self.text.program.loaded.asts;
        let tree = trees.iter().find(|(id, _)| *id == name.file);
        let item = tree.and_then(|(_, tree)| {
            tree.items.iter().find(|item| item.name().is_some_and(|own| own.span == name))
        });
        let written = item.map_or(self.source(name), |item| self.source(item.span()));
        documented(&cut(written), doc)
    }

    /// The contract of an action, and what a step makes of it.
    fn action(&self, id: ActionId, step: Option<&Step>) -> String {
        let program = self.program();
        let action = &program.actions[id];
        let owner = program.provider(id);
        let written = format!("// {owner}\n{}", dedent(self.source(action.span)));
        let mut told = documented(&cut(&written), &action.doc);
        if let Some(step) = step {
            told.push_str("\n\n");
            told.push_str(&self.time(step));
        }
        told
    }

    fn step(&self, step: &Step) -> String {
        let words = Words { program: self.program(), sources: &self.text.program.loaded.sources };
        format!("{}\n{}", code(&words.call(step)), self.time(step))
    }

    /// How long a step takes at worst, and of what.
    fn time(&self, step: &Step) -> String {
        let words = Words { program: self.program(), sources: &self.text.program.loaded.sources };
        let policy = words.policy(step, false);
        let tries = match policy.attempts {
            Some(1) => "one attempt".to_owned(),
            Some(n) => format!("{n} attempts"),
            None => "attempts without end".to_owned(),
        };
        let each = step.within.as_ref().map(|within| format!(" of {}", duration(within.value)));
        let worst = Clock::new(self.program()).step(step);
        let worst = worst.map_or_else(|| "no bound".to_owned(), duration);
        format!("At worst: **{worst}** ({tries}{})", each.unwrap_or_default())
    }

    fn workflow(&self, id: WorkflowId) -> String {
        let program = self.program();
        let workflow = &program.workflows[id];
        let mut told = documented(&cut(self.source(workflow.header)), &workflow.doc);
        let analysis = &self.text.program.analysis;
        let sources = &self.text.program.loaded.sources;
        let worst = match analysis.lower(sources) {
            Some(fir) => {
                let paths = cost::cost(program, sources, &fir, id).paths;
                let each = paths.iter().map(|path| path.time);
                let ways = paths.len();
                each.reduce(cost::Time::longer).map(|time| (time.words(), Some(ways)))
            }
            // A program with errors still has bounds.
            None => {
                let time = Clock::new(program).block(&workflow.body);
                Some((time.map_or_else(|| "no bound".to_owned(), duration), None))
            }
        };
        if let Some((worst, ways)) = worst {
            told.push_str(&format!("\n\nAt worst: **{worst}**"));
            match ways {
                Some(1) => told.push_str(", one way to complete"),
                Some(n) => told.push_str(&format!(", {n} ways to complete")),
                None => {}
            }
        }
        told
    }

    fn local(&self, id: LocalId, step: Option<&Step>) -> String {
        let local = &self.program().locals[id];
        let ty = self.text.program.analysis.table.local(id);
        let mut told = code(&format!("{}: {}", local.name, self.program().show_ty(&ty)));
        let what = match local.kind {
            LocalKind::Param => "parameter",
            LocalKind::Step => "result of a step",
            LocalKind::Pivot => "result of the pivot",
            LocalKind::Await => "what was waited for",
            LocalKind::Element => "element of the list",
            LocalKind::LoopVar => "value of the loop",
            LocalKind::Collected => "what the loop gave",
            LocalKind::Payload => "from the error",
            LocalKind::EventField => "from the event",
            LocalKind::ActionResult | LocalKind::RunResult(_) => "what the call gave",
            LocalKind::Slot => "the scheduled instant",
            _ => "value",
        };
        told.push_str(what);
        if let Some(step) = step.filter(|step| step.bind == Some(id)) {
            told.push_str("\n\n");
            told.push_str(&self.time(step));
        }
        told
    }

    fn error(&self, id: ErrorId) -> String {
        let program = self.program();
        let error = &program.errors[id];
        let same = program.errors.values().filter(|other| other.name.node == error.name.node);
        let mut owners: Vec<String> = same
            .map(|other| match other.owner {
                ErrorOwner::Action(action) => program.action_name(action),
                ErrorOwner::Workflow(workflow) => program.workflows[workflow].name.name.to_string(),
                ErrorOwner::Scope(workflow) => {
                    format!("a scope of {}", program.workflows[workflow].name.name)
                }
            })
            .collect();
        owners.sort();
        owners.dedup();
        let owners: Vec<String> = owners.into_iter().map(|owner| format!("`{owner}`")).collect();
        let shown = code(&format!("fails {}", self.source(error.span)));
        format!("{shown}declared by {}", owners.join(", "))
    }
}

fn code(text: &str) -> String {
    format!("```flow\n{text}\n```\n")
}

fn documented(written: &str, doc: &str) -> String {
    let shown = code(written);
    if doc.is_empty() { shown } else { format!("{shown}\n{doc}") }
}

/// The first lines.
fn cut(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    match lines.get(..LINES_MAX) {
        Some(first) if lines.len() > LINES_MAX => format!("{}\n  …", first.join("\n")),
        _ => lines.join("\n"),
    }
}

/// A piece of a service without the indent of its place.
fn dedent(text: &str) -> String {
    let rest = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indent = rest.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    // What stands below the first line stays below it.
    let indent = indent.saturating_sub(2);
    let lines = text.lines().enumerate();
    let cut = lines.map(|(n, line)| if n == 0 { line } else { line.get(indent..).unwrap_or("") });
    cut.collect::<Vec<_>>().join("\n")
}
