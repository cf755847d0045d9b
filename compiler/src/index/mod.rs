//! Every name of a program with what it means: for whoever goes from a name to its declaration, to
//! its other uses, or gives it another one.
//!
//! Made from what resolution and inference found, and from the words of the texts for what they do
//! not keep (the names of arguments, the heads of calls). A name that means nothing has no
//! occurrence. Never fails, and knows what it can of a program with errors.

mod collect;
mod scan;
mod words;

pub use collect::fields_of;
pub use scan::{Kind, Token, scan};
pub use words::{each_declared, opener};

use crate::hir::{
    ActionId, AliasId, DatabaseId, EnumId, ErrorId, EventId, Field, FunctionId, HumanId, LocalId,
    PolicyId, Program, Provider, RecordId, ResourceId, ServiceId, Ty, WorkflowId,
};
use crate::load::Loaded;
use crate::span::{FileId, Span};
use crate::types::Table;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// What a name means.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // each is what `hir` calls it
pub enum Entity {
    Module(FileId),
    Alias(AliasId),
    Record(RecordId),
    Enum(EnumId),
    Event(EventId),
    Resource(ResourceId),
    Policy(PolicyId),
    Service(ServiceId),
    Database(DatabaseId),
    Function(FunctionId),
    Human(HumanId),
    Workflow(WorkflowId),
    Action(ActionId),
    /// One declaration of it; an error is the same wherever its name is.
    Error(ErrorId),
    Variant(EnumId, u32),
    /// A field, or a parameter of what is no body: its type.
    Field(Ty),
    Local(LocalId),
}

/// What makes two names the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The name that is declared here.
    At(Span),
    /// Errors go from calls to workflows by name.
    Error(SmolStr),
    /// A file.
    Module(FileId),
}

/// A name at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Occurrence {
    /// Where it stands.
    pub span: Span,
    /// What it means.
    pub entity: Entity,
    /// What it is the same as.
    pub key: Key,
    /// Whether it is declared here.
    pub declares: bool,
}

/// The names of a program, in order of file and place.
#[derive(Clone, Debug, Default)]
pub struct Index {
    all: Vec<Occurrence>,
    by_key: BTreeMap<Key, Vec<usize>>,
}

impl Index {
    /// Finds every name. `program` and `table` come of an analysis of `loaded`.
    #[must_use]
    pub fn of(loaded: &Loaded, program: &Program, table: &Table) -> Self {
        let mut found = collect::collect(&loaded.sources, program, table);
        words::collect(loaded, program, &mut found);
        let all: Vec<Occurrence> = found.into_all();
        let mut by_key: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (n, one) in all.iter().enumerate() {
            by_key.entry(one.key.clone()).or_default().push(n);
        }
        Self { all, by_key }
    }

    /// The name at a place; its end counts too, where a cursor stands after a word.
    #[must_use]
    pub fn at(&self, file: FileId, offset: u32) -> Option<&Occurrence> {
        let after = self.all.partition_point(|o| (o.span.file, o.span.start) <= (file, offset));
        let found = self.all.get(after.checked_sub(1)?)?;
        (found.span.file == file && offset <= found.span.end).then_some(found)
    }

    /// Every occurrence of what has this key, in order.
    pub fn same(&self, key: &Key) -> impl Iterator<Item = &Occurrence> {
        let places = self.by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|n| self.all.get(*n))
    }

    /// Every name of one file, in order.
    pub fn in_file(&self, file: FileId) -> impl Iterator<Item = &Occurrence> {
        let first = self.all.partition_point(|o| o.span.file < file);
        self.all.iter().skip(first).take_while(move |o| o.span.file == file)
    }
}

/// The parameters or fields of what can be called or built.
#[must_use]
pub fn params<'p>(program: &'p Program, entity: &Entity) -> Option<&'p [Field]> {
    Some(match *entity {
        Entity::Record(id) => &program.records[id].fields,
        Entity::Event(id) => &program.events[id].fields,
        Entity::Function(id) => &program.functions[id].params,
        Entity::Human(id) => &program.humans[id].params,
        Entity::Workflow(id) => &program.workflows[id].params,
        Entity::Action(id) => &program.actions[id].params,
        Entity::Error(id) => &program.errors[id].fields,
        Entity::Variant(id, n) => &program.enums[id].variants.get(n as usize)?.fields,
        _ => return None,
    })
}

/// The actions of what offers some.
#[must_use]
pub fn actions<'p>(program: &'p Program, entity: &Entity) -> Option<&'p [ActionId]> {
    match *entity {
        Entity::Service(id) => Some(&program.services[id].actions),
        Entity::Database(id) => Some(&program.databases[id].actions),
        _ => None,
    }
}

/// What offers an action.
#[must_use]
pub fn provider(program: &Program, action: ActionId) -> Entity {
    match program.actions[action].provider {
        Provider::Service(id) => Entity::Service(id),
        Provider::Database(id) => Entity::Database(id),
    }
}
