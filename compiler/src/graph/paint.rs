//! A scene as SVG: what the layout says, in shapes and colours.

use super::layout::{Looks, Mark, picture};
use super::scene::{Kind, Scene};

const MARGIN: f64 = 24.0;
const TITLE: f64 = 12.5;

/// The text of a picture.
pub(super) fn write(scene: &Scene) -> String {
    let whole = picture(scene);
    let (width, height) = (whole.left + whole.right + 2.0 * MARGIN, whole.height + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"DejaVu Sans, Verdana, sans-serif\" \
         font-size=\"{TITLE}\">\n<title>{}</title>\n{DEFS}\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&scene.title)
    );
    let (dx, dy) = (whole.left + MARGIN, MARGIN);
    out += &format!("<g transform=\"translate({dx:.1} {dy:.1})\">\n");
    // Order: frames lie at the bottom, lines on them, boxes and words on top.
    let layer = |mark: &Mark| match mark {
        Mark::Frame { .. } => 0,
        Mark::Bar { .. } => 1,
        Mark::Line { .. } => 2,
        Mark::Box { .. } => 3,
        Mark::Label { .. } => 4,
    };
    let mut marks = whole.marks;
    marks.sort_by_key(layer);
    for mark in &marks {
        out += &painted(mark, -whole.left, whole.right);
    }
    out + "</g>\n</svg>\n"
}

const DEFS: &str = "\
<defs>\
<marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
orient=\"auto\"><path d=\"M0 0.5 L8 4 L0 7.5 z\" fill=\"#5b7083\"/></marker>\
<marker id=\"undo\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
orient=\"auto\"><path d=\"M0 0.5 L8 4 L0 7.5 z\" fill=\"#b3423c\"/></marker>\
</defs>\n";

fn painted(mark: &Mark, left: f64, right: f64) -> String {
    match mark {
        Mark::Frame { x, y, width, height } => format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\" \
             fill=\"#5b7083\" fill-opacity=\"0.06\" stroke=\"#9aa7b3\"/>\n"
        ),
        Mark::Bar { y } => format!(
            "<line x1=\"{left:.1}\" y1=\"{y:.1}\" x2=\"{right:.1}\" y2=\"{y:.1}\" \
             stroke=\"#1c2733\" stroke-width=\"3\"/>\n\
             <text x=\"{right:.1}\" y=\"{:.1}\" font-size=\"10.5\" text-anchor=\"end\" \
             fill=\"#5b7083\">every failure unwinds</text>\n\
             <text x=\"{right:.1}\" y=\"{:.1}\" font-size=\"10.5\" text-anchor=\"end\" \
             fill=\"#5b7083\">everything finishes</text>\n",
            y - 6.0,
            y + 14.0
        ),
        Mark::Line { points, dashed, head } => {
            let points: Vec<String> =
                points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let (colour, end, dashes) = match dashed {
                true => ("#b3423c", "undo", " stroke-dasharray=\"5 4\""),
                false => ("#5b7083", "head", ""),
            };
            let head = if *head { format!(" marker-end=\"url(#{end})\"") } else { String::new() };
            format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"1.4\"{dashes}{head}/>\n",
                points.join(" ")
            )
        }
        Mark::Label { x, y, text } => format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"10.5\" fill=\"#3d4d5c\">{}</text>\n",
            escaped(text)
        ),
        Mark::Box { x, y, width, height, looks, lines } => {
            shape(*looks, (x - width / 2.0, *y, *width, *height)) + &words(*looks, *x, *y, lines)
        }
    }
}

/// Fill, line and ink.
fn colours(looks: Looks) -> (&'static str, &'static str, &'static str) {
    match looks {
        Looks::Question => ("#ffffff", "#5b7083", "#1c2733"),
        Looks::Undo => ("#ffffff", "#b3423c", "#8c2f2a"),
        Looks::Of(Kind::Read) => ("#f4f7fb", "#5b7083", "#1c2733"),
        Looks::Of(Kind::Write) => ("#e3eefc", "#2f6fb3", "#1c2733"),
        Looks::Of(Kind::Pivot) => ("#1c2733", "#1c2733", "#ffffff"),
        Looks::Of(Kind::Wait) => ("#fff6dd", "#b98a16", "#1c2733"),
        Looks::Of(Kind::Note) => ("#ffffff", "#9aa7b3", "#1c2733"),
        Looks::Of(Kind::Done) => ("#e3f4e5", "#3b8a48", "#1c2733"),
        Looks::Of(Kind::Failed) => ("#fbe5e4", "#b3423c", "#1c2733"),
    }
}

fn shape(looks: Looks, (x, y, width, height): (f64, f64, f64, f64)) -> String {
    let (fill, stroke, _) = colours(looks);
    let dashes = if looks == Looks::Undo { " stroke-dasharray=\"4 3\"" } else { "" };
    let round = match looks {
        Looks::Of(Kind::Done | Kind::Failed | Kind::Wait) => height / 2.0,
        Looks::Of(Kind::Pivot) => 2.0,
        _ => 5.0,
    };
    if looks == Looks::Question {
        let (end, middle, side) = (x + width, y + height / 2.0, 12.0);
        return format!(
            "<polygon points=\"{x:.1},{middle:.1} {:.1},{y:.1} {:.1},{y:.1} {end:.1},{middle:.1} \
             {:.1},{bottom:.1} {:.1},{bottom:.1}\" fill=\"{fill}\" stroke=\"{stroke}\"/>\n",
            x + side,
            end - side,
            end - side,
            x + side,
            bottom = y + height,
        );
    }
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         rx=\"{:.1}\" fill=\"{fill}\" stroke=\"{stroke}\"{dashes}/>\n",
        round.min(18.0)
    )
}

fn words(looks: Looks, x: f64, y: f64, lines: &[String]) -> String {
    let (_, _, ink) = colours(looks);
    let deeper = if looks == Looks::Of(Kind::Pivot) { 2.0 } else { 0.0 };
    let mut out = String::new();
    for (n, line) in lines.iter().enumerate() {
        let at = y + deeper + 17.5 + 15.0 * n as f64;
        let small = n > 0 && looks != Looks::Undo;
        let size = if small { " font-size=\"10.5\" fill-opacity=\"0.8\"" } else { "" };
        out += &format!(
            "<text x=\"{x:.1}\" y=\"{at:.1}\" text-anchor=\"middle\" fill=\"{ink}\"{size}>{}</text>\n",
            escaped(line)
        );
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
