//! The effect ledger of the sweep: `sweep-ledger FILE`. Reads one entry a line, decides what a service
//! that keeps its contract says to it, appends both to FILE, and only then answers a request or the end
//! of a run.
//!
//! Promises: FILE is only ever appended to, and holds all that was told before an answer. Knows nothing of runs but what services and clients see.

use sagaflow_sweep::ledger::{Entry, Ledger};
use sagaflow_sweep::process::Line;
use std::fs::OpenOptions;
use std::io::{BufRead, BufWriter, Error, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sweep-ledger: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), Error> {
    let path = std::env::args_os().nth(1).ok_or_else(|| Error::other("it needs a file"))?;
    let mut file = BufWriter::new(OpenOptions::new().create(true).append(true).open(path)?);
    let mut out = std::io::stdout().lock();
    let mut ledger = Ledger::default();
    for text in std::io::stdin().lock().lines() {
        let entry: Entry = serde_json::from_str(&text?)?;
        let answered = entry.is_answered();
        let verdict = ledger.note(entry.clone());
        let mut line = serde_json::to_string(&Line { entry, verdict: verdict.clone() })?;
        line.push('\n');
        // Crash: a line that is cut short makes the checker refuse the file.
        file.write_all(line.as_bytes())?;
        if !answered {
            continue;
        }
        // Order: what is answered is in the file.
        file.flush()?;
        let mut answer = serde_json::to_string(&verdict)?;
        answer.push('\n');
        out.write_all(answer.as_bytes())?;
        out.flush()?;
    }
    file.flush()
}
