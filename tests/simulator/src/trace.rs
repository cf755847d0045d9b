//! What happened, as a hash, and as lines where somebody wants to read them.

use std::fmt::Write as _;

/// The trace of one simulation.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    line: String,
    kept: Option<Vec<String>>,
}

impl Trace {
    /// An empty one, which keeps its lines or only hashes them.
    #[must_use]
    pub fn new(keep: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, line: String::new(), kept: keep.then(Vec::new) }
    }

    /// Adds a line.
    pub fn note(&mut self, at_ms: i64, what: std::fmt::Arguments<'_>) {
        self.line.clear();
        // Writing into a string cannot fail.
        let _ = write!(self.line, "{:>9}.{:03} {what}", at_ms / 1_000, at_ms % 1_000);
        for byte in self.line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(self.line.clone());
        }
    }

    /// Hash of everything.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines, where they are kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.kept.as_deref().unwrap_or_default()
    }
}
