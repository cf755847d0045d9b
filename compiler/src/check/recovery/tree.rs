//! What the recoverability analysis looks at: a workflow reduced to what can fail, what may stay
//! behind, and what commits.
//!
//! Built from the program by `reduce`, walked by `walk`. Nothing here knows types or names beyond
//! what a finding must say.

use crate::span::Span;

/// Why control can leave a statement with an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A declared error.
    Declared(String),
    /// A wait or a read ran out of time.
    Timeout,
    /// The policy ended and nothing was ever sent.
    Refused,
    /// The policy ended and nobody knows.
    Unknown,
    /// A read's attempts are used up.
    Exhausted,
    /// Something that only this wording describes, and that no `on` can name.
    Other,
}

/// What a handler takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handler {
    /// The cause it names; none for `else`.
    pub on: Option<Cause>,
    /// The whole clause.
    pub span: Span,
    /// What it does.
    pub body: Vec<Node>,
    /// How it ends.
    pub end: End,
}

/// How a block that handles a failure can end normally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It never does: it fails on every path.
    Fails,
    /// `skip` on every path that goes on.
    Skips,
    /// It goes on with something else: `use`, `give`, `return`, or a block.
    GoesOn,
    /// `manual`: a person decides.
    Manual,
}

/// Effect class of a call, as far as recovery is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Cannot be undone.
    Pivot,
    /// A transaction of its own, or a `transaction` block: one effect, all or nothing.
    Transaction,
    /// A child run that does not commit.
    Child,
    /// A child run that commits, or leaves something behind.
    CommittingChild,
}

/// What is known of undoing a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Nothing.
    None,
    /// Waived with a reason.
    Waived,
    /// From the arguments.
    Arguments,
    /// From the result.
    Result,
}

/// One call with its promises and its policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The call, without its clauses: where findings point.
    pub span: Span,
    /// `Service.action`, as written.
    pub name: String,
    /// The service as written and the action, for suggestions.
    pub action: String,
    /// Service, for the help.
    pub service: String,
    /// Class.
    pub effect: Effect,
    /// Written as `pivot`.
    pub pivot: bool,
    /// Undo.
    pub undo: Undo,
    /// A retry under the same key is harmless.
    pub repeatable: bool,
    /// Has a probe.
    pub probe: bool,
    /// Attempts in all; none is forever.
    pub attempts: Option<u32>,
    /// The policy is cut by the step's own deadline.
    pub cut: bool,
    /// The `retry` clause or the call, where "gives up" points.
    pub retry_span: Span,
    /// Errors that can surface, with where they are declared.
    pub errors: Vec<(String, Span)>,
    /// `fallback`.
    pub fallback: Option<Block>,
    /// `on …` and `else`, in source order, `else` last.
    pub handlers: Vec<Handler>,
    /// Only text and personal data go in: a message to a person (the first fix is a waiver).
    pub message: bool,
    /// Parameters by name, to find a matching undo among the service's actions.
    pub suggestion: Option<String>,
}

/// A block with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where.
    pub span: Span,
    /// Statements.
    pub body: Vec<Node>,
}

/// A guard that a path depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// What is known of the bindings where it is taken; empty where its truth may differ next time.
    pub facts: Vec<Fact>,
    /// The condition, for the label.
    pub span: Span,
    /// Label text, `if this branch is taken`.
    pub label: String,
}

/// What a guard says about the bindings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// Canonical text, over resolved names, of what is looked at.
    pub key: String,
    /// What it is compared with; `true` for a plain condition.
    pub value: String,
    /// Names it mentions, by unique number: it ends with the shortest-lived of them.
    pub locals: Vec<u32>,
    /// Whether it is equal.
    pub holds: bool,
}

impl Fact {
    /// Whether it mentions one of these names.
    #[must_use]
    pub fn mentions(&self, locals: &[u32]) -> bool {
        self.locals.iter().any(|local| locals.contains(local))
    }

    /// Whether both cannot hold at once.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        self.key == other.key
            && if self.value == other.value {
                self.holds != other.holds
            } else {
                self.holds && other.holds
            }
    }
}

/// A unit of undo: what fails in it is undone before its handlers run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The whole statement.
    pub span: Span,
    /// `scope`, `parallel`.
    pub word: &'static str,
    /// Body.
    pub body: Vec<Node>,
    /// `fallback`.
    pub fallback: Option<Block>,
    /// `on …`, `else`.
    pub handlers: Vec<Handler>,
    /// `on event …`.
    pub interrupts: Vec<Interrupt>,
    /// Its own `deadline`.
    pub deadline: Option<Span>,
}

impl Unit {
    /// Whether something stands inside.
    #[must_use]
    pub fn holds(&self, span: Span) -> bool {
        span.file == self.span.file && span.start >= self.span.start && span.end <= self.span.end
    }
}

/// `on event … => …`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// The clause.
    pub span: Span,
    /// Event, as written.
    pub event: String,
    /// Keeps what was done.
    pub keep: bool,
    /// What it does.
    pub body: Vec<Node>,
    /// How it ends.
    pub end: End,
}

/// How a loop goes from turn to turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turns {
    /// Over a list: it may have no turn at all, and `give` ends a turn only.
    List,
    /// `repeat`: at least one turn, and `give` ends the loop.
    Repeat {
        /// `up to n times`: it may run out.
        bounded: bool,
        /// `until`: what holds where it ends, and where it does not.
        until: Option<(Guard, Guard)>,
    },
}

/// A loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The whole statement.
    pub span: Span,
    /// Header, for labels.
    pub head: Span,
    /// Turns run side by side.
    pub parallel: bool,
    /// A failing turn undoes itself and the loop goes on.
    pub settle: bool,
    /// `first k`: losers are stopped and undone, and too few may succeed.
    pub first: bool,
    /// How it goes on and ends.
    pub turns: Turns,
    /// Body.
    pub body: Vec<Node>,
    /// `else` of a `repeat`.
    pub otherwise: Option<Vec<Node>>,
    /// Numbers of the names that end with a turn.
    pub locals: Vec<u32>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A call.
    Step(Box<Step>),
    /// A person, an event, a time. The label says why it fails where nothing handles its time-out.
    Wait {
        /// Where.
        span: Span,
        /// `nobody answers in 4h`; none where it has no bound of its own.
        expires: Option<String>,
        /// `on timeout`, `else`.
        handlers: Vec<Handler>,
        /// Arms of `await first`, with their guards' labels.
        arms: Vec<(Span, Vec<Node>)>,
    },
    /// Alternatives: the guard of each, and its body. Exactly one is taken.
    Choice(Vec<(Guard, Vec<Node>)>),
    /// Branches side by side; `first`: as soon as some have succeeded the others are undone.
    Parallel {
        /// Where.
        span: Span,
        /// Branches.
        branches: Vec<Vec<Node>>,
        /// `first k`.
        first: bool,
    },
    /// A loop.
    Loop(Box<Loop>),
    /// A unit.
    Unit(Box<Unit>),
    /// `fail E`.
    Fail {
        /// Where.
        span: Span,
        /// Which.
        error: String,
    },
    /// `manual`: parks; adds nothing.
    Manual,
    /// `emit` or `reply`: others act on it from here on.
    Say {
        /// Where.
        span: Span,
        /// It answers the caller.
        reply: bool,
    },
    /// `give`: ends the turn of the innermost loop, and a `repeat`.
    Give,
    /// `again`: begins the next turn of the innermost `repeat`.
    Again,
    /// `return`: ends the workflow.
    Return,
    /// `use`, `skip`: ends the innermost handler, `else` or `fallback`.
    Leave,
}

impl Node {
    /// Calls `see` for this statement and everything inside it, handlers and alternatives included.
    pub fn walk<'n>(&'n self, see: &mut dyn FnMut(&'n Self)) {
        see(self);
        self.each_block(&mut |block| block.iter().for_each(|node| node.walk(see)));
    }

    fn each_block<'n>(&'n self, see: &mut dyn FnMut(&'n [Self])) {
        match self {
            Self::Step(step) => {
                step.fallback.iter().for_each(|fallback| see(&fallback.body));
                step.handlers.iter().for_each(|handler| see(&handler.body));
            }
            Self::Wait { handlers, arms, .. } => {
                handlers.iter().for_each(|handler| see(&handler.body));
                arms.iter().for_each(|(_, body)| see(body));
            }
            Self::Choice(arms) => arms.iter().for_each(|(_, body)| see(body)),
            Self::Parallel { branches, .. } => branches.iter().for_each(|body| see(body)),
            Self::Loop(repeated) => {
                see(&repeated.body);
                repeated.otherwise.iter().for_each(|body| see(body));
            }
            Self::Unit(unit) => {
                see(&unit.body);
                unit.fallback.iter().for_each(|fallback| see(&fallback.body));
                unit.handlers.iter().for_each(|handler| see(&handler.body));
                unit.interrupts.iter().for_each(|interrupt| see(&interrupt.body));
            }
            Self::Fail { .. } | Self::Manual | Self::Say { .. } | Self::Give | Self::Again => {}
            Self::Return | Self::Leave => {}
        }
    }
}
