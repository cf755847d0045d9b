//! What encloses a statement, and which ways out of it are open (F0006, verdict 73).

use super::body::Body;
use crate::diagnostic::Diagnostic;
use crate::hir::LocalId;
use crate::span::Span;
use smol_str::SmolStr;

/// Something that encloses statements.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// A turn of a plain `each`.
    Each,
    /// A turn of a `parallel each`.
    ParallelEach,
    /// A turn of an `each … settle`.
    Settle,
    /// A turn of a `repeat`, with the values it hands on.
    Repeat(Vec<(SmolStr, LocalId)>),
    /// A branch of a `parallel { }`.
    Branch,
    /// A `savepoint`.
    Savepoint,
    /// An undo.
    Undo,
    /// A `fallback`.
    Fallback,
    /// `after failure`
    Aftermath,
    /// A handler or `else`.
    Remedy,
}

impl Frame {
    /// What a way out would break, in words; none where it may pass.
    fn wall(&self) -> Option<&'static str> {
        match self {
            Self::ParallelEach => Some("a turn of `parallel each`"),
            Self::Settle => Some("a turn of `settle`"),
            Self::Branch => Some("a branch of `parallel`"),
            Self::Savepoint => Some("a `savepoint`"),
            Self::Undo => Some("a `compensate`"),
            Self::Fallback => Some("a `fallback`"),
            Self::Aftermath => Some("`after failure`"),
            Self::Each | Self::Repeat(_) | Self::Remedy => None,
        }
    }
}

impl Body<'_, '_> {
    /// Reads something inside a frame.
    pub(super) fn inside<T>(&mut self, frame: Frame, read: impl FnOnce(&mut Self) -> T) -> T {
        self.frames.push(frame);
        let value = read(self);
        self.frames.pop();
        value
    }

    /// `give` belongs to the innermost loop.
    pub(super) fn check_give(&mut self, at: Span) {
        for frame in self.frames.iter().rev() {
            match frame {
                Frame::Each | Frame::ParallelEach | Frame::Settle | Frame::Repeat(_) => return,
                frame => {
                    if let Some(wall) = frame.wall() {
                        return self.cannot_leave("give", wall, at);
                    }
                }
            }
        }
        self.out_of_place("give", "there is no loop around it", at);
    }

    /// `again` belongs to the innermost `repeat`, whose values it names.
    pub(super) fn check_again(&mut self, at: Span) -> Vec<(SmolStr, LocalId)> {
        for frame in self.frames.iter().rev() {
            if let Frame::Repeat(vars) = frame {
                return vars.clone();
            }
            if let Some(wall) = frame.wall() {
                self.cannot_leave("again", wall, at);
                return Vec::new();
            }
        }
        self.out_of_place("again", "there is no `repeat` around it", at);
        Vec::new()
    }

    /// `return` belongs to the workflow.
    pub(super) fn check_return(&mut self, at: Span) {
        if let Some(wall) = self.frames.iter().rev().find_map(Frame::wall) {
            self.cannot_leave("return", wall, at);
        }
    }

    /// `use` ends a remedy or a fallback, `skip` a remedy.
    pub(super) fn check_remedy_end(&mut self, word: &'static str, at: Span) {
        match self.frames.last() {
            Some(Frame::Remedy) => return,
            Some(Frame::Fallback) if word == "use" => return,
            _ => {}
        }
        let why = match word {
            "use" => "it gives a step its value, at the end of `on …`, `else` or `fallback`",
            _ => "it leaves a step without a value, at the end of `on …` or `else`",
        };
        self.out_of_place(word, why, at);
    }

    fn cannot_leave(&mut self, word: &str, wall: &str, at: Span) {
        // What it could belong to may have been skipped.
        if self.incomplete {
            return;
        }
        let found = Diagnostic::error("F0006", at, format!("`{word}` cannot leave {wall}"))
            .label(at, "would leave work behind that nobody waits for")
            .help(format!("let {wall} come to its end, and decide after it"));
        self.r.report(found);
    }

    fn out_of_place(&mut self, word: &str, why: &str, at: Span) {
        if self.incomplete {
            return;
        }
        let found = Diagnostic::error("F0006", at, format!("`{word}` means nothing here"))
            .label(at, why.to_owned());
        self.r.report(found);
    }
}
