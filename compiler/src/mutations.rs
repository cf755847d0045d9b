//! Whatever is done to a program, the compiler answers: each text read, checked, drawn, laid out and
//! lowered after its words were moved, lost, doubled or taken from another program.
//!
//! `FLOW_FUZZ_SECONDS` says for how long, `FLOW_SEED` where to begin, `FLOW_FUZZ_TEXTS` a folder of
//! more programs to begin with.

use crate::diagnostic::Severity;
use crate::load::load_text;
use crate::render::pretty;
use crate::syntax::concrete;
use crate::{Analysis, analyze, fix, format};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Texts changed where no time is given.
const TURNS: usize = 150;

/// Longer than this is worth a line of the report. Nothing fails by it: other work shares the cores.
const SLOW: Duration = Duration::from_secs(1);

struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

fn gather(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            gather(&path, into);
        } else if path.extension().is_some_and(|e| e == "flow") {
            into.push(path);
        }
    }
}

fn texts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    gather(&root.join("corpus"), &mut paths);
    gather(&root.join("../flows"), &mut paths);
    gather(&root.join("../stdlib/std"), &mut paths);
    if let Some(more) = std::env::var_os("FLOW_FUZZ_TEXTS") {
        gather(Path::new(&more), &mut paths);
    }
    paths.iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// The places of words, numbers, texts and signs.
fn words(text: &str) -> Vec<(usize, usize)> {
    let (mut out, mut at) = (Vec::new(), 0);
    let bytes = text.as_bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii();
    while at < bytes.len() {
        let start = at;
        at += 1;
        if bytes[start].is_ascii_whitespace() {
            continue;
        }
        while at < bytes.len() && word(bytes[start]) && word(bytes[at]) {
            at += 1;
        }
        out.push((start, at));
    }
    out
}

/// The text with one to three changes of a word, a line or a run of lines.
fn changed(text: &str, other: &str, draw: &mut Draw) -> String {
    let mut text = text.to_owned();
    for _ in 0..=draw.below(3) {
        text = match draw.below(8) {
            0..=4 => with_another_word(&text, other, draw),
            _ => with_other_lines(&text, other, draw),
        };
    }
    text
}

fn with_another_word(text: &str, other: &str, draw: &mut Draw) -> String {
    let (here, there) = (words(text), words(other));
    if here.is_empty() || there.is_empty() {
        return text.to_owned();
    }
    let (start, end) = here[draw.below(here.len())];
    let one = here[draw.below(here.len())];
    let far = there[draw.below(there.len())];
    let new = match draw.below(5) {
        0 => String::new(),
        1 => text[start..end].to_owned() + " " + &text[start..end],
        2 => other[far.0..far.1].to_owned(),
        3 => text[start..end].to_owned() + " " + &other[far.0..far.1],
        _ => text[one.0..one.1].to_owned(),
    };
    format!("{}{new}{}", &text[..start], &text[end..])
}

fn with_other_lines(text: &str, other: &str, draw: &mut Draw) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let there: Vec<&str> = other.lines().collect();
    if lines.is_empty() || there.is_empty() {
        return text.to_owned();
    }
    let (at, to) = (draw.below(lines.len()), draw.below(lines.len()));
    let many = draw.below(4) + 1;
    match draw.below(4) {
        0 => drop(lines.drain(at..(at + many).min(lines.len()))),
        1 => lines.insert(to, lines[at]),
        2 => lines.swap(at, to),
        _ => {
            let from = draw.below(there.len());
            let end = (from + many).min(there.len());
            lines.splice(at..at, there[from..end].iter().copied());
        }
    }
    lines.join("\n") + "\n"
}

/// What a program means, without the lines it stands at.
fn meaning(analysis: &Analysis, loaded: &crate::load::Loaded) -> Option<String> {
    let fir = analysis.lower(&loaded.sources)?;
    let mut value = serde_json::to_value(&fir).ok()?;
    crate::format::tests::without_lines(&mut value);
    Some(value.to_string())
}

/// What is wrong with how a text was answered, and whether it was accepted.
fn answered(text: &str) -> Result<bool, String> {
    let loaded = load_text("a.flow", "a", text);
    let analysis = analyze(&loaded);
    for finding in &analysis.diagnostics {
        let wide = pretty(finding, &loaded.sources, false, None);
        let narrow = pretty(finding, &loaded.sources, false, Some(50));
        if wide.trim().is_empty() || narrow.trim().is_empty() {
            return Err(format!("nothing is drawn for {}", finding.code));
        }
    }
    if let Some((file, _)) = loaded.sources.iter().next() {
        let fixes = fix::choose(&analysis.diagnostics, file);
        let mended = analyze(&load_text("a.flow", "a", &fix::apply(text, &fixes)));
        if !fixes.is_empty() && mended.diagnostics == analysis.diagnostics {
            return Err("what is offered changes nothing".into());
        }
    }
    let old = meaning(&analysis, &loaded);
    let wrong = analysis.diagnostics.iter().any(|d| d.severity == Severity::Error);
    if old.is_none() != wrong {
        return Err("accepted and not lowered, or the other way round".into());
    }
    let whole = concrete::read(text, |_, _| ()).is_some();
    if !whole && !wrong {
        return Err("it does not read, and nothing is said".into());
    }
    let Some((laid, lost)) = format::print(text) else {
        return if whole { Err("it reads and has no layout".into()) } else { Ok(false) };
    };
    if lost {
        return Err(format!("the layout loses something:\n{laid}"));
    }
    if format::format(&laid).as_deref() != Some(&laid) {
        return Err(format!("laid out differently the second time:\n{laid}"));
    }
    let again = load_text("a.flow", "a", &laid);
    let after = analyze(&again);
    let codes = |a: &Analysis| {
        let mut codes: Vec<_> = a.diagnostics.iter().map(|d| d.code).collect();
        codes.sort_unstable();
        codes
    };
    if meaning(&after, &again) != old {
        return Err(format!("the layout means something else:\n{laid}"));
    }
    if codes(&after) != codes(&analysis) {
        let (was, is) = (codes(&analysis), codes(&after));
        return Err(format!("the layout raises {is:?} in the place of {was:?}:\n{laid}"));
    }
    Ok(!wrong)
}

#[test]
fn whatever_is_done_to_a_program_it_is_answered() {
    let set = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let seed = set("FLOW_SEED").unwrap_or(0x5AFE_F10E);
    println!("FLOW_SEED={seed}");
    let mut draw = Draw(seed);
    let texts = texts();
    assert!(texts.len() > 500, "{} texts", texts.len());
    let end = set("FLOW_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut turns, mut accepted, mut slow, mut wrong) = (0, 0, 0, Vec::new());
    while end.map_or(turns < TURNS, |end| Instant::now() < end) {
        let text = &texts[draw.below(texts.len())];
        let text = changed(text, &texts[draw.below(texts.len())], &mut draw);
        let begin = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| answered(&text)));
        turns += 1;
        if begin.elapsed() > SLOW {
            slow += 1;
            println!("slow: {:?} for\n{text}\n========", begin.elapsed());
        }
        let why = match answer {
            Ok(Ok(right)) => {
                accepted += usize::from(right);
                continue;
            }
            Ok(Err(why)) => why,
            Err(_) => "it panics".to_owned(),
        };
        println!("{why}\n--------\n{text}\n========");
        wrong.push(why.lines().next().unwrap_or("").to_owned());
    }
    println!("{turns} texts, {accepted} accepted, {slow} slow, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}
