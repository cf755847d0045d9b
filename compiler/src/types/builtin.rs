//! Built-in functions.

use super::cx::{Cx, Want};
use crate::diagnostic::Diagnostic;
use crate::hir::{Builtin, ExprId, ExprKind, Label, LocalKind, Ty, TyKind};

impl Cx<'_> {
    pub(super) fn builtin(
        &mut self,
        id: ExprId,
        builtin: Builtin,
        args: &[ExprId],
        hint: Option<&Ty>,
    ) -> Ty {
        if builtin.is_drawn() {
            self.drawn(id, builtin);
        }
        let text = Want::plain(Ty::new(TyKind::Text));
        match (builtin, args) {
            (Builtin::Now, _) => Ty::new(TyKind::Time),
            (Builtin::Random, _) => Ty::new(TyKind::Decimal),
            (Builtin::NewUuid, _) => Ty::new(TyKind::Uuid),
            (Builtin::SameCurrency, args @ [_, _]) => {
                for arg in args {
                    self.amount(*arg);
                }
                let label = super::operator::joined(args.iter().map(|arg| self.table.label(*arg)));
                Ty::new(TyKind::Bool).labelled(label)
            }
            (Builtin::Role | Builtin::User, args) => {
                for arg in args {
                    self.check(*arg, &text);
                }
                Ty::new(TyKind::Role)
            }
            (Builtin::AnsweredBy, &[answer]) => self.answer(answer, builtin, TyKind::Text),
            (Builtin::AnsweredAt, &[answer]) => self.answer(answer, builtin, TyKind::Time),
            (Builtin::Sample, &[name]) => self.sample(id, name, hint),
            (Builtin::Range, args) => {
                let int = Ty::new(TyKind::Int);
                self.series(args, int)
            }
            (Builtin::Dates, args) => {
                let date = Ty::new(TyKind::Date);
                self.series(args, date)
            }
            (Builtin::Fingerprint, &[value]) => {
                self.value(value, None);
                Ty::new(TyKind::Text)
            }
            (Builtin::Reveal, &[value, reason]) => {
                self.check(reason, &text);
                self.revealed(value, hint)
            }
            // A wrong number of arguments was reported with the signature.
            (_, args) => {
                for arg in args {
                    self.infer(*arg, None);
                }
                Ty::error()
            }
        }
    }

    /// The values from one to another: how many there are tells of both.
    fn series(&mut self, ends: &[ExprId], of: Ty) -> Ty {
        let want = Want::plain(of.clone());
        let label = super::operator::joined(ends.iter().map(|end| self.check(*end, &want).label));
        Ty::new(TyKind::List(Box::new(of))).labelled(label)
    }

    /// `reveal(e, "why")`: the value without its label; a named type that marks its values gives the
    /// plain one.
    fn revealed(&mut self, value: ExprId, hint: Option<&Ty>) -> Ty {
        let ty = self.value(value, hint);
        let marked = self.program.carried_label(&Ty::new(ty.kind.clone())) != Label::Open;
        if matches!(ty.kind, TyKind::Alias(_)) && marked {
            let plain = self.plain_operand(value, &ty, "revealed");
            return self.program.opened(&plain);
        }
        self.program.opened(&ty)
    }

    /// What differs from one evaluation to the next has no place in pure code.
    fn drawn(&mut self, id: ExprId, builtin: Builtin) {
        let Some((word, name)) = self.place.pure.clone() else { return };
        let span = self.span(id);
        self.report(
            Diagnostic::error(
                "F0111",
                span,
                format!("`{}()` in {word} `{name}` is not pure", builtin.name()),
            )
            .label(span, "gives another value each time")
            .help(format!(
                "take it as a parameter, and pass `{}()` from the workflow, which records it",
                builtin.name()
            )),
        );
    }

    /// `answered_by(d)`: of a name that holds a person's answer.
    fn answer(&mut self, answer: ExprId, builtin: Builtin, kind: TyKind) -> Ty {
        let ty = self.infer(answer, None);
        let holds_one = match &self.program.exprs[answer].kind {
            ExprKind::Local(local) => matches!(
                self.program.locals[*local].kind,
                LocalKind::Await | LocalKind::Param | LocalKind::Join
            ),
            ExprKind::Error(_) => true,
            _ => false,
        };
        if !holds_one && ty.kind != TyKind::Error {
            let span = self.span(answer);
            self.report(
                Diagnostic::error("F0102", span, "this is nobody's answer")
                    .label(span, "not a name that a human task's answer was bound to")
                    .help(format!(
                        "`{}(d)` takes the name of an `await d = Task(…)`",
                        builtin.name()
                    )),
            );
        }
        Ty::new(kind)
    }

    /// Sample data, decoded as what the context asks for.
    fn sample(&mut self, id: ExprId, name: ExprId, hint: Option<&Ty>) -> Ty {
        self.check(name, &Want::plain(Ty::new(TyKind::Text)));
        let span = self.span(id);
        let Some(ty) = hint.filter(|ty| !matches!(ty.kind, TyKind::None | TyKind::Never)) else {
            self.report(
                Diagnostic::error("F0102", span, "nothing here says what the sample is")
                    .label(span, "of which type?")
                    .help("pass it where a type is declared, as the argument of a call"),
            );
            return Ty::error();
        };
        if ty.has_error() {
            return Ty::error();
        }
        match self.literal_text(name) {
            Some(text) => self.check_sample(self.span(name), &text, ty),
            None => {
                let at = self.span(name);
                self.report(
                    Diagnostic::error("F0102", at, "the name of a sample is written out")
                        .label(at, "known at run time only"),
                );
            }
        }
        ty.clone()
    }
}
