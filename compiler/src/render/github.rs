//! Findings as workflow commands of GitHub Actions, which become annotations of the change.

use super::{Extent, Found, each, extent, story, word};

/// One command a line.
#[must_use]
pub fn github(found: &[Found<'_>]) -> String {
    let mut text = String::new();
    for (diagnostic, sources) in each(found) {
        let Extent { path, line, column, end_line, end_column } = extent(diagnostic.span, sources);
        // Columns are allowed only where the annotation stays on one line.
        let columns = if line == end_line {
            format!(",col={column},endColumn={end_column}")
        } else {
            String::new()
        };
        let story = story(diagnostic, sources);
        let message = format!("{}\n{story}", diagnostic.headline);
        text += &format!(
            "::{} file={},line={line},endLine={end_line}{columns},title={}::{}\n",
            word(diagnostic.severity),
            property(path),
            property(diagnostic.code),
            data(message.trim_end()),
        );
    }
    text
}

/// Text of a message: what would end the command is written as its code.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text of a property, which commas and colons would end as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
