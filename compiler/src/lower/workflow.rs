//! One workflow: its header, its body, its durable points with what is live there.

use super::names::Names;
use super::{Cx, decl, live};
use crate::hir::{self, ConcurrencyElse, Trigger, WorkflowId};
use crate::span::Span;
use sagaflow_fir as fir;
use std::collections::BTreeMap;

/// Lowers the statements of one workflow.
pub(super) struct Lowerer<'p> {
    pub cx: Cx<'p>,
    pub names: Names<'p>,
    pub points: BTreeMap<String, fir::Point>,
    pub unsupported: Vec<(String, u32)>,
    /// Stands in front of the points of a contract's undo, where a step inherits it.
    pub prefix: Option<hir::Point>,
    /// Inside an undo, where steps insist by default.
    pub undo: bool,
    /// Inside `after failure`, where nothing commits any more.
    pub aftermath: bool,
    /// Inside a transaction, which commits as a whole.
    pub inside: bool,
}

/// One workflow.
pub(super) fn workflow(cx: Cx<'_>, id: WorkflowId) -> fir::Workflow {
    let found = &cx.program.workflows[id];
    let mut names = Names::new(cx);
    for param in found.locals.iter().take(found.params.len()) {
        names.local(*param);
    }
    let mut lowerer = Lowerer {
        cx,
        names,
        points: BTreeMap::new(),
        unsupported: Vec::new(),
        prefix: None,
        undo: false,
        aftermath: false,
        inside: false,
    };
    lowerer.header(found, id);
    lowerer.begin("start", found.keyword);
    let body = lowerer.block(&found.body);
    let failure = found.aftermath.as_ref().map(|aftermath| {
        lowerer.begin("after", aftermath.body.span);
        (lowerer.names.local(aftermath.error), lowerer.names.local(aftermath.step))
    });
    lowerer.aftermath = true;
    let aftermath = found.aftermath.as_ref().map(|aftermath| lowerer.block(&aftermath.body));
    lowerer.aftermath = false;
    let key = found
        .idempotent
        .as_ref()
        .filter(|key| !key.by.is_empty())
        .map(|key| key.by.iter().map(|by| lowerer.names.expr(*by)).collect());
    // Order: last, so that what only they bind stands behind what the program means.
    let program = lowerer.names.len();
    let limit: Vec<_> = found.limits.iter().map(|one| lowerer.limit(one)).collect();
    let concurrency: Vec<_> =
        found.concurrency.iter().map(|one| lowerer.concurrency(one)).collect();
    let indexed: Vec<_> = found.index.iter().filter_map(|by| lowerer.indexed(*by)).collect();
    let upgrades: Vec<_> = found.upgrades.iter().map(|one| lowerer.upgrade(one)).collect();
    let mut out = fir::Workflow {
        version: found.version.node,
        params: decl::fields(cx, &found.params),
        locals: Vec::new(),
        result: found.result.as_ref().map(|ty| decl::ty(cx.program, &ty.node)),
        triggers: triggers(cx, found),
        key,
        key_for_ms: found.idempotent.as_ref().and_then(|k| k.lifetime).map(|l| l.node),
        policy_locals: u32::try_from(lowerer.names.len() - program).unwrap_or(u32::MAX),
        limit,
        concurrency,
        indexed,
        upgrades,
        fails: decl::errors(cx, &found.fails),
        deadline_ms: found.deadline.map(|d| d.value),
        retain_ms: found.retain.map(|r| r.value),
        body,
        aftermath,
        failure,
        points: lowerer.points,
        unsupported: lowerer.unsupported,
        module: found.name.module.to_string(),
        doc: found.doc.clone(),
        continues: false,
    };
    out.locals = lowerer.names.finish();
    live::fill(&mut out);
    out
}

/// A workflow's face, without anything it does.
pub(super) fn signature(cx: Cx<'_>, found: &hir::Workflow) -> fir::Workflow {
    fir::Workflow {
        version: found.version.node,
        params: decl::fields(cx, &found.params),
        locals: Vec::new(),
        result: found.result.as_ref().map(|ty| decl::ty(cx.program, &ty.node)),
        triggers: Vec::new(),
        key: None,
        key_for_ms: None,
        policy_locals: 0,
        limit: Vec::new(),
        concurrency: Vec::new(),
        indexed: Vec::new(),
        upgrades: Vec::new(),
        fails: decl::errors(cx, &found.fails),
        deadline_ms: None,
        retain_ms: None,
        body: Vec::new(),
        aftermath: None,
        failure: None,
        points: BTreeMap::new(),
        unsupported: Vec::new(),
        module: found.name.module.to_string(),
        doc: found.doc.clone(),
        continues: false,
    }
}

fn triggers(cx: Cx<'_>, found: &hir::Workflow) -> Vec<fir::Trigger> {
    let mut out = Vec::new();
    for trigger in &found.triggers {
        if let Trigger::Batch { event: Some(event), up_to, every, .. } = trigger {
            let Some(param) = found.params.first() else { continue };
            let up_to = u32::try_from(up_to.node).unwrap_or(u32::MAX).max(1);
            out.push(fir::Trigger {
                event: cx.program.events[*event].name.to_string(),
                param: param.name.node.to_string(),
                field: None,
                gather: Some(fir::Gather { up_to, every_ms: every.node }),
            });
        }
        let Trigger::Event { event: Some(event), param: Some(param), field, .. } = trigger else {
            continue;
        };
        let decl = &cx.program.events[*event];
        let Some(param) = found.params.get(*param as usize) else { continue };
        let field = field.and_then(|at| decl.fields.get(at as usize));
        out.push(fir::Trigger {
            event: decl.name.to_string(),
            param: param.name.node.to_string(),
            field: field.map(|field| field.name.node.to_string()),
            gather: None,
        });
    }
    out
}

impl Lowerer<'_> {
    /// Says that a construct cannot be executed yet.
    pub fn cannot(&mut self, what: &str, span: Span) {
        self.unsupported.push((what.to_owned(), self.cx.line(span)));
    }

    fn header(&mut self, found: &hir::Workflow, id: WorkflowId) {
        super::gather::header(self, found);
        let batches = found.triggers.iter().any(|each| matches!(each, Trigger::Batch { .. }));
        for concurrency in &found.concurrency {
            match concurrency.otherwise {
                ConcurrencyElse::Queue => {}
                ConcurrencyElse::Replace => {
                    self.cannot("`else replace` behind `concurrency`", concurrency.span);
                }
                ConcurrencyElse::Join | ConcurrencyElse::Refuse if batches => {
                    self.cannot("`else` behind `concurrency` with `on batch`", concurrency.span);
                }
                ConcurrencyElse::Join | ConcurrencyElse::Refuse => {}
            }
        }
        if let Some(subject) = found.subject {
            self.cannot("`subject by`", self.cx.program.exprs[subject].span);
        }
        let schedules = &self.cx.program.schedules;
        let spans: Vec<Span> =
            schedules.iter().filter(|s| s.workflow == Some(id)).map(|s| s.span).collect();
        for span in spans {
            self.cannot("a `schedule`", span);
        }
    }

    fn limit(&mut self, found: &hir::Limit) -> fir::StartLimit {
        let starts = u32::try_from(found.count.node).unwrap_or(u32::MAX).max(1);
        let by = found.by.map(|by| self.names.expr(by));
        fir::StartLimit { starts, window_ms: found.per.node, by }
    }

    fn concurrency(&mut self, found: &hir::Concurrency) -> fir::Concurrency {
        let limit = u32::try_from(found.count.node).unwrap_or(u32::MAX).max(1);
        let otherwise = match found.otherwise {
            ConcurrencyElse::Join => fir::Otherwise::Join,
            ConcurrencyElse::Refuse => fir::Otherwise::Refuse,
            ConcurrencyElse::Queue | ConcurrencyElse::Replace => fir::Otherwise::Queue,
        };
        fir::Concurrency { limit, per: found.per.map(|per| self.names.expr(per)), otherwise }
    }

    /// A value by which runs are found; every one has a name in a program that was checked.
    fn indexed(&mut self, by: hir::ExprId) -> Option<fir::Indexed> {
        let name = self.cx.program.index_name(by)?.to_string();
        Some(fir::Indexed { name, value: self.names.expr(by) })
    }

    /// The values that runs get; where they may move is found beside the released version.
    fn upgrade(&mut self, found: &hir::Upgrade) -> fir::Upgrade {
        let value = |(name, value): &(hir::Name, hir::ExprId)| {
            (name.node.to_string(), self.names.expr(*value))
        };
        let values = found.values.iter().map(value).collect();
        fir::Upgrade { from: found.from.node, values, ..fir::Upgrade::default() }
    }

    fn begin(&mut self, at: &str, span: Span) {
        let line = self.cx.line(span);
        let point = fir::Point { path: at.to_owned(), live: Vec::new(), hidden: Vec::new(), line };
        self.points.insert(at.to_owned(), point);
    }

    /// Registers a durable point and gives its `at`.
    pub fn point(&mut self, point: &hir::Point, span: Span) -> String {
        let (at, path) = match &self.prefix {
            None => (point.at.to_string(), point.path.to_string()),
            Some(prefix) => {
                (format!("{}/{}", prefix.at, point.at), format!("{}/{}", prefix.path, point.path))
            }
        };
        self.register(at, path, span)
    }

    /// Registers a point whose `at` may be taken by the one it belongs to: then it is told apart by
    /// a number.
    pub fn register(&mut self, at: String, path: String, span: Span) -> String {
        let mut unique = at.clone();
        let mut n = 2;
        while self.points.contains_key(&unique) {
            unique = format!("{at}~{n}");
            n += 1;
        }
        let line = self.cx.line(span);
        let point = fir::Point { path, live: Vec::new(), hidden: Vec::new(), line };
        self.points.insert(unique.clone(), point);
        unique
    }
}
