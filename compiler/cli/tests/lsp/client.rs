//! An editor for tests: a `flowc lsp` process, and JSON to it and from it.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Bound: an answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// An editor with its server.
pub struct Editor {
    child: Child,
    stdin: Option<ChildStdin>,
    received: Receiver<Value>,
    next: i64,
    /// The last findings told, by address.
    pub findings: BTreeMap<String, Value>,
    /// What `initialize` answered.
    pub answered: Value,
}

impl Editor {
    /// Starts a server and shakes hands.
    pub fn new(capabilities: Value, folder: Option<&Path>) -> Self {
        let mut editor = Self::silent();
        let folders: Vec<Value> =
            folder.iter().map(|f| json!({ "uri": uri(f), "name": "it" })).collect();
        let params = json!({ "capabilities": capabilities, "workspaceFolders": folders });
        editor.answered = editor.ask("initialize", params).expect("it is initialized");
        editor.note("initialized", json!({}));
        editor
    }

    /// Starts a server and says nothing.
    pub fn silent() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flowc"))
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stdin = child.stdin.take();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, received) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut out) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let answered = Value::Null;
        Self { child, stdin, received, next: 0, findings: BTreeMap::new(), answered }
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(bytes).expect("it listens");
        stdin.flush().expect("it listens");
    }

    pub fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub fn note(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The next message.
    pub fn next(&mut self) -> Value {
        self.received.recv_timeout(PATIENCE).expect("it says something in time")
    }

    /// Asks and waits for the answer; findings that come meanwhile are kept.
    pub fn ask(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.next();
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].clone()),
                };
            }
            self.keep(&message);
        }
    }

    fn keep(&mut self, message: &Value) {
        assert_eq!(message["method"], "textDocument/publishDiagnostics", "{message}");
        let uri = message["params"]["uri"].as_str().expect("an address").to_owned();
        self.findings.insert(uri, message["params"].clone());
    }

    /// Waits until findings about a text are told for a version of it.
    pub fn told(&mut self, path: &Path, version: i64) -> Vec<Value> {
        let uri = uri(path);
        let began = Instant::now();
        while self.findings.get(&uri).is_none_or(|found| found["version"] != version) {
            assert!(began.elapsed() < PATIENCE, "nothing was told of {uri}");
            let message = self.next();
            self.keep(&message);
        }
        self.findings[&uri]["diagnostics"].as_array().expect("a list").clone()
    }

    /// Waits until findings about an address are known.
    pub fn tells_of(&mut self, uri: &str) {
        while !self.findings.contains_key(uri) {
            let message = self.next();
            self.keep(&message);
        }
    }

    pub fn open(&mut self, path: &Path, text: &str) {
        let document = json!({
            "uri": uri(path), "languageId": "flow", "version": 1, "text": text,
        });
        self.note("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub fn change(&mut self, path: &Path, version: i64, changes: Value) {
        let document = json!({ "uri": uri(path), "version": version });
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.note("textDocument/didChange", params);
    }

    /// Asks about a place in a text.
    pub fn at(&mut self, method: &str, path: &Path, place: (u32, u32)) -> Value {
        self.ask(method, self::at(path, place)).expect("it is answered")
    }

    /// Ends the server as agreed.
    pub fn end(mut self) -> ExitStatus {
        self.ask("shutdown", Value::Null).expect("it shuts down");
        self.note("exit", Value::Null);
        self.child.wait().expect("it ends")
    }

    /// Closes the stream without a word.
    pub fn hang_up(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // A test that has failed leaves no process behind; one that has ended is no error here.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn read(out: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if out.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some(("Content-Length", n)) => length = n.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    out.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// The address of a file.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.to_str().expect("a path of text"))
}

/// The parameters of a question about a place.
pub fn at(path: &Path, (line, character): (u32, u32)) -> Value {
    json!({
        "textDocument": { "uri": uri(path) },
        "position": { "line": line, "character": character },
    })
}

/// The place of the `n`th occurrence (from 0) of a piece of text, in units of UTF-16.
pub fn find(text: &str, piece: &str, n: usize) -> (u32, u32) {
    let (at, _) = text.match_indices(piece).nth(n).expect("the text has it");
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    (line as u32, text[start..at].encode_utf16().count() as u32)
}

/// A copy of the repository's flows, to be edited.
pub fn flows() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let to = fs::canonicalize(dir.path()).expect("there").join("flows");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows");
    copy(&from, &to);
    (dir, to)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let into = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &into);
        } else {
            fs::copy(&path, &into).expect("writable");
        }
    }
}

/// Makes the edits of an answer on the disk; how many there were.
pub fn apply(changes: &Value) -> usize {
    let mut count = 0;
    for (uri, edits) in changes.as_object().expect("by file") {
        let path = uri.strip_prefix("file://").expect("a file");
        let mut text = fs::read_to_string(path).expect("readable");
        let mut edits = edits.as_array().expect("a list").clone();
        edits.sort_by_key(|edit| std::cmp::Reverse(start(edit)));
        for edit in edits {
            let place = |which: &str| {
                let at = &edit["range"][which];
                byte(&text, at["line"].as_u64(), at["character"].as_u64())
            };
            let (from, to) = (place("start"), place("end"));
            text.replace_range(from..to, edit["newText"].as_str().expect("a text"));
            count += 1;
        }
        fs::write(path, text).expect("writable");
    }
    count
}

fn start(edit: &Value) -> (u64, u64) {
    let at = &edit["range"]["start"];
    (at["line"].as_u64().expect("a number"), at["character"].as_u64().expect("a number"))
}

/// The byte of a place in units of UTF-16.
pub fn byte(text: &str, line: Option<u64>, character: Option<u64>) -> usize {
    let (line, mut left) = (line.expect("a number"), character.expect("a number"));
    let start: usize = text.split_inclusive('\n').take(line as usize).map(str::len).sum();
    let mut at = start;
    for c in text[start..].chars() {
        if left == 0 {
            break;
        }
        left -= c.len_utf16() as u64;
        at += c.len_utf8();
    }
    at
}
