//! Modules: which names a file declares, which it imports, and where both go wrong (F0119, F0101).

use super::{Declared, Def, Resolver, unknown_name};
use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::name::{and_of, suggest};
use crate::span::{FileId, Span};
use crate::syntax::ast;
use indexmap::IndexMap;
use smol_str::SmolStr;

/// One file as a module.
pub(super) struct Module<'a> {
    /// Dotted name, from the file's path.
    pub(super) name: SmolStr,
    /// What was written.
    pub(super) file: &'a ast::File,
    /// What it declares, in order.
    pub(super) own: IndexMap<SmolStr, Entry>,
    /// What it imports.
    pub(super) imported: IndexMap<SmolStr, Entry>,
    /// Modules it uses, by index, with the line.
    uses: Vec<(usize, Span)>,
    /// An item without a legible name stands here or in what it uses whole: unknown names are not
    /// blamed.
    pub(super) opaque: bool,
}

/// A name at top level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// What it means.
    pub(super) def: Def,
    /// Where it is declared or imported.
    pub(super) span: Span,
}

impl Module<'_> {
    pub(super) fn look_up(&self, name: &str) -> Option<Def> {
        self.own.get(name).or_else(|| self.imported.get(name)).map(|entry| entry.def)
    }

    /// Names that can be used here and fit.
    pub(super) fn names(&self, fits: &dyn Fn(Def) -> bool) -> Vec<SmolStr> {
        let all = self.own.iter().chain(self.imported.iter());
        all.filter(|(_, entry)| fits(entry.def)).map(|(name, _)| name.clone()).collect()
    }
}

/// Names every item of every file, and gives each an id with an empty place in the program.
pub(super) fn declare<'a>(
    resolver: &mut Resolver<'a>,
    files: &'a [(FileId, ast::File)],
) -> Vec<Declared<'a>> {
    let mut items = Vec::new();
    for (index, (id, file)) in files.iter().enumerate() {
        let source = resolver.sources.get(*id);
        let name = source.map_or_else(|| SmolStr::from("main"), |s| s.module.as_str().into());
        check_module_line(resolver, file, &name);
        let nameless = |item: &ast::Item| matches!(item, ast::Item::Broken { name: None, .. });
        resolver.modules.push(Module {
            name,
            file,
            own: IndexMap::new(),
            imported: IndexMap::new(),
            uses: Vec::new(),
            opaque: file.items.iter().any(nameless) || has_lost_items(file),
        });
        for item in &file.items {
            let def = item.name().map(|name| shell(resolver, index, item, name));
            if let (Some(def), Some(name)) = (def, item.name()) {
                declare_name(resolver, index, name, def);
            }
            items.push(Declared { module: index, item, def });
        }
    }
    items
}

/// Whether text outside the items was skipped: a `use` line or an item may have stood there.
fn has_lost_items(file: &ast::File) -> bool {
    let inside = |skipped: &Span| {
        let holds = |item: &ast::Item| {
            let span = item.span();
            span.start <= skipped.start && skipped.start < span.end
        };
        file.items.iter().any(holds)
    };
    !file.skipped.iter().all(inside)
}

fn check_module_line(resolver: &mut Resolver<'_>, file: &ast::File, name: &str) {
    let Some(decl) = &file.module else { return };
    let written: Vec<&str> = decl.path.segments.iter().map(|s| s.text.as_str()).collect();
    let written = written.join(".");
    if written == name {
        return;
    }
    let text = format!("this file is the module `{name}`, but calls itself `{written}`");
    let found = Diagnostic::error("F0119", decl.path.span, text)
        .label(decl.path.span, format!("by its path it is `{name}`"))
        .help(
            "a module is named by its path below the source root: the nearest folder above that is \
             called `flows` or holds a `flow.toml`, else the file's own folder\nthe `module` line \
             may be left out",
        )
        .fix(format!("write `{name}`"), decl.path.span, name);
    resolver.report(found);
}

fn declare_name(resolver: &mut Resolver<'_>, module: usize, name: &ast::Name, def: Def) {
    let earlier = resolver.modules[module].own.get(&name.text).copied();
    if let Some(earlier) = earlier {
        let text = format!("`{}` is declared twice", name.text);
        let found = Diagnostic::error("F0119", name.span, text)
            .label(earlier.span, format!("`{}` is {} here", name.text, earlier.def.kind()))
            .label(name.span, "declared again")
            .help("give one of them another name");
        if def != Def::Broken && earlier.def != Def::Broken {
            resolver.report(found);
        }
        return;
    }
    resolver.modules[module].own.insert(name.text.clone(), Entry { def, span: name.span });
}

/// Makes room for an item, so that it can be named before it is read.
fn shell(resolver: &mut Resolver<'_>, module: usize, item: &ast::Item, name: &ast::Name) -> Def {
    let qualified = resolver.qualified(module, name);
    let file = resolver.modules[module].file;
    let incomplete = file.is_incomplete(item.span());
    let doc = item.lead().map(|lead| super::doc(&lead.docs)).unwrap_or_default();
    let shell = super::decl::Shell { name: qualified, name_span: name.span, incomplete, doc };
    let program = &mut resolver.program;
    match item {
        ast::Item::Type(_) => Def::Alias(program.aliases.alloc(shell.alias())),
        ast::Item::Record(_) => Def::Record(program.records.alloc(shell.record())),
        ast::Item::Enum(_) => Def::Enum(program.enums.alloc(shell.variants())),
        ast::Item::Event(_) => Def::Event(program.events.alloc(shell.event())),
        ast::Item::Resource(_) => Def::Resource(program.resources.alloc(shell.resource())),
        ast::Item::Policy(x) => Def::Policy(program.policies.alloc(shell.policy(x.span))),
        ast::Item::Service(_) => Def::Service(program.services.alloc(shell.service())),
        ast::Item::Database(_) => Def::Database(program.databases.alloc(shell.database())),
        ast::Item::Fn(x) => Def::Function(shell.function(program, x.span)),
        ast::Item::Decide(x) => Def::Function(shell.function(program, x.span)),
        ast::Item::Human(x) => Def::Human(program.humans.alloc(shell.human(x.span))),
        ast::Item::Workflow(x) => Def::Workflow(program.workflows.alloc(shell.workflow(x))),
        ast::Item::Schedule(_) | ast::Item::Test(_) | ast::Item::Broken { .. } => Def::Broken,
    }
}

/// Resolves the `use` lines of every file.
pub(super) fn import(resolver: &mut Resolver<'_>, files: &[(FileId, ast::File)]) {
    for (index, (_, file)) in files.iter().enumerate() {
        for line in &file.uses {
            import_line(resolver, index, line);
        }
    }
    find_cycle(resolver);
}

fn import_line(resolver: &mut Resolver<'_>, index: usize, line: &ast::UseDecl) {
    let path: Vec<&str> = line.path.segments.iter().map(|s| s.text.as_str()).collect();
    let path = path.join(".");
    let found = resolver.modules.iter().position(|m| m.name == path);
    let Some(target) = found else {
        let standard = sagaflow_stdlib::MODULES.iter().map(|m| m.name);
        let known = resolver.modules.iter().map(|m| m.name.as_str()).chain(standard.clone());
        let near: Vec<String> = suggest(&path, known).into_iter().map(str::to_owned).collect();
        let text = format!("there is no module called `{path}`");
        let mut found = unknown_name(text, line.path.span, &near, None);
        if near.is_empty() && (path == "std" || path.starts_with("std.")) {
            let known: Vec<&str> = standard.collect();
            found = found.help(format!("the standard library has {}", and_of(&known)));
        } else if near.is_empty() {
            let file = format!("{}.flow", path.replace('.', "/"));
            found = found.help(format!("it would be the file `{file}` below the source root"));
        }
        resolver.report(found);
        // What was meant to be imported is known, as something nobody can say anything about.
        for name in &line.names {
            import_name(resolver, index, name, Def::Broken);
        }
        return;
    };
    resolver.modules[index].uses.push((target, line.span));
    for name in &line.names {
        match resolver.modules[target].own.get(&name.text).copied() {
            Some(entry) => import_name(resolver, index, name, entry.def),
            None => {
                unknown_import(resolver, target, name);
                import_name(resolver, index, name, Def::Broken);
            }
        }
    }
}

fn unknown_import(resolver: &mut Resolver<'_>, target: usize, name: &ast::Name) {
    let module = &resolver.modules[target];
    if module.opaque {
        return;
    }
    let near = suggest(&name.text, module.own.keys().map(SmolStr::as_str));
    let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
    let text = format!("`{}` declares no `{}`", module.name, name.text);
    let passed_on = module.imported.contains_key(&name.text);
    let mut found = unknown_name(text, name.span, &near, None);
    if passed_on {
        found = found
            .help("what a module imports is not passed on: import it from where it is declared");
    }
    resolver.report(found);
}

fn import_name(resolver: &mut Resolver<'_>, index: usize, name: &ast::Name, def: Def) {
    let module = &resolver.modules[index];
    let earlier = module.own.get(&name.text).or_else(|| module.imported.get(&name.text)).copied();
    let Some(earlier) = earlier else {
        let entry = Entry { def, span: name.span };
        resolver.modules[index].imported.insert(name.text.clone(), entry);
        return;
    };
    // The later of the two is to blame, and that is the declaration where there is one.
    let (first, second) = if earlier.span.start < name.span.start {
        (earlier.span, name.span)
    } else {
        (name.span, earlier.span)
    };
    let text = format!("`{}` is declared twice", name.text);
    let found = Diagnostic::error("F0119", second, text)
        .label(first, format!("`{}` comes from here", name.text))
        .label(second, "and again from here")
        .help("leave out one of them, or give the declaration another name");
    if def != Def::Broken || earlier.def != Def::Broken {
        resolver.report(found);
    }
}

/// Reports each cycle of `use` once, at the line that closes it.
fn find_cycle(resolver: &mut Resolver<'_>) {
    let mut state = vec![0_u8; resolver.modules.len()];
    let mut found = Vec::new();
    for start in 0..state.len() {
        let mut way = Vec::new();
        visit(resolver, start, &mut state, &mut way, &mut found);
    }
    for diagnostic in found {
        resolver.report(diagnostic);
    }
}

fn visit(
    resolver: &Resolver<'_>,
    index: usize,
    state: &mut [u8],
    way: &mut Vec<(usize, Span)>,
    found: &mut Vec<Diagnostic>,
) {
    if state[index] != 0 {
        return;
    }
    state[index] = 1;
    for &(target, span) in &resolver.modules[index].uses {
        if state[target] == 1 {
            let name = &resolver.modules[target].name;
            let text = if target == index {
                format!("`{name}` uses itself")
            } else {
                format!("modules use each other in a cycle: `{name}` comes back to itself")
            };
            let start = way.iter().position(|(from, _)| *from == target).unwrap_or(way.len());
            let mut diagnostic = Diagnostic::error("F0119", span, text);
            for (from, span) in way.iter().skip(start) {
                let module = &resolver.modules[*from].name;
                diagnostic = diagnostic.label(*span, format!("`{module}` uses this…"));
            }
            let module = &resolver.modules[index].name;
            diagnostic = diagnostic.label(span, format!("`{module}` closes the cycle"));
            found
                .push(diagnostic.help("move what both need into a third module that uses neither"));
            continue;
        }
        way.push((index, span));
        visit(resolver, target, state, way, found);
        way.pop();
    }
    state[index] = 2;
}

/// The modules a written `types.` may mean.
pub(super) fn by_prefix<'m>(resolver: &'m Resolver<'_>, prefix: &str) -> Option<&'m Module<'m>> {
    let last = |m: &&Module<'_>| m.name.rsplit('.').next() == Some(prefix);
    resolver
        .modules
        .iter()
        .find(|m| m.name == prefix)
        .or_else(|| resolver.modules.iter().find(last))
}

/// Which declarations can be the type of a value.
pub(super) fn is_type(def: Def) -> bool {
    matches!(def, Def::Alias(_) | Def::Record(_) | Def::Enum(_) | Def::Event(_))
}

/// Whether a service or database can be called.
pub(super) fn is_provider(def: Def) -> bool {
    matches!(def, Def::Service(_) | Def::Database(_))
}

/// Which provider a declaration is.
pub(super) fn provider(def: Def) -> Option<hir::Provider> {
    match def {
        Def::Service(id) => Some(hir::Provider::Service(id)),
        Def::Database(id) => Some(hir::Provider::Database(id)),
        _ => None,
    }
}
