//! Positions as an editor counts them, a line and units of UTF-8 or UTF-16 in it, and as bytes.

use sagaflow_compiler::span::Span;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a column counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// Code units of UTF-16: what every editor knows.
    #[default]
    Utf16,
}

/// A place, both from 0.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: u32,
    /// Units before it on the line.
    pub(crate) character: u32,
}

/// From one place to another.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Range {
    /// The first.
    pub(crate) start: Position,
    /// One past the last.
    pub(crate) end: Position,
}

/// A text with the places where its lines begin.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<u32>,
    encoding: Encoding,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str, encoding: Encoding) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect();
        Self { text, starts, encoding }
    }

    /// The byte of a place; behind the end of its line, that end.
    pub(crate) fn offset(&self, position: Position) -> u32 {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else { return self.text.len() as u32 };
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| *next as usize - 1);
        let text = self.text.get(start as usize..end).unwrap_or("");
        let text = text.strip_suffix('\r').unwrap_or(text);
        let mut units = 0;
        for (at, c) in text.char_indices() {
            // Order: a place inside a character is the one before it.
            if units + self.width(c) > position.character {
                return start + at as u32;
            }
            units += self.width(c);
        }
        start + text.len() as u32
    }

    /// Line and column of a byte.
    pub(crate) fn place(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        (line as u32, self.units(start, offset))
    }

    /// How many units stand between two bytes.
    pub(crate) fn units(&self, start: u32, end: u32) -> u32 {
        let text = self.text.get(start as usize..end as usize).unwrap_or("");
        text.chars().map(|c| self.width(c)).sum()
    }

    pub(crate) fn position(&self, offset: u32) -> Value {
        let (line, character) = self.place(offset);
        json!({ "line": line, "character": character })
    }

    pub(crate) fn range(&self, start: u32, end: u32) -> Value {
        json!({ "start": self.position(start), "end": self.position(end) })
    }

    pub(crate) fn span(&self, span: Span) -> Value {
        self.range(span.start, span.end)
    }

    fn width(&self, c: char) -> u32 {
        match self.encoding {
            Encoding::Utf8 => c.len_utf8() as u32,
            Encoding::Utf16 => c.len_utf16() as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bytes_lead_to_each_other_in_both_encodings() {
        let text = "a\r\nä𝄞x\n\nend";
        for (encoding, column) in [(Encoding::Utf16, 3), (Encoding::Utf8, 6)] {
            let lines = Lines::new(text, encoding);
            let at = text.find('x').expect("there") as u32;
            assert_eq!(lines.place(at), (1, column));
            assert_eq!(lines.offset(Position { line: 1, character: column }), at);
            for (offset, _) in text.char_indices() {
                let (line, character) = lines.place(offset as u32);
                let back = lines.offset(Position { line, character }) as usize;
                let breaks = text[offset..].starts_with(['\n', '\r']);
                assert!(back == offset || breaks, "{offset} came back as {back}");
            }
        }
    }

    #[test]
    fn places_outside_the_text_are_the_nearest_inside() {
        let lines = Lines::new("ab\r\n𝄞", Encoding::Utf16);
        assert_eq!(lines.offset(Position { line: 0, character: 99 }), 2);
        assert_eq!(lines.offset(Position { line: 9, character: 0 }), 8);
        assert_eq!(lines.offset(Position { line: 1, character: 1 }), 4, "inside a character");
    }
}
