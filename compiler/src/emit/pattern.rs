//! `match`: the first arm that fits.
//!
//! Arms are tested one after the other in a labelled block, so that any pattern of any type has one
//! form; where no arm fits, which the checks exclude, that is a fault.

use super::expr::Exprs;
use super::names::{ident, rt};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use sagaflow_fir::{Expr, ExprKind, PatternKind, Ty};
use syn::Lifetime;

/// The label of a `match`: none inside it has the same, because each counts those inside itself.
fn label(subject: &Expr, arms: &[(PatternKind, Expr)]) -> Lifetime {
    let mut inside = 0;
    for part in std::iter::once(subject).chain(arms.iter().map(|(_, value)| value)) {
        part.each(&mut |expr| inside += usize::from(matches!(expr.kind, ExprKind::Match(..))));
    }
    Lifetime::new(&format!("'chosen{inside}"), Span::call_site())
}

impl Exprs<'_, '_> {
    /// A `match` as an expression.
    pub(super) fn choose(
        &self,
        subject: &Expr,
        arms: &[(PatternKind, Expr)],
        ty: &Ty,
    ) -> TokenStream {
        let label = label(subject, arms);
        let arms = arms.iter().map(|(pattern, value)| {
            let value = self.value_as(value, ty);
            (pattern, quote!(break #label (#value);))
        });
        let tests = self.tests(subject, arms.collect());
        let (rt, ty) = (rt(), self.names.inner(ty, self.depth));
        quote!(#label: {
            #tests
            ::core::result::Result::<#ty, #rt::Fault>::Err(#rt::fault("no arm of a match fits"))?
        })
    }

    /// Tests the arms; each `then` must leave.
    pub(super) fn tests(
        &self,
        subject: &Expr,
        arms: Vec<(&PatternKind, TokenStream)>,
    ) -> TokenStream {
        let code = self.plain(subject);
        let ty = code.ty.clone();
        let value = code.value();
        let says_none = arms.iter().any(|(pattern, _)| matches!(pattern, PatternKind::None));
        let tests = arms.into_iter().map(|(pattern, then)| match pattern {
            PatternKind::Any => quote!({ #then }),
            PatternKind::None => quote!(if subject.is_none() { #then }),
            PatternKind::Literal(json) => {
                let literal = self.literal(json, &ty);
                quote!(if subject == #literal { #then })
            }
            PatternKind::Bind(id) => {
                let variable = self.variable(*id);
                match (&ty, self.local_ty(*id)) {
                    (Ty::Optional(of), wanted) if !matches!(wanted, Ty::Optional(_)) => {
                        let value =
                            self.names.coerce(quote!(some.clone()), of, &wanted, self.depth);
                        quote!(if let ::core::option::Option::Some(some) = &subject {
                            let #variable = #value;
                            #then
                        })
                    }
                    (Ty::Optional(_), _) if says_none => quote!(if subject.is_some() {
                        let #variable = subject.clone();
                        #then
                    }),
                    (_, wanted) => {
                        let value =
                            self.names.coerce(quote!(subject.clone()), &ty, &wanted, self.depth);
                        quote!({ let #variable = #value; #then })
                    }
                }
            }
            PatternKind::Variant(name, binders) => self.variant_test(&ty, name, binders, &then),
        });
        quote!(let subject = #value; #(#tests)*)
    }

    fn variant_test(
        &self,
        ty: &Ty,
        name: &str,
        binders: &[Option<sagaflow_fir::LocalId>],
        then: &TokenStream,
    ) -> TokenStream {
        let (rt, present) = match ty {
            Ty::Optional(of) => (rt(), self.names.plain(of)),
            other => (rt(), other.clone()),
        };
        let first = binders.first().copied().flatten();
        let bound = first.map(|id| {
            let (variable, wanted) = (self.variable(id), self.local_ty(id));
            let of = match &present {
                Ty::Outcome(of) if name == "Ok" => (**of).clone(),
                _ => wanted.clone(),
            };
            let value = self.names.coerce(quote!(bound.clone()), &of, &wanted, self.depth);
            quote!(let #variable = #value;)
        });
        let (pattern, bound) = match &present {
            Ty::Outcome(_) => match name {
                "Ok" => (quote!(#rt::Outcome::Ok(bound)), quote!(#bound)),
                "Failed" => (quote!(#rt::Outcome::Failed(bound)), quote!(#bound)),
                _ => (quote!(#rt::Outcome::Unknown), quote!()),
            },
            Ty::Named(of) => self.enum_pattern(of, name, binders),
            _ => (quote!(_), quote!()),
        };
        let pattern = match ty {
            Ty::Optional(_) => quote!(::core::option::Option::Some(#pattern)),
            _ => pattern,
        };
        quote!(if let #pattern = &subject { #bound #then })
    }

    /// The pattern of a variant, and the binding of its payload by position.
    fn enum_pattern(
        &self,
        of: &str,
        name: &str,
        binders: &[Option<sagaflow_fir::LocalId>],
    ) -> (TokenStream, TokenStream) {
        let path = self.names.item(of, self.depth);
        let short = ident(name);
        let variants = self.names.variants(of).unwrap_or_default();
        let fields = variants.iter().find(|it| it.name == name).map(|it| &it.fields[..]);
        let bound = fields.unwrap_or_default().iter().zip(binders).enumerate();
        let bound: Vec<(TokenStream, TokenStream)> = bound
            .filter_map(|(index, (field, binder))| {
                let id = (*binder)?;
                let (member, payload) = (ident(&field.name), quote::format_ident!("p{index}"));
                let (variable, wanted) = (self.variable(id), self.local_ty(id));
                let value = self.names.unlabel(quote!(#payload.clone()), &field.ty);
                let value = self.names.coerce(value, &field.ty, &wanted, self.depth);
                Some((quote!(#member: #payload), quote!(let #variable = #value;)))
            })
            .collect();
        let members = bound.iter().map(|(member, _)| member);
        let lets = bound.iter().map(|(_, bound)| bound);
        (quote!(#path::#short { #(#members,)* .. }), quote!(#(#lets)*))
    }
}
