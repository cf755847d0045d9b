//! A scene as DOT, which Graphviz lays out.

use super::flow::{Box, Flow, Item, flow};
use super::scene::{Kind, Scene};

/// The text of a graph.
pub(super) fn write(scene: &Scene) -> String {
    let flow = flow(scene);
    let mut out = format!(
        "digraph \"{}\" {{\n  rankdir=TB\n  compound=true\n  \
         node [fontname=\"Helvetica\", fontsize=11, shape=box, style=\"rounded,filled\"]\n  \
         edge [fontname=\"Helvetica\", fontsize=10, color=\"#5b7083\"]\n",
        escaped(&scene.title)
    );
    let mut frames = 0;
    items(&flow, &flow.items, 1, &mut frames, &mut out);
    for arrow in &flow.arrows {
        let mut attributes = Vec::new();
        if !arrow.label.is_empty() {
            attributes.push(format!("label=\"{}\"", escaped(&arrow.label)));
        }
        if arrow.dashed {
            attributes.push("style=dashed, color=\"#b3423c\", constraint=false".into());
        }
        let attributes = match attributes.is_empty() {
            true => String::new(),
            false => format!(" [{}]", attributes.join(", ")),
        };
        out += &format!("  n{} -> n{}{attributes}\n", arrow.from, arrow.to);
    }
    out + "}\n"
}

fn items(flow: &Flow, items_of: &[Item], depth: usize, frames: &mut usize, out: &mut String) {
    let blanks = "  ".repeat(depth);
    for item in items_of {
        match item {
            Item::Box(at) => {
                if let Some(found) = flow.boxes.get(*at) {
                    *out += &format!("{blanks}n{at} [{}]\n", attributes(found));
                }
            }
            Item::Frame(title, inner) => {
                *frames += 1;
                *out += &format!(
                    "{blanks}subgraph cluster_{frames} {{\n{blanks}  label=\"{}\"\n{blanks}  \
                     style=\"rounded\"; color=\"#9aa7b3\"; fontname=\"Helvetica\"; fontsize=11\n",
                    escaped(title)
                );
                items(flow, inner, depth + 1, frames, out);
                *out += &format!("{blanks}}}\n");
            }
        }
    }
}

fn attributes(found: &Box) -> String {
    let text = found.lines.iter().map(|l| escaped(l)).collect::<Vec<_>>().join("\\n");
    let looks = match found.kind {
        _ if found.undoes => "style=\"rounded,dashed\", color=\"#b3423c\", fontcolor=\"#8c2f2a\"",
        None => "shape=hexagon, style=filled, fillcolor=\"#ffffff\"",
        Some(Kind::Read) => "fillcolor=\"#f4f7fb\", color=\"#5b7083\"",
        Some(Kind::Write) => "fillcolor=\"#e3eefc\", color=\"#2f6fb3\"",
        // The bar behind which nothing is undone.
        Some(Kind::Pivot) => {
            "style=filled, width=5, fillcolor=\"#1c2733\", color=\"#1c2733\", fontcolor=white"
        }
        Some(Kind::Wait) => "fillcolor=\"#fff6dd\", color=\"#b98a16\"",
        Some(Kind::Note) => "fillcolor=\"#ffffff\", color=\"#9aa7b3\"",
        Some(Kind::Done) => "shape=oval, style=filled, fillcolor=\"#e3f4e5\", color=\"#3b8a48\"",
        Some(Kind::Failed) => "shape=oval, style=filled, fillcolor=\"#fbe5e4\", color=\"#b3423c\"",
    };
    format!("label=\"{text}\", {looks}")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
