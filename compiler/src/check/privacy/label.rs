//! How confidential a value is, with everything it holds.

use crate::hir::{ExprId, ExprKind, Label, Program, TextPart, Ty};
use crate::types::Table;

/// Answers for one program.
pub struct Labels<'p> {
    program: &'p Program,
    table: &'p Table,
}

impl<'p> Labels<'p> {
    /// For this program and its types.
    pub fn new(program: &'p Program, table: &'p Table) -> Self {
        Self { program, table }
    }

    /// The type of an expression as its context sees it.
    pub fn ty(&self, id: ExprId) -> Ty {
        self.table.ty(id)
    }

    /// The type of a local.
    pub fn local(&self, id: crate::hir::LocalId) -> Ty {
        self.table.local(id)
    }

    /// The label of a value alone, texts being as confidential as what is put into them.
    pub fn shallow(&self, id: ExprId) -> Label {
        match &self.program.exprs[id].kind {
            ExprKind::Text(parts) => {
                let inner = parts.iter().filter_map(|part| match part {
                    TextPart::Interp(expr) => Some(self.deep(*expr)),
                    TextPart::Chars(_) => None,
                });
                inner.max().unwrap_or_default()
            }
            _ => self.program.plain(&self.full(id)).label,
        }
    }

    /// The type of a value as its context sees it, with all the labels that it has.
    pub fn full(&self, id: ExprId) -> Ty {
        self.program.labelled_as(self.ty(id), &self.table.own_ty(id))
    }

    /// The highest label of a value that a place of this type has no room for.
    pub fn lost(&self, id: ExprId, wanted: &Ty) -> Label {
        self.program.lost(&self.full(id).labelled(self.shallow(id)), wanted)
    }

    /// The label of a value with everything it holds.
    pub fn deep(&self, id: ExprId) -> Label {
        self.shallow(id).max(self.program.deep_label(&self.table.own_ty(id)))
    }

    /// Whether a type, or something in it, has just this label.
    pub fn holds(&self, ty: &Ty, label: Label) -> bool {
        self.program.holds(ty, label)
    }
}

/// As the source writes it.
pub fn word(label: Label) -> &'static str {
    match label {
        Label::Secret => "secret",
        Label::Pii | Label::Open => "pii",
    }
}

/// In a sentence.
pub fn what(label: Label) -> &'static str {
    match label {
        Label::Secret => "a secret",
        Label::Pii | Label::Open => "personal data",
    }
}
