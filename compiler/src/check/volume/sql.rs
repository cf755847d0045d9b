//! SQL texts bind what they use, and use what they bind: F0714.

use crate::diagnostic::Diagnostic;
use crate::hir::Program;
use crate::name::suggest;
use std::collections::BTreeSet;

/// Checks every SQL text.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    for action in program.actions.values() {
        let Some(sql) = &action.sql else { continue };
        // A contract is repeated by `service B = A`: its text is one place.
        if action.incomplete || !seen.insert(sql.text.span) {
            continue;
        }
        let text = scan(&sql.text.node);
        let params: Vec<&str> = action.params.iter().map(|p| p.name.node.as_str()).collect();
        let unknown = text.names.iter().find(|name| !params.contains(&name.as_str()));
        let unused = action.params.iter().find(|p| !text.names.contains(p.name.node.as_str()));
        let finding = |headline: String| Diagnostic::error("F0714", sql.text.span, headline);
        let place = sql.text.span;
        findings.push(if let Some(name) = unknown {
            let near = suggest(name, params.iter().copied());
            let help = match near.first() {
                Some(near) => format!("did you mean `:{near}`?"),
                None => format!("add `{name}` to the parameters of `{}`", action.name.node),
            };
            finding(format!("`:{name}` is no parameter of `{}`", action.name.node))
                .label(place, format!("`:{name}` has no value here"))
                .help(help)
        } else if let Some(param) = unused {
            finding(format!("the SQL of `{}` never uses `:{}`", action.name.node, param.name.node))
                .label(param.name.span, "this is passed…")
                .label(place, "…and this text ignores it")
                .help(format!("use `:{0}` in the text, or take `{0}` out", param.name.node))
        } else if text.statements > 1 {
            finding(format!("the SQL of `{}` is more than one statement", action.name.node))
                .label(place, "an action is one statement, bound and checked as a whole")
                .help("make an action of each, and call them in one `transaction`")
        } else {
            continue;
        });
    }
}

/// What a text mentions.
struct Scan {
    names: BTreeSet<String>,
    statements: u32,
}

/// Reads past texts, quoted names, comments and casts.
fn scan(text: &str) -> Scan {
    let mut scan = Scan { names: BTreeSet::new(), statements: 0 };
    let mut rest = text;
    let mut open = false;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '\'' | '"' => quoted(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '$' => dollar(rest),
            ':' if rest.starts_with("::") => 2,
            ':' => {
                let name: String = rest.chars().skip(1).take_while(|c| is_word(*c)).collect();
                let length = 1 + name.len();
                if name.starts_with(|c: char| !c.is_ascii_digit()) {
                    scan.names.insert(name);
                }
                length
            }
            ';' => {
                open = false;
                1
            }
            _ => first.len_utf8(),
        };
        let is_comment = skipped > 1 && matches!(first, '-' | '/');
        if !open && first != ';' && !first.is_whitespace() && !is_comment {
            open = true;
            scan.statements += 1;
        }
        rest = rest.get(skipped..).unwrap_or_default();
    }
    scan
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a text or quoted name; a doubled quote is part of it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        match rest.get(at..).and_then(|tail| tail.find(quote)) {
            None => return rest.len(),
            Some(end) => {
                at += end + 1;
                if !rest.get(at..).is_some_and(|tail| tail.starts_with(quote)) {
                    return at;
                }
                at += 1;
            }
        }
    }
}

/// The length of a comment; comments nest.
fn comment(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < rest.len() {
        let tail = rest.get(at..).unwrap_or_default();
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of `$tag$ … $tag$`, or of a lone dollar.
fn dollar(rest: &str) -> usize {
    let tag: String = rest.chars().skip(1).take_while(|c| is_word(*c)).collect();
    let fence = format!("${tag}$");
    if !rest.starts_with(&fence) {
        return 1;
    }
    let body = rest.get(fence.len()..).unwrap_or_default();
    body.find(&fence).map_or(rest.len(), |end| fence.len() * 2 + end)
}
