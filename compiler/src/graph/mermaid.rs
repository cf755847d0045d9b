//! A scene as Mermaid, which Markdown viewers draw.

use super::flow::{Box, Flow, Item, flow};
use super::scene::{Kind, Scene};

const CLASSES: &str = "\
  classDef read fill:#f4f7fb,stroke:#5b7083,color:#1c2733
  classDef write fill:#e3eefc,stroke:#2f6fb3,color:#1c2733
  classDef pivot fill:#1c2733,stroke:#1c2733,color:#ffffff,stroke-width:4px
  classDef wait fill:#fff6dd,stroke:#b98a16,color:#1c2733
  classDef note fill:#ffffff,stroke:#9aa7b3,color:#1c2733
  classDef done fill:#e3f4e5,stroke:#3b8a48,color:#1c2733
  classDef failed fill:#fbe5e4,stroke:#b3423c,color:#1c2733
  classDef undo fill:#ffffff,stroke:#b3423c,color:#8c2f2a,stroke-dasharray:4 3
";

/// The text of a chart.
pub(super) fn write(scene: &Scene) -> String {
    let flow = flow(scene);
    let mut out = String::from("flowchart TD\n");
    let mut frames = 0;
    items(&flow, &flow.items, 1, &mut frames, &mut out);
    for arrow in &flow.arrows {
        let line = match (arrow.dashed, arrow.label.is_empty()) {
            (true, _) => format!("-. {} .->", arrow.label),
            (false, true) => "-->".into(),
            (false, false) => format!("-->|\"{}\"|", escaped(&arrow.label)),
        };
        out += &format!("  n{} {line} n{}\n", arrow.from, arrow.to);
    }
    out + CLASSES
}

fn items(flow: &Flow, items_of: &[Item], depth: usize, frames: &mut usize, out: &mut String) {
    let blanks = "  ".repeat(depth);
    for item in items_of {
        match item {
            Item::Box(at) => {
                if let Some(found) = flow.boxes.get(*at) {
                    *out += &format!("{blanks}n{at}{}\n", shape(found));
                }
            }
            Item::Frame(title, inner) => {
                *frames += 1;
                *out += &format!("{blanks}subgraph g{frames}[\"{}\"]\n", escaped(title));
                items(flow, inner, depth + 1, frames, out);
                *out += &format!("{blanks}end\n");
            }
        }
    }
}

fn shape(found: &Box) -> String {
    let text = found.lines.iter().map(|l| escaped(l)).collect::<Vec<_>>().join("<br/>");
    let (open, close, class) = match found.kind {
        _ if found.undoes => ("[", "]", "undo"),
        None => ("{{", "}}", "note"),
        Some(Kind::Read) => ("[", "]", "read"),
        Some(Kind::Write) => ("[", "]", "write"),
        Some(Kind::Pivot) => ("[[", "]]", "pivot"),
        Some(Kind::Wait) => ("([", "])", "wait"),
        Some(Kind::Note) => ("[", "]", "note"),
        Some(Kind::Done) => ("([", "])", "done"),
        Some(Kind::Failed) => ("([", "])", "failed"),
    };
    format!("{open}\"{text}\"{close}:::{class}")
}

fn escaped(text: &str) -> String {
    text.replace('#', "#35;")
        .replace('"', "#quot;")
        .replace('<', "#lt;")
        .replace('>', "#gt;")
        .replace('{', "#123;")
        .replace('}', "#125;")
        .replace('`', "#96;")
}
