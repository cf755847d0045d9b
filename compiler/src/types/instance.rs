//! Bodies of functions looked at again, with more confidential parameters than they declare.

use super::cx::Cx;
use super::table::Table;
use crate::hir::{FunctionId, Program, Ty};

/// The functions of a program, one of them at a time with another parameter.
pub struct Instances<'p> {
    cx: Cx<'p>,
}

impl<'p> Instances<'p> {
    /// Of a program whose types are known.
    #[must_use]
    pub fn new(program: &'p Program, table: &Table) -> Self {
        let mut cx = Cx::new(program);
        cx.table = table.clone();
        for id in program.functions.ids() {
            let answer = cx.answer_from(id);
            cx.given.insert(id, Some(answer));
        }
        Self { cx }
    }

    /// The types in the body of a function with this type for one of its parameters; those in other
    /// bodies mean nothing.
    pub fn with(&mut self, function: FunctionId, index: usize, ty: &Ty) -> &Table {
        self.cx.raised.clear();
        self.cx.function(function, Some((index, ty)));
        // What is wrong with the body was said when it was looked at as it is declared.
        self.cx.findings.clear();
        &self.cx.table
    }
}
