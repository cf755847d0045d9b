//! A report for people, for programs, and for what shows test results.

use crate::report::{Exchange, Found, Report, Verdict};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Pretty,
    /// One object.
    Json,
    /// A suite an action, a case a clause.
    Junit,
}

impl Report {
    /// The report in this format.
    #[must_use]
    pub fn print(&self, format: Format) -> String {
        match format {
            Format::Pretty => self.pretty(),
            Format::Json => format!("{:#}\n", self.json()),
            Format::Junit => self.junit(),
        }
    }

    /// For people: what is broken with its calls, what would be lost, and what to do.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        for service in &self.services {
            // A text written into memory cannot fail.
            let _ = writeln!(out, "{} at {}", service.service, service.place);
            for action in &service.actions {
                let _ = writeln!(out, "\n  {}", action.action);
                if let Some(instead) = &action.instead {
                    let _ = writeln!(out, "    {instead}");
                }
                let mut said = None;
                for found in &action.found {
                    let why = words(&found.verdict).1;
                    pretty(found, why == said, &mut out);
                    said = why;
                }
            }
            out.push('\n');
        }
        let _ = writeln!(
            out,
            "{} kept, {} broken, {} not tried  (seed {})",
            self.kept(),
            self.broken(),
            self.not_tried(),
            self.seed
        );
        out
    }

    fn json(&self) -> Value {
        let call = |call: &Exchange| {
            json!({
                "call": call.call, "purpose": call.purpose, "key": call.key,
                "undoes": call.undoes, "args": call.args, "outcome": call.outcome,
            })
        };
        let found: Vec<Value> = self
            .found()
            .map(|(service, action, found)| {
                let (verdict, why) = words(&found.verdict);
                let mut one = json!({
                    "service": service.service, "at": service.place, "action": action.action,
                    "clause": found.clause.id(), "promise": found.clause.promise(),
                    "verdict": verdict, "why": why,
                });
                if let (Verdict::Broken(_), Some(fields)) = (&found.verdict, one.as_object_mut()) {
                    fields.insert("risk".to_owned(), found.clause.risk().into());
                    fields.insert("remedy".to_owned(), found.clause.remedy().into());
                    fields.insert("calls".to_owned(), found.calls.iter().map(call).collect());
                }
                one
            })
            .collect();
        json!({
            "seed": self.seed, "kept": self.kept(), "broken": self.broken(),
            "not_tried": self.not_tried(), "clauses": found,
        })
    }

    fn junit(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for service in &self.services {
            for action in service.actions.iter().filter(|action| action.instead.is_none()) {
                let count = |which: fn(&Verdict) -> bool| {
                    action.found.iter().filter(|found| which(&found.verdict)).count()
                };
                let _ = writeln!(
                    out,
                    "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">",
                    xml(&format!("{}.{}", service.service, action.action)),
                    action.found.len(),
                    count(|verdict| matches!(verdict, Verdict::Broken(_))),
                    count(|verdict| words(verdict).0 == "not tried"),
                );
                action.found.iter().for_each(|found| junit(found, &mut out));
                out.push_str("  </testsuite>\n");
            }
        }
        out.push_str("</testsuites>\n");
        out
    }
}

/// The word of a verdict, and what it says more.
fn words(verdict: &Verdict) -> (&'static str, Option<&str>) {
    match verdict {
        Verdict::Kept(note) => ("kept", note.as_deref()),
        Verdict::Broken(why) => ("broken", Some(why)),
        Verdict::NotTried(why) => ("not tried", Some(why)),
        Verdict::NotReached(why) => ("not tried", Some(why)),
    }
}

/// Where the text of a clause begins.
const INDENT: &str = "               ";

/// One clause; a reason that was `said` right before is not said again.
fn pretty(found: &Found, said: bool, out: &mut String) {
    let (word, why) = words(&found.verdict);
    let _ = writeln!(out, "    {word:<9}  {}", found.clause.promise());
    let broken = matches!(found.verdict, Verdict::Broken(_));
    if let Some(why) = why.filter(|_| broken || !said) {
        let seen = if broken { "seen: " } else { "" };
        let _ = writeln!(out, "{INDENT}{seen}{why}");
    }
    if !broken {
        return;
    }
    let _ = writeln!(out, "{INDENT}so:   {}", found.clause.risk());
    let _ = writeln!(out, "{INDENT}mend: {}", found.clause.remedy());
    for (index, call) in found.calls.iter().enumerate() {
        let _ = writeln!(out, "{INDENT}{}. {}", index + 1, line(call));
        let _ = writeln!(out, "{INDENT}   {} => {}", call.args, call.outcome);
    }
}

fn line(call: &Exchange) -> String {
    let undoes = call.undoes.as_ref().map_or_else(String::new, |key| match call.purpose {
        "probe" => format!("  asks about {key}"),
        _ => format!("  undoes {key}"),
    });
    // Nobody answers a read from its key.
    let key = match call.purpose {
        "read" => String::new(),
        _ => format!("  key {}", call.key),
    };
    format!("{}  {}{key}{undoes}", call.call, call.purpose)
}

fn junit(found: &Found, out: &mut String) {
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\"",
        xml(&found.clause.id()),
        xml(&found.clause.promise())
    );
    let (word, why) = words(&found.verdict);
    let why = why.map(xml).unwrap_or_default();
    let _ = match word {
        "broken" => {
            let mut text = String::new();
            pretty(found, false, &mut text);
            writeln!(out, "><failure message=\"{why}\">{}</failure></testcase>", xml(&text))
        }
        "not tried" => writeln!(out, "><skipped message=\"{why}\"/></testcase>"),
        _ => writeln!(out, "/>"),
    };
}

/// Text as XML takes it, without the characters that it cannot hold.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(char),
            char if char.is_control() => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
    out
}
