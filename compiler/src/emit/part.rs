//! Methods and parts of money, numbers, durations, times and dates.

use super::expr::{Code, Exprs};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::{BinaryOp, Expr, ExprKind, Ty};

impl Exprs<'_, '_> {
    /// `(money * factor).round(mode)`: rounded once, the way the program chose.
    pub(super) fn round_money(&self, of: &Expr, args: &[Expr]) -> Option<Code> {
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
    pub(super) fn part(&self, base: Code, name: &str, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        let own = base.ty.clone();
        let base = base.value();
        let function = format_ident!("{}", if name.is_empty() { "none" } else { name });
        let out = self.names.plain(ty);
        let plain =
            |function: TokenStream, ty: Ty| Code::owned(quote!(#rt::part::#function(#base)), ty);
        let tried =
            |function: TokenStream, ty: Ty| Code::owned(quote!(#rt::part::#function(#base)?), ty);
        match (&own, name) {
            (Ty::Money(_) | Ty::Int | Ty::Decimal | Ty::Percent | Ty::Duration, "abs") => {
                tried(quote!(Abs::abs), own)
            }
            (Ty::Money(_), "round") => Code::owned(base, own),
            (Ty::Money(_), "amount") => plain(quote!(amount), Ty::Decimal),
            (Ty::Money(_), "currency") => plain(quote!(currency), Ty::Text),
            (Ty::Money(_), "minor") => plain(quote!(minor), Ty::Int),
            (Ty::Money(_), "is_zero" | "is_negative" | "is_positive") => {
                plain(quote!(#function), Ty::Bool)
            }
            (Ty::Money(_), "split") => {
                let parts = self.argument(args.first(), &Ty::Int);
                let ty = Ty::List(Box::new(Ty::Money(None)));
                Code::owned(quote!(#rt::share::split(#base, #parts)?), ty)
            }
            (Ty::Money(_), _) => self.shared(&base, name, args, out),
            (Ty::Int, "decimal" | "to_decimal") => {
                Code::owned(quote!(#rt::decimal(#base)), Ty::Decimal)
            }
            (_, "min" | "max") => {
                let other = self.argument(args.first(), &own);
                Code::owned(quote!(::core::cmp::Ord::#function(#base, #other)), own)
            }
            (_, "clamp") => {
                let least = self.argument(args.first(), &own);
                let greatest = self.argument(args.get(1), &own);
                Code::owned(quote!(#rt::part::clamp_to(#base, #least, #greatest)?), own)
            }
            (Ty::Decimal, "percent") => tried(quote!(percent), Ty::Percent),
            (Ty::Percent, "decimal" | "to_decimal") => tried(quote!(fraction), Ty::Decimal),
            (Ty::Decimal | Ty::Percent, _) => self.rounded(base, own, name, args, &out),
            (Ty::Duration, _) => self.units(&base, name),
            (Ty::Time, _) if !args.is_empty() => self.time_there(&base, name, args, &out),
            (Ty::Time, _) => self.time_part(&base, name, &out),
            (Ty::Date, "time" | "start") => tried(quote!(start), Ty::Time),
            (Ty::Date, "year" | "month" | "day" | "weekday" | "day_of_year") => {
                plain(quote!(#function), Ty::Int)
            }
            (Ty::Date, _) => self.calendar(&base, name, args, &out),
            (Ty::Size, "bytes") => Code::owned(
                quote!(i64::try_from(#base).map_err(|_| #rt::fault("a size is out of range"))?),
                Ty::Int,
            ),
            _ => self.fault("there is no such method of this value", out),
        }
    }

    /// Methods of amounts that meet others.
    fn shared(&self, base: &TokenStream, name: &str, args: &[Expr], out: Ty) -> Code {
        let rt = rt();
        let money = Ty::Money(None);
        let amount = |index: usize| self.argument(args.get(index), &money);
        let tokens = match name {
            "allocate" => {
                let weights = self.argument(args.first(), &Ty::List(Box::new(Ty::Int)));
                let ty = Ty::List(Box::new(money.clone()));
                return Code::owned(quote!(#rt::share::allocate(#base, &#weights)?), ty);
            }
            "round_to" => {
                let (step, mode) = (amount(0), self.mode(args));
                quote!(#rt::share::round_to(#base, #step, #mode)?)
            }
            "min" | "max" => {
                let other = amount(0);
                let wanted = if name == "min" { quote!(Less) } else { quote!(Greater) };
                quote!(#rt::share::extreme(#base, #other, ::core::cmp::Ordering::#wanted)?)
            }
            "clamp" => {
                let (least, greatest) = (amount(0), amount(1));
                quote!(#rt::share::clamp_money(#base, #least, #greatest)?)
            }
            _ => return self.fault("there is no such method of an amount", out),
        };
        Code::owned(tokens, money)
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
            "ms" | "millisecond" => Code::owned(quote!(#rt::part::millisecond(#base)?), Ty::Int),
            "date" => Code::owned(quote!(#rt::part::date(#base)?), Ty::Date),
            "year" | "month" | "day" | "weekday" | "day_of_year" => {
                let function = format_ident!("{name}");
                Code::owned(quote!(#rt::part::#function(#rt::part::date(#base)?)), Ty::Int)
            }
            _ => self.fault("there is no such part of a time", out.clone()),
        }
    }
}
