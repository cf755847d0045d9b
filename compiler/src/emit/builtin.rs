//! Built-in functions: the recorded clock and entropy, ranges, roles, fingerprints, samples.

use super::expr::{Code, Exprs};
use super::names::rt;
use quote::quote;
use sagaflow_fir::{Expr, ExprKind, Ty};

impl Exprs<'_, '_> {
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
                let tokens =
                    quote!(#rt::Role(::std::vec![::std::string::String::from(#kind) + &#who]));
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
            ExprKind::Literal(serde_json::Value::String(name)) => {
                samples.get(&format!("{}.{name}", self.module)).or_else(|| samples.get(name))
            }
            _ => None,
        };
        match found {
            Some(json) => {
                // Order: sorted, whichever map `serde_json` was built with.
                let text = sagaflow_fir::canonical(json);
                let (rt, inner) = (rt(), self.names.inner(ty, self.depth));
                Code::owned(quote!(#rt::literal::<#inner>(#text)?), ty.clone())
            }
            None => self.fault("there is no such sample", ty.clone()),
        }
    }
}
