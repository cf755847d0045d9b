//! Whether what one version has written another one can read.
//!
//! Types are compared by their structure, as values stand at the boundary: a record that only got
//! another name is the same. Answers are in words of what was and what is.

use sagaflow_fir::{Field, Fir, Ty, TypeDecl, Variant};
use std::collections::BTreeSet;

/// A comparison: values of the types of `from` are read as those of `to`.
pub(super) struct Fit<'f> {
    from: &'f Fir,
    to: &'f Fir,
    reader: Reader,
    /// Pairs under comparison or compared, what is read first: types mention each other, and what
    /// wraps itself, in a file that somebody wrote by hand, is not unwrapped for ever.
    seen: BTreeSet<(Ty, Ty)>,
}

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Today's program, what an older one has written. A field that it does not read any more is gone.
    Today,
    /// A run that goes on with today's program, what its frames hold. They hold it as its labels say.
    Frame,
    /// An older program, what today's has written. It passes over fields that it does not know.
    Older,
    /// A client of an older program, which knows what to do about a variant that is new.
    Client,
}

impl Reader {
    /// Whether it is the newer side that reads.
    fn is_new(self) -> bool {
        matches!(self, Self::Today | Self::Frame)
    }
}

impl<'f> Fit<'f> {
    pub(super) fn new(from: &'f Fir, to: &'f Fir, reader: Reader) -> Self {
        Self { from, to, reader, seen: BTreeSet::new() }
    }

    /// What was, and what is.
    fn changed(&self, what: &str, from: &str, to: &str) -> String {
        let (was, is) = if self.reader.is_new() { (from, to) } else { (to, from) };
        format!("{what} was {was} and is {is}")
    }

    /// The first place where a value does not fit, in words; `what` is the value.
    pub(super) fn ty(&mut self, from: &Ty, to: &Ty, what: &str) -> Option<String> {
        if self.reader == Reader::Frame && labels(self.from, from) != labels(self.to, to) {
            return Some(self.changed(what, &words(from), &words(to)));
        }
        self.form(from, to, what)
    }

    /// The same of values whose own labels were compared: those may stand in a name or within `?` on one
    /// side, and be written out on the other.
    fn form(&mut self, from: &Ty, to: &Ty, what: &str) -> Option<String> {
        let (from, to) = (plain(from), plain(to));
        match (from, to) {
            (Ty::Optional(from), Ty::Optional(to)) => self.form(from, to, what),
            (Ty::Optional(_), _) => Some(self.changed(what, "optional", "required")),
            (from, Ty::Optional(to)) => self.form(from, to, what),
            (Ty::List(from), Ty::List(to))
            | (Ty::Batch(from), Ty::Batch(to))
            | (Ty::Outcome(from), Ty::Outcome(to)) => self.ty(from, to, what),
            (Ty::Map(key, from), Ty::Map(other, to))
            | (Ty::Entry(key, from), Ty::Entry(other, to)) => {
                self.ty(key, other, what).or_else(|| self.ty(from, to, what))
            }
            (Ty::Named(_), _) | (_, Ty::Named(_)) => self.named(from, to, what),
            (Ty::Money(_), Ty::Money(None)) => None,
            (from, to) if from == to => None,
            (from, to) => Some(self.changed(what, &words(from), &words(to))),
        }
    }

    /// Two types of which one has a name at least. At the boundary, a type that wraps another one
    /// stands as that.
    fn named(&mut self, from: &Ty, to: &Ty, what: &str) -> Option<String> {
        if !self.seen.insert((from.clone(), to.clone())) {
            return None;
        }
        let (was, is) = (alias(self.from, from), alias(self.to, to));
        if was.is_some() || is.is_some() {
            let (of, old) = was.unwrap_or((from, None));
            let (to, new) = is.unwrap_or((to, None));
            let stricter = || match (new, old) {
                (Some(new), Some(old)) if new == old => None,
                (Some(_), Some(_)) => Some(format!("{what} must match another pattern")),
                (Some(_), None) => Some(format!("{what} must match a pattern")),
                (None, _) => None,
            };
            return self.form(of, to, what).or_else(stricter);
        }
        let (Ty::Named(old), Ty::Named(new)) = (from, to) else {
            return Some(self.changed(what, &words(from), &words(to)));
        };
        let event = |fir: &'f Fir, name: &str| fir.events.get(name).map(|event| &event.fields);
        if let (Some(from), Some(to)) = (event(self.from, old), event(self.to, new)) {
            return self.fields(from, to, what);
        }
        let decl = |fir: &'f Fir, name: &str| fir.types.get(name).map(|named| &named.decl);
        match (decl(self.from, old), decl(self.to, new)) {
            (Some(TypeDecl::Record(from)), Some(TypeDecl::Record(to))) => {
                self.fields(from, to, what)
            }
            (Some(TypeDecl::Enum(from)), Some(TypeDecl::Enum(to))) => self.variants(from, to, what),
            // The type of failures is declared by nobody.
            (None, None) if old == new => None,
            _ => Some(self.changed(what, &words(from), &words(to))),
        }
    }

    /// Fields of a record, an event, an error, or the parameters of an action.
    pub(super) fn fields(&mut self, from: &[Field], to: &[Field], what: &str) -> Option<String> {
        for field in to {
            let name = match what {
                "" => format!("`{}`", field.name),
                _ => format!("{what}, `{}`", field.name),
            };
            match from.iter().find(|old| old.name == field.name) {
                Some(old) => {
                    let wrong = self.ty(&old.ty, &field.ty, &name);
                    if wrong.is_some() {
                        return wrong;
                    }
                }
                None if may_lack(field) => {}
                None if self.reader.is_new() => {
                    return Some(format!("{name} is new and required"));
                }
                None => return Some(format!("{name} is gone")),
            }
        }
        if !self.reader.is_new() {
            return None;
        }
        let gone = from.iter().find(|old| !to.iter().any(|field| field.name == old.name))?;
        let of = if what.is_empty() { String::new() } else { format!("{what}, ") };
        Some(format!("{of}`{}` is gone", gone.name))
    }

    fn variants(&mut self, from: &[Variant], to: &[Variant], what: &str) -> Option<String> {
        from.iter().find_map(|old| match to.iter().find(|variant| variant.name == old.name) {
            Some(variant) => {
                self.fields(&old.fields, &variant.fields, &format!("{what}, `{}`", old.name))
            }
            None if self.reader == Reader::Client => None,
            None if self.reader == Reader::Older => Some(format!("{what} may be `{}`", old.name)),
            None => Some(format!("{what} has no `{}` any more", old.name)),
        })
    }
}

fn may_lack(field: &Field) -> bool {
    field.default.is_some() || matches!(plain(&field.ty), Ty::Optional(_))
}

/// What a named type wraps, and its pattern; none of any other type.
fn alias<'f>(fir: &'f Fir, ty: &Ty) -> Option<(&'f Ty, Option<&'f str>)> {
    let Ty::Named(name) = ty else { return None };
    match &fir.types.get(name)?.decl {
        TypeDecl::Alias { of, pattern } => Some((of, pattern.as_deref())),
        _ => None,
    }
}

/// Whether a value is personal, and whether it is secret.
fn labels(fir: &Fir, ty: &Ty) -> (bool, bool) {
    let (mut found, mut ty) = ((false, false), ty);
    // Bound: what wraps itself is not unwrapped for ever; nobody wraps a type as often as this.
    for _ in 0..64 {
        ty = match ty {
            Ty::Pii(of) => {
                found.0 = true;
                of
            }
            Ty::Secret(of) => {
                found.1 = true;
                of
            }
            Ty::Optional(of) => of,
            other => match alias(fir, other) {
                Some((of, _)) => of,
                None => break,
            },
        };
    }
    found
}

/// Without labels: who may see a value is no matter of its form.
fn plain(ty: &Ty) -> &Ty {
    match ty {
        Ty::Pii(of) | Ty::Secret(of) => plain(of),
        other => other,
    }
}

/// A type as it is written.
pub(super) fn words(ty: &Ty) -> String {
    match ty {
        Ty::List(of) => format!("list<{}>", words(of)),
        Ty::Map(key, of) => format!("map<{}, {}>", words(key), words(of)),
        Ty::Entry(key, of) => format!("an entry of map<{}, {}>", words(key), words(of)),
        Ty::Optional(of) => format!("{}?", words(of)),
        Ty::Named(name) => format!("`{}`", name.rsplit('.').next().unwrap_or(name)),
        Ty::Outcome(of) => format!("outcome<{}>", words(of)),
        Ty::Batch(of) => format!("batch<{}>", words(of)),
        Ty::Pii(of) => format!("pii {}", words(of)),
        Ty::Secret(of) => format!("secret {}", words(of)),
        Ty::Money(Some(currency)) => format!("money<{currency}>"),
        Ty::Money(None) => "money".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}
