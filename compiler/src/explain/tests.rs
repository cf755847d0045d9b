//! The pages are complete; that they tell the truth is tested beside the rules.

use super::*;

#[test]
fn pages_are_titled_by_their_code_and_say_what_to_do() {
    for (code, text) in PAGES {
        assert!(text.starts_with(&format!("# {code}: ")), "{code} has another title");
        let parts: &[&str] = match code.starts_with('F') {
            true => &["## Why", "## Instead"],
            false => &["## State of the world", "## What to do"],
        };
        for part in parts {
            assert!(text.contains(&format!("\n{part}\n")), "{code} is without `{part}`");
        }
        assert_eq!(severity(code).is_some(), code.starts_with('F'), "{code} is another kind");
    }
}

#[test]
fn every_page_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors");
    let names = std::fs::read_dir(folder).expect("the folder of the pages is in the repository");
    for name in names.filter_map(Result::ok) {
        let name = name.file_name().to_string_lossy().into_owned();
        let code = name.trim_end_matches(".md");
        // The index beside the pages is made from them.
        assert!(code == "README" || page(code).is_some(), "{name} is not in the list of pages");
    }
}

#[test]
fn a_page_is_listed_once_and_in_order() {
    let codes: Vec<_> = pages().collect();
    assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
}
