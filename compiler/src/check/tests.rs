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

/// The fenced blocks of a page that hold programs.
fn programs(page: &str) -> Vec<&str> {
    page.split("```flow\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The codes of everything that is found, each once.
fn codes(text: &str) -> BTreeSet<String> {
    found(text).into_iter().map(|(_, code)| code).collect()
}

/// Pages with another shape: F0005 is raised where a program is run, so its page shows no program
/// that is refused here; F0113 is reserved; codes of the run time speak of no program.
fn programs_wanted(code: &str) -> usize {
    match code {
        "F0005" => 1,
        "F0113" => 0,
        _ if code.starts_with('F') => 2,
        _ => 0,
    }
}

#[test]
fn every_error_page_shows_a_program_with_just_that_finding_and_one_without() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors");
    let mut wrong = Vec::new();
    let mut pages = Vec::new();
    files(&root, &mut pages);
    assert!(pages.len() > 90, "there are {} pages", pages.len());
    for path in pages {
        let code = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let text = fs::read_to_string(&path).expect("readable");
        let programs = programs(&text);
        if programs.len() != programs_wanted(&code) {
            wrong.push(format!("{code}: the page has {} programs", programs.len()));
        }
        let (bad, good) = match programs.as_slice() {
            [bad, good] => (Some(bad), Some(good)),
            [good] => (None, Some(good)),
            _ => (None, None),
        };
        let raised = bad.map(|bad| found(bad));
        if let Some(raised) = raised
            && !raised.iter().map(|(_, raised)| raised).eq([&code])
        {
            wrong.push(format!("{code}: the bad example raises {raised:?}"));
        }
        let clean = good.map(|good| found(good)).unwrap_or_default();
        if !clean.is_empty() {
            wrong.push(format!("{code}: the good example raises {clean:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_language_page_says_what_the_compiler_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language.md");
    let text = fs::read_to_string(page).expect("readable");
    let programs = programs(&text);
    let refused = |program: &&&str| program.starts_with(REFUSED);
    let count = programs.iter().filter(refused).count();
    assert!(programs.len() >= 12 && count >= 3, "{} programs, {count} refused", programs.len());
    let mut wrong = Vec::new();
    for (at, program) in programs.into_iter().enumerate() {
        let first = program.lines().next().unwrap_or_default();
        let wanted: BTreeSet<String> = first
            .strip_prefix(REFUSED)
            .into_iter()
            .flat_map(|list| list.split(','))
            .map(|code| code.trim().to_owned())
            .collect();
        let found = codes(program);
        if wanted != found {
            wrong.push(format!("program {}: wanted {wanted:?}, found {found:?}", at + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How a program begins that the page shows as refused.
const REFUSED: &str = "// refused:";
