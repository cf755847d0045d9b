//! `on batch` and `shard by`: what of them can be executed.
//!
//! A run of a batch lives where its partition is read, under the batch's id as its key. What asks for
//! another place or another key is named, never ignored.

use super::workflow::Lowerer;
use crate::hir::{self, ExprId, ExprKind, Trigger};
use crate::span::Span;

/// Names what cannot be executed of these headers.
pub(super) fn header(lowerer: &mut Lowerer<'_>, found: &hir::Workflow) {
    let mut batches = found.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Batch { event, span, .. } => Some((*event, *span)),
        Trigger::Event { .. } => None,
    });
    let batch = batches.next();
    if let Some((event, span)) = batch {
        if let Some((_, second)) = batches.next() {
            lowerer.cannot("a second `on batch`", second);
        }
        if event.is_some_and(|event| lowerer.cx.program.events[event].topic.is_none()) {
            lowerer.cannot("`on batch` of an event without a topic", span);
        }
        if found.params.len() > 1 {
            lowerer.cannot("`on batch` with a second parameter", span);
        }
        key(lowerer, found, span);
    }
    if let Some(shard) = found.shard
        && !(batch.is_some() && is_part(lowerer, found, shard, "partition"))
    {
        let span = lowerer.cx.program.exprs[shard].span;
        lowerer.cannot("`shard by` anything but the `partition` of its batch", span);
    }
}

/// The key has to be the batch's id, which is its place in the topic.
fn key(lowerer: &mut Lowerer<'_>, found: &hir::Workflow, span: Span) {
    let by = found.idempotent.as_ref().map(|key| key.by.as_slice()).unwrap_or_default();
    let is_id = matches!(by, [only] if is_part(lowerer, found, *only, "id"));
    if !is_id {
        lowerer.cannot("`on batch` with another key than the `id` of its batch", span);
    }
}

/// Whether this is `param.part` of the first parameter.
fn is_part(lowerer: &Lowerer<'_>, found: &hir::Workflow, expr: ExprId, part: &str) -> bool {
    let exprs = &lowerer.cx.program.exprs;
    let ExprKind::Field { base, name, .. } = &exprs[expr].kind else { return false };
    let first = found.locals.first();
    name.node == part
        && matches!(&exprs[*base].kind, ExprKind::Local(local) if Some(local) == first)
}
