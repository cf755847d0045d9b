//! What a run has done outside, and what became of it: for the people who repair it (I4).

/// One effect of a run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Effect {
    /// The step's path with indexes.
    pub path: String,
    /// Qualified service and action.
    pub action: String,
    /// What became of it.
    pub fate: Fate,
}

/// What became of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It happened.
    Applied,
    /// It may have happened.
    Unknown,
    /// Its undo has ended well.
    Undone,
}
