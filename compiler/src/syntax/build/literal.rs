//! Literals and quoted texts: from characters to values.

use super::*;
use smol_str::SmolStr;

/// Milliseconds of a unit of time.
const UNITS_MS: [(&str, i64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// Bytes of a unit of size.
const UNITS_BYTES: [(&str, u64); 3] = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

fn digits(text: &str) -> SmolStr {
    text.chars().filter(|&c| c != '_').collect()
}

/// `1h30m` in milliseconds, unless that is out of range.
fn duration_ms(mut text: &str) -> Option<i64> {
    let mut total = 0_i64;
    while !text.is_empty() {
        let split = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, rest) = text.split_at(split);
        // Order: `ms` stands before `m` in the table.
        let (unit, ms) = UNITS_MS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*ms)?)?;
        text = rest.get(unit.len()..)?;
    }
    Some(total)
}

fn size_bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, bytes) = UNITS_BYTES.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

impl Builder<'_> {
    /// Reports a literal that no value can hold; the caller goes on with the largest one.
    fn too_large(&mut self, span: Span, text: &str) {
        self.error("F0001", span, format!("`{text}` is too large"), "write a smaller value");
    }

    pub(super) fn duration(&mut self, pair: Pair<'_, Rule>) -> Option<DurationMs> {
        let span = self.span(&pair);
        let node = duration_ms(pair.as_str()).unwrap_or_else(|| {
            self.too_large(span, pair.as_str());
            i64::MAX
        });
        Some(Spanned { node, span })
    }

    pub(super) fn integer(&mut self, pair: Pair<'_, Rule>) -> Option<Count> {
        let span = self.span(&pair);
        let node = digits(pair.as_str()).parse().unwrap_or_else(|_| {
            self.too_large(span, pair.as_str());
            u64::MAX
        });
        Some(Spanned { node, span })
    }

    pub(super) fn percent(&mut self, pair: Pair<'_, Rule>) -> Option<Percent> {
        let node = digits(pair.as_str().trim_end_matches('%'));
        Some(Spanned { node, span: self.span(&pair) })
    }

    pub(super) fn version(&mut self, pair: Pair<'_, Rule>) -> Option<Version> {
        let span = self.span(&pair);
        let node = pair.as_str().trim_start_matches('v').parse().unwrap_or_else(|_| {
            self.too_large(span, pair.as_str());
            u32::MAX
        });
        Some(Spanned { node, span })
    }

    pub(super) fn literal(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<Literal>> {
        let (span, mut c) = self.open(pair);
        let inner = c.next()?;
        let text = inner.as_str();
        let node = match inner.as_rule() {
            Rule::money => {
                let (amount, currency) = text.split_once(' ')?;
                Literal::Money { amount: digits(amount), currency: currency.into() }
            }
            Rule::percent => Literal::Percent(self.percent(inner)?.node),
            Rule::duration => Literal::Duration(self.duration(inner)?.node),
            Rule::size => Literal::Size(size_bytes(text).unwrap_or_else(|| {
                self.too_large(span, text);
                u64::MAX
            })),
            Rule::number => Literal::Number(digits(text)),
            Rule::string => Literal::Text(self.string(inner)?),
            Rule::boolean => Literal::Bool(text == "true"),
            Rule::none => Literal::None,
            _ => return None,
        };
        Some(Spanned { node, span })
    }

    pub(super) fn string(&mut self, pair: Pair<'_, Rule>) -> Option<Text> {
        let (span, mut c) = self.open(pair);
        let mut parts = Vec::new();
        while let Some(piece) = c.next() {
            match piece.as_rule() {
                Rule::chars => parts.push(TextPart::Chars(self.chars(piece))),
                Rule::interp => {
                    let (_, mut c) = self.open(piece);
                    parts.push(TextPart::Interp(self.inner_expr(c.take(Rule::expr)?)?));
                }
                _ => return None,
            }
        }
        Some(Text { parts, span })
    }

    /// Decodes the escapes of one piece of a text.
    fn chars(&mut self, pair: Pair<'_, Rule>) -> String {
        let start = self.span(&pair).start as usize;
        let mut out = String::new();
        let mut chars = pair.as_str().char_indices();
        while let Some((i, c)) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some((_, 'n')) => out.push('\n'),
                Some((_, 't')) => out.push('\t'),
                Some((_, 'r')) => out.push('\r'),
                Some((_, plain @ ('"' | '\\' | '{' | '}'))) => out.push(plain),
                Some((_, other)) => {
                    let span = Span::new(self.file, start + i, start + i + 1 + other.len_utf8());
                    let known = r#"write one of `\n`, `\t`, `\r`, `\"`, `\\`, `\{`, `\}`"#;
                    let headline = format!("`\\{other}` is no escape in a text");
                    self.error("F0001", span, headline, known);
                }
                None => {}
            }
        }
        out
    }

    pub(super) fn plain(&mut self, pair: Pair<'_, Rule>) -> Option<Plain> {
        let span = self.span(&pair);
        let inner = pair.as_str().strip_prefix('"')?.strip_suffix('"')?;
        let mut text = String::new();
        let mut chars = inner.chars().peekable();
        while let Some(c) = chars.next() {
            match (c, chars.peek()) {
                ('\\', Some(&escaped @ ('"' | '\\'))) => {
                    chars.next();
                    text.push(escaped);
                }
                _ => text.push(c),
            }
        }
        Some(Plain { text, span })
    }

    pub(super) fn sql_text(&mut self, pair: Pair<'_, Rule>) -> Option<Spanned<String>> {
        let span = self.span(&pair);
        let inner = pair.as_str().strip_prefix("\"\"\"")?.strip_suffix("\"\"\"")?;
        Some(Spanned { node: inner.to_owned(), span })
    }
}
