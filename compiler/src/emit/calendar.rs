//! Methods of times and dates that need the calendar or the clock of a place.

use super::expr::{Code, Exprs};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::{Expr, Ty};

impl Exprs<'_, '_> {
    /// A method of an instant that takes something.
    pub(super) fn time_there(
        &self,
        base: &TokenStream,
        name: &str,
        args: &[Expr],
        out: &Ty,
    ) -> Code {
        let rt = rt();
        let first = args.first();
        if name == "floor" {
            let step = self.argument(first, &Ty::Duration);
            return Code::owned(quote!(#rt::part::floor_time(#base, #step)?), Ty::Time);
        }
        let ty = match name {
            "date_in" => Ty::Date,
            "hour_in" | "minute_in" => Ty::Int,
            _ => return self.fault("there is no such method of a time", out.clone()),
        };
        let (function, zone) = (format_ident!("{name}"), self.argument(first, &Ty::Text));
        Code::owned(quote!(#rt::calendar::#function(#base, &#zone)?), ty)
    }

    /// A part or method of a date.
    pub(super) fn calendar(&self, base: &TokenStream, name: &str, args: &[Expr], out: &Ty) -> Code {
        let rt = rt();
        let function = format_ident!("{}", if name.is_empty() { "none" } else { name });
        let call = quote!(#rt::calendar::#function);
        let arg = |index: usize, ty: &Ty| self.argument(args.get(index), ty);
        match name {
            "start_of_month" | "end_of_month" | "start_of_year" | "end_of_year" => {
                Code::owned(quote!(#call(#base)), Ty::Date)
            }
            "start_of_week" | "start_of_quarter" => Code::owned(quote!(#call(#base)?), Ty::Date),
            "quarter" | "week" | "days_in_month" => Code::owned(quote!(#call(#base)), Ty::Int),
            "is_weekend" | "is_leap_year" => Code::owned(quote!(#call(#base)), Ty::Bool),
            "add_days" | "add_months" | "add_years" | "next_weekday" => {
                let n = arg(0, &Ty::Int);
                Code::owned(quote!(#call(#base, #n)?), Ty::Date)
            }
            "add_working_days" => {
                let list = |of: Ty| Ty::List(Box::new(of));
                let (work, n) = (&self.work, arg(0, &Ty::Int));
                let (weekend, holidays) = (arg(1, &list(Ty::Int)), arg(2, &list(Ty::Date)));
                Code::owned(quote!(#call(#work, #base, #n, &#weekend, &#holidays)?), Ty::Date)
            }
            "days_until" | "months_until" => {
                let to = arg(0, &Ty::Date);
                Code::owned(quote!(#call(#base, #to)?), Ty::Int)
            }
            "time_in" => {
                let zone = arg(0, &Ty::Text);
                Code::owned(quote!(#call(#base, &#zone)?), Ty::Time)
            }
            "at" => {
                let (clock, zone) = (arg(0, &Ty::Text), arg(1, &Ty::Text));
                Code::owned(quote!(#call(#base, &#clock, &#zone)?), Ty::Time)
            }
            _ => self.fault("there is no such method of a date", out.clone()),
        }
    }
}
