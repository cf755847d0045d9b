//! Locals of one workflow, function, task or test: from the program's numbers to FIR's.

use super::Cx;
use crate::hir::{self, LocalId};
use sagaflow_fir as fir;
use std::collections::{BTreeMap, BTreeSet};

/// The name under which a frame holds the result of the call that an undo undoes.
pub(super) const RESULT: &str = "result";

/// Locals of one owner.
pub(super) struct Names<'p> {
    pub cx: Cx<'p>,
    locals: Vec<fir::Local>,
    taken: BTreeSet<String>,
    known: BTreeMap<LocalId, fir::LocalId>,
    /// What a contract's names stand for while one of its clauses is lowered at a call.
    pub stands: BTreeMap<LocalId, fir::Expr>,
}

impl<'p> Names<'p> {
    pub fn new(cx: Cx<'p>) -> Self {
        let taken = BTreeSet::from([RESULT.to_owned()]);
        Self { cx, locals: Vec::new(), taken, known: BTreeMap::new(), stands: BTreeMap::new() }
    }

    /// All locals, in the order they were first met.
    pub fn finish(self) -> Vec<fir::Local> {
        self.locals
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.locals.len()
    }

    /// Declares the names that several arms bind, so that all of them share one.
    pub fn join(&mut self, joins: &[hir::Join]) {
        for join in joins {
            let shared = self.local(join.local);
            for from in &join.from {
                self.known.entry(*from).or_insert(shared);
            }
        }
    }

    /// The FIR local of a program's local.
    pub fn local(&mut self, id: LocalId) -> fir::LocalId {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let name = self.cx.program.locals[id].name.trim_start_matches('#').to_owned();
        let ty = super::decl::ty(self.cx.program, &self.cx.table.local(id));
        let fresh = self.fresh(&name, ty);
        self.known.insert(id, fresh);
        fresh
    }

    /// The FIR local of a name that an expression binds, as lambdas and arms do. No frame holds it, so it
    /// takes no name away from what a frame holds.
    pub fn inside(&mut self, id: LocalId) -> fir::LocalId {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        let name = self.cx.program.locals[id].name.trim_start_matches('#').to_owned();
        let ty = super::decl::ty(self.cx.program, &self.cx.table.local(id));
        let local = self.push(name, ty);
        self.known.insert(id, local);
        local
    }

    /// Begins the names of a frame of its own, which holds these already: what it is called elsewhere
    /// does not matter to it. Returns what was taken before, for [`Names::end_frame`].
    pub fn begin_frame(&mut self, holds: impl IntoIterator<Item = LocalId>) -> BTreeSet<String> {
        let held: Vec<fir::LocalId> =
            holds.into_iter().filter_map(|local| self.known.get(&local).copied()).collect();
        let held = held.iter().filter_map(|local| self.locals.get(local.0 as usize));
        let taken = held.map(|local| local.name.clone()).chain([RESULT.to_owned()]).collect();
        std::mem::replace(&mut self.taken, taken)
    }

    /// Goes on with the names of the frame around.
    pub fn end_frame(&mut self, taken: BTreeSet<String>) {
        self.taken = taken;
    }

    /// Makes `id` mean another local from here on; returns what it meant.
    pub fn rebind(&mut self, id: LocalId, to: Option<fir::LocalId>) -> Option<fir::LocalId> {
        match to {
            Some(to) => self.known.insert(id, to),
            None => self.known.remove(&id),
        }
    }

    /// A new local whose frame name is `name`, with `#2` … where that is taken.
    pub fn fresh(&mut self, name: &str, ty: fir::Ty) -> fir::LocalId {
        let mut unique = name.to_owned();
        let mut n = 2;
        while !self.taken.insert(unique.clone()) {
            unique = format!("{name}#{n}");
            n += 1;
        }
        self.push(unique, ty)
    }

    /// The local of an undo block that holds the call's result: always [`RESULT`] in its frame.
    pub fn result(&mut self, ty: fir::Ty) -> fir::LocalId {
        self.push(RESULT.to_owned(), ty)
    }

    fn push(&mut self, name: String, ty: fir::Ty) -> fir::LocalId {
        self.locals.push(fir::Local { name, ty });
        fir::LocalId(u32::try_from(self.locals.len() - 1).unwrap_or(u32::MAX))
    }

    /// The type of a FIR local.
    pub fn ty(&self, id: fir::LocalId) -> fir::Ty {
        self.locals.get(id.0 as usize).map_or(fir::Ty::Never, |local| local.ty.clone())
    }

    /// A read of a FIR local.
    pub fn read(&self, id: fir::LocalId) -> fir::Expr {
        fir::Expr { ty: self.ty(id), kind: fir::ExprKind::Local(id) }
    }
}
