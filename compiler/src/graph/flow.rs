//! The scene as boxes and arrows by number, for formats that lay out by themselves.

use super::scene::{Column, Group, Kind, Node, Part, Scene};

/// A box.
#[derive(Debug)]
pub(super) struct Box {
    /// What it stands for; none of a question.
    pub kind: Option<Kind>,
    /// Its lines, the first its title.
    pub lines: Vec<String>,
    /// Whether it undoes something.
    pub undoes: bool,
}

/// An arrow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arrow {
    pub from: usize,
    pub to: usize,
    pub label: String,
    pub dashed: bool,
}

/// What stands in a frame, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// A box, by number.
    Box(usize),
    /// A frame with its title.
    Frame(String, Vec<Item>),
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub boxes: Vec<Box>,
    pub arrows: Vec<Arrow>,
    pub items: Vec<Item>,
}

/// Arrows that have a source and wait for their target.
type Open = Vec<(usize, String)>;

/// The boxes and arrows of a scene.
pub(super) fn flow(scene: &Scene) -> Flow {
    let mut flow = Flow::default();
    let start = flow.add(Some(Kind::Done), vec![scene.title.clone()]);
    let mut items = vec![Item::Box(start)];
    flow.column(&scene.body, vec![(start, String::new())], &mut items);
    if let Some(aftermath) = &scene.aftermath {
        let mut inner = Vec::new();
        flow.column(aftermath, Vec::new(), &mut inner);
        items.push(Item::Frame("after failure".into(), inner));
    }
    flow.items = items;
    flow
}

impl Flow {
    fn add(&mut self, kind: Option<Kind>, lines: Vec<String>) -> usize {
        self.boxes.push(Box { kind, lines, undoes: false });
        self.boxes.len() - 1
    }

    fn reach(&mut self, open: Open, to: usize) {
        for (from, label) in open {
            self.arrows.push(Arrow { from, to, label, dashed: false });
        }
    }

    /// Adds a column behind open arrows; gives those it leaves open.
    fn column(&mut self, column: &Column, mut open: Open, items: &mut Vec<Item>) -> Open {
        for part in column {
            open = match part {
                Part::Node(node) => self.node(node, open, items),
                Part::Group(group) => self.group(group, open, items),
                Part::Choice(choice) => {
                    let asked = self.add(None, vec![choice.title.clone()]);
                    items.push(Item::Box(asked));
                    self.reach(open, asked);
                    let mut out = Open::new();
                    for (answer, way) in &choice.ways {
                        out.extend(self.column(way, vec![(asked, answer.clone())], items));
                    }
                    out
                }
            };
        }
        open
    }

    fn node(&mut self, node: &Node, open: Open, items: &mut Vec<Item>) -> Open {
        let lines = std::iter::once(&node.title).chain(&node.notes).cloned().collect();
        let at = self.add(Some(node.kind), lines);
        items.push(Item::Box(at));
        self.reach(open, at);
        self.undo(node.undo.as_ref(), at, items);
        match node.kind {
            Kind::Done | Kind::Failed => Open::new(),
            _ => vec![(at, String::new())],
        }
    }

    fn undo(&mut self, undo: Option<&String>, of: usize, items: &mut Vec<Item>) {
        let Some(undo) = undo else { return };
        let at = self.add(Some(Kind::Write), vec![undo.clone()]);
        if let Some(added) = self.boxes.last_mut() {
            added.undoes = true;
        }
        items.push(Item::Box(at));
        self.arrows.push(Arrow { from: of, to: at, label: "undo".into(), dashed: true });
    }

    fn group(&mut self, group: &Group, open: Open, items: &mut Vec<Item>) -> Open {
        let mut inner = Vec::new();
        let mut out = Open::new();
        let first = self.boxes.len();
        for column in &group.columns {
            out.extend(self.column(column, open.clone(), &mut inner));
        }
        if inner.is_empty() {
            return open;
        }
        let mut title = group.title.clone();
        group.notes.iter().for_each(|note| title = format!("{title}, {note}"));
        items.push(Item::Frame(title, inner));
        // An arrow cannot begin at a frame in every format: it begins at the first box in it.
        self.undo(group.undo.as_ref(), first, items);
        out
    }
}
