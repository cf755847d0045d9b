//! The queries of editors: each compiles, keywords have the colour of keywords and names that of
//! names.

mod texts;

use sagaflow_compiler::syntax::vocabulary;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;
use texts::{language, programs, root, tree};
use tree_sitter::{Query, QueryCursor, StreamingIterator as _};
use tree_sitter_flow::{FOLDS_QUERY, HIGHLIGHTS_QUERY, INJECTIONS_QUERY, LOCALS_QUERY};

fn query(text: &str) -> Query {
    Query::new(&language(), text).expect("the query fits the grammar")
}

/// What is captured, each place with the last capture of it, as editors take it.
fn captures(query: &Query, text: &str) -> HashMap<Range<usize>, String> {
    let tree = tree(text);
    let mut cursor = QueryCursor::new();
    let mut found: HashMap<Range<usize>, (usize, String)> = HashMap::new();
    let mut captures = cursor.captures(query, tree.root_node(), text.as_bytes());
    while let Some((matched, index)) = captures.next() {
        let capture = matched.captures()[*index];
        let name = query.capture_names()[capture.index as usize].to_owned();
        let place = found.entry(capture.node.byte_range()).or_default();
        if matched.pattern_index >= place.0 {
            *place = (matched.pattern_index, name);
        }
    }
    found.into_iter().map(|(place, (_, name))| (place, name)).collect()
}

/// The captures of a text in order, each with what it covers.
fn captured(query: &Query, text: &str) -> Vec<(String, String)> {
    let found = captures(query, text);
    let sorted: BTreeMap<_, _> =
        found.iter().map(|(at, name)| ((at.start, at.end), name)).collect();
    sorted
        .into_iter()
        .map(|((start, end), name)| (text[start..end].to_owned(), name.clone()))
        .collect()
}

fn colours(text: &str) -> HashMap<String, String> {
    captured(&query(HIGHLIGHTS_QUERY), text).into_iter().collect()
}

#[test]
fn every_query_compiles() {
    for text in [HIGHLIGHTS_QUERY, INJECTIONS_QUERY, LOCALS_QUERY, FOLDS_QUERY] {
        assert!(query(text).pattern_count() > 0);
    }
}

/// Every text that a rule of the generated grammar spells out.
fn spelt(rule: &Value, found: &mut BTreeSet<String>) {
    match rule {
        Value::Object(map) => {
            if let (Some("STRING"), Some(word)) = (rule["type"].as_str(), rule["value"].as_str()) {
                found.insert(word.to_owned());
            }
            map.values().for_each(|inner| spelt(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| spelt(inner, found)),
        _ => {}
    }
}

fn generated_grammar() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/grammar.json");
    let text = fs::read_to_string(path).expect("readable");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn what_is_generated_is_of_this_grammar() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar.js");
    let source = fs::read_to_string(path).expect("readable");
    let (_, rules) = source.split_once("rules: {").expect("the rules");
    let rule = |line: &str| {
        let (name, body) = line.strip_prefix("    ")?.split_once(": ")?;
        (body.starts_with("$ =>") || body.starts_with("_ =>")).then(|| name.to_owned())
    };
    let written: BTreeSet<String> = rules.lines().filter_map(rule).collect();
    let grammar = generated_grammar();
    let generated = grammar["rules"].as_object().expect("a table").keys().cloned().collect();
    assert!(written.len() > 100, "{written:?}");
    assert_eq!(written, generated, "generate the parser again");

    // Those under another name are nodes of that name.
    let other = ["limit_by", "wait_within", "plain_chars", "plain_escape"];
    let language = language();
    for rule in written.iter().filter(|rule| !rule.starts_with('_')) {
        let known = language.id_for_node_kind(rule, true) != 0;
        assert_eq!(known, !other.contains(&rule.as_str()), "`{rule}`: generate the parser again");
    }
}

#[test]
fn the_grammar_has_the_keywords_of_the_compiler_and_no_others() {
    let grammar = generated_grammar();
    let mut words = BTreeSet::new();
    spelt(&grammar["rules"], &mut words);
    words.retain(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    let types = ["list", "map", "outcome", "batch", "money"];
    let known = vocabulary::keywords();
    let missing: Vec<_> = known.iter().filter(|word| !words.contains(**word)).collect();
    assert!(known.len() > 100 && missing.is_empty(), "the grammar does not know {missing:?}");
    let strange =
        |word: &&String| !known.contains(word.as_str()) && !types.contains(&word.as_str());
    let strange: Vec<_> = words.iter().filter(strange).collect();
    assert!(strange.is_empty(), "no keywords: {strange:?}");

    let mut reserved = BTreeSet::new();
    spelt(&grammar["reserved"], &mut reserved);
    let wanted = vocabulary::RESERVED.iter().map(|word| (*word).to_owned()).collect();
    assert_eq!(reserved, wanted);
}

#[test]
fn the_compiled_parser_knows_the_keywords_too() {
    let language = language();
    for word in vocabulary::keywords() {
        let kinds = [false, true].map(|named| language.id_for_node_kind(word, named));
        let value = ["true", "false"].contains(word);
        assert!(
            value || kinds.iter().any(|kind| *kind != 0),
            "`{word}`: generate the parser again"
        );
    }
}

#[test]
fn every_keyword_is_coloured_as_one_wherever_it_stands() {
    let colours = query(HIGHLIGHTS_QUERY);
    let keywords = vocabulary::keywords();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for text in programs() {
        let found = captures(&colours, &text.text);
        let tree = tree(&text.text);
        if tree.root_node().has_error() {
            continue;
        }
        let mut open = vec![tree.root_node()];
        while let Some(node) = open.pop() {
            let word = text.text.get(node.byte_range()).unwrap_or_default();
            if !node.is_named() && node.kind() == word && keywords.contains(word) {
                let name = found.get(&node.byte_range()).map_or("nothing", String::as_str);
                let fits = ["keyword", "type.builtin", "boolean", "constant"];
                let place = format!("{}, line {}", text.place, node.start_position().row + 1);
                assert!(fits.iter().any(|f| name.starts_with(f)), "{place}: `{word}` is {name}");
                seen.insert(word.to_owned());
            }
            let mut cursor = node.walk();
            open.extend(node.children(&mut cursor));
        }
    }
    assert!(seen.len() > 100, "{seen:?}");
    // Those that no program uses are at least named.
    for word in keywords.iter().filter(|word| !seen.contains(**word)) {
        let named = [format!("\"{word}\""), format!("({word})")];
        let value = ["true", "false"].contains(word);
        assert!(value || named.iter().any(|n| HIGHLIGHTS_QUERY.contains(n)), "`{word}`");
    }
}

#[test]
fn a_word_that_is_a_name_at_its_place_is_not_coloured_as_keyword() {
    let text =
        "workflow W(a: int) {\n  step A.first(on: a)\n  deadline = a.key\n  retain = deadline\n}\n";
    let colours = colours(text);
    for (word, colour) in [
        ("step", "keyword.coroutine"),
        ("first", "function.method.call"),
        ("on", "variable.parameter"),
        ("deadline", "variable"),
        ("key", "variable.member"),
        ("retain", "variable"),
    ] {
        assert_eq!(colours.get(word).map(String::as_str), Some(colour), "`{word}`");
    }
}

#[test]
fn values_in_a_text_are_coloured_as_code() {
    let colours = colours("human H(o: Order) -> bool { title \"Order {o.id} is \\\"new\\\"\" }\n");
    assert_eq!(colours.get("o.id"), None);
    assert_eq!(colours.get("id").map(String::as_str), Some("variable.member"));
    assert_eq!(colours.get("\\\"").map(String::as_str), Some("string.escape"));
}

#[test]
fn the_body_of_a_statement_is_sql() {
    let text = "database D { read n(a: int) -> int sql \"\"\"select :a\"\"\" within 1s }\n";
    let found = captured(&query(INJECTIONS_QUERY), text);
    assert_eq!(found, [("select :a".to_owned(), "injection.content".to_owned())]);
}

#[test]
fn what_spans_lines_can_be_folded() {
    let text = fs::read_to_string(root().join("flows/shop/orders.flow")).expect("readable");
    let folds: Vec<String> =
        captured(&query(FOLDS_QUERY), &text).into_iter().map(|(piece, _)| piece).collect();
    for start in ["record Order {", "service Payments {", "test \"a declined", "{\n    step Inv"] {
        assert!(folds.iter().any(|fold| fold.starts_with(start)), "`{start}`");
    }
}

#[test]
fn the_manifest_names_files_that_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(folder.join("tree-sitter.json")).expect("readable");
    let manifest: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(manifest["metadata"]["version"], env!("CARGO_PKG_VERSION"));
    for name in ["highlights", "injections", "locals"] {
        let path = manifest["grammars"][0][name].as_str().expect("a path");
        assert!(folder.join(path).is_file(), "`{path}`");
    }
}
