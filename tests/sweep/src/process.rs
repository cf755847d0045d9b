//! The ledger as a process of its own, with a file of its own.
//!
//! ```text
//!  World ──Entry, one line of JSON──► sweep-ledger ──Line──► file ◄──reads── checker
//!        ◄──verdict of a request─────      (decides, appends, then answers)
//! ```
//!
//! Every sweep goes through it in full: the services are in that process, and the checker judges what
//! the file says. What is only told is on its way while the world goes on; requests and the end of a
//! run wait for the answer. Must not: give the checker anything but the file.

use crate::ledger::{Entry, Ledger, Verdict};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What the ledger was told.
    pub entry: Entry,
    /// What it answered to a request.
    pub verdict: Option<Verdict>,
}

struct Talk {
    child: Child,
    /// Dropped first: the ledger ends when nobody speaks to it any more.
    say: Option<BufWriter<ChildStdin>>,
    hear: BufReader<ChildStdout>,
}

/// A ledger that runs.
pub struct Process {
    talk: Mutex<Talk>,
    file: PathBuf,
    /// How far the checker has read.
    read: Mutex<u64>,
}

impl Process {
    /// Starts a ledger.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn start(program: &Path, file: &Path) -> std::io::Result<Self> {
        let mut child =
            Command::new(program).arg(file).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let say = child.stdin.take().map(BufWriter::new);
        let hear = child.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let talk = Talk { child, say, hear: BufReader::new(hear) };
        Ok(Self { talk: Mutex::new(talk), file: file.to_owned(), read: Mutex::new(0) })
    }

    /// Tells it, and waits where it answers; nothing comes back where it is gone, and then the file
    /// says too little.
    pub fn note(&self, entry: &Entry) -> Option<Verdict> {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = serde_json::to_string(entry).ok()?;
        text.push('\n');
        let say = talk.say.as_mut()?;
        say.write_all(text.as_bytes()).ok()?;
        if !entry.is_answered() {
            return None;
        }
        say.flush().ok()?;
        let mut heard = String::new();
        talk.hear.read_line(&mut heard).ok()?;
        serde_json::from_str::<Option<Verdict>>(&heard).ok()?
    }

    /// The history of the run that was written last, from the file alone.
    ///
    /// # Errors
    /// Where the file cannot be read, or is not what a ledger writes.
    pub fn history(&self) -> Result<Ledger, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |error: std::io::Error| error.to_string();
        let mut file = File::open(&self.file).map_err(told)?;
        file.seek(SeekFrom::Start(*read)).map_err(told)?;
        let mut ledger = Ledger::default();
        let mut whole = false;
        for text in BufReader::new(&file).lines() {
            let text = text.map_err(told)?;
            let line: Line = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            whole = matches!(line.entry, Entry::Read { .. });
            if ledger.note(line.entry) != line.verdict {
                return Err(format!("the ledger did not keep its contract: {text}"));
            }
        }
        *read = file.stream_position().map_err(told)?;
        if whole { Ok(ledger) } else { Err("the ledger has not been told the end".to_owned()) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let talk = self.talk.get_mut().unwrap_or_else(PoisonError::into_inner);
        talk.say = None;
        if talk.child.wait().is_err() {
            eprintln!("the ledger of the sweep did not end");
        }
    }
}
