//! What is built and called by name: records, variants, nominal values, functions; and arguments.

use super::cx::{Cx, Want};
use super::fit::same;
use super::table::Adjustment;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    AliasId, Args, EnumId, ExprId, ExprKind, Field, FunctionId, Label, Name, RecordLike, Ty, TyKind,
};
use crate::name;

impl Cx<'_> {
    /// Arguments against parameters or fields; missing ones were reported or have a default.
    pub fn args(&mut self, params: &[Field], args: &Args) {
        for (param, value) in params.iter().zip(&args.values) {
            if let Some(value) = value {
                let words = format!("`{}` is declared here", param.name.node);
                let want = Want::declared(param.ty.node.clone(), param.ty.span, words);
                self.check(*value, &want);
            }
        }
        if let Some(spread) = args.spread {
            self.spread(params, spread);
        }
        // Beyond the parameters: reported, but what stands there has a type all the same.
        for value in args.values.iter().skip(params.len()).flatten().chain(&args.extra) {
            self.infer(*value, None);
        }
    }

    /// One sample for all parameters: an object with a value for each.
    fn spread(&mut self, params: &[Field], spread: ExprId) {
        let program = self.program;
        self.set(spread, Ty::new(TyKind::Unit));
        let ExprKind::Builtin(_, args) = &program.exprs[spread].kind else { return };
        let Some(&name) = args.first() else { return };
        self.words(name);
        if let Some(text) = self.literal_text(name) {
            self.check_spread(self.span(name), &text, params);
        }
    }

    /// The fields of what has some.
    pub fn fields_of(&self, ty: &Ty) -> Option<&[Field]> {
        match ty.kind {
            TyKind::Record(id) => Some(&self.program.records[id].fields),
            TyKind::Event(id) => Some(&self.program.events[id].fields),
            _ => None,
        }
    }

    pub(super) fn record(&mut self, like: RecordLike, args: &Args) -> Ty {
        let program = self.program;
        let (kind, fields) = match like {
            RecordLike::Record(id) => (TyKind::Record(id), &program.records[id].fields),
            RecordLike::Event(id) => (TyKind::Event(id), &program.events[id].fields),
        };
        self.args(fields, args);
        Ty::new(kind)
    }

    pub(super) fn variant(&mut self, of: EnumId, index: u32, args: &Args) -> Ty {
        let program = self.program;
        if let Some(variant) = program.enums[of].variants.get(index as usize) {
            self.args(&variant.fields, args);
        }
        Ty::new(TyKind::Enum(of))
    }

    /// `Sku("ABC-0001")`: what the alias stands for, made one.
    pub(super) fn nominal(&mut self, alias: AliasId, inner: ExprId) -> Ty {
        let program = self.program;
        let decl = &program.aliases[alias];
        let base = self.base(&decl.of.node);
        let words = format!("`{}` is declared here", decl.name.name);
        let span = decl.of.span;
        let got = self.infer(inner, Some(&base));
        let fits_itself = same(&got, &decl.of.node);
        if let (true, Some(text)) = (base.kind == TyKind::Text, self.literal_text(inner)) {
            let at = self.span(inner);
            self.check_pattern(alias, &text, at);
        }
        if !fits_itself {
            self.coerce(inner, &Want::declared(base, span, words));
        }
        program.labelled_as(Ty::new(TyKind::Alias(alias)), &got)
    }

    pub(super) fn call(&mut self, id: FunctionId, args: &Args) -> Ty {
        let program = self.program;
        let function = &program.functions[id];
        self.args(&function.params, args);
        // Confidential input makes confidential output, whatever the body does with it; and what the
        // body takes out of its parameters has the label it has there.
        let label =
            function.params.iter().zip(&args.values).fold(Label::Open, |label, (param, value)| {
                let given = value.map_or_else(Ty::error, |value| self.table.ty(value));
                label.max(self.program.lost(&given, &param.ty.node))
            });
        self.answer_of(id).labelled(label)
    }

    /// `r with (f: e)`.
    pub(super) fn with(&mut self, id: ExprId, base: ExprId, changes: &[(Name, ExprId)]) -> Ty {
        let program = self.program;
        let ty = self.value(base, None);
        let fields: Option<(&[Field], bool)> = match ty.kind {
            TyKind::Record(record) => {
                let record = &program.records[record];
                Some((&record.fields, record.incomplete))
            }
            TyKind::Event(event) => {
                let event = &program.events[event];
                Some((&event.fields, event.incomplete))
            }
            _ => None,
        };
        let Some((fields, incomplete)) = fields else {
            for (_, value) in changes {
                self.infer(*value, None);
            }
            if ty.kind == TyKind::Error {
                return ty;
            }
            let (span, shown) = (self.span(base), self.show(&ty));
            let code = if ty.is_optional() { "F0114" } else { "F0102" };
            let headline = match code {
                "F0114" => "this record may be absent".to_owned(),
                _ => format!("only a record can be copied with changes, and this is `{shown}`"),
            };
            self.report(
                Diagnostic::error(code, self.span(id), headline).label(span, format!("`{shown}`")),
            );
            return Ty::error();
        };
        for (name, value) in changes {
            let Some(field) = fields.iter().find(|field| field.name.node == name.node) else {
                self.infer(*value, None);
                if !incomplete {
                    let known = fields.iter().map(|field| field.name.node.as_str());
                    self.unknown_member(name, &ty, known);
                }
                continue;
            };
            let words = format!("`{}` is declared here", field.name.node);
            self.check(*value, &Want::declared(field.ty.node.clone(), field.ty.span, words));
        }
        ty
    }

    /// Reports a member that a type does not have.
    pub fn unknown_member<'n>(
        &mut self,
        name: &Name,
        of: &Ty,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        let shown = self.show(of);
        let mut finding =
            Diagnostic::error("F0101", name.span, format!("`{shown}` has no `{}`", name.node))
                .label(name.span, "not known");
        let near = match super::synonym::ours(&name.node, &known) {
            Some(ours) => vec![ours],
            None => name::suggest(&name.node, known.iter().copied()),
        };
        if let [only] = near.as_slice() {
            finding = finding.fix(format!("write `{only}`"), name.span, (*only).to_owned());
        }
        finding = match near.as_slice() {
            [] if known.is_empty() => finding,
            [] if known.len() > 12 => finding,
            [] => finding.help(format!("it has {}", list(&known))),
            near => finding.help(format!("did you mean {}?", name::any_of(near))),
        };
        self.report(finding);
    }

    /// The adjustments of an expression, for those that add to them.
    pub fn adjust(&mut self, id: ExprId, step: Adjustment) {
        self.table.adjustments.insert(id, vec![step]);
    }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
