//! Idempotency keys, fingerprints and the canonical JSON they are taken over.
//!
//! Promises: the same parts give the same key for ever, on every machine and in every release. Keys
//! are recorded with the intent, so nothing here may ever change its output; the tests pin it.

use crate::codegen::Json;
use crate::id::RunId;
use crate::service::Purpose;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

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
    // Written piece by piece, as every call of every run has one.
    let mut text = Vec::with_capacity(256);
    text.push(b'[');
    let mut id = Uuid::encode_buffer();
    let run = parts.run.0.hyphenated().encode_lower(&mut id);
    for part in [parts.namespace, parts.action, parts.purpose.word(), run, parts.path] {
        write_text(part, &mut text);
        text.push(b',');
    }
    write_canonical(&Json::from(parts.generation), &mut text);
    text.push(b',');
    write_canonical(parts.by.unwrap_or(&Json::Null), &mut text);
    text.push(b']');
    let digest = Sha256::digest(&text);
    hex(digest.get(..16).unwrap_or(&digest))
}

/// SHA-256 over the canonical form of a value.
#[must_use]
pub fn fingerprint(value: &Json) -> [u8; 32] {
    let mut text = Vec::new();
    write_canonical(value, &mut text);
    Sha256::digest(&text).into()
}

/// Lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// JSON with object keys in code point order and without blanks: equal values, equal text.
#[must_use]
pub fn canonical(value: &Json) -> String {
    let mut text = Vec::new();
    write_canonical(value, &mut text);
    String::from_utf8(text).expect("texts are UTF-8, and all else of JSON is ASCII")
}

fn write_canonical(value: &Json, text: &mut Vec<u8>) {
    match value {
        Json::Array(items) => {
            text.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write_canonical(item, text);
            }
            text.push(b']');
        }
        Json::Object(fields) => {
            // Sorted here and not by the map: another package may ask `serde_json` to keep the
            // order of insertion, which would silently change every key.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push(b'{');
            for (index, (name, field)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(b',');
                }
                write_text(name, text);
                text.push(b':');
                write_canonical(field, text);
            }
            text.push(b'}');
        }
        Json::String(content) => write_text(content, text),
        Json::Null | Json::Bool(_) | Json::Number(_) => {
            // A plain value printed into memory cannot fail.
            let _ = serde_json::to_writer(text, value);
        }
    }
}

fn write_text(content: &str, text: &mut Vec<u8>) {
    // A text printed into memory cannot fail.
    let _ = serde_json::to_writer(text, content);
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
