//! One line of a story: when, what, and its colour where there is one.

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Something to notice.
    Warn,
    /// Something is taken back.
    Undo,
    /// Plain.
    Calm,
    /// Bookkeeping.
    Faint,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warn => "33",
            Self::Undo => "35",
            Self::Calm => "0",
            Self::Faint => "2",
        }
    }

    /// The text in this tone, where colours are wanted.
    #[must_use]
    pub fn paint(self, text: &str, colour: bool) -> String {
        if colour { format!("\x1b[{}m{text}\x1b[0m", self.code()) } else { text.to_owned() }
    }
}

pub(super) struct Line {
    pub(super) tone: Tone,
    pub(super) word: String,
    pub(super) text: String,
}

impl Line {
    /// `  0.120s  ok          Inventory.reserve`, ended. Control characters of what people sent never
    /// reach the terminal.
    pub(super) fn render(&self, since_ms: i64, colour: bool) -> String {
        let (ms, text) = (since_ms.max(0), plain(&self.text));
        let word = self.tone.paint(&format!("{:<10}", self.word), colour);
        format!("{:>6}.{:03}s  {word}  {text}\n", ms / 1_000, ms % 1_000)
    }
}

fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
