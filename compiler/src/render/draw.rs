//! Findings drawn beside the source, for people.
//!
//! Labels are numbered along the path they tell, in the order the finding gives them; they are
//! drawn in the order of the source. A label in another file is drawn as a snippet of its own.

use super::short;
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::{Source, Sources};
use crate::span::{FileId, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, SourceCode, SourceSpan,
    SpanContents,
};
use std::fmt;

/// Bound: below this nothing that is wrapped can be read.
const COLUMNS_MIN: usize = 40;

/// One finding, drawn beside the source.
///
/// Where the terminal's `columns` are known, sentences are wrapped to them; the source never is.
#[must_use]
pub fn pretty(
    diagnostic: &Diagnostic,
    sources: &Sources,
    colours: bool,
    columns: Option<usize>,
) -> String {
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut handler = GraphicalReportHandler::new_themed(theme)
        .with_context_lines(1)
        .with_wrap_lines(columns.is_some())
        .with_links(false)
        .without_syntax_highlighting();
    if let Some(columns) = columns {
        handler = handler.with_width(columns.max(COLUMNS_MIN)).with_break_words(false);
    }
    let report = Report::new(diagnostic, sources);
    let mut text = String::new();
    if handler.render_report(&mut text, &report).is_err() {
        return short(diagnostic, sources) + "\n";
    }
    // A trailing blank after the last gutter means nothing and upsets comparisons.
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// A finding in the form the drawing library asks for.
#[derive(Debug)]
struct Report<'d> {
    diagnostic: &'d Diagnostic,
    labels: Vec<LabeledSpan>,
    files: Files<'d>,
}

/// The files a finding speaks of, one behind the other, so that one offset names a place in one.
#[derive(Debug)]
struct Files<'d> {
    /// With the offset each begins at; a byte is left free between two.
    files: Vec<(usize, FileId, &'d Source)>,
}

impl<'d> Report<'d> {
    fn new(diagnostic: &'d Diagnostic, sources: &'d Sources) -> Self {
        let mut files = Files { files: Vec::new() };
        let bare = [Label { span: diagnostic.span, text: String::new() }];
        let labels = if diagnostic.labels.is_empty() { &bare[..] } else { &diagnostic.labels };
        // Order: the file that machine formats name comes first, the others as the path meets them.
        for span in std::iter::once(diagnostic.span).chain(labels.iter().map(|l| l.span)) {
            files.add(span.file, sources);
        }
        let several = labels.len() > 1;
        let labels = labels
            .iter()
            .enumerate()
            .filter_map(|(index, label)| {
                let text = match (several, label.text.as_str()) {
                    (_, "") => None,
                    (true, text) => Some(format!("{}. {text}", index + 1)),
                    (false, text) => Some(text.to_owned()),
                };
                let (offset, length) = files.offset(label.span)?;
                Some(LabeledSpan::new(text, offset, length))
            })
            .collect();
        Self { diagnostic, labels, files }
    }
}

impl<'d> Files<'d> {
    fn add(&mut self, file: FileId, sources: &'d Sources) {
        if self.files.iter().any(|(_, id, _)| *id == file) {
            return;
        }
        let base = self.files.last().map_or(0, |(base, _, source)| base + source.text.len() + 1);
        if let Some(source) = sources.get(file) {
            self.files.push((base, file, source));
        }
    }

    /// Where a span stands in the files; one that covers many lines is cut to its first.
    fn offset(&self, span: Span) -> Option<(usize, usize)> {
        let (base, _, source) = self.files.iter().find(|(_, id, _)| *id == span.file)?;
        let (start, end) = (span.start as usize, span.end as usize);
        let text = source.text.get(start..end)?;
        let length = match text.split_once('\n') {
            // Bound: a label over more lines than a person takes in at a glance says no more than
            // its first one.
            Some((first, _)) if text.matches('\n').count() > 3 => first.trim_end().len(),
            _ => text.len(),
        };
        let (start, length) =
            if length == 0 { visible(&source.text, start) } else { (start, length) };
        Some((base + start, length))
    }
}

/// A place between two letters, as the letter behind it, else the one before it: what has no width
/// is not drawn.
fn visible(text: &str, at: usize) -> (usize, usize) {
    let next = text.get(at..).and_then(|rest| rest.chars().next()).filter(|c| *c != '\n');
    let last = text.get(..at).and_then(|head| head.chars().next_back()).filter(|c| *c != '\n');
    match (next, last) {
        (Some(c), _) => (at, c.len_utf8()),
        (None, Some(c)) => (at - c.len_utf8(), c.len_utf8()),
        (None, None) => (at, 0),
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.headline)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        // Points of a list stand a little to the right of the sentence they belong to.
        let help = self.diagnostic.help.as_ref()?;
        Some(Box::new(help.replace("\n•", "\n  •")))
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.files)
    }
}

/// How many unlabelled lines between two labels are drawn rather than cut out.
const GAP_LINES: usize = 4;

impl SourceCode for Files<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let within = |(base, _, source): &&(usize, FileId, &Source)| {
            *base <= start && end <= base + source.text.len()
        };
        let (base, _, source) = self.files.iter().find(within).ok_or(MietteError::OutOfBounds)?;
        let text = source.text.as_str();
        let (start, end) = (start - base, end - base);
        let from = if before == 0 { start } else { lines_back(text, start, before) };
        let to = lines_on(text, end, after);
        let data = text.get(from..to).ok_or(MietteError::OutOfBounds)?;
        let (line, column) = source.line_column(from as u32);
        Ok(Box::new(Contents {
            data,
            span: (base + from, to - from).into(),
            name: &source.path,
            line: line - 1,
            column: column - 1,
            lines: data.lines().count() + if before == 0 { 0 } else { GAP_LINES },
        }))
    }
}

/// The beginning of the line that stands `count` lines above the one at `at`.
fn lines_back(text: &str, at: usize, count: usize) -> usize {
    let mut from = at;
    for round in 0..=count {
        from = text
            .get(..from)
            .and_then(|t| t.rfind('\n'))
            .map_or(0, |n| n + usize::from(round == count));
        if from == 0 {
            break;
        }
    }
    from
}

/// The end of the line that stands `count` lines below the one at `at`, with its line break.
fn lines_on(text: &str, at: usize, count: usize) -> usize {
    let mut to = at;
    for _ in 0..=count {
        match text.get(to..).and_then(|rest| rest.find('\n')) {
            Some(n) => to += n + 1,
            None => return text.len(),
        }
    }
    to
}

/// A piece of one file.
struct Contents<'a> {
    data: &'a str,
    span: SourceSpan,
    name: &'a str,
    line: usize,
    column: usize,
    lines: usize,
}

impl<'a> SpanContents<'a> for Contents<'a> {
    fn data(&self) -> &'a [u8] {
        self.data.as_bytes()
    }

    fn span(&self) -> &SourceSpan {
        &self.span
    }

    fn name(&self) -> Option<&str> {
        Some(self.name)
    }

    fn line(&self) -> usize {
        self.line
    }

    fn column(&self) -> usize {
        self.column
    }

    /// Counts the gap that may still be bridged, because only the merging of snippets asks for it.
    fn line_count(&self) -> usize {
        self.lines
    }
}
