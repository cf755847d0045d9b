//! Bytes of records, estimated from types.
//!
//! A text counts 24 bytes, a list and a map 3 elements, an optional value as there, a blob its
//! reference; what a record holds beside values was measured. Real values decide, so these are no
//! promise.

use sagaflow_fir::{Fir, Ty, TypeDecl, Workflow};

/// A record without anything in it.
pub(super) const RECORD: u64 = 240;
/// A line of history.
pub(super) const LINE: u64 = 120;
/// What never changes of a run, in its first record, beside its input.
pub(super) const START: u64 = 560;
/// A call under way, and the line that says it was sent, beside its arguments.
pub(super) const CALL: u64 = 560;
/// An armed undo, beside what it keeps.
pub(super) const ARMED: u64 = 340;
/// A wait under way, with its row where somebody is asked.
pub(super) const WAIT: u64 = 220;

/// Elements of a list or a map.
const ELEMENTS: u64 = 3;
/// Bound: types inside types.
const DEPTH_MAX: u32 = 6;

/// Sizes of one workflow's values.
pub(super) struct Sizes<'p> {
    pub fir: &'p Fir,
    pub workflow: Option<&'p Workflow>,
}

impl Sizes<'_> {
    /// The values live at a durable point.
    pub fn frame(&self, at: &str) -> u64 {
        let Some(workflow) = self.workflow else { return 0 };
        let Some(point) = workflow.points.get(at) else { return 0 };
        let live = point.live.iter().filter_map(|id| workflow.locals.get(id.0 as usize));
        let locals = live.map(|local| local.name.len() as u64 + 4 + self.of(&local.ty, 0));
        let hidden = point.hidden.iter().map(|(name, ty)| name.len() as u64 + self.of(ty, 0));
        locals.chain(hidden).sum()
    }

    /// The input of a run.
    pub fn input(&self) -> u64 {
        let params = self.workflow.into_iter().flat_map(|workflow| &workflow.params);
        params.map(|param| param.name.len() as u64 + 4 + self.of(&param.ty, 0)).sum()
    }

    /// The arguments and the result of an action.
    pub fn action(&self, provider: &str, action: &str) -> (u64, u64) {
        let Some(action) = self.fir.action(provider, action) else { return (0, 0) };
        let args = action.params.iter().map(|p| p.name.len() as u64 + 4 + self.of(&p.ty, 0)).sum();
        (args, action.result.as_ref().map_or(0, |ty| self.of(ty, 0)))
    }

    fn of(&self, ty: &Ty, depth: u32) -> u64 {
        if depth > DEPTH_MAX {
            return 16;
        }
        match ty {
            Ty::Bool | Ty::Unit | Ty::Never => 5,
            Ty::Int | Ty::Decimal | Ty::Percent | Ty::Size => 8,
            Ty::Money(_) | Ty::Duration | Ty::Date => 14,
            Ty::Text | Ty::Time | Ty::Role => 26,
            Ty::Uuid => 38,
            Ty::Blob => 96,
            Ty::List(of) | Ty::Batch(of) => 2 + ELEMENTS * (self.of(of, depth + 1) + 1),
            Ty::Map(key, value) => {
                2 + ELEMENTS * (self.of(key, depth + 1) + self.of(value, depth + 1) + 4)
            }
            Ty::Entry(key, value) => 20 + self.of(key, depth + 1) + self.of(value, depth + 1),
            Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => self.of(of, depth),
            Ty::Outcome(of) => 10 + self.of(of, depth + 1),
            Ty::Named(name) => self.named(name, depth + 1),
        }
    }

    fn named(&self, name: &str, depth: u32) -> u64 {
        let fields = |fields: &[sagaflow_fir::Field]| -> u64 {
            fields.iter().map(|f| f.name.len() as u64 + 4 + self.of(&f.ty, depth)).sum()
        };
        match self.fir.types.get(name).map(|named| &named.decl) {
            Some(TypeDecl::Alias { of, .. }) => self.of(of, depth),
            Some(TypeDecl::Record(all)) => 2 + fields(all),
            Some(TypeDecl::Enum(variants)) => {
                let size = |v: &sagaflow_fir::Variant| v.name.len() as u64 + 4 + fields(&v.fields);
                variants.iter().map(size).max().unwrap_or(8)
            }
            None => self.fir.events.get(name).map_or(26, |event| 2 + fields(&event.fields)),
        }
    }
}
