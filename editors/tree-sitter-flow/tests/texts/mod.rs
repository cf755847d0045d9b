//! Every `.flow` text of the repository, wherever it lies, and what each of the two parsers makes of
//! it.

// Each test program takes what it needs.
#![allow(dead_code)]

use sagaflow_compiler::span::FileId;
use sagaflow_compiler::syntax;
use std::fs;
use std::path::{Path, PathBuf};
use tree_sitter::{Language, Node, Parser, Tree};

/// A text and where it is from.
pub struct Text {
    /// The path below the repository's root, and the line for a block of a page.
    pub place: String,
    /// What is written there.
    pub text: String,
}

/// The folder that holds the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The language, as a parser takes it.
pub fn language() -> Language {
    tree_sitter_flow::LANGUAGE.into()
}

/// What tree-sitter reads.
pub fn tree(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&language()).expect("the library reads this version of the tables");
    parser.parse(text, None).expect("no limit of time is set")
}

/// Whether the compiler's parser has nothing to say against it.
pub fn reads(text: &str) -> bool {
    syntax::parse(FileId(0), text).1.is_empty()
}

/// The first node that is an error or was made up, with its line.
pub fn first_error(tree: &Tree) -> Option<String> {
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if node.is_error() || node.is_missing() {
            return Some(format!("line {}: {}", node.start_position().row + 1, shape(node)));
        }
        let mut cursor = node.walk();
        let mut inner: Vec<Node<'_>> = node.children(&mut cursor).collect();
        inner.retain(Node::has_error);
        inner.reverse();
        open.extend(inner);
    }
    None
}

fn shape(node: Node<'_>) -> String {
    node.to_sexp().chars().take(300).collect()
}

/// All files with this ending below these folders, in order.
fn files(folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() && !path.ends_with("node_modules") {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> Text {
    let place = path.strip_prefix(root()).unwrap_or(path).display().to_string();
    Text { place, text: fs::read_to_string(path).expect("a readable text") }
}

/// The programs.
pub fn programs() -> Vec<Text> {
    let folders = ["benches", "compiler", "examples", "flows", "runtime", "stdlib", "tests"];
    files(&folders, "flow").iter().map(|path| read(path)).collect()
}

/// The blocks of pages that are marked as `.flow`; some are pieces of a program only.
pub fn blocks() -> Vec<Text> {
    let mut found = Vec::new();
    let mut pages = files(&["docs"], "md");
    pages.push(root().join("README.md"));
    for page in pages.iter().map(|path| read(path)) {
        let mut block: Option<Text> = None;
        for (number, line) in page.text.lines().enumerate() {
            match (&mut block, line.strip_prefix("```")) {
                (None, Some(mark)) if mark.starts_with("flow") => {
                    let place = format!("{}:{}", page.place, number + 2);
                    block = Some(Text { place, text: String::new() });
                }
                (Some(_), Some(_)) => found.extend(block.take()),
                (Some(block), None) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, _) => {}
            }
        }
    }
    found
}
