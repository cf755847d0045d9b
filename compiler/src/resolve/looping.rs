//! Loops.

use super::body::Body;
use super::clause::Holder;
use super::once::counts;
use super::place::Frame;
use crate::hir::{self, LocalId, LocalKind, Point, StmtKind};
use crate::span::Span;
use crate::syntax::ast;
use smol_str::SmolStr;

impl Body<'_, '_> {
    /// The point of a loop: its name, or its kind, numbered.
    pub(super) fn loop_point(&mut self, binding: Option<&ast::Name>, kind: &'static str) -> Point {
        let Some(name) = binding else { return self.paths.numbered(kind) };
        let (point, earlier) = self.paths.named(&name.text, name.span);
        if let Some(earlier) = earlier {
            self.collision(&point, name.span, earlier, false);
        }
        point
    }

    pub(super) fn collected(&mut self, binding: Option<&ast::Name>) -> Option<LocalId> {
        binding.map(|n| self.alloc(&n.text, n.span, LocalKind::Collected))
    }

    pub(super) fn show_some(&mut self, bind: Option<LocalId>) {
        if let Some(bind) = bind {
            self.show(bind);
        }
    }

    /// A turn of a loop over a list: its names end with it.
    fn turn(
        &mut self,
        point: &Point,
        pattern: &ast::EachPat,
        frame: Frame,
        block: &ast::Block,
    ) -> (Vec<LocalId>, hir::Block) {
        let mark = self.mark();
        let names = pattern.names.iter().map(|n| self.bind(n, LocalKind::Element)).collect();
        let outer = self.paths.enter(point, "[]");
        let body = self.inside(frame, |body| body.block(block));
        self.paths.leave(outer);
        self.fade(mark);
        (names, body)
    }

    /// `xs = each x in ys { … }`
    pub(super) fn each(&mut self, written: &ast::Each, span: Span) -> StmtKind {
        let point = self.loop_point(written.binding.as_ref(), "each");
        let over = self.expr(&written.items);
        let bind = self.collected(written.binding.as_ref());
        let frame = if written.settle { Frame::Settle } else { Frame::Each };
        let (pattern, body) = self.turn(&point, &written.pattern, frame, &written.body);
        self.show_some(bind);
        let max = written.max.map(|count| counts(self.r, "max 0", count));
        let settle = written.settle;
        let each = hir::Each { point, bind, pattern, over, max, settle, body, span };
        StmtKind::Each(Box::new(each))
    }

    /// `xs = parallel each x in ys max 8 { … }`
    pub(super) fn parallel_each(&mut self, written: &ast::ParallelEach, span: Span) -> StmtKind {
        let point = self.loop_point(written.binding.as_ref(), "parallel each");
        let over = self.expr(&written.items);
        let bind = self.collected(written.binding.as_ref());
        let frame = if written.settle { Frame::Settle } else { Frame::ParallelEach };
        let (pattern, body) = self.turn(&point, &written.pattern, frame, &written.body);
        let guard = self.guard(Holder::Parallel, &written.clauses, &point, &[&body], &[]);
        self.show_some(bind);
        StmtKind::ParallelEach(Box::new(hir::ParallelEach {
            point,
            bind,
            pattern,
            over,
            first: written.first.map(|count| counts(self.r, "first 0", count)),
            max: written.max.map(|count| counts(self.r, "max 0", count)),
            settle: written.settle,
            body,
            guard,
            span,
        }))
    }

    /// `x = repeat (n = 0) up to 30 times { … } until c else …`
    pub(super) fn repeat(&mut self, written: &ast::Repeat, span: Span) -> StmtKind {
        let point = self.loop_point(written.binding.as_ref(), "repeat");
        // Order: first values are outside the loop, so none of them sees another.
        let firsts: Vec<hir::ExprId> = written.vars.iter().map(|v| self.expr(&v.value)).collect();
        let bind = self.collected(written.binding.as_ref());
        let mark = self.mark();
        let mut vars = Vec::new();
        let mut names: Vec<(SmolStr, LocalId)> = Vec::new();
        for (var, first) in written.vars.iter().zip(firsts) {
            let ty = var.ty.as_ref().map(|ty| self.r.ty(self.module, ty));
            let local = self.alloc_typed(&var.name.text, var.name.span, LocalKind::LoopVar, ty);
            self.show(local);
            names.push((var.name.text.clone(), local));
            vars.push((local, first));
        }
        let outer = self.paths.enter(&point, "[]");
        let (body, until) = self.inside(Frame::Repeat(names), |b| {
            let body = b.block(&written.body);
            (body, written.until.as_ref().map(|c| b.expr(c)))
        });
        self.paths.leave(outer);
        self.fade(mark);
        let otherwise = written.otherwise.as_ref().map(|block| self.remedy(block, &point));
        self.show_some(bind);
        let up_to = written.up_to.map(|count| counts(self.r, "up to 0 times", count));
        let repeat = hir::Repeat { point, bind, vars, up_to, body, until, otherwise, span };
        StmtKind::Repeat(Box::new(repeat))
    }

    /// `again (x: e)`: named values only, each of the innermost `repeat`.
    pub(super) fn again(&mut self, written: &ast::Again, span: Span) -> StmtKind {
        let word = Span { end: span.start + "again".len() as u32, ..span };
        let vars = self.check_again(word);
        let Some(args) = &written.args else { return StmtKind::Again(Vec::new()) };
        self.named_twice(args, "the value");
        let mut next: Vec<(LocalId, hir::ExprId)> = Vec::new();
        for arg in &args.items {
            let value = self.expr(&arg.value);
            let Some(name) = &arg.name else {
                self.again_shape(
                    arg.span,
                    "`again` takes named values only",
                    "which value?",
                    &vars,
                );
                continue;
            };
            match vars.iter().find(|(n, _)| *n == name.text) {
                Some((_, local)) if next.iter().all(|(l, _)| l != local) => {
                    next.push((*local, value));
                }
                Some(_) => {}
                None if vars.is_empty()
                    && !self.frames.iter().any(|f| matches!(f, Frame::Repeat(_))) => {}
                None => {
                    let text = format!("this loop has no value called `{}`", name.text);
                    self.again_shape(name.span, &text, "no such value", &vars);
                }
            }
        }
        StmtKind::Again(next)
    }

    fn again_shape(&mut self, at: Span, text: &str, label: &str, vars: &[(SmolStr, LocalId)]) {
        let names: Vec<&str> = vars.iter().map(|(n, _)| n.as_str()).collect();
        let help = if names.is_empty() {
            "this loop hands no values on: write `again`, or give it some: `repeat (n = 0) …`"
                .into()
        } else {
            format!("its values are {}; write `again ({}: …)`", names.join(", "), names[0])
        };
        let found = crate::diagnostic::Diagnostic::error("F0120", at, text.to_owned())
            .label(at, label.to_owned())
            .help(help);
        self.r.report(found);
    }
}
