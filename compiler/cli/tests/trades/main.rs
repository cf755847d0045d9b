//! The processes of other trades (`flows/trades`): each is accepted as it stands, is laid out
//! canonically and passes its own tests; and each is refused with the right code in the right line
//! once a mistake is planted in it.

mod planted;

use planted::{PLANTED, Planted};
use sagaflow_compiler::{analyze, load::load_text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows/trades")
}

fn text(trade: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{trade}.flow"))).expect("it is read")
}

/// The processes, by name, in order.
fn trades() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("readable").file_name());
    let names = names.filter_map(|name| Some(name.to_str()?.strip_suffix(".flow")?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Runs `flowc` with these words behind the place of a process: whether it is content, and what it
/// said.
fn flowc(words: &[&str], place: &Path) -> (bool, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .args(words)
        .arg(place)
        .env("NO_COLOR", "1")
        .output()
        .expect("flowc starts");
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn all_of_them_are_accepted_without_a_warning() {
    let (content, said) = flowc(&["check", "--deny", "warnings"], &folder());
    assert!(content && said.contains("20 files: nothing to report"), "{said}");
}

#[test]
fn all_of_them_are_laid_out_canonically() {
    let (content, said) = flowc(&["fmt", "--check"], &folder());
    assert!(content, "{said}");
}

/// One test a process, so that they run side by side.
macro_rules! passes_its_tests {
    ($($trade:ident)*) => {
        mod passes_its_own_tests {
            $(
                #[test]
                fn $trade() {
                    super::own_tests(stringify!($trade));
                }
            )*
        }

        #[test]
        fn none_of_them_is_forgotten() {
            assert_eq!(trades(), [$(stringify!($trade)),*]);
        }
    };
}

passes_its_tests! {
    backfill billing charging claims clinic customs dispute erasure firmware hotel loans onboarding
    payouts payroll picking recall subscription tenant tickets travel
}

/// Every test of a file passes, and one of them makes everything fail.
fn own_tests(trade: &str) {
    let (content, said) = flowc(&["test"], &folder().join(format!("{trade}.flow")));
    assert!(content && said.contains(" 0 failed"), "{said}");
    assert!(said.contains("leaves a mess"), "{trade} makes everything fail: {said}");
}

/// What is found in a text: line and code.
fn found(trade: &str, text: &str) -> Vec<(usize, String)> {
    let (path, module) = (format!("flows/trades/{trade}.flow"), format!("trades.{trade}"));
    let loaded = load_text(&path, &module, text);
    let mut found: Vec<(usize, String)> = analyze(&loaded)
        .diagnostics
        .iter()
        .map(|finding| {
            let source = loaded.sources.get(finding.span.file).expect("a finding has a place");
            (source.line_column(finding.span.start).0, finding.code.to_owned())
        })
        .collect();
    found.sort();
    found
}

/// The process with its mistake, and the line where it must be found.
fn edited(planted: &Planted) -> (String, usize) {
    let Planted { trade, find, put, at, .. } = planted;
    let whole = text(trade);
    assert_eq!(whole.matches(find).count(), 1, "{trade}: {find}");
    let edited = whole.replace(find, put);
    let place = edited.find(at).unwrap_or_else(|| panic!("{trade}: {at}"));
    let line = edited[..place].matches('\n').count() + 1;
    (edited, line)
}

#[test]
fn every_planted_mistake_is_found_where_it_is_and_nothing_else() {
    let mut wrong = Vec::new();
    for planted in PLANTED {
        let (edited, line) = edited(planted);
        let found = found(planted.trade, &edited);
        if found != [(line, planted.code.to_owned())] {
            let Planted { trade, find, code, .. } = planted;
            wrong.push(format!("{trade}, {find:?}: {code} in line {line}, but found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn at_least_two_mistakes_are_planted_in_each_and_twenty_rules_meet_them() {
    let mut planted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for mistake in PLANTED {
        *planted.entry(mistake.trade).or_default() += 1;
        *codes.entry(mistake.code).or_default() += 1;
    }
    for trade in trades() {
        let count = planted.get(trade.as_str()).copied().unwrap_or_default();
        assert!(count >= 2, "{trade}: {count}");
    }
    assert!(codes.len() >= 20, "{codes:?}");
}
