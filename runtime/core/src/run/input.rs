//! What a run was started with: named values that are kept as long as the run, and seldom looked at.

use crate::codegen::{Json, Values};

/// Named values in no more room than they take: a map has room for eleven.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Values", into = "Values")]
pub struct Input(Box<[(String, Json)]>);

impl Input {
    /// One of the values.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// A copy of all.
    #[must_use]
    pub fn values(&self) -> Values {
        self.clone().into()
    }
}

impl From<Values> for Input {
    fn from(values: Values) -> Self {
        Self(values.into_iter().collect())
    }
}

impl From<Input> for Values {
    fn from(input: Input) -> Self {
        input.0.into_iter().collect()
    }
}
