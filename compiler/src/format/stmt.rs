//! Statements: their clauses, blocks and arms.

use super::print::Printer;
use crate::syntax::concrete::{Node, Rule};

/// Statements whose clauses and blocks have lines of their own once they do not fit on one.
pub(super) fn is_broken_by_parts(rule: Rule) -> bool {
    use Rule as R;
    matches!(
        rule,
        R::step
            | R::pivot
            | R::await_stmt
            | R::parallel
            | R::par_each
            | R::par_block
            | R::each
            | R::repeat
            | R::lock
            | R::transaction
            | R::tx_block
            | R::savepoint
            | R::scope
            | R::if_stmt
            | R::compensate
            | R::fallback
            | R::aftermath
    )
}

/// The place of a step's clause in the canonical order.
fn rank(clause: &Node) -> usize {
    use Rule as R;
    let what = match clause.rule {
        R::clause | R::await_clause => clause.kids.first().map_or(clause.rule, |kid| kid.rule),
        rule => rule,
    };
    let order = [
        R::retry,
        R::within,
        R::wait_within,
        R::until,
        R::remind,
        R::escalate,
        R::deadline,
        R::heartbeat,
        R::idempotent,
        R::probe,
        R::compensate,
        R::fallback,
        R::handler,
        R::else_clause,
    ];
    order.iter().position(|rule| *rule == what).unwrap_or(order.len())
}

/// Whether a bare `return` is in there: moved before another word it would take that for its value.
fn returns_bare(node: &Node) -> bool {
    (node.rule == Rule::return_stmt && node.kids.len() == 1) || node.kids.iter().any(returns_bare)
}

/// Whether the next arm would be read as the value of a `return` if no comma stood between.
fn ends_in_bare_return(arm: &Node) -> bool {
    match arm.kids.as_slice() {
        [.., last, comma] if comma.rule == Rule::comma => ends_in_bare_return(last),
        [.., last] => ends_in_bare_return(last),
        [] => arm.rule == Rule::k_return,
    }
}

impl Printer<'_> {
    /// A block with a line for each statement.
    pub fn block(&mut self, node: &Node) {
        let indent = self.out.indent();
        let [open, stmts @ .., close] = node.kids.as_slice() else { return };
        if stmts.is_empty() && !self.has_remarks(node.start, node.end) {
            return self.put_all(&[open, close], node.rule);
        }
        self.open(open, node.rule);
        for stmt in stmts {
            self.line(stmt.start, indent + 1);
            match stmt.kids.as_slice() {
                [what] if stmt.rule == Rule::stmt => self.stmt(what),
                _ => self.put(stmt, node.rule),
            }
        }
        self.close(close, indent, node.rule);
    }

    /// A statement on a line that was begun.
    pub fn stmt(&mut self, node: &Node) {
        let sorted = self.in_order(node);
        let node = sorted.as_ref().unwrap_or(node);
        if let (Rule::let_stmt, [name, rest @ ..]) = (node.rule, node.kids.as_slice()) {
            self.put(name, node.rule);
            self.out.cell("let", "");
            return self.put_all(&rest.iter().collect::<Vec<_>>(), node.rule);
        }
        self.put(node, Rule::stmt);
    }

    /// The statement with its clauses in the canonical order, where they are not in it already and
    /// nothing speaks against moving them.
    fn in_order(&self, node: &Node) -> Option<Node> {
        let movable = matches!(node.rule, Rule::step | Rule::pivot | Rule::await_stmt);
        let is_clause = |k: &&Node| matches!(k.rule, Rule::clause | Rule::await_clause);
        let clauses: Vec<&Node> = node.kids.iter().filter(is_clause).collect();
        if !movable || clauses.is_sorted_by_key(|c| rank(c)) {
            return None;
        }
        let (from, to) = (clauses.first()?.start, clauses.last()?.end);
        if self.has_remarks(from, to) || returns_bare(node) {
            return None;
        }
        let mut kids = node.kids.iter().map(copy).collect::<Vec<_>>();
        kids.sort_by_key(|kid| if is_clause(&kid) { 1 + rank(kid) } else { 0 });
        Some(Node { rule: node.rule, start: node.start, end: node.end, kids })
    }

    /// A statement whose clauses and blocks have lines of their own.
    pub fn parts(&mut self, node: &Node) {
        let indent = self.out.indent();
        let mut behind_block = false;
        for kid in &node.kids {
            match kid.rule {
                Rule::block => {
                    self.block(kid);
                    behind_block = true;
                }
                Rule::tx_block | Rule::par_each | Rule::par_block => {
                    self.parts(kid);
                    behind_block = true;
                }
                Rule::if_stmt => self.parts(kid),
                Rule::clause
                | Rule::await_clause
                | Rule::handler
                | Rule::else_clause
                | Rule::interrupt => {
                    // What follows a block stands below the word that opened it.
                    self.continue_line(kid.start, indent + usize::from(!behind_block));
                    self.clause(kid);
                }
                _ => self.put(kid, node.rule),
            }
        }
    }

    fn clause(&mut self, node: &Node) {
        match node.rule {
            Rule::clause | Rule::await_clause => {
                node.kids.iter().for_each(|kid| self.clause(kid));
            }
            Rule::handler => self.arrow(node),
            _ => self.put(node, Rule::clause),
        }
    }

    /// A line of two cells, the second from its arrow.
    pub fn arrow(&mut self, node: &Node) {
        for kid in &node.kids {
            match kid.rule {
                Rule::arrow => {
                    self.out.cell("arrow", "");
                    self.put(kid, node.rule);
                }
                Rule::comma => {}
                _ => self.put(kid, node.rule),
            }
        }
    }

    /// What goes before a brace, and a line for each arm between the braces.
    pub fn arms(&mut self, node: &Node) {
        let indent = self.out.indent();
        for (n, kid) in node.kids.iter().enumerate() {
            match kid.rule {
                Rule::brace_open => self.open(kid, node.rule),
                Rule::brace_close => self.close(kid, indent, node.rule),
                Rule::stmt_arm | Rule::match_arm | Rule::await_arm => {
                    self.line(kid.start, indent + 1);
                    self.arrow(kid);
                    let more = node.kids.get(n + 1).is_some_and(|next| next.rule == kid.rule);
                    if more && ends_in_bare_return(kid) {
                        self.comma(node.rule);
                    }
                }
                _ => self.put(kid, node.rule),
            }
        }
    }
}

/// The same tree again.
fn copy(node: &Node) -> Node {
    let kids = node.kids.iter().map(copy).collect();
    Node { rule: node.rule, start: node.start, end: node.end, kids }
}
