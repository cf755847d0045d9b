//! A form without the labels that analysis inferred.
//!
//! Declared labels are meaning: those of parameters, results, types and contracts. Which values carry
//! them onwards follows from these by rules that a later compiler may know better, so a hash that is
//! frozen must not depend on it.

use crate::change::{self, Change};
use crate::decl::{Fir, Function, Human, Ty};
use crate::expr::Expr;
use crate::workflow::{Local, Workflow};

impl Fir {
    /// Takes away every label that nobody has written.
    pub fn forget_inferred_labels(&mut self) {
        self.workflows.values_mut().for_each(workflow);
        self.functions.values_mut().for_each(function);
        self.humans.values_mut().for_each(human);
    }
}

/// What a parameter of it is declared as is said by its `params` and not by its locals.
fn workflow(found: &mut Workflow) {
    change::workflow(found, &mut Types);
    locals(&mut found.locals);
    for point in found.points.values_mut() {
        point.hidden.iter_mut().for_each(|(_, ty)| forget(ty));
    }
}

fn function(found: &mut Function) {
    change::function(found, &mut Types);
    // The first ones are its parameters, which are declared nowhere else.
    locals(found.locals.get_mut(found.params..).unwrap_or_default());
}

fn human(found: &mut Human) {
    change::expr(&mut found.title, &mut Types);
    found.assign.iter_mut().for_each(|who| change::expr(who, &mut Types));
    found.show.iter_mut().for_each(|(_, shown)| change::expr(shown, &mut Types));
    locals(&mut found.locals);
}

fn locals(found: &mut [Local]) {
    found.iter_mut().for_each(|local| forget(&mut local.ty));
}

/// Sees the types of expressions.
struct Types;

impl Change for Types {
    fn expr(&mut self, expr: &mut Expr) {
        forget(&mut expr.ty);
    }
}

fn forget(ty: &mut Ty) {
    while let Ty::Pii(of) | Ty::Secret(of) = ty {
        *ty = std::mem::replace(of, Ty::Never);
    }
    match ty {
        Ty::List(of) | Ty::Optional(of) | Ty::Outcome(of) | Ty::Batch(of) => forget(of),
        Ty::Map(key, of) | Ty::Entry(key, of) => {
            forget(key);
            forget(of);
        }
        _ => {}
    }
}
