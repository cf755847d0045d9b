//! From the program to the scene: what each statement shows.

use super::scene::{Choice, Column, Group, Kind, Node, Part, Scene};
use crate::hir::{
    self, ArmWait, Await, Awaited, Block, Compensate, CompensateHow, ExprId, Guard, Handlers, On,
    Program, Sleep, Stmt, StmtKind, Target, Undo, WorkflowId,
};
use crate::source::Sources;
use crate::span::Span;

/// Bound: a longer condition would make its box wider than what it decides.
const WORDS_MAX: usize = 44;

struct Reader<'p> {
    program: &'p Program,
    sources: &'p Sources,
}

/// What is to be seen of a workflow.
pub(super) fn scene(program: &Program, sources: &Sources, workflow: WorkflowId) -> Scene {
    let reader = Reader { program, sources };
    let found = &program.workflows[workflow];
    let mut body = reader.column(&found.body);
    if !super::scene::ends(&body) {
        body.push(node(Kind::Done, "done"));
    }
    let aftermath = found.aftermath.as_ref().map(|after| reader.column(&after.body));
    Scene { title: format!("{} v{}", found.name.name, found.version.node), body, aftermath }
}

fn node(kind: Kind, title: impl Into<String>) -> Part {
    Part::Node(Node { kind, title: title.into(), notes: Vec::new(), undo: None })
}

fn one(title: String, column: Column) -> Group {
    Group { title, notes: Vec::new(), columns: vec![column], undo: None }
}

impl Reader<'_> {
    fn column(&self, block: &Block) -> Column {
        block.stmts.iter().filter_map(|stmt| self.part(stmt)).collect()
    }

    fn part(&self, stmt: &Stmt) -> Option<Part> {
        Some(match &stmt.kind {
            StmtKind::Step(step) => Part::Node(self.step(step)),
            StmtKind::Await(wait) => Part::Node(self.wait(wait)),
            StmtKind::AwaitFirst(first) => Part::Choice(Choice {
                title: "whichever comes first".into(),
                ways: first
                    .arms
                    .iter()
                    .map(|arm| (self.arm(&arm.wait), self.column(&arm.body)))
                    .collect(),
            }),
            StmtKind::Sleep(_, sleep) => node(Kind::Wait, self.sleep(sleep)),
            StmtKind::Parallel(all) => Part::Group(Group {
                title: match all.first {
                    Some(first) => format!("in parallel, the first {}", first.node),
                    None => "in parallel".into(),
                },
                notes: self.guard(&all.guard),
                columns: all
                    .branches
                    .iter()
                    .filter_map(|b| self.part(b))
                    .map(|p| vec![p])
                    .collect(),
                undo: None,
            }),
            StmtKind::ParallelEach(each) => Part::Group(Group {
                notes: self.guard(&each.guard),
                ..one(
                    format!("in parallel, each of {}", self.words(each.over)),
                    self.column(&each.body),
                )
            }),
            StmtKind::Each(each) => {
                let body = self.column(&each.body);
                Part::Group(one(format!("each of {}", self.words(each.over)), body))
            }
            StmtKind::Repeat(repeat) => self.repeat(repeat),
            StmtKind::Transaction(tx) => Part::Group(Group {
                notes: self.guard(&tx.guard),
                undo: tx.compensate.as_ref().and_then(|undo| self.compensate(undo)),
                ..one(format!("transaction {}", tx.name.node), self.column(&tx.body))
            }),
            StmtKind::Savepoint(point) => Part::Group(Group {
                notes: self.handlers(&point.handlers),
                ..one(format!("savepoint {}", point.name.node), self.column(&point.body))
            }),
            StmtKind::Scope(scope) => Part::Group(Group {
                notes: self.guard(&scope.guard),
                ..one(format!("scope {}", scope.name.node), self.column(&scope.body))
            }),
            StmtKind::Lock(lock) => {
                let targets: Vec<String> = lock.targets.iter().map(|t| self.text(t.span)).collect();
                Part::Group(Group {
                    notes: self.handlers(&lock.handlers),
                    ..one(format!("lock {}", targets.join(", ")), self.column(&lock.body))
                })
            }
            StmtKind::If(_) | StmtKind::Match(_) => Part::Choice(self.choice(&stmt.kind)?),
            _ => return self.note(stmt),
        })
    }

    /// Statements that are one small box, and those that show nothing.
    fn note(&self, stmt: &Stmt) -> Option<Part> {
        Some(match &stmt.kind {
            StmtKind::Emit { event: Some(event), .. } => {
                node(Kind::Note, format!("emit {}", self.program.events[*event].name.name))
            }
            StmtKind::Start { workflow: Some(started), .. } => {
                node(Kind::Note, format!("start {}", self.program.workflows[*started].name.name))
            }
            StmtKind::Reply(_) => node(Kind::Note, "reply"),
            StmtKind::Review(text) => node(Kind::Note, format!("review {}", self.words(*text))),
            StmtKind::Reject(what, _) => node(Kind::Note, format!("reject {}", self.words(*what))),
            StmtKind::Manual(_, text) => node(Kind::Wait, format!("ask {}", self.words(*text))),
            StmtKind::Fail(fail) => node(Kind::Failed, format!("fail {}", fail.name.node)),
            StmtKind::Return(_) => node(Kind::Done, "return"),
            StmtKind::Again(_) => node(Kind::Note, "again"),
            StmtKind::Give(value) => node(Kind::Note, format!("give {}", self.words(*value))),
            _ => return None,
        })
    }

    fn repeat(&self, repeat: &hir::Repeat) -> Part {
        let turns = match repeat.up_to {
            Some(times) => format!("repeat up to {} times", times.node),
            None => "repeat".into(),
        };
        let until = repeat.until.map(|until| format!(" until {}", self.words(until)));
        let mut group = one(turns + &until.unwrap_or_default(), self.column(&repeat.body));
        if let Some(otherwise) = &repeat.otherwise {
            group.notes.push(format!("else {}", self.remedy(otherwise)));
        }
        Part::Group(group)
    }

    fn choice(&self, kind: &StmtKind) -> Option<Choice> {
        match kind {
            StmtKind::If(found) => {
                let mut ways = vec![("yes".to_owned(), self.column(&found.then))];
                let other = found.otherwise.as_ref().map(|block| self.column(block));
                ways.push(("no".to_owned(), other.unwrap_or_default()));
                Some(Choice { title: format!("{}?", self.words(found.condition)), ways })
            }
            StmtKind::Match(found) => Some(Choice {
                title: self.words(found.subject),
                ways: found
                    .arms
                    .iter()
                    .map(|arm| {
                        let pattern = self.text(self.program.patterns[arm.pattern].span);
                        (pattern, self.column(&arm.body))
                    })
                    .collect(),
            }),
            _ => None,
        }
    }

    fn step(&self, step: &hir::Step) -> Node {
        let mut notes = Vec::new();
        if let Some(fallback) = &step.fallback {
            notes.push(format!("else try {}", self.calls(&fallback.body).join(", ")));
        }
        notes.extend(self.handlers(&step.handlers));
        let class = match step.call.target {
            Target::Action(action) => Some(self.program.actions[action].class.node),
            _ => None,
        };
        let kind = match class {
            _ if step.pivot => Kind::Pivot,
            Some(hir::Class::Read) => Kind::Read,
            _ => Kind::Write,
        };
        let undo = match &step.undo {
            Undo::None => None,
            Undo::Contract(action) => {
                let promised = self.program.actions[*action].compensate.as_ref();
                promised.and_then(|undo| self.compensate(undo))
            }
            Undo::Own(undo) => self.compensate(undo),
        };
        Node { kind, title: self.call(step), notes, undo }
    }

    fn call(&self, step: &hir::Step) -> String {
        match step.call.target {
            Target::Action(action) => self.program.action_name(action),
            Target::Workflow(child) => format!("run {}", self.program.workflows[child].name.name),
            Target::Error => step.call.text.to_string(),
        }
    }

    /// The calls of a block, in order.
    fn calls(&self, block: &Block) -> Vec<String> {
        let mut calls = Vec::new();
        for stmt in &block.stmts {
            stmt.walk(false, &mut |inner| {
                if let StmtKind::Step(step) = &inner.kind {
                    calls.push(self.call(step));
                }
            });
        }
        calls
    }

    fn compensate(&self, undo: &Compensate) -> Option<String> {
        match &undo.how {
            CompensateHow::Waived(_) => None,
            CompensateHow::Block { body, .. } => {
                let calls = self.calls(body);
                Some(if calls.is_empty() { "undo".into() } else { calls.join(", ") })
            }
        }
    }

    fn wait(&self, wait: &Await) -> Node {
        let mut notes: Vec<String> = Vec::new();
        if let Some(bound) = &wait.bound {
            let word = if bound.until { "until" } else { "within" };
            notes.push(format!("{word} {}", self.words(bound.value)));
        }
        notes.extend(self.handlers(&wait.handlers));
        Node { kind: Kind::Wait, title: self.awaited(&wait.awaited), notes, undo: None }
    }

    fn arm(&self, wait: &ArmWait) -> String {
        match wait {
            ArmWait::Sleep(sleep) => self.sleep(sleep),
            ArmWait::Awaited(awaited) => self.awaited(awaited),
        }
    }

    fn awaited(&self, awaited: &Awaited) -> String {
        match awaited {
            Awaited::Event(event) => format!("event {}", event.name.node),
            Awaited::Task { human: Some(human), .. } => {
                format!("task {}", self.program.humans[*human].name.name)
            }
            Awaited::Task { span, .. } => self.text(*span),
        }
    }

    fn sleep(&self, sleep: &Sleep) -> String {
        match sleep {
            Sleep::For(time) => format!("sleep {}", self.words(*time)),
            Sleep::Until(time) => format!("sleep until {}", self.words(*time)),
        }
    }

    fn guard(&self, guard: &Guard) -> Vec<String> {
        let mut notes: Vec<String> = guard
            .interrupts
            .iter()
            .map(|i| format!("on event {}: {}", i.wait.name.node, self.remedy(&i.remedy)))
            .collect();
        if let Some(fallback) = &guard.fallback {
            notes.push(format!("else try {}", self.calls(&fallback.body).join(", ")));
        }
        notes.extend(self.handlers(&guard.handlers));
        notes
    }

    fn handlers(&self, handlers: &Handlers) -> Vec<String> {
        let on = |on: &On| match on {
            On::Timeout => "timeout".to_owned(),
            On::Unknown => "unknown".to_owned(),
            On::Refused => "refused".to_owned(),
            On::Error { name, .. } => name.node.to_string(),
        };
        let mut notes: Vec<String> = handlers
            .on
            .iter()
            .map(|handler| format!("on {}: {}", on(&handler.on), self.remedy(&handler.remedy)))
            .collect();
        let otherwise = handlers.otherwise.as_ref();
        notes.extend(otherwise.map(|other| format!("else {}", self.remedy(&other.remedy))));
        notes
    }

    /// What a remedy comes to, in a few words.
    fn remedy(&self, block: &Block) -> String {
        let parts: Vec<String> = block
            .stmts
            .iter()
            .filter_map(|stmt| match &stmt.kind {
                StmtKind::Skip => Some("skip".into()),
                StmtKind::Use(value) => Some(format!("use {}", self.words(*value))),
                StmtKind::Step(step) => Some(self.call(step)),
                _ => match self.part(stmt)? {
                    Part::Node(node) => Some(node.title),
                    Part::Choice(choice) => Some(choice.title),
                    Part::Group(group) => Some(group.title),
                },
            })
            .collect();
        shortened(&parts.join(", "))
    }

    fn words(&self, expr: ExprId) -> String {
        self.text(self.program.exprs[expr].span)
    }

    /// The characters of a place on one line, cut where they are many.
    fn text(&self, span: Span) -> String {
        let words: Vec<&str> = self.sources.text(span).split_whitespace().collect();
        shortened(&words.join(" "))
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= WORDS_MAX {
        return text.to_owned();
    }
    let cut: String = text.chars().take(WORDS_MAX - 1).collect();
    format!("{}…", cut.trim_end())
}
