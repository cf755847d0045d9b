//! Whether the rows of a decision cover everything (F0105), and which of them nothing reaches
//! (F0106).
//!
//! Conditions become formulas over questions with few answers: which variant, true or not, where a
//! value lies between the constants it is compared with, which of two values is larger. Every
//! combination of answers is tried. There are combinations that no values have, so a decision may
//! be complete without being proven; it is never proven without being complete.

use super::cx::Cx;
use super::formula::{Asked, Formula, Question};
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, Function, Rule};

/// Bound: rows that are tried against combinations of answers; with more, `else` is needed.
const TRIED_MAX: usize = 5_000_000;

impl Cx<'_> {
    /// Checks the rows of a decision, after they were typed.
    pub fn decision(&mut self, function: &Function, rules: &[Rule], otherwise: Option<ExprId>) {
        if rules.iter().any(|rule| self.table.ty(rule.when).has_error()) {
            return;
        }
        let mut asked = Asked { cx: self, questions: Vec::new() };
        for rule in rules {
            asked.constants(rule.when);
        }
        let formulas: Vec<Formula> = rules.iter().map(|rule| asked.formula(rule.when)).collect();
        let questions = asked.questions;
        let mut reached = vec![false; rules.len()];
        let (mut missing, mut else_reached) = (None, false);
        let known =
            each_combination(&questions, TRIED_MAX / rules.len().max(1), |answers| match formulas
                .iter()
                .position(|formula| formula.holds(answers))
            {
                Some(row) => reached[row] = true,
                None => {
                    else_reached = true;
                    if missing.is_none() {
                        missing = Some(answers.to_vec());
                    }
                }
            });
        if otherwise.is_none() && (missing.is_some() || !known) {
            let case = missing.map(|answers| describe(&questions, &formulas, &answers));
            self.incomplete_decision(function, case);
        }
        if !known {
            return;
        }
        for (rule, reached) in rules.iter().zip(reached) {
            if !reached {
                self.dead_row(rule.span, "the rows above hold whenever this one does");
            }
        }
        if let Some(otherwise) = otherwise
            && !else_reached
        {
            let span = self.span(otherwise);
            self.dead_row(span, "some row above always holds");
        }
    }

    fn incomplete_decision(&mut self, function: &Function, case: Option<String>) {
        let name = &function.name.name;
        let (headline, label) = match &case {
            Some(case) => (
                format!("`{name}` does not decide every case"),
                format!("no row holds where {case}"),
            ),
            None => (
                format!("`{name}` asks too much to be proven complete"),
                "has too many combinations to try".to_owned(),
            ),
        };
        self.report(
            Diagnostic::error("F0105", function.name_span, headline)
                .label(function.name_span, label)
                .help("add a row for it, or `else => …`"),
        );
    }

    fn dead_row(&mut self, span: crate::span::Span, why: &str) {
        self.report(
            Diagnostic::warning("F0106", span, "nothing reaches this row")
                .label(span, why)
                .help("remove it, or move it up"),
        );
    }
}

/// Calls `visit` for every combination of answers; false where there are more than `most`.
fn each_combination(questions: &[Question], most: usize, mut visit: impl FnMut(&[usize])) -> bool {
    let sizes: Vec<usize> = questions.iter().map(|question| question.answers.len()).collect();
    let total = sizes.iter().try_fold(1_usize, |total, size| total.checked_mul(*size));
    if total.is_none_or(|total| total > most) {
        return false;
    }
    let mut answers = vec![0; sizes.len()];
    loop {
        visit(&answers);
        let mut place = 0;
        while let (Some(answer), Some(size)) = (answers.get_mut(place), sizes.get(place)) {
            *answer += 1;
            if *answer < *size {
                break;
            }
            *answer = 0;
            place += 1;
        }
        if place == sizes.len() {
            return true;
        }
    }
}

/// A combination in words, without the questions whose answer makes no difference.
fn describe(questions: &[Question], formulas: &[Formula], answers: &[usize]) -> String {
    let mut words = Vec::new();
    for (place, question) in questions.iter().enumerate() {
        let matters = (0..question.answers.len()).any(|other| {
            let mut changed = answers.to_vec();
            changed[place] = other;
            formulas.iter().any(|formula| formula.holds(&changed))
        });
        if matters {
            let answer = answers.get(place).and_then(|answer| question.answers.get(*answer));
            words.extend(answer.cloned());
        }
    }
    match words.is_empty() {
        true => "none of the conditions holds".to_owned(),
        false => words.join(" and "),
    }
}
