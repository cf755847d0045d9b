//! Requests by name: what each is answered with.
//!
//! One file for each kind of question; each reads the state and gives JSON. A place where there is
//! nothing to say gives `null`, as the protocol wants it.

mod complete;
mod edit;
mod find;
mod findings;
mod graph;
mod hover;
mod names;
mod outline;
mod place;
mod tokens;

pub(crate) use findings::findings;

use crate::position::Encoding;
use crate::server::State;
use lsp_server::ErrorCode;
use serde_json::{Value, json};

/// Why there is no answer.
pub(crate) struct Refused {
    /// Of the protocol.
    pub(crate) code: i32,
    /// For a person.
    pub(crate) why: String,
}

impl Refused {
    /// What was asked for cannot be done.
    pub(crate) fn because(why: impl Into<String>) -> Self {
        Self { code: ErrorCode::RequestFailed as i32, why: why.into() }
    }

    /// What was asked for cannot be understood.
    pub(crate) fn params(why: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidParams as i32, why: why.into() }
    }
}

/// An answer, or why there is none.
pub(crate) type Answer = Result<Value, Refused>;

/// Answers a request.
pub(crate) fn answer(state: &mut State<'_>, method: &str, params: Value) -> Answer {
    match method {
        "textDocument/completion" => complete::complete(state, &params),
        "textDocument/hover" => hover::hover(state, &params),
        "textDocument/definition" => find::definition(state, &params),
        "textDocument/references" => find::references(state, &params),
        "textDocument/documentHighlight" => find::highlights(state, &params),
        "textDocument/prepareRename" => names::prepare(state, &params),
        "textDocument/rename" => names::rename(state, &params),
        "textDocument/documentSymbol" => outline::document(state, &params),
        "workspace/symbol" => outline::workspace(state, &params),
        "textDocument/semanticTokens/full" => tokens::tokens(state, &params),
        "textDocument/formatting" => edit::formatting(state, &params),
        "textDocument/codeAction" => edit::actions(state, &params),
        "sagaflow/graph" => graph::graph(state, &params),
        _ => Err(Refused {
            code: ErrorCode::MethodNotFound as i32,
            why: format!("`{method}` is not known"),
        }),
    }
}

/// What the server can do.
pub(crate) fn capabilities(encoding: Encoding) -> Value {
    let encoding = match encoding {
        Encoding::Utf8 => "utf-8",
        Encoding::Utf16 => "utf-16",
    };
    json!({
        "capabilities": {
            "positionEncoding": encoding,
            // Changes come as parts.
            "textDocumentSync": { "openClose": true, "change": 2, "save": true },
            "completionProvider": { "triggerCharacters": ["."] },
            "hoverProvider": true,
            "definitionProvider": true,
            "referencesProvider": true,
            "documentHighlightProvider": true,
            "renameProvider": { "prepareProvider": true },
            "documentSymbolProvider": true,
            "workspaceSymbolProvider": true,
            "documentFormattingProvider": true,
            "codeActionProvider": { "codeActionKinds": ["quickfix", "source.fixAll"] },
            "semanticTokensProvider": { "full": true, "legend": tokens::legend() },
            "workspace": {
                "workspaceFolders": { "supported": true, "changeNotifications": true },
            },
        },
        "serverInfo": { "name": "flowc", "version": env!("CARGO_PKG_VERSION") },
    })
}
