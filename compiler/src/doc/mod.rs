//! The page of a workflow, for whoever has to live with it: its story, what starts it, its steps with
//! what undoes them, how it can end, whom it asks, and every effective default with who said it.
//!
//! `story` tells it in sentences, `steps` walks the body, `face` describes what is around it, `table`
//! lists defaults. Promises that everything it says follows from the program; must not analyse.

mod face;
mod steps;
mod story;
mod table;

use crate::check::time::{Clock, cut};
use crate::hir::{Program, WorkflowId};
use crate::page::{Part, html, markdown};
use crate::source::Sources;
use crate::words::{Words, duration};

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Markdown.
    Markdown,
    /// One HTML document.
    Html,
}

/// The page of a workflow. `about` is what its module says of itself.
#[must_use]
pub fn page(
    program: &Program,
    sources: &Sources,
    about: &str,
    id: WorkflowId,
    format: Format,
) -> String {
    let writer = Writer { words: Words { program, sources }, id };
    let parts = writer.parts(about);
    match format {
        Format::Markdown => markdown(&parts),
        Format::Html => html(&program.workflows[id].name.name, &parts),
    }
}

/// Writes about one workflow.
pub(super) struct Writer<'p> {
    words: Words<'p>,
    id: WorkflowId,
}

impl Writer<'_> {
    fn parts(&self, about: &str) -> Vec<Part> {
        let program = self.words.program;
        let workflow = &program.workflows[self.id];
        let place = self.words.place(workflow.name_span);
        let mut parts = vec![
            Part::Heading(1, workflow.name.name.to_string()),
            Part::Para(format!("Version {}, in `{place}`.", workflow.version.node)),
        ];
        let said = [workflow.doc.as_str(), about];
        let said = said.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        parts.extend(said.map(|text| Part::Para(text.replace('\n', " "))));
        parts.push(Part::Para(self.story()));
        self.face(&mut parts);
        parts.push(Part::Heading(2, "What happens, in order".into()));
        parts.push(Part::List { numbered: true, items: self.steps(&workflow.body) });
        if let Some(aftermath) = &workflow.aftermath {
            parts.push(Part::Heading(2, "After a failure".into()));
            let told = "Once everything that was done has been undone:";
            parts.push(Part::Para(told.into()));
            parts.push(Part::List { numbered: true, items: self.steps(&aftermath.body) });
        }
        self.ends(&mut parts);
        self.people(&mut parts);
        self.events(&mut parts);
        self.locks(&mut parts);
        self.disclosed(&mut parts);
        self.time(&mut parts);
        self.defaults(&mut parts);
        parts
    }

    fn time(&self, parts: &mut Vec<Part>) {
        let workflow = &self.words.program.workflows[self.id];
        let body = Clock::new(self.words.program).block(&workflow.body);
        let deadline = workflow.deadline.map(|deadline| deadline.value);
        let told = match (body, deadline) {
            (Some(all), Some(cut_at)) if all > cut_at => format!(
                "At worst every attempt and every wait together take {}. The deadline of {} ends it earlier as long as it has not committed.",
                duration(all),
                duration(cut_at)
            ),
            (Some(_), _) => {
                let most = cut(body, deadline).map_or_else(String::new, duration);
                format!(
                    "At worst it takes {most}, with every attempt made and every wait waited out."
                )
            }
            (None, Some(cut_at)) => format!(
                "Something in it is tried, or waited for, without a bound of its own. The deadline of {} ends it as long as it has not committed; after that it goes on until it is done.",
                duration(cut_at)
            ),
            (None, None) => "Nothing bounds how long it takes.".to_owned(),
        };
        let kept = workflow.retain.map_or(30 * 86_400_000, |retain| retain.value);
        parts.push(Part::Heading(2, "How long it takes".into()));
        parts.push(Part::Para(told));
        parts
            .push(Part::Para(format!("Its history is kept for {} after the end.", duration(kept))));
    }
}
