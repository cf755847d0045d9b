//! What the layout keeps, on every `.flow` text there is and on texts spaced at random.

use super::{format, print};
use crate::load::{Files, load};
use crate::span::FileId;
use crate::syntax::concrete::{self, Node, Rule};
use crate::{analyze, syntax};
use insta::assert_snapshot;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn gather(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("readable").map(|e| e.expect("readable").path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("").to_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            gather(&path, into);
        } else if name.ends_with(".flow") {
            into.push(path);
        }
    }
}

/// Every text of the repository that reads as a whole.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    gather(&root, &mut paths);
    let texts: Vec<_> = paths
        .into_iter()
        .map(|path| (path.clone(), fs::read_to_string(path).expect("readable")))
        .filter(|(_, text)| concrete::read(text, |_, _| ()).is_some())
        .collect();
    assert!(texts.len() > 500, "{} texts", texts.len());
    texts
}

/// The layout of a text from which nothing was lost.
fn laid_out(text: &str) -> String {
    let (printed, lost) = print(text).expect("it reads");
    assert!(!lost, "something is lost from\n{text}\nin\n{printed}");
    printed
}

fn comments(text: &str) -> Vec<String> {
    let all = |_: &Node, remarks: &[concrete::Remark]| {
        remarks.iter().map(|r| text[r.start..r.end].to_owned()).collect()
    };
    concrete::read(text, all).expect("it reads")
}

/// The disk, with another text in the place of one file.
struct Instead<'t> {
    path: &'t str,
    text: &'t str,
}

impl Files for Instead<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        match path == self.path {
            true => Ok(self.text.to_owned()),
            false => fs::read_to_string(path).map_err(|e| e.to_string()),
        }
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).is_file()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .ok()?
            .filter_map(|e| e.ok()?.file_name().into_string().ok())
            .filter(|name| name.contains('.'))
            .collect();
        names.sort();
        Some(names)
    }
}

/// What a text means: its intermediate form without line numbers, and the codes it raises.
fn meaning(path: &str, text: &str) -> (Option<serde_json::Value>, Vec<&'static str>) {
    let path = path.replace('\\', "/");
    let files = Instead { path: &path, text };
    let loaded = load(std::slice::from_ref(&path), &files).expect("it is read");
    let analysis = analyze(&loaded);
    let fir = analysis.lower(&loaded.sources).map(|fir| {
        let mut value = serde_json::to_value(&fir).expect("it is data");
        without_lines(&mut value);
        value
    });
    let mut codes: Vec<_> = analysis.diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    (fir, codes)
}

pub(crate) fn without_lines(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|name, _| name != "line" && name != "unsupported");
            for (_, value) in fields.iter_mut().filter(|(name, _)| name.starts_with("expect")) {
                match value {
                    serde_json::Value::Number(_) => *value = serde_json::Value::Null,
                    serde_json::Value::Array(all) => all.retain(|v| !v.is_number()),
                    _ => {}
                }
            }
            fields.values_mut().for_each(without_lines);
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(without_lines),
        _ => {}
    }
}

/// The tree without places.
fn tree(text: &str) -> String {
    let (file, _) = syntax::parse(FileId(0), text);
    let printed = format!("{file:?}");
    let mut pieces = printed.split("Span {");
    let first = pieces.next().unwrap_or("").to_owned();
    first + &pieces.map(|p| p.split_once('}').map_or(p, |(_, rest)| rest)).collect::<String>()
}

fn leaves(text: &str) -> Vec<String> {
    let all = |root: &Node, _: &[concrete::Remark]| {
        let mut leaves = Vec::new();
        root.leaves(Rule::file, &mut leaves);
        leaves.retain(|(leaf, _)| leaf.rule != Rule::comma);
        leaves.iter().map(|(leaf, _)| text[leaf.start..leaf.end].trim_end().to_owned()).collect()
    };
    concrete::read(text, all).expect("it reads")
}

#[test]
fn every_text_keeps_its_meaning_and_its_comments_and_is_laid_out_once() {
    let (mut accepted, mut moved) = (0, 0);
    for (path, text) in texts() {
        let path = path.to_str().expect("a path");
        let new = laid_out(&text);
        assert_eq!(laid_out(&new), new, "{path} is laid out differently the second time");
        assert_eq!(comments(&text), comments(&new), "{path}");
        if text == new {
            continue;
        }
        // The same tree means the same; where clauses move, the meaning itself is compared.
        let same_tree = leaves(&text) == leaves(&new);
        if same_tree {
            assert_eq!(tree(&text), tree(&new), "{path}");
        }
        if !same_tree || path.contains("/../flows/") {
            let (old_meaning, new_meaning) = (meaning(path, &text), meaning(path, &new));
            assert_eq!(old_meaning, new_meaning, "{path}");
            accepted += usize::from(old_meaning.0.is_some());
            moved += usize::from(!same_tree);
        }
    }
    assert!(accepted > 5 && moved > 5, "{accepted} are accepted, in {moved} clauses move");
}

/// A generator of numbers whose seed is printed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

fn seed() -> u64 {
    let seed = std::env::var("FLOW_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock");
        now.as_nanos() as u64
    });
    println!("FLOW_SEED={seed}");
    seed
}

/// Leaves and comments of a text in order: where they stand and what they are.
fn pieces(text: &str) -> Vec<(usize, usize, Piece)> {
    let all = |root: &Node, remarks: &[concrete::Remark]| {
        let mut leaves = Vec::new();
        root.leaves(Rule::file, &mut leaves);
        let words = leaves.iter().map(|(leaf, _)| {
            let kind = if leaf.rule == Rule::doc { Piece::Doc } else { Piece::Word };
            (leaf.start, leaf.end, kind)
        });
        let remarks = remarks
            .iter()
            .map(|r| (r.start, r.end, if r.own_line { Piece::OwnLine } else { Piece::Behind }));
        let mut all: Vec<_> = words.chain(remarks).collect();
        all.sort_by_key(|piece| piece.0);
        all
    };
    concrete::read(text, all).expect("it reads")
}

#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Word,
    Doc,
    /// A comment with a line of its own.
    OwnLine,
    /// A comment behind something.
    Behind,
}

/// The text with other blanks that say the same: blank lines stay, and comments where they are.
fn respaced(text: &str, draw: &mut Draw) -> String {
    let mut out = String::new();
    let mut last = None;
    for (start, end, kind) in pieces(text) {
        let (before, after_line) = match last {
            None => (text[..start].to_owned(), false),
            Some((at, kind)) => (text[at..start].to_owned(), kind != Piece::Word),
        };
        let newlines = before.matches('\n').count();
        let touches = |c: Option<char>| c.is_some_and(|c| "{}(),".contains(c));
        let may_touch = before.is_empty()
            || (touches(text[..start].trim_end().chars().next_back())
                || touches(text[start..].chars().next()))
                && kind == Piece::Word
                && !after_line;
        let blanks = " ".repeat(draw.below(7)) + if draw.below(9) == 0 { "\t" } else { "" };
        let gap = if newlines > 1 {
            format!("{}{blanks}\n{}", "\n".repeat(1 + draw.below(2)), " ".repeat(draw.below(5)))
        } else if after_line || kind == Piece::OwnLine {
            format!("{}\n{blanks}", if after_line { "" } else { "  " })
        } else if kind == Piece::Behind {
            blanks + " "
        } else {
            match draw.below(4) {
                0 => format!("\n{blanks}"),
                1 => " ".into(),
                2 if may_touch => String::new(),
                _ if before.is_empty() && draw.below(3) > 0 => String::new(),
                _ => blanks + " ",
            }
        };
        out.push_str(if last.is_none() && newlines == 0 { "" } else { &gap });
        out.push_str(text[start..end].trim_end());
        last = Some((end, kind));
    }
    out + "\n"
}

/// The text with a comment put into a gap at random.
fn remarked(text: &str, draw: &mut Draw) -> String {
    let pieces = pieces(text);
    let (start, _, _) = pieces[draw.below(pieces.len())];
    let comment = ["// here", "\n// here", "\n\n  // here"][draw.below(3)];
    format!("{} {comment}\n{}", &text[..start], &text[start..])
}

/// Texts short enough to be laid out often, each with its layout.
fn short_texts() -> Vec<(PathBuf, String, String)> {
    let short = texts().into_iter().filter(|(_, text)| text.len() < 700);
    short
        .map(|(path, text)| {
            let layout = laid_out(&text);
            (path, text, layout)
        })
        .collect()
}

#[test]
fn the_layout_does_not_depend_on_the_blanks_of_the_text() {
    let mut draw = Draw(seed());
    let texts = short_texts();
    for _ in 0..2_000 {
        let (path, text, layout) = &texts[draw.below(texts.len())];
        let other = respaced(text, &mut draw);
        assert_eq!(&laid_out(&other), layout, "{}:\n{other}", path.display());
    }
}

#[test]
fn a_comment_may_stand_anywhere_and_is_kept() {
    let mut draw = Draw(seed());
    let texts = short_texts();
    for _ in 0..500 {
        let (path, text, _) = &texts[draw.below(texts.len())];
        let other = remarked(text, &mut draw);
        let new = laid_out(&other);
        assert_eq!(comments(&new), comments(&other), "{}:\n{other}", path.display());
        assert_eq!(laid_out(&new), new, "{}:\n{other}", path.display());
    }
}

/// For as long as `FLOW_FUZZ_SECONDS` says, over every text; without it, for no time.
#[test]
fn texts_spaced_and_remarked_at_random_for_as_long_as_asked() {
    let seconds = std::env::var("FLOW_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let mut draw = Draw(seed());
    let texts = texts();
    while Instant::now() < end {
        let (path, text) = &texts[draw.below(texts.len())];
        let other = respaced(text, &mut draw);
        assert_eq!(laid_out(&other), laid_out(text), "{}:\n{other}", path.display());
        let remarked = remarked(&other, &mut draw);
        let new = laid_out(&remarked);
        assert_eq!(comments(&new), comments(&remarked), "{}:\n{remarked}", path.display());
        assert_eq!(laid_out(&new), new, "{}:\n{remarked}", path.display());
    }
}

#[test]
fn a_text_that_does_not_read_has_no_layout() {
    assert_eq!(format("workflow A v1 ( {"), None);
    assert_eq!(format("").as_deref(), Some(""));
    assert_eq!(format("\n\n// alone\n").as_deref(), Some("// alone\n"));
}

#[test]
fn the_order_process_is_laid_out_as_by_hand() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flows/shop/orders.flow");
    assert_snapshot!(laid_out(&fs::read_to_string(path).expect("readable")));
}

#[test]
fn a_comma_stays_where_a_return_would_take_the_next_arm_for_its_value() {
    let text = "workflow A v1 (k: text) { match k { \"a\" => return, \"b\" => return, } }\n";
    assert_snapshot!(laid_out(text), @r#"
    workflow A v1 (k: text) {
      match k {
        "a" => return,
        "b" => return
      }
    }
    "#);
}

#[test]
fn what_is_too_long_is_broken_where_it_reads_best() {
    let text = "\
fn usable(click: Click, since: time) -> bool = not click.bot and click.at > since - 1h and click.page != \"\" and not click.is_old
workflow Pay v1 (id: text, amount: money<EUR>, note: text?, address: Address, customer: Customer) idempotent by id {
  step Bank.charge(id) on unknown => manual \"look\" else fail Late compensate Bank.refund(id) retry 3 times within 3s
  if id == \"a\" { step Bank.check(id) step Bank.check(id) } else { pass }
  x = Receipt(order: order.id, tracking: parcel.tracking, charged: charged, note: order.note, more: order.more)
  long = 2
  match id { \"a\" => pass, \"other\" => { step Bank.check(id) } }
  emit Paid(id: id)
  step Bank.check(id) else { review \"nobody looked\" use true }
}
";
    assert_snapshot!(laid_out(text));
}

#[test]
fn a_bracket_behind_two_comments_stays() {
    let text = "workflow T v1 (id: text)\n  idempotent by id  // here\n// and here\n{ pass }\n";
    let new = laid_out(text);
    assert_eq!(laid_out(&new), new);
    assert_eq!(comments(&new), ["// here", "// and here"]);
}
