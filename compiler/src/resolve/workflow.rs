//! Workflows and schedules.

use super::body::Body;
use super::once::{Once, counts};
use super::place::Frame;
use super::{Resolver, name};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Clause, LocalKind, WorkflowId};
use crate::name::suggest;
use crate::syntax::ast;

/// Reads the parameters, result and errors of a workflow.
pub(super) fn head(
    resolver: &mut Resolver<'_>,
    module: usize,
    id: WorkflowId,
    decl: &ast::WorkflowDecl,
) {
    let params = resolver.params(module, &decl.params);
    let result = decl.returns.as_ref().map(|ty| resolver.ty(module, ty));
    let mut fails = Vec::new();
    for header in &decl.headers {
        if let ast::Header::Fails(clause) = header {
            resolver.fails(module, clause, hir::ErrorOwner::Workflow(id), &mut fails);
        }
    }
    let workflow = &mut resolver.program.workflows[id];
    (workflow.params, workflow.result, workflow.fails) = (params, result, fails);
}

/// Reads the headers, body and aftermath of a workflow.
pub(super) fn read(
    resolver: &mut Resolver<'_>,
    module: usize,
    id: WorkflowId,
    decl: &ast::WorkflowDecl,
) {
    let mut workflow = resolver.program.workflows[id].clone();
    let mut body = Body::new(resolver, module);
    body.incomplete = workflow.incomplete;
    body.workflow = Some(id);
    body.fails.clone_from(&workflow.fails);
    body.bind_params(&workflow.params);
    headers(&mut body, &mut workflow, decl);
    let mark = body.mark();
    workflow.body = body.block(&decl.body);
    body.fade(mark);
    workflow.aftermath = decl.aftermath.as_ref().map(|block| aftermath(&mut body, block));
    workflow.locals = body.finish();
    resolver.program.workflows[id] = workflow;
}

/// `after failure { … }`: sees the parameters, `failure.error` and `failure.step`.
fn aftermath(body: &mut Body<'_, '_>, written: &ast::Block) -> hir::Aftermath {
    let error = body.hidden("failure.error", written.span, LocalKind::Failure);
    let step = body.hidden("failure.step", written.span, LocalKind::Failure);
    body.failure = Some((error, step));
    let point = hir::Point { at: "after".into(), path: "after".into() };
    let outer = body.paths.enter(&point, "");
    let block = body.inside(Frame::Aftermath, |b| b.block(written));
    body.paths.leave(outer);
    body.failure = None;
    hir::Aftermath { body: block, error, step }
}

fn headers(body: &mut Body<'_, '_>, workflow: &mut hir::Workflow, decl: &ast::WorkflowDecl) {
    let mut once = Once::default();
    for header in &decl.headers {
        let (word, span) = header_word(header);
        if !once.first(body.r, word, span) {
            continue;
        }
        match header {
            ast::Header::Trigger(trigger) => {
                let trigger = read_trigger(body, workflow, trigger);
                workflow.triggers.push(trigger);
            }
            ast::Header::Idempotent(clause) => {
                workflow.idempotent = Some(body.idempotent(clause));
            }
            ast::Header::Fails(_) => {}
            ast::Header::Deadline(x) => {
                workflow.deadline = Some(Clause { value: x.duration.node, span: x.span });
            }
            ast::Header::Shard(x) => workflow.shard = Some(body.expr(&x.by)),
            ast::Header::Concurrency(x) => {
                let read = concurrency(body, x);
                workflow.concurrency.push(read);
            }
            ast::Header::Limit(x) => {
                let by = x.by.as_ref().map(|by| body.expr(by));
                let count = counts(body.r, "limit 0", x.count);
                workflow.limits.push(hir::Limit { count, per: x.per, by, span: x.span });
            }
            ast::Header::Retain(x) => {
                workflow.retain = Some(Clause { value: x.duration.node, span: x.span });
            }
            ast::Header::Subject(x) => workflow.subject = Some(body.expr(&x.by)),
            ast::Header::Index(x) => workflow.index = body.exprs(&x.by),
            ast::Header::Upgrade(x) => {
                let values = x.values.iter().map(|(n, e)| (name(n), body.expr(e))).collect();
                workflow.upgrades.push(hir::Upgrade { from: x.from, values, span: x.span });
            }
        }
    }
}

/// What makes two headers the same, and where one stands.
fn header_word(header: &ast::Header) -> (String, crate::span::Span) {
    match header {
        ast::Header::Trigger(ast::Trigger::Event { event, span, .. }) => {
            (format!("on {}", event.text), *span)
        }
        ast::Header::Trigger(ast::Trigger::Batch { event, span, .. }) => {
            (format!("on batch {}", event.text), *span)
        }
        ast::Header::Idempotent(x) => ("idempotent".into(), x.span),
        ast::Header::Fails(x) => ("fails".into(), x.span),
        ast::Header::Deadline(x) => ("deadline".into(), x.span),
        ast::Header::Shard(x) => ("shard".into(), x.span),
        ast::Header::Concurrency(x) => (by_word("concurrency", x.per.as_ref()), x.span),
        ast::Header::Limit(x) => (by_word("limit", x.by.as_ref()), x.span),
        ast::Header::Retain(x) => ("retain".into(), x.span),
        ast::Header::Subject(x) => ("subject".into(), x.span),
        ast::Header::Index(x) => ("index".into(), x.span),
        ast::Header::Upgrade(x) => (format!("upgrade from v{}", x.from.node), x.span),
    }
}

/// Limits for different values may stand beside each other; one for all runs stands alone.
fn by_word(word: &str, by: Option<&ast::Expr>) -> String {
    match by {
        Some(expr) => format!("{word} #{}", expr.span.start),
        None => word.into(),
    }
}

fn concurrency(body: &mut Body<'_, '_>, x: &ast::Concurrency) -> hir::Concurrency {
    let per = x.per.as_ref().map(|per| body.expr(per));
    let otherwise = x.otherwise.as_ref().map_or(hir::ConcurrencyElse::Queue, |e| match e.node {
        ast::ConcurrencyElse::Join => hir::ConcurrencyElse::Join,
        ast::ConcurrencyElse::Refuse => hir::ConcurrencyElse::Refuse,
        ast::ConcurrencyElse::Replace => hir::ConcurrencyElse::Replace,
    });
    let count = counts(body.r, "concurrency 0", x.count);
    hir::Concurrency { count, per, otherwise, span: x.span }
}

fn read_trigger(
    body: &mut Body<'_, '_>,
    workflow: &hir::Workflow,
    trigger: &ast::Trigger,
) -> hir::Trigger {
    match trigger {
        ast::Trigger::Event { event, binding, span } => {
            let id = body.r.event(body.module, event);
            let param = workflow.params.iter().position(|p| p.name.node == binding.text);
            if param.is_none() {
                unknown_param(body, workflow, binding);
            }
            // Verdict 69: the field of that name if it has the parameter's type, else the event.
            let field = id.zip(param).and_then(|(id, param)| {
                let wanted = &workflow.params.get(param)?.ty.node;
                let fields = &body.r.program.events[id].fields;
                fields.iter().position(|f| f.name.node == binding.text && f.ty.node == *wanted)
            });
            hir::Trigger::Event {
                event: id,
                param: param.map(|p| p as u32),
                field: field.map(|f| f as u32),
                span: *span,
            }
        }
        ast::Trigger::Batch { event, up_to, every, span } => {
            let event = body.r.event(body.module, event);
            let up_to = counts(body.r, "up to 0", *up_to);
            hir::Trigger::Batch { event, up_to, every: *every, span: *span }
        }
    }
}

fn unknown_param(body: &mut Body<'_, '_>, workflow: &hir::Workflow, binding: &ast::Name) {
    if workflow.incomplete {
        return;
    }
    let known = workflow.params.iter().map(|p| p.name.node.as_str());
    let near: Vec<String> = suggest(&binding.text, known).into_iter().map(str::to_owned).collect();
    let text = format!("`{}` has no parameter `{}`", workflow.name.name, binding.text);
    let found = super::unknown_name(text, binding.span, &near, None);
    body.r.report(found);
}

/// Reads a schedule.
pub(super) fn schedule(resolver: &mut Resolver<'_>, module: usize, decl: &ast::ScheduleDecl) {
    let incomplete = resolver.modules[module].file.is_incomplete(decl.span);
    let workflow = resolver.workflow(module, &decl.workflow);
    let params = workflow.map(|id| resolver.program.workflows[id].params.clone());
    let mut body = Body::new(resolver, module);
    body.incomplete = incomplete;
    body.spreads = true;
    let ty = hir::Ty::new(hir::TyKind::Time);
    let place = decl.args.span;
    let ty = crate::span::Spanned { node: ty, span: place };
    let slot = body.alloc_typed("slot", place, LocalKind::Slot, Some(ty));
    body.show(slot);
    let args = match &params {
        Some(params) => body.args(&decl.args, &decl.workflow.text, params),
        None => body.loose_args(&decl.args),
    };
    let (missed, overlap) = options(&mut body, &decl.options);
    let locals = body.finish();
    let when = match &decl.when {
        ast::ScheduleWhen::Every(ms) => hir::ScheduleWhen::Every(*ms),
        ast::ScheduleWhen::At(cron) => hir::ScheduleWhen::At(super::decl::plain(cron)),
    };
    let zone = decl.zone.as_ref().map(super::decl::plain);
    let module = resolver.modules[module].name.clone();
    let span = decl.span;
    let read =
        hir::Schedule { module, workflow, args, slot, locals, when, zone, missed, overlap, span };
    resolver.program.schedules.push(read);
}

fn options(
    body: &mut Body<'_, '_>,
    written: &[crate::span::Spanned<ast::ScheduleOption>],
) -> (hir::Missed, hir::Overlap) {
    let (mut missed, mut overlap) = (hir::Missed::One, hir::Overlap::Skip);
    let mut seen: Vec<(bool, crate::span::Span)> = Vec::new();
    for option in written {
        let about_overlap = !matches!(
            option.node,
            ast::ScheduleOption::CatchUpAll | ast::ScheduleOption::SkipMissed
        );
        if let Some((_, first)) = seen.iter().find(|(o, _)| *o == about_overlap) {
            let what = if about_overlap { "overlap" } else { "missed slots" };
            let text = format!("what happens on {what} is said twice");
            let found = Diagnostic::error("F0006", option.span, text)
                .label(*first, "said here…")
                .label(option.span, "…and again here")
                .help("keep one of them");
            body.r.report(found);
            continue;
        }
        seen.push((about_overlap, option.span));
        match option.node {
            ast::ScheduleOption::CatchUpAll => missed = hir::Missed::All,
            ast::ScheduleOption::SkipMissed => missed = hir::Missed::Skip,
            ast::ScheduleOption::OverlapSkip => overlap = hir::Overlap::Skip,
            ast::ScheduleOption::OverlapQueue => overlap = hir::Overlap::Queue,
            ast::ScheduleOption::OverlapAllow => overlap = hir::Overlap::Allow,
        }
    }
    (missed, overlap)
}
