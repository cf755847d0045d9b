//! Names that resolution and inference keep: declarations, locals, members, patterns.

use super::{Entity, Key, Occurrence};
use crate::hir::{
    Block, ExprKind, Field, Join, LocalId, Name, PatternKind, Program, StmtKind, Ty, TyKind,
};
use crate::source::Sources;
use crate::span::{FileId, Span};
use crate::types::{PatternFit, Table};
use std::collections::BTreeMap;

/// Occurrences by the place where they begin; the first one that is found counts.
#[derive(Default)]
pub(super) struct Found {
    by_place: BTreeMap<(FileId, u32), Occurrence>,
}

impl Found {
    pub(super) fn add(&mut self, span: Span, entity: Entity, key: Key, declares: bool) {
        if span.start < span.end {
            let one = Occurrence { span, entity, key, declares };
            self.by_place.entry((span.file, span.start)).or_insert(one);
        }
    }

    pub(super) fn at(&self, file: FileId, start: u32) -> Option<&Occurrence> {
        self.by_place.get(&(file, start))
    }

    pub(super) fn into_all(self) -> Vec<Occurrence> {
        self.by_place.into_values().collect()
    }

    fn declare(&mut self, span: Span, entity: Entity) {
        self.add(span, entity, Key::At(span), true);
    }

    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            self.declare(field.name.span, Entity::Field(field.ty.node.clone()));
        }
    }
}

/// Everything the program says by itself.
pub(super) fn collect(sources: &Sources, program: &Program, table: &Table) -> Found {
    let mut found = Found::default();
    let joined = joins(program);
    // Order: a parameter of a body is a local first, because that says more.
    for (id, local) in program.locals.iter() {
        if sources.text(local.span) == local.name.as_str() {
            let key = local_key(program, &joined, id);
            found.add(local.span, Entity::Local(id), key, true);
        }
    }
    declarations(program, &mut found);
    contracts(program, &mut found);
    for expr in program.exprs.values() {
        match &expr.kind {
            ExprKind::Local(id) => {
                let span = bare(sources, expr.span);
                let local = &program.locals[*id];
                if sources.text(span) == local.name.as_str() {
                    let key = local_key(program, &joined, *id);
                    found.add(span, Entity::Local(*id), key, false);
                }
            }
            ExprKind::Field { base, name, .. } => {
                member(program, &table.own_ty(*base), name, &mut found);
            }
            ExprKind::With(base, changes) => {
                for (name, _) in changes {
                    member(program, &table.own_ty(*base), name, &mut found);
                }
            }
            _ => {}
        }
    }
    for (id, pattern) in program.patterns.iter() {
        let PatternKind::Variant { name, .. } = &pattern.kind else { continue };
        if let Some(PatternFit::Variant(of, n) | PatternFit::PresentVariant(of, n)) =
            table.patterns.get(&id)
            && let Some(variant) = program.enums[*of].variants.get(*n as usize)
        {
            let key = Key::At(variant.name.span);
            found.add(name.span, Entity::Variant(*of, *n), key, false);
        }
    }
    found
}

/// An expression's span without the parentheses round it.
fn bare(sources: &Sources, span: Span) -> Span {
    let text = sources.text(span);
    let inner = text.trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let start = span.start as usize + text.len() - inner.len();
    let inner = inner.trim_end_matches(|c: char| c == ')' || c.is_whitespace());
    Span::new(span.file, start, start + inner.len())
}

/// The field that a name right of a dot means.
fn member(program: &Program, ty: &Ty, name: &Name, found: &mut Found) {
    let fields = fields_of(program, ty);
    if let Some(field) = fields.iter().find(|field| field.name.node == name.node) {
        let key = Key::At(field.name.span);
        found.add(name.span, Entity::Field(field.ty.node.clone()), key, false);
    }
}

/// The fields of a value of this type, or of what it may hold.
pub fn fields_of<'p>(program: &'p Program, ty: &Ty) -> &'p [Field] {
    match &ty.present().kind {
        TyKind::Record(id) => &program.records[*id].fields,
        TyKind::Event(id) => &program.events[*id].fields,
        TyKind::Alias(id) => match &program.aliases[*id].of.node.kind {
            TyKind::Record(id) => &program.records[*id].fields,
            _ => &[],
        },
        _ => &[],
    }
}

fn declarations(program: &Program, found: &mut Found) {
    for (id, alias) in program.aliases.iter() {
        found.declare(alias.name_span, Entity::Alias(id));
    }
    for (id, record) in program.records.iter() {
        found.declare(record.name_span, Entity::Record(id));
        found.fields(&record.fields);
    }
    for (id, choice) in program.enums.iter() {
        found.declare(choice.name_span, Entity::Enum(id));
        for (n, variant) in choice.variants.iter().enumerate() {
            found.declare(variant.name.span, Entity::Variant(id, n as u32));
            found.fields(&variant.fields);
        }
    }
    for (id, event) in program.events.iter() {
        found.declare(event.name_span, Entity::Event(id));
        found.fields(&event.fields);
        let mut fields = event.fields.as_slice();
        for part in &event.key {
            let Some(field) = fields.iter().find(|field| field.name.node == part.node) else {
                break;
            };
            let key = Key::At(field.name.span);
            found.add(part.span, Entity::Field(field.ty.node.clone()), key, false);
            fields = fields_of(program, &field.ty.node);
        }
    }
    for (id, resource) in program.resources.iter() {
        found.declare(resource.name_span, Entity::Resource(id));
    }
    for (id, policy) in program.policies.iter() {
        found.declare(policy.name_span, Entity::Policy(id));
    }
    for (id, function) in program.functions.iter() {
        found.declare(function.name_span, Entity::Function(id));
        found.fields(&function.params);
    }
    for (id, human) in program.humans.iter() {
        found.declare(human.name_span, Entity::Human(id));
        found.fields(&human.params);
    }
    for (id, workflow) in program.workflows.iter() {
        found.declare(workflow.name_span, Entity::Workflow(id));
        found.fields(&workflow.params);
    }
}

fn contracts(program: &Program, found: &mut Found) {
    for (id, service) in program.services.iter() {
        found.declare(service.name_span, Entity::Service(id));
    }
    for (id, database) in program.databases.iter() {
        found.declare(database.name_span, Entity::Database(id));
    }
    for (id, action) in program.actions.iter() {
        found.declare(action.name.span, Entity::Action(id));
        found.fields(&action.params);
    }
    for (id, error) in program.errors.iter() {
        let key = Key::Error(error.name.node.clone());
        found.add(error.name.span, Entity::Error(id), key, true);
        found.fields(&error.fields);
    }
}

/// What a local is the same as: after the arms of a choice, one name stands for those in the arms.
fn local_key(program: &Program, joined: &BTreeMap<LocalId, LocalId>, id: LocalId) -> Key {
    let mut id = id;
    // Bound: a join is made after what it joins, so the way up ends.
    while let Some(after) = joined.get(&id).filter(|after| **after > id) {
        id = *after;
    }
    Key::At(program.locals[id].span)
}

/// By local of an arm: the local after the arms.
fn joins(program: &Program) -> BTreeMap<LocalId, LocalId> {
    let mut joined = BTreeMap::new();
    let mut see = |block: &Block| {
        block.walk(true, &mut |stmt| {
            let joins: &[Join] = match &stmt.kind {
                StmtKind::If(choice) => &choice.joins,
                StmtKind::Match(choice) => &choice.joins,
                StmtKind::AwaitFirst(first) => &first.joins,
                _ => &[],
            };
            for join in joins {
                joined.extend(join.from.iter().map(|from| (*from, join.local)));
            }
        });
    };
    for workflow in program.workflows.values() {
        see(&workflow.body);
        workflow.aftermath.iter().for_each(|after| see(&after.body));
    }
    joined
}
