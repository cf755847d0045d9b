//! Patterns of named texts: matching whole texts, and drawing a short text that matches.
//!
//! Promises: a drawn text really matches (it is checked before it is answered), is the same for the
//! same seed, and is as short as the pattern allows. Drawing understands literals, classes, groups,
//! alternation and counts; a pattern beyond that has no draw, which is an answer and not a panic.

use regex_lite::Regex;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bound: compiled patterns kept. They come from programs, of which a process has few.
const CACHED_MAX: usize = 1_024;

/// Bound: characters of a drawn text; a pattern that demands more has no short match.
const DRAWN_MAX: usize = 256;

/// Bound: groups inside groups.
const NESTED_MAX: u32 = 16;

static COMPILED: Mutex<BTreeMap<String, Option<Arc<Regex>>>> = Mutex::new(BTreeMap::new());

/// Whether the pattern matches the whole text; a pattern that cannot be read matches nothing.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    compiled(pattern).is_some_and(|regex| regex.is_match(text))
}

fn compiled(pattern: &str) -> Option<Arc<Regex>> {
    // A poisoned cache is still a cache: nothing is half-written in a map insert that panicked.
    let mut cache = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = cache.get(pattern) {
        return known.clone();
    }
    if cache.len() >= CACHED_MAX {
        cache.clear();
    }
    let regex = Regex::new(&format!("^(?:{pattern})$")).ok().map(Arc::new);
    cache.insert(pattern.to_owned(), regex.clone());
    regex
}

/// A short text that matches the pattern, drawn from `seed`.
pub(super) fn draw(pattern: &str, seed: [u8; 32]) -> Option<String> {
    let mut parser = Parser { rest: pattern.chars().collect(), nested: 0 };
    parser.rest.reverse();
    let node = parser.alternation()?;
    if !parser.rest.is_empty() {
        return None;
    }
    let mut dice = Dice { seed, used: 0 };
    let mut text = String::new();
    node.draw(&mut dice, &mut text)?;
    matches(pattern, &text).then_some(text)
}

/// Random numbers from a seed, as many as are wanted.
struct Dice {
    seed: [u8; 32],
    used: u64,
}

impl Dice {
    /// A number below `sides`, which is at least 1.
    fn roll(&mut self, sides: u32) -> u32 {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        hash.update(self.seed);
        hash.update(self.used.to_be_bytes());
        self.used += 1;
        let wide =
            hash.finalize().iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        u32::try_from(wide % u64::from(sides.max(1))).unwrap_or(0)
    }
}

enum Node {
    /// One character out of these ranges.
    Class(Vec<(char, char)>),
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    /// As often as it must be.
    Times(Box<Node>, u32),
}

impl Node {
    fn draw(&self, dice: &mut Dice, text: &mut String) -> Option<()> {
        match self {
            Self::Class(ranges) => {
                let width = |&(low, high): &(char, char)| {
                    (high as u32).checked_sub(low as u32)?.checked_add(1)
                };
                let total =
                    ranges.iter().map(width).sum::<Option<u32>>().filter(|total| *total > 0)?;
                let mut index = dice.roll(total);
                for range in ranges {
                    let width = width(range)?;
                    if index < width {
                        text.push(char::from_u32(range.0 as u32 + index)?);
                        break;
                    }
                    index -= width;
                }
            }
            Self::Sequence(nodes) => {
                nodes.iter().try_for_each(|node| node.draw(dice, text))?;
            }
            Self::Choice(nodes) => {
                let index = dice.roll(u32::try_from(nodes.len()).ok()?);
                nodes.get(index as usize)?.draw(dice, text)?;
            }
            Self::Times(node, times) => {
                for _ in 0..*times {
                    node.draw(dice, text)?;
                }
            }
        }
        (text.len() <= DRAWN_MAX).then_some(())
    }
}

/// Reads a pattern; `rest` is reversed, so that the next character is its last.
struct Parser {
    rest: Vec<char>,
    nested: u32,
}

impl Parser {
    fn next_is(&mut self, wanted: char) -> bool {
        let found = self.rest.last() == Some(&wanted);
        if found {
            self.rest.pop();
        }
        found
    }

    fn alternation(&mut self) -> Option<Node> {
        self.nested += 1;
        if self.nested > NESTED_MAX {
            return None;
        }
        let mut choices = vec![self.sequence()?];
        while self.next_is('|') {
            choices.push(self.sequence()?);
        }
        self.nested -= 1;
        if choices.len() > 1 { Some(Node::Choice(choices)) } else { choices.pop() }
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(next) = self.rest.last().copied() {
            match next {
                '|' | ')' => break,
                '^' | '$' => _ = self.rest.pop(),
                _ => {
                    let atom = self.atom()?;
                    nodes.push(self.counted(atom)?);
                }
            }
        }
        Some(Node::Sequence(nodes))
    }

    fn atom(&mut self) -> Option<Node> {
        match self.rest.pop()? {
            '(' => {
                if self.next_is('?') && !self.next_is(':') {
                    return None;
                }
                let inner = self.alternation()?;
                self.next_is(')').then_some(inner)
            }
            '[' => self.class(),
            '.' => Some(Node::Class(vec![('a', 'z')])),
            '\\' => self.escape().map(Node::Class),
            '*' | '+' | '?' | '{' | '}' => None,
            literal => Some(Node::Class(vec![(literal, literal)])),
        }
    }

    /// A count, of which only the least number matters.
    fn counted(&mut self, atom: Node) -> Option<Node> {
        let times = match self.rest.last() {
            Some('?' | '*') => 0,
            Some('+') => 1,
            Some('{') => {
                let end = self.rest.iter().rposition(|next| *next == '}')?;
                let body: String = self.rest.drain(end + 1..).rev().skip(1).collect();
                let least = body.split(',').next()?;
                least.parse().ok()?
            }
            _ => return Some(atom),
        };
        self.rest.pop();
        // `+?` and the like ask for the least, which is what is drawn anyway.
        self.next_is('?');
        Some(Node::Times(Box::new(atom), times))
    }

    fn escape(&mut self) -> Option<Vec<(char, char)>> {
        Some(match self.rest.pop()? {
            'd' => vec![('0', '9')],
            'w' => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            's' => vec![(' ', ' ')],
            't' => vec![('\t', '\t')],
            'n' => vec![('\n', '\n')],
            letter if letter.is_ascii_alphanumeric() => return None,
            sign => vec![(sign, sign)],
        })
    }

    fn class(&mut self) -> Option<Node> {
        let negated = self.next_is('^');
        let mut ranges = Vec::new();
        let mut first = true;
        while first || !self.next_is(']') {
            first = false;
            let mut found = match self.rest.pop()? {
                '\\' => self.escape()?,
                '[' => return None,
                low => vec![(low, low)],
            };
            let dash = matches!(self.rest.as_slice(), [.., after, '-'] if *after != ']');
            if let (true, [(low, _)]) = (dash, found.as_slice()) {
                let low = *low;
                self.rest.pop();
                let high = match self.rest.pop()? {
                    '\\' => self.escape()?.first()?.0,
                    high => high,
                };
                found = vec![(low, high)];
            }
            ranges.append(&mut found);
        }
        Some(Node::Class(if negated { outside(&ranges) } else { ranges }))
    }
}

/// The printable ASCII characters in none of these ranges.
fn outside(ranges: &[(char, char)]) -> Vec<(char, char)> {
    let free = |sign: &char| !ranges.iter().any(|(low, high)| (low..=high).contains(&sign));
    ('a'..='z').chain(' '..='~').filter(free).map(|sign| (sign, sign)).collect()
}
