//! A workflow as a picture: the forward path, what undoes each step, and where the run commits.
//!
//! `scene` reads the program and says what is to be seen; the others say it as Mermaid, as DOT, and
//! as SVG, which is laid out here: the language is structured, so boxes in boxes are enough. Pure,
//! and the same program gives the same text.

mod dot;
mod flow;
mod layout;
mod mermaid;
mod paint;
mod read;
mod scene;

#[cfg(test)]
mod tests;

use crate::hir::{Program, WorkflowId};
use crate::source::Sources;

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// As it is.
    Svg,
}

/// The picture of a workflow. `sources` are those of the program.
#[must_use]
pub fn draw(program: &Program, sources: &Sources, workflow: WorkflowId, format: Format) -> String {
    let scene = read::scene(program, sources, workflow);
    match format {
        Format::Mermaid => mermaid::write(&scene),
        Format::Dot => dot::write(&scene),
        Format::Svg => paint::write(&scene),
    }
}
