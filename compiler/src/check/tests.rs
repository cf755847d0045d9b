//! The corpus: every file of `compiler/corpus` says at the end of a line which codes it must raise
//! there (`//~ F0201`), and raises no others.

use crate::{analyze, load};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the corpus is there")
        .map(|e| e.expect("readable").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, into);
        } else {
            into.push(path);
        }
    }
}

/// Line and code of everything that is found.
fn found(text: &str) -> BTreeSet<(usize, String)> {
    let loaded = load::load_text("corpus.flow", "corpus", text);
    let analysis = analyze(&loaded);
    analysis
        .diagnostics
        .iter()
        .map(|finding| {
            let source = loaded.sources.get(finding.span.file).expect("a finding has a place");
            (source.line_column(finding.span.start).0, finding.code.to_owned())
        })
        .collect()
}

fn wanted(text: &str) -> BTreeSet<(usize, String)> {
    text.lines()
        .enumerate()
        .flat_map(|(at, line)| {
            line.split("//~ ").skip(1).map(move |code| (at + 1, code.trim().to_owned()))
        })
        .collect()
}

#[test]
fn every_corpus_file_raises_what_it_says_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut all = Vec::new();
    files(&root, &mut all);
    assert!(all.len() > 80, "the corpus has {} files", all.len());
    let mut wrong = Vec::new();
    for path in all {
        let text = fs::read_to_string(&path).expect("readable");
        let (wanted, found) = (wanted(&text), found(&text));
        if wanted != found {
            wrong.push(format!("{}\n  wanted {wanted:?}\n  found  {found:?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_error_page_shows_a_program_with_just_that_finding_and_one_without() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    let mut wrong = Vec::new();
    let mut pages = Vec::new();
    files(&root, &mut pages);
    for path in pages {
        let code = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let blocks: Vec<&str> =
            text.split("```flow\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        let [bad, good] = blocks.as_slice() else { continue };
        let codes: Vec<String> = found(bad).into_iter().map(|(_, code)| code).collect();
        if codes != [code.clone()] {
            wrong.push(format!("{code}: the bad example raises {codes:?}"));
        }
        let clean = found(good);
        if !clean.is_empty() {
            wrong.push(format!("{code}: the good example raises {clean:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
