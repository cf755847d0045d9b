//! How errors that nobody handles, and handlers of errors that nobody raises, are told.

use super::errors::{Errors, Raised};
use crate::diagnostic::Diagnostic;
use crate::hir::{ErrorId, Handler, Handlers, On, Scope};

impl Errors<'_> {
    pub(super) fn dead_handler(&mut self, handler: &Handler, name: &str) {
        self.findings.push(
            Diagnostic::warning(
                "F0117",
                handler.on_span,
                format!("nothing here fails with `{name}`"),
            )
            .label(handler.on_span, "every step inside handles it already")
            .help("remove this handler"),
        );
    }

    /// Handlers of built-in causes that cannot be.
    pub(super) fn dead_causes(
        &mut self,
        handlers: &Handlers,
        why: impl Fn(&On) -> Option<&'static str>,
    ) {
        for handler in &handlers.on {
            if let Some(why) = why(&handler.on) {
                let word = match handler.on {
                    On::Timeout => "timeout",
                    On::Unknown => "unknown",
                    On::Refused => "refused",
                    On::Error { .. } => continue,
                };
                self.findings.push(
                    Diagnostic::warning(
                        "F0117",
                        handler.on_span,
                        format!("this never ends `{word}`"),
                    )
                    .label(handler.on_span, why)
                    .help("remove this handler"),
                );
            }
        }
    }

    /// F0104: errors of one place that nobody handles and `fails` does not list.
    pub(super) fn undeclared(&mut self, raised: &[Raised]) {
        let Some(first) = raised.first() else { return };
        // What could not be read may be the handler.
        if self.workflow.incomplete {
            return;
        }
        let workflow = &self.workflow.name.name;
        let names: Vec<String> =
            raised.iter().map(|one| format!("`{}`", self.name(one.id))).collect();
        let listed = |one: &Raised| {
            self.workflow.fails.iter().copied().find(|id| self.name(*id) == self.name(one.id))
        };
        let other = raised.iter().find_map(|one| Some((one, listed(one)?)));
        let headline = match other {
            Some((one, _)) => format!(
                "`{}` is raised here with another payload than `{workflow}` declares",
                self.name(one.id)
            ),
            None => format!("{} is neither handled nor declared by `{workflow}`", names.join(", ")),
        };
        let mut finding = Diagnostic::error("F0104", first.span, headline)
            .label(first.span, format!("can fail with {}", names.join(", ")));
        for one in raised {
            let decl = self.decl(one.id);
            if decl.span != first.span {
                finding = finding.label(decl.span, "declared here");
            }
        }
        if let Some((_, declared)) = other {
            finding = finding.label(self.decl(declared).span, "and here, differently");
        }
        let signature = self.signature(first.id);
        self.findings.push(finding.help(match other {
            Some(_) => format!("handle it (`on {signature} => fail …`), or give both one payload"),
            None => format!(
                "handle it: `on {signature} => …`\nor let it propagate: `fails {}` in the head of \
                 `{workflow}`",
                self.typed_signature(first.id)
            ),
        }));
    }

    /// F0104: errors of a scope that nothing there handles.
    pub(super) fn unhandled_in(&mut self, scope: &Scope, raised: &[Raised]) {
        for one in raised {
            let name = self.name(one.id);
            let own = scope.fails.iter().find(|id| self.name(**id) == name);
            let declared = own.map_or(one.span, |id| self.decl(*id).span);
            let headline = format!(
                "`{name}` belongs to scope `{}`, and nothing there handles it",
                scope.name.node
            );
            self.findings.push(
                Diagnostic::error("F0104", one.span, headline)
                    .label(declared, "declared as an error of the scope")
                    .label(one.span, "raised here")
                    .help(format!("add `on {} => …` to the scope", self.signature(one.id))),
            );
        }
    }

    /// F0117: an entry of `fails` that nothing raises.
    pub(super) fn never_raised(&mut self, id: ErrorId, of: &str) {
        let (span, name) = (self.decl(id).span, self.name(id));
        self.findings.push(
            Diagnostic::warning("F0117", span, format!("nothing in {of} fails with `{name}`"))
                .label(span, "declared, and never raised")
                .help("remove it from `fails`"),
        );
    }

    fn signature(&self, id: ErrorId) -> String {
        let decl = self.decl(id);
        let fields: Vec<&str> = decl.fields.iter().map(|field| field.name.node.as_str()).collect();
        match fields.is_empty() {
            true => decl.name.node.to_string(),
            false => format!("{}({})", decl.name.node, fields.join(", ")),
        }
    }

    fn typed_signature(&self, id: ErrorId) -> String {
        let decl = self.decl(id);
        let fields: Vec<String> = decl
            .fields
            .iter()
            .map(|f| format!("{}: {}", f.name.node, self.program.show_ty(&f.ty.node)))
            .collect();
        match fields.is_empty() {
            true => decl.name.node.to_string(),
            false => format!("{}({})", decl.name.node, fields.join(", ")),
        }
    }
}
