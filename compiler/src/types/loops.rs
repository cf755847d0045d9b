//! Loops and branches: what they run over, what they collect (F0706).

use super::cx::{Cx, Meeting, Want, article};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Each, ExprId, Label, LocalId, Parallel, ParallelEach, Repeat, StmtKind, Ty, TyKind,
};
use crate::span::Span;

/// What the values of `give` in one body come to.
enum Given {
    /// Nothing is given anywhere.
    Nothing,
    /// They have this type.
    One(Ty),
    /// They have no type in common; reported.
    Wrong,
}

impl Cx<'_> {
    pub(super) fn each(&mut self, each: &Each) {
        let label = self.elements(each.over, &each.pattern);
        let given = self.giving(each.span, |cx| cx.block(&each.body));
        if let Some(bind) = each.bind {
            let item = self.collected(bind, given);
            self.bind(bind, list_of(item, each.settle).labelled(label));
        }
    }

    pub(super) fn parallel_each(&mut self, each: &ParallelEach) {
        let label = self.elements(each.over, &each.pattern);
        let given = self.giving(each.span, |cx| cx.block(&each.body));
        let Some(bind) = each.bind else {
            self.guard(&each.guard);
            return;
        };
        let item = self.collected(bind, given);
        let value = match &each.first {
            Some(count) if count.node == 1 => item,
            // A race gives as many as it asks for.
            Some(_) => list_of(item, each.settle),
            None => list_of(item, each.settle).labelled(label),
        };
        let uses = self.guarded(&each.guard, Some(&value));
        let ty =
            self.joined_with(value, &uses, (each.span, "in the place of what is given".into()));
        self.bind(bind, ty);
    }

    /// `parallel { … }`; with `first` its value is that of the branch that wins.
    pub(super) fn parallel(&mut self, parallel: &Parallel) {
        for branch in &parallel.branches {
            self.stmt(branch);
        }
        self.guard(&parallel.guard);
        let Some(bind) = parallel.bind else { return };
        let Some(first) = &parallel.first else {
            let span = self.program.locals[bind].span;
            self.report(
                Diagnostic::error("F0102", span, "a `parallel` of different branches has no value")
                    .label(span, "names nothing")
                    .help("the names bound inside can be used after the brace; leave this one out"),
            );
            return;
        };
        let steps = parallel.branches.iter().map(|branch| match &branch.kind {
            StmtKind::Step(step) => {
                self.table.step(step.id).map(|signature| signature.bound.clone())
            }
            _ => None,
        });
        let steps: Option<Vec<Ty>> = steps.collect();
        let joined = steps.as_ref().and_then(|types| {
            types.iter().try_fold(Ty::new(TyKind::Never), |a, b| self.join(&a, b))
        });
        let Some(item) = joined.filter(|ty| ty.kind != TyKind::Unit) else {
            let span = self.program.locals[bind].span;
            self.report(
                Diagnostic::error("F0102", span, "the branches have no value in common")
                    .label(span, "what is this?")
                    .label(
                        parallel.body_span,
                        "every branch must be a step with a result of one type",
                    ),
            );
            return;
        };
        let ty = if first.node == 1 { item } else { list_of(item, false) };
        self.bind(bind, ty);
    }

    /// The names of one turn over a list, a batch or a map. Answers the label of that as a whole: how many
    /// values are collected is how many it has.
    fn elements(&mut self, over: ExprId, pattern: &[LocalId]) -> Label {
        let ty = self.value(over, None);
        let plain = self.plain_operand(over, &ty, "looped over");
        let types: Vec<Ty> = match &plain.kind {
            TyKind::List(item) | TyKind::Batch(item) => vec![(**item).clone()],
            TyKind::Map(key, value) => vec![(**key).clone(), (**value).clone()],
            TyKind::Error => Vec::new(),
            _ => {
                let (span, shown) = (self.span(over), self.show(&plain));
                self.report(
                    Diagnostic::error(
                        "F0102",
                        span,
                        "only a list, a batch or a map can be looped over",
                    )
                    .label(span, format!("this is {}", article(&shown))),
                );
                Vec::new()
            }
        };
        for (index, local) in pattern.iter().enumerate() {
            let item = types.get(index).cloned().unwrap_or_else(Ty::error);
            self.bind(*local, item.labelled(plain.label));
        }
        if types.is_empty() || types.len() == pattern.len() {
            return plain.label;
        }
        let span = pattern.iter().map(|local| self.program.locals[*local].span).reduce(Span::to);
        let Some(span) = span else { return plain.label };
        let (what, help) = match types.len() {
            1 => ("an item of a list has one name", "write `each x in xs`"),
            _ => ("an entry of a map has a key and a value", "write `each (key, value) in m`"),
        };
        self.report(Diagnostic::error("F0102", span, what).label(span, "named here").help(help));
        for local in pattern {
            self.bind(*local, Ty::error());
        }
        plain.label
    }

    /// What a body gives.
    fn giving(&mut self, span: Span, body: impl FnOnce(&mut Self)) -> Given {
        self.gives.push(Meeting::default());
        body(self);
        let values = self.gives.pop().map(|meeting| meeting.values).unwrap_or_default();
        self.given(span, &values)
    }

    fn given(&mut self, span: Span, values: &[ExprId]) -> Given {
        if values.is_empty() {
            return Given::Nothing;
        }
        if let Some(ty) = self.meet(values) {
            return Given::One(ty);
        }
        let mut finding = Diagnostic::error(
            "F0706",
            span,
            "the turns of this loop give values of different types",
        );
        for value in values {
            let shown = self.show(&self.table.own_ty(*value));
            finding = finding.label(self.span(*value), format!("gives {}", article(&shown)));
        }
        self.report(finding);
        Given::Wrong
    }

    /// The type of one value that a named loop collects.
    fn collected(&mut self, bind: LocalId, given: Given) -> Ty {
        let ty = match given {
            // Whether every path gives is asked where paths are known; nothing given is no type.
            Given::Nothing | Given::Wrong => Ty::error(),
            Given::One(ty) => self.told(bind, ty),
        };
        self.table.collected.insert(bind, ty.clone());
        ty
    }

    /// A given type that says what it is.
    fn told(&mut self, bind: LocalId, ty: Ty) -> Ty {
        let untold = match &ty.kind {
            TyKind::None | TyKind::Unit => true,
            TyKind::List(item) => item.kind == TyKind::Never,
            _ => false,
        };
        if !untold {
            return ty;
        }
        let span = self.program.locals[bind].span;
        self.report(
            Diagnostic::error("F0102", span, "nothing here says of what type the values are")
                .label(span, "what is collected?"),
        );
        Ty::error()
    }

    pub(super) fn repeat(&mut self, repeat: &Repeat) {
        for (local, first) in &repeat.vars {
            self.let_(*local, *first);
        }
        let mut values = self.turn(repeat);
        if let Some(otherwise) = &repeat.otherwise {
            let hint = values.first().map(|value| self.table.own_ty(*value));
            values.extend(self.using(hint, |cx| cx.block(otherwise)));
        }
        let given = self.given(repeat.span, &values);
        let Some(bind) = repeat.bind else { return };
        if let Given::Nothing = given {
            let span = self.program.locals[bind].span;
            self.report(
                Diagnostic::error(
                    "F0706",
                    repeat.span,
                    "this loop has a name, and nothing gives it a value",
                )
                .label(span, "names nothing")
                .help("end the loop with `give e`, or leave the name out"),
            );
        }
        let ty = self.collected(bind, given);
        let may_end_without =
            repeat.until.is_some() || (repeat.up_to.is_some() && repeat.otherwise.is_none());
        self.bind(bind, if may_end_without { ty.optional() } else { ty });
    }

    /// The body of a `repeat`; answers the values that it gives.
    fn turn(&mut self, repeat: &Repeat) -> Vec<ExprId> {
        loop {
            let begin: Vec<Ty> =
                repeat.vars.iter().map(|(local, _)| self.table.local(*local)).collect();
            let found = self.findings.len();
            self.gives.push(Meeting::default());
            let facts = self.facts.clone();
            for stmt in &repeat.body.stmts {
                self.stmt(stmt);
            }
            if let Some(until) = repeat.until {
                self.condition(until);
            }
            self.facts = facts;
            let values = self.gives.pop().map(|meeting| meeting.values).unwrap_or_default();
            // Bound: each further look has more labels, of which a type has few, and they are kept.
            let same =
                |(ty, (local, _)): (&Ty, &(LocalId, ExprId))| *ty == self.table.local(*local);
            if begin.iter().zip(&repeat.vars).all(same) {
                return values;
            }
            self.findings.truncate(found);
        }
    }

    /// `again (x: e)`: in the next turn the name has the labels of this value too.
    pub(super) fn again(&mut self, values: &[(LocalId, ExprId)]) {
        for (local, value) in values {
            let declared = &self.program.locals[*local];
            let span = declared.ty.as_ref().map_or(declared.span, |ty| ty.span);
            let words = format!("`{}` gets its type here", declared.name);
            let want = Want::declared(self.table.local(*local), span, words);
            let later = self.check(*value, &want);
            self.raise(*local, &later);
        }
    }
}

fn list_of(item: Ty, settle: bool) -> Ty {
    if item.kind == TyKind::Error {
        return Ty::error();
    }
    let item = if settle { Ty::new(TyKind::Outcome(Box::new(item))) } else { item };
    Ty::new(TyKind::List(Box::new(item)))
}
