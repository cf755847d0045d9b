//! Load and liveness: what many attempts, many runs and long calls do to the services, and what a
//! step holds meanwhile: F0407 to F0412.

mod beat;
mod lapse;
mod nested;
mod together;

use crate::diagnostic::Diagnostic;
use crate::hir::Program;

/// Checks every step.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    nested::check(program, findings);
    together::check(program, findings);
    beat::check(program, findings);
    lapse::check(program, findings);
}
