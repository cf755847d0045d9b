//! What parts and methods are called elsewhere: other languages have other words for the same.

/// Pairs of another language's word and ours.
const WORDS: &[(&str, &str)] = &[
    ("collect", "map"),
    ("concat", "flat"),
    ("delete", "remove"),
    ("detect", "find"),
    ("distinct", "unique"),
    ("distinct_by", "unique_by"),
    ("except", "remove"),
    ("exists", "any"),
    ("filter", "where"),
    ("flatten", "flat"),
    ("get_or", "get"),
    ("has", "contains"),
    ("head", "first"),
    ("includes", "contains"),
    ("insert", "put"),
    ("key_by", "index_by"),
    ("length", "len"),
    ("lowercase", "lower"),
    ("max_by", "max"),
    ("min_by", "min"),
    ("order_by", "sort_by"),
    ("pad_left", "pad_start"),
    ("pad_right", "pad_end"),
    ("reduce", "fold"),
    ("select", "map"),
    ("set", "put"),
    ("size", "len"),
    ("skip", "drop"),
    ("strip", "trim"),
    ("substring", "slice"),
    ("to_lower", "lower"),
    ("to_upper", "upper"),
    ("truncate", "floor"),
    ("uppercase", "upper"),
    ("with", "put"),
    ("without", "remove"),
];

/// What a word of another language is called here, among what is known.
pub(super) fn ours<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = crate::name::snake(word);
    let (_, ours) = WORDS.iter().find(|(theirs, _)| *theirs == word)?;
    known.iter().copied().find(|known| known == ours)
}
