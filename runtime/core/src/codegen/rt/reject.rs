//! What `reject` sets aside, as records.

use super::Json;

/// The records that a value stands for: those of a list, or the one it is.
#[must_use]
pub fn rejected(records: Json) -> Vec<Json> {
    match records {
        Json::Array(items) => items,
        one => vec![one],
    }
}

/// The same for a whole batch.
#[must_use]
pub fn rejected_batch(mut batch: Json) -> Vec<Json> {
    batch.get_mut("items").map(Json::take).map(rejected).unwrap_or_default()
}
