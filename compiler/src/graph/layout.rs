//! Where everything goes: boxes in columns round an axis, frames round columns.
//!
//! Measures are in pixels. A piece is laid out with its axis at 0 and its top at 0, and moved to
//! its place by whoever holds it; nothing overlaps, because every piece knows how far it reaches to
//! both sides of its axis.

use super::scene::{Choice, Column, Group, Kind, Node, Part, Scene, ends};

/// A letter of the title is about this wide; letters of the small print are smaller.
const LETTER: f64 = 7.4;
const SMALL_LETTER: f64 = 6.2;
const LINE: f64 = 15.0;
const PAD: f64 = 12.0;
/// Between two boxes of a column, so that an arrow is seen.
pub(super) const GAP: f64 = 30.0;
/// Between two columns, and between a box and what undoes it.
const ASIDE: f64 = 34.0;
const FRAME: f64 = 18.0;
/// What the bar says at its right end.
const BAR_WORDS: f64 = 132.0;

/// What is painted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// A box with its middle top, width, height and lines.
    Box { x: f64, y: f64, width: f64, height: f64, looks: Looks, lines: Vec<String> },
    /// A frame with its left top.
    Frame { x: f64, y: f64, width: f64, height: f64 },
    /// A line through points; with an arrow head unless it runs into another line.
    Line { points: Vec<(f64, f64)>, dashed: bool, head: bool },
    /// Words beside a line.
    Label { x: f64, y: f64, text: String },
    /// The line behind which nothing is undone, across everything.
    Bar { y: f64 },
}

/// How a box looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// As what it stands for.
    Of(Kind),
    /// A question.
    Question,
    /// What undoes something.
    Undo,
}

/// A piece laid out round its axis.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub left: f64,
    pub right: f64,
    pub height: f64,
    pub marks: Vec<Mark>,
    /// Nothing leads on from its bottom.
    pub closed: bool,
    /// A line runs on inside: the arrow has its head further down.
    pub runs_on: bool,
}

/// The whole picture.
pub(super) fn picture(scene: &Scene) -> Piece {
    let start =
        Node { kind: Kind::Done, title: scene.title.clone(), notes: Vec::new(), undo: None };
    let mut whole = boxed(&start);
    whole.closed = false;
    below(&mut whole, column(&scene.body));
    if let Some(aftermath) = &scene.aftermath {
        let group = Group {
            title: "after failure, once everything is undone".into(),
            notes: Vec::new(),
            columns: vec![],
            undo: None,
        };
        let frame = framed(&group, column(aftermath), true);
        whole.height += GAP;
        let at = whole.height;
        place(&mut whole, frame, 0.0, at);
    }
    whole
}

/// Puts a piece into another one, moved; the height grows with it.
fn place(into: &mut Piece, piece: Piece, dx: f64, dy: f64) {
    into.left = into.left.max(piece.left - dx);
    into.right = into.right.max(piece.right + dx);
    into.height = into.height.max(piece.height + dy);
    into.marks.extend(piece.marks.into_iter().map(|mark| moved(mark, dx, dy)));
}

fn moved(mark: Mark, dx: f64, dy: f64) -> Mark {
    match mark {
        Mark::Box { x, y, width, height, looks, lines } => {
            Mark::Box { x: x + dx, y: y + dy, width, height, looks, lines }
        }
        Mark::Frame { x, y, width, height } => Mark::Frame { x: x + dx, y: y + dy, width, height },
        Mark::Line { points, dashed, head } => {
            let points = points.into_iter().map(|(x, y)| (x + dx, y + dy)).collect();
            Mark::Line { points, dashed, head }
        }
        Mark::Label { x, y, text } => Mark::Label { x: x + dx, y: y + dy, text },
        Mark::Bar { y } => Mark::Bar { y: y + dy },
    }
}

/// Puts a piece below another one with an arrow between them.
fn below(upper: &mut Piece, lower: Piece) {
    if lower.height == 0.0 {
        return;
    }
    let at = upper.height;
    if !upper.closed {
        let points = vec![(0.0, at), (0.0, at + GAP)];
        upper.marks.push(Mark::Line { points, dashed: false, head: !lower.runs_on });
    }
    upper.closed = lower.closed;
    place(upper, lower, 0.0, at + GAP);
}

fn column(parts: &Column) -> Piece {
    let mut pieces = parts.iter().map(|part| match part {
        Part::Node(node) => boxed(node),
        Part::Choice(found) => choice(found),
        Part::Group(group) => frame_of(group),
    });
    let Some(mut all) = pieces.next() else { return Piece::default() };
    pieces.for_each(|piece| below(&mut all, piece));
    all
}

fn letters(text: &str, each: f64) -> f64 {
    text.chars().count() as f64 * each
}

/// Width and height of a box with these lines, the first its title.
fn size(lines: &[String]) -> (f64, f64) {
    let title = lines.first().map_or(0.0, |line| letters(line, LETTER));
    let notes = lines.iter().skip(1).map(|line| letters(line, SMALL_LETTER));
    let wide = notes.fold(title, f64::max);
    ((wide + 2.0 * PAD).max(90.0), lines.len() as f64 * LINE + PAD)
}

fn boxed(node: &Node) -> Piece {
    let lines: Vec<String> = std::iter::once(&node.title).chain(&node.notes).cloned().collect();
    let (mut width, mut height) = size(&lines);
    let mut piece = Piece::default();
    if node.kind == Kind::Pivot {
        (width, height) = (width.max(260.0), height + 4.0);
        piece.marks.push(Mark::Bar { y: height / 2.0 });
    }
    let looks = Looks::Of(node.kind);
    piece.marks.push(Mark::Box { x: 0.0, y: 0.0, width, height, looks, lines });
    (piece.left, piece.right, piece.height) = (width / 2.0, width / 2.0, height);
    if node.kind == Kind::Pivot {
        piece.right += BAR_WORDS;
    }
    piece.closed = matches!(node.kind, Kind::Done | Kind::Failed);
    undone(&mut piece, node.undo.as_ref(), height / 2.0);
    piece
}

/// Puts what undoes a piece to its right.
fn undone(piece: &mut Piece, undo: Option<&String>, y: f64) {
    let Some(undo) = undo else { return };
    let lines: Vec<String> = undo.split(", ").map(str::to_owned).collect();
    let wide = lines.iter().map(|line| letters(line, LETTER)).fold(0.0, f64::max);
    let (width, height) = (wide + 2.0 * PAD, lines.len() as f64 * LINE + PAD);
    let (from, x) = (piece.right, piece.right + ASIDE + width / 2.0);
    let points = vec![(from, y), (from + ASIDE, y)];
    piece.marks.push(Mark::Line { points, dashed: true, head: true });
    let looks = Looks::Undo;
    piece.marks.push(Mark::Box { x, y: y - height / 2.0, width, height, looks, lines });
    piece.right = x + width / 2.0;
    piece.height = piece.height.max(y + height / 2.0);
}

/// Columns beside each other: where the axis of each is, and how far all reach.
fn side_by_side(columns: &[Piece], straight: Option<usize>) -> (Vec<f64>, f64, f64) {
    let mut axes = Vec::new();
    let mut at = 0.0;
    for (n, piece) in columns.iter().enumerate() {
        at += if n > 0 { ASIDE } else { 0.0 };
        axes.push(at + piece.left);
        at += piece.left + piece.right;
    }
    // The axis of all: through one of the columns, else through the middle.
    let middle = match (straight, axes.first(), axes.last()) {
        (Some(n), ..) => axes.get(n).copied().unwrap_or(at / 2.0),
        (None, Some(first), Some(last)) => f64::midpoint(*first, *last),
        _ => at / 2.0,
    };
    (axes.into_iter().map(|axis| axis - middle).collect(), middle, at - middle)
}

/// Lets columns hang from a line below `top`, and run together again; gives the bottom.
fn hang(into: &mut Piece, columns: Vec<Piece>, axes: &[f64], labels: &[String], top: f64) -> f64 {
    let begin = top + GAP + if labels.is_empty() { 0.0 } else { 10.0 };
    let tallest = columns.iter().map(|piece| piece.height).fold(0.0, f64::max);
    let open = columns.iter().filter(|piece| !piece.closed).count();
    let end = begin + tallest + if open > 0 { GAP / 2.0 } else { 0.0 };
    let turn = top + GAP / 2.0 - 3.0;
    for (n, (piece, &x)) in columns.into_iter().zip(axes).enumerate() {
        if let Some(label) = labels.get(n) {
            let text = label.clone();
            into.marks.push(Mark::Label { x: x + 6.0, y: begin - 9.0, text });
        }
        let empty = piece.height == 0.0;
        let head = !empty && !piece.runs_on;
        let bottom = if empty { end } else { begin };
        let points = vec![(0.0, top), (0.0, turn), (x, turn), (x, bottom)];
        into.marks.push(Mark::Line { points, dashed: false, head });
        let (height, closed) = (piece.height, piece.closed);
        place(into, piece, x, begin);
        if !closed {
            let from = if empty { end } else { begin + height };
            let points = vec![(x, from), (x, end), (0.0, end)];
            into.marks.push(Mark::Line { points, dashed: false, head: false });
        }
    }
    into.closed = open == 0;
    into.height = into.height.max(end);
    end
}

fn choice(found: &Choice) -> Piece {
    let lines = vec![found.title.clone()];
    let (width, height) = size(&lines);
    let width = width + 24.0;
    let looks = Looks::Question;
    let question = Mark::Box { x: 0.0, y: 0.0, width, height, looks, lines };
    let mut piece = Piece { left: width / 2.0, right: width / 2.0, height, ..Piece::default() };
    piece.marks.push(question);
    let mut columns: Vec<Piece> = found.ways.iter().map(|(_, way)| column(way)).collect();
    let labels: Vec<String> = found.ways.iter().map(|(answer, _)| answer.clone()).collect();
    for (way, (label, parts)) in columns.iter_mut().zip(&found.ways) {
        way.left = way.left.max(20.0);
        way.right = way.right.max(letters(label, SMALL_LETTER) + 12.0);
        way.closed |= ends(parts);
    }
    // What goes on without anything goes straight down, so that the main path is a line.
    let straight = found.ways.iter().position(|(_, way)| way.is_empty());
    let (axes, left, right) = side_by_side(&columns, straight);
    (piece.left, piece.right) = (piece.left.max(left), piece.right.max(right));
    hang(&mut piece, columns, &axes, &labels, height);
    piece
}

fn frame_of(group: &Group) -> Piece {
    let columns: Vec<Piece> = group.columns.iter().map(column).filter(|c| c.height > 0.0).collect();
    let inner = match <[Piece; 1]>::try_from(columns) {
        Ok([single]) => single,
        Err(columns) if columns.is_empty() => Piece::default(),
        Err(columns) => {
            let (axes, left, right) = side_by_side(&columns, None);
            let mut all = Piece { left, right, runs_on: true, ..Piece::default() };
            hang(&mut all, columns, &axes, &[], 0.0);
            all
        }
    };
    framed(group, inner, false)
}

/// A frame round a piece. Nothing leads into a frame that stands alone.
fn framed(group: &Group, inner: Piece, alone: bool) -> Piece {
    let lines: Vec<String> = std::iter::once(&group.title).chain(&group.notes).cloned().collect();
    let head = lines.len() as f64 * LINE + 10.0;
    let title = lines.iter().map(|line| letters(line, SMALL_LETTER)).fold(0.0, f64::max) + 20.0;
    // The title stands to the right of the arrow that comes in, else in the middle.
    let (title_left, title_right) =
        if alone { (title / 2.0, title / 2.0) } else { (0.0, title + 8.0) };
    let (left, right) =
        ((inner.left + FRAME).max(title_left), (inner.right + FRAME).max(title_right));
    let height = head + inner.height + FRAME;
    let mut piece = Piece { left, right, height, ..Piece::default() };
    let title_x = if alone { -left } else { 0.0 };
    piece.marks.push(Mark::Frame { x: -left, y: 0.0, width: left + right, height });
    for (n, text) in lines.into_iter().enumerate() {
        piece.marks.push(Mark::Label { x: title_x + 10.0, y: 16.0 + n as f64 * LINE, text });
    }
    if !alone && inner.height > 0.0 {
        let points = vec![(0.0, 0.0), (0.0, head)];
        piece.marks.push(Mark::Line { points, dashed: false, head: !inner.runs_on });
        piece.runs_on = true;
    }
    // A run leaves a frame by its bottom even where a turn of it ends inside.
    let closed = inner.closed;
    let bottom = head + inner.height;
    place(&mut piece, inner, 0.0, head);
    if !closed && !alone {
        let points = vec![(0.0, bottom), (0.0, height)];
        piece.marks.push(Mark::Line { points, dashed: false, head: false });
    }
    piece.height = height;
    undone(&mut piece, group.undo.as_ref(), head / 2.0 + 4.0);
    piece
}
