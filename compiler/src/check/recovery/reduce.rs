//! From a workflow to what the walk looks at.

use super::facts::Facts;
use super::tree::{
    Block, Cause, Effect, End, Guard, Handler, Interrupt, Loop, Node, Step, Turns, Undo, Unit,
};
use crate::hir;
use crate::source::Sources;
use crate::span::Span;

/// Reduces blocks of one program.
pub struct Reducer<'p> {
    pub(super) program: &'p hir::Program,
    pub(super) sources: &'p Sources,
    /// Inside an undo, where steps insist by default.
    pub undo: bool,
}

impl<'p> Reducer<'p> {
    /// For this program.
    pub fn new(program: &'p hir::Program, sources: &'p Sources) -> Self {
        Self { program, sources, undo: false }
    }

    /// A block's statements.
    pub fn block(&self, block: &hir::Block) -> Vec<Node> {
        block.stmts.iter().flat_map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&self, stmt: &hir::Stmt) -> Vec<Node> {
        use hir::StmtKind as K;
        match &stmt.kind {
            K::Step(step) => vec![Node::Step(Box::new(self.step(step)))],
            K::Await(wait) => vec![self.wait(wait)],
            K::AwaitFirst(first) => vec![Node::Wait {
                span: first.span,
                expires: None,
                handlers: Vec::new(),
                arms: first.arms.iter().map(|a| (a.wait_span, self.block(&a.body))).collect(),
            }],
            K::Sleep(..) => vec![Node::Wait {
                span: stmt.span,
                expires: None,
                handlers: Vec::new(),
                arms: Vec::new(),
            }],
            K::Parallel(fork) => {
                let inner = Node::Parallel {
                    span: self.head(fork.span, fork.body_span),
                    branches: fork.branches.iter().map(|b| self.stmt(b)).collect(),
                    first: fork.first.is_some(),
                };
                self.guarded(inner, &fork.guard, stmt.span, "parallel")
            }
            K::ParallelEach(each) => self.parallel_each(each, stmt.span),
            K::Each(each) => vec![self.each(each, stmt.span)],
            K::Repeat(repeat) => vec![self.repeat(repeat, stmt.span)],
            K::Transaction(tx) => self.transaction_saying(tx),
            K::Savepoint(point) => self.block(&point.body),
            K::Scope(scope) => vec![Node::Unit(Box::new(self.scope(scope)))],
            K::Lock(lock) => vec![self.lock(lock)],
            K::If(choice) => vec![self.choice(choice)],
            K::Match(choice) => vec![self.matching(choice)],
            K::Manual(..) => vec![Node::Manual],
            K::Fail(fail) => {
                vec![Node::Fail { span: stmt.span, error: fail.name.node.to_string() }]
            }
            K::Return(_) => vec![Node::Return],
            K::Give(_) => vec![Node::Give],
            K::Again(_) => vec![Node::Again],
            K::Use(_) | K::Skip => vec![Node::Leave],
            K::Emit { .. } => vec![Node::Say { span: stmt.span, reply: false }],
            K::Reply(_) => vec![Node::Say { span: stmt.span, reply: true }],
            K::Let(..)
            | K::Start { .. }
            | K::Review(_)
            | K::Progress(..)
            | K::Reject(..)
            | K::Pass => Vec::new(),
        }
    }

    /// One step.
    pub fn step(&self, step: &hir::Step) -> Step {
        let program = self.program;
        let action = match step.call.target {
            hir::Target::Action(id) => Some(id),
            _ => None,
        };
        let effect = self.effect(&step.call.target);
        let repeatable =
            effect == Effect::Read || effect == Effect::Transaction || step.idempotent.is_some();
        let attempts = match step.retry.as_ref().map(|r| r.times) {
            Some(hir::Times::Forever) => None,
            Some(hir::Times::N(n)) => Some(u32::try_from(n).unwrap_or(u32::MAX)),
            // A policy that could not be read was reported; insist, so that nothing follows from it.
            Some(hir::Times::Error) => None,
            None if self.undo => None,
            None if repeatable => Some(3),
            None => Some(1),
        };
        let errors = program.target_errors(&step.call.target);
        let undo = self.undo_of(step);
        // F0306 says that the word is wrong; what it would mean is said of no such step.
        let mistaken = match effect {
            Effect::Read | Effect::Child => true,
            Effect::Write | Effect::Transaction => matches!(undo, Undo::Arguments | Undo::Result),
            Effect::Pivot | Effect::CommittingChild => false,
        };
        let endless = attempts.is_none() && step.deadline.is_none();
        let name = step.call.text.to_string();
        Step {
            span: step.call.span,
            action: action
                .map_or_else(|| name.clone(), |id| program.actions[id].name.node.to_string()),
            service: action.map_or_else(String::new, |id| program.provider(id).name.to_string()),
            name,
            effect,
            pivot: step.pivot && !mistaken,
            undo,
            repeatable,
            probe: step.probe.is_some(),
            attempts,
            cut: step.deadline.is_some(),
            retry_span: step.retry.as_ref().map_or(step.call.span, |r| r.span),
            errors: errors
                .iter()
                .filter(|id| !endless || !self.retried(step, **id))
                .map(|id| {
                    let error = &program.errors[*id];
                    (error.name.node.to_string(), error.span)
                })
                .collect(),
            fallback: step.fallback.as_ref().map(|f| self.fallback(f)),
            handlers: self.handlers(&step.handlers),
            message: action.is_some_and(|id| self.is_message(id)),
            suggestion: action.and_then(|id| self.suggestion(id)),
        }
    }

    /// Whether the policy repeats this declared error too: with no end to it, it never surfaces.
    fn retried(&self, step: &hir::Step, id: hir::ErrorId) -> bool {
        let error = &self.program.errors[id];
        let named = |retry: &hir::RetrySpec| retry.on.iter().any(|on| on.node == error.name.node);
        error.transient || step.retry.as_ref().is_some_and(named)
    }

    fn effect(&self, target: &hir::Target) -> Effect {
        match target {
            hir::Target::Action(id) => match self.program.actions[*id].class.node {
                hir::Class::Read => Effect::Read,
                hir::Class::Write => Effect::Write,
                hir::Class::Pivot => Effect::Pivot,
                hir::Class::Tx => Effect::Transaction,
            },
            hir::Target::Workflow(id) if super::commits(self.program, *id) => {
                Effect::CommittingChild
            }
            hir::Target::Workflow(_) => Effect::Child,
            hir::Target::Error => Effect::Read,
        }
    }

    fn undo_of(&self, step: &hir::Step) -> Undo {
        let (how, result) = match &step.undo {
            hir::Undo::None => return Undo::None,
            hir::Undo::Contract(id) => {
                let action = &self.program.actions[*id];
                match &action.compensate {
                    Some(own) => (&own.how, action.result_local),
                    None => return Undo::None,
                }
            }
            hir::Undo::Own(own) => (&own.how, step.bind),
        };
        match how {
            hir::CompensateHow::Waived(_) => Undo::Waived,
            hir::CompensateHow::Block { body, .. } => {
                match result.is_some_and(|local| self.program.block_reads(body, local)) {
                    true => Undo::Result,
                    false => Undo::Arguments,
                }
            }
        }
    }

    /// Only texts and personal data go in, and nothing comes back: a message to a person.
    fn is_message(&self, id: hir::ActionId) -> bool {
        let action = &self.program.actions[id];
        let personal = |field: &hir::Field| field.ty.node.label == hir::Label::Pii;
        let text = |field: &hir::Field| matches!(field.ty.node.kind, hir::TyKind::Text);
        action.result.is_none()
            && action.params.iter().any(personal)
            && action.params.iter().all(|field| personal(field) || text(field))
    }

    /// A sibling write that looks like the undo: its parameters are among the action's own, and
    /// its name says what it takes back.
    fn suggestion(&self, id: hir::ActionId) -> Option<String> {
        let action = &self.program.actions[id];
        let hir::Provider::Service(service) = action.provider else { return None };
        let own: Vec<&str> = action.params.iter().map(|p| p.name.node.as_str()).collect();
        let mut best: Option<(u32, String)> = None;
        for other in &self.program.services[service].actions {
            let candidate = &self.program.actions[*other];
            let params: Vec<&str> = candidate.params.iter().map(|p| p.name.node.as_str()).collect();
            let fits = *other != id
                && candidate.class.node == hir::Class::Write
                && candidate.compensate.is_none()
                && candidate.errors.is_empty()
                && !params.is_empty()
                && params.iter().all(|p| own.contains(p));
            let likeness = alike(&action.name.node, &candidate.name.node);
            if fits && likeness > best.as_ref().map_or(0, |(likeness, _)| *likeness) {
                let call = format!("{}({})", candidate.name.node, params.join(", "));
                best = Some((likeness, call));
            }
        }
        best.map(|(_, call)| call)
    }

    /// A transaction, and what goes out with its commit. Without an undo that it cannot stay is said
    /// of the transaction itself.
    fn transaction_saying(&self, tx: &hir::Transaction) -> Vec<Node> {
        let mut nodes = vec![Node::Step(Box::new(self.transaction(tx)))];
        if tx.compensate.is_some() {
            tx.body.walk(false, &mut |stmt| {
                if let hir::StmtKind::Emit { .. } = stmt.kind {
                    nodes.push(Node::Say { span: stmt.span, reply: false });
                }
            });
        }
        nodes
    }

    fn transaction(&self, tx: &hir::Transaction) -> Step {
        let errors = super::inner_errors(self.program, &tx.body);
        let attempts = match tx.guard.retry.as_ref().map(|r| r.times) {
            Some(hir::Times::N(n)) => Some(u32::try_from(n).unwrap_or(u32::MAX)),
            Some(_) => None,
            None if self.undo => None,
            None => Some(5),
        };
        let undo = match tx.compensate.as_ref().map(|c| &c.how) {
            None => Undo::None,
            Some(hir::CompensateHow::Waived(_)) => Undo::Waived,
            Some(hir::CompensateHow::Block { .. }) => Undo::Arguments,
        };
        let head = Span { end: tx.name.span.end, ..tx.span };
        Step {
            span: head,
            name: format!("transaction {}", tx.name.node),
            action: tx.name.node.to_string(),
            service: tx.name.node.to_string(),
            effect: Effect::Transaction,
            pivot: false,
            undo,
            repeatable: true,
            probe: false,
            attempts,
            cut: tx.guard.deadline.is_some(),
            retry_span: tx.guard.retry.as_ref().map_or(head, |r| r.span),
            errors,
            fallback: None,
            handlers: self.handlers(&tx.guard.handlers),
            message: false,
            suggestion: None,
        }
    }

    fn wait(&self, wait: &hir::Await) -> Node {
        let subject = match &wait.awaited {
            hir::Awaited::Event(event) => format!("`{}` does not arrive", event.name.node),
            hir::Awaited::Task { .. } => "nobody answers".to_owned(),
        };
        let expires = wait.bound.as_ref().map(|bound| {
            let written = self.sources.text(bound.span);
            let written = written.strip_prefix("within").unwrap_or(written).trim();
            match bound.until {
                true => format!("{subject} in time"),
                false => format!("{subject} in {written}"),
            }
        });
        Node::Wait {
            span: wait.span,
            expires,
            handlers: self.handlers(&wait.handlers),
            arms: Vec::new(),
        }
    }

    fn lock(&self, lock: &hir::Lock) -> Node {
        let mut nodes = Vec::new();
        if lock.within.is_some() {
            nodes.push(Node::Wait {
                span: lock.span,
                expires: Some("the lock is not free in time".to_owned()),
                handlers: Vec::new(),
                arms: Vec::new(),
            });
        }
        nodes.extend(self.block(&lock.body));
        Node::Unit(Box::new(Unit {
            span: lock.span,
            word: "lock",
            body: nodes,
            fallback: None,
            handlers: self.handlers(&lock.handlers),
            interrupts: Vec::new(),
            deadline: None,
        }))
    }

    fn scope(&self, scope: &hir::Scope) -> Unit {
        self.unit(self.block(&scope.body), &scope.guard, scope.span, "scope")
    }

    fn unit(&self, body: Vec<Node>, guard: &hir::Guard, span: Span, word: &'static str) -> Unit {
        Unit {
            span,
            word,
            body,
            fallback: guard.fallback.as_ref().map(|f| self.fallback(f)),
            handlers: self.handlers(&guard.handlers),
            interrupts: guard.interrupts.iter().map(|i| self.interrupt(i)).collect(),
            deadline: guard.deadline.map(|d| d.span),
        }
    }

    fn guarded(
        &self,
        inner: Node,
        guard: &hir::Guard,
        span: Span,
        word: &'static str,
    ) -> Vec<Node> {
        if guard.is_empty() {
            return vec![inner];
        }
        vec![Node::Unit(Box::new(self.unit(vec![inner], guard, span, word)))]
    }

    fn fallback(&self, fallback: &hir::Fallback) -> Block {
        Block { span: fallback.span, body: self.block(&fallback.body) }
    }

    fn interrupt(&self, interrupt: &hir::Interrupt) -> Interrupt {
        Interrupt {
            span: interrupt.span,
            event: interrupt.wait.name.node.to_string(),
            keep: interrupt.keep,
            body: self.block(&interrupt.remedy),
            end: end(&interrupt.remedy),
        }
    }

    /// Handlers in order, `else` last.
    pub fn handlers(&self, handlers: &hir::Handlers) -> Vec<Handler> {
        let mut all: Vec<Handler> = handlers
            .on
            .iter()
            .map(|handler| Handler {
                on: Some(cause(&handler.on)),
                span: handler.span,
                body: self.block(&handler.remedy),
                end: end(&handler.remedy),
            })
            .collect();
        if let Some(otherwise) = &handlers.otherwise {
            all.push(Handler {
                on: None,
                span: otherwise.span,
                body: self.block(&otherwise.remedy),
                end: end(&otherwise.remedy),
            });
        }
        all
    }

    fn parallel_each(&self, each: &hir::ParallelEach, span: Span) -> Vec<Node> {
        let looped = Node::Loop(Box::new(Loop {
            span,
            head: self.head(span, each.body.span),
            parallel: true,
            settle: each.settle,
            first: each.first.is_some(),
            turns: Turns::List,
            body: self.block(&each.body),
            otherwise: None,
            locals: self.turn_names(&each.pattern, &each.body),
        }));
        self.guarded(looped, &each.guard, span, "parallel")
    }

    fn each(&self, each: &hir::Each, span: Span) -> Node {
        Node::Loop(Box::new(Loop {
            span,
            head: self.head(span, each.body.span),
            parallel: false,
            settle: each.settle,
            first: false,
            turns: Turns::List,
            body: self.block(&each.body),
            otherwise: None,
            locals: self.turn_names(&each.pattern, &each.body),
        }))
    }

    fn repeat(&self, repeat: &hir::Repeat, span: Span) -> Node {
        let until = repeat.until.map(|condition| {
            let facts = Facts::new(self.program);
            let span = self.program.exprs[condition].span;
            let guard = |holds: bool| Guard {
                facts: facts.of(condition, holds),
                span,
                label: "if this holds".to_owned(),
            };
            (guard(true), guard(false))
        });
        let vars: Vec<hir::LocalId> = repeat.vars.iter().map(|(local, _)| *local).collect();
        Node::Loop(Box::new(Loop {
            span,
            head: self.head(span, repeat.body.span),
            parallel: false,
            settle: false,
            first: false,
            turns: Turns::Repeat { bounded: repeat.up_to.is_some(), until },
            body: self.block(&repeat.body),
            otherwise: repeat.otherwise.as_ref().map(|block| self.block(block)),
            locals: self.turn_names(&vars, &repeat.body),
        }))
    }

    /// From the beginning of a loop to its body.
    fn head(&self, span: Span, body: Span) -> Span {
        let text = self.sources.text(Span { end: body.start.max(span.start), ..span });
        Span::new(span.file, span.start as usize, span.start as usize + text.trim_end().len())
    }

    /// Names that end with a turn: the loop's own, and what its body binds.
    fn turn_names(&self, own: &[hir::LocalId], body: &hir::Block) -> Vec<u32> {
        let mut names: Vec<u32> = own.iter().map(|local| local.0).collect();
        for (id, local) in self.program.locals.iter() {
            let inside = local.span.file == body.span.file
                && local.span.start >= body.span.start
                && local.span.end <= body.span.end;
            if inside {
                names.push(id.0);
            }
        }
        names
    }

    fn choice(&self, choice: &hir::If) -> Node {
        let facts = Facts::new(self.program);
        let span = self.program.exprs[choice.condition].span;
        let guard = |holds: bool| Guard {
            facts: facts.of(choice.condition, holds),
            span,
            label: match holds {
                true => "if this branch is taken".to_owned(),
                false => "if this does not hold".to_owned(),
            },
        };
        let otherwise = choice.otherwise.as_ref().map_or_else(Vec::new, |b| self.block(b));
        Node::Choice(vec![(guard(true), self.block(&choice.then)), (guard(false), otherwise)])
    }

    fn matching(&self, choice: &hir::Match) -> Node {
        let facts = Facts::new(self.program);
        let mut arms = Vec::new();
        for (index, arm) in choice.arms.iter().enumerate() {
            let earlier: Vec<hir::PatternId> =
                choice.arms.iter().take(index).map(|a| a.pattern).collect();
            let guard = Guard {
                facts: facts.of_arm(choice.subject, arm.pattern, &earlier),
                span: self.program.patterns[arm.pattern].span,
                label: "if this arm is taken".to_owned(),
            };
            arms.push((guard, self.block(&arm.body)));
        }
        Node::Choice(arms)
    }
}

/// Words that begin the name of what takes something back.
const TAKES_BACK: [&str; 17] = [
    "abort", "cancel", "clear", "delete", "discard", "drop", "free", "refund", "release", "remove",
    "restore", "return", "reverse", "revert", "revoke", "undo", "void",
];

/// How much the name of one action looks like the undo of another.
fn alike(action: &str, undo: &str) -> u32 {
    let takes_back = undo.split('_').any(|word| TAKES_BACK.contains(&word));
    let shared = action.split('_').any(|word| undo.split('_').any(|other| other == word));
    2 * u32::from(takes_back) + u32::from(shared)
}

/// The cause a handler names.
fn cause(on: &hir::On) -> Cause {
    match on {
        hir::On::Timeout => Cause::Timeout,
        hir::On::Unknown => Cause::Unknown,
        hir::On::Refused => Cause::Refused,
        hir::On::Error { name, .. } => Cause::Declared(name.node.to_string()),
    }
}

/// How a remedy ends.
pub fn end(block: &hir::Block) -> End {
    if let [hir::Stmt { kind: hir::StmtKind::Manual(..), .. }] = block.stmts.as_slice() {
        return End::Manual;
    }
    let exits = block.exits();
    let elsewhere = exits.falls || exits.uses || exits.gives || exits.again || exits.returns;
    match (elsewhere, exits.skips) {
        (true, _) => End::GoesOn,
        (false, true) => End::Skips,
        (false, false) => End::Fails,
    }
}
