//! Contracts: the actions of services and databases, and their clauses.

use super::body::Body;
use super::once::{Once, counts, meaningless};
use super::place::Frame;
use super::{Declared, Def, Resolver, name};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, ActionId, Clause, LocalKind, Provider, ServiceId};
use crate::name::suggest;
use crate::syntax::ast;

fn class(effect: ast::Effect) -> hir::Class {
    match effect {
        ast::Effect::Read => hir::Class::Read,
        ast::Effect::Write => hir::Class::Write,
        ast::Effect::Pivot => hir::Class::Pivot,
        ast::Effect::Tx => hir::Class::Tx,
    }
}

impl Resolver<'_> {
    /// The actions of a service without their clauses, its breaker and its limit.
    pub(super) fn service_members(
        &mut self,
        module: usize,
        id: ServiceId,
        members: &[ast::ServiceMember],
        end: u32,
    ) {
        let actions: Vec<&ast::Action> = actions_of(members).collect();
        let actions = self.action_heads(module, Provider::Service(id), &actions, end);
        self.program.services[id].actions = actions;
        let mut once = Once::default();
        for member in members {
            match member {
                ast::ServiceMember::Breaker(b) if once.first(self, "breaker", b.span) => {
                    self.program.services[id].breaker = Some(breaker(b));
                }
                ast::ServiceMember::Limit(l) if once.first(self, "limit", l.span) => {
                    let count = counts(self, "limit 0", l.count);
                    let limit = hir::Limit { count, per: l.per, by: None, span: l.span };
                    self.program.services[id].limit = Some(limit);
                }
                _ => {}
            }
        }
    }

    /// Actions with their parameters, results and errors.
    pub(super) fn action_heads(
        &mut self,
        module: usize,
        provider: Provider,
        written: &[&ast::Action],
        end: u32,
    ) -> Vec<ActionId> {
        let mut actions: Vec<ActionId> = Vec::new();
        for (index, action) in written.iter().enumerate() {
            let named = |id: &&ActionId| self.program.actions[**id].name.node == action.name.text;
            let earlier = actions.iter().find(named).map(|id| self.program.actions[*id].name.span);
            if let Some(earlier) = earlier {
                self.twice("action", &action.name, earlier);
                continue;
            }
            let class =
                crate::span::Spanned { node: class(action.effect.node), span: action.effect.span };
            if class.node == hir::Class::Tx && matches!(provider, Provider::Service(_)) {
                let help = "a `tx` runs inside a database transaction: declare it in a `database`, \
                            or make it a `write`";
                meaningless(self, "tx", "an action of a service", class.span, help);
            }
            let params = self.params(module, &action.params);
            let result = action.returns.as_ref().map(|ty| self.ty(module, ty));
            // What was lost behind an action may have been a clause of it.
            let next = written.get(index + 1).map_or(end, |next| next.span.start);
            let reach = crate::span::Span { end: next, ..action.span };
            let incomplete = self.modules[module].file.is_incomplete(reach);
            let id = self.program.actions.alloc(hir::Action {
                provider,
                name: name(&action.name),
                class,
                params,
                param_locals: Vec::new(),
                result_local: None,
                result,
                idempotent: None,
                errors: Vec::new(),
                within: None,
                deadline: None,
                compensate: None,
                probe: None,
                lasts: None,
                cache: None,
                sql: None,
                incomplete,
                span: action.span,
                doc: super::decl::action_doc(action),
            });
            let mut errors = Vec::new();
            for clause in &action.clauses {
                if let ast::ActionClause::Fails(fails) = clause {
                    self.fails(module, fails, hir::ErrorOwner::Action(id), &mut errors);
                }
            }
            self.program.actions[id].errors = errors;
            actions.push(id);
        }
        actions
    }
}

fn actions_of(members: &[ast::ServiceMember]) -> impl Iterator<Item = &ast::Action> {
    members.iter().filter_map(|member| match member {
        ast::ServiceMember::Action(action) => Some(action),
        _ => None,
    })
}

fn breaker(written: &ast::Breaker) -> hir::Breaker {
    let mut breaker = hir::Breaker {
        rate: None,
        failures: None,
        probes_after: written.probes_after,
        span: written.span,
    };
    for opens in &written.opens {
        match opens {
            ast::BreakerOpens::Rate { percent, calls, window } => {
                // The grammar admits digits only, so a percentage that is none is out of range.
                let percent = percent.node.parse().unwrap_or(rust_decimal::Decimal::MAX);
                breaker.rate = Some((percent, calls.node, window.node));
            }
            ast::BreakerOpens::Failures(count) => breaker.failures = Some(count.node),
        }
    }
    breaker
}

/// Where the contract of a service is written.
struct Contract<'a> {
    module: usize,
    members: &'a [ast::ServiceMember],
    /// Where its declaration ends.
    end: u32,
    /// The service that was named, if the contract is another's.
    same_as: Option<ServiceId>,
}

/// What a service declaration says, following `service B = A` to the contract.
fn members<'a>(
    resolver: &Resolver<'_>,
    items: &[Declared<'a>],
    id: ServiceId,
) -> Option<Contract<'a>> {
    let mut at = id;
    let mut first = None;
    // Bound: a chain longer than there are items goes round in a circle.
    for _ in 0..=items.len() {
        let declared = items.iter().find(|d| d.def == Some(Def::Service(at)))?;
        let ast::Item::Service(service) = declared.item else { return None };
        match &service.body {
            ast::ServiceBody::Members(members) => {
                let (module, end) = (declared.module, service.span.end);
                return Some(Contract { module, members, end, same_as: first });
            }
            ast::ServiceBody::Same(other) => {
                let Some(Def::Service(next)) = resolver.look_up(declared.module, &other.text)
                else {
                    return None;
                };
                first = first.or(Some(next));
                at = next;
            }
        }
    }
    None
}

/// Copies contracts for `service B = A`: actions with ids of their own.
pub(super) fn copies(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    for declared in items {
        let (ast::Item::Service(service), Some(Def::Service(id))) = (declared.item, declared.def)
        else {
            continue;
        };
        let ast::ServiceBody::Same(other) = &service.body else { continue };
        match members(resolver, items, id) {
            Some(contract) => {
                resolver.program.services[id].same_as = contract.same_as;
                let muted = std::mem::replace(&mut resolver.muted, true);
                resolver.service_members(contract.module, id, contract.members, contract.end);
                resolver.muted = muted;
            }
            None => {
                resolver.program.services[id].incomplete = true;
                match resolver.look_up(declared.module, &other.text) {
                    Some(Def::Service(_)) => {
                        let text =
                            format!("the contract of `{}` leads back to itself", service.name.text);
                        let found = Diagnostic::error("F0119", other.span, text)
                            .label(other.span, "comes back here")
                            .help("write the contract in one of these services");
                        resolver.report(found);
                    }
                    _ => {
                        let fits = |d| matches!(d, Def::Service(_));
                        resolver.unknown(declared.module, other, "a service", &fits);
                    }
                }
            }
        }
    }
}

/// Reads the clauses of every contract.
pub(super) fn clauses(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    for declared in items {
        match (declared.item, declared.def) {
            (ast::Item::Service(service), Some(Def::Service(id))) => {
                let Some(contract) = members(resolver, items, id) else { continue };
                let Contract { module, members, .. } = contract;
                let copy = matches!(service.body, ast::ServiceBody::Same(_));
                let muted = std::mem::replace(&mut resolver.muted, copy);
                let ids = resolver.program.services[id].actions.clone();
                each_action(resolver, module, &ids, actions_of(members));
                resolver.muted = muted;
            }
            (ast::Item::Database(database), Some(Def::Database(id))) => {
                let ids = resolver.program.databases[id].actions.clone();
                each_action(resolver, declared.module, &ids, database.actions.iter());
            }
            _ => {}
        }
    }
}

fn each_action<'i>(
    resolver: &mut Resolver<'_>,
    module: usize,
    ids: &[ActionId],
    written: impl Iterator<Item = &'i ast::Action>,
) {
    for action in written {
        let same = |id: &&ActionId| resolver.program.actions[**id].span == action.span;
        if let Some(id) = ids.iter().find(same).copied() {
            read(resolver, module, id, action);
        }
    }
}

fn read(resolver: &mut Resolver<'_>, module: usize, id: ActionId, written: &ast::Action) {
    let mut action = resolver.program.actions[id].clone();
    let mut body = Body::new(resolver, module);
    body.incomplete = action.incomplete;
    body.siblings = Some(action.provider);
    action.param_locals = body.bind_params(&action.params);
    let mut once = Once::default();
    for clause in &written.clauses {
        let (word, span) = word(clause);
        // Where the head of the next action was lost, its clauses seem to belong to this one.
        let first = action.incomplete || once.first(body.r, word, span);
        if first && fits(&mut body, &action, clause, word, span) {
            take(&mut body, &mut action, clause);
        }
    }
    body.finish();
    resolver.program.actions[id] = action;
}

fn word(clause: &ast::ActionClause) -> (&'static str, crate::span::Span) {
    match clause {
        ast::ActionClause::Idempotent(x) => ("idempotent", x.span),
        ast::ActionClause::Fails(x) => ("fails", x.span),
        ast::ActionClause::Within(x) => ("within", x.span),
        ast::ActionClause::Deadline(x) => ("deadline", x.span),
        ast::ActionClause::Compensate(x) => ("compensate", x.span),
        ast::ActionClause::Probe(x) => ("probe", x.span),
        ast::ActionClause::Lasts(x) => ("lasts", x.span),
        ast::ActionClause::Cache(x) => ("cache", x.span),
        ast::ActionClause::Sql(x) => ("sql", x.span),
    }
}

/// Whether a clause means something on this action (F0006, verdict 79).
fn fits(
    body: &mut Body<'_, '_>,
    action: &hir::Action,
    clause: &ast::ActionClause,
    word: &str,
    span: crate::span::Span,
) -> bool {
    let read = action.class.node == hir::Class::Read;
    let of_service = matches!(action.provider, Provider::Service(_));
    let (place, help) = match clause {
        ast::ActionClause::Compensate(_) if read => {
            ("a read", "a read changes nothing, so there is nothing to undo")
        }
        ast::ActionClause::Probe(_) if read => {
            ("a read", "a read may be repeated freely: the retry is the question")
        }
        ast::ActionClause::Lasts(_) if read => ("a read", "a read takes hold of nothing"),
        ast::ActionClause::Cache(_) if !read => {
            ("an action that changes something", "only the result of a `read` can be kept")
        }
        ast::ActionClause::Sql(_) if of_service => {
            ("an action of a service", "only a `database` runs SQL: move the action there")
        }
        ast::ActionClause::Sql(_) if !read && action.class.node != hir::Class::Tx => {
            ("this action", "SQL is the body of a `tx` or `read` of a database")
        }
        _ => return true,
    };
    meaningless(body.r, word, place, span, help);
    false
}

fn take(body: &mut Body<'_, '_>, action: &mut hir::Action, clause: &ast::ActionClause) {
    match clause {
        ast::ActionClause::Idempotent(x) => action.idempotent = Some(body.idempotent(x)),
        ast::ActionClause::Fails(_) => {}
        ast::ActionClause::Within(x) => action.within = body.fixed_within(x),
        ast::ActionClause::Deadline(x) => {
            action.deadline = Some(Clause { value: x.duration.node, span: x.span });
        }
        ast::ActionClause::Compensate(x) => {
            let mark = body.mark();
            show_result(body, action);
            let siblings = body.siblings;
            let read = body.inside(Frame::Undo, |b| b.compensate(x, None, siblings));
            action.compensate = Some(read);
            body.forget(mark);
        }
        ast::ActionClause::Probe(x) => {
            let siblings = body.siblings;
            action.probe = Some(body.probe(x, siblings));
        }
        ast::ActionClause::Lasts(x) => {
            action.lasts = Some(Clause { value: x.duration.node, span: x.span });
        }
        ast::ActionClause::Cache(x) => {
            action.cache = Some(Clause { value: x.duration.node, span: x.span });
        }
        ast::ActionClause::Sql(x) => {
            let no_rows = x.no_rows.as_ref().and_then(|error| no_rows(body, action, error));
            action.sql = Some(hir::Sql { text: x.text.clone(), no_rows, span: x.span });
        }
    }
}

/// `result` in `compensate`: what the action gave (verdict 22). A parameter of that name wins.
fn show_result(body: &mut Body<'_, '_>, action: &mut hir::Action) {
    let Some(result) = &action.result else { return };
    if action.params.iter().any(|p| p.name.node == "result") {
        return;
    }
    let ty = Some(result.clone());
    let local = body.alloc_typed("result", result.span, LocalKind::ActionResult, ty);
    body.show(local);
    action.result_local = Some(local);
}

/// The error that stands for no row must be one of the action's.
fn no_rows(
    body: &mut Body<'_, '_>,
    action: &hir::Action,
    error: &ast::Name,
) -> Option<hir::ErrorId> {
    let errors = &body.r.program.errors;
    let found = action.errors.iter().find(|id| errors[**id].name.node == error.text).copied();
    if found.is_none() && !action.incomplete {
        let known = action.errors.iter().map(|id| errors[*id].name.node.as_str());
        let near: Vec<String> =
            suggest(&error.text, known).into_iter().map(str::to_owned).collect();
        let text = format!("`{}` does not declare the error `{}`", action.name.node, error.text);
        let mut found = super::unknown_name(text, error.span, &near, None);
        if near.is_empty() {
            found = found.help(format!("declare it on the action: `fails {}`", error.text));
        }
        body.r.report(found);
    }
    found
}
