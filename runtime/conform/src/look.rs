//! What a read shows of an effect: looked at before and after, and held against another case.

use sagaflow_core::codegen::Json;
use std::collections::BTreeSet;

/// How what a read shows changed, without what is another in every case.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// It grew by so much, in its own smallest unit.
    By(i128),
    /// From this to that, with the case's own texts taken out.
    To(Json, Json),
}

/// Whether two looks show different things; one that could not be had shows nothing.
pub(crate) fn differ(one: &Option<Json>, other: &Option<Json>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
}

/// The change from `before` to `after`, in a case with these arguments and this answer.
pub(crate) fn change(before: &Json, after: &Json, args: &Json, answer: &Json) -> Change {
    if let (Some((from, scale)), Some((to, same))) = (number(before), number(after))
        && scale == same
    {
        return Change::By(to.saturating_sub(from));
    }
    let mut own = BTreeSet::new();
    texts(args, &mut own);
    texts(answer, &mut own);
    Change::To(plain(before, &own), plain(after, &own))
}

/// A number, or the number that a text begins with: its digits and how many stand behind the point.
fn number(value: &Json) -> Option<(i128, usize)> {
    match value {
        Json::Number(number) => Some((number.as_i64()?.into(), 0)),
        Json::String(text) => {
            let digits = text.split_once(' ').map_or(text.as_str(), |(digits, _)| digits);
            let scale = digits.split_once('.').map_or(0, |(_, behind)| behind.len());
            Some((digits.replace('.', "").parse().ok()?, scale))
        }
        _ => None,
    }
}

fn texts<'v>(value: &'v Json, found: &mut BTreeSet<&'v str>) {
    match value {
        Json::String(text) => drop(found.insert(text)),
        Json::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Json::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

fn plain(value: &Json, own: &BTreeSet<&str>) -> Json {
    match value {
        Json::String(text) if own.contains(text.as_str()) => "…".into(),
        Json::Array(items) => items.iter().map(|item| plain(item, own)).collect(),
        Json::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), plain(field, own))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, change};
    use serde_json::json;

    #[test]
    fn numbers_are_compared_by_how_much_they_grew() {
        let by = |before, after| change(&before, &after, &json!({}), &json!(null));
        assert_eq!(by(json!(3), json!(4)), Change::By(1));
        assert_eq!(by(json!("1.00 EUR"), json!("2.50 EUR")), Change::By(150));
        assert_eq!(
            by(json!("1.00 EUR"), json!("2.50 EUR")),
            by(json!("7.00 EUR"), json!("8.50 EUR"))
        );
    }

    #[test]
    fn texts_of_the_case_itself_make_no_difference() {
        let shown = |id: &str| {
            change(&json!([]), &json!([{"id": id, "n": 1}]), &json!({"order": id}), &json!(null))
        };
        assert_eq!(shown("a"), shown("b"));
        let other =
            change(&json!([]), &json!([{"id": "a", "n": 2}]), &json!({"order": "a"}), &json!(null));
        assert_ne!(shown("a"), other);
    }
}
