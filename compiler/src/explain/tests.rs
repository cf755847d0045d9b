//! The pages are complete; that they tell the truth is tested beside the rules.

use super::*;

#[test]
fn pages_are_titled_by_their_code_and_say_what_to_do() {
    for (code, text) in PAGES {
        assert!(severity(code).is_some(), "{code} is no rule");
        assert!(text.starts_with(&format!("# {code}: ")), "{code} has another title");
        assert!(text.contains("## Instead"), "{code} does not say what to do");
    }
}

#[test]
fn every_page_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors");
    let names = std::fs::read_dir(folder).expect("the folder of the pages is in the repository");
    for name in names.filter_map(Result::ok) {
        let name = name.file_name().to_string_lossy().into_owned();
        let code = name.trim_end_matches(".md");
        // Codes of the run time begin with another letter and are none of the language.
        assert!(
            !code.starts_with('F') || page(code).is_some(),
            "{name} is not in the list of pages"
        );
    }
}
