//! The printer: the line being written, the comments still to come, and pieces that do not fit.

use super::COLUMNS;
use super::flat::{self, Place, gap};
use super::out::Out;
use crate::syntax::concrete::{Node, Remark, Rule};

/// Writes a tree. Comments are written as their places are passed, so none is lost.
pub(super) struct Printer<'t> {
    text: &'t str,
    remarks: &'t [Remark],
    /// The first comment not yet written.
    next: usize,
    pub out: Out,
    /// The last leaf written.
    last: Option<Place>,
}

/// The first leaf of a piece with its place.
fn first(node: &Node, around: Rule) -> Place {
    node.kids.first().map_or((node.rule, around), |kid| first(kid, node.rule))
}

fn last(node: &Node, around: Rule) -> Place {
    node.kids.last().map_or((node.rule, around), |kid| last(kid, node.rule))
}

impl<'t> Printer<'t> {
    pub fn new(text: &'t str, remarks: &'t [Remark]) -> Self {
        Self { text, remarks, next: 0, out: Out::new(), last: None }
    }

    pub fn finish(mut self) -> String {
        self.out.end();
        self.remarks_before(usize::MAX, 0);
        self.out.finish()
    }

    /// The characters of a leaf.
    pub fn written(&self, node: &Node) -> &'t str {
        self.text.get(node.start..node.end).unwrap_or("").trim_end()
    }

    /// Whether the author left a blank line before this place.
    pub fn blank_before(&self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or("");
        let blanks = before.get(before.trim_end().len()..).unwrap_or("");
        blanks.matches('\n').count() > 1
    }

    /// Writes the comments that stand before a place; a line that is under way is broken at them.
    pub fn remarks_before(&mut self, at: usize, indent: usize) {
        // Order: looked at before the first comment, which may end the line that is under way; what
        // comes behind the last one needs a line all the same.
        let written = self.out.is_written();
        let deeper = if written { self.out.indent() + 1 } else { indent };
        while let Some(&remark) = self.remarks.get(self.next).filter(|r| r.start < at) {
            self.next += 1;
            let comment = self.text.get(remark.start..remark.end).unwrap_or("");
            if !remark.own_line && self.out.comment(comment).is_none() {
                if written {
                    self.out.begin(deeper, false);
                }
                continue;
            }
            let blank = !written && self.blank_before(remark.start);
            self.out.begin(deeper, blank);
            self.out.push(comment);
            if written {
                self.out.begin(deeper, false);
            } else {
                self.out.end();
            }
        }
    }

    /// Starts the line of a piece, behind the comments that stand before it.
    pub fn line(&mut self, at: usize, indent: usize) {
        self.out.end();
        self.remarks_before(at, indent);
        self.out.begin(indent, self.blank_before(at));
        self.last = None;
    }

    /// Starts a line that continues one.
    pub fn continue_line(&mut self, at: usize, indent: usize) {
        self.out.end();
        self.remarks_before(at, indent);
        self.out.begin(indent, false);
        self.last = None;
    }

    /// Pieces on one line, as long as it may be.
    pub fn flat(&self, nodes: &[&Node], around: Rule) -> Option<String> {
        flat::flat(nodes, around, self.text, self.remarks)
    }

    /// Pieces on one line, where they fit on the line being written.
    fn fitting(&self, nodes: &[&Node], around: Rule, spare: usize) -> Option<String> {
        let flat = self.flat(nodes, around)?;
        let wide = self.out.width() + 1 + flat.chars().count() + spare;
        (wide <= COLUMNS + usize::from(!self.out.is_written())).then_some(flat)
    }

    /// Whether pieces fit on the line being written.
    pub fn fits(&self, nodes: &[&Node], around: Rule) -> bool {
        self.fitting(nodes, around, 0).is_some()
    }

    fn push(&mut self, from: Place, to: Place, text: &str) {
        if let Some(last) = self.last.filter(|_| !self.out.cell_is_empty()) {
            self.out.push(gap(last, from));
        }
        self.out.push(text);
        self.last = Some(to);
    }

    /// Writes a leaf.
    fn leaf(&mut self, leaf: &Node, around: Rule) {
        let indent = self.out.indent();
        self.remarks_before(leaf.start, indent);
        let place = (leaf.rule, around);
        self.push(place, place, self.written(leaf));
    }

    /// A comma that is not in the text, or not where it is wanted.
    pub fn comma(&mut self, around: Rule) {
        self.push((Rule::comma, around), (Rule::comma, around), ",");
    }

    /// Writes pieces that are known to fit.
    pub fn put_flat(&mut self, nodes: &[&Node], around: Rule) {
        let (Some(from), Some(to)) = (nodes.first(), nodes.last()) else { return };
        match self.flat(nodes, around) {
            Some(flat) => self.push(first(from, around), last(to, around), &flat),
            None => self.put_all(nodes, around),
        }
    }

    /// Writes pieces one behind the other.
    pub fn put_all(&mut self, nodes: &[&Node], around: Rule) {
        for (n, node) in nodes.iter().enumerate() {
            let closed = nodes.get(n + 1).is_none_or(|next| {
                matches!(next.rule, Rule::paren_close | Rule::bracket_close | Rule::brace_close)
            });
            if node.rule == Rule::comma && closed {
                continue;
            }
            self.put(node, around);
        }
    }

    /// Writes a piece: on the line where it fits, else broken where its kind allows.
    pub fn put(&mut self, node: &Node, around: Rule) {
        let indent = self.out.indent();
        self.remarks_before(node.start, indent);
        if node.rule == Rule::comma {
            return self.comma(around);
        }
        let spare = usize::from(matches!(node.rule, Rule::params | Rule::args));
        if let Some(flat) = self.fitting(&[node], around, spare) {
            self.push(first(node, around), last(node, around), &flat);
            return;
        }
        match node.rule {
            Rule::block => self.block(node),
            Rule::args | Rule::params | Rule::list | Rule::loop_vars if !is_one(node) => {
                self.list(node)
            }
            Rule::expr => self.expr(node),
            Rule::match_stmt | Rule::match_expr | Rule::await_first => self.arms(node),
            Rule::fails | Rule::index_by | Rule::idempotent | Rule::expect | Rule::human_clause => {
                self.filled(node)
            }
            Rule::use_decl => self.filled(node),
            Rule::stmt => node.kids.iter().for_each(|kid| self.stmt(kid)),
            _ if node.kids.is_empty() => self.leaf(node, around),
            rule if super::stmt::is_broken_by_parts(rule) => self.parts(node),
            rule => self.put_all(&node.kids.iter().collect::<Vec<_>>(), rule),
        }
    }

    /// A bracketed list with a line for each part.
    fn list(&mut self, node: &Node) {
        let indent = self.out.indent();
        let [open, parts @ .., close] = node.kids.as_slice() else { return };
        self.leaf(open, node.rule);
        self.out.open();
        for part in parts.iter().filter(|part| part.rule != Rule::comma) {
            self.continue_line(part.start, indent + 1);
            self.put(part, node.rule);
            self.comma(node.rule);
        }
        self.out.end();
        self.remarks_before(close.start, indent + 1);
        self.out.begin(indent, false);
        self.last = None;
        self.leaf(close, node.rule);
    }

    /// An expression, broken before the operators that bind least.
    fn expr(&mut self, node: &Node) {
        let indent = self.out.indent();
        let breaks = [Rule::op_or, Rule::op_and, Rule::op_coalesce, Rule::op_add]
            .into_iter()
            .find(|rule| node.kid(*rule).is_some());
        let mut broken = false;
        for kid in &node.kids {
            if Some(kid.rule) == breaks {
                self.continue_line(kid.start, if broken { self.out.indent() } else { indent + 1 });
                broken = true;
            }
            self.put(kid, node.rule);
        }
    }

    /// A list without brackets: as many parts on a line as fit.
    fn filled(&mut self, node: &Node) {
        let indent = self.out.indent();
        let mut behind_comma = false;
        for kid in &node.kids {
            if behind_comma && !self.fits(&[kid], node.rule) {
                self.continue_line(kid.start, indent + 1);
            }
            self.put(kid, node.rule);
            behind_comma = kid.rule == Rule::comma;
        }
    }

    /// Writes an opening brace and ends the line.
    pub fn open(&mut self, brace: &Node, around: Rule) {
        self.leaf(brace, around);
        self.out.open();
    }

    /// Writes a closing brace on a line of its own.
    pub fn close(&mut self, brace: &Node, indent: usize, around: Rule) {
        self.out.end();
        self.remarks_before(brace.start, indent + 1);
        // Whatever was opened is closed without a blank line.
        self.out.open();
        self.out.begin(indent, false);
        self.last = None;
        self.leaf(brace, around);
    }

    /// Whether comments stand between two places.
    pub fn has_remarks(&self, from: usize, to: usize) -> bool {
        let at = self.remarks.partition_point(|r| r.start < from);
        self.remarks.get(at).is_some_and(|r| r.start < to)
    }
}

/// Whether a bracketed list has one part that is no list itself: breaking would gain nothing.
fn is_one(node: &Node) -> bool {
    let [_, part, _] = node.kids.as_slice() else { return node.kids.len() < 3 };
    let mut leaves = Vec::new();
    part.leaves(node.rule, &mut leaves);
    leaves.len() == 1
}
