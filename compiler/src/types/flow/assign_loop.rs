//! Definite assignment through branches and loops.

use super::assign::{Flow, stmt_binds};
use super::assign_stmt::{Guarded, goes_on};
use super::bound::{Reach, Reason, meet, with};
use crate::diagnostic::Diagnostic;
use crate::hir::{Block, Each, LocalId, Parallel, ParallelEach, Repeat};
use crate::span::Span;

impl Flow<'_> {
    pub(super) fn parallel(&mut self, parallel: &Parallel, reach: Reach) -> Reach {
        let inside: Vec<Vec<LocalId>> = parallel
            .branches
            .iter()
            .map(|branch| {
                let mut found = Vec::new();
                branch.walk(false, &mut |stmt| stmt_binds(stmt, &mut found));
                found
            })
            .collect();
        let mut all = reach.clone();
        let mut some = false;
        for (index, branch) in parallel.branches.iter().enumerate() {
            for (other, names) in inside.iter().enumerate() {
                for name in names {
                    let words = "in another branch, which may still be running".to_owned();
                    let span = self.program.locals[*name].span;
                    if other != index {
                        self.reasons.insert(*name, Reason { span, words });
                    } else {
                        self.reasons.remove(name);
                    }
                }
            }
            let end = self.stmt(branch, reach.clone());
            some |= end.is_some();
            match (&mut all, end) {
                (Some(all), Some(names)) => all.add(&names),
                (all, _) => *all = None,
            }
        }
        if parallel.first.is_some() {
            let words = "only in a branch that may have lost".to_owned();
            for name in inside.into_iter().flatten() {
                let span = self.program.locals[name].span;
                self.reasons.insert(name, Reason { span, words: words.clone() });
            }
            // Not every branch comes to its end where some of them win.
            let end = if some { reach.clone() } else { None };
            all = with(end, parallel.bind);
        }
        let guarded = Guarded { bind: parallel.bind, point: None };
        self.guarded(&parallel.guard, guarded, all, reach)
    }

    pub(super) fn each(&mut self, each: &Each, reach: Reach) -> Reach {
        self.reads(each.over, &reach);
        self.turns(&each.body, &each.pattern, each.bind, each.span, &reach);
        with(reach, each.bind)
    }

    pub(super) fn parallel_each(&mut self, each: &ParallelEach, reach: Reach) -> Reach {
        self.reads(each.over, &reach);
        self.turns(&each.body, &each.pattern, each.bind, each.span, &reach);
        let end = with(reach.clone(), each.bind);
        let guarded = Guarded { bind: each.bind, point: Some(&each.point) };
        self.guarded(&each.guard, guarded, end, reach)
    }

    /// A body that runs once for each item; F0706 where a collecting one can end without `give`.
    fn turns(
        &mut self,
        body: &Block,
        pattern: &[LocalId],
        bind: Option<LocalId>,
        span: Span,
        reach: &Reach,
    ) {
        let mut inside = reach.clone();
        if let Some(names) = &mut inside {
            names.extend(pattern.iter().copied());
        }
        self.gives.push(false);
        let end = self.block(body, inside);
        let gives = self.gives.pop().unwrap_or_default();
        self.ends(body, body.span, "which ends with the turn");
        if let (Some(bind), Some(_)) = (bind, &end) {
            self.no_give(bind, body.span, span, gives);
        }
    }

    fn no_give(&mut self, bind: LocalId, body: Span, span: Span, gives: bool) {
        let name = &self.program.locals[bind].name;
        let close = Span { start: body.end.saturating_sub(1), ..body };
        let headline = match gives {
            true => format!("`{name}` collects what the turns give, and some path gives nothing"),
            false => format!("`{name}` collects what the turns give, and no turn gives anything"),
        };
        self.findings.push(
            Diagnostic::error("F0706", span, headline)
                .label(self.program.locals[bind].span, "collects…")
                .label(close, "…but this end is reached without `give`")
                .help("end every path of the body with `give e`, or leave the name out"),
        );
    }

    pub(super) fn repeat(&mut self, repeat: &Repeat, reach: Reach) -> Reach {
        repeat.vars.iter().for_each(|(_, first)| self.reads(*first, &reach));
        let mut inside = reach.clone();
        if let Some(names) = &mut inside {
            names.extend(repeat.vars.iter().map(|(local, _)| *local));
        }
        self.gives.push(false);
        let end = self.block(&repeat.body, inside);
        let gives = self.gives.pop().unwrap_or_default();
        repeat.until.iter().for_each(|until| self.reads(*until, &end));
        self.ends(&repeat.body, repeat.body.span, "which ends with the turn");
        let ends = gives || (repeat.until.is_some() && end.is_some());
        let bound = with(reach.clone(), repeat.bind);
        let mut ways = Vec::new();
        if ends {
            ways.push((bound.clone(), goes_on(repeat.span)));
        }
        match (&repeat.otherwise, &repeat.up_to) {
            (Some(otherwise), _) => {
                let guarded = Guarded { bind: repeat.bind, point: Some(&repeat.point) };
                ways.extend(self.remedy(otherwise, otherwise.span, Some(guarded), reach));
            }
            (None, Some(_)) => ways.push((bound, goes_on(repeat.span))),
            (None, None) => {}
        }
        meet(ways, &mut self.reasons)
    }
}
