//! The loop: takes what comes in, in order, answers requests and tells findings once typing rests.

use crate::answer::{self, Refused};
use crate::documents::{Change, Document, Documents, Overlay};
use crate::position::Encoding;
use crate::uri;
use crate::wire::{self, Input};
use crate::world::{Program, World};
use lsp_server::{ErrorCode, Message, Notification, Request};
use sagaflow_compiler::load::Files;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How long typing has to rest before findings are told.
const REST: Duration = Duration::from_millis(120);
/// Bound: whoever types without a rest is told at least this often.
const REST_MAX: Duration = Duration::from_millis(800);
/// Bound: an editor that sends more than this ahead waits.
const QUEUE_MAX: usize = 256;

/// What requests are answered from.
pub(crate) struct State<'f> {
    /// Open texts.
    pub(crate) open: Documents,
    /// Analysed programs.
    pub(crate) world: World,
    /// The disk.
    pub(crate) disk: &'f dyn Files,
    /// How columns are counted.
    pub(crate) encoding: Encoding,
    /// Folders of the editor's workspace.
    pub(crate) folders: Vec<String>,
}

impl State<'_> {
    /// The program that a file is part of.
    pub(crate) fn program(&mut self, path: &str) -> Rc<Program> {
        self.world.program(path, &self.open, self.disk)
    }

    /// The address of a path, as the editor writes it where it has the text open.
    pub(crate) fn uri(&self, path: &str) -> String {
        self.open.get(path).map_or_else(|| uri::of(path), |open| open.uri.clone())
    }
}

/// When findings are to be told.
#[derive(Default)]
struct Due {
    first: Option<Instant>,
    at: Option<Instant>,
}

struct Server<'f, W> {
    state: State<'f>,
    out: W,
    due: Due,
    /// Paths with findings that the editor knows of.
    told: BTreeSet<String>,
    initialized: bool,
    shutdown: bool,
}

/// Serves one editor until it says `exit` or its stream ends; whether it ended as agreed, by
/// `shutdown` and then `exit`.
///
/// # Errors
/// What the editor's stream says when it can no longer be written.
pub fn serve(
    reader: impl BufRead + Send + 'static,
    writer: impl Write,
    files: &dyn Files,
) -> io::Result<bool> {
    let (sender, receiver) = sync_channel(QUEUE_MAX);
    // The thread ends with its stream or with the receiver, and nobody has to wait for it.
    std::thread::Builder::new().spawn(move || wire::read(reader, &sender))?;
    let state = State {
        open: Documents::new(),
        world: World::default(),
        disk: files,
        encoding: Encoding::default(),
        folders: Vec::new(),
    };
    let mut server = Server {
        state,
        out: writer,
        due: Due::default(),
        told: BTreeSet::new(),
        initialized: false,
        shutdown: false,
    };
    loop {
        // Order: what is due comes before what is asked next, however fast questions come.
        if server.due.at.is_some_and(|at| at <= Instant::now()) {
            server.tell()?;
        }
        let input = match server.due.at {
            Some(at) => receiver.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match input {
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => server.tell()?,
            Ok(Input::Malformed(why)) => server.complain(&why)?,
            Ok(Input::Message(Message::Notification(n))) if n.method == "exit" => {
                return Ok(server.shutdown);
            }
            Ok(Input::Message(Message::Notification(n))) => server.note(n),
            Ok(Input::Message(Message::Request(request))) => server.request(request)?,
            // Nothing is asked of the editor, so nothing of what it answers is waited for.
            Ok(Input::Message(Message::Response(_))) => {}
        }
    }
}

fn params<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

impl<W: Write> Server<'_, W> {
    fn complain(&mut self, why: &str) -> io::Result<()> {
        let error = json!({ "code": ErrorCode::ParseError as i32, "message": why });
        wire::write(&mut self.out, &json!({ "jsonrpc": "2.0", "id": null, "error": error }))
    }

    fn request(&mut self, request: Request) -> io::Result<()> {
        let Request { id, method, params } = request;
        let refused =
            |code: ErrorCode, why: &str| Err(Refused { code: code as i32, why: why.into() });
        let answer = match method.as_str() {
            "initialize" if self.initialized => {
                refused(ErrorCode::InvalidRequest, "the server is initialized already")
            }
            "initialize" => {
                self.initialized = true;
                Ok(self.initialize(&params))
            }
            _ if !self.initialized => {
                refused(ErrorCode::ServerNotInitialized, "ask `initialize` first")
            }
            _ if self.shutdown => refused(ErrorCode::InvalidRequest, "the server was shut down"),
            "shutdown" => {
                self.shutdown = true;
                Ok(Value::Null)
            }
            method => {
                // A mistake in one answer must not cost the editor all others.
                let state = &mut self.state;
                let work = || answer::answer(state, method, params);
                catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                    self.state.world = World::default();
                    refused(ErrorCode::InternalError, "this answer broke off")
                })
            }
        };
        let mut message = json!({ "jsonrpc": "2.0", "id": id });
        match answer {
            Ok(result) => message["result"] = result,
            Err(Refused { code, why }) => {
                message["error"] = json!({ "code": code, "message": why });
            }
        }
        wire::write(&mut self.out, &message)
    }

    fn initialize(&mut self, params: &Value) -> Value {
        let offered = &params["capabilities"]["general"]["positionEncodings"];
        let utf8 = offered.as_array().is_some_and(|all| all.iter().any(|one| one == "utf-8"));
        self.state.encoding = if utf8 { Encoding::Utf8 } else { Encoding::Utf16 };
        let folders = params["workspaceFolders"].as_array().cloned().unwrap_or_default();
        let mut uris: Vec<&str> = folders.iter().filter_map(|f| f["uri"].as_str()).collect();
        if uris.is_empty() {
            uris.extend(params["rootUri"].as_str());
        }
        self.state.folders = uris.into_iter().filter_map(uri::path).collect();
        answer::capabilities(self.state.encoding)
    }

    /// A notification; one that is not understood is let go, as the protocol wants it.
    fn note(&mut self, note: Notification) {
        let Notification { method, params: given } = note;
        let uri = given["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        let path = uri::path(&uri);
        match (method.as_str(), path) {
            ("textDocument/didOpen", Some(path)) => {
                let text = given["textDocument"]["text"].as_str().unwrap_or_default().to_owned();
                let version = given["textDocument"]["version"].as_i64().unwrap_or_default();
                self.state.open.insert(path, Document { uri, text, version });
            }
            ("textDocument/didChange", Some(path)) => {
                let version = given["textDocument"]["version"].as_i64();
                let changes: Option<Vec<Change>> = params(given["contentChanges"].clone());
                let encoding = self.state.encoding;
                let (Some(open), Some(changes)) = (self.state.open.get_mut(&path), changes) else {
                    return;
                };
                let version = version.unwrap_or(open.version + 1);
                if !open.change(version, changes, encoding) {
                    return;
                }
                self.state.world.forget_text(&path);
                self.rest();
                return;
            }
            ("textDocument/didClose", Some(path)) => {
                self.state.open.remove(&path);
            }
            ("textDocument/didSave" | "workspace/didChangeWatchedFiles", _) => {}
            ("workspace/didChangeWorkspaceFolders", _) => self.folders(&given["event"]),
            _ => return,
        }
        self.state.world.forget();
        self.rest();
    }

    /// Findings are told once nothing has changed for a while.
    fn rest(&mut self) {
        let now = Instant::now();
        let first = *self.due.first.get_or_insert(now);
        self.due.at = Some((now + REST).min(first + REST_MAX));
    }

    fn folders(&mut self, event: &Value) {
        let paths = |list: &Value| -> Vec<String> {
            let all = list.as_array().cloned().unwrap_or_default();
            all.iter().filter_map(|folder| uri::path(folder["uri"].as_str()?)).collect()
        };
        let (added, removed) = (paths(&event["added"]), paths(&event["removed"]));
        self.state.folders.retain(|folder| !removed.contains(folder));
        self.state.folders.extend(added);
    }

    /// Tells the findings of every program with an open text, and takes back those that are gone.
    fn tell(&mut self) -> io::Result<()> {
        self.due = Due::default();
        let state = &mut self.state;
        let work = || answer::findings(state);
        let Ok(found) = catch_unwind(AssertUnwindSafe(work)) else {
            self.state.world = World::default();
            return Ok(());
        };
        let mut all: BTreeMap<String, Vec<Value>> =
            self.told.iter().map(|path| (path.clone(), Vec::new())).collect();
        all.extend(found);
        for (path, findings) in &all {
            let mut params = json!({ "uri": self.state.uri(path), "diagnostics": findings });
            if let Some(open) = self.state.open.get(path) {
                params["version"] = open.version.into();
            }
            let method = "textDocument/publishDiagnostics";
            let note = json!({ "jsonrpc": "2.0", "method": method, "params": params });
            wire::write(&mut self.out, &note)?;
        }
        all.retain(|_, findings| !findings.is_empty());
        self.told = all.into_keys().collect();
        Ok(())
    }
}

/// Files of a program that are open, seen through the editor.
pub(crate) fn overlay<'s>(state: &'s State<'_>) -> Overlay<'s> {
    Overlay { open: &state.open, edited: None, disk: state.disk }
}
