//! By what runs are looked for beside their key: the values that workflows declare with `index by`.

use crate::error::suggestion;
use crate::handle::Handle;
use sagaflow_core::codegen::{Json, Mismatch, Schema, Ty};
use sagaflow_core::limits::INDEXED_BYTES;
use sagaflow_core::shard::indexed_text;
use std::collections::BTreeSet;

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
    /// The values of `index by` to look for, as the store keeps them, from what a person wrote: a text
    /// without quotes, anything else as in JSON. There are several where workflows have values of one
    /// name and of several types, and what was written fits more than one: `7` is a number and a text.
    ///
    /// # Errors
    /// As [`Unindexed`] says.
    pub fn indexed(
        &self,
        workflow: Option<&str>,
        name: &str,
        written: &str,
    ) -> Result<BTreeSet<String>, Unindexed> {
        if written.len() > INDEXED_BYTES {
            return Err(Unindexed::Long { name: name.to_owned() });
        }
        let (mut texts, mut misfit, mut long) = (BTreeSet::new(), None, false);
        for (schema, (_, ty)) in self.indexes(workflow).filter(|(_, (other, _))| other == name) {
            match read(schema, ty, written).map(|value| indexed_text(&value)) {
                Ok(Some(text)) => _ = texts.insert(text),
                Ok(None) => long = true,
                Err(found) => misfit = misfit.or(Some(found)),
            }
        }
        if !texts.is_empty() {
            return Ok(texts);
        }
        let name = name.to_owned();
        match misfit {
            _ if long => Err(Unindexed::Long { name }),
            Some(found) => Err(Unindexed::Misfit { name, found }),
            None => {
                let known = self.indexes(workflow).map(|(_, (known, _))| known.as_str());
                let hint = suggestion(&name, known);
                Err(Unindexed::Unknown { name, hint })
            }
        }
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
