//! What is to be seen of a workflow: data only.

/// Parts one below the other.
pub(super) type Column = Vec<Part>;

/// A workflow.
#[derive(Debug)]
pub(super) struct Scene {
    /// Its name and version.
    pub title: String,
    /// Its body.
    pub body: Column,
    /// What runs once everything is undone.
    pub aftermath: Option<Column>,
}

/// A part of a column.
#[derive(Debug)]
pub(super) enum Part {
    /// One box.
    Node(Node),
    /// Ways of which one is taken.
    Choice(Choice),
    /// A frame round columns that run side by side, or round one.
    Group(Group),
}

/// What a box stands for; it decides its looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A step that only reads.
    Read,
    /// A step that changes something.
    Write,
    /// The step that cannot be undone.
    Pivot,
    /// A wait for a person, an event or a time.
    Wait,
    /// Anything else that happens.
    Note,
    /// The end of a run that succeeded.
    Done,
    /// The end of a run that failed.
    Failed,
}

/// One box.
#[derive(Debug)]
pub(super) struct Node {
    /// What it stands for.
    pub kind: Kind,
    /// What it is called.
    pub title: String,
    /// Small print: what happens when it fails.
    pub notes: Vec<String>,
    /// What undoes it.
    pub undo: Option<String>,
}

/// Ways of which one is taken.
#[derive(Debug)]
pub(super) struct Choice {
    /// What is asked.
    pub title: String,
    /// The answers with what follows each.
    pub ways: Vec<(String, Column)>,
}

/// A frame.
#[derive(Debug)]
pub(super) struct Group {
    /// What it says at its top.
    pub title: String,
    /// Small print.
    pub notes: Vec<String>,
    /// Whether its columns run side by side, or it is one.
    pub columns: Vec<Column>,
    /// What undoes all of it.
    pub undo: Option<String>,
}

/// Whether nothing follows a column.
pub(super) fn ends(column: &Column) -> bool {
    match column.last() {
        Some(Part::Node(node)) => matches!(node.kind, Kind::Done | Kind::Failed),
        Some(Part::Choice(choice)) => choice.ways.iter().all(|(_, way)| ends(way)),
        // What leaves a frame is drawn inside it; what comes behind it may still be reached.
        Some(Part::Group(_)) | None => false,
    }
}
