//! Numbers of locals, made to say nothing of what is not there: a form from which texts were taken has
//! the locals of what is left, in their order.

use crate::change::{self, Change};
use crate::decl::Fir;
use crate::expr::{Expr, ExprKind};
use crate::walk::{self, Visitor};
use crate::workflow::{LocalId, Workflow};
use std::collections::{BTreeMap, BTreeSet};

/// Leaves the parameters and the locals that are named somewhere, under new numbers. What is bound
/// within an expression is in no frame, so its name, which may say how often it was taken before, is
/// left out.
pub(crate) fn only_used(workflow: &mut Workflow) {
    let mut used: BTreeSet<u32> = (0..).take(workflow.params.len()).collect();
    change::workflow(
        workflow,
        &mut Locals(|local: &mut LocalId| {
            used.insert(local.0);
        }),
    );
    let numbers: BTreeMap<u32, u32> = used.iter().copied().zip(0..).collect();
    change::workflow(
        workflow,
        &mut Locals(|local: &mut LocalId| {
            local.0 = numbers.get(&local.0).copied().unwrap_or(local.0);
        }),
    );
    let mut at = 0..;
    workflow.locals.retain(|_| at.next().is_some_and(|at| used.contains(&at)));
    without_names_inside(workflow);
}

impl Fir {
    /// Takes the names away that are bound within expressions of workflows and tasks.
    pub fn forget_names_inside(&mut self) {
        self.workflows.values_mut().for_each(without_names_inside);
        // Behind the parameters of a task stands what is bound in what is shown.
        for human in self.humans.values_mut() {
            let inside = human.locals.iter_mut().skip(human.params.len());
            inside.for_each(|local| local.name.clear());
        }
    }
}

fn without_names_inside(workflow: &mut Workflow) {
    let mut inside = Inside::default();
    let head = workflow.key.iter().flatten().chain(workflow.policies());
    head.for_each(|it| walk::expr(&mut inside, it));
    walk::block(&mut inside, &workflow.body);
    workflow.aftermath.iter().for_each(|body| walk::block(&mut inside, body));
    for local in inside.0 {
        if let Some(local) = workflow.locals.get_mut(local.0 as usize) {
            local.name.clear();
        }
    }
}

/// What expressions bind: the names of lambdas and of the arms of a choice.
#[derive(Default)]
struct Inside(BTreeSet<LocalId>);

impl Visitor for Inside {
    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Lambda(params, _) => self.0.extend(params),
            ExprKind::Match(_, arms) => {
                self.0.extend(arms.iter().flat_map(|(pattern, _)| pattern.binds()));
            }
            _ => {}
        }
    }
}

/// Sees locals alone.
struct Locals<F>(F);

impl<F: FnMut(&mut LocalId)> Change for Locals<F> {
    fn local(&mut self, local: &mut LocalId) {
        (self.0)(local);
    }
}
