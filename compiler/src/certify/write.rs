//! The auditor's page.

use super::sheet::{Certificate, Point, Sheet, Undoing};
use crate::page::{Item, Part};
use crate::words::{and, plural};

/// The whole page.
#[must_use]
pub fn page(certificate: &Certificate) -> Vec<Part> {
    let mut parts = vec![
        Part::Heading(1, "Certificate".into()),
        Part::Para(format!(
            "{}. Digest `{}`.",
            plural(certificate.workflows.len() as u64, "workflow"),
            certificate.digest
        )),
        Part::Para("The same promises have the same digest, wherever they stand in their files. \"If done\" means: where it has been done by then, or may have been.".into()),
        Part::Para("An undo is tried again and again unless its own policy ends; after 10 attempts or 10 minutes the run is flagged `undo_late`. One that cannot succeed waits for a person, who has it tried again, says that it is done, or gives it up with a reason; what was done before it is undone behind it.".into()),
    ];
    certificate.workflows.iter().for_each(|sheet| write_sheet(sheet, &mut parts));
    parts
}

fn write_sheet(sheet: &Sheet, parts: &mut Vec<Part>) {
    let name = sheet.workflow.rsplit('.').next().unwrap_or(&sheet.workflow);
    parts.push(Part::Heading(2, format!("{name} v{}", sheet.version)));
    parts.push(Part::Para(format!("`{}`, in `{}`.", sheet.workflow, sheet.place)));
    parts.push(Part::Para(sheet.verdict.clone()));
    if !sheet.unsupported.is_empty() {
        let what = and(&sheet.unsupported);
        parts.push(Part::Para(format!(
            "This version does not run it: it cannot execute {what} yet."
        )));
    }
    let list = |items: Vec<String>| Part::List {
        numbered: false,
        items: items.into_iter().map(Item::new).collect(),
    };
    if !sheet.decisions.is_empty() {
        parts.push(Part::Heading(3, "What a person decides".into()));
        parts.push(list(sheet.decisions.clone()));
    }
    if !sheet.waivers.is_empty() {
        parts.push(Part::Heading(3, "What was waived".into()));
        let told = |w: &super::sheet::Waiver| format!("{}: {} (`{}`)", w.what, w.reason, w.place);
        parts.push(list(sheet.waivers.iter().map(told).collect()));
    }
    for (number, point) in sheet.points.iter().enumerate() {
        write_point(number + 1, point, parts);
    }
}

fn write_point(number: usize, point: &Point, parts: &mut Vec<Part>) {
    parts.push(Part::Heading(3, format!("{number}. `{}`", point.what)));
    let done = match (point.committed, point.done.as_slice()) {
        (true, []) => "nothing is undone any more".to_owned(),
        (false, []) => "nothing was done before it that has an undo".to_owned(),
        (_, done) => format!("done by then: {}", and(&done.iter().map(called).collect::<Vec<_>>())),
    };
    parts.push(Part::Para(format!("At `{}`; {done}.", point.place)));
    let head = ["what goes wrong", "what comes of it", "undone, in this order", "the run"];
    let rows = point.ways.iter().map(|way| {
        let undone = if way.undone.is_empty() { "–".to_owned() } else { undone(&way.undone) };
        vec![way.what.clone(), way.then.clone(), undone, way.ends.clone()]
    });
    parts.push(Part::Table(head.map(str::to_owned).to_vec(), rows.collect()));
}

/// What was done, in words.
fn called(entry: &Undoing) -> String {
    match entry {
        Undoing::Step { call, sure, .. } => {
            let perhaps = if *sure { "" } else { " (perhaps)" };
            format!("`{call}`{perhaps}")
        }
        Undoing::Together(lists) => {
            let all: Vec<String> = lists.iter().flatten().map(called).collect();
            format!("{} side by side", and(&all))
        }
        Undoing::Turns { of, each, .. } => {
            let all: Vec<String> = each.iter().map(called).collect();
            format!("{} in turns of {of}", and(&all))
        }
        Undoing::If { when, then } => {
            let all: Vec<String> = then.iter().map(called).collect();
            format!("{} where {when}", and(&all))
        }
    }
}

/// What is undone in which order, in words.
#[must_use]
pub fn undone(list: &[Undoing]) -> String {
    let all: Vec<String> = list.iter().map(one).collect();
    all.join(", then ")
}

fn one(entry: &Undoing) -> String {
    match entry {
        Undoing::Step { by, call, sure, .. } => {
            let by: Vec<String> = by.iter().map(|call| format!("`{call}`")).collect();
            let by = if by.is_empty() { format!("the undo of `{call}`") } else { by.join(", ") };
            if *sure { by } else { format!("{by} if done") }
        }
        Undoing::Together(lists) => {
            let all: Vec<String> = lists.iter().map(|list| format!("({})", undone(list))).collect();
            format!("at the same time {}", and(&all))
        }
        Undoing::Turns { of, together, each } => {
            let order = if *together { "all turns at once" } else { "the last turn first" };
            format!("for each turn of {of}, {order}: {}", undone(each))
        }
        Undoing::If { when, then } => format!("where {when}: {}", undone(then)),
    }
}
