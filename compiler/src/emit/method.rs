//! Built-in methods and functions.
//!
//! A receiver is evaluated before the arguments; a lambda becomes a closure that may fault.

use super::expr::{Code, Exprs};
use super::names::{rt, unlabelled};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::{BinaryOp, Expr, ExprKind, Method, Ty};

/// A type without the labels around it.
fn bare(ty: &Ty) -> &Ty {
    match ty {
        Ty::Pii(of) | Ty::Secret(of) | Ty::Optional(of) => bare(of),
        other => other,
    }
}

impl Exprs<'_, '_> {
    pub(super) fn method(&self, of: &Expr, method: &Method, args: &[Expr], ty: &Ty) -> Code {
        if method.name == "round"
            && let Some(code) = self.round_money(of, args)
        {
            return code;
        }
        let base = self.code(of);
        self.method_of(base, method, args, ty)
    }

    /// `ty` is the type as it is declared: it alone knows the currency of an empty sum.
    pub(super) fn method_of(&self, base: Code, method: &Method, args: &[Expr], ty: &Ty) -> Code {
        let base = self.stripped(base);
        let name = method.name.as_str();
        match base.ty.clone() {
            Ty::List(item) => self.list_method(base.borrowed(), &item, name, args, ty),
            Ty::Batch(item) => {
                let base = base.borrowed();
                self.list_method(quote!((&#base.items)), &item, name, args, ty)
            }
            Ty::Map(key, value) => self.map_method(base.borrowed(), &key, &value, name, args, ty),
            Ty::Text => self.text_method(base.borrowed(), name, args),
            _ => self.part(base, name, args, ty),
        }
    }

    /// A lambda over parameters of these types, with a result of type `to`.
    fn lambda(&self, lambda: Option<&Expr>, params: &[&Ty], to: Option<&Ty>) -> (TokenStream, Ty) {
        let rt = rt();
        let Some(ExprKind::Lambda(locals, body)) = lambda.map(|lambda| &lambda.kind) else {
            let own = params.first().map_or(Ty::Never, |ty| unlabelled(ty));
            let to = to.cloned().unwrap_or_else(|| self.names.plain(&own));
            let item = self.names.coerce(quote!(item), &own, &to, self.depth);
            let ty = self.names.inner(&to, self.depth);
            let closure = quote!(|item| -> ::core::result::Result<#ty, #rt::Fault> {
                ::core::result::Result::Ok(#item)
            });
            return (closure, to);
        };
        let to = to.cloned().unwrap_or_else(|| unlabelled(&body.ty));
        let names: Vec<TokenStream> = locals
            .iter()
            .zip(params)
            .map(|(id, param)| {
                let (variable, local) = (self.variable(*id), self.local_ty(*id));
                let value = self.names.coerce(quote!(#variable), param, &local, self.depth);
                quote!(let #variable = #value;)
            })
            .collect();
        let arguments = locals.iter().map(|id| self.variable(*id));
        let (value, ty) = (self.value_as(body, &to), self.names.inner(&to, self.depth));
        let closure = quote!(|#(#arguments),*| -> ::core::result::Result<#ty, #rt::Fault> {
            #(#names)*
            ::core::result::Result::Ok(#value)
        });
        (closure, to)
    }

    fn list_method(
        &self,
        base: TokenStream,
        item: &Ty,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Code {
        let rt = rt();
        let first = args.first();
        let int = |tokens| Code::owned(tokens, Ty::Int);
        let bool_ = |tokens| Code::owned(tokens, Ty::Bool);
        let same = |tokens| Code::owned(tokens, Ty::List(Box::new(item.clone())));
        match name {
            "len" => int(quote!(#rt::list::len(#base))),
            "count" if first.is_none() => int(quote!(#rt::list::len(#base))),
            "is_empty" => bool_(quote!(#rt::list::is_empty(#base))),
            "first" | "last" => {
                let function = format_ident!("{name}");
                let ty = Ty::Optional(Box::new(item.clone()));
                Code::owned(quote!(#rt::list::#function(#base)), ty)
            }
            "unique" | "reverse" => {
                let function = format_ident!("{name}");
                same(quote!(#rt::list::#function(#base)))
            }
            "take" | "drop" => {
                let (function, n) = (format_ident!("{name}"), self.argument(first, &Ty::Int));
                same(quote!(#rt::list::#function(#base, #n)))
            }
            "contains" => {
                let value = self.argument(first, item);
                bool_(quote!(#rt::list::contains(#base, &#value)))
            }
            "join" => {
                let between = self.argument(first, &Ty::Text);
                Code::owned(quote!(#rt::list::join(#base, &#between)?), Ty::Text)
            }
            "where" | "any" | "all" | "count" => {
                let lambda = self.lambda(first, &[item], Some(&Ty::Bool)).0;
                match name {
                    "where" => same(quote!(#rt::list::filter(#base, #lambda)?)),
                    "count" => int(quote!(#rt::list::count_where(#base, #lambda)?)),
                    _ => {
                        let function = format_ident!("{name}");
                        bool_(quote!(#rt::list::#function(#base, #lambda)?))
                    }
                }
            }
            _ => self.list_fold(base, item, name, args, ty),
        }
    }

    /// Methods of lists whose result's type comes from a lambda.
    fn list_fold(&self, base: TokenStream, item: &Ty, name: &str, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        let first = args.first();
        match name {
            "map" => {
                let (lambda, to) = self.lambda(first, &[item], None);
                let ty = Ty::List(Box::new(to));
                Code::owned(quote!(#rt::list::map(#base, #lambda)?), ty)
            }
            "sum" => self.sum(base, item, first, ty),
            "min" | "max" => {
                let (lambda, key) = self.plain_key(first, item);
                let compare = self.comparison(&key);
                let wanted = if name == "min" { quote!(Less) } else { quote!(Greater) };
                let tokens = quote!(
                    #rt::list::extreme(#base, #lambda, #compare, ::core::cmp::Ordering::#wanted)?
                        .map(|(_, item)| item)
                );
                Code::owned(tokens, Ty::Optional(Box::new(item.clone())))
            }
            "sort" | "sort_by" => {
                let (lambda, key) = self.plain_key(first, item);
                let compare = self.comparison(&key);
                let ty = Ty::List(Box::new(item.clone()));
                Code::owned(quote!(#rt::list::sort(#base, #lambda, #compare)?), ty)
            }
            "count_by" | "group_by" => {
                let (lambda, key) = self.lambda(first, &[item], None);
                let value = match name {
                    "count_by" => Ty::Int,
                    _ => Ty::List(Box::new(item.clone())),
                };
                let function = format_ident!("{name}");
                let ty = Ty::Map(Box::new(key), Box::new(value));
                Code::owned(quote!(#rt::list::#function(#base, #lambda)?), ty)
            }
            "fold" => {
                let acc = first.map_or(Ty::Never, |init| unlabelled(&init.ty));
                let init = self.argument(first, &acc);
                let lambda = self.lambda(args.get(1), &[&acc, item], Some(&acc)).0;
                Code::owned(quote!(#rt::list::fold(#base, #init, #lambda)?), acc)
            }
            "zip" => self.zip(base, item, args, ty),
            _ => self.fault("there is no such method of a list", ty.clone()),
        }
    }

    /// The lambda of a comparison, whose keys are compared without their nominal names.
    fn plain_key(&self, lambda: Option<&Expr>, item: &Ty) -> (TokenStream, Ty) {
        let own = match lambda.map(|lambda| &lambda.kind) {
            Some(ExprKind::Lambda(_, body)) => unlabelled(&body.ty),
            _ => item.clone(),
        };
        self.lambda(lambda, &[item], Some(&self.names.plain(&own)))
    }

    fn sum(&self, base: TokenStream, item: &Ty, lambda: Option<&Expr>, ty: &Ty) -> Code {
        let rt = rt();
        let out = self.names.plain(ty);
        let lambda = self.lambda(lambda, &[item], Some(&out)).0;
        let empty = match bare(ty) {
            Ty::Money(None) => quote!(#rt::list::no_sum),
            Ty::Money(Some(code)) => {
                let nothing = format!("0 {code}");
                quote!(|| #rt::scalar::<#rt::Money>(#nothing))
            }
            _ => quote!(|| ::core::result::Result::Ok(#rt::Zero::zero())),
        };
        Code::owned(quote!(#rt::list::sum(#base, #lambda, #empty)?), out)
    }

    fn zip(&self, base: TokenStream, item: &Ty, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        let Some(other) = args.first() else {
            return self.fault("`zip` lacks a list", ty.clone());
        };
        let other = self.plain(other);
        let (second, other) = match other.ty.clone() {
            Ty::List(of) => (*of, other.borrowed()),
            Ty::Batch(of) => {
                let other = other.borrowed();
                (*of, quote!((&#other.items)))
            }
            _ => return self.fault("`zip` lacks a list", ty.clone()),
        };
        if args.len() < 2 {
            let pair = Ty::List(Box::new(Ty::List(Box::new(item.clone()))));
            let lambda = quote!(|a, b| ::core::result::Result::Ok(::std::vec![a, b]));
            return Code::owned(quote!(#rt::list::zip_with(#base, #other, #lambda)?), pair);
        }
        let (lambda, to) = self.lambda(args.get(1), &[item, &second], None);
        let ty = Ty::List(Box::new(to));
        Code::owned(quote!(#rt::list::zip_with(#base, #other, #lambda)?), ty)
    }

    /// An owned argument of this type.
    fn argument(&self, arg: Option<&Expr>, ty: &Ty) -> TokenStream {
        match arg {
            Some(arg) => self.value_as(arg, ty),
            None => self.fault("an argument is missing", ty.clone()).value(),
        }
    }

    fn map_method(
        &self,
        base: TokenStream,
        key: &Ty,
        value: &Ty,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Code {
        let rt = rt();
        match name {
            "len" | "count" => Code::owned(quote!(#rt::map::len(#base)), Ty::Int),
            "is_empty" => Code::owned(quote!(#rt::map::is_empty(#base)), Ty::Bool),
            "keys" => {
                Code::owned(quote!(#rt::map::keys(#base)), Ty::List(Box::new(key.clone())))
            }
            "values" => {
                Code::owned(quote!(#rt::map::values(#base)), Ty::List(Box::new(value.clone())))
            }
            "entries" => Code::owned(quote!(#rt::map::entries(#base)), ty.clone()),
            "get" => {
                let key = self.argument(args.first(), key);
                let ty = Ty::Optional(Box::new(value.clone()));
                Code::owned(quote!(#rt::map::get(#base, &#key)), ty)
            }
            "contains" => {
                let key = self.argument(args.first(), key);
                Code::owned(quote!(#rt::map::contains(#base, &#key)), Ty::Bool)
            }
            _ => self.fault("there is no such method of a map", ty.clone()),
        }
    }

    fn text_method(&self, base: TokenStream, name: &str, args: &[Expr]) -> Code {
        let rt = rt();
        let function = format_ident!("{name}");
        let text = |index: usize| self.argument(args.get(index), &Ty::Text);
        match name {
            "len" => Code::owned(quote!(#rt::text::len(#base)), Ty::Int),
            "is_empty" => Code::owned(quote!(#rt::text::is_empty(#base)), Ty::Bool),
            "trim" | "lower" | "upper" => {
                Code::owned(quote!(#rt::text::#function(#base)), Ty::Text)
            }
            "contains" | "starts_with" | "ends_with" => {
                let part = text(0);
                Code::owned(quote!(#rt::text::#function(#base, &#part)), Ty::Bool)
            }
            "split" => {
                let by = text(0);
                Code::owned(quote!(#rt::text::split(#base, &#by)), Ty::List(Box::new(Ty::Text)))
            }
            "join" => {
                let items = args.first().map(|items| self.plain(items));
                let items = items.map_or(quote!((&[])), |items| match items.ty {
                    Ty::Batch(_) => {
                        let items = items.borrowed();
                        quote!((&#items.items))
                    }
                    _ => items.borrowed(),
                });
                Code::owned(quote!(#rt::list::join(#items, #base)?), Ty::Text)
            }
            "replace" => {
                let (from, to) = (text(0), text(1));
                Code::owned(quote!(#rt::text::replace(#base, &#from, &#to)), Ty::Text)
            }
            "slice" => {
                let from = self.argument(args.first(), &Ty::Int);
                let to = match args.get(1) {
                    Some(to) => self.value_as(to, &Ty::Int),
                    None => quote!(i64::MAX),
                };
                Code::owned(quote!(#rt::text::slice(#base, #from, #to)), Ty::Text)
            }
            _ => self.fault("there is no such method of a text", Ty::Text),
        }
    }

    /// `(money * factor).round(mode)`: rounded once, the way the program chose.
    fn round_money(&self, of: &Expr, args: &[Expr]) -> Option<Code> {
        let ExprKind::Binary(op @ (BinaryOp::Mul | BinaryOp::Div), left, right) = &of.kind else {
            return None;
        };
        if !matches!(self.names.plain(&of.ty), Ty::Money(_)) {
            return None;
        }
        let rt = rt();
        let (a, b) = (self.plain(left), self.plain(right));
        let mode = self.mode(args);
        let swapped = !matches!(a.ty, Ty::Money(_));
        let (a, b) = (a.value(), b.value());
        let (money, by) =
            if swapped { (quote!(right), quote!(left)) } else { (quote!(left), quote!(right)) };
        let function = match op {
            BinaryOp::Mul => quote!(round_product),
            _ => quote!(round_quotient),
        };
        let tokens = quote!({
            let (left, right) = (#a, #b);
            #rt::part::#function(#money, #by, #mode)?
        });
        Some(Code::owned(tokens, Ty::Money(None)))
    }

    /// The way of rounding among the arguments.
    fn mode(&self, args: &[Expr]) -> TokenStream {
        match args.iter().find(|arg| self.names.plain(&arg.ty) == Ty::Text) {
            Some(mode) => {
                let mode = self.value_as(mode, &Ty::Text);
                quote!(::core::option::Option::Some(#mode.as_str()))
            }
            None => quote!(::core::option::Option::None),
        }
    }

    /// Parts and methods of scalars.
    fn part(&self, base: Code, name: &str, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        let own = base.ty.clone();
        let base = base.value();
        let function = format_ident!("{}", if name.is_empty() { "none" } else { name });
        let out = self.names.plain(ty);
        let plain = |function: TokenStream, ty: Ty| {
            Code::owned(quote!(#rt::part::#function(#base)), ty)
        };
        let tried = |function: TokenStream, ty: Ty| {
            Code::owned(quote!(#rt::part::#function(#base)?), ty)
        };
        match (&own, name) {
            (Ty::Money(_) | Ty::Int | Ty::Decimal | Ty::Percent | Ty::Duration, "abs") => {
                tried(quote!(Abs::abs), own)
            }
            (Ty::Money(_), "round") => Code::owned(base, own),
            (Ty::Money(_), "amount") => plain(quote!(amount), Ty::Decimal),
            (Ty::Money(_), "currency") => plain(quote!(currency), Ty::Text),
            (Ty::Money(_), "minor") => plain(quote!(minor), Ty::Int),
            (Ty::Money(_), "is_zero" | "is_negative") => plain(quote!(#function), Ty::Bool),
            (Ty::Money(_), "split") => {
                let parts = self.argument(args.first(), &Ty::Int);
                let ty = Ty::List(Box::new(Ty::Money(None)));
                Code::owned(quote!(#rt::part::split(#base, #parts)?), ty)
            }
            (Ty::Int, "decimal" | "to_decimal") => {
                Code::owned(quote!(#rt::decimal(#base)), Ty::Decimal)
            }
            (Ty::Int | Ty::Decimal, "min" | "max") => {
                let other = self.argument(args.first(), &own);
                Code::owned(quote!(::core::cmp::Ord::#function(#base, #other)), own)
            }
            (Ty::Percent, "decimal" | "to_decimal") => tried(quote!(fraction), Ty::Decimal),
            (Ty::Decimal | Ty::Percent, _) => self.rounded(base, own, name, args, &out),
            (Ty::Duration, _) => self.units(&base, name),
            (Ty::Time, _) => self.time_part(&base, name, &out),
            (Ty::Date, "time" | "start") => tried(quote!(start), Ty::Time),
            (Ty::Date, "year" | "month" | "day" | "weekday" | "day_of_year") => {
                plain(quote!(#function), Ty::Int)
            }
            (Ty::Size, "bytes") => Code::owned(
                quote!(i64::try_from(#base).map_err(|_| #rt::fault("a size is out of range"))?),
                Ty::Int,
            ),
            _ => self.fault("there is no such method of this value", out),
        }
    }

    fn rounded(&self, base: TokenStream, own: Ty, name: &str, args: &[Expr], out: &Ty) -> Code {
        let rt = rt();
        let tokens = match name {
            "floor" => quote!(#rt::part::floor(#base)),
            "ceil" | "ceiling" => quote!(#rt::part::ceil(#base)),
            "trunc" | "int" | "to_int" => quote!(#rt::part::trunc(#base)),
            "round" => {
                let digits = args.iter().find(|arg| self.names.plain(&arg.ty) == Ty::Int);
                let digits = digits.map_or(quote!(0), |arg| self.value_as(arg, &Ty::Int));
                let mode = self.mode(args);
                quote!(#rt::part::round(#base, #digits, #mode)?)
            }
            _ => return self.fault("there is no such method of a number", out.clone()),
        };
        match (&own, out) {
            (Ty::Decimal, Ty::Int) => Code::owned(quote!(#rt::part::int(#tokens)?), Ty::Int),
            _ => Code::owned(tokens, own),
        }
    }

    fn units(&self, base: &TokenStream, name: &str) -> Code {
        let rt = rt();
        let ms: i64 = match name {
            "ms" | "milliseconds" => 1,
            "seconds" => 1_000,
            "minutes" => 60_000,
            "hours" => 3_600_000,
            "days" => 86_400_000,
            _ => return self.fault("there is no such part of a duration", Ty::Int),
        };
        Code::owned(quote!(#rt::part::units(#base, #ms)), Ty::Int)
    }

    /// A part of an instant; where the part is a `time`, the instant cut down to it.
    fn time_part(&self, base: &TokenStream, name: &str, out: &Ty) -> Code {
        let rt = rt();
        let cut: Option<i64> = match name {
            "second" => Some(1_000),
            "minute" => Some(60_000),
            "hour" => Some(3_600_000),
            "day" => Some(86_400_000),
            _ => None,
        };
        if let (Ty::Time, Some(ms)) = (out, cut) {
            return Code::owned(quote!(#rt::part::cut(#base, #ms)), Ty::Time);
        }
        match name {
            "hour" | "minute" | "second" => {
                let function = format_ident!("{name}");
                Code::owned(quote!(#rt::part::#function(#base)?), Ty::Int)
            }
            "ms" | "millisecond" => {
                Code::owned(quote!(#rt::part::millisecond(#base)?), Ty::Int)
            }
            "date" => Code::owned(quote!(#rt::part::date(#base)?), Ty::Date),
            "year" | "month" | "day" | "weekday" | "day_of_year" => {
                let function = format_ident!("{name}");
                Code::owned(quote!(#rt::part::#function(#rt::part::date(#base)?)), Ty::Int)
            }
            _ => self.fault("there is no such part of a time", out.clone()),
        }
    }

    pub(super) fn builtin(&self, name: &str, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        if matches!(name, "now" | "random" | "new_uuid") {
            let out = match name {
                "now" => Ty::Time,
                "random" => Ty::Decimal,
                _ => Ty::Uuid,
            };
            let Some(draw) = &self.draw else {
                return self.fault("nothing can be drawn here", out);
            };
            let tokens = match name {
                "now" => quote!(#rt::Time(#draw.now.0)),
                "random" => quote!(#rt::random(#draw)),
                _ => quote!(#rt::uuid(#draw)),
            };
            return Code::owned(tokens, out);
        }
        self.known(name, args, ty)
    }

    fn known(&self, name: &str, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        match (name, args) {
            ("same_currency", [a, b]) => {
                let (a, b) = (self.borrowed(a), self.borrowed(b));
                Code::owned(quote!((#a.currency == #b.currency)), Ty::Bool)
            }
            ("role" | "user", [who]) => {
                let (who, kind) = (self.value_as(who, &Ty::Text), format!("{name}:"));
                let tokens = quote!(#rt::Role(::std::vec![::std::string::String::from(#kind) + &#who]));
                Code::owned(tokens, Ty::Role)
            }
            ("range", [to]) => {
                let to = self.value_as(to, &Ty::Int);
                let ty = Ty::List(Box::new(Ty::Int));
                Code::owned(quote!(#rt::list::range(0, #to)?), ty)
            }
            ("range", [from, to]) => {
                let (from, to) = (self.value_as(from, &Ty::Int), self.value_as(to, &Ty::Int));
                let ty = Ty::List(Box::new(Ty::Int));
                Code::owned(quote!(#rt::list::range(#from, #to)?), ty)
            }
            ("dates", [from, to]) => {
                let (from, to) = (self.value_as(from, &Ty::Date), self.value_as(to, &Ty::Date));
                let ty = Ty::List(Box::new(Ty::Date));
                Code::owned(quote!(#rt::list::dates(#from, #to)?), ty)
            }
            ("fingerprint", [value]) => {
                let value = self.borrowed(value);
                Code::owned(quote!(#rt::fingerprint(#value)?), Ty::Text)
            }
            ("reveal", [value, ..]) => self.code(value),
            ("sample", [name]) => self.sample(name, ty),
            _ => self.fault("this cannot be evaluated here", ty.clone()),
        }
    }

    /// Sample data, taken in when the program was compiled.
    fn sample(&self, name: &Expr, ty: &Ty) -> Code {
        let samples = &self.names.fir.samples;
        let found = match &name.kind {
            ExprKind::Literal(serde_json::Value::String(name)) => samples
                .get(&format!("{}.{name}", self.module))
                .or_else(|| samples.get(name)),
            _ => None,
        };
        match found {
            Some(json) => {
                let (rt, text, inner) =
                    (rt(), json.to_string(), self.names.inner(ty, self.depth));
                Code::owned(quote!(#rt::literal::<#inner>(#text)?), ty.clone())
            }
            None => self.fault("there is no such sample", ty.clone()),
        }
    }
}
