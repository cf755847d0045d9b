//! What simulated services remember, in a file beside the store: a line for each change.
//!
//! Promises: a line is on the disk before the answer that it is about is given; a line that was torn by
//! a crash belongs to no answer, and is skipped. Must not be written before the store is held: only
//! then is this process the one that answers.

use crate::guard::Memory;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    memory: Memory,
}

/// The file, opened when there is something to write.
pub(super) struct Kept {
    path: PathBuf,
    file: Option<File>,
    /// The last line has no end.
    torn: bool,
}

impl Kept {
    /// Reads what was kept, oldest first.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, Vec<(String, Memory)>)> {
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let lines = bytes.split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        let kept = lines.map(|line| (line.key, line.memory)).collect();
        let torn = bytes.last().is_some_and(|last| *last != b'\n');
        Ok((Self { path, file: None, torn }, kept))
    }

    /// Keeps one change.
    ///
    /// Crash: before this returns nothing was answered, so the change may be there or not; after it
    /// the next process reads it.
    pub(super) fn add(&mut self, key: &str, memory: &Memory) -> io::Result<()> {
        let line = Line { key: key.to_owned(), memory: memory.clone() };
        let mut bytes = serde_json::to_vec(&line)?;
        bytes.push(b'\n');
        if self.torn {
            bytes.insert(0, b'\n');
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().create(true).append(true).open(&self.path)?,
        };
        self.torn = true;
        file.write_all(&bytes)?;
        file.sync_data()?;
        (self.torn, self.file) = (false, Some(file));
        Ok(())
    }
}
