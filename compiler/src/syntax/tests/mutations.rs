//! How well reading goes on after a slip of the finger: one wrong character, thousands of times.

use super::{findings, flows, read};
use crate::syntax::parser::reads_whole;
use std::time::{Duration, Instant};

/// Slips that make an error; fewer where nothing is optimized and each takes twenty times as long.
const SLIPS: usize = if cfg!(debug_assertions) { 1_000 } else { 5_000 };

/// Bound: an editor reads at every key. Without optimization, and where other work shares the cores,
/// this only finds what has no end.
const READ_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 20 });

/// A small generator whose numbers are the same everywhere.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// The text with one character removed, added or replaced, and the line where.
fn slip(text: &str, random: &mut XorShift) -> Option<(String, usize)> {
    const ALPHABET: &[u8] = b"abexyABZ019 \n(){}[]<>\"=.,:;/+-_?%\\";
    let at = random.below(text.len());
    let mut bytes = text.as_bytes().to_vec();
    let new = ALPHABET[random.below(ALPHABET.len())];
    match random.below(3) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, new),
        _ => bytes[at] = new,
    }
    let mutated = String::from_utf8(bytes).ok()?;
    Some((mutated, text.get(..at)?.matches('\n').count() + 1))
}

/// How long reading takes; of several tries the shortest, since other work may share the cores.
fn time_of(text: &str) -> Duration {
    let once = || {
        let begin = Instant::now();
        read(text);
        begin.elapsed()
    };
    let first = once();
    if first <= READ_MAX { first } else { (0..4).map(|_| once()).min().unwrap_or(first) }
}

#[test]
fn a_wrong_character_is_reported_at_its_line_and_read_past_quickly() {
    let seed = std::env::var("FLOW_SEED").ok().and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or(0x5AFE_F10E);
    println!("FLOW_SEED={seed}");
    let mut random = XorShift(seed);
    let texts: Vec<_> = flows().into_iter().map(|f| f.1).filter(|t| t.len() > 400).collect();
    let (mut wrong, mut at_line, mut all, mut slowest) = (0, 0, 0, Duration::ZERO);
    while wrong < SLIPS {
        let text = &texts[random.below(texts.len())];
        let Some((mutated, line)) = slip(text, &mut random) else { continue };
        let found = findings(&mutated);
        if found.is_empty() {
            assert!(reads_whole(&mutated), "nothing said about {mutated}");
            continue;
        }
        wrong += 1;
        all += found.len();
        at_line += usize::from(found.iter().any(|f| f.1 == line));
        if std::env::var_os("SHOW").is_some() && found.iter().all(|f| f.1 != line) {
            let written = mutated.lines().nth(line - 1);
            println!("{line}: {written:?} -> {found:?} {:?}", read(&mutated).1[0].headline);
        }
        let time = time_of(&mutated);
        assert!(time <= READ_MAX, "{time:?} for {mutated}");
        slowest = slowest.max(time);
    }
    println!("{at_line} of {wrong} at their line, {all} findings, the slowest in {slowest:?}");
    assert!(at_line * 100 >= wrong * 95, "{at_line} of {wrong} at the right line");
}
