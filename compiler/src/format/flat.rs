//! A piece on one line: where blanks go between two leaves, and what may stand on one line at all.

use crate::syntax::concrete::{Node, Remark, Rule};

/// Parts of a list that may do without commas where each has a line of its own.
const LISTED: [Rule; 6] = [
    Rule::field,
    Rule::variant,
    Rule::match_arm,
    Rule::stmt_arm,
    Rule::await_arm,
    Rule::upgrade_value,
];

/// A leaf's rule, and the rule it stands in.
pub(super) type Place = (Rule, Rule);

/// What separates two neighbours on a line.
pub(super) fn gap(last: Place, next: Place) -> &'static str {
    use Rule as R;
    let closes = matches!(next.0, R::paren_close | R::bracket_close | R::angle_close);
    let clings = matches!(
        next.0,
        R::comma | R::colon | R::dot | R::dot_optional | R::range | R::optional | R::angle_open
    );
    let holds = matches!(
        last.0,
        R::paren_open | R::bracket_open | R::angle_open | R::dot | R::dot_optional | R::range
    );
    if closes || clings || holds || last.0 == R::op_neg {
        return "";
    }
    if last.0 == R::brace_open && next.0 == R::brace_close {
        return "";
    }
    let head = matches!(
        next.1,
        R::args | R::params | R::binders | R::lock_target | R::trigger | R::resource_decl
    );
    let apart = matches!(last.0, R::version | R::k_again | R::k_with);
    match next.0 {
        R::paren_open if head && !apart => "",
        R::bracket_open if next.1 == R::index => "",
        _ => " ",
    }
}

/// A step with a handler among its clauses that is longer than this has a line for each.
const HANDLED_COLUMNS: usize = 72;

/// What is being joined.
struct Line<'t> {
    text: &'t str,
    out: String,
    last: Option<Place>,
    comma: bool,
}

impl Line<'_> {
    fn add(&mut self, node: &Node, around: Rule) {
        if node.kids.is_empty() {
            self.leaf(node, around);
        }
        for (n, kid) in node.kids.iter().enumerate() {
            self.add(kid, node.rule);
            let more = node.kids.get(n + 1).is_some_and(|next| next.rule == kid.rule);
            self.comma |= more && LISTED.contains(&kid.rule);
        }
    }

    fn leaf(&mut self, leaf: &Node, around: Rule) {
        if leaf.rule == Rule::comma {
            self.comma = true;
            return;
        }
        let closes = [Rule::paren_close, Rule::bracket_close, Rule::brace_close];
        if std::mem::take(&mut self.comma) && !closes.contains(&leaf.rule) {
            self.out.push(',');
            self.last = Some((Rule::comma, around));
        }
        let place = (leaf.rule, around);
        if let Some(last) = self.last {
            self.out.push_str(gap(last, place));
        }
        self.out.push_str(self.text.get(leaf.start..leaf.end).unwrap_or(""));
        self.last = Some(place);
    }
}

/// The pieces on one line; `None` where they have to be on several.
pub(super) fn flat(
    nodes: &[&Node],
    around: Rule,
    text: &str,
    remarks: &[Remark],
) -> Option<String> {
    let mut line = Line { text, out: String::new(), last: None, comma: false };
    for (n, node) in nodes.iter().enumerate() {
        let from = remarks.partition_point(|r| r.start < node.start);
        if remarks.get(from).is_some_and(|r| r.start < node.end) || !may_be_flat(node, text) {
            return None;
        }
        line.add(node, around);
        let more = nodes.get(n + 1).is_some_and(|next| next.rule == node.rule);
        line.comma |= more && LISTED.contains(&node.rule);
    }
    (!line.out.contains('\n')).then_some(line.out)
}

/// A piece on one line, whatever it looks like.
fn joined(node: &Node, text: &str) -> String {
    let mut line = Line { text, out: String::new(), last: None, comma: false };
    line.add(node, Rule::stmt);
    line.out
}

/// Whether the looks of a piece on one line are right; comments are another matter.
fn may_be_flat(node: &Node, text: &str) -> bool {
    use Rule as R;
    let fits = |kid: &Node| may_be_flat(kid, text);
    let count = |rules: &[R]| node.kids.iter().filter(|kid| rules.contains(&kid.rule)).count();
    let clauses = [R::clause, R::handler, R::else_clause, R::await_clause, R::interrupt];
    let right = match node.rule {
        R::doc | R::match_stmt | R::await_first | R::decide_decl | R::human_decl => false,
        R::service_decl => node.kid(R::equals).is_some(),
        R::database_decl | R::test_decl | R::workflow_decl | R::fn_block => false,
        R::block => count(&[R::stmt, R::doc, R::allow]) < 2,
        // What is done about a failure may be two words on one line.
        R::remedy => {
            let block = node.kid(R::block);
            return match block {
                Some(block) => {
                    let stmts = block.kids.iter().filter(|k| k.rule != R::stmt).count() == 2;
                    stmts && block.kids.len() < 5 && block.kids.iter().all(fits)
                }
                None => node.kids.iter().all(fits),
            };
        }
        R::await_stmt => count(&clauses) < 3,
        R::step | R::pivot => {
            let handles = |kid: &Node| kid.rule == R::clause && kid.kid(R::handler).is_some();
            let short = || joined(node, text).chars().count() <= HANDLED_COLUMNS;
            count(&clauses) < 2 || !node.kids.iter().any(handles) || short()
        }
        R::action => count(&[R::action_clause]) < 3,
        R::action_clause => node.kid(R::sql).is_none(),
        _ => true,
    };
    right && node.kids.iter().all(fits)
}
