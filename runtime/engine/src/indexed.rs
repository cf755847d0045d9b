//! By what runs are looked for beside their key: the values that workflows declare with `index by`.

use crate::error::suggestion;
use crate::handle::Handle;
use sagaflow_core::codegen::{Json, Mismatch, Schema, Ty};
use sagaflow_core::limits::INDEXED_BYTES;
use sagaflow_core::shard::indexed_text;

/// Why nothing can be found by a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unindexed {
    /// No workflow that is hosted here is indexed by it.
    #[error("no workflow is indexed by `{name}`{hint}")]
    Unknown {
        /// As asked for.
        name: String,
        /// A suggestion, in words; empty where there is none.
        hint: String,
    },
    /// Values of this length find nothing.
    #[error("`{name}` may be {INDEXED_BYTES} bytes long: runs are not found by a longer value")]
    Long {
        /// The name of the value.
        name: String,
    },
    /// It is no value of its type.
    #[error("`{name}` must be {}", found.expected)]
    Misfit {
        /// The name of the value.
        name: String,
        /// What it must be.
        found: Mismatch,
    },
}

impl Handle {
    /// The name and value of `index by` to look for, as the store keeps them, from what a person wrote:
    /// a text without quotes, anything else as in JSON. Where workflows have values of one name and of
    /// several types, it is the first of these that fits; naming the workflow tells them apart.
    ///
    /// # Errors
    /// As [`Unindexed`] says.
    pub fn indexed(
        &self,
        workflow: Option<&str>,
        name: &str,
        written: &str,
    ) -> Result<(String, String), Unindexed> {
        if written.len() > INDEXED_BYTES {
            return Err(Unindexed::Long { name: name.to_owned() });
        }
        let mut misfit = None;
        for (schema, (_, ty)) in self.indexes(workflow).filter(|(_, (other, _))| other == name) {
            let value = match read(schema, ty, written) {
                Ok(value) => value,
                Err(found) => {
                    misfit = misfit.or(Some(found));
                    continue;
                }
            };
            let text = indexed_text(&value);
            let text = text.ok_or_else(|| Unindexed::Long { name: name.to_owned() })?;
            return Ok((name.to_owned(), text));
        }
        let name = name.to_owned();
        if let Some(found) = misfit {
            return Err(Unindexed::Misfit { name, found });
        }
        let known = self.indexes(workflow).map(|(_, (known, _))| known.as_str());
        let hint = suggestion(&name, known);
        Err(Unindexed::Unknown { name, hint })
    }

    /// The names of values by which runs of a workflow are found, or those of all workflows.
    fn indexes(&self, workflow: Option<&str>) -> impl Iterator<Item = (&Schema, &(String, Ty))> {
        let named = move |full: &str| {
            workflow.is_none_or(|name| {
                let rest = full.strip_suffix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
        };
        let specs = self.hosted().map(|machine| machine.spec());
        let specs = specs.filter(move |spec| named(&spec.name));
        specs.flat_map(|spec| spec.indexed.iter().map(|one| (&spec.schema, one)))
    }
}

/// A value as a person writes it.
fn read(schema: &Schema, ty: &Ty, written: &str) -> Result<Json, Mismatch> {
    let as_text = schema.decode(ty, &Json::from(written));
    as_text.or_else(|misfit| {
        // What is left out is no value that anything could be found by.
        let json = serde_json::from_str::<Json>(written).ok().filter(|json| !json.is_null());
        json.map_or(Err(misfit), |json| schema.decode(ty, &json))
    })
}
