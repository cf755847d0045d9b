//! `fail E(…)`: which error is meant, and its payload.

use super::body::Body;
use super::name;
use super::place::Frame;
use crate::hir;
use crate::name::suggest;
use crate::syntax::ast;

impl Body<'_, '_> {
    pub(super) fn fail(&mut self, fail: &ast::Fail) -> hir::Fail {
        let declared = self.fails.iter().rev().copied();
        let errors = &self.r.program.errors;
        let named = |id: &hir::ErrorId| errors[*id].name.node == fail.error.text;
        let target = match declared.into_iter().find(named) {
            Some(id) => hir::FailTarget::Declared(id),
            None => match errors.ids().find(named) {
                Some(id) => hir::FailTarget::Elsewhere(id),
                None => hir::FailTarget::Error,
            },
        };
        let settled = self.frames.iter().any(|f| matches!(f, Frame::Settle));
        let args = match target {
            hir::FailTarget::Declared(id) => self.fail_args(fail, id),
            hir::FailTarget::Elsewhere(id) if settled => self.fail_args(fail, id),
            hir::FailTarget::Elsewhere(_) => self.fail_loose(fail),
            hir::FailTarget::Error => {
                self.unknown_error(&fail.error);
                self.fail_loose(fail)
            }
        };
        hir::Fail { name: name(&fail.error), error: target, args, span: fail.span }
    }

    fn fail_args(&mut self, fail: &ast::Fail, id: hir::ErrorId) -> hir::Args {
        let fields = self.r.program.errors[id].fields.clone();
        self.args_or_none(fail.args.as_ref(), fail.error.span, &fail.error.text, &fields)
    }

    fn fail_loose(&mut self, fail: &ast::Fail) -> hir::Args {
        fail.args.as_ref().map(|args| self.loose_args(args)).unwrap_or_default()
    }

    /// F0101 for an error that is declared nowhere.
    pub(super) fn unknown_error(&mut self, error: &ast::Name) {
        if self.incomplete || self.r.modules[self.module].opaque {
            return;
        }
        let errors = &self.r.program.errors;
        let own: Vec<&str> = self.fails.iter().map(|id| errors[*id].name.node.as_str()).collect();
        let mut near = suggest(&error.text, own);
        if near.is_empty() {
            near = suggest(&error.text, errors.values().map(|e| e.name.node.as_str()));
        }
        let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
        let text = format!("there is no error called `{}`", error.text);
        let mut found = super::unknown_name(text, error.span, &near, None);
        if near.is_empty() {
            found =
                found.help(format!("declare it in the workflow's head: `fails {}`", error.text));
        }
        self.r.report(found);
    }
}
