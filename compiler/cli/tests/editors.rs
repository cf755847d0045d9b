//! The extension folder of VS Code: its files agree with each other and with the grammar.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn extension() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../editors/vscode")
}

fn json(name: &str) -> Value {
    let text = fs::read_to_string(extension().join(name)).expect("readable");
    serde_json::from_str(&text).expect("it is JSON")
}

/// Every word that the grammar of the compiler reads as a keyword.
fn grammar() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/syntax/flow.pest");
    let text = fs::read_to_string(path).expect("readable");
    let mut words = BTreeSet::new();
    for rest in text.split("k_").skip(1) {
        let Some((name, body)) = rest.split_once(" = @{ \"") else { continue };
        let is_name = name.chars().all(|c| c.is_ascii_lowercase());
        let word = body.split('"').next().unwrap_or_default();
        if is_name && body.get(word.len()..).is_some_and(|tail| tail.starts_with("\" ~ WB")) {
            words.insert(word.to_owned());
        }
    }
    words
}

/// The words of alternatives such as `\b(a|b)\b` in a part of the highlighting.
fn alternatives(part: &Value) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let matches = part["patterns"].as_array().expect("a list").iter();
    for pattern in matches.filter_map(|one| one["match"].as_str()) {
        let Some(inner) = pattern.strip_prefix("\\b(").and_then(|p| p.strip_suffix(")\\b")) else {
            continue;
        };
        words.extend(inner.split('|').map(str::to_owned));
    }
    words
}

#[test]
fn every_keyword_of_the_grammar_is_highlighted_and_no_other_word_is() {
    let highlighting = json("syntaxes/flow.tmLanguage.json");
    let shown = alternatives(&highlighting["repository"]["keyword"]);
    let words = grammar();
    assert!(words.len() > 100, "the grammar is read: {words:?}");
    for word in ["workflow", "compensate", "pivot", "settle", "transient"] {
        assert!(words.contains(word), "`{word}` is a keyword");
    }
    let missing: Vec<_> = words.difference(&shown).collect();
    assert!(missing.is_empty(), "the highlighting does not know {missing:?}");
    let strange: Vec<_> = shown.difference(&words).collect();
    assert!(strange.iter().all(|word| *word == "none"), "no keywords: {strange:?}");
}

#[test]
fn every_include_of_the_highlighting_leads_somewhere() {
    fn includes(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(name)) = map.get("include") {
                    found.insert(name.clone());
                }
                map.values().for_each(|inner| includes(inner, found));
            }
            Value::Array(list) => list.iter().for_each(|inner| includes(inner, found)),
            _ => {}
        }
    }
    let highlighting = json("syntaxes/flow.tmLanguage.json");
    let mut found = BTreeSet::new();
    includes(&highlighting, &mut found);
    assert!(found.len() > 5, "{found:?}");
    for name in found.iter().filter_map(|name| name.strip_prefix('#')) {
        assert!(highlighting["repository"][name].is_object(), "`#{name}` leads nowhere");
    }
}

#[test]
fn the_manifest_names_files_that_are_there_and_one_dependency() {
    let manifest = json("package.json");
    let contributes = &manifest["contributes"];
    let mut files: Vec<&str> = vec![manifest["main"].as_str().expect("a path")];
    files.extend(contributes["languages"][0]["configuration"].as_str());
    files.extend(contributes["grammars"][0]["path"].as_str());
    assert_eq!(files.len(), 3);
    for file in files {
        assert!(extension().join(file).is_file(), "`{file}` is not there");
    }
    let grammar = &contributes["grammars"][0];
    let highlighting = json("syntaxes/flow.tmLanguage.json");
    assert_eq!(grammar["scopeName"], highlighting["scopeName"]);
    assert_eq!(grammar["language"], contributes["languages"][0]["id"]);
    let needs: Vec<_> = manifest["dependencies"].as_object().expect("a table").keys().collect();
    assert_eq!(needs, ["vscode-languageclient"]);
    let settings = contributes["configuration"]["properties"].as_object().expect("a table");
    let script = fs::read_to_string(extension().join("extension.js")).expect("readable");
    for name in settings.keys().filter_map(|name| name.strip_prefix("sagaflow.")) {
        assert!(script.contains(&format!("\"{name}\"")), "nobody reads `sagaflow.{name}`");
    }
    for command in contributes["commands"].as_array().expect("a list") {
        let name = command["command"].as_str().expect("a name");
        assert!(script.contains(&format!("\"{name}\"")), "nobody registers `{name}`");
    }
    assert!(!extension().join("node_modules").join("vscode").exists(), "nothing is built in");
    json("language-configuration.json");
}
