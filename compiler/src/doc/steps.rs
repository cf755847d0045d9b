//! The steps of a workflow in order: what each does, how it is undone, and what its failures lead to.

use super::Writer;
use crate::hir::{
    Await, Awaited, Block, Class, Compensate, CompensateHow, Fallback, Guard, Handlers, On, Step,
    Stmt, StmtKind, Target, Undo,
};
use crate::page::Item;
use crate::words::{and, duration};

impl Writer<'_> {
    /// A block as items.
    pub(super) fn steps(&self, block: &Block) -> Vec<Item> {
        block.stmts.iter().filter_map(|stmt| self.item(stmt)).collect()
    }

    fn item(&self, stmt: &Stmt) -> Option<Item> {
        Some(match &stmt.kind {
            StmtKind::Step(step) => self.step(step),
            StmtKind::Await(wait) => self.wait(wait),
            StmtKind::AwaitFirst(first) => {
                let inner = first.arms.iter().map(|arm| Item {
                    text: format!("If `{}` comes first:", self.words.text(arm.wait_span)),
                    notes: Vec::new(),
                    inner: self.steps(&arm.body),
                });
                let inner = inner.collect();
                Item { text: "Wait for whichever comes first.".into(), inner, ..Item::default() }
            }
            StmtKind::Sleep(..) => Item::new(format!("`{}`", self.words.text(stmt.span))),
            StmtKind::Parallel(fork) => Item {
                text: match fork.first {
                    Some(n) => format!("At the same time, until {} have succeeded:", n.node),
                    None => "At the same time:".into(),
                },
                notes: self.guard(&fork.guard),
                inner: fork.branches.iter().filter_map(|branch| self.item(branch)).collect(),
            },
            StmtKind::Transaction(tx) => {
                let mut notes: Vec<String> =
                    tx.compensate.iter().map(|undo| self.undone(undo, "the block says")).collect();
                notes.extend(self.guard(&tx.guard));
                let text = format!("In one transaction of `{}`, all or nothing:", tx.name.node);
                Item { text, notes, inner: self.steps(&tx.body) }
            }
            StmtKind::Savepoint(point) => Item {
                text: format!("Inside it, to be rolled back alone (`{}`):", point.name.node),
                notes: self.handlers(&point.handlers),
                inner: self.steps(&point.body),
            },
            StmtKind::Scope(scope) => Item {
                text: format!(
                    "As one part, `{}`, that is undone alone where it fails:",
                    scope.name.node
                ),
                notes: self.guard(&scope.guard),
                inner: self.steps(&scope.body),
            },
            StmtKind::Lock(lock) => {
                let held: Vec<String> =
                    lock.targets.iter().map(|t| format!("`{}`", self.words.text(t.span))).collect();
                let text =
                    format!("Holding {} for at most {}:", and(&held), duration(lock.ttl.node));
                Item { text, notes: self.handlers(&lock.handlers), inner: self.steps(&lock.body) }
            }
            _ => return self.turns(stmt).or_else(|| self.choice(stmt)).or_else(|| self.note(stmt)),
        })
    }

    /// Loops.
    fn turns(&self, stmt: &Stmt) -> Option<Item> {
        let text = |id| format!("`{}`", self.words.expr(id));
        Some(match &stmt.kind {
            StmtKind::ParallelEach(each) => {
                let most = each.max.map(|max| format!(", at most {} at once", max.node));
                let settle = if each.settle { "; one that fails stops no other" } else { "" };
                Item {
                    text: format!(
                        "For each of {}, side by side{}{settle}:",
                        text(each.over),
                        most.unwrap_or_default()
                    ),
                    notes: self.guard(&each.guard),
                    inner: self.steps(&each.body),
                }
            }
            StmtKind::Each(each) => {
                let settle = if each.settle { "; one that fails stops no other" } else { "" };
                let text = format!("For each of {}, one after the other{settle}:", text(each.over));
                Item { text, notes: Vec::new(), inner: self.steps(&each.body) }
            }
            StmtKind::Repeat(repeat) => {
                let times = match repeat.up_to {
                    Some(n) => format!("Up to {} times", n.node),
                    None => "Again and again".to_owned(),
                };
                let until = repeat.until.map(|id| format!(", until {}", text(id)));
                let otherwise = repeat.otherwise.as_ref();
                let note = |block| format!("If the turns run out: {}.", self.words.remedy(block));
                Item {
                    text: format!("{times}{}:", until.unwrap_or_default()),
                    notes: otherwise.map(note).into_iter().collect(),
                    inner: self.steps(&repeat.body),
                }
            }
            _ => return None,
        })
    }

    /// Blocks of which one is taken.
    fn choice(&self, stmt: &Stmt) -> Option<Item> {
        let text = |id| format!("`{}`", self.words.expr(id));
        Some(match &stmt.kind {
            StmtKind::If(choice) => {
                let mut inner = self.steps(&choice.then);
                if let Some(other) = &choice.otherwise {
                    let other = self.steps(other);
                    inner.push(Item { text: "Otherwise:".into(), notes: Vec::new(), inner: other });
                }
                let text = format!("If {}:", text(choice.condition));
                Item { text, notes: Vec::new(), inner }
            }
            StmtKind::Match(choice) => Item {
                text: format!("Depending on {}:", text(choice.subject)),
                notes: Vec::new(),
                inner: choice
                    .arms
                    .iter()
                    .map(|arm| {
                        let pattern = self.words.program.patterns[arm.pattern].span;
                        let inner = self.steps(&arm.body);
                        let end = if inner.is_empty() { ", nothing more." } else { ":" };
                        let text = format!("`{}`{end}", self.words.text(pattern));
                        Item { text, notes: Vec::new(), inner }
                    })
                    .collect(),
            },
            _ => return None,
        })
    }

    /// Statements that are one line.
    fn note(&self, stmt: &Stmt) -> Option<Item> {
        let text = |id| format!("`{}`", self.words.expr(id));
        Some(Item::new(match &stmt.kind {
            StmtKind::Emit { event: Some(event), .. } => {
                format!("Emit `{}`.", self.words.program.events[*event].name.name)
            }
            StmtKind::Start { workflow: Some(id), .. } => {
                let name = &self.words.program.workflows[*id].name.name;
                format!("Start `{name}`, which then runs by itself.")
            }
            StmtKind::Reply(value) => format!("Answer the caller with {}.", text(*value)),
            StmtKind::Review(what) => format!("Ask for a review, and go on: {}.", text(*what)),
            StmtKind::Reject(what, why) => format!("Set {} aside: {}.", text(*what), text(*why)),
            StmtKind::Manual(_, what) => format!("Wait for a person: {}.", text(*what)),
            StmtKind::Fail(fail) => {
                format!("Fail with `{}`.", self.words.text(fail.span).trim_start_matches("fail "))
            }
            StmtKind::Return(Some(value)) => format!("End with {}.", text(*value)),
            StmtKind::Return(None) => "End.".to_owned(),
            StmtKind::Give(value) => format!("Give {}.", text(*value)),
            StmtKind::Let(local, value) => {
                format!("Let `{}` be {}.", self.words.program.local_name(*local), text(*value))
            }
            _ => return None,
        }))
    }

    fn step(&self, step: &Step) -> Item {
        let call = self.words.text(step.call.span);
        let mut notes = Vec::new();
        if let Target::Action(id) = step.call.target {
            let action = &self.words.program.actions[id];
            let doc = action.doc.trim().replace('\n', " ");
            if !doc.is_empty() {
                notes.push(doc);
            }
            if action.class.node == Class::Read && !step.pivot {
                notes.push("It only reads.".to_owned());
            }
        }
        let undo = match &step.undo {
            Undo::Own(own) => Some(self.undone(own, "the step itself says")),
            Undo::Contract(id) => {
                let promised = self.words.program.actions[*id].compensate.as_ref();
                promised.map(|own| self.undone(own, "its contract says"))
            }
            Undo::None => None,
        };
        notes.extend(undo);
        if step.pivot {
            notes.push("The point of no return: once it has happened, nothing is undone.".into());
        }
        notes.extend(step.fallback.as_ref().map(|fallback| self.fallback(fallback)));
        notes.extend(self.handlers(&step.handlers));
        let text = match self.words.local(step.bind) {
            Some(name) => format!("`{call}` gives `{name}`."),
            None => format!("`{call}`."),
        };
        Item { text, notes, inner: Vec::new() }
    }

    fn wait(&self, wait: &Await) -> Item {
        let mut notes = Vec::new();
        if let Some(bound) = &wait.bound {
            let word = if bound.until { "until" } else { "for at most" };
            notes.push(format!("It waits {word} `{}`.", self.words.expr(bound.value)));
        }
        if let Some(remind) = &wait.remind {
            notes.push(format!("Reminded every {}.", duration(remind.value)));
        }
        if let Some(escalate) = &wait.escalate {
            let to = self.words.expr(escalate.to);
            notes.push(format!("After {} it goes to `{to}`.", duration(escalate.after_ms)));
        }
        notes.extend(self.handlers(&wait.handlers));
        let text = match &wait.awaited {
            Awaited::Event(event) => format!("Wait for `{}`.", self.words.text(event.span)),
            Awaited::Task { span, .. } => format!("Ask a person: `{}`.", self.words.text(*span)),
        };
        Item { text, notes, inner: Vec::new() }
    }

    /// `Undone by …, as its contract says.`
    pub(super) fn undone(&self, undo: &Compensate, said: &str) -> String {
        match &undo.how {
            CompensateHow::Waived(reason) => {
                format!("Not undone, as {said}: {}.", reason.node.trim_end_matches('.'))
            }
            CompensateHow::Block { body, .. } => {
                let calls = self.calls(body);
                let by = if calls.is_empty() { "its own block".to_owned() } else { and(&calls) };
                format!("Undone by {by}, as {said}.")
            }
        }
    }

    /// The calls of a block in order, as written.
    pub(super) fn calls(&self, block: &Block) -> Vec<String> {
        let mut calls = Vec::new();
        block.walk(false, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind {
                calls.push(format!("`{}`", self.called(step)));
            }
        });
        calls
    }

    /// A call as written, with the service that a contract leaves out.
    fn called(&self, step: &Step) -> String {
        let text = self.words.text(step.call.span);
        let full = self.words.call(step);
        match full.rsplit_once('.') {
            Some((provider, action)) if text.starts_with(action) => format!("{provider}.{text}"),
            _ => text,
        }
    }

    fn fallback(&self, fallback: &Fallback) -> String {
        let calls = self.calls(&fallback.body);
        if calls.is_empty() {
            return format!("If it fails: {}.", self.words.remedy(&fallback.body));
        }
        format!("If it fails, {} instead.", and(&calls))
    }

    fn guard(&self, guard: &Guard) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(guard.deadline.map(|d| format!("It has {} in all.", duration(d.value))));
        for interrupt in &guard.interrupts {
            let kept = if interrupt.keep { "what it did is kept" } else { "what it did is undone" };
            notes.push(format!(
                "When `{}` comes it stops, {kept}, and then: {}.",
                self.words.text(interrupt.wait.span),
                self.words.remedy(&interrupt.remedy)
            ));
        }
        notes.extend(guard.fallback.as_ref().map(|fallback| self.fallback(fallback)));
        notes.extend(self.handlers(&guard.handlers));
        notes
    }

    fn handlers(&self, handlers: &Handlers) -> Vec<String> {
        let mut notes = Vec::new();
        for handler in &handlers.on {
            let when = match &handler.on {
                On::Timeout => "If nothing comes of it in time".to_owned(),
                On::Unknown => "If nobody can tell whether it happened".to_owned(),
                On::Refused => "If it was never sent".to_owned(),
                On::Error { name, .. } => format!("If it fails with `{}`", name.node),
            };
            notes.push(format!("{when}: {}.", self.words.remedy(&handler.remedy)));
        }
        let others = if handlers.on.is_empty() { "If it fails" } else { "If it fails otherwise" };
        let otherwise = handlers.otherwise.as_ref();
        notes.extend(
            otherwise.map(|other| format!("{others}: {}.", self.words.remedy(&other.remedy))),
        );
        notes
    }
}
