//! Expressions, patterns and texts.

use super::body::Body;
use super::{Def, module, name};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Builtin, ExprId, ExprKind, LocalKind};
use crate::name::suggest;
use crate::syntax::ast;
use rust_decimal::Decimal;
use smol_str::SmolStr;

/// A value written out; none where the number fits no type.
pub(super) fn literal(written: &ast::Literal) -> Option<hir::Literal> {
    let decimal = |digits: &SmolStr| digits.parse::<Decimal>().ok();
    Some(match written {
        ast::Literal::Money { amount, currency } => {
            hir::Literal::Money { amount: decimal(amount)?, currency: currency.clone() }
        }
        ast::Literal::Percent(digits) => hir::Literal::Percent(decimal(digits)?),
        ast::Literal::Duration(ms) => hir::Literal::Duration(*ms),
        ast::Literal::Size(bytes) => hir::Literal::Size(*bytes),
        ast::Literal::Number(digits) if digits.contains('.') => {
            hir::Literal::Decimal(decimal(digits)?)
        }
        ast::Literal::Number(digits) => hir::Literal::Int(digits.parse().ok()?),
        ast::Literal::Text(text) => hir::Literal::Text(text.as_plain()?.to_owned()),
        ast::Literal::Bool(value) => hir::Literal::Bool(*value),
        ast::Literal::None => hir::Literal::None,
    })
}

impl Body<'_, '_> {
    pub(super) fn exprs(&mut self, written: &[ast::Expr]) -> Vec<ExprId> {
        written.iter().map(|e| self.expr(e)).collect()
    }

    /// An expression, and everything in it.
    pub(super) fn expr(&mut self, written: &ast::Expr) -> ExprId {
        let kind = match &written.kind {
            ast::ExprKind::Literal(value) => self.literal(value, written.span),
            ast::ExprKind::Name(name) => return self.name(name),
            ast::ExprKind::Construct { ty, variant, args } => {
                return self.construct(written, ty, variant.as_ref(), args.as_ref());
            }
            ast::ExprKind::Call { name, args } => self.call(name, args),
            ast::ExprKind::Member { base, optional, name, args } => {
                return self.member(written, base, *optional, name, args.as_ref());
            }
            ast::ExprKind::Index { base, index } => {
                ExprKind::Index(self.expr(base), self.expr(index))
            }
            ast::ExprKind::With { base, args } => self.with(base, args),
            ast::ExprKind::Unary { op, operand } => {
                let op = match op {
                    ast::UnaryOp::Neg => hir::UnaryOp::Neg,
                    ast::UnaryOp::Not => hir::UnaryOp::Not,
                };
                ExprKind::Unary(op, self.expr(operand))
            }
            ast::ExprKind::Binary { op, left, right } => self.binary(op, left, right),
            ast::ExprKind::List(items) => ExprKind::List(self.exprs(items)),
            ast::ExprKind::If { condition, then, otherwise } => {
                ExprKind::If(self.expr(condition), self.expr(then), self.expr(otherwise))
            }
            ast::ExprKind::Match { subject, arms } => self.match_expr(subject, arms),
            ast::ExprKind::Lambda { params, body } => {
                let names: Vec<&ast::Name> = params.iter().collect();
                let (ids, body) = self.with_names(&names, LocalKind::Lambda, |b| b.expr(body));
                ExprKind::Lambda(ids, body)
            }
        };
        self.expr_at(kind, written.span)
    }

    fn literal(&mut self, value: &ast::Literal, span: crate::span::Span) -> ExprKind {
        if let ast::Literal::Text(text) = value {
            return ExprKind::Text(self.text_parts(text));
        }
        // A `none` may also stand where an expression was skipped, which has been reported.
        let skipped = |r: &super::Resolver<'_>| r.modules[self.module].file.is_incomplete(span);
        if matches!(value, ast::Literal::None) && skipped(self.r) {
            return ExprKind::Error(Vec::new());
        }
        match literal(value) {
            Some(value) => ExprKind::Literal(value),
            None => {
                let found = Diagnostic::error("F0102", span, "this number is too large")
                    .label(span, "a whole number has at most 18 digits, a decimal 28")
                    .help("write it with fewer digits, or keep it as a `text`");
                self.r.report(found);
                ExprKind::Error(Vec::new())
            }
        }
    }

    fn text_parts(&mut self, text: &ast::Text) -> Vec<hir::TextPart> {
        text.parts
            .iter()
            .map(|part| match part {
                ast::TextPart::Chars(chars) => hir::TextPart::Chars(chars.clone()),
                ast::TextPart::Interp(value) => hir::TextPart::Interp(self.expr(value)),
            })
            .collect()
    }

    /// A quoted text as an expression.
    pub(super) fn text(&mut self, text: &ast::Text) -> ExprId {
        let parts = self.text_parts(text);
        self.expr_at(ExprKind::Text(parts), text.span)
    }

    fn binary(
        &mut self,
        op: &crate::span::Spanned<ast::BinaryOp>,
        left: &ast::Expr,
        right: &ast::Expr,
    ) -> ExprKind {
        let node = operator(op.node);
        let left = self.expr(left);
        // Inside `where` the right side of a comparison sees only the run (verdict 38).
        let compares = !matches!(node, hir::BinaryOp::And | hir::BinaryOp::Or);
        let event = if compares { self.event.take() } else { None };
        let right = self.expr(right);
        if event.is_some() {
            self.event = event;
        }
        ExprKind::Binary(crate::span::Spanned { node, span: op.span }, left, right)
    }

    fn with(&mut self, base: &ast::Expr, args: &ast::Args) -> ExprKind {
        let base = self.expr(base);
        let mut changes = Vec::new();
        for arg in &args.items {
            let value = self.expr(&arg.value);
            match &arg.name {
                Some(field) => changes.push((name(field), value)),
                None => {
                    let found =
                        Diagnostic::error("F0120", arg.span, "`with` takes named fields only")
                            .label(arg.span, "which field?")
                            .help("write `with (field: value)`");
                    self.r.report(found);
                }
            }
        }
        self.named_twice(args, "the field");
        ExprKind::With(base, changes)
    }

    fn match_expr(&mut self, subject: &ast::Expr, arms: &[ast::MatchArm]) -> ExprKind {
        let subject = self.expr(subject);
        let arms = arms
            .iter()
            .map(|arm| {
                let mark = self.mark();
                let pattern = self.pattern(&arm.pattern);
                let value = self.expr(&arm.value);
                self.forget(mark);
                hir::ExprArm { pattern, value, span: arm.span }
            })
            .collect();
        ExprKind::Match(subject, arms)
    }

    /// A pattern; its names can be seen from here on.
    pub(super) fn pattern(&mut self, written: &ast::Pattern) -> hir::PatternId {
        let kind = match &written.kind {
            ast::PatternKind::Any => hir::PatternKind::Any,
            ast::PatternKind::Literal(value) => {
                literal(value).map_or(hir::PatternKind::Error, hir::PatternKind::Literal)
            }
            ast::PatternKind::Bind(name) => {
                hir::PatternKind::Bind(self.bind(name, LocalKind::Pattern))
            }
            ast::PatternKind::Variant { ty, variant, binders } => {
                self.variant_pattern(ty.as_ref(), variant, binders)
            }
        };
        self.r.program.patterns.alloc(hir::Pattern { kind, span: written.span })
    }

    fn variant_pattern(
        &mut self,
        ty: Option<&ast::Name>,
        variant: &ast::Name,
        binders: &[ast::Binder],
    ) -> hir::PatternKind {
        let binders = binders
            .iter()
            .map(|b| (b.name.as_ref().map(|n| self.bind(n, LocalKind::Pattern)), b.span))
            .collect();
        let of = match ty {
            None => None,
            Some(ty) => match self.enum_named(ty) {
                Some(id) => Some(id),
                None => return hir::PatternKind::Error,
            },
        };
        if let Some(id) = of
            && self.variant_index(id, variant).is_none()
        {
            return hir::PatternKind::Error;
        }
        hir::PatternKind::Variant { of, name: name(variant), binders }
    }

    fn enum_named(&mut self, ty: &ast::Name) -> Option<hir::EnumId> {
        match self.r.look_up(self.module, &ty.text) {
            Some(Def::Enum(id)) => Some(id),
            _ => {
                self.r.unknown(self.module, ty, "an enum", &|d| matches!(d, Def::Enum(_)));
                None
            }
        }
    }

    /// The index of a variant; F0101 where the enum has none of that name.
    fn variant_index(&mut self, id: hir::EnumId, variant: &ast::Name) -> Option<usize> {
        let of = &self.r.program.enums[id];
        let found = of.variants.iter().position(|v| v.name.node == variant.text);
        if found.is_none() && !of.incomplete {
            let known = of.variants.iter().map(|v| v.name.node.as_str());
            let near: Vec<String> =
                suggest(&variant.text, known).into_iter().map(str::to_owned).collect();
            let text = format!("`{}` has no variant `{}`", of.name.name, variant.text);
            let all: Vec<&str> = of.variants.iter().map(|v| v.name.node.as_str()).collect();
            let all = format!("its variants are {}", all.join(", "));
            let mut found = super::unknown_name(text, variant.span, &near, None);
            if near.is_empty() {
                found = found.help(all);
            }
            self.r.report(found);
        }
        found
    }

    /// `Receipt(…)`, `Signer.Nobody`, `Kind.Other(x)`, `Sku("…")`.
    fn construct(
        &mut self,
        written: &ast::Expr,
        ty: &ast::Name,
        variant: Option<&ast::Name>,
        args: Option<&ast::Args>,
    ) -> ExprId {
        let kind = match variant {
            Some(variant) => self.variant(ty, variant, args),
            None => self.record_or_nominal(ty, args),
        };
        self.expr_at(kind, written.span)
    }

    fn variant(
        &mut self,
        ty: &ast::Name,
        variant: &ast::Name,
        args: Option<&ast::Args>,
    ) -> ExprKind {
        let is_enum = match self.r.look_up(self.module, &ty.text) {
            Some(Def::Enum(id)) => Some(id),
            Some(def) if module::is_provider(def) => {
                self.effect_in_expression(ty, variant);
                return self.spoiled(args);
            }
            _ => self.enum_named(ty),
        };
        let index = is_enum.and_then(|id| Some((id, self.variant_index(id, variant)?)));
        let Some((id, index)) = index else { return self.spoiled(args) };
        let fields = self.r.program.enums[id].variants[index].fields.clone();
        let what = format!("{}.{}", ty.text, variant.text);
        let args = self.args_or_none(args, variant.span, &what, &fields);
        ExprKind::Variant(id, index as u32, args)
    }

    /// A call with an effect where a value is wanted (F0111).
    fn effect_in_expression(&mut self, service: &ast::Name, action: &ast::Name) {
        let call = format!("{}.{}", service.text, action.text);
        let span = service.span.to(action.span);
        let found =
            Diagnostic::error("F0111", span, format!("`{call}` is called inside an expression"))
                .label(span, "an effect needs a statement of its own")
                .help(format!("write `step x = {call}(…)` before, and use `x` here"));
        self.r.report(found);
    }

    fn record_or_nominal(&mut self, ty: &ast::Name, args: Option<&ast::Args>) -> ExprKind {
        let def = self.r.look_up(self.module, &ty.text);
        let (like, fields, incomplete) = match def {
            Some(Def::Record(id)) => {
                let record = &self.r.program.records[id];
                (hir::RecordLike::Record(id), record.fields.clone(), record.incomplete)
            }
            Some(Def::Event(id)) => {
                let event = &self.r.program.events[id];
                (hir::RecordLike::Event(id), event.fields.clone(), event.incomplete)
            }
            Some(Def::Alias(id)) => return self.nominal(id, ty, args),
            _ => {
                self.unknown_construct(ty, def);
                return self.spoiled(args);
            }
        };
        let outer = std::mem::replace(&mut self.lenient, incomplete);
        let args = self.args_or_none(args, ty.span, &ty.text, &fields);
        self.lenient = outer;
        ExprKind::Record(like, args)
    }

    fn unknown_construct(&mut self, ty: &ast::Name, def: Option<Def>) {
        let owner = self.r.program.enums.iter().find(|(id, e)| {
            let here = self.r.look_up(self.module, &e.name.name) == Some(Def::Enum(*id));
            here && e.variants.iter().any(|v| v.name.node == ty.text)
        });
        if let (None, Some((_, owner))) = (def, owner) {
            let full = format!("{}.{}", owner.name.name, ty.text);
            let text = format!("`{}` is a variant of `{}`", ty.text, owner.name.name);
            let found = Diagnostic::error("F0101", ty.span, text)
                .label(ty.span, format!("write `{full}`"))
                .fix(format!("write `{full}`"), ty.span, full);
            self.r.report(found);
            return;
        }
        let buildable = |d| matches!(d, Def::Record(_) | Def::Event(_) | Def::Alias(_));
        self.r.unknown(self.module, ty, "a record", &buildable);
    }

    fn nominal(&mut self, id: hir::AliasId, ty: &ast::Name, args: Option<&ast::Args>) -> ExprKind {
        let of = self.r.program.aliases[id].of.clone();
        let field =
            hir::Field { name: Self::spanned("value".into(), ty.span), ty: of, default: None };
        let args = self.args_or_none(args, ty.span, &ty.text, &[field]);
        match args.values.first() {
            Some(Some(value)) => ExprKind::Nominal(id, *value),
            _ => ExprKind::Error(args.extra),
        }
    }

    /// What stands in the arguments of something unknown is still read.
    fn spoiled(&mut self, args: Option<&ast::Args>) -> ExprKind {
        let items = args.map(|a| a.items.as_slice()).unwrap_or_default();
        ExprKind::Error(items.iter().map(|arg| self.expr(&arg.value)).collect())
    }

    /// `usable(c)`, `now()`.
    fn call(&mut self, called: &ast::Name, args: &ast::Args) -> ExprKind {
        if let Some(Def::Function(id)) = self.r.look_up(self.module, &called.text) {
            let params = self.r.program.functions[id].params.clone();
            return ExprKind::Call(id, self.args(args, &called.text, &params));
        }
        let builtin = Builtin::ALL.into_iter().find(|b| b.name() == called.text);
        if let Some(builtin) = builtin {
            return ExprKind::Builtin(builtin, self.builtin_args(builtin, called, args));
        }
        self.unknown_function(called);
        self.spoiled(Some(args))
    }

    fn unknown_function(&mut self, called: &ast::Name) {
        let module = &self.r.modules[self.module];
        if module.opaque || module.look_up(&called.text) == Some(Def::Broken) {
            return;
        }
        let own = module.names(&|d| matches!(d, Def::Function(_)));
        let known = own.iter().map(SmolStr::as_str).chain(Builtin::ALL.map(Builtin::name));
        let near: Vec<String> =
            suggest(&called.text, known).into_iter().map(str::to_owned).collect();
        let text = format!("there is no function called `{}`", called.text);
        let elsewhere = self.r.modules.iter().find(|m| m.own.contains_key(&called.text));
        let line = elsewhere.map(|m| format!("use {} {{ {} }}", m.name, called.text));
        self.r.report(super::unknown_name(text, called.span, &near, line));
    }

    /// `a.b`, `a.b(c)`; inside `after failure` also `failure.error` and `failure.step`.
    fn member(
        &mut self,
        written: &ast::Expr,
        base: &ast::Expr,
        optional: bool,
        member: &ast::Name,
        args: Option<&ast::Args>,
    ) -> ExprId {
        if let (Some((error, step)), ast::ExprKind::Name(failure)) = (self.failure, &base.kind)
            && failure.text == "failure"
            && args.is_none()
        {
            let local = match member.text.as_str() {
                "error" => Some(error),
                "step" => Some(step),
                _ => None,
            };
            if let Some(local) = local {
                return self.expr_at(ExprKind::Local(local), written.span);
            }
        }
        if let (ast::ExprKind::Construct { ty, variant: None, args: None }, Some(_)) =
            (&base.kind, args)
            && self.r.look_up(self.module, &ty.text).is_some_and(module::is_provider)
        {
            self.effect_in_expression(ty, member);
            let kind = self.spoiled(args);
            return self.expr_at(kind, written.span);
        }
        let base = self.expr(base);
        let name = name(member);
        let kind = match args {
            None => ExprKind::Field { base, optional, name },
            Some(args) => ExprKind::Method {
                base,
                optional,
                name,
                args: args.items.iter().map(|arg| self.method_arg(arg)).collect(),
                args_span: args.span,
            },
        };
        self.expr_at(kind, written.span)
    }

    fn method_arg(&mut self, arg: &ast::Arg) -> hir::MethodArg {
        hir::MethodArg { name: arg.name.as_ref().map(name), value: self.expr(&arg.value) }
    }
}

fn operator(op: ast::BinaryOp) -> hir::BinaryOp {
    match op {
        ast::BinaryOp::Or => hir::BinaryOp::Or,
        ast::BinaryOp::And => hir::BinaryOp::And,
        ast::BinaryOp::Coalesce => hir::BinaryOp::Coalesce,
        ast::BinaryOp::Eq => hir::BinaryOp::Eq,
        ast::BinaryOp::Ne => hir::BinaryOp::Ne,
        ast::BinaryOp::Le => hir::BinaryOp::Le,
        ast::BinaryOp::Ge => hir::BinaryOp::Ge,
        ast::BinaryOp::Lt => hir::BinaryOp::Lt,
        ast::BinaryOp::Gt => hir::BinaryOp::Gt,
        ast::BinaryOp::In => hir::BinaryOp::In,
        ast::BinaryOp::Add => hir::BinaryOp::Add,
        ast::BinaryOp::Sub => hir::BinaryOp::Sub,
        ast::BinaryOp::Mul => hir::BinaryOp::Mul,
        ast::BinaryOp::Div => hir::BinaryOp::Div,
        ast::BinaryOp::Rem => hir::BinaryOp::Rem,
    }
}
