//! Lines on their way out, and the columns of neighbours that are alike.

use super::COLUMNS;

/// One line.
#[derive(Debug, Default)]
struct Line {
    /// Steps of two blanks.
    indent: usize,
    /// Cells; neighbours of one kind have them one below the other.
    cells: Vec<String>,
    /// What kind of line it is, where it may be aligned with its neighbours.
    kind: Option<&'static str>,
    /// What each cell but the first holds, where that differs between lines of a kind.
    tags: Vec<String>,
    /// Behind everything else.
    comment: Option<String>,
    /// Whether a blank line goes before it.
    blank: bool,
}

/// The lines so far and the one being written.
#[derive(Debug)]
pub(super) struct Out {
    lines: Vec<Line>,
    line: Option<Line>,
    /// A bracket was just opened, or nothing is written yet: no blank line follows.
    opened: bool,
    /// A blank line goes before whatever comes next.
    parted: bool,
}

fn width(text: &str) -> usize {
    text.chars().count()
}

impl Line {
    /// Columns up to the end, one blank between cells; of a text over lines, of its last one.
    fn width(&self) -> usize {
        let text = self.cells.join(" ");
        match text.rsplit_once('\n') {
            Some((_, last)) => width(last),
            None => 2 * self.indent + width(&text),
        }
    }
}

impl Out {
    pub fn new() -> Self {
        Self { lines: Vec::new(), line: None, opened: true, parted: false }
    }

    /// Starts a line; one that is being written ends.
    pub fn begin(&mut self, indent: usize, blank: bool) {
        self.end();
        let blank = (blank || self.parted) && !self.opened;
        (self.opened, self.parted) = (false, false);
        self.line = Some(Line { indent, cells: vec![String::new()], blank, ..Line::default() });
    }

    /// Ends the line being written, if any.
    pub fn end(&mut self) {
        let Some(line) = self.line.take() else { return };
        if line.comment.is_none() && line.cells.iter().all(String::is_empty) {
            // A comment ended what was written, and nothing came behind it.
            self.parted |= line.blank;
        } else {
            self.lines.push(line);
        }
    }

    /// Ends the line behind an opening bracket.
    pub fn open(&mut self) {
        self.end();
        self.opened = true;
    }

    /// Asks for a blank line before what comes next.
    pub fn part(&mut self) {
        self.parted = true;
    }

    /// Whether a line is being written and has something on it.
    pub fn is_written(&self) -> bool {
        self.line.as_ref().is_some_and(|l| l.cells.iter().any(|c| !c.is_empty()))
    }

    /// The indent of the line being written.
    pub fn indent(&self) -> usize {
        self.line.as_ref().map_or(0, |l| l.indent)
    }

    /// How many columns the line being written has.
    pub fn width(&self) -> usize {
        self.line.as_ref().map_or(0, Line::width)
    }

    /// Whether the current cell is empty, so that no blank is due before what comes next.
    pub fn cell_is_empty(&self) -> bool {
        self.line.as_ref().and_then(|l| l.cells.last()).is_none_or(String::is_empty)
    }

    pub fn push(&mut self, text: &str) {
        if let Some(cell) = self.line.as_mut().and_then(|l| l.cells.last_mut()) {
            cell.push_str(text);
        }
    }

    /// Starts a cell of a line of this kind; `tag` says what it holds.
    pub fn cell(&mut self, kind: &'static str, tag: &str) {
        if let Some(line) = &mut self.line {
            line.kind = Some(kind);
            line.tags.push(tag.to_owned());
            line.cells.push(String::new());
        }
    }

    /// Puts a comment behind the line being written, else the last one; gives it back where there
    /// is none, or it has one.
    pub fn comment<'c>(&mut self, comment: &'c str) -> Option<&'c str> {
        let written = self.is_written();
        let line = if written { self.line.as_mut() } else { self.lines.last_mut() };
        match line {
            Some(line) if line.comment.is_none() => {
                line.comment = Some(comment.to_owned());
                None
            }
            _ => Some(comment),
        }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len() + usize::from(self.line.is_some())
    }

    /// Everything as text, alike lines aligned.
    pub fn finish(mut self) -> String {
        self.end();
        let mut rest = self.lines.as_mut_slice();
        while let Some(first) = rest.first() {
            let (kind, indent) = (first.kind, first.indent);
            let alike = |l: &Line| l.kind == kind && l.indent == indent && !l.blank;
            let end = 1 + rest.iter().skip(1).take_while(|l| kind.is_some() && alike(l)).count();
            let (group, behind) = rest.split_at_mut(end);
            align(group);
            rest = behind;
        }
        let mut text = String::new();
        for line in &self.lines {
            if line.blank {
                text.push('\n');
            }
            let cells = line.cells.join(" ");
            if !cells.is_empty() {
                text.push_str(&"  ".repeat(line.indent));
                text.push_str(cells.trim_end());
            }
            if let Some(comment) = &line.comment {
                let gap = if cells.is_empty() { "  ".repeat(line.indent) } else { "  ".into() };
                text.push_str(&gap);
                text.push_str(comment);
            }
            text.push('\n');
        }
        text
    }
}

/// Pads the cells of lines so that they stand below each other, where all of them still fit.
fn align(group: &mut [Line]) {
    let (Some(kind), true) = (group.first().and_then(|l| l.kind), group.len() > 1) else { return };
    let longest = group.iter().max_by_key(|l| l.tags.len()).map(|l| l.tags.clone());
    let longest = longest.unwrap_or_default();
    if group.iter().any(|l| !longest.starts_with(&l.tags)) {
        return;
    }
    // What an action promises reads as columns of a table.
    let gap = usize::from(kind == "action");
    let widths: Vec<usize> = (0..longest.len())
        .map(|at| {
            let held = group.iter().filter(|l| l.cells.len() > at + 1);
            held.filter_map(|l| l.cells.get(at)).map(|c| width(c)).max().unwrap_or(0) + gap
        })
        .collect();
    let too_wide = |line: &Line| {
        let padded: usize = widths.iter().take(line.cells.len() - 1).map(|w| w + 1).sum();
        let last = line.cells.last().map_or(0, |c| width(c.lines().next().unwrap_or("")));
        2 * line.indent + padded + last > COLUMNS
    };
    let over_lines = |l: &Line| l.cells.iter().any(|c| c.contains('\n'));
    if group.iter().any(|l| too_wide(l) || over_lines(l)) {
        return;
    }
    for line in group {
        let last = line.cells.len() - 1;
        for (cell, wanted) in line.cells.iter_mut().take(last).zip(&widths) {
            let missing = wanted.saturating_sub(width(cell));
            cell.push_str(&" ".repeat(missing));
        }
    }
}
