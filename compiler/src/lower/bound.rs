//! What a branch hands on: the locals it binds, as far as something behind the fork reads them.
//!
//! Promises that a local that may stay unbound (its step was skipped, its scope failed) is never
//! among them: what is read behind a fork is bound on every path there (F0103).

use super::live::Live;
use sagaflow_fir::{Block, CallUndo, Handlers, LocalId, ParallelBlock, Remedy, Stmt};
use std::collections::BTreeMap;

/// Locals that a block may bind for what follows it, in the order they are bound.
pub(super) fn assigned(block: &Block) -> Vec<LocalId> {
    let mut found = Vec::new();
    collect(block, &mut found);
    found
}

fn collect(block: &Block, into: &mut Vec<LocalId>) {
    for stmt in block {
        match stmt {
            Stmt::Let(local, _) => add(*local, into),
            Stmt::Step(step) => {
                let kept = step.block.iter().flat_map(|block| &block.keeps);
                step.bind.iter().chain(kept).for_each(|local| add(*local, into));
            }
            Stmt::Await(wait) => {
                wait.arms.iter().filter_map(|arm| arm.bind).for_each(|local| add(local, into));
            }
            Stmt::Fork(fork) => match &fork.branches {
                ParallelBlock::Fixed(branches) => {
                    branches.iter().flat_map(|(_, bound)| bound).for_each(|l| add(*l, into));
                }
                ParallelBlock::Each { bind, .. } => bind.iter().for_each(|l| add(*l, into)),
            },
            Stmt::Each(each) => each.bind.iter().for_each(|local| add(*local, into)),
            Stmt::Repeat(repeat) => repeat.bind.iter().for_each(|local| add(*local, into)),
            Stmt::Ask { bind, .. } => bind.iter().for_each(|local| add(*local, into)),
            _ => {}
        }
        each_block(stmt, &mut |inner| collect(inner, into));
    }
}

fn add(local: LocalId, into: &mut Vec<LocalId>) {
    if !into.contains(&local) {
        into.push(local);
    }
}

/// Blocks of a statement whose names outlive it: a turn's and a branch's do not.
fn each_block(stmt: &Stmt, see: &mut dyn FnMut(&Block)) {
    match stmt {
        Stmt::Step(step) => {
            step.fallback.iter().for_each(|fallback| see(&fallback.body));
            remedies(&step.handlers, see);
        }
        Stmt::Await(wait) => {
            wait.arms.iter().for_each(|arm| see(&arm.body));
            remedies(&wait.handlers, see);
        }
        Stmt::Scope(scope) => {
            see(&scope.body);
            scope.fallback.iter().for_each(|fallback| see(&fallback.body));
            scope.interrupts.iter().for_each(|interrupt| remedy(&interrupt.remedy, see));
            remedies(&scope.handlers, see);
        }
        Stmt::If(_, then, otherwise) => {
            see(then);
            see(otherwise);
        }
        Stmt::Match(_, arms) => arms.iter().for_each(|arm| see(&arm.body)),
        Stmt::Repeat(repeat) => repeat.otherwise.iter().for_each(see),
        _ => {}
    }
}

fn remedies(handlers: &Handlers, see: &mut dyn FnMut(&Block)) {
    handlers.on.iter().for_each(|handler| remedy(&handler.remedy, see));
    handlers.otherwise.iter().for_each(|otherwise| remedy(otherwise, see));
}

fn remedy(remedy: &Remedy, see: &mut dyn FnMut(&Block)) {
    if let Remedy::Block { body, .. } = remedy {
        see(body);
    }
}

/// Keeps of what each branch binds the locals that are read behind its fork.
pub(super) fn keep(block: &mut Block, read: &BTreeMap<String, Live>) {
    for stmt in block {
        if let Stmt::Fork(fork) = stmt
            && let ParallelBlock::Fixed(branches) = &mut fork.branches
        {
            for (_, bound) in branches {
                bound.retain(|local| read.get(&fork.at).is_some_and(|read| read.contains(local)));
            }
        }
        if let Stmt::Step(step) = stmt
            && let Some(block) = &mut step.block
        {
            let read = read.get(&step.at);
            block.keeps.retain(|local| read.is_some_and(|read| read.contains(local)));
        }
        each_block_mut(stmt, &mut |inner| keep(inner, read));
    }
}

fn each_block_mut(stmt: &mut Stmt, see: &mut dyn FnMut(&mut Block)) {
    match stmt {
        Stmt::Step(step) => {
            step.fallback.iter_mut().for_each(|fallback| see(&mut fallback.body));
            step.block.iter_mut().for_each(|block| see(&mut block.body));
            remedies_mut(&mut step.handlers, see);
            if let CallUndo::Block { body, .. } = &mut step.undo {
                see(body);
            }
        }
        Stmt::Await(wait) => {
            wait.arms.iter_mut().for_each(|arm| see(&mut arm.body));
            remedies_mut(&mut wait.handlers, see);
        }
        Stmt::Fork(fork) => match &mut fork.branches {
            ParallelBlock::Fixed(branches) => branches.iter_mut().for_each(|(body, _)| see(body)),
            ParallelBlock::Each { body, .. } => see(body),
        },
        Stmt::Each(each) => see(&mut each.body),
        Stmt::Repeat(repeat) => {
            see(&mut repeat.body);
            repeat.otherwise.iter_mut().for_each(see);
        }
        Stmt::Scope(scope) => {
            see(&mut scope.body);
            scope.fallback.iter_mut().for_each(|fallback| see(&mut fallback.body));
            scope.interrupts.iter_mut().for_each(|i| remedy_mut(&mut i.remedy, see));
            remedies_mut(&mut scope.handlers, see);
        }
        Stmt::If(_, then, otherwise) => {
            see(then);
            see(otherwise);
        }
        Stmt::Match(_, arms) => arms.iter_mut().for_each(|arm| see(&mut arm.body)),
        _ => {}
    }
}

fn remedies_mut(handlers: &mut Handlers, see: &mut dyn FnMut(&mut Block)) {
    handlers.on.iter_mut().for_each(|handler| remedy_mut(&mut handler.remedy, see));
    handlers.otherwise.iter_mut().for_each(|otherwise| remedy_mut(otherwise, see));
}

fn remedy_mut(remedy: &mut Remedy, see: &mut dyn FnMut(&mut Block)) {
    if let Remedy::Block { body, .. } = remedy {
        see(body);
    }
}
