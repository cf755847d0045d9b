//! Which variables each block needs.
//!
//! Durable points bring exactly what FIR says is live there; between them the sets are computed, by
//! the usual backward fixpoint. Where a block would need something its point does not bring, the
//! program and its points disagree, and that is an error of the compiler, told as such.

use super::{Block, BlockId, Entry, Given, Graph, Instr, On, Term, Var};
use sagaflow_fir::{ArmWait, CallUndo, Expr, LocalId, PatternKind};
use std::collections::{BTreeMap, BTreeSet};

/// What the blocks need.
pub(in crate::emit) struct Solved<'f> {
    /// Needed at the beginning of each block.
    pub needs: Vec<BTreeSet<Var>>,
    /// Blocks that can run.
    pub reached: Vec<bool>,
    /// What each point brings.
    pub brings: BTreeMap<&'f str, Vec<Var>>,
}

type Set = BTreeSet<Var>;

/// Solves a graph; the error names the point and what it lacks.
///
/// What a branch ends with is FIR's to say: the names it binds that are read behind its fork.
pub(in crate::emit) fn solve<'f>(graph: &Graph<'f>) -> Result<Solved<'f>, String> {
    attempt(graph).map_err(|(at, lacks)| {
        let name = &graph.vars[lacks.0].name;
        format!("durable point `{at}` does not keep `{name}`")
    })
}

fn attempt<'f>(graph: &Graph<'f>) -> Result<Solved<'f>, (&'f str, Var)> {
    let reached = reached(graph);
    let mut needs: Vec<Set> = vec![Set::new(); graph.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (id, block) in graph.blocks.iter().enumerate().rev() {
            let found = before(graph, block, &needs);
            if found != needs[id] {
                needs[id] = found;
                changed = true;
            }
        }
    }
    let mut brings = BTreeMap::new();
    for entry in &graph.entries {
        let mut wanted = needs[entry.to].clone();
        if let Some(var) = bound_by(&entry.on) {
            wanted.remove(&var);
        }
        if begins(graph, entry) {
            brings.insert(entry.at, wanted.into_iter().collect());
            continue;
        }
        let live = graph.live(entry.at);
        if let Some(lacks) = wanted.iter().find(|var| !live.contains(var)) {
            return Err((entry.at, *lacks));
        }
        brings.insert(entry.at, live);
    }
    Ok(Solved { needs, reached, brings })
}

/// Whether the point is one that a machine never rests at by itself: `start`, `after`, an undo.
fn begins(graph: &Graph<'_>, entry: &Entry<'_>) -> bool {
    matches!(entry.on, On::Enter)
        && !graph
            .blocks
            .iter()
            .flat_map(|block| &block.instrs)
            .any(|instr| matches!(instr, Instr::Enter { at, .. } if *at == entry.at))
}

/// The variable that an event binds.
fn bound_by(on: &On) -> Option<Var> {
    match on {
        On::Done(var) | On::Arm(_, var) | On::Answer(var) => *var,
        On::Ended(var) | On::Failed(var) | On::Joined(var) | On::Interrupt(_, var) => Some(*var),
        On::Enter | On::Timeout | On::Branch(_) | On::EachBranch => None,
    }
}

fn reached(graph: &Graph<'_>) -> Vec<bool> {
    let mut reached = vec![false; graph.blocks.len()];
    let mut open: Vec<BlockId> = graph.entries.iter().map(|entry| entry.to).collect();
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut reached[id], true) {
            open.extend(targets(&graph.blocks[id].term));
        }
    }
    reached
}

fn targets(term: &Term<'_>) -> Vec<BlockId> {
    match term {
        Term::Goto(to) => vec![*to],
        Term::If(_, yes, no) => vec![*yes, *no],
        Term::Match(_, arms) => arms.iter().map(|(_, to)| *to).collect(),
        Term::More { body, done, .. } => vec![*body, *done],
        Term::Turns { body, out, .. } => vec![*body, *out],
        Term::Handle { arms, otherwise, .. } => {
            arms.iter().map(|(_, to)| *to).chain(*otherwise).collect()
        }
        _ => Vec::new(),
    }
}

/// What is still needed after the instruction at `index` of a block.
pub(in crate::emit) fn after(
    graph: &Graph<'_>,
    block: &Block<'_>,
    needs: &[Set],
    index: usize,
) -> Set {
    tail(graph, block, needs, index + 1)
}

/// What a block needs, given what its successors need.
fn before(graph: &Graph<'_>, block: &Block<'_>, needs: &[Set]) -> Set {
    tail(graph, block, needs, 0)
}

fn tail(graph: &Graph<'_>, block: &Block<'_>, needs: &[Set], from: usize) -> Set {
    let mut live = Set::new();
    match &block.term {
        Term::Match(subject, arms) => {
            for (pattern, to) in arms {
                let bound: Set = binders(pattern).into_iter().map(Var::from).collect();
                live.extend(needs[*to].difference(&bound));
            }
            uses(subject, &mut live);
        }
        term => {
            targets(term).into_iter().for_each(|to| live.extend(&needs[to]));
            term_uses(graph, term, &mut live);
        }
    }
    for instr in block.instrs.iter().skip(from).rev() {
        for var in defines(instr) {
            live.remove(&var);
        }
        instr_uses(graph, instr, &mut live);
    }
    live
}

fn term_uses(graph: &Graph<'_>, term: &Term<'_>, live: &mut Set) {
    match term {
        Term::If(value, ..) => uses(value, live),
        Term::More { list, .. } => {
            live.insert(*list);
        }
        Term::ForkEach { at, list } => {
            live.extend(graph.live(at));
            live.insert(*list);
        }
        Term::Handle { failure, .. } => {
            live.insert(*failure);
        }
        Term::Call(step) => {
            live.extend(graph.live(&step.at));
            let call = &step.call;
            call.args.iter().for_each(|(_, value)| uses(value, live));
            call.by.iter().flatten().for_each(|value| uses(value, live));
            if let Some((_, _, args, _)) = &call.probe {
                args.iter().for_each(|(_, value)| uses(value, live));
            }
            if let CallUndo::Block { capture, .. } = &step.undo {
                capture.iter().for_each(|(_, value)| uses(value, live));
            }
        }
        Term::Wait(wait) => {
            live.extend(graph.live(&wait.at));
            wait.until.iter().for_each(|until| uses(until, live));
            for arm in &wait.arms {
                match &arm.wait {
                    ArmWait::Task(_, args) => args.iter().for_each(|value| uses(value, live)),
                    ArmWait::Event { key, .. } => uses(key, live),
                    ArmWait::Sleep(until) => uses(until, live),
                }
            }
        }
        Term::ForkFixed { at, .. } => live.extend(graph.live(at)),
        Term::Manual { at, text } => {
            live.extend(graph.live(at));
            uses(text, live);
        }
        Term::EndWith(vars) => live.extend(vars),
        Term::End(value) | Term::Return(value) => {
            value.iter().for_each(|value| uses(value, live));
        }
        Term::Fail(_, fields) => fields.iter().for_each(|(_, value)| uses(value, live)),
        _ => {}
    }
}

fn defines(instr: &Instr<'_>) -> Vec<Var> {
    match instr {
        Instr::Let(var, _) | Instr::Absent(var) | Instr::Empty(var) => vec![*var],
        Instr::Take { to, .. } | Instr::Items { to, .. } => vec![*to],
        Instr::Assign(values) => values.iter().map(|(var, _)| *var).collect(),
        Instr::Item { pattern, .. } | Instr::BranchItem { pattern, .. } => pattern.clone(),
        Instr::Payload { fields, .. } | Instr::EventFields { fields, .. } => {
            fields.iter().map(|(_, var)| *var).collect()
        }
        Instr::JoinFixed { branches, .. } => branches.iter().flatten().copied().collect(),
        Instr::JoinEach { to, .. } => to.iter().copied().collect(),
        _ => Vec::new(),
    }
}

fn instr_uses(graph: &Graph<'_>, instr: &Instr<'_>, live: &mut Set) {
    match instr {
        Instr::Let(_, value)
        | Instr::Eval(value)
        | Instr::Items { over: value, .. }
        | Instr::Reply(value)
        | Instr::Review(value) => uses(value, live),
        Instr::Reject(records, why) => [records, why].into_iter().for_each(|e| uses(e, live)),
        Instr::Progress(text, percent) => {
            uses(text, live);
            percent.iter().for_each(|percent| uses(percent, live));
        }
        Instr::Assign(values) => values.iter().for_each(|(_, value)| uses(value, live)),
        Instr::Take { from: var, .. }
        | Instr::Item { list: var, .. }
        | Instr::BranchItem { list: var, .. }
        | Instr::Payload { failure: var, .. }
        | Instr::EventFields { event: var, .. }
        | Instr::JoinFixed { ends: var, .. }
        | Instr::JoinEach { ends: var, .. } => {
            live.insert(*var);
        }
        Instr::Push(out, given) => {
            live.insert(*out);
            match given {
                Given::Value(value) | Given::Ok(value) => uses(value, live),
                Given::Failed(failure) => {
                    live.insert(*failure);
                }
                Given::OkNothing => {}
            }
        }
        Instr::Enter { at, interrupts } => {
            live.extend(graph.live(at));
            interrupts.iter().for_each(|interrupt| uses(&interrupt.key, live));
        }
        Instr::Emit { fields, .. } => fields.iter().for_each(|(_, value)| uses(value, live)),
        _ => {}
    }
}

/// The locals that a pattern binds.
fn binders(pattern: &PatternKind) -> Vec<LocalId> {
    match pattern {
        PatternKind::Bind(local) => vec![*local],
        PatternKind::Variant(_, binders) => binders.iter().flatten().copied().collect(),
        PatternKind::Any | PatternKind::Literal(_) | PatternKind::None => Vec::new(),
    }
}

/// The locals that an expression reads from around it.
pub(in crate::emit) fn uses(expr: &Expr, live: &mut Set) {
    expr.each_read(&mut |local| {
        live.insert(local.into());
    });
}
