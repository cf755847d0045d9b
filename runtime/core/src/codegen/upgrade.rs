//! `upgrade from`: how the frames of an older version become those of this one.

use super::machine::{Fault, Frame, Json, Machine, Values};
use super::schema::Ty;
use std::collections::BTreeMap;

/// `upgrade from v1 (x = e)`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct UpgradeSpec {
    /// The older version.
    pub from: u32,
    /// Its hash: runs of another program under that number do not move.
    pub hash: String,
    /// What the older version takes where its start named nothing, by parameter.
    #[serde(default)]
    pub defaults: BTreeMap<String, Json>,
    /// The durable points at which a run may move: the same in both versions. What is live there comes
    /// under the same name from the older frame, or from what the run was started with, but for these:
    /// name, and index of the value in the clause ([`Machine::given`]).
    pub points: BTreeMap<String, Vec<(String, u32)>>,
}

/// Why a frame has no place in the new version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// No run moves at its point.
    Point,
    /// A value is missing, or could not be made.
    Value(String),
}

impl From<Fault> for Misplaced {
    fn from(fault: Fault) -> Self {
        Self::Value(fault.message)
    }
}

impl UpgradeSpec {
    /// A frame of the older version as `machine`, whose clause this is, would have written it. `input` is
    /// what the run was started with.
    ///
    /// # Errors
    /// [`Misplaced`] where it would be another frame than the new version needs.
    pub fn adopt(
        &self,
        machine: &dyn Machine,
        input: &Values,
        frame: &Frame,
    ) -> Result<Frame, Misplaced> {
        let point = machine.spec().points.get(&frame.at).ok_or(Misplaced::Point)?;
        let gives = self.points.get(&point.at).ok_or(Misplaced::Point)?;
        let mut held = self.begun(input);
        held.extend(frame.values.iter().map(|(name, value)| (name.clone(), value.clone())));
        let mut values = Values::new();
        for (name, index) in gives {
            values.insert(name.clone(), machine.given(self.from, *index as usize, &held)?);
        }
        let begins = matches!(point.at.as_str(), "start" | "after");
        let params = machine.spec().params.iter().filter(|_| begins).map(|(name, _)| name);
        for name in point.live.keys().chain(params) {
            if values.contains_key(name) || begins && name.starts_with("failure.") {
                continue;
            }
            match (held.get(name), point.live.get(name)) {
                (Some(value), _) => drop(values.insert(name.clone(), value.clone())),
                // What is none may be left out, and a parameter that nobody reads has no value.
                (None, None) => {}
                (None, Some(ty)) if may_lack(ty) => {}
                (None, Some(_)) => {
                    let why = format!("`{name}` is needed at `{}`, and not there", point.at);
                    return Err(Misplaced::Value(why));
                }
            }
        }
        Ok(Frame { at: frame.at.clone(), iteration: frame.iteration.clone(), values })
    }

    /// What the older version took its input for.
    fn begun(&self, input: &Values) -> Values {
        let mut all = self.defaults.clone();
        all.extend(input.iter().map(|(name, value)| (name.clone(), value.clone())));
        all
    }
}

/// Whether a value of this type may not be there at all.
fn may_lack(ty: &Ty) -> bool {
    match ty {
        Ty::Optional(_) => true,
        Ty::Pii(of) | Ty::Secret(of) => may_lack(of),
        _ => false,
    }
}
