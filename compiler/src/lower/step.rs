//! Steps: the call with its effective clauses, its undo, its fallback and its handlers.

use super::decl;
use super::workflow::Lowerer;
use crate::hir::{self, CompensateHow, Given, LocalId, RetrySpec, Target, Times};
use crate::span::Span;
use sagaflow_fir as fir;
use std::collections::BTreeSet;

/// Pauses where a policy leaves them out: first and longest, in ms.
const BACKOFF: (i64, i64) = (1_000, 30_000);

/// Attempts of a transaction, and its pauses, in ms.
const ATTEMPTS_TX: u32 = 5;
const BACKOFF_TX: (i64, i64) = (20, 1_000);

/// Pauses of an undo, in ms.
const BACKOFF_UNDO: (i64, i64) = (1_000, 300_000);

/// Qualified service, action, arguments by parameter, bound of an attempt in ms.
type Probe = (String, String, Vec<(String, fir::Expr)>, i64);

impl Lowerer<'_> {
    /// A step; first the bindings that its arguments need.
    pub(super) fn step(&mut self, step: &hir::Step) -> Vec<fir::Stmt> {
        let Target::Action(id) = step.call.target else {
            self.cannot("`run`", step.call.span);
            return vec![self.unsupported_stmt("`run`", step.call.span)];
        };
        let action = &self.cx.program.actions[id];
        if action.cache.is_some() {
            self.cannot("`cache`", step.call.span);
        }
        if let Some(heartbeat) = step.heartbeat {
            self.cannot("`heartbeat`", heartbeat.span);
        }
        let mut out = Vec::new();
        let args = self.arguments(action, step, &mut out);
        let at = self.point(&step.point, step.call.span);
        let path = self.path_of(&at);
        let undo = self.undo_of(step, &at, &path, &args);
        let by = self.with_contract(id, &args, |this| {
            let key = step.idempotent.as_ref()?;
            let by: Vec<fir::Expr> = key.value.by.iter().map(|by| this.names.expr(*by)).collect();
            (!by.is_empty()).then_some(by)
        });
        let probe = self.with_contract(id, &args, |this| this.probe(step.probe.as_ref()));
        let call = self.call(step, id, args, by, probe);
        let bind = step.bind.map(|local| self.names.local(local));
        let fallback = step.fallback.as_ref().map(|f| self.fallback(f));
        let handlers = self.handlers(&step.handlers);
        let none = matches!(undo, fir::CallUndo::None);
        let forward = !self.undo && !self.aftermath;
        let class = decl::class(action.class.node);
        out.push(fir::Stmt::Step(Box::new(fir::StepStmt {
            at,
            class,
            commits: step.pivot
                || matches!(class, fir::Class::Write | fir::Class::Tx)
                    && none
                    && forward
                    && !self.inside,
            bind,
            call,
            undo,
            fallback,
            handlers,
            block: None,
        })));
        out
    }

    fn path_of(&self, at: &str) -> String {
        self.points.get(at).map_or_else(|| at.to_owned(), |point| point.path.clone())
    }

    /// Arguments in parameter order. What is drawn anew each time is bound first, because a contract
    /// may name it again in its key or undo.
    fn arguments(
        &mut self,
        action: &hir::Action,
        step: &hir::Step,
        out: &mut Vec<fir::Stmt>,
    ) -> Vec<(String, fir::Expr)> {
        let mut all = self.names.fields(&action.params, &step.call.args);
        for (name, value) in &mut all {
            if draws(value) {
                // Called after its step, so that it takes no name away from what is written.
                let name = format!("{name}#{}", step.point.at);
                let fresh = self.names.fresh(&name, value.ty.clone());
                let read = self.names.read(fresh);
                out.push(fir::Stmt::Let(fresh, std::mem::replace(value, read)));
            }
        }
        all
    }

    /// Runs `body` while the contract's parameters stand for the call's arguments.
    fn with_contract<T>(
        &mut self,
        id: hir::ActionId,
        args: &[(String, fir::Expr)],
        body: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let action = &self.cx.program.actions[id];
        let saved = self.names.stands.clone();
        for (field, local) in action.params.iter().zip(&action.param_locals) {
            if let Some((_, value)) = args.iter().find(|(name, _)| *name == field.name.node) {
                self.names.stands.insert(*local, value.clone());
            }
        }
        let out = body(self);
        self.names.stands = saved;
        out
    }

    fn call(
        &mut self,
        step: &hir::Step,
        id: hir::ActionId,
        args: Vec<(String, fir::Expr)>,
        by: Option<Vec<fir::Expr>>,
        probe: Option<Probe>,
    ) -> fir::Call {
        let (service, action) = decl::action_name(self.cx.program, id);
        let found = &self.cx.program.actions[id];
        let tx = found.class.node == hir::Class::Tx;
        let repeatable = step.idempotent.is_some() || found.class.node == hir::Class::Read;
        let transient = found
            .errors
            .iter()
            .map(|error| &self.cx.program.errors[*error])
            .filter(|error| error.transient)
            .map(|error| error.name.node.to_string())
            .collect();
        let written = step.retry.as_ref();
        fir::Call {
            // Alone it is a transaction of its own, whose row says what came of it (verdict 63).
            probe: if tx { Some(super::transaction::settle(&service)) } else { probe },
            service,
            action,
            args,
            by,
            idempotent: step.idempotent.is_some() || tx,
            key_for_ms: step.idempotent.as_ref().and_then(|k| k.value.lifetime).map(|l| l.node),
            within_ms: step.within.as_ref().map_or(30_000, |w| w.value),
            deadline_ms: step.deadline.as_ref().map(|d| d.value),
            retry: match tx {
                true => tx_retry(written, self.undo, transient),
                false => retry(written, repeatable, self.undo, transient),
            },
        }
    }

    fn probe(&mut self, probe: Option<&Given<hir::Probe>>) -> Option<Probe> {
        let call = &probe?.value.call;
        let Target::Action(id) = call.target else { return None };
        let (service, action) = decl::action_name(self.cx.program, id);
        let found = &self.cx.program.actions[id];
        let within = found.within.map_or(30_000, |w| w.value);
        Some((service, action, self.names.fields(&found.params, &call.args), within))
    }

    fn undo_of(
        &mut self,
        step: &hir::Step,
        at: &str,
        path: &str,
        args: &[(String, fir::Expr)],
    ) -> fir::CallUndo {
        let program = self.cx.program;
        match &step.undo {
            hir::Undo::None => fir::CallUndo::None,
            hir::Undo::Own(own) => self.own_undo(own, step, None, (at, path)),
            hir::Undo::Contract(id) => {
                let action = &program.actions[*id];
                let Some(own) = &action.compensate else { return fir::CallUndo::None };
                let prefix = hir::Point { at: at.into(), path: path.into() };
                let saved = self.prefix.replace(prefix);
                let out = self.with_contract(*id, args, |this| {
                    this.own_undo(own, step, Some(action), (at, path))
                });
                self.prefix = saved;
                out
            }
        }
    }

    /// An undo block: what it reads is captured when it is armed.
    fn own_undo(
        &mut self,
        own: &hir::Compensate,
        step: &hir::Step,
        contract: Option<&hir::Action>,
        place: (&str, &str),
    ) -> fir::CallUndo {
        let CompensateHow::Block { body, .. } = &own.how else {
            return self.undo_block(own, (None, BTreeSet::new()), place);
        };
        let result_of = match contract {
            Some(action) => action.result_local,
            None => step.bind,
        };
        let needs = result_of.filter(|local| self.cx.program.block_reads(body, *local));
        let needs = needs.map(|local| {
            let ty = match contract {
                Some(_) => self.result_ty(step),
                None => decl::ty(self.cx.program, &self.cx.table.local(local)),
            };
            (local, ty)
        });
        self.undo_block(own, (needs, BTreeSet::new()), place)
    }

    /// An undo block. `needs` is the local that stands for the result, where it reads that; `later`
    /// are names that are known when what it undoes has ended.
    pub(super) fn undo_block(
        &mut self,
        own: &hir::Compensate,
        (needs, later): (Option<(LocalId, fir::Ty)>, BTreeSet<LocalId>),
        (at, path): (&str, &str),
    ) -> fir::CallUndo {
        let body = match &own.how {
            CompensateHow::Waived(reason) => return fir::CallUndo::Waived(reason.node.clone()),
            CompensateHow::Block { body, .. } => body,
        };
        let begin = self.register(format!("{at}/undo"), format!("{path}/undo"), own.span);
        let (needs, ty) = (needs.as_ref().map(|(local, _)| *local), needs.map(|(_, ty)| ty));
        let mut read = self.captures(body, needs);
        read.retain(|(from, _)| !later.contains(from));
        // An undo has a frame of its own: what it holds is called as it is written, however many other
        // undos hold something of that name.
        let around = self.names.begin_frame(later);
        let result = ty.map(|ty| self.names.result(ty));
        let meant = needs.map(|local| (local, self.names.rebind(local, result)));
        let named = read.into_iter().map(|(from, value)| {
            let name = &self.cx.program.locals[from].name;
            (from, self.names.fresh(name, value.ty.clone()), value)
        });
        let capture: Vec<_> = named.collect();
        let undo = std::mem::replace(&mut self.undo, true);
        let saved =
            capture.iter().map(|(from, to, _)| (*from, self.names.rebind(*from, Some(*to))));
        let saved: Vec<_> = saved.collect();
        let stands = std::mem::take(&mut self.names.stands);
        let lowered = self.block(body);
        self.names.stands = stands;
        for (from, before) in saved {
            self.names.rebind(from, before);
        }
        self.undo = undo;
        if let Some((local, before)) = meant {
            self.names.rebind(local, before);
        }
        self.names.end_frame(around);
        let capture = capture.into_iter().map(|(_, to, value)| (to, value)).collect();
        fir::CallUndo::Block { at: begin, capture, result, body: lowered }
    }

    fn result_ty(&self, step: &hir::Step) -> fir::Ty {
        self.cx
            .table
            .step(step.id)
            .map_or(fir::Ty::Never, |signature| decl::ty(self.cx.program, &signature.result))
    }

    /// Names the block reads and does not bind itself, each with its value when the undo is armed.
    fn captures(
        &mut self,
        body: &hir::Block,
        result: Option<LocalId>,
    ) -> Vec<(LocalId, fir::Expr)> {
        let program = self.cx.program;
        let mut read: BTreeSet<LocalId> = BTreeSet::new();
        body.walk(true, &mut |stmt| {
            stmt.each_expr(&mut |expr| {
                program.each_read(expr, &mut |local| {
                    read.insert(local);
                });
            });
        });
        let inside = |local: &LocalId| {
            let at = program.locals[*local].span;
            at.file == body.span.file && at.start >= body.span.start && at.end <= body.span.end
        };
        let outer: Vec<LocalId> =
            read.into_iter().filter(|l| Some(*l) != result && !inside(l)).collect();
        outer
            .into_iter()
            .map(|local| {
                let value = match self.names.stands.get(&local) {
                    Some(stands) => stands.clone(),
                    None => {
                        let known = self.names.local(local);
                        self.names.read(known)
                    }
                };
                (local, value)
            })
            .collect()
    }

    /// A fallback; a bare call is a step whose value is used.
    pub(super) fn fallback(&mut self, fallback: &hir::Fallback) -> fir::Fallback {
        let at = self.point(&fallback.point, fallback.span);
        let mut body = self.block(&fallback.body);
        if fallback.bare
            && let Some(fir::Stmt::Step(step)) = body.last_mut()
            && let Some(hir::Stmt { kind: hir::StmtKind::Step(written), .. }) =
                fallback.body.stmts.last()
        {
            let ty = self.result_ty(written);
            if ty != fir::Ty::Unit {
                let local = match step.bind {
                    Some(bound) => bound,
                    None => {
                        let fresh = self.names.fresh("fallback", ty);
                        step.bind = Some(fresh);
                        fresh
                    }
                };
                let value = self.names.read(local);
                body.push(fir::Stmt::Use(value));
            }
        }
        fir::Fallback { at, body }
    }

    /// A transaction without a body that runs: named, so that it is refused before running.
    pub(super) fn unsupported_stmt(&self, what: &str, span: Span) -> fir::Stmt {
        fir::Stmt::Unsupported(fir::Unsupported { what: what.to_owned(), line: self.cx.line(span) })
    }
}

/// Whether an expression draws a value of its own.
fn draws(expr: &fir::Expr) -> bool {
    let mut found = false;
    expr.each(&mut |inner| {
        if let fir::ExprKind::Builtin(name, _) = &inner.kind {
            found |= matches!(name.as_str(), "now" | "random" | "new_uuid");
        }
    });
    found
}

/// The policy of a transaction with its defaults; in an undo it is that of any undo.
pub(super) fn tx_retry(
    written: Option<&RetrySpec>,
    undo: bool,
    transient: Vec<String>,
) -> fir::Retry {
    let mut policy = retry(written, true, undo, transient);
    if !undo {
        if written.is_none() {
            policy.attempts = Some(ATTEMPTS_TX);
        }
        if written.and_then(|written| written.backoff).is_none() {
            (policy.first_ms, policy.max_ms) = BACKOFF_TX;
        }
    }
    policy
}

/// A policy with its defaults.
pub(super) fn retry(
    written: Option<&RetrySpec>,
    repeatable: bool,
    undo: bool,
    transient: Vec<String>,
) -> fir::Retry {
    let attempts = match written.map(|w| w.times) {
        Some(Times::N(n)) => Some(u32::try_from(n).unwrap_or(u32::MAX)),
        Some(Times::Forever | Times::Error) => None,
        None if undo => None,
        None if repeatable => Some(3),
        None => Some(1),
    };
    let default = if undo { BACKOFF_UNDO } else { BACKOFF };
    let (first_ms, max_ms, jitter) = match written.and_then(|w| w.backoff) {
        Some(b) => (b.base_ms, b.max_ms.unwrap_or(b.base_ms), b.jitter),
        None => (default.0, default.1, true),
    };
    let mut on: Vec<String> =
        written.map_or_else(Vec::new, |w| w.on.iter().map(|n| n.node.to_string()).collect());
    on.extend(transient);
    on.sort();
    on.dedup();
    fir::Retry { attempts, first_ms, max_ms, jitter, on }
}
