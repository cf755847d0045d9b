//! Expressions as Rust expressions.
//!
//! Promises: left to right, as the interpreter; whatever can go wrong ends in `?` with a fault;
//! what an expression reads is borrowed or copied, never moved, because names are used again.

use super::names::{Depth, Names, ident, rt, split, unlabelled};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use sagaflow_fir::{Expr, ExprKind, Local, LocalId, TextPart, Ty};

/// Rust for an expression.
pub(super) struct Code {
    /// The expression.
    pub tokens: TokenStream,
    /// Its type, without labels.
    pub ty: Ty,
    /// Whether it names a place that must not be moved from.
    pub place: bool,
}

impl Code {
    pub(super) fn owned(tokens: TokenStream, ty: Ty) -> Self {
        Self { tokens, ty, place: false }
    }

    /// The value, copied out of a place.
    pub(super) fn value(self) -> TokenStream {
        let tokens = self.tokens;
        if self.place { quote!(#tokens.clone()) } else { tokens }
    }

    /// The value, borrowed.
    pub(super) fn borrowed(self) -> TokenStream {
        let tokens = self.tokens;
        quote!((&#tokens))
    }
}

/// Writes the expressions of one body.
pub(super) struct Exprs<'a, 'f> {
    pub names: &'a Names<'f>,
    /// What the local ids mean.
    pub locals: &'a [Local],
    /// Where the code stands.
    pub depth: Depth,
    /// Reaches the draw; none where nothing may be drawn.
    pub draw: Option<TokenStream>,
    /// Module whose samples are meant.
    pub module: &'a str,
    /// Reaches the work that is counted.
    pub work: TokenStream,
}

/// The variable of a local: its name to be read, its number to be unique.
pub(super) fn variable(id: LocalId, locals: &[Local]) -> Ident {
    let name = locals.get(id.0 as usize).map_or("", |local| local.name.as_str());
    let name: String =
        name.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
    format_ident!("v{}_{name}", id.0)
}

impl Exprs<'_, '_> {
    /// An owned value of the expression's own type.
    pub(super) fn value(&self, expr: &Expr) -> TokenStream {
        self.value_as(expr, &expr.ty)
    }

    /// An owned value of another type that the expression's converts to.
    pub(super) fn value_as(&self, expr: &Expr, ty: &Ty) -> TokenStream {
        let code = self.code(expr);
        let from = code.ty.clone();
        self.names.coerce(code.value(), &from, ty, self.depth)
    }

    /// The expression without nominal names around it.
    pub(super) fn plain(&self, expr: &Expr) -> Code {
        let code = self.code(expr);
        let plain = self.names.plain(&code.ty);
        if plain == code.ty {
            return code;
        }
        let from = code.ty.clone();
        Code::owned(self.names.coerce(code.value(), &from, &plain, self.depth), plain)
    }

    /// Borrowed and plain: what serialises and compares.
    pub(super) fn borrowed(&self, expr: &Expr) -> TokenStream {
        self.plain(expr).borrowed()
    }

    /// Boundary JSON.
    pub(super) fn json(&self, expr: &Expr) -> TokenStream {
        let (rt, value) = (rt(), self.code(expr).borrowed());
        quote!(#rt::encode(#value)?)
    }

    /// Text as it stands in keys and messages.
    pub(super) fn text(&self, expr: &Expr) -> TokenStream {
        let (rt, code) = (rt(), self.plain(expr));
        match code.ty {
            Ty::Text => code.value(),
            _ => {
                let value = code.borrowed();
                quote!(#rt::print(#value)?)
            }
        }
    }

    /// The type of a local.
    pub(super) fn local_ty(&self, id: LocalId) -> Ty {
        self.locals.get(id.0 as usize).map_or(Ty::Never, |local| unlabelled(&local.ty))
    }

    pub(super) fn variable(&self, id: LocalId) -> Ident {
        variable(id, self.locals)
    }

    pub(super) fn inner(&self, ty: &Ty) -> TokenStream {
        self.names.inner(ty, self.depth)
    }

    /// The value of an expression, whatever it costs.
    pub(super) fn uncounted(&self, expr: &Expr) -> Code {
        let ty = unlabelled(&expr.ty);
        let own = |tokens: TokenStream| Code::owned(tokens, ty.clone());
        match &expr.kind {
            ExprKind::Literal(json) => own(self.literal(json, &ty)),
            ExprKind::Text(parts) => Code::owned(self.interpolated(parts), Ty::Text),
            ExprKind::Local(id) => {
                let variable = self.variable(*id);
                Code { tokens: quote!(#variable), ty: self.local_ty(*id), place: true }
            }
            ExprKind::None => match &ty {
                Ty::Optional(of) if **of != Ty::Never => {
                    let of = self.inner(of);
                    own(quote!(::core::option::Option::<#of>::None))
                }
                _ => Code::owned(
                    quote!(::core::option::Option::None),
                    Ty::Optional(Box::new(Ty::Never)),
                ),
            },
            ExprKind::Some(of) | ExprKind::Named(of) | ExprKind::Plain(of) => {
                own(self.value_as(of, &ty))
            }
            ExprKind::Unary(op, of) => self.unary(*op, of),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, &ty),
            ExprKind::Field(of, name) => self.field(self.base(of), name, &ty),
            ExprKind::OptionalField(of, name) => {
                self.optional(self.base(of), &ty, |some| self.field(some, name, &ty))
            }
            ExprKind::Method(of, method, args) => self.method(of, method, args, &expr.ty),
            ExprKind::OptionalMethod(of, method, args) => {
                self.optional(self.code(of), &ty, |some| {
                    let (tokens, some) = (some.value(), some_ty(&self.uncounted(of).ty));
                    let base = Code::owned(tokens, some);
                    self.method_of(base, method, args, &expr.ty)
                })
            }
            ExprKind::Index(of, index) => self.index(of, index),
            ExprKind::With(of, changes) => own(self.with(of, changes, &ty)),
            ExprKind::Record(name, fields) => {
                Code::owned(self.record(name, fields), Ty::Named(name.clone()))
            }
            ExprKind::Variant(name, variant, fields) => {
                Code::owned(self.variant(name, variant, fields), Ty::Named(name.clone()))
            }
            ExprKind::List(items) => own(self.list(items, &ty)),
            ExprKind::Call(name, args) => self.call(name, args),
            ExprKind::Builtin(name, args) => self.builtin(name, args, &ty),
            ExprKind::Lambda(..) => self.fault("a lambda stands alone", ty),
            ExprKind::If(condition, then, otherwise) => {
                let condition = self.value_as(condition, &Ty::Bool);
                let (then, otherwise) = (self.value_as(then, &ty), self.value_as(otherwise, &ty));
                own(quote!(if #condition { #then } else { #otherwise }))
            }
            ExprKind::Match(subject, arms) => own(self.choose(subject, arms, &ty)),
        }
    }

    /// An expression that only ever faults.
    pub(super) fn fault(&self, message: &str, ty: Ty) -> Code {
        let (rt, inner) = (rt(), self.inner(&ty));
        Code::owned(
            quote!(::core::result::Result::<#inner, #rt::Fault>::Err(#rt::fault(#message))?),
            ty,
        )
    }

    /// A literal in boundary JSON of this type.
    pub(super) fn literal(&self, json: &serde_json::Value, ty: &Ty) -> TokenStream {
        let (rt, inner) = (rt(), self.inner(ty));
        match (ty, json) {
            (Ty::Text, serde_json::Value::String(text)) => {
                quote!(::std::string::String::from(#text))
            }
            (Ty::Bool, serde_json::Value::Bool(truth)) => quote!(#truth),
            (Ty::Int, json) if json.as_i64().is_some() => {
                let number = json.as_i64().unwrap_or_default();
                quote!(#number)
            }
            (Ty::Size, json) if json.as_u64().is_some() => {
                let number = json.as_u64().unwrap_or_default();
                quote!(#number)
            }
            (
                Ty::Decimal
                | Ty::Percent
                | Ty::Money(_)
                | Ty::Duration
                | Ty::Time
                | Ty::Date
                | Ty::Uuid,
                serde_json::Value::String(text),
            ) => quote!(#rt::scalar::<#inner>(#text)?),
            _ => {
                let text = json.to_string();
                quote!(#rt::literal::<#inner>(#text)?)
            }
        }
    }

    fn interpolated(&self, parts: &[TextPart]) -> TokenStream {
        let (rt, work) = (rt(), &self.work);
        let pushed = parts.iter().map(|part| match part {
            TextPart::Text(chars) => quote!(text.push_str(#chars);),
            TextPart::Value(value) => {
                let value = self.stripped(self.base(value)).borrowed();
                quote!(#rt::show(#work, &mut text, #value)?;)
            }
        });
        quote!({
            let mut text = ::std::string::String::new();
            #(#pushed)*
            text
        })
    }

    /// A field of a record, event, batch, failure or entry; `ty` where only the context knows it.
    fn field(&self, base: Code, name: &str, ty: &Ty) -> Code {
        let base = self.stripped(base);
        let tokens = base.tokens;
        match &base.ty {
            Ty::Named(record) if self.names.declares(record) => {
                let fields = self.names.fields(record).unwrap_or_default();
                let Some(field) = fields.iter().find(|field| field.name == name) else {
                    return self.fault("there is no such field", Ty::Never);
                };
                let member = ident(name);
                let (tokens, place) = self.names.read(quote!(#tokens.#member), &field.ty);
                Code { tokens, ty: unlabelled(&field.ty), place }
            }
            Ty::Batch(of) => {
                let ty = match name {
                    "items" => Ty::List(of.clone()),
                    "id" => Ty::Text,
                    "started" | "hour" => Ty::Time,
                    _ => Ty::Int,
                };
                let member = ident(name);
                Code { tokens: quote!(#tokens.#member), ty, place: true }
            }
            Ty::Entry(key, value) => {
                let (member, ty) = (ident(name), if name == "key" { key } else { value });
                Code { tokens: quote!(#tokens.#member), ty: (**ty).clone(), place: true }
            }
            // A failure tells its error's name and its step.
            _ => {
                let member = ident(if name == "error" { "name" } else { name });
                Code { tokens: quote!(#tokens.#member), ty: ty.clone(), place: true }
            }
        }
    }

    /// The same without nominal names.
    pub(super) fn stripped(&self, code: Code) -> Code {
        let plain = self.names.plain(&code.ty);
        if plain == code.ty {
            return code;
        }
        let from = code.ty.clone();
        Code::owned(self.names.coerce(code.value(), &from, &plain, self.depth), plain)
    }

    /// What `?.` does with a present value; the result is optional, flattened.
    fn optional(&self, of: Code, ty: &Ty, then: impl FnOnce(Code) -> Code) -> Code {
        let base = self.stripped(of);
        let Ty::Optional(some) = base.ty.clone() else { return then(base) };
        let then = then(Code { tokens: quote!((*some)), ty: *some, place: true });
        let from = then.ty.clone();
        let wanted = match ty {
            Ty::Optional(_) => ty.clone(),
            other => Ty::Optional(Box::new(other.clone())),
        };
        let then = self.names.coerce(then.value(), &from, &wanted, self.depth);
        let base = base.borrowed();
        let tokens = quote!(match #base {
            ::core::option::Option::Some(some) => #then,
            ::core::option::Option::None => ::core::option::Option::None,
        });
        Code::owned(tokens, wanted)
    }

    fn index(&self, of: &Expr, index: &Expr) -> Code {
        let rt = rt();
        let base = self.stripped(self.base(of));
        match base.ty.clone() {
            Ty::Map(key, value) => {
                let (base, key) = (base.borrowed(), self.value_as(index, &key));
                Code::owned(quote!(#rt::map::index(#base, &#key)?), *value)
            }
            Ty::Batch(item) => {
                let (base, index) = (base.borrowed(), self.value_as(index, &Ty::Int));
                Code::owned(quote!(#rt::list::index(&#base.items, #index)?), *item)
            }
            Ty::List(item) => {
                let (base, index) = (base.borrowed(), self.value_as(index, &Ty::Int));
                Code::owned(quote!(#rt::list::index(#base, #index)?), *item)
            }
            _ => self.fault("only lists and maps have an index", Ty::Never),
        }
    }

    /// The public value of a field.
    fn public(&self, expr: &Expr, ty: &Ty) -> TokenStream {
        let value = self.value_as(expr, ty);
        self.names.label(value, ty)
    }

    fn with(&self, of: &Expr, changes: &[(String, Expr)], ty: &Ty) -> TokenStream {
        let base = self.value_as(of, ty);
        let fields = match ty {
            Ty::Named(name) => self.names.fields(name).unwrap_or_default(),
            _ => &[],
        };
        let set = changes.iter().filter_map(|(name, value)| {
            let field = fields.iter().find(|field| field.name == *name)?;
            let (member, value) = (ident(name), self.public(value, &field.ty));
            Some(quote!(copy.#member = #value;))
        });
        quote!({
            let mut copy = #base;
            #(#set)*
            copy
        })
    }

    fn record(&self, name: &str, values: &[(String, Expr)]) -> TokenStream {
        let fields = self.names.fields(name).unwrap_or_default();
        let members = self.members(fields, values);
        let path = self.names.item(name, self.depth);
        quote!(#path { #members })
    }

    fn members(&self, fields: &[sagaflow_fir::Field], values: &[(String, Expr)]) -> TokenStream {
        let members = values.iter().filter_map(|(name, value)| {
            let field = fields.iter().find(|field| field.name == *name)?;
            let (member, value) = (ident(name), self.public(value, &field.ty));
            Some(quote!(#member: #value))
        });
        quote!(#(#members),*)
    }

    fn variant(&self, name: &str, variant: &str, values: &[(String, Expr)]) -> TokenStream {
        let variants = self.names.variants(name).unwrap_or_default();
        let fields = variants.iter().find(|it| it.name == variant).map(|it| &it.fields[..]);
        let fields = fields.unwrap_or_default();
        let (path, short) = (self.names.item(name, self.depth), ident(variant));
        match fields.is_empty() {
            true => quote!(#path::#short),
            false => {
                let members = self.members(fields, values);
                quote!(#path::#short { #members })
            }
        }
    }

    fn list(&self, items: &[Expr], ty: &Ty) -> TokenStream {
        let of = match ty {
            Ty::List(of) => (**of).clone(),
            _ => Ty::Never,
        };
        if items.is_empty() && of == Ty::Never {
            return quote!(::std::vec::Vec::new());
        }
        let items = items.iter().map(|item| self.value_as(item, &of));
        let of = self.inner(&of);
        quote!({
            let items: ::std::vec::Vec<#of> = ::std::vec![#(#items),*];
            items
        })
    }

    fn call(&self, name: &str, args: &[Expr]) -> Code {
        let Some(function) = self.names.fir.functions.get(name) else {
            return self.fault("there is no such function", Ty::Never);
        };
        let args =
            args.iter().zip(&function.locals).map(|(arg, param)| self.handed(arg, &param.ty));
        let work = &self.work;
        let (module, short) = (self.names.module(name, self.depth), ident(split(name).1));
        Code::owned(
            quote!(#module::__functions::#short(#work, #(#args),*)?),
            unlabelled(&function.result),
        )
    }
}

fn some_ty(ty: &Ty) -> Ty {
    match ty {
        Ty::Optional(of) => (**of).clone(),
        other => other.clone(),
    }
}
