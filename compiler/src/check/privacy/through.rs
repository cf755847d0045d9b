//! Secrets that a function of the program compares for its caller (F0804).
//!
//! A parameter without a label takes anything, and what the function answers is as confidential as
//! what it was given. So a body is looked at again with the secret in it, and what it does then is said
//! where it is called.

use super::label::Labels;
use super::travel::Rule;
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, FunctionId, Program};
use crate::span::Span;
use crate::types::{Instances, Table, Ty};
use std::collections::{BTreeMap, BTreeSet};

/// A secret in a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handed {
    /// Of which function.
    pub function: FunctionId,
    /// The place of the parameter.
    pub index: usize,
    /// Its type with the labels of what it is given.
    pub ty: Ty,
}

/// What a body does with what it was handed.
struct Done {
    /// Where it compares it.
    compared: Option<Span>,
    /// Where it hands it on.
    on: Vec<Handed>,
}

/// Says for each of these arguments whether it ends up compared.
pub fn check(
    program: &Program,
    table: &Table,
    calls: &[(ExprId, Handed)],
    findings: &mut Vec<Diagnostic>,
) {
    if calls.is_empty() {
        return;
    }
    let known: BTreeSet<Span> =
        findings.iter().filter(|found| found.code == "F0804").map(|found| found.span).collect();
    let mut bodies =
        Bodies { program, known, instances: Instances::new(program, table), done: BTreeMap::new() };
    for (argument, handed) in calls {
        let Some(place) = bodies.compared(handed) else { continue };
        let (span, name) =
            (program.exprs[*argument].span, &program.functions[handed.function].name);
        findings.push(
            Diagnostic::error("F0804", span, format!("a secret is compared by `{}`", name.name))
                .label(span, "a secret goes to calls that ask for one, and nowhere else")
                .label(place, "compared here")
                .help("pass a reference, or compare its `fingerprint(…)`"),
        );
    }
}

struct Bodies<'p> {
    program: &'p Program,
    /// What is wrong in a body whatever it is given.
    known: BTreeSet<Span>,
    instances: Instances<'p>,
    done: BTreeMap<Handed, Done>,
}

impl Bodies<'_> {
    /// Where a secret that is handed over is compared, in this function or in one that it calls.
    fn compared(&mut self, handed: &Handed) -> Option<Span> {
        let mut seen = BTreeSet::new();
        let mut next = vec![handed.clone()];
        // Bound: a body is looked at once for each parameter and labels that it is called with.
        while let Some(handed) = next.pop() {
            if !seen.insert(handed.clone()) {
                continue;
            }
            if !self.done.contains_key(&handed) {
                let done = self.look(&handed);
                self.done.insert(handed.clone(), done);
            }
            let Some(done) = self.done.get(&handed) else { continue };
            if done.compared.is_some() {
                return done.compared;
            }
            next.extend(done.on.iter().cloned());
        }
        None
    }

    fn look(&mut self, handed: &Handed) -> Done {
        let table = self.instances.with(handed.function, handed.index, &handed.ty);
        let labels = Labels::new(self.program, table);
        let mut findings = Vec::new();
        let mut rule = Rule {
            program: self.program,
            labels: &labels,
            findings: &mut findings,
            calls: Vec::new(),
        };
        rule.function(&self.program.functions[handed.function]);
        let on = rule.calls.into_iter().map(|(_, handed)| handed).collect();
        let own = |found: &Diagnostic| found.code == "F0804" && !self.known.contains(&found.span);
        let compared = findings.into_iter().find(own).map(|found| found.span);
        Done { compared, on }
    }
}
