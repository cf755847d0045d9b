//! The corpus: every file of `compiler/corpus` says at the end of a line which codes it must raise
//! there (`//~ F0201`), and raises no others. What stands before a line `//= today` was released:
//! programs of their own, one after each line `//= released`.

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

/// The program of a text, with what was released before it; lines keep their numbers.
fn loaded(text: &str) -> load::Loaded {
    let Some((before, today)) = text.split_once("//= today\n") else {
        return load::load_text("corpus.flow", "corpus", text);
    };
    let blank = "\n".repeat(before.lines().count() + 1);
    let mut loaded = load::load_text("corpus.flow", "corpus", &(blank + today));
    let parts = before.split("//= released\n").filter(|part| !part.trim().is_empty());
    loaded.released = parts.flat_map(released).collect();
    loaded
}

/// Every workflow of a program, released.
fn released(text: &str) -> Vec<load::ReleasedText> {
    let loaded = load::load_text("corpus.flow", "corpus", text);
    let analysis = analyze(&loaded);
    let fir = analysis.lower(&loaded.sources).unwrap_or_else(|| {
        panic!("only what is right is released: {:?}\n{text}", analysis.diagnostics)
    });
    let frozen = fir.workflows.keys().filter_map(|name| fir.freeze(name));
    frozen
        .map(|frozen| load::ReleasedText {
            path: format!("released/{}", frozen.file_name()),
            workflow: frozen.workflow.clone(),
            text: Ok(frozen.text()),
        })
        .collect()
}

/// Line and code of everything that is found.
fn found(text: &str) -> BTreeSet<(usize, String)> {
    let loaded = loaded(text);
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

/// What a page says was released before its programs.
fn before(page: &str) -> String {
    let parts =
        page.split("```flow released\n").skip(1).filter_map(|rest| rest.split("```").next());
    parts.map(|part| format!("//= released\n{part}")).collect()
}

/// Pages with another shape: F0905 and F0906 are raised by what a command is asked; F0005 is raised where a program is run, so its page shows no program
/// that is refused here; F0113 is reserved; codes of the run time speak of no program.
fn programs_wanted(code: &str) -> usize {
    match code {
        "F0005" | "F0905" | "F0906" => 1,
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
        let released = before(&text);
        let found = |program: &str| match released.as_str() {
            "" => found(program),
            released => found(&format!("{released}//= today\n{program}")),
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

/// What the recoverability analysis costs: paths carried through statements.
fn work(text: &str) -> u64 {
    let loaded = load::load_text("corpus.flow", "corpus", text);
    let program = analyze(&loaded).program;
    crate::check::recovery::check(&program, &loaded.sources).work
}

/// A workflow of so many choices, each over a name of its own, with this in each.
fn choices(count: usize, inside: &str) -> String {
    let one = |at: usize| {
        format!(
            "step f{at} = R.flag(id)\nif f{at} {{ {} }}\n",
            inside.replace('#', &at.to_string())
        )
    };
    let body: String = (0..count).map(one).collect();
    format!(
        r#"
service R {{ read flag(id: text) -> bool within 1s }}
service W {{
  write take(id: text, n: int) idempotent by id, n fails Gone compensate put(id, n) within 1s
  write put(id: text, n: int) idempotent by id, n within 1s
}}
workflow T v1 (id: text) idempotent by id fails Gone deadline 9h {{
{body}
}}
"#
    )
}

#[test]
fn choices_that_leave_nothing_behind_cost_the_same_each() {
    for inside in [
        "step w# = W.take(id, #)",
        "step w# = W.take(id, #) on Gone => fail Gone",
        "progress \"#\"",
    ] {
        let (few, many) = (work(&choices(50, inside)), work(&choices(400, inside)));
        assert!(many <= few * 8 + 100, "{inside}: {few} paths for 50, {many} for 400");
        assert!(many <= 400 * 4, "{inside}: {many}");
    }
}

#[test]
fn a_choice_that_fails_is_remembered_and_the_number_of_paths_stays_bounded() {
    let inside = "fail Gone";
    let (few, many) = (work(&choices(50, inside)), work(&choices(400, inside)));
    assert!(many <= few * 8 + 100, "{few} paths for 50, {many} for 400");
}

/// Blocks in blocks, each of this form, down to a write that nothing undoes.
fn nested(depth: usize, begin: &str, end: &str) -> String {
    let begin: String = (0..depth).map(|at| begin.replace('#', &at.to_string()) + "\n").collect();
    let end = format!("{end}\n").repeat(depth);
    format!(
        r#"
service D {{ write print(id: text) within 1s }}
workflow T v1 (id: text, names: list<text>, yes: bool) idempotent by id, names, yes deadline 9h {{
{begin} step D.print(id) {end}
}}
"#
    )
}

#[test]
fn blocks_in_blocks_cost_at_most_their_square() {
    for (begin, end) in [
        ("each x# in names {", "}"),
        ("repeat up to 3 times {", "}"),
        ("parallel each x# in names max 2 {", "}"),
        ("scope s# {", "} else skip"),
        ("if yes {", "}"),
        ("parallel { progress \"#\" scope s# {", "} }"),
    ] {
        let (few, many) = (work(&nested(7, begin, end)), work(&nested(28, begin, end)));
        assert!(few > 0 && many <= few * 16 + 100, "{begin}: {few} paths at 7, {many} at 28");
    }
}

/// Functions each of which calls the one before it.
fn row(functions: usize) -> String {
    let calls = (1..functions).map(|n| format!("fn f{n}(n: int) -> int = f{}(n)\n", n - 1));
    std::iter::once("fn f0(n: int) -> int = n\n".to_owned()).chain(calls).collect()
}

#[test]
fn functions_in_a_row_have_one_bound_and_thousands_are_one_finding() {
    // The innermost reads a name, which is a level too.
    assert_eq!(found(&row(192)), BTreeSet::new());
    assert_eq!(found(&row(193)), BTreeSet::from([(193, "F0003".to_owned())]));
    assert_eq!(found(&row(10_000)), BTreeSet::from([(193, "F0003".to_owned())]));
}

#[test]
fn names_of_types_that_stand_in_each_other_twice_are_looked_behind_once() {
    // Looked through place by place, it is a million million of them.
    let names = (1..40).map(|n| format!("type A{n} = map<A{0}, A{0}>\n", n - 1));
    let names: String = std::iter::once("type A0 = pii text\n".to_owned()).chain(names).collect();
    let text = format!(
        "workflow T v1 (id: text, all: A39) idempotent by id retain 30d {{ step M.put(id, all) }}\n\
         service M {{ write put(id: text, all: A39) idempotent by id \
         compensate none because \"a test harms nobody\" within 1s }}\n{names}"
    );
    assert!(!found(&text).iter().any(|(_, code)| code == "F0803"), "it is marked where it goes");
}

/// Everything that is found, in words: code, headline, labels and help.
fn said(text: &str) -> Vec<String> {
    let loaded = load::load_text("corpus.flow", "corpus", text);
    let words = |finding: &crate::diagnostic::Diagnostic| {
        let labels: Vec<&str> = finding.labels.iter().map(|label| label.text.as_str()).collect();
        let help = finding.help.as_deref().unwrap_or_default();
        format!("{} {}: {} ({help})", finding.code, finding.headline, labels.join(" "))
    };
    analyze(&loaded).diagnostics.iter().map(words).collect()
}

#[test]
fn a_chain_of_else_if_that_is_too_long_is_one_finding_that_says_so() {
    let chain = |arms: usize| {
        let more = (1..arms).map(|n| format!(" else if n == {n} {{ {n} }}"));
        format!(
            "fn f(n: int) -> int = if n == 0 {{ 0 }}{} else {{ 7 }}\n",
            more.collect::<String>()
        )
    };
    assert_eq!(said(&chain(190)), [""; 0]);
    for arms in [191, 250, 256, 257, 1_000] {
        let found = said(&chain(arms));
        assert_eq!(found.len(), 1, "{arms}: {found:?}");
        let words = ["F0003", "`else if`", "`match`", "`decide`"];
        assert!(words.iter().all(|word| found[0].contains(word)), "{arms}: {found:?}");
    }
    // What is deep in an arm is no chain.
    let deep = format!(
        "fn f(n: int) -> bool = if n == 0 {{ {}true }} else {{ false }}\n",
        "not ".repeat(200)
    );
    assert!(said(&deep).iter().all(|it| !it.contains("`else if`")), "{:?}", said(&deep));
    assert_eq!(said(&deep).len(), 1);
}

#[test]
fn what_a_contract_puts_an_argument_into_is_as_deep_as_both_together() {
    let program = |clause: usize, argument: usize, named: &str| {
        let calls = |n: usize, of: &str| format!("{}{of}{}", "same(".repeat(n), ")".repeat(n));
        format!(
            "workflow T v1 (id: text, cents: int) idempotent by id, cents deadline 1h {{\n\
             part = {}\nstep Bank.charge(id, {})\n}}\n\
             service Bank {{ write charge(id: text, cents: int) idempotent by id, {} \
             compensate none because \"a test harms nobody\" within 1s }}\n\
             fn same(n: int) -> int = n\n",
            calls(argument, "cents"),
            if named.is_empty() { calls(argument, "cents") } else { named.to_owned() },
            calls(clause, "cents"),
        )
    };
    // What nothing reads is another matter.
    let deep = |clause, argument, named| -> Vec<String> {
        let found = said(&program(clause, argument, named)).into_iter();
        found.filter(|it| !it.starts_with("F0107")).collect()
    };
    assert_eq!(deep(95, 90, ""), [""; 0]);
    let found = deep(100, 100, "");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("F0003 ") && found[0].contains("contract"), "{found:?}");
    assert_eq!(deep(100, 100, "part"), [""; 0]);
}

#[test]
fn a_label_that_is_lost_names_every_way_out_and_the_part_that_is_marked() {
    let program = |param: &str, value: &str| {
        format!(
            "workflow T v1 (id: text, p: Person, rates: map<text, int>, names: pii list<text>) \
             idempotent by id retain 30d {{\nstep D.put(id, {value})\nprogress \"{{rates.len}}\"\n}}\n\
             record Person {{ id: text, country: pii text }}\n\
             service D {{ write put(id: text, n: {param}) idempotent by id \
             compensate none because \"a test harms nobody\" within 1s }}\n"
        )
    };
    let of = |param: &str, value: &str| {
        let found = said(&program(param, value));
        let found: Vec<String> = found.into_iter().filter(|it| it.starts_with("F0803")).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    let open = of("int", "rates[p.country]");
    assert!(open.contains("is not marked `pii`") && open.contains("`reveal(…, \"…\")`"), "{open}");
    let part = of("list<pii text>", "names");
    assert!(!part.contains("is not marked") && !part.contains("nothing marks"), "{part}");
    assert!(part.contains("marks only a part") && part.contains("`n: pii list<"), "{part}");
}
