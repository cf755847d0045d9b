//! Everything at top level.

use super::print::Printer;
use crate::syntax::concrete::{Node, Rule};

/// A function longer than this has its expression on a line of its own.
const FN_COLUMNS: usize = 72;

/// The place of a promise in the canonical order of a contract.
fn rank(clause: &Node) -> usize {
    use Rule as R;
    let order = [
        R::idempotent,
        R::fails,
        R::cache,
        R::compensate,
        R::probe,
        R::lasts,
        R::within,
        R::deadline,
        R::sql,
    ];
    let what = clause.kids.first().map(|kid| kid.rule);
    order.iter().position(|rule| Some(*rule) == what).unwrap_or(order.len())
}

fn all(nodes: &[Node]) -> Vec<&Node> {
    nodes.iter().collect()
}

impl Printer<'_> {
    /// A whole file.
    pub fn file(&mut self, root: &Node) {
        for node in &root.kids {
            match node.rule {
                Rule::head => {
                    for kid in &node.kids {
                        self.line(kid.start, 0);
                        self.put(kid, node.rule);
                        self.out.end();
                    }
                    if node.kids.iter().any(|kid| kid.rule != Rule::doc) {
                        self.out.part();
                    }
                }
                Rule::item => self.item(node),
                _ => {
                    self.line(node.start, 0);
                    self.put(node, Rule::file);
                }
            }
        }
    }

    fn item(&mut self, node: &Node) {
        let single = matches!(node.kids.as_slice(), [decl] if self.is_line(decl));
        if !single {
            self.out.part();
        }
        let lines = self.out.len();
        for kid in &node.kids {
            self.line(kid.start, 0);
            match kid.rule {
                Rule::doc | Rule::allow => self.put(kid, node.rule),
                _ => self.decl(kid),
            }
        }
        if !single || self.out.len() > lines + 1 {
            self.out.end();
            self.out.part();
        }
    }

    /// Whether a declaration fits on one line.
    fn is_line(&self, decl: &Node) -> bool {
        let long = if decl.rule == Rule::fn_decl { FN_COLUMNS } else { super::COLUMNS };
        self.flat(&[decl], Rule::item).is_some_and(|flat| flat.chars().count() <= long)
    }

    fn decl(&mut self, node: &Node) {
        use Rule as R;
        let is_line = self.is_line(node);
        match node.rule {
            R::type_decl => self.columns(node, "type", &[R::equals]),
            R::policy_decl => self.columns(node, "policy", &[R::equals]),
            R::record_decl if is_line => self.columns(node, "record", &[R::brace_open]),
            R::enum_decl if is_line => self.columns(node, "enum", &[R::brace_open]),
            R::event_decl if is_line => {
                self.columns(node, "event", &[R::k_on, R::k_key, R::k_retain, R::brace_open]);
            }
            R::fn_decl if !is_line => self.function(node),
            R::workflow_decl => self.workflow(node),
            _ if is_line => self.put(node, R::item),
            _ if node.kid(R::brace_open).is_some() => self.braces(node),
            _ => self.put_all(&all(&node.kids), node.rule),
        }
    }

    /// A line with cells that begin at some words.
    fn columns(&mut self, node: &Node, kind: &'static str, at: &[Rule]) {
        for cell in node.kids.chunk_by(|_, next| !at.contains(&next.rule)) {
            if let Some(word) = cell.first().filter(|kid| at.contains(&kid.rule)) {
                self.out.cell(kind, &format!("{:?}", word.rule));
            }
            self.put_flat(&all(cell), node.rule);
        }
    }

    fn function(&mut self, node: &Node) {
        for kid in &node.kids {
            match kid.rule {
                Rule::fn_block => self.braces(kid),
                Rule::expr => {
                    self.continue_line(kid.start, 1);
                    self.put(kid, node.rule);
                }
                _ => self.put(kid, node.rule),
            }
        }
    }

    /// What goes before the brace, and a line for each part between the braces.
    fn braces(&mut self, node: &Node) {
        let Some(at) = node.kids.iter().position(|kid| kid.rule == Rule::brace_open) else {
            return;
        };
        let (head, body) = node.kids.split_at(at);
        self.put_all(&all(head), node.rule);
        let [open, parts @ .., close] = body else { return };
        if parts.is_empty() && !self.has_remarks(open.start, close.end) {
            return self.put_all(&[open, close], node.rule);
        }
        self.open(open, node.rule);
        for (n, part) in parts.iter().enumerate() {
            let last = n.checked_sub(1).and_then(|n| parts.get(n));
            let touches = |upper: Option<&Node>, lower: Option<&Node>| {
                let both = [upper, lower].into_iter().flatten();
                let actions = both.filter(|part| part.rule == Rule::action).count() == 2;
                actions && lower.is_some_and(|part| !self.blank_before(part.start))
            };
            let in_table = touches(last, Some(part)) || touches(Some(part), parts.get(n + 1));
            self.part_of(part, node.rule, in_table);
        }
        self.close(close, 0, node.rule);
    }

    /// A part between braces, behind its docs. An action is `in_table` where no blank line parts it
    /// from another.
    fn part_of(&mut self, part: &Node, around: Rule, in_table: bool) {
        let docs = part.kids.iter().take_while(|kid| kid.rule == Rule::doc).count();
        let (docs, rest) = part.kids.split_at(docs);
        for doc in docs {
            self.line(doc.start, 1);
            self.put(doc, part.rule);
        }
        let Some(first) = rest.first() else {
            self.line(part.start, 1);
            return self.put(part, around);
        };
        self.line(first.start, 1);
        match part.rule {
            Rule::field => {
                for kid in rest.iter().filter(|kid| kid.rule != Rule::comma) {
                    self.put(kid, part.rule);
                    if kid.rule == Rule::colon {
                        self.out.cell("field", "");
                    }
                }
            }
            Rule::variant => self.put_all(&all(rest), part.rule),
            Rule::decide_rule | Rule::decide_else => self.arrow(part),
            Rule::human_clause => {
                self.put(first, part.rule);
                self.out.cell("human", "");
                self.put_all(&all(rest.get(1..).unwrap_or_default()), part.rule);
            }
            Rule::action => self.action(rest, in_table),
            Rule::let_stmt => self.stmt(part),
            Rule::test_stmt => rest.iter().for_each(|kid| self.stmt(kid)),
            _ => self.put(part, around),
        }
    }

    /// An action of a contract: one promise on its line, two where it is in a table with others,
    /// else a line each.
    fn action(&mut self, parts: &[Node], in_table: bool) {
        let at =
            parts.iter().position(|kid| kid.rule == Rule::action_clause).unwrap_or(parts.len());
        let (head, clauses) = parts.split_at(at);
        let mut sorted = all(clauses);
        let (from, to) =
            (clauses.first().map_or(0, |c| c.start), clauses.last().map_or(0, |c| c.end));
        if !self.has_remarks(from, to) {
            sorted.sort_by_key(|clause| rank(clause));
        }
        let everything: Vec<&Node> = head.iter().chain(sorted.iter().copied()).collect();
        let few = clauses.len() < if in_table { 3 } else { 2 }
            && !self.has_remarks(head.first().map_or(0, |h| h.start), to)
            && self.fits(&everything, Rule::action);
        self.put_all(&all(head), Rule::action);
        for clause in sorted {
            let what = clause.kids.first().map_or(clause.rule, |kid| kid.rule);
            if few {
                self.out.cell("action", &format!("{what:?}"));
            } else {
                self.continue_line(clause.start, 2);
            }
            self.put(clause, Rule::action);
        }
    }

    fn workflow(&mut self, node: &Node) {
        let is_body = |kid: &Node| matches!(kid.rule, Rule::block | Rule::aftermath);
        let at = node.kids.iter().position(is_body).unwrap_or(node.kids.len());
        let (head, bodies) = node.kids.split_at(at);
        let headers = head.iter().filter(|kid| kid.rule == Rule::header).count();
        let short = self
            .flat(&all(head), node.rule)
            .is_some_and(|flat| flat.chars().count() + 2 <= super::COLUMNS);
        let broken = headers > 1 || !short;
        for kid in head {
            if broken && kid.rule == Rule::header {
                self.continue_line(kid.start, 1);
            }
            self.put(kid, node.rule);
        }
        for body in bodies {
            if (broken && headers > 0) || body.rule == Rule::aftermath {
                self.continue_line(body.start, 0);
            }
            match body.rule {
                Rule::block => self.block(body),
                _ => self.parts(body),
            }
        }
    }
}
