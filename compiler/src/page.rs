//! A page for people: headings, sentences, lists and tables, as Markdown and as HTML.
//!
//! Text in it marks what stands in the source with backticks and nothing else. Promises that the same
//! page gives the same text, and that no text of a program becomes markup.

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A heading: how deep, from 1, and its words.
    Heading(u8, String),
    /// A paragraph.
    Para(String),
    /// Items, numbered where their order matters.
    List {
        /// Whether they are numbered.
        numbered: bool,
        /// In order.
        items: Vec<Item>,
    },
    /// A table with its headings.
    Table(Vec<String>, Vec<Vec<String>>),
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// What it says.
    pub text: String,
    /// Small print below it.
    pub notes: Vec<String>,
    /// Items below it.
    pub inner: Vec<Item>,
}

impl Item {
    /// An item with nothing below it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// As Markdown.
#[must_use]
pub fn markdown(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        if !out.is_empty() {
            out.push('\n');
        }
        match part {
            Part::Heading(depth, text) => {
                out.push_str(&format!("{} {text}\n", "#".repeat(usize::from(*depth))));
            }
            Part::Para(text) => out.push_str(&format!("{text}\n")),
            Part::List { numbered, items } => markdown_items(&mut out, items, *numbered, 0),
            Part::Table(head, rows) => {
                let row = |cells: &[String]| {
                    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
                    format!("| {} |\n", cells.join(" | "))
                };
                out.push_str(&row(head));
                out.push_str(&format!("|{}\n", "---|".repeat(head.len())));
                rows.iter().for_each(|cells| out.push_str(&row(cells)));
            }
        }
    }
    out
}

fn markdown_items(out: &mut String, items: &[Item], numbered: bool, depth: usize) {
    let indent = "   ".repeat(depth);
    for (at, item) in items.iter().enumerate() {
        let mark = if numbered { format!("{}.", at + 1) } else { "-".to_owned() };
        out.push_str(&format!("{indent}{mark} {}\n", item.text));
        for note in &item.notes {
            out.push_str(&format!("{indent}   - {note}\n"));
        }
        markdown_items(out, &item.inner, numbered, depth + 1);
    }
}

/// What makes a page readable on paper and on a screen, without anything from elsewhere.
const STYLE: &str = "\
body{font:16px/1.55 Georgia,serif;color:#1d2433;max-width:52rem;margin:2.5rem auto;padding:0 1.5rem}
h1{font-size:1.9rem;margin:0 0 .2rem}h2{font-size:1.2rem;margin:2rem 0 .4rem;border-bottom:1px solid #d5dae3}
h3{font-size:1.02rem;margin:1.3rem 0 .2rem}code{font:.86em/1.4 ui-monospace,Menlo,Consolas,monospace;
background:#f1f3f7;border-radius:3px;padding:.05em .3em}table{border-collapse:collapse;font-size:.88rem;
width:100%}td,th{border:1px solid #d5dae3;padding:.3rem .5rem;text-align:left;vertical-align:top}
th{background:#f1f3f7}li{margin:.25rem 0}ul.notes{color:#515b6e;font-size:.9rem}
@media print{body{margin:0;max-width:none}h2,h3{break-after:avoid}li,tr{break-inside:avoid}}";

/// As one HTML document.
#[must_use]
pub fn html(title: &str, parts: &[Part]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n\
         <style>{STYLE}</style></head><body>\n",
        escaped(title)
    );
    for part in parts {
        match part {
            Part::Heading(depth, text) => {
                out.push_str(&format!("<h{depth}>{}</h{depth}>\n", inline(text)));
            }
            Part::Para(text) => out.push_str(&format!("<p>{}</p>\n", inline(text))),
            Part::List { numbered, items } => html_items(&mut out, items, *numbered),
            Part::Table(head, rows) => {
                let cells = |cells: &[String], tag: &str| -> String {
                    let cell = |text: &String| format!("<{tag}>{}</{tag}>", inline(text));
                    cells.iter().map(cell).collect()
                };
                out.push_str(&format!("<table><tr>{}</tr>\n", cells(head, "th")));
                for row in rows {
                    out.push_str(&format!("<tr>{}</tr>\n", cells(row, "td")));
                }
                out.push_str("</table>\n");
            }
        }
    }
    out.push_str("</body></html>\n");
    out
}

fn html_items(out: &mut String, items: &[Item], numbered: bool) {
    let tag = if numbered { "ol" } else { "ul" };
    out.push_str(&format!("<{tag}>\n"));
    for item in items {
        out.push_str(&format!("<li>{}", inline(&item.text)));
        if !item.notes.is_empty() {
            let note = |note: &String| format!("<li>{}</li>", inline(note));
            let notes: String = item.notes.iter().map(note).collect();
            out.push_str(&format!("<ul class=\"notes\">{notes}</ul>"));
        }
        if !item.inner.is_empty() {
            html_items(out, &item.inner, numbered);
        }
        out.push_str("</li>\n");
    }
    out.push_str(&format!("</{tag}>\n"));
}

/// Text with its backticks as code.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (at, piece) in text.split('`').enumerate() {
        match at % 2 {
            0 => out.push_str(&escaped(piece)),
            _ => out.push_str(&format!("<code>{}</code>", escaped(piece))),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
