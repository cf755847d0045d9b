//! Names that only the texts keep: the heads of calls, the names of arguments, imports, errors.
//!
//! Language: a capital begins what stands at top level, a variant or an error; nothing may be
//! shadowed; so a word and its neighbours say which it is.

use super::collect::Found;
use super::scan::{Kind, Token, scan};
use super::{Entity, Key, actions, params};
use crate::hir::{ErrorId, LocalKind, Program, Qualified};
use crate::load::Loaded;
use crate::span::{FileId, Span};
use crate::syntax::ast;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// What stands at top level, with the place of its name.
type Tops = BTreeMap<SmolStr, BTreeMap<SmolStr, (Entity, Span)>>;

/// Adds what the words of the texts say.
pub(super) fn collect(loaded: &Loaded, program: &Program, found: &mut Found) {
    let tops = tops(program);
    let modules: BTreeMap<&str, FileId> =
        loaded.sources.iter().map(|(id, source)| (source.module.as_str(), id)).collect();
    let mut errors = BTreeMap::new();
    for (id, error) in program.errors.iter() {
        errors.entry(error.name.node.clone()).or_insert(id);
    }
    for (id, file) in &loaded.asts {
        let Some(source) = loaded.sources.get(*id) else { continue };
        let mut scope = tops.get(source.module.as_str()).cloned().unwrap_or_default();
        for line in &file.uses {
            import(line, &tops, &modules, &mut scope, found);
        }
        let tokens = scan(&source.text);
        let words = Words {
            text: &source.text,
            file: *id,
            tree: file,
            tokens: &tokens,
            program,
            tops: &tops,
            scope: &scope,
            errors: &errors,
        };
        for n in 0..tokens.len() {
            words.word(n, found);
        }
    }
}

/// Shows everything that a program declares by itself, in no order that means anything.
pub fn each_declared(program: &Program, see: &mut dyn FnMut(&Qualified, Entity, Span)) {
    macro_rules! each {
        ($($arena:ident $entity:ident),+ $(,)?) => { $(
            for (id, one) in program.$arena.iter() {
                see(&one.name, Entity::$entity(id), one.name_span);
            }
        )+ };
    }
    each!(
        aliases Alias, records Record, enums Enum, events Event, resources Resource,
        policies Policy, services Service, databases Database, functions Function,
        humans Human, workflows Workflow,
    );
}

fn tops(program: &Program) -> Tops {
    let mut tops = Tops::new();
    each_declared(program, &mut |name, entity, span| {
        // Order: of two with one name the first counts, as in resolution.
        let module = tops.entry(name.module.clone()).or_default();
        module.entry(name.name.clone()).or_insert((entity, span));
    });
    tops
}

fn import(
    line: &ast::UseDecl,
    tops: &Tops,
    modules: &BTreeMap<&str, FileId>,
    scope: &mut BTreeMap<SmolStr, (Entity, Span)>,
    found: &mut Found,
) {
    let path: Vec<&str> = line.path.segments.iter().map(|s| s.text.as_str()).collect();
    let path = path.join(".");
    if let Some(file) = modules.get(path.as_str()) {
        found.add(line.path.span, Entity::Module(*file), Key::Module(*file), false);
    }
    for name in &line.names {
        let Some((entity, span)) = tops.get(path.as_str()).and_then(|m| m.get(&name.text)) else {
            continue;
        };
        found.add(name.span, entity.clone(), Key::At(*span), false);
        scope.entry(name.text.clone()).or_insert((entity.clone(), *span));
    }
}

struct Words<'a> {
    text: &'a str,
    file: FileId,
    tree: &'a ast::File,
    tokens: &'a [Token],
    program: &'a Program,
    tops: &'a Tops,
    scope: &'a BTreeMap<SmolStr, (Entity, Span)>,
    errors: &'a BTreeMap<SmolStr, ErrorId>,
}

impl Words<'_> {
    fn token(&self, n: Option<usize>) -> Option<&Token> {
        self.tokens.get(n?)
    }

    /// The characters of a word; nothing for anything else.
    fn at(&self, n: Option<usize>) -> &str {
        match self.token(n) {
            Some(token) if token.kind == Kind::Word => token.text(self.text),
            _ => "",
        }
    }

    fn is(&self, n: Option<usize>, mark: u8) -> bool {
        self.token(n).is_some_and(|token| token.is(mark))
    }

    fn known(&self, n: Option<usize>, found: &Found) -> Option<Entity> {
        Some(found.at(self.file, self.token(n)?.start)?.entity.clone())
    }

    fn word(&self, n: usize, found: &mut Found) {
        let Some(token) = self.tokens.get(n) else { return };
        let word = self.at(Some(n));
        if word.is_empty() || found.at(self.file, token.start).is_some() {
            return;
        }
        let capital = word.starts_with(|c: char| c.is_ascii_uppercase());
        let meant = if capital { self.capital(n, word) } else { self.small(n, word, found) };
        if let Some((entity, key)) = meant {
            let span = Span::new(self.file, token.start as usize, token.end as usize);
            found.add(span, entity, key, false);
        }
    }

    fn capital(&self, n: usize, word: &str) -> Option<(Entity, Key)> {
        let (one, two) = (n.checked_sub(1), n.checked_sub(2));
        if self.is(one, b'.') {
            return self.qualified(self.at(two), word);
        }
        let error = || {
            let id = self.errors.get(word)?;
            Some((Entity::Error(*id), Key::Error(word.into())))
        };
        let top = || self.scope.get(word).map(|(entity, span)| (entity.clone(), Key::At(*span)));
        let handles = self.at(one) == "on" && self.is_handled(n);
        if matches!(self.at(one), "fail" | "fails" | "failed") || handles {
            return error();
        }
        top().or_else(error)
    }

    /// `Kind.Other`, `types.Order`.
    fn qualified(&self, of: &str, word: &str) -> Option<(Entity, Key)> {
        if let Some((Entity::Enum(id), _)) = self.scope.get(of) {
            let variants = &self.program.enums[*id].variants;
            let n = variants.iter().position(|variant| variant.name.node == word)?;
            let span = variants.get(n)?.name.span;
            return Some((Entity::Variant(*id, n as u32), Key::At(span)));
        }
        let last = |name: &SmolStr| name.rsplit('.').next() == Some(of);
        let (_, names) = self.tops.iter().find(|(name, _)| last(name))?;
        names.get(word).map(|(entity, span)| (entity.clone(), Key::At(*span)))
    }

    /// Whether `=>` follows a name, or its parentheses.
    fn is_handled(&self, n: usize) -> bool {
        let mut next = n + 1;
        if self.is(Some(next), b'(') {
            let close = (next..self.tokens.len()).take(64).find(|&at| self.is(Some(at), b')'));
            next = close.map_or(next, |close| close + 1);
        }
        self.is(Some(next), b'=') && self.is(Some(next + 1), b'>')
    }

    fn small(&self, n: usize, word: &str, found: &Found) -> Option<(Entity, Key)> {
        let (one, two) = (n.checked_sub(1), n.checked_sub(2));
        if self.is(one, b'.') {
            return self.action(&self.known(two, found)?, word);
        }
        if self.at(one) == "retry" {
            return self.top(word, |entity| matches!(entity, Entity::Policy(_)));
        }
        if self.is(Some(n + 1), b'(') {
            if matches!(self.at(one), "compensate" | "probe") {
                return self.action(&self.around(self.tokens.get(n)?.start)?, word);
            }
            return self.top(word, |entity| matches!(entity, Entity::Function(_)));
        }
        if self.is(Some(n + 1), b':') {
            return self.argument(n, word, found);
        }
        if self.is(one, b'(') && self.at(n.checked_sub(3)) == "on" {
            return self.triggered(n, word);
        }
        None
    }

    fn top(&self, word: &str, fits: impl Fn(&Entity) -> bool) -> Option<(Entity, Key)> {
        let (entity, span) = self.scope.get(word).filter(|(entity, _)| fits(entity))?;
        Some((entity.clone(), Key::At(*span)))
    }

    fn action(&self, of: &Entity, word: &str) -> Option<(Entity, Key)> {
        let actions = actions(self.program, of)?;
        let id = *actions.iter().find(|id| self.program.actions[**id].name.node == word)?;
        Some((Entity::Action(id), Key::At(self.program.actions[id].name.span)))
    }

    /// What the item round a place declares.
    fn around(&self, at: u32) -> Option<Entity> {
        let round = |item: &&ast::Item| item.span().start <= at && at < item.span().end;
        let name = self.tree.items.iter().find(round)?.name()?;
        self.scope.get(&name.text).map(|(entity, _)| entity.clone())
    }

    /// The name of an argument.
    fn argument(&self, n: usize, word: &str, found: &Found) -> Option<(Entity, Key)> {
        let open = opener(self.tokens, n)?;
        if !self.is(n.checked_sub(1), b'(') && !self.is(n.checked_sub(1), b',') {
            return None;
        }
        let head = open.checked_sub(1);
        if self.at(head) == "again" {
            return self.loop_value(self.tokens.get(n)?.start, word);
        }
        let called = self.known(head, found)?;
        let field = params(self.program, &called)?.iter().find(|f| f.name.node == word)?;
        Some((Entity::Field(field.ty.node.clone()), Key::At(field.name.span)))
    }

    /// The nearest value of a loop above with this name.
    fn loop_value(&self, before: u32, word: &str) -> Option<(Entity, Key)> {
        let fits = |local: &crate::hir::Local| {
            let above = local.span.file == self.file && local.span.start < before;
            local.kind == LocalKind::LoopVar && local.name == word && above
        };
        let found = self.program.locals.iter().filter(|(_, local)| fits(local));
        let (id, local) = found.max_by_key(|(_, local)| local.span.start)?;
        Some((Entity::Local(id), Key::At(local.span)))
    }

    /// The parameter that a trigger fills: `on Click(click)`.
    fn triggered(&self, n: usize, word: &str) -> Option<(Entity, Key)> {
        let Entity::Workflow(id) = self.around(self.tokens.get(n)?.start)? else { return None };
        let workflow = &self.program.workflows[id];
        let own = |id: &&crate::hir::LocalId| {
            let local = &self.program.locals[**id];
            local.kind == LocalKind::Param && local.name == word
        };
        let local = *workflow.locals.iter().find(own)?;
        Some((Entity::Local(local), Key::At(self.program.locals[local].span)))
    }
}

/// The parenthesis that is open at a token, and was opened nearest to it.
#[must_use]
pub fn opener(tokens: &[Token], n: usize) -> Option<usize> {
    let mut closed = 0_usize;
    // Bound: an argument list of more than this is written by no person.
    for at in (0..n).rev().take(4_096) {
        match tokens.get(at)?.kind {
            Kind::Mark(b')') => closed += 1,
            Kind::Mark(b'(') if closed == 0 => return Some(at),
            Kind::Mark(b'(') => closed -= 1,
            _ => {}
        }
    }
    None
}
