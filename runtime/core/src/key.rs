//! Idempotency keys, fingerprints and the canonical JSON they are taken over.
//!
//! Promises: the same parts give the same key for ever, on every machine and in every release. Keys
//! are recorded with the intent, so nothing here may ever change its output; the tests pin it.

use crate::codegen::Json;
use crate::id::RunId;
use crate::service::Purpose;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What the key of a call is made of (semantics K1).
#[derive(Clone, Copy, Debug)]
pub struct KeyParts<'a> {
    /// Namespace of the run.
    pub namespace: &'a str,
    /// Qualified service and action, `shop.orders.Payments.authorize`.
    pub action: &'a str,
    /// What the call is for: a key of one purpose never answers for another.
    pub purpose: Purpose,
    /// The run.
    pub run: RunId,
    /// The step's path with its indexes, `files[2]/upload`.
    pub path: &'a str,
    /// Grows whenever the call is made anew.
    pub generation: u32,
    /// The `idempotent by` values, where declared.
    pub by: Option<&'a Json>,
}

/// The key of a call: 32 hex digits of SHA-256 over the canonical JSON array of its parts.
#[must_use]
pub fn call_key(parts: &KeyParts<'_>) -> String {
    let array = serde_json::json!([
        parts.namespace,
        parts.action,
        parts.purpose.word(),
        parts.run.to_string(),
        parts.path,
        parts.generation,
        parts.by,
    ]);
    let digest = fingerprint(&array);
    hex(digest.get(..16).unwrap_or(&digest))
}

/// SHA-256 over the canonical form of a value.
#[must_use]
pub fn fingerprint(value: &Json) -> [u8; 32] {
    Sha256::digest(canonical(value).as_bytes()).into()
}

/// Lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// JSON with object keys in code point order and without blanks: equal values, equal text.
#[must_use]
pub fn canonical(value: &Json) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Json, text: &mut String) {
    match value {
        Json::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Json::Object(fields) => {
            // Sorted here and not by the map: another package may ask `serde_json` to keep the
            // order of insertion, which would silently change every key.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (index, (name, field)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_text(name, text);
                text.push(':');
                write_canonical(field, text);
            }
            text.push('}');
        }
        Json::String(content) => write_text(content, text),
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            let _ = write!(text, "{value}");
        }
    }
}

fn write_text(content: &str, text: &mut String) {
    // Borrows nothing and cannot fail: the printer of JSON strings is total.
    let _ = write!(text, "{}", Json::from(content));
}

#[cfg(test)]
mod tests {
    use super::{KeyParts, call_key, canonical, fingerprint, hex};
    use crate::id::RunId;
    use crate::service::Purpose;
    use serde_json::json;

    fn parts() -> KeyParts<'static> {
        KeyParts {
            namespace: "default",
            action: "shop.orders.Payments.authorize",
            purpose: Purpose::Do,
            run: RunId::new(1_750_000_000_000, 7, [1, 2, 3, 4, 5, 6, 7, 8]),
            path: "files[2]/pay",
            generation: 0,
            by: None,
        }
    }

    #[test]
    fn canonical_text_sorts_names_and_drops_blanks() {
        let given = [
            (json!({"b": 1, "a": [true, null, "x y"]}), r#"{"a":[true,null,"x y"],"b":1}"#),
            (json!({"z": {"b": {}, "a": []}}), r#"{"z":{"a":[],"b":{}}}"#),
            (json!("quote \" slash \\ line \n ü"), "\"quote \\\" slash \\\\ line \\n ü\""),
            (json!(-9_007_199_254_740_993_i64), "-9007199254740993"),
        ];
        for (value, expected) in given {
            assert_eq!(canonical(&value), expected);
        }
    }

    #[test]
    fn the_fingerprint_ignores_the_order_of_names_and_nothing_else() {
        let one = fingerprint(&json!({"a": 1, "b": 2}));
        let parsed = serde_json::from_str::<serde_json::Value>(r#"{ "b":2, "a":1 }"#);
        assert_eq!(parsed.map(|value| fingerprint(&value)).ok(), Some(one));
        for other in [json!({"a": 2, "b": 1}), json!({"a": 1}), json!([1, 2]), json!(null)] {
            assert_ne!(fingerprint(&other), one, "{other}");
        }
    }

    #[test]
    fn a_key_never_changes_between_releases() {
        assert_eq!(call_key(&parts()), "2fce6a8d087d332862f7eff074bb5fc3");
        assert_eq!(
            call_key(&KeyParts { by: Some(&json!(["A-1"])), ..parts() }),
            "a012b4ac9778f1c79c39ae441aaa5ec4"
        );
        assert_eq!(
            hex(&fingerprint(&json!(null))),
            "74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"
        );
    }

    #[test]
    fn every_part_tells_keys_apart() {
        let by = json!([null]);
        let run = RunId::new(1_750_000_000_001, 7, [0; 8]);
        let all = [
            parts(),
            KeyParts { namespace: "other", ..parts() },
            KeyParts { action: "shop.orders.Payments.capture", ..parts() },
            KeyParts { purpose: Purpose::Undo, ..parts() },
            KeyParts { purpose: Purpose::Probe, ..parts() },
            KeyParts { run, ..parts() },
            KeyParts { path: "files[3]/pay", ..parts() },
            KeyParts { generation: 1, ..parts() },
            KeyParts { by: Some(&by), ..parts() },
        ];
        let keys: std::collections::BTreeSet<_> = all.iter().map(call_key).collect();
        assert_eq!(keys.len(), all.len());
        assert!(keys.iter().all(|key| key.len() == 32));
    }
}
