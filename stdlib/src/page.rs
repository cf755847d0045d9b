//! The reference page of the standard library, from what its modules say of themselves.

use crate::{Item, MODULES};

/// What stands above the modules.
const HEAD: &str = "\
# The standard library

`use std.time { Calendar, add_business_days }` imports from a module of the standard library; it is part of the compiler, needs no file, and no module of yours can be called `std`.
Everything here is written in the language itself and runs in generated code as in the simulator.
What a service promises here is a contract: you bind it to a URL, as a service of your own.
Every example is executed by the project's tests: a line alone is an expression that holds.
What needs no import, the methods of lists, maps, texts, amounts and dates, is in [methods](methods.md).
";

/// The page, as it is committed.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page += "\n| module | holds |\n|---|---|\n";
    for module in MODULES {
        let names: Vec<String> =
            module.items().iter().map(|item| format!("`{}`", item.name)).collect();
        let anchor = module.name.replace('.', "");
        page += &format!("| [{}](#{anchor}) | {} |\n", module.name, names.join(", "));
    }
    for module in MODULES {
        page += &format!("\n## {}\n\n{}", module.name, sentences(&module.doc()));
        for item in module.items() {
            page += &section(&item);
        }
    }
    page
}

fn section(item: &Item) -> String {
    let mut text = format!("\n### {} `{}`\n\n", item.kind, item.name);
    text += &format!("```flow\n{}\n```\n\n", item.declaration.join("\n"));
    text += &sentences(&item.doc);
    if !item.example.is_empty() {
        text += &format!("\n```flow\n{}\n```\n", item.example.join("\n"));
    }
    text
}

/// Documentation with one sentence per line, its paragraphs apart.
fn sentences(doc: &[&str]) -> String {
    let paragraphs = doc.split(|line| line.is_empty()).map(|lines| {
        let text = lines.join(" ");
        text.replace(". ", ".\n")
    });
    let mut text = paragraphs.collect::<Vec<_>>().join("\n\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::MODULES;

    #[test]
    fn the_committed_page_says_what_the_modules_say() {
        let committed = include_str!("../../docs/reference/std.md");
        // Where they differ, `cargo xtask codegen` writes it anew.
        assert!(committed == page(), "docs/reference/std.md is stale");
    }

    #[test]
    fn every_item_says_what_it_is_and_shows_how_it_is_used() {
        for module in MODULES {
            for item in module.items() {
                assert!(!item.doc.is_empty(), "{}.{} has no documentation", module.name, item.name);
                let used = || module.text.contains(&format!("use {} {{", module.name));
                let plain = matches!(item.kind, "record" | "enum");
                let shown = !item.example.is_empty() || (plain && used());
                assert!(shown, "{}.{} has no example", module.name, item.name);
            }
        }
    }
}
