//! Names that generated code cannot carry (F0004): impossible identifiers, and two names that
//! become one after conversion of case.

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::hir::{ErrorId, Field, Name, Program, Provider, Qualified};
use crate::name::{snake, unspeakable};
use crate::span::{Span, Spanned};

/// Looks at every name that is visible in generated code.
pub(super) fn check(resolver: &mut Resolver<'_>) {
    let mut found = Vec::new();
    let program = &resolver.program;
    let mut finder = Finder { found: &mut found };
    tops(program, &mut finder);
    for record in program.records.values() {
        finder.group("field", fields(&record.fields));
    }
    for event in program.events.values() {
        finder.group("field", fields(&event.fields));
    }
    for of in program.enums.values() {
        finder.group("variant", of.variants.iter().map(|v| v.name.clone()));
        for variant in &of.variants {
            finder.group("field", fields(&variant.fields));
        }
    }
    contracts(program, &mut finder);
    for workflow in program.workflows.values() {
        errors(program, &workflow.fails, &mut finder);
    }
    for diagnostic in found {
        resolver.report(diagnostic);
    }
}

fn fields(fields: &[Field]) -> impl Iterator<Item = Name> + '_ {
    fields.iter().map(|f| f.name.clone())
}

/// Services and events of one module become modules and types side by side.
fn tops(program: &Program, finder: &mut Finder<'_>) {
    let of = |name: &Qualified, span: Span| (name.module.clone(), name.name.clone(), span);
    let services = program.services.values().map(|s| of(&s.name, s.name_span));
    let databases = program.databases.values().map(|d| of(&d.name, d.name_span));
    let providers: Vec<_> = services.chain(databases).collect();
    let events: Vec<_> = program.events.values().map(|e| of(&e.name, e.name_span)).collect();
    for (kind, all) in [("service", providers), ("event", events)] {
        let mut modules: Vec<_> = all.iter().map(|(module, ..)| module.clone()).collect();
        modules.dedup();
        modules.sort();
        modules.dedup();
        for module in modules {
            let here = all.iter().filter(|(m, ..)| *m == module);
            finder.group(
                kind,
                here.map(|(_, name, span)| Spanned { node: name.clone(), span: *span }),
            );
        }
    }
}

fn contracts(program: &Program, finder: &mut Finder<'_>) {
    // A copied contract says nothing that its original does not.
    let copied = |provider: Provider| match provider {
        Provider::Service(id) => program.services[id].same_as.is_some(),
        Provider::Database(_) => false,
    };
    let services =
        program.services.values().filter(|s| s.same_as.is_none()).map(|s| s.actions.as_slice());
    for actions in services.chain(program.databases.values().map(|d| d.actions.as_slice())) {
        finder.group("action", actions.iter().map(|id| program.actions[*id].name.clone()));
    }
    for action in program.actions.values().filter(|a| !copied(a.provider)) {
        finder.group("parameter", fields(&action.params));
        errors(program, &action.errors, finder);
    }
}

fn errors(program: &Program, ids: &[ErrorId], finder: &mut Finder<'_>) {
    finder.group("error", ids.iter().map(|id| program.errors[*id].name.clone()));
    for id in ids {
        finder.group("field", fields(&program.errors[*id].fields));
    }
}

struct Finder<'f> {
    found: &'f mut Vec<Diagnostic>,
}

impl Finder<'_> {
    /// Names that stand side by side in generated code.
    fn group(&mut self, kind: &str, names: impl Iterator<Item = Name>) {
        let mut seen: Vec<(String, Name)> = Vec::new();
        for name in names {
            if unspeakable(&name.node) {
                self.unspeakable(kind, &name);
                continue;
            }
            let mangled = snake(&name.node);
            let earlier = seen.iter().find(|(m, _)| *m == mangled).map(|(_, n)| n.clone());
            match earlier {
                // The same name twice was reported where it was declared.
                Some(earlier) if earlier.node != name.node => self.collide(kind, &earlier, &name),
                Some(_) => {}
                None => seen.push((mangled, name)),
            }
        }
    }

    fn unspeakable(&mut self, kind: &str, name: &Name) {
        let other = format!("{}_", name.node);
        let text = format!("no generated code can call a {kind} `{}`", name.node);
        let found = Diagnostic::error("F0004", name.span, text)
            .label(name.span, "not a name in Rust")
            .help("choose another name")
            .fix(format!("rename it to `{other}`"), name.span, other);
        self.found.push(found);
    }

    fn collide(&mut self, kind: &str, earlier: &Name, name: &Name) {
        let text = format!(
            "the {kind}s `{}` and `{}` become one name in generated code",
            earlier.node, name.node
        );
        let found = Diagnostic::error("F0004", name.span, text)
            .label(earlier.span, format!("`{}` becomes `{}`…", earlier.node, snake(&earlier.node)))
            .label(name.span, format!("…and so does `{}`", name.node))
            .help("give one of them a name that differs in more than its case");
        self.found.push(found);
    }
}
