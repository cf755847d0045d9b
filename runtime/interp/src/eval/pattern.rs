//! Patterns: which arm fits, and what its names are.

use super::{Env, Eval};
use crate::codec::{decode, fault};
use crate::value::Value;
use sagaflow_core::codegen::Fault;
use sagaflow_fir::{Expr, Fir, LocalId, PatternKind, Ty, TypeDecl};

/// A type without labels, optional and nominal wrappers: what decides how its values are taken apart.
pub(crate) fn plain<'a>(fir: &'a Fir, ty: &'a Ty) -> &'a Ty {
    match ty {
        Ty::Pii(of) | Ty::Secret(of) | Ty::Optional(of) => plain(fir, of),
        Ty::Named(name) => match fir.types.get(name).map(|named| &named.decl) {
            Some(TypeDecl::Alias { of, .. }) => plain(fir, of),
            _ => ty,
        },
        _ => ty,
    }
}

impl Eval<'_> {
    /// The value of the first arm that fits.
    pub(crate) fn select(
        &mut self,
        env: &mut Env,
        subject: &Expr,
        arms: &[(PatternKind, Expr)],
    ) -> Result<Value, Fault> {
        let value = self.expr(env, subject)?;
        let patterns = arms.iter().map(|(pattern, _)| pattern);
        let index = self.first_fit(env, &subject.ty, &value, patterns)?;
        match arms.get(index) {
            Some((_, arm)) => self.expr(env, arm),
            None => Err(fault("no arm of a match fits")),
        }
    }

    /// The index of the first pattern that fits, its names bound. A bare name stands for the value of
    /// an optional, so it leaves `none` to an arm that says so, wherever that stands.
    pub(crate) fn first_fit<'p>(
        &mut self,
        env: &mut Env,
        ty: &Ty,
        value: &Value,
        patterns: impl Iterator<Item = &'p PatternKind> + Clone,
    ) -> Result<usize, Fault> {
        let says_none =
            value.is_none() && patterns.clone().any(|each| matches!(each, PatternKind::None));
        for (index, pattern) in patterns.enumerate() {
            let left_to_none = says_none && matches!(pattern, PatternKind::Bind(_));
            if !left_to_none && self.fits(env, ty, value, pattern)? {
                return Ok(index);
            }
        }
        Err(fault("no arm of a match fits"))
    }

    /// Whether `value` fits; binds the names of the pattern if it does.
    fn fits(
        &mut self,
        env: &mut Env,
        ty: &Ty,
        value: &Value,
        pattern: &PatternKind,
    ) -> Result<bool, Fault> {
        match pattern {
            PatternKind::Any => Ok(true),
            PatternKind::None => Ok(value.is_none()),
            PatternKind::Literal(json) => Ok(*value == decode(self.fir, ty, json)?),
            PatternKind::Bind(id) => {
                env.set(*id, value.clone());
                Ok(true)
            }
            PatternKind::Variant(name, binders) => self.variant(env, ty, value, name, binders),
        }
    }

    fn variant(
        &mut self,
        env: &mut Env,
        ty: &Ty,
        value: &Value,
        name: &str,
        binders: &[Option<LocalId>],
    ) -> Result<bool, Fault> {
        let first = binders.first().copied().flatten();
        match value {
            Value::Ok(inner) if name == "Ok" => bind(env, first, (**inner).clone()),
            Value::Failed(failure) if name == "Failed" => {
                bind(env, first, Value::Failure(failure.clone()));
            }
            Value::Unknown => return Ok(name == "Unknown"),
            Value::Variant(tag, fields) if **tag == *name => {
                let order = self.payload_order(ty, name)?;
                for (field, binder) in order.iter().zip(binders) {
                    bind(env, *binder, Value::optional(fields.get(field).cloned()));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn payload_order(&self, ty: &Ty, variant: &str) -> Result<Vec<String>, Fault> {
        let Ty::Named(name) = plain(self.fir, ty) else { return Err(fault("no enum to match")) };
        let decl = self.fir.types.get(name).map(|named| &named.decl);
        let Some(TypeDecl::Enum(variants)) = decl else { return Err(fault("no enum to match")) };
        let found = variants.iter().find(|each| each.name == variant);
        let found = found.ok_or_else(|| fault(format!("`{name}` has no `{variant}`")))?;
        Ok(found.fields.iter().map(|field| field.name.clone()).collect())
    }
}

fn bind(env: &mut Env, id: Option<LocalId>, value: Value) {
    if let Some(id) = id {
        env.set(id, value);
    }
}
