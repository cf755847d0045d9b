//! What is around a workflow: what starts it, what it takes and gives, how it can end, and whom and
//! what it touches.

use super::Writer;
use crate::hir::{
    Awaited, Block, Builtin, ConcurrencyElse, ExprKind, Field, ScheduleWhen, Stmt, StmtKind,
    Trigger, TyKind,
};
use crate::page::{Item, Part};
use crate::words::{and, duration};
use std::collections::BTreeSet;

impl Writer<'_> {
    pub(super) fn face(&self, parts: &mut Vec<Part>) {
        parts.push(Part::Heading(2, "What starts it".into()));
        parts.push(Part::List { numbered: false, items: self.starts() });
        let workflow = &self.words.program.workflows[self.id];
        parts.push(Part::Heading(2, "What it takes and gives".into()));
        if !workflow.params.is_empty() {
            let head = ["input", "type", "made of"].map(str::to_owned).to_vec();
            let rows = workflow.params.iter().map(|param| {
                let ty = format!("`{}`", self.words.text(param.ty.span));
                vec![format!("`{}`", param.name.node), ty, self.fields_of(param)]
            });
            parts.push(Part::Table(head, rows.collect()));
        }
        parts.push(Part::Para(match &workflow.result {
            Some(ty) => format!("A run that completes gives `{}`.", self.words.text(ty.span)),
            None => "A run that completes gives nothing.".to_owned(),
        }));
    }

    fn starts(&self) -> Vec<Item> {
        let program = self.words.program;
        let workflow = &program.workflows[self.id];
        let mut items = vec![Item::new("A request for it over the API.")];
        for trigger in &workflow.triggers {
            match trigger {
                Trigger::Event { event: Some(event), .. } => {
                    let event = &program.events[*event];
                    let topic =
                        event.topic.as_ref().map(|t| format!(", on the topic `{}`", t.node));
                    let topic = topic.unwrap_or_default();
                    items.push(Item::new(format!("The event `{}`{topic}.", event.name.name)));
                }
                Trigger::Batch { event: Some(event), up_to, every, .. } => {
                    items.push(Item::new(format!(
                        "A batch of up to {} of the event `{}`, at least every {}.",
                        up_to.node,
                        program.events[*event].name.name,
                        duration(every.node)
                    )));
                }
                _ => {}
            }
        }
        for schedule in program.schedules.iter().filter(|s| s.workflow == Some(self.id)) {
            let zone = schedule.zone.as_ref().map_or("UTC", |zone| zone.node.as_str());
            items.push(Item::new(match &schedule.when {
                ScheduleWhen::Every(every) => {
                    format!("Its schedule, every {}.", duration(every.node))
                }
                ScheduleWhen::At(cron) => format!("Its schedule, `{}` in {zone}.", cron.node),
            }));
        }
        items.push(Item::new(match &workflow.idempotent {
            Some(key) if !key.by.is_empty() => {
                let (by, _) = self.words.key(key);
                format!("Two starts with the same {by} are one run.")
            }
            _ => "Two starts are one run where they carry the same `Idempotency-Key`.".to_owned(),
        }));
        for each in &workflow.concurrency {
            let per = each.per.map(|per| format!(" for each `{}`", self.words.expr(per)));
            let then = match each.otherwise {
                ConcurrencyElse::Queue => "others wait their turn",
                ConcurrencyElse::Join => "another start gets the run in flight",
                ConcurrencyElse::Refuse => "another start is refused",
                ConcurrencyElse::Replace => "another start cancels the run in flight",
            };
            let per = per.unwrap_or_default();
            items.push(Item::new(format!("At most {} in flight{per}; {then}.", each.count.node)));
        }
        for limit in &workflow.limits {
            let by = limit.by.map(|by| format!(" for each `{}`", self.words.expr(by)));
            items.push(Item::new(format!(
                "At most {} {} in {}{}; others wait their turn.",
                limit.count.node,
                if limit.count.node == 1 { "start" } else { "starts" },
                duration(limit.per.node),
                by.unwrap_or_default()
            )));
        }
        let by: Vec<_> = workflow.index.iter().map(|by| self.words.expr(*by)).collect();
        if !by.is_empty() {
            items.push(Item::new(format!("Its runs are found by `{}`.", by.join("`, `"))));
        }
        items
    }

    fn fields_of(&self, param: &Field) -> String {
        let TyKind::Record(id) = &param.ty.node.kind else { return String::new() };
        let record = &self.words.program.records[*id];
        let doc = record.doc.trim().replace('\n', " ");
        let field = |f: &Field| format!("`{}: {}`", f.name.node, self.words.text(f.ty.span));
        let fields: Vec<String> = record.fields.iter().map(field).collect();
        let fields = fields.join(", ");
        if doc.is_empty() { fields } else { format!("{doc} {fields}") }
    }

    /// How it can end.
    pub(super) fn ends(&self, parts: &mut Vec<Part>) {
        let program = self.words.program;
        let workflow = &program.workflows[self.id];
        parts.push(Part::Heading(2, "How it can end".into()));
        let mut items = vec![Item::new("Completed.")];
        for id in &workflow.fails {
            let error = &program.errors[*id];
            let mut item = Item::new(format!("Failed with `{}`.", self.words.text(error.span)));
            item.notes = self.raised(&error.name.node);
            items.push(item);
        }
        items.push(Item::new("Failed because a step that nothing handles ran out of attempts, was refused, or stayed unknown; everything done before is undone."));
        let cut = workflow
            .deadline
            .map(|d| format!(" or stopped by its deadline of {}", duration(d.value)));
        items.push(Item::new(format!(
            "Cancelled{} before it has committed; everything done is undone.",
            cut.unwrap_or_default()
        )));
        parts.push(Part::List { numbered: false, items });
    }

    /// Where an error is raised.
    fn raised(&self, name: &str) -> Vec<String> {
        let mut places = Vec::new();
        self.words.program.workflows[self.id].body.walk(false, &mut |stmt| {
            if let StmtKind::Fail(fail) = &stmt.kind
                && fail.name.node == name
            {
                places.push(format!("`{}`", self.words.place(fail.span)));
            }
            if let StmtKind::Step(step) = &stmt.kind {
                let errors = self.words.program.target_errors(&step.call.target);
                let own = errors.iter().any(|id| self.words.program.errors[*id].name.node == name);
                let handled = step.handlers.otherwise.is_some()
                    || step.handlers.on.iter().any(|handler| {
                        matches!(&handler.on, crate::hir::On::Error { name: on, .. } if on.node == name)
                    });
                if own && !handled {
                    places.push(format!("`{}`", self.words.call(step)));
                }
            }
        });
        if places.is_empty() { Vec::new() } else { vec![format!("From {}.", and(&places))] }
    }

    /// Who is asked what.
    pub(super) fn people(&self, parts: &mut Vec<Part>) {
        let program = self.words.program;
        let mut items = Vec::new();
        self.each_stmt(&mut |stmt| {
            let mut task = |awaited: &Awaited| {
                let Awaited::Task { human: Some(id), .. } = awaited else { return };
                let human = &program.humans[*id];
                let mut item = Item::new(format!(
                    "`{}` answers `{}`.",
                    human.name.name,
                    self.words.text(human.answer.span)
                ));
                let title = human.title.map(|title| format!("Asked: {}.", self.words.expr(title)));
                item.notes.extend(title);
                if let Some(assign) = &human.assign {
                    let but =
                        assign.except.map(|id| format!(", but not `{}`", self.words.expr(id)));
                    let to = self.words.expr(assign.to);
                    item.notes.push(format!("Assigned to `{to}`{}.", but.unwrap_or_default()));
                }
                let shown: Vec<String> =
                    human.show.iter().map(|id| format!("`{}`", self.words.expr(*id))).collect();
                if !shown.is_empty() {
                    item.notes.push(format!("Shown {}.", and(&shown)));
                }
                items.push(item);
            };
            match &stmt.kind {
                StmtKind::Await(wait) => task(&wait.awaited),
                StmtKind::AwaitFirst(first) => first.arms.iter().for_each(|arm| {
                    if let crate::hir::ArmWait::Awaited(awaited) = &arm.wait {
                        task(awaited);
                    }
                }),
                StmtKind::Manual(_, text) => {
                    let what = self.words.expr(*text);
                    items
                        .push(Item::new(format!("A person who may operate runs decides: {what}.")));
                }
                StmtKind::Review(text) => {
                    let what = self.words.expr(*text);
                    items.push(Item::new(format!("A review, which holds nothing up: {what}.")));
                }
                _ => {}
            }
        });
        items.dedup();
        if !items.is_empty() {
            parts.push(Part::Heading(2, "Who is asked what".into()));
            parts.push(Part::List { numbered: false, items });
        }
    }

    /// Events in and out.
    pub(super) fn events(&self, parts: &mut Vec<Part>) {
        let mut taken = BTreeSet::new();
        let mut sent = BTreeSet::new();
        let workflow = &self.words.program.workflows[self.id];
        for trigger in &workflow.triggers {
            if let Trigger::Event { event: Some(id), .. } | Trigger::Batch { event: Some(id), .. } =
                trigger
            {
                taken.insert(("starts it", *id));
            }
        }
        self.each_stmt(&mut |stmt| match &stmt.kind {
            StmtKind::Emit { event: Some(id), .. } => {
                sent.insert(*id);
            }
            StmtKind::Await(wait) => {
                if let Awaited::Event(event) = &wait.awaited {
                    taken.extend(event.event.map(|id| ("is waited for", id)));
                }
            }
            StmtKind::AwaitFirst(first) => {
                for arm in &first.arms {
                    if let crate::hir::ArmWait::Awaited(Awaited::Event(event)) = &arm.wait {
                        taken.extend(event.event.map(|id| ("is waited for", id)));
                    }
                }
            }
            StmtKind::Scope(scope) => {
                for interrupt in &scope.guard.interrupts {
                    taken.extend(interrupt.wait.event.map(|id| ("interrupts it", id)));
                }
            }
            _ => {}
        });
        if taken.is_empty() && sent.is_empty() {
            return;
        }
        let event = |id| {
            let event = &self.words.program.events[id];
            let topic = event.topic.as_ref().map(|topic| format!(" (topic `{}`)", topic.node));
            let doc = event.doc.trim().replace('\n', " ");
            let doc = if doc.is_empty() { String::new() } else { format!(" {doc}") };
            (format!("`{}`{}", event.name.name, topic.unwrap_or_default()), doc)
        };
        let mut items = Vec::new();
        for (what, id) in taken {
            let (name, doc) = event(id);
            items.push(Item::new(format!("In: {name} {what}.{doc}")));
        }
        for id in sent {
            let (name, doc) = event(id);
            items.push(Item::new(format!("Out: {name}.{doc}")));
        }
        parts.push(Part::Heading(2, "Events".into()));
        parts.push(Part::List { numbered: false, items });
    }

    /// What is held while something runs.
    pub(super) fn locks(&self, parts: &mut Vec<Part>) {
        let mut items = Vec::new();
        self.each_stmt(&mut |stmt| {
            if let StmtKind::Lock(lock) = &stmt.kind {
                let held: Vec<String> =
                    lock.targets.iter().map(|t| format!("`{}`", self.words.text(t.span))).collect();
                let waits =
                    lock.within.map(|w| format!(", waiting for it up to {}", duration(w.value)));
                items.push(Item::new(format!(
                    "{} for at most {}{}.",
                    and(&held),
                    duration(lock.ttl.node),
                    waits.unwrap_or_default()
                )));
            }
        });
        if !items.is_empty() {
            parts.push(Part::Heading(2, "Locks".into()));
            parts.push(Part::List { numbered: false, items });
        }
    }

    /// Ways on which personal and secret values leave their labels behind.
    pub(super) fn disclosed(&self, parts: &mut Vec<Part>) {
        let program = self.words.program;
        let mut items = Vec::new();
        self.each_stmt(&mut |stmt| {
            stmt.each_expr(&mut |id| {
                program.each_inner(id, &mut |inner| {
                    let ExprKind::Builtin(Builtin::Reveal | Builtin::Fingerprint, _) =
                        &program.exprs[inner].kind
                    else {
                        return;
                    };
                    let (what, place) = (self.words.expr(inner), program.exprs[inner].span);
                    items.push(Item::new(format!("`{what}`, at `{}`.", self.words.place(place))));
                });
            });
        });
        if !items.is_empty() {
            parts.push(Part::Heading(2, "Where personal and secret values leave".into()));
            parts.push(Part::List { numbered: false, items });
        }
    }

    /// Every statement of the body and of what follows a failure.
    pub(super) fn each_stmt(&self, see: &mut dyn FnMut(&Stmt)) {
        let workflow = &self.words.program.workflows[self.id];
        let mut walk = |block: &Block| block.walk(true, &mut |stmt| see(stmt));
        walk(&workflow.body);
        workflow.aftermath.iter().for_each(|aftermath| walk(&aftermath.body));
    }
}
