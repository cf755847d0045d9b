//! Where the calls of a program stand: what comes before what, and what runs beside it.
//!
//! Taken from the generator's tree alone. Two calls of one run are in sequence, concurrent, or neither
//! (arms of one choice); turns of a loop are told apart by the indexes in their paths.

use sagaflow_sweep::mess::leaves_open;
use sagaflow_sweep::program::{Call, Class, Ending, Handler, Program, Remedy, Retry, Stmt, Undo};
use std::collections::BTreeMap;

/// What a part of a statement is to the statements around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A branch of a `parallel`, which may have an `else`.
    Branch {
        /// It is undone by itself.
        guarded: bool,
    },
    /// The body of a loop.
    Turn {
        /// Its turns run side by side.
        parallel: bool,
        /// Its turns are undone by themselves.
        settle: bool,
    },
    /// A scope, its fallback, or a fallback of a step.
    Unit,
    /// An arm, or the block of a handler.
    Arm,
}

/// One step on the way from the program to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which statement.
    pub node: usize,
    /// Which part of it.
    pub part: usize,
    /// What that is.
    pub kind: Kind,
}

/// How two calls stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// One after the other.
    Sequence,
    /// Side by side: the fork is this deep.
    Concurrent(usize),
    /// Neither.
    Other,
}

/// One call site.
#[derive(Clone, Debug)]
pub struct Site {
    /// It.
    pub call: Call,
    /// Its statement.
    node: usize,
    /// The way to it.
    pub way: Vec<Link>,
    /// Either outcome is fine: the program skips it, a person says what it was, or it is waived.
    pub open: bool,
    /// It may be left with its outcome unknown, and its undo then runs beside what follows (A5).
    pub due: bool,
    /// It fails without anything that takes its failure in.
    pub bare: bool,
}

impl Site {
    /// Attempts that its policy allows; none where they are not counted here.
    #[must_use]
    pub fn attempts_max(&self) -> Option<u32> {
        match &self.call.retry {
            Retry::Times(n) | Retry::On(n, _) => Some(*n),
            Retry::Default | Retry::Forever | Retry::Until(_) => None,
        }
        // An open question is asked by the call itself (A4), for as long as it takes.
        .filter(|_| self.call.undo != Undo::Result)
    }

    /// Whether something below this depth of the way is undone by itself.
    #[must_use]
    pub fn in_unit(&self, depth: usize) -> bool {
        self.way.iter().skip(depth + 1).any(|link| match link.kind {
            Kind::Branch { guarded } => guarded,
            Kind::Turn { settle, .. } => settle,
            Kind::Unit | Kind::Arm => true,
        })
    }

    /// How it stands to another call, both with the indexes of their paths.
    #[must_use]
    pub fn relation(&self, own: &[u32], other: &Self, others: &[u32]) -> Relation {
        let (mut own, mut others) = (own.iter(), others.iter());
        for (depth, (left, right)) in self.way.iter().zip(&other.way).enumerate() {
            if left.node != right.node {
                return Relation::Sequence;
            }
            match left.kind {
                _ if left.part == right.part => {}
                Kind::Branch { .. } if matches!(right.kind, Kind::Branch { .. }) => {
                    return Relation::Concurrent(depth);
                }
                _ => return Relation::Other,
            }
            if let Kind::Turn { parallel, .. } = left.kind
                && own.next() != others.next()
            {
                return if parallel { Relation::Concurrent(depth) } else { Relation::Sequence };
            }
        }
        // One is in a handler or fallback of the other, or they are one call.
        let inside = |outer: &Self, inner: &Self| {
            inner.way.get(outer.way.len()).is_some_and(|link| link.node == outer.node)
        };
        let one = self.node == other.node || inside(self, other) || inside(other, self);
        if one { Relation::Other } else { Relation::Sequence }
    }
}

/// The indexes in a path: `files[2]/file` has one.
#[must_use]
pub fn indexes(path: &str) -> Vec<u32> {
    let parts = path.split('[').skip(1);
    parts.filter_map(|part| part.split(']').next()?.parse().ok()).collect()
}

/// The call sites of a program.
#[derive(Clone, Debug, Default)]
pub struct Structure {
    sites: BTreeMap<String, Site>,
    /// The forward action of an undo or probe.
    forward: BTreeMap<String, String>,
    nodes: usize,
    /// What a scope keeps when it is interrupted cannot be told from outside.
    pub keeps: bool,
}

impl Structure {
    /// Of a program.
    #[must_use]
    pub fn of(program: &Program) -> Self {
        let mut all = Self::default();
        program.each(&mut |stmt| {
            all.keeps |= matches!(stmt, Stmt::Scope { interrupt: Some(_), .. });
        });
        all.block(program, &program.body, &mut Vec::new());
        all.block(program, &program.after, &mut Vec::new());
        all
    }

    /// The site of an action, or of the action that it undoes or asks about.
    #[must_use]
    pub fn site(&self, action: &str) -> Option<&Site> {
        self.sites.get(self.forward.get(action).map_or(action, String::as_str))
    }

    fn block(&mut self, program: &Program, stmts: &[Stmt], way: &mut Vec<Link>) {
        for stmt in stmts {
            self.nodes += 1;
            self.stmt(program, stmt, self.nodes, way);
        }
    }

    fn within(&mut self, program: &Program, stmts: &[Stmt], link: Link, way: &mut Vec<Link>) {
        way.push(link);
        self.block(program, stmts, way);
        way.pop();
    }

    fn handlers(&mut self, program: &Program, all: &[Handler], node: usize, way: &mut Vec<Link>) {
        for (at, handler) in all.iter().enumerate() {
            if let Remedy::Block(stmts, _) = &handler.then {
                let link = Link { node, part: 100 + at, kind: Kind::Arm };
                self.within(program, stmts, link, way);
            }
        }
    }

    fn stmt(&mut self, program: &Program, stmt: &Stmt, node: usize, way: &mut Vec<Link>) {
        let link = |part, kind| Link { node, part, kind };
        match stmt {
            Stmt::Call(call) => self.call(program, call, node, way),
            Stmt::Parallel { branches, handlers } => {
                let guarded = !handlers.is_empty();
                for (part, branch) in branches.iter().enumerate() {
                    let one = std::slice::from_ref(branch);
                    self.within(program, one, link(part, Kind::Branch { guarded }), way);
                }
                self.handlers(program, handlers, node, way);
            }
            Stmt::ParallelEach { settle, body, .. } => {
                let kind = Kind::Turn { parallel: true, settle: *settle };
                self.within(program, body, link(0, kind), way);
            }
            Stmt::Each { settle, body, .. } => {
                let kind = Kind::Turn { parallel: false, settle: *settle };
                self.within(program, body, link(0, kind), way);
            }
            Stmt::Repeat { body, .. } => {
                let kind = Kind::Turn { parallel: false, settle: false };
                self.within(program, body, link(0, kind), way);
            }
            Stmt::Scope { body, fallback, handlers, .. } => {
                self.within(program, body, link(0, Kind::Unit), way);
                if let Some(fallback) = fallback {
                    self.within(program, fallback, link(1, Kind::Unit), way);
                }
                self.handlers(program, handlers, node, way);
            }
            Stmt::If { then, other, .. } => {
                self.within(program, then, link(0, Kind::Arm), way);
                self.within(program, other, link(1, Kind::Arm), way);
            }
            Stmt::Match { arms, rest, .. } => {
                for (part, (_, arm)) in arms.iter().enumerate() {
                    self.within(program, arm, link(part, Kind::Arm), way);
                }
                self.within(program, rest, link(arms.len(), Kind::Arm), way);
            }
            Stmt::Event { handlers, .. } => self.handlers(program, handlers, node, way),
            Stmt::Task { handlers, no, .. } => {
                self.within(program, no, link(0, Kind::Arm), way);
                self.handlers(program, handlers, node, way);
            }
            Stmt::First { event, time, .. } => {
                self.within(program, event, link(0, Kind::Arm), way);
                self.within(program, time, link(1, Kind::Arm), way);
            }
            _ => {}
        }
    }

    fn call(&mut self, program: &Program, call: &Call, node: usize, way: &mut Vec<Link>) {
        self.put(program, call, node, way);
        if let Some(other) = &call.fallback {
            way.push(Link { node, part: 1, kind: Kind::Unit });
            self.put(program, other, node, way);
            self.handlers(program, &other.handlers, node, way);
            way.pop();
        }
        self.handlers(program, &call.handlers, node, way);
    }

    fn put(&mut self, program: &Program, call: &Call, node: usize, way: &[Link]) {
        for other in call.undoes.iter().chain(&call.probe) {
            self.forward.insert(other.clone(), call.action.clone());
        }
        let stays = |handler: &Handler| {
            !matches!(handler.then, Remedy::Fail(_) | Remedy::Block(_, Ending::Fail(_)))
        };
        let site = Site {
            call: call.clone(),
            node,
            way: way.to_vec(),
            open: call.undo == Undo::Waived
                || call.class == Class::Read
                || leaves_open(program, call),
            due: call.fallback.is_some() || call.handlers.iter().any(stays),
            bare: call.fallback.is_none() && call.handlers.is_empty(),
        };
        self.sites.insert(call.action.clone(), site);
    }
}

#[cfg(test)]
mod tests {
    use super::{Relation, Structure, indexes};
    use sagaflow_sweep::program::{Key, Program, Stmt};
    use sagaflow_sweep::sample::write;

    #[test]
    fn calls_are_in_sequence_beside_each_other_or_turns_of_one_loop() {
        let turns = Stmt::ParallelEach {
            name: "l".to_owned(),
            var: "i".to_owned(),
            list: vec![1, 2],
            max: 2,
            settle: false,
            body: vec![Stmt::Call(write(3, &["i"], Key::Plain))],
            give: sagaflow_sweep::program::Expr::Lit(0),
        };
        let branches = vec![Stmt::Call(write(2, &[], Key::Plain)), turns];
        let body = vec![
            Stmt::Call(write(1, &[], Key::Plain)),
            Stmt::Parallel { branches, handlers: Vec::new() },
        ];
        let all = Structure::of(&Program { body, after: vec![], result: None, deadline: None });
        let site = |action: &str| all.site(action).expect("it is in the program");
        let (first, second, third) = (site("a1"), site("a2"), site("u3"));
        assert_eq!(first.relation(&[], second, &[]), Relation::Sequence);
        assert_eq!(second.relation(&[], third, &[0]), Relation::Concurrent(0));
        assert_eq!(third.relation(&[0], third, &[1]), Relation::Concurrent(1));
        assert_eq!(indexes("l[12]/s3/undo"), [12]);
    }
}
