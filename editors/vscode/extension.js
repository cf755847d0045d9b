// Starts `flowc lsp` for `.flow` files, and shows the graph of a workflow beside its text.
// No build step: this file is what runs.

"use strict";

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** Panels by the address of their text. */
const panels = new Map();

async function start() {
  const command = vscode.workspace.getConfiguration("sagaflow").get("flowc", "flowc");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("sagaflow", "Sagaflow", server, {
    documentSelector: [{ scheme: "file", language: "flow" }],
    synchronize: {
      // What is not open is read from the disk, so the server has to know when it changes.
      fileEvents: vscode.workspace.createFileSystemWatcher("**/{*.flow,flow.toml,samples/*.json}"),
    },
  });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    vscode.window.showErrorMessage(
      `Sagaflow: \`${command}\` cannot be started (${error.message ?? error}). ` +
        "Install it, or say where it is in the setting `sagaflow.flowc`.",
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

/** Asks for the graph of the workflow at the cursor and shows it. */
async function graph() {
  const editor = vscode.window.activeTextEditor;
  if (!editor || editor.document.languageId !== "flow") return;
  const { document } = editor;
  const key = document.uri.toString();
  let panel = panels.get(key);
  if (!panel) {
    const view = vscode.window.createWebviewPanel(
      "sagaflow.graph",
      "Graph",
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: false },
    );
    panel = { view, position: editor.selection.active };
    panels.set(key, panel);
    view.onDidDispose(() => panels.delete(key));
  }
  panel.position = editor.selection.active;
  await draw(document, panel);
}

async function draw(document, panel) {
  if (!client) return;
  try {
    const answer = await client.sendRequest("sagaflow/graph", {
      textDocument: { uri: document.uri.toString() },
      position: { line: panel.position.line, character: panel.position.character },
      format: "svg",
    });
    panel.view.title = `Graph: ${answer.workflow}`;
    panel.view.webview.html = page(answer.text, "");
    panel.svg = answer.text;
  } catch (error) {
    // While the text has errors, the last picture stays.
    panel.view.webview.html = page(panel.svg ?? "", error.message ?? String(error));
  }
}

/** A page without scripts: only the picture and what is said about it. */
function page(svg, note) {
  const safe = note.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
  body { background: #fff; color: #333; padding: 1em; font-family: sans-serif; }
  svg { max-width: 100%; height: auto; }
</style>
</head>
<body><p>${safe}</p>${svg}</body>
</html>`;
}

async function activate(context) {
  let due;
  context.subscriptions.push(
    vscode.commands.registerCommand("sagaflow.graph", graph),
    vscode.commands.registerCommand("sagaflow.restart", async () => {
      await stop();
      await start();
    }),
    vscode.workspace.onDidChangeTextDocument(({ document }) => {
      const panel = panels.get(document.uri.toString());
      if (!panel) return;
      clearTimeout(due);
      due = setTimeout(() => draw(document, panel), 300);
    }),
    { dispose: () => clearTimeout(due) },
  );
  await start();
}

module.exports = { activate, deactivate: stop };
