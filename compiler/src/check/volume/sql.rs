//! SQL texts bind what they use, and use what they bind: F0714.

use crate::diagnostic::Diagnostic;
use crate::hir::Program;
use crate::name::suggest;
use crate::sql::scan;
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
        let names: BTreeSet<&str> = text.names().collect();
        let params: Vec<&str> = action.params.iter().map(|p| p.name.node.as_str()).collect();
        let unknown = names.iter().find(|name| !params.contains(name));
        let unused = action.params.iter().find(|p| !names.contains(p.name.node.as_str()));
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
