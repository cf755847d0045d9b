//! The texts of one compilation and where their lines begin.
//!
//! Holds what was read; reads nothing itself (see `load`). Paths are as a person would type them,
//! relative to where the tool was started.

use crate::span::{FileId, Span};

/// One `.flow` text.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path for messages, with forward slashes.
    pub path: String,
    /// The module's dotted name below its source root, for example `shop.orders`.
    pub module: String,
    /// The text.
    pub text: String,
    /// Read because another module uses it, not because somebody asked for it: what is done with it
    /// elsewhere is not known.
    pub imported: bool,
    line_starts: Vec<u32>,
}

impl Source {
    /// A text with its path and module name.
    #[must_use]
    pub fn new(
        path: impl Into<String>,
        module: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(i, _)| i as u32 + 1))
            .collect();
        Self { path: path.into(), module: module.into(), text, imported: false, line_starts }
    }

    /// Line and column of a byte offset, both from 1, the column in characters.
    #[must_use]
    pub fn line_column(&self, offset: u32) -> (usize, usize) {
        let line = self.line_starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.line_starts.get(line).copied().unwrap_or(0) as usize;
        let before = self.text.get(start..offset as usize).unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }
}

/// All texts of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a text and names it.
    pub fn add(&mut self, source: Source) -> FileId {
        self.files.push(source);
        FileId(self.files.len() as u32 - 1)
    }

    /// The text with this id; ids come from [`Sources::add`] of the same value.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// The characters a span covers, or nothing where the span is not of these sources.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|s| s.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// All texts in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(i, s)| (FileId(i as u32), s))
    }
}
