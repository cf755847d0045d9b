//! The order of locks over the whole program: F0601, F0602.
//!
//! Nodes are resources and `concurrency` classes that queue; an edge says that one is held while the
//! other is waited for. A resource that is declared `after` another gives an edge of its own. Edges
//! are added in source order, and the one that would close a cycle is the finding.

use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, CompensateHow, ConcurrencyElse, Program, ResourceId, Stmt, StmtKind, Target, Undo,
    WorkflowId,
};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// What can be held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Resource(ResourceId),
    /// A queueing `concurrency` clause of a workflow, by its place in the header.
    Class(WorkflowId, usize),
}

/// One is held while another is acquired.
#[derive(Clone)]
struct Edge {
    from: Node,
    to: Node,
    /// Where the first is taken.
    held: Span,
    /// Where the second is waited for.
    waits: Span,
    /// Where a finding points: the inner lock, or the last lock in the parent.
    at: Span,
    /// Only declared with `after`.
    declared: bool,
}

/// Something held, with where it was taken.
type Held = Vec<(Node, Span)>;

/// Checks the whole program.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let mut gather = Gather {
        program,
        edges: Vec::new(),
        acquired: BTreeMap::new(),
        findings,
        seen: BTreeSet::new(),
    };
    for (id, workflow) in program.workflows.iter() {
        let held = gather.classes(id);
        gather.block(&workflow.body, &held);
        if let Some(aftermath) = &workflow.aftermath {
            gather.block(&aftermath.body, &held);
        }
    }
    let mut edges = gather.edges;
    edges.sort_by_key(|edge| (edge.at.file, edge.at.start));
    let mut all = declared(program);
    all.extend(edges);
    close(program, all, findings);
}

fn declared(program: &Program) -> Vec<Edge> {
    let resources = program.resources.iter();
    let edges = resources.filter_map(|(id, resource)| {
        let (first, span) = resource.after?;
        let (from, to) = (Node::Resource(first), Node::Resource(id));
        Some(Edge { from, to, held: span, waits: resource.name_span, at: span, declared: true })
    });
    edges.collect()
}

/// Adds edge after edge; one that closes a cycle is reported and left out.
fn close(program: &Program, edges: Vec<Edge>, findings: &mut Vec<Diagnostic>) {
    let mut graph: BTreeMap<Node, Vec<Edge>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for edge in edges {
        if !seen.insert((edge.from, edge.to)) {
            continue;
        }
        if let Some(path) = path(&graph, edge.to, edge.from) {
            findings.push(cycle(program, &edge, &path));
        } else {
            graph.entry(edge.from).or_default().push(edge);
        }
    }
}

/// The edges that lead from one node to another.
fn path(graph: &BTreeMap<Node, Vec<Edge>>, from: Node, to: Node) -> Option<Vec<Edge>> {
    let mut came: BTreeMap<Node, Option<Edge>> = BTreeMap::from([(from, None)]);
    let mut open = vec![from];
    // Bound: each node is opened once.
    while let Some(node) = open.pop() {
        if node == to {
            let mut path = Vec::new();
            let mut at = to;
            while let Some(Some(edge)) = came.get(&at) {
                path.push(edge.clone());
                at = edge.from;
            }
            path.reverse();
            return Some(path);
        }
        for edge in graph.get(&node).into_iter().flatten() {
            if let std::collections::btree_map::Entry::Vacant(slot) = came.entry(edge.to) {
                slot.insert(Some(edge.clone()));
                open.push(edge.to);
            }
        }
    }
    None
}

fn cycle(program: &Program, closing: &Edge, path: &[Edge]) -> Diagnostic {
    let (held, wanted) = (name(program, closing.from), name(program, closing.to));
    let mut finding = Diagnostic::error(
        "F0601",
        closing.at,
        format!("two runs can wait for each other for ever: one holds {held} and wants {wanted}"),
    )
    .label(closing.held, format!("{held} is held from here…"))
    .label(closing.waits, format!("…while {wanted} is waited for"));
    for edge in path {
        let (held, wanted) = (name(program, edge.from), name(program, edge.to));
        finding = match edge.declared {
            true => finding.label(edge.held, format!("{wanted} is declared to come after {held}")),
            false => finding
                .label(edge.held, format!("elsewhere {held} is held from here…"))
                .label(edge.waits, format!("…while {wanted} is waited for")),
        };
    }
    let ring: Vec<String> = std::iter::once(held.clone())
        .chain(path.iter().map(|edge| name(program, edge.from)))
        .chain(std::iter::once(held))
        .collect();
    finding.help(format!(
        "the circle is {}; take them in one order everywhere, or all at once: `lock A(x), B(y)`",
        ring.join(" → ")
    ))
}

fn name(program: &Program, node: Node) -> String {
    match node {
        Node::Resource(id) => format!("`{}`", program.resources[id].name.name),
        Node::Class(id, _) => {
            format!("the concurrency of `{}`", program.workflows[id].name.name)
        }
    }
}

struct Gather<'p, 'f> {
    program: &'p Program,
    edges: Vec<Edge>,
    /// What a workflow acquires, itself or through its children.
    acquired: BTreeMap<WorkflowId, BTreeSet<Node>>,
    findings: &'f mut Vec<Diagnostic>,
    seen: BTreeSet<Span>,
}

impl<'p> Gather<'p, '_> {
    /// The places that a run of a workflow waits for before it begins.
    fn classes(&self, id: WorkflowId) -> Held {
        let clauses = self.program.workflows[id].concurrency.iter().enumerate();
        let queues = clauses.filter(|(_, clause)| clause.otherwise == ConcurrencyElse::Queue);
        queues.map(|(at, clause)| (Node::Class(id, at), clause.span)).collect()
    }

    fn block(&mut self, block: &'p Block, held: &Held) {
        for stmt in &block.stmts {
            self.stmt(stmt, held);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt, held: &Held) {
        match &stmt.kind {
            StmtKind::Lock(lock) => {
                let mut inner = held.clone();
                let mut own: Vec<(ResourceId, Span)> =
                    lock.targets.iter().filter_map(|t| Some((t.resource?, t.span))).collect();
                // Order: several of one lock are taken by name, whatever the order they are written in.
                own.sort_by_key(|(id, _)| self.rank(*id));
                let mut mine = BTreeSet::new();
                for (id, span) in own {
                    if held.iter().any(|(node, _)| *node == Node::Resource(id)) {
                        self.twice(id, held, span, span);
                    } else if mine.insert(id) {
                        self.acquire(&inner, Node::Resource(id), span, span);
                        inner.push((Node::Resource(id), span));
                    }
                }
                self.block(&lock.body, &inner);
                lock.handlers.remedies().for_each(|remedy| self.block(remedy, held));
            }
            StmtKind::Step(step) => {
                if let Target::Workflow(child) = step.call.target {
                    self.child(child, held, step.call.span);
                }
                if let Undo::Own(own) = &step.undo
                    && let CompensateHow::Block { body, .. } = &own.how
                {
                    // An undo runs when the locks of its step are long given back.
                    let base = held.iter().filter(|(node, _)| matches!(node, Node::Class(..)));
                    self.block(body, &base.copied().collect());
                }
                stmt.each_block(false, &mut |block| self.block(block, held));
            }
            _ => {
                if let StmtKind::Parallel(fork) = &stmt.kind {
                    fork.branches.iter().for_each(|branch| self.stmt(branch, held));
                }
                stmt.each_block(false, &mut |block| self.block(block, held));
            }
        }
    }

    /// The declared order first, then the name.
    fn rank(&self, id: ResourceId) -> (usize, String) {
        let mut depth = 0;
        let mut at = id;
        // Bound: a declared order in a circle is reported, and ends here.
        while let Some((first, _)) = self.program.resources[at].after
            && depth < 64
        {
            depth += 1;
            at = first;
        }
        (depth, self.program.resources[id].name.to_string())
    }

    fn acquire(&mut self, held: &Held, to: Node, waits: Span, at: Span) {
        for (from, taken) in held {
            if *from != to {
                let edge = Edge { from: *from, to, held: *taken, waits, at, declared: false };
                self.edges.push(edge);
            }
        }
    }

    /// A child takes its places and locks while the parent holds its own.
    fn child(&mut self, child: WorkflowId, held: &Held, call: Span) {
        let Some((_, last)) = held.last() else { return };
        let last = *last;
        let acquired = self.acquired(child);
        let again = held.iter().find_map(|(node, _)| match node {
            Node::Resource(id) if acquired.contains(node) => Some(*id),
            _ => None,
        });
        // The run would wait for itself: that it may wait for others too is the same mistake.
        if let Some(id) = again {
            self.twice(id, held, call, last);
            return;
        }
        for node in acquired {
            self.acquire(held, node, call, last);
        }
    }

    fn acquired(&mut self, id: WorkflowId) -> BTreeSet<Node> {
        if let Some(known) = self.acquired.get(&id) {
            return known.clone();
        }
        // Children that run each other in a cycle are reported elsewhere.
        self.acquired.insert(id, BTreeSet::new());
        let mut all: BTreeSet<Node> = self.classes(id).into_iter().map(|(node, _)| node).collect();
        let program = self.program;
        let mut children = Vec::new();
        program.workflows[id].body.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Lock(lock) => {
                let targets = lock.targets.iter().filter_map(|target| target.resource);
                all.extend(targets.map(Node::Resource));
            }
            StmtKind::Step(step) => {
                if let Target::Workflow(child) = step.call.target {
                    children.push(child);
                }
            }
            _ => {}
        });
        for child in children {
            all.extend(self.acquired(child));
        }
        self.acquired.insert(id, all.clone());
        all
    }

    /// F0602.
    fn twice(&mut self, id: ResourceId, held: &Held, waits: Span, at: Span) {
        if !self.seen.insert(at) {
            return;
        }
        let name = &self.program.resources[id].name.name;
        let mut finding = Diagnostic::error(
            "F0602",
            at,
            format!("a lock of `{name}` is wanted while one of them is held"),
        );
        if let Some((_, taken)) = held.iter().find(|(node, _)| *node == Node::Resource(id)) {
            finding = finding.label(*taken, format!("a `{name}` is held from here…"));
        }
        self.findings.push(
            finding
                .label(
                    waits,
                    "…and another, or the same, is waited for: the run may wait for itself",
                )
                .help(format!(
                    "take them together, and the runtime sorts them: `lock {name}(a), {name}(b)`"
                )),
        );
    }
}
