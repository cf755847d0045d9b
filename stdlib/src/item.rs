//! What a module's text says of its items: name, documentation, example, declaration.
//!
//! Reads lines, because the modules are laid out canonically: an item begins at the first column
//! behind its `///` lines. Must not: know the language's grammar.

use crate::Module;

/// Where an example begins in documentation.
const OPEN: &str = "```flow";

/// Where it ends.
const CLOSE: &str = "```";

/// One item of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `fn`, `record`, `service`, …
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its documentation in sentences, a line each as it stands, without the example.
    pub doc: Vec<&'static str>,
    /// The lines of its example: expressions that hold, or a program that begins with `use`.
    pub example: Vec<&'static str>,
    /// Its declaration: of a function what stands before its body, of anything else all of it.
    pub declaration: Vec<&'static str>,
}

impl Item {
    /// Whether the example is a program of its own and no list of expressions.
    #[must_use]
    pub fn is_program(&self) -> bool {
        self.example.first().is_some_and(|line| line.starts_with("use "))
    }
}

/// What a documentation line says.
fn said(line: &'static str) -> Option<&'static str> {
    let said = line.strip_prefix("///")?;
    Some(said.strip_prefix(' ').unwrap_or(said))
}

impl Module {
    /// What the module as a whole is for.
    #[must_use]
    pub fn doc(&self) -> Vec<&'static str> {
        self.text.lines().map_while(said).collect()
    }

    /// Its items, in the order of the text.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let (mut doc, mut example, mut inside) = (Vec::new(), Vec::new(), false);
        let mut lines = self.text.lines().skip_while(|line| !line.starts_with("module ")).skip(1);
        while let Some(line) = lines.next() {
            match said(line) {
                Some(OPEN) => inside = true,
                Some(CLOSE) => inside = false,
                Some(said) if inside => example.push(said),
                Some(said) => doc.push(said),
                None if line.is_empty() => {}
                None => {
                    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
                    let kind = words.next().unwrap_or_default();
                    let name = words.next().unwrap_or_default();
                    let declaration = declaration(kind, line, &mut lines);
                    let (doc, example) = (std::mem::take(&mut doc), std::mem::take(&mut example));
                    items.push(Item { kind, name, doc, example, declaration });
                }
            }
        }
        items
    }
}

/// The lines of a declaration, of which the first was read; of a function only its head is kept.
fn declaration(
    kind: &str,
    first: &'static str,
    rest: &mut impl Iterator<Item = &'static str>,
) -> Vec<&'static str> {
    let mut all = vec![first];
    all.extend(rest.take_while(|line| !line.is_empty()));
    if kind != "fn" {
        return all;
    }
    let head = first.find(") -> ").map_or(first, |at| {
        let end = first.get(at + 5..).and_then(|result| result.find([' ', '{']));
        end.and_then(|end| first.get(..at + 5 + end)).unwrap_or(first)
    });
    vec![head.trim_end()]
}
