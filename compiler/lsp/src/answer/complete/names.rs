//! The names that may stand at a place.

use super::context::{Context, Top};
use super::{Offers, kind};
use crate::answer::place::Text;
use sagaflow_compiler::hir::{Builtin, ExprKind, Field, LocalId, LocalKind, Program, Ty, TyKind};
use sagaflow_compiler::index::{Entity, Kind, actions, each_declared, fields_of};
use sagaflow_compiler::span::FileId;
use sagaflow_compiler::types::parts;
use smol_str::SmolStr;

/// What is known at a place.
pub(super) struct Names<'n> {
    pub(super) text: &'n Text,
    pub(super) file: FileId,
    pub(super) offset: u32,
    pub(super) context: &'n Context<'n>,
}

impl<'n> Names<'n> {
    fn program(&self) -> &'n Program {
        &self.text.program.analysis.program
    }

    /// What is declared in the text or imported into it.
    fn scope(&self) -> Vec<(SmolStr, Entity)> {
        let loaded = &self.text.program.loaded;
        let own = loaded.sources.get(self.file).map_or("", |source| source.module.as_str());
        let mut found = self.declared(own);
        let tree = loaded.asts.iter().find(|(id, _)| *id == self.file);
        for line in tree.iter().flat_map(|(_, tree)| &tree.uses) {
            let path: Vec<&str> = line.path.segments.iter().map(|s| s.text.as_str()).collect();
            let all = self.declared(&path.join("."));
            let wanted = |name: &SmolStr| line.names.iter().any(|one| one.text == *name);
            found.extend(all.into_iter().filter(|(name, _)| wanted(name)));
        }
        found
    }

    /// What a module declares.
    fn declared(&self, module: &str) -> Vec<(SmolStr, Entity)> {
        let mut found = Vec::new();
        each_declared(self.program(), &mut |name, entity, _| {
            if name.module == module {
                found.push((name.name.clone(), entity));
            }
        });
        found
    }

    fn offer(&self, name: &SmolStr, entity: &Entity, offers: &mut Offers) {
        let (kind, word) = match entity {
            Entity::Alias(_) => (kind::CLASS, "type"),
            Entity::Record(_) => (kind::STRUCT, "record"),
            Entity::Enum(_) => (kind::ENUM, "enum"),
            Entity::Event(_) => (kind::EVENT, "event"),
            Entity::Resource(_) => (kind::CONSTANT, "resource"),
            Entity::Policy(_) => (kind::CONSTANT, "policy"),
            Entity::Service(_) => (kind::INTERFACE, "service"),
            Entity::Database(_) => (kind::INTERFACE, "database"),
            Entity::Function(_) => (kind::FUNCTION, "function"),
            Entity::Human(_) => (kind::CLASS, "human task"),
            Entity::Workflow(_) => (kind::CLASS, "workflow"),
            _ => return,
        };
        offers.add(name.as_str(), kind, word);
    }

    fn fitting(&self, fits: impl Fn(&Entity) -> bool, offers: &mut Offers) {
        for (name, entity) in self.scope().iter().filter(|(_, entity)| fits(entity)) {
            self.offer(name, entity, offers);
        }
    }

    pub(super) fn providers(&self, offers: &mut Offers) {
        self.fitting(|e| matches!(e, Entity::Service(_) | Entity::Database(_)), offers);
        // Inside a contract its own actions are called by their bare names.
        if self.context.place == super::Where::Contract {
            let before = self.context.before.iter().filter(|token| token.kind == Kind::Word);
            let words: Vec<&str> = before.map(|token| token.text(self.context.text)).collect();
            let head = words.iter().rposition(|word| matches!(*word, "service" | "database"));
            let name = head.and_then(|at| words.get(at + 1)).copied().unwrap_or_default();
            let owner = self.scope().into_iter().find(|(own, _)| own == name);
            if let Some((_, entity)) = owner {
                self.actions(&entity, offers);
            }
        }
    }

    pub(super) fn tops(&self, kinds: &[Top], offers: &mut Offers) {
        let fits = |entity: &Entity| {
            kinds.iter().any(|kind| match kind {
                Top::Event => matches!(entity, Entity::Event(_)),
                Top::Workflow => matches!(entity, Entity::Workflow(_)),
                Top::Resource => matches!(entity, Entity::Resource(_)),
                Top::Database => matches!(entity, Entity::Database(_)),
                Top::Policy => matches!(entity, Entity::Policy(_)),
                Top::Human => matches!(entity, Entity::Human(_)),
            })
        };
        self.fitting(fits, offers);
    }

    pub(super) fn types(&self, offers: &mut Offers) {
        let fits = |entity: &Entity| {
            matches!(
                entity,
                Entity::Alias(_) | Entity::Record(_) | Entity::Enum(_) | Entity::Event(_)
            )
        };
        self.fitting(fits, offers);
    }

    pub(super) fn modules(&self, offers: &mut Offers) {
        // What is typed of a path is kept; its last part is completed.
        let mut typed: Vec<&str> = Vec::new();
        for token in self.context.before.iter().rev() {
            match token.kind {
                Kind::Mark(b'.') => {}
                Kind::Word if token.text(self.context.text) != "use" => {
                    typed.insert(0, token.text(self.context.text));
                }
                _ => break,
            }
        }
        let prefix: String = typed.iter().map(|part| format!("{part}.")).collect();
        let standard = sagaflow_stdlib::MODULES.iter().map(|module| module.name);
        let own = self.text.program.loaded.sources.iter().map(|(_, source)| &*source.module);
        for module in own.chain(standard) {
            if let Some(rest) = module.strip_prefix(&prefix) {
                offers.add(rest, kind::MODULE, "module");
            }
        }
    }

    pub(super) fn exported(&self, module: &str, offers: &mut Offers) {
        for (name, entity) in self.declared(module) {
            self.offer(&name, &entity, offers);
        }
        // A line that is still being written has loaded nothing.
        let standard = sagaflow_stdlib::MODULES.iter().filter(|known| known.name == module);
        for item in standard.flat_map(sagaflow_stdlib::Module::items) {
            let kind = match item.kind {
                "fn" => kind::FUNCTION,
                _ => kind::MODULE,
            };
            offers.add(item.name, kind, item.kind);
        }
    }

    fn actions(&self, owner: &Entity, offers: &mut Offers) {
        let program = self.program();
        for id in actions(program, owner).unwrap_or_default() {
            let action = &program.actions[*id];
            let params: Vec<String> = action
                .params
                .iter()
                .map(|p| format!("{}: {}", p.name.node, program.show_ty(&p.ty.node)))
                .collect();
            let gives = action.result.as_ref().map(|ty| program.show_ty(&ty.node));
            let gives = gives.map(|ty| format!(" -> {ty}")).unwrap_or_default();
            let detail = format!("({}){gives}", params.join(", "));
            offers.add(action.name.node.as_str(), kind::METHOD, detail);
        }
    }

    /// Right of a dot; whether what stands left of it is known by its names.
    pub(super) fn members(&self, offers: &mut Offers) -> bool {
        let head = self.context.word(2);
        let program = self.program();
        if head.starts_with(|c: char| c.is_ascii_uppercase()) {
            if let Some((_, entity)) = self.scope().into_iter().find(|(name, _)| name == head) {
                self.actions(&entity, offers);
                if let Entity::Enum(id) = entity {
                    for variant in &program.enums[id].variants {
                        offers.add(variant.name.node.as_str(), kind::VARIANT, "variant");
                    }
                }
            }
            return true;
        }
        let Some(ty) = self.chain() else { return false };
        self.members_of(&ty, offers);
        true
    }

    /// Right of the dot of the expression whose member is at the place.
    pub(super) fn members_of_expr(&self, offers: &mut Offers) {
        let base = self.program().exprs.values().find_map(|expr| match &expr.kind {
            ExprKind::Field { base, name, .. } | ExprKind::Method { base, name, .. } => {
                let here = name.span.file == self.file && name.span.start == self.context.prefix;
                here.then_some(*base)
            }
            _ => None,
        });
        if let Some(base) = base {
            self.members_of(&self.text.program.analysis.table.own_ty(base), offers);
        }
    }

    fn members_of(&self, ty: &Ty, offers: &mut Offers) {
        let program = self.program();
        for field in fields_of(program, ty) {
            let shown = program.show_ty(&field.ty.node);
            offers.add(field.name.node.as_str(), kind::FIELD, shown);
        }
        let plain = match &ty.present().kind {
            TyKind::Alias(id) => program.aliases[*id].of.node.kind.clone(),
            other => other.clone(),
        };
        for part in parts(&plain) {
            offers.add(part, kind::METHOD, "");
        }
    }

    /// The type of `a.b.c` before the dot at the place.
    fn chain(&self) -> Option<Ty> {
        let mut parts = Vec::new();
        let mut back = 1;
        while self.context.is(back, b'.') {
            back += 1;
            if self.context.is(back, b'?') {
                back += 1;
            }
            // `xs[i].` and `f(x).`: known where the text before still reads.
            if self.context.word(back).is_empty() {
                return None;
            }
            parts.insert(0, self.context.word(back));
            back += 1;
        }
        let (first, rest) = parts.split_first()?;
        let local =
            self.locals().into_iter().rev().find(|id| self.program().locals[*id].name == *first)?;
        let mut ty = self.text.program.analysis.table.local(local);
        for part in rest {
            let fields = fields_of(self.program(), &ty);
            ty = fields.iter().find(|field| field.name.node == *part)?.ty.node.clone();
        }
        Some(ty)
    }

    /// Locals of the item that the place is in, that are bound before it.
    fn locals(&self) -> Vec<LocalId> {
        let trees = &self.text.program.loaded.asts;
        let tree = trees.iter().find(|(id, _)| *id == self.file);
        let starts = tree.iter().flat_map(|(_, tree)| &tree.items).map(|item| item.span().start);
        let from = starts.filter(|start| *start <= self.offset).max().unwrap_or(0);
        let program = self.program();
        let action = program.actions.values().find(|action| {
            let span = action.span;
            span.file == self.file && span.start <= self.offset && self.offset <= span.end
        });
        let mut found: Vec<LocalId> = program
            .locals
            .iter()
            .filter(|(id, local)| {
                let span = local.span;
                let here = span.file == self.file && span.start >= from && span.end <= self.offset;
                let foreign = |of: &sagaflow_compiler::hir::Action| {
                    of.param_locals.contains(id)
                        && action.is_none_or(|action| action.span != of.span)
                };
                here && !local.name.starts_with('#')
                    && local.kind != LocalKind::Lambda
                    && !program.actions.values().any(foreign)
                    && self.is_open(span.end)
            })
            .map(|(id, _)| id)
            .collect();
        found.sort_by_key(|id| program.locals[*id].span.start);
        found
    }

    /// Whether no block has ended between a place and the cursor but those that hand names on.
    fn is_open(&self, from: u32) -> bool {
        let mut open: Vec<bool> = Vec::new();
        let tokens = &self.context.before;
        for (n, token) in tokens.iter().enumerate().filter(|(_, token)| token.start >= from) {
            if token.is(b'{') {
                open.push(true);
            } else if token.is(b'}') && open.pop().is_none() {
                // Which block it was that ended: a `parallel` hands its names on.
                let opener = matching(tokens, n);
                let head = opener.and_then(|at| at.checked_sub(1)).and_then(|at| tokens.get(at));
                if head.map_or("", |head| head.text(self.context.text)) != "parallel" {
                    return false;
                }
            }
        }
        true
    }

    /// What an expression can begin with.
    pub(super) fn values(&self, offers: &mut Offers) {
        let program = self.program();
        for id in self.locals() {
            let ty = self.text.program.analysis.table.local(id);
            offers.add(program.locals[id].name.as_str(), kind::VARIABLE, program.show_ty(&ty));
        }
        let fits = |entity: &Entity| {
            matches!(
                entity,
                Entity::Function(_) | Entity::Record(_) | Entity::Enum(_) | Entity::Alias(_)
            )
        };
        self.fitting(fits, offers);
        for builtin in Builtin::ALL {
            offers.add(builtin.name(), kind::FUNCTION, "built in");
        }
    }

    /// Errors of the call that is being written, else those that are known in the text.
    pub(super) fn errors(&self, offers: &mut Offers) {
        let program = self.program();
        let called = match self.context.word(1) {
            "on" => self.called(),
            _ => None,
        };
        if let Some(ids) = called {
            for id in ids {
                let error = &program.errors[id];
                offers.add(error.name.node.as_str(), kind::STRUCT, self.payload(&error.fields));
            }
            return;
        }
        let here = program.errors.values().filter(|error| error.span.file == self.file);
        for error in here {
            offers.add(error.name.node.as_str(), kind::STRUCT, self.payload(&error.fields));
        }
    }

    fn payload(&self, fields: &[Field]) -> String {
        let shown = fields.iter().map(|field| {
            format!("{}: {}", field.name.node, self.program().show_ty(&field.ty.node))
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// The errors of the nearest call above: `step x = A.b(…) … on `.
    fn called(&self) -> Option<Vec<sagaflow_compiler::hir::ErrorId>> {
        let tokens = &self.context.before;
        let text = self.context.text;
        let start = tokens.iter().rposition(|token| {
            token.kind == Kind::Word && matches!(token.text(text), "step" | "pivot" | "scope" | "}")
        })?;
        let rest = tokens.get(start..)?;
        if rest.first()?.text(text) == "scope" {
            return None;
        }
        let dot = rest.iter().position(|token| token.is(b'.'))?;
        let owner = rest.get(dot.checked_sub(1)?)?.text(text);
        let action = rest.get(dot + 1)?.text(text);
        let (_, entity) = self.scope().into_iter().find(|(name, _)| name == owner)?;
        let program = self.program();
        let ids = actions(program, &entity)?;
        let id = ids.iter().find(|id| program.actions[**id].name.node == action)?;
        Some(program.actions[*id].errors.clone())
    }
}

/// The brace that the one at `n` closes.
fn matching(tokens: &[sagaflow_compiler::index::Token], n: usize) -> Option<usize> {
    let mut depth = 0_usize;
    (0..n).rev().find(|&at| match tokens.get(at) {
        Some(token) if token.is(b'}') => {
            depth += 1;
            false
        }
        Some(token) if token.is(b'{') => {
            let found = depth == 0;
            depth = depth.saturating_sub(1);
            found
        }
        _ => false,
    })
}
