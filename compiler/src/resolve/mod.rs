//! Resolution: what every name means. `ast::File`s in, one [`hir::Program`] out.
//!
//! It reports what names alone show: unknown names (F0101), shadowing (F0110), colliding paths
//! (F0116), handlers for errors nobody raises (F0117), cycles of calls (F0118), modules and
//! duplicates (F0119), the shape of arguments (F0120), names that no Rust identifier can carry
//! (F0004), and clauses that are repeated or mean nothing where they stand (F0006). Types are not
//! looked at. What cannot be resolved is reported once and becomes an explicit `Error`.

mod action;
mod args;
mod body;
mod clause;
mod cycle;
mod decl;
mod expr;
mod fail;
mod guard;
mod human;
mod identifier;
mod inherit;
mod looping;
mod module;
mod once;
mod path;
mod place;
mod step;
mod stmt;
mod test;
#[cfg(test)]
mod tests;
mod ty;
mod wait;
mod workflow;

use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::source::Sources;
use crate::span::{FileId, Span};
use crate::syntax::ast;
use module::Module;
use smol_str::SmolStr;

/// Resolves the files of one program.
#[must_use]
pub fn resolve(
    files: &[(FileId, ast::File)],
    sources: &Sources,
) -> (hir::Program, Vec<Diagnostic>) {
    let mut resolver = Resolver {
        program: hir::Program::default(),
        diagnostics: Vec::new(),
        muted: false,
        sources,
        modules: Vec::new(),
    };
    // Order: every name is known before any is looked up, and every signature before any call.
    let items = module::declare(&mut resolver, files);
    module::import(&mut resolver, files);
    decl::types(&mut resolver, &items);
    decl::contracts(&mut resolver, &items);
    decl::signatures(&mut resolver, &items);
    decl::bodies(&mut resolver, &items);
    cycle::check(&mut resolver);
    identifier::check(&mut resolver);
    (resolver.program, resolver.diagnostics)
}

/// What a name at top level means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Def {
    Alias(hir::AliasId),
    Record(hir::RecordId),
    Enum(hir::EnumId),
    Event(hir::EventId),
    Resource(hir::ResourceId),
    Policy(hir::PolicyId),
    Service(hir::ServiceId),
    Database(hir::DatabaseId),
    Function(hir::FunctionId),
    Human(hir::HumanId),
    Workflow(hir::WorkflowId),
    /// It could not be read; nothing said about it is blamed.
    Broken,
}

impl Def {
    /// The word for it in a sentence, with its article.
    fn kind(self) -> &'static str {
        match self {
            Self::Alias(_) => "a type",
            Self::Record(_) => "a record",
            Self::Enum(_) => "an enum",
            Self::Event(_) => "an event",
            Self::Resource(_) => "a resource",
            Self::Policy(_) => "a policy",
            Self::Service(_) => "a service",
            Self::Database(_) => "a database",
            Self::Function(_) => "a function",
            Self::Human(_) => "a human task",
            Self::Workflow(_) => "a workflow",
            Self::Broken => "broken",
        }
    }
}

/// An item with what it was declared as.
struct Declared<'a> {
    /// Its module, by index.
    module: usize,
    /// What was written.
    item: &'a ast::Item,
    /// What it is; none for schedules and tests.
    def: Option<Def>,
}

/// The state of the pass.
struct Resolver<'a> {
    program: hir::Program,
    diagnostics: Vec<Diagnostic>,
    /// Nothing is reported while a contract is read a second time for `service B = A`.
    muted: bool,
    sources: &'a Sources,
    modules: Vec<Module<'a>>,
}

impl Resolver<'_> {
    fn report(&mut self, diagnostic: Diagnostic) {
        if !self.muted {
            self.diagnostics.push(diagnostic);
        }
    }

    /// What a name at top level means in a module.
    fn look_up(&self, module: usize, name: &str) -> Option<Def> {
        self.modules[module].look_up(name)
    }

    /// Reports an unknown name at top level, unless it may have stood in what could not be read.
    ///
    /// `what` is the kind wanted, with its article; `fits` tells which declarations would do.
    fn unknown(&mut self, module: usize, name: &ast::Name, what: &str, fits: &dyn Fn(Def) -> bool) {
        if let Some(found) = self.look_up(module, &name.text) {
            if found != Def::Broken {
                let text = format!("`{}` is {}, not {what}", name.text, found.kind());
                let found = Diagnostic::error("F0101", name.span, text);
                self.report(found.label(name.span, format!("expected {what} here")));
            }
            return;
        }
        if self.modules[module].opaque {
            return;
        }
        let known = self.modules[module].names(fits);
        let near = crate::name::suggest(&name.text, known.iter().map(SmolStr::as_str));
        let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
        let elsewhere = self.declared_elsewhere(module, &name.text, fits);
        let kind = what.split_once(' ').map_or(what, |(_, kind)| kind);
        let text = format!("there is no {kind} called `{}`", name.text);
        self.report(unknown_name(text, name.span, &near, elsewhere));
    }

    /// Another module where a name could be imported from.
    fn declared_elsewhere(
        &self,
        module: usize,
        name: &str,
        fits: &dyn Fn(Def) -> bool,
    ) -> Option<String> {
        let other = self.modules.iter().enumerate().find(|(index, other)| {
            *index != module && other.own.get(name).is_some_and(|entry| fits(entry.def))
        })?;
        Some(format!("use {} {{ {name} }}", other.1.name))
    }

    /// A name and where it stands, as the program keeps it.
    fn qualified(&self, module: usize, name: &ast::Name) -> hir::Qualified {
        hir::Qualified { module: self.modules[module].name.clone(), name: name.text.clone() }
    }
}

/// F0101, with suggestions as fixes and the `use` line that would import the name.
fn unknown_name(
    headline: String,
    span: Span,
    near: &[String],
    import: Option<String>,
) -> Diagnostic {
    let mut found = Diagnostic::error("F0101", span, headline).label(span, "not known here");
    let names: Vec<&str> = near.iter().map(String::as_str).collect();
    if let Some(line) = import {
        found = found.help(format!("it is declared in another module: import it with `{line}`"));
    } else if !names.is_empty() {
        found = found.help(format!("did you mean {}?", crate::name::any_of(&names)));
    }
    for name in near {
        found = found.fix(format!("write `{name}`"), span, name.clone());
    }
    found
}

/// A name as the program keeps it.
fn name(name: &ast::Name) -> hir::Name {
    hir::Name { node: name.text.clone(), span: name.span }
}

/// Documentation, lines joined.
fn doc(docs: &[ast::Doc]) -> String {
    docs.iter().map(|d| d.text.as_str()).collect::<Vec<_>>().join("\n")
}
