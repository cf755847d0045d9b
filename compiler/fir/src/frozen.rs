//! A released version of a workflow: its FIR by itself, frozen.
//!
//! Holds everything that the workflow names (types, events, actions, people, functions), with its
//! policy and without documentation and lines, so that it is compiled and run after today's source
//! has changed all of that. Promises: the text of one content is one text; what is read is what was
//! written, because a digest of all of it is compared. Must not: read or write files.

use crate::decl::Fir;
use crate::depth;
use crate::hash::{canonical, digest};
use crate::reach::Reach;
use serde::Deserialize;
use serde_json::Value;

/// The format of the text; a text of another one is not read. It is raised when the shape of the text
/// or what its hash depends on changes: 2 since inferred labels are no part of the hash.
pub const FORMAT: u32 = 2;

/// Stack for [`depth::BRACKETS_MAX`], also where nothing is optimized; what is not used is not taken.
const STACK_BYTES: usize = 256 << 20;

/// One version of one workflow, frozen.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// Qualified name.
    pub workflow: String,
    /// From 1.
    pub version: u32,
    /// The hash of what it means.
    pub hash: String,
    /// The workflow and everything it names.
    pub fir: Fir,
}

/// Why a text is no frozen version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is there and could not be had; in words.
    Unread(String),
    /// No JSON of this shape; in words.
    Shape(String),
    /// Of the format of another build, older or newer than this one.
    Format(u32),
    /// Its parts contradict each other, or its meaning is not that of its hash.
    Content,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unread(why) => write!(f, "it cannot be read: {why}"),
            Self::Shape(why) => write!(f, "it is no released version: {why}"),
            Self::Format(format) => {
                let build = if *format < FORMAT { "an older" } else { "a newer" };
                write!(
                    f,
                    "{build} build wrote it, in format {format}; this one reads format {FORMAT}"
                )
            }
            Self::Content => f.write_str("its content is not what its hash says"),
        }
    }
}

/// What is read before the rest.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Deserialize)]
struct Text {
    workflow: String,
    version: u32,
    hash: String,
    /// Of all of it, policy too, so that a change by hand is seen.
    digest: String,
    fir: Fir,
}

impl Frozen {
    /// Its text: two lines, what it is and the canonical FIR.
    #[must_use]
    pub fn text(&self) -> String {
        let fir = serde_json::to_value(&self.fir).expect("FIR has only text as map keys");
        let whole = digest(&fir);
        let fir = canonical(&fir);
        format!(
            "{{\"format\":{FORMAT},\"workflow\":{},\"version\":{},\"hash\":{},\"digest\":\"{}\",\"fir\":\n{fir}}}\n",
            Value::from(self.workflow.as_str()),
            self.version,
            Value::from(self.hash.as_str()),
            whole,
        )
    }

    /// Reads a text.
    ///
    /// # Errors
    /// [`Damage`]: it is none, of another format, or was changed by hand.
    pub fn read(text: &str) -> Result<Self, Damage> {
        // Whoever wrote the text, it must not exhaust the stack: what is deeper than any program is
        // refused before it is read, and the rest is read where the stack suffices.
        let deep = || Damage::Shape("it is nested too deeply".to_owned());
        if depth::brackets(text) > depth::BRACKETS_MAX {
            return Err(deep());
        }
        let read = || {
            let read = Self::read_here(text)?;
            if depth::is_bearable(&read.fir) { Ok(read) } else { Err(deep()) }
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let read = thread.spawn_scoped(scope, read).map(std::thread::ScopedJoinHandle::join);
            let none = || Err(Damage::Unread("there is no thread to read it on".to_owned()));
            read.ok().and_then(Result::ok).unwrap_or_else(none)
        })
    }

    fn read_here(text: &str) -> Result<Self, Damage> {
        let shape = |error: serde_json::Error| Damage::Shape(error.to_string());
        let Head { format } = serde_json::from_str(text).map_err(shape)?;
        if format != FORMAT {
            return Err(Damage::Format(format));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        json.disable_recursion_limit();
        let Text { workflow, version, hash, digest: said, fir } =
            Text::deserialize(&mut json).map_err(shape)?;
        json.end().map_err(shape)?;
        let holds = fir.workflows.get(&workflow).is_some_and(|it| it.version == version);
        let alone = fir.workflows.len() == 1 && fir.tests.is_empty();
        let whole = serde_json::to_value(&fir).map(|fir| digest(&fir)).map_err(shape)?;
        if !holds || !alone || fir.hash(&workflow) != hash || whole != said {
            return Err(Damage::Content);
        }
        Ok(Self { workflow, version, hash, fir })
    }

    /// The name of its file, `shop.orders.PlaceOrder@3.fir.json`.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(&self.workflow, self.version)
    }
}

/// The name of the file of a version.
#[must_use]
pub fn file_name(workflow: &str, version: u32) -> String {
    format!("{workflow}@{version}{SUFFIX}")
}

/// How the names of these files end.
pub const SUFFIX: &str = ".fir.json";

impl Fir {
    /// A workflow frozen as it stands; none if there is none of that name.
    #[must_use]
    pub fn freeze(&self, workflow: &str) -> Option<Frozen> {
        let mut own = self.workflows.get(workflow)?.clone();
        // What moves here is moved to the program that is written, and to nothing else.
        own.upgrades.clear();
        let reach = Reach::whole(self, &own);
        let mut fir = self.part(&reach);
        fir.types.values_mut().for_each(|named| named.doc.clear());
        own.doc.clear();
        own.points.values_mut().for_each(|point| point.line = 0);
        let (workflow, version) = (workflow.to_owned(), own.version);
        fir.workflows.insert(workflow.clone(), own);
        Some(Frozen { hash: self.hash(&workflow), workflow, version, fir })
    }

    /// The declarations that are reached, as they stand; of contracts the actions that are called.
    pub(crate) fn part(&self, reach: &Reach) -> Self {
        let mut part = Self::default();
        for (name, named) in self.types.iter().filter(|(name, _)| reach.types.contains(*name)) {
            part.types.insert(name.clone(), named.clone());
        }
        for (name, event) in self.events.iter().filter(|(name, _)| reach.events.contains(*name)) {
            part.events.insert(name.clone(), event.clone());
        }
        let functions = self.functions.iter();
        for (name, it) in functions.filter(|(name, _)| reach.functions.contains(*name)) {
            part.functions.insert(name.clone(), it.clone());
        }
        for (name, human) in self.humans.iter().filter(|(name, _)| reach.humans.contains(*name)) {
            part.humans.insert(name.clone(), human.clone());
        }
        for (name, called) in &reach.actions {
            if let Some(mut service) = self.services.get(name).cloned() {
                service.actions.retain(|action, _| called.contains(action));
                part.services.insert(name.clone(), service);
            } else if let Some(mut database) = self.databases.get(name).cloned() {
                database.actions.retain(|action, _| called.contains(action));
                part.databases.insert(name.clone(), database);
            }
        }
        part
    }
}
