//! Declarations at top level: empty places first, then types, signatures and bodies.

use super::{Declared, Def, Resolver, body, doc, human, name, test, workflow};
use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::span::{Span, Spanned};
use crate::syntax::ast;

/// What is known of a declaration before it is read.
pub(super) struct Shell {
    pub(super) name: hir::Qualified,
    pub(super) name_span: Span,
    pub(super) incomplete: bool,
    pub(super) doc: String,
}

fn no_ty(span: Span) -> hir::TyRef {
    Spanned { node: hir::Ty::error(), span }
}

fn no_block(span: Span) -> hir::Block {
    hir::Block { stmts: Vec::new(), span }
}

impl Shell {
    pub(super) fn alias(self) -> hir::Alias {
        let of = no_ty(self.name_span);
        let Self { name, name_span, doc, .. } = self;
        hir::Alias { name, name_span, of, matching: None, doc }
    }

    pub(super) fn record(self) -> hir::Record {
        let Self { name, name_span, incomplete, doc } = self;
        hir::Record { name, name_span, fields: Vec::new(), incomplete, doc }
    }

    pub(super) fn variants(self) -> hir::Enum {
        let Self { name, name_span, incomplete, doc } = self;
        hir::Enum { name, name_span, variants: Vec::new(), incomplete, doc }
    }

    pub(super) fn event(self) -> hir::Event {
        let Self { name, name_span, incomplete, doc } = self;
        let (key, fields) = (Vec::new(), Vec::new());
        hir::Event { name, name_span, topic: None, key, retain: None, fields, incomplete, doc }
    }

    pub(super) fn resource(self) -> hir::Resource {
        let key = no_ty(self.name_span);
        hir::Resource { name: self.name, name_span: self.name_span, key, after: None }
    }

    pub(super) fn policy(self, span: Span) -> hir::Policy {
        let times = hir::Times::Error;
        let retry = hir::RetrySpec { times, backoff: None, on: Vec::new(), policy: None, span };
        hir::Policy { name: self.name, name_span: self.name_span, retry }
    }

    pub(super) fn service(self) -> hir::Service {
        let Self { name, name_span, incomplete, doc } = self;
        let (same_as, breaker, limit, actions) = (None, None, None, Vec::new());
        hir::Service { name, name_span, same_as, breaker, limit, actions, incomplete, doc }
    }

    pub(super) fn database(self) -> hir::Database {
        let Self { name, name_span, incomplete, doc } = self;
        hir::Database { name, name_span, actions: Vec::new(), incomplete, doc }
    }

    pub(super) fn function(self, program: &mut hir::Program, span: Span) -> hir::FunctionId {
        let kind = hir::ExprKind::Error(Vec::new());
        let value = program.exprs.alloc(hir::Expr { kind, span });
        program.functions.alloc(hir::Function {
            name: self.name,
            name_span: self.name_span,
            params: Vec::new(),
            locals: Vec::new(),
            result: no_ty(self.name_span),
            body: hir::FunctionBody::Fn { lets: Vec::new(), value },
            span,
        })
    }

    pub(super) fn human(self, span: Span) -> hir::Human {
        hir::Human {
            answer: no_ty(self.name_span),
            name: self.name,
            name_span: self.name_span,
            params: Vec::new(),
            locals: Vec::new(),
            title: None,
            assign: None,
            show: Vec::new(),
            incomplete: self.incomplete,
            span,
        }
    }

    pub(super) fn workflow(self, decl: &ast::WorkflowDecl) -> hir::Workflow {
        let Self { name, name_span, incomplete, doc } = self;
        let keyword = Span { end: decl.span.start + "workflow".len() as u32, ..decl.span };
        let last = decl.body.span.start.max(decl.span.start);
        hir::Workflow {
            name,
            name_span,
            keyword,
            header: Span { end: last, ..decl.span },
            version: decl.version.unwrap_or(Spanned { node: 1, span: name_span }),
            params: Vec::new(),
            locals: Vec::new(),
            result: None,
            triggers: Vec::new(),
            idempotent: None,
            fails: Vec::new(),
            deadline: None,
            shard: None,
            concurrency: Vec::new(),
            limits: Vec::new(),
            retain: None,
            subject: None,
            index: Vec::new(),
            upgrades: Vec::new(),
            body: no_block(decl.body.span),
            aftermath: None,
            incomplete,
            span: decl.span,
            doc,
        }
    }
}

/// Reads types, events, resources and policies.
pub(super) fn types(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    for declared in items {
        let at = declared.module;
        match (declared.item, declared.def) {
            (ast::Item::Type(x), Some(Def::Alias(id))) => {
                let of = resolver.ty(at, &x.ty);
                let matching = x.matching.as_ref().map(plain);
                let alias = &mut resolver.program.aliases[id];
                (alias.of, alias.matching) = (of, matching);
            }
            (ast::Item::Record(x), Some(Def::Record(id))) => {
                let fields = resolver.fields(at, &x.fields);
                resolver.program.records[id].fields = fields;
            }
            (ast::Item::Enum(x), Some(Def::Enum(id))) => {
                let variants = variants(resolver, at, &x.variants);
                resolver.program.enums[id].variants = variants;
            }
            (ast::Item::Event(x), Some(Def::Event(id))) => {
                let fields = resolver.fields(at, &x.fields);
                let event = &mut resolver.program.events[id];
                event.fields = fields;
                event.topic = x.topic.as_ref().map(plain);
                event.key = x.key.segments.iter().map(name).collect();
                event.retain = x.retain;
            }
            (ast::Item::Resource(x), Some(Def::Resource(id))) => {
                let key = resolver.ty(at, &x.ty);
                let after = x.after.as_ref().and_then(|a| resource_after(resolver, at, a));
                let resource = &mut resolver.program.resources[id];
                (resource.key, resource.after) = (key, after);
            }
            _ => {}
        }
    }
    alias_cycles(resolver);
    policies(resolver, items);
}

fn resource_after(
    resolver: &mut Resolver<'_>,
    module: usize,
    name: &ast::Name,
) -> Option<(hir::ResourceId, Span)> {
    resolver.resource(module, name).map(|id| (id, name.span))
}

fn variants(
    resolver: &mut Resolver<'_>,
    module: usize,
    written: &[ast::Variant],
) -> Vec<hir::Variant> {
    let mut variants: Vec<hir::Variant> = Vec::new();
    for variant in written {
        let fields = resolver.params(module, &variant.params);
        let earlier = variants.iter().find(|v| v.name.node == variant.name.text);
        if let Some(earlier) = earlier.map(|v| v.name.span) {
            resolver.twice("variant", &variant.name, earlier);
            continue;
        }
        variants.push(hir::Variant { name: name(&variant.name), fields });
    }
    variants
}

/// Policies may name each other in any order; a cycle stands for nothing.
fn policies(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    let written: Vec<(hir::PolicyId, usize, &ast::PolicyDecl)> = items
        .iter()
        .filter_map(|declared| match (declared.item, declared.def) {
            (ast::Item::Policy(x), Some(Def::Policy(id))) => Some((id, declared.module, x)),
            _ => None,
        })
        .collect();
    // Bound: after as many rounds as there are policies every chain of names has been followed.
    for round in 0..=written.len() {
        let last = round == written.len();
        resolver.muted = !last;
        let mut changed = false;
        for (id, module, decl) in &written {
            let retry = resolver.retry_spec(*module, &decl.retry, decl.retry.span);
            let policy = &mut resolver.program.policies[*id];
            changed |= policy.retry != retry;
            policy.retry = retry;
        }
        resolver.muted = false;
        if !changed && last {
            break;
        }
    }
}

/// A type that stands for itself means nothing (F0118).
fn alias_cycles(resolver: &mut Resolver<'_>) {
    let ids: Vec<hir::AliasId> = resolver.program.aliases.ids().collect();
    for start in ids {
        let mut at = start;
        let mut seen = vec![start];
        while let Some(next) = named_alias(&resolver.program.aliases[at].of.node) {
            if next == start {
                let alias = &mut resolver.program.aliases[start];
                let span = alias.of.span;
                let text = format!("the type `{}` stands for itself", alias.name.name);
                alias.of.node = hir::Ty::error();
                resolver
                    .report(Diagnostic::error("F0118", span, text).label(span, "leads back here"));
                break;
            }
            if seen.contains(&next) {
                break;
            }
            seen.push(next);
            at = next;
        }
    }
}

fn named_alias(ty: &hir::Ty) -> Option<hir::AliasId> {
    match &ty.kind {
        hir::TyKind::Alias(id) => Some(*id),
        hir::TyKind::List(of) | hir::TyKind::Optional(of) | hir::TyKind::Outcome(of) => {
            named_alias(of)
        }
        hir::TyKind::Map(key, value) => named_alias(key).or_else(|| named_alias(value)),
        _ => None,
    }
}

/// Reads the actions of services and databases, without their clauses.
pub(super) fn contracts(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    for declared in items {
        match (declared.item, declared.def) {
            (ast::Item::Service(x), Some(Def::Service(id))) => {
                if let ast::ServiceBody::Members(members) = &x.body {
                    resolver.service_members(declared.module, id, members, x.span.end);
                }
            }
            (ast::Item::Database(x), Some(Def::Database(id))) => {
                let provider = hir::Provider::Database(id);
                let actions: Vec<&ast::Action> = x.actions.iter().collect();
                let actions =
                    resolver.action_heads(declared.module, provider, &actions, x.span.end);
                resolver.program.databases[id].actions = actions;
            }
            _ => {}
        }
    }
    super::action::copies(resolver, items);
}

/// Reads the heads of functions, tasks and workflows.
pub(super) fn signatures(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    for declared in items {
        let at = declared.module;
        match (declared.item, declared.def) {
            (ast::Item::Fn(x), Some(Def::Function(id))) => {
                resolver.function_head(at, id, &x.params, &x.returns);
            }
            (ast::Item::Decide(x), Some(Def::Function(id))) => {
                resolver.function_head(at, id, &x.params, &x.returns);
            }
            (ast::Item::Human(x), Some(Def::Human(id))) => {
                let params = resolver.params(at, &x.params);
                let answer = resolver.ty(at, &x.returns);
                let human = &mut resolver.program.humans[id];
                (human.params, human.answer) = (params, answer);
            }
            (ast::Item::Workflow(x), Some(Def::Workflow(id))) => {
                workflow::head(resolver, at, id, x)
            }
            _ => {}
        }
    }
}

/// Reads everything that holds expressions. Contracts come first, because steps inherit from them.
pub(super) fn bodies(resolver: &mut Resolver<'_>, items: &[Declared<'_>]) {
    super::action::clauses(resolver, items);
    super::inherit::undos(&mut resolver.program);
    for declared in items {
        let at = declared.module;
        match (declared.item, declared.def) {
            (ast::Item::Fn(x), Some(Def::Function(id))) => body::function(resolver, at, id, x),
            (ast::Item::Decide(x), Some(Def::Function(id))) => body::decision(resolver, at, id, x),
            (ast::Item::Human(x), Some(Def::Human(id))) => human::read(resolver, at, id, x),
            (ast::Item::Workflow(x), Some(Def::Workflow(id))) => {
                workflow::read(resolver, at, id, x);
            }
            (ast::Item::Schedule(x), _) => workflow::schedule(resolver, at, x),
            (ast::Item::Test(x), _) => test::read(resolver, at, x),
            _ => {}
        }
    }
}

/// A quoted text with its place.
pub(super) fn plain(text: &ast::Plain) -> Spanned<String> {
    Spanned { node: text.text.clone(), span: text.span }
}

impl Resolver<'_> {
    /// Fields of a record or event; a name that stands twice is reported and left out.
    fn fields(&mut self, module: usize, written: &[ast::Field]) -> Vec<hir::Field> {
        let mut fields: Vec<hir::Field> = Vec::new();
        for field in written {
            let ty = self.ty(module, &field.ty);
            let default = field.default.as_ref().and_then(|literal| {
                let node = super::expr::literal(&literal.node)?;
                Some(Spanned { node, span: literal.span })
            });
            let earlier = fields.iter().find(|f| f.name.node == field.name.text);
            if let Some(earlier) = earlier.map(|f| f.name.span) {
                self.twice("field", &field.name, earlier);
                continue;
            }
            fields.push(hir::Field { name: name(&field.name), ty, default });
        }
        fields
    }

    /// Parameters or a payload; a name that stands twice is reported and left out.
    pub(super) fn params(&mut self, module: usize, written: &[ast::Param]) -> Vec<hir::Field> {
        let mut params: Vec<hir::Field> = Vec::new();
        for param in written {
            let ty = self.ty(module, &param.ty);
            let earlier = params.iter().find(|p| p.name.node == param.name.text);
            if let Some(earlier) = earlier.map(|p| p.name.span) {
                self.twice("parameter", &param.name, earlier);
                continue;
            }
            params.push(hir::Field { name: name(&param.name), ty, default: None });
        }
        params
    }

    /// A name that stands twice in one list: nothing could tell them apart.
    pub(super) fn twice(&mut self, kind: &str, name: &ast::Name, earlier: Span) {
        let text = format!("the {kind} `{}` stands here twice", name.text);
        let found = Diagnostic::error("F0119", name.span, text)
            .label(earlier, "once here")
            .label(name.span, "and again here")
            .help("give one of them another name");
        self.report(found);
    }

    fn function_head(
        &mut self,
        module: usize,
        id: hir::FunctionId,
        params: &[ast::Param],
        returns: &ast::Ty,
    ) {
        let params = self.params(module, params);
        let result = self.ty(module, returns);
        let function = &mut self.program.functions[id];
        (function.params, function.result) = (params, result);
    }

    /// A resource by name; reported where there is none.
    pub(super) fn resource(&mut self, at: usize, name: &ast::Name) -> Option<hir::ResourceId> {
        match self.look_up(at, &name.text) {
            Some(Def::Resource(id)) => Some(id),
            _ => {
                self.unknown(at, name, "a resource", &|d| matches!(d, Def::Resource(_)));
                None
            }
        }
    }

    /// A workflow by name; reported where there is none.
    pub(super) fn workflow(&mut self, at: usize, name: &ast::Name) -> Option<hir::WorkflowId> {
        match self.look_up(at, &name.text) {
            Some(Def::Workflow(id)) => Some(id),
            _ => {
                self.unknown(at, name, "a workflow", &|d| matches!(d, Def::Workflow(_)));
                None
            }
        }
    }

    /// An event by name; reported where there is none.
    pub(super) fn event(&mut self, at: usize, name: &ast::Name) -> Option<hir::EventId> {
        match self.look_up(at, &name.text) {
            Some(Def::Event(id)) => Some(id),
            _ => {
                self.unknown(at, name, "an event", &|d| matches!(d, Def::Event(_)));
                None
            }
        }
    }

    /// Errors listed in a `fails`.
    pub(super) fn fails(
        &mut self,
        module: usize,
        fails: &ast::Fails,
        owner: hir::ErrorOwner,
        known: &mut Vec<hir::ErrorId>,
    ) {
        for error in &fails.errors {
            let fields = self.params(module, &error.params);
            let earlier = known.iter().map(|id| &self.program.errors[*id].name);
            let earlier = earlier.into_iter().find(|n| n.node == error.name.text).map(|n| n.span);
            if let Some(earlier) = earlier {
                self.twice("error", &error.name, earlier);
                continue;
            }
            known.push(self.program.errors.alloc(hir::ErrorDecl {
                name: name(&error.name),
                fields,
                transient: error.transient,
                owner,
                span: error.span,
            }));
        }
    }
}

/// Documentation of an action.
pub(super) fn action_doc(action: &ast::Action) -> String {
    doc(&action.docs)
}
