//! The index of names over the flows of the repository: nothing in them is without a meaning.

use sagaflow_compiler::hir::Builtin;
use sagaflow_compiler::index::{Entity, Index, Kind, scan};
use sagaflow_compiler::load::{Files, Loaded, load, load_text};
use sagaflow_compiler::span::FileId;
use sagaflow_compiler::syntax::vocabulary::keywords;
use sagaflow_compiler::{Analysis, analyze};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).is_file()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let mut names: Vec<String> = entries
            .map(|entry| {
                let slash = if entry.path().is_dir() { "/" } else { "" };
                format!("{}{slash}", entry.file_name().to_string_lossy())
            })
            .collect();
        names.sort();
        Some(names)
    }
}

fn flows() -> (Loaded, Analysis, Index) {
    let flows = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows");
    let path = flows.to_str().expect("a path of text").to_owned();
    let loaded = load(&[path], &Disk).expect("readable");
    let analysis = analyze(&loaded);
    let index = Index::of(&loaded, &analysis.program, &analysis.table);
    (loaded, analysis, index)
}

/// Words of types and values that are built in.
const BUILT_IN: [&str; 30] = [
    "text",
    "bool",
    "int",
    "decimal",
    "percent",
    "money",
    "duration",
    "time",
    "date",
    "uuid",
    "size",
    "blob",
    "list",
    "map",
    "outcome",
    "pii",
    "secret",
    "Ok",
    "Failed",
    "Unknown",
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "acc",
    "step",
    "serializable",
    "repeatable_read",
    "result",
    "failure",
];

#[test]
fn every_word_of_the_flows_is_a_keyword_a_name_or_built_in() {
    let (loaded, analysis, index) = flows();
    let mut strange = BTreeSet::new();
    let mut names = 0;
    for (file, source) in loaded.sources.iter() {
        let tokens = scan(&source.text);
        let text =
            |n: Option<usize>| n.and_then(|n| tokens.get(n)).map_or("", |t| t.text(&source.text));
        for (n, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word) {
            let word = token.text(&source.text);
            let found = index.at(file, token.start).filter(|one| one.span.start <= token.start);
            if found.is_some_and(|one| one.span.end >= token.end) {
                names += 1;
                continue;
            }
            let builtin = Builtin::ALL.iter().any(|one| one.name() == word);
            // A part or method of a value, the name of a scope, a mode, a code, a version, `_`.
            let part = text(n.checked_sub(1)) == "."
                || matches!(text(n.checked_sub(1)), "scope" | "savepoint" | "module");
            let code = word.starts_with('F') && word[1..].chars().all(|c| c.is_ascii_digit());
            let version = word.starts_with('v') && word[1..].chars().all(|c| c.is_ascii_digit());
            let module = text(Some(n + 1)) == "."
                && source.text[..token.start as usize].ends_with("module ");
            if !(keywords().contains(word)
                || BUILT_IN.contains(&word)
                || builtin
                || part
                || code
                || version
                || module
                || word == "_")
            {
                let (line, _) = source.line_column(token.start);
                strange.insert(format!("{}:{line}: `{word}`", source.module));
            }
        }
    }
    assert!(analysis.is_accepted());
    assert!(names > 5_000, "{names}");
    assert!(strange.is_empty(), "{} without a meaning: {strange:#?}", strange.len());
}

#[test]
fn every_name_spells_what_it_is_the_same_as() {
    let (loaded, _, index) = flows();
    let mut uses = 0;
    for (file, _) in loaded.sources.iter() {
        for one in index.in_file(file) {
            // A module is a file, and these two are there without being declared.
            let implicit = ["slot", "result"].contains(&loaded.sources.text(one.span));
            if matches!(one.entity, Entity::Module(_)) || implicit {
                continue;
            }
            let declared: Vec<_> = index.same(&one.key).filter(|other| other.declares).collect();
            assert!(
                !declared.is_empty(),
                "`{}` is declared nowhere",
                loaded.sources.text(one.span)
            );
            for other in declared {
                assert_eq!(loaded.sources.text(one.span), loaded.sources.text(other.span));
            }
            uses += usize::from(!one.declares);
        }
    }
    assert!(uses > 3_000, "{uses}");
}

#[test]
fn words_inside_texts_are_seen_and_characters_are_not() {
    let words = |text: &str| -> Vec<String> {
        let words = scan(text).into_iter().filter(|token| token.kind == Kind::Word);
        words.map(|token| token.text(text).to_owned()).collect()
    };
    assert_eq!(words("a = \"b {c.d} e {f(\"g {h}\")} i\" j"), ["a", "c", "d", "f", "h", "j"]);
    assert_eq!(words("k matching \"[A-Z]{x}\" l // m \"n\n/// o\np"), ["k", "matching", "l", "p"]);
    assert_eq!(words("q \"\"\"select {r} from \"s\" t\"\"\" u"), ["q", "u"]);
    assert_eq!(words("v \"w\\\" {x"), ["v", "x"], "what is open at the end is code");
    assert_eq!(words("y \"z {\nnext \"{one}\""), ["y", "next", "one"], "a text ends with its line");
    assert_eq!(words("\"é\\é{ok}\""), ["ok"]);
}

#[test]
fn every_cut_of_a_program_has_an_index_of_what_can_be_read() {
    for name in ["shop/orders.flow", "finance/invoices.flow", "studio/media.flow"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows").join(name);
        let text = fs::read_to_string(path).expect("readable");
        let cuts = (0..text.len()).filter(|at| text.is_char_boundary(*at)).step_by(61);
        for cut in cuts {
            let loaded = load_text("x.flow", "x", &text[..cut]);
            let analysis = analyze(&loaded);
            let index = Index::of(&loaded, &analysis.program, &analysis.table);
            for one in index.in_file(FileId(0)) {
                assert!(!loaded.sources.text(one.span).is_empty(), "after {cut} bytes");
            }
        }
    }
}
