//! How deep a form goes: what is read must be no deeper than what the language lets be written, so
//! that whoever walks it has stack enough.

use crate::decl::Fir;
use crate::expr::Expr;
use crate::walk::{self, Visitor};

/// Bound: expressions in expressions. The language takes 256 levels; conversions that the source
/// leaves out are levels too.
const EXPRS_MAX: usize = 512;

/// Bound: blocks in blocks. The language takes 64; an undo that a contract brings is within a step.
const BLOCKS_MAX: usize = 192;

/// Bound: types in types. The language takes no more levels of these than of expressions.
const TYPES_MAX: usize = 256;

/// Bound: brackets in the text of a form whose expressions, blocks and types keep to theirs. An arm or a
/// field within an expression is five brackets deep, a handler around a block eight, a type one; the
/// rest is what holds a workflow.
pub(crate) const BRACKETS_MAX: usize = 5 * EXPRS_MAX + 8 * BLOCKS_MAX + TYPES_MAX + 32;

/// Whether expressions and blocks keep to their bounds. It recurses as deep as they go.
pub(crate) fn is_bearable(fir: &Fir) -> bool {
    let mut depth = Depth { within: 0, bearable: true };
    for workflow in fir.workflows.values() {
        let head = workflow.key.iter().flatten().chain(workflow.policies());
        head.for_each(|it| depth.root(it));
        walk::block(&mut depth, &workflow.body);
        workflow.aftermath.iter().for_each(|body| walk::block(&mut depth, body));
    }
    fir.functions.values().for_each(|function| walk::function(&mut depth, function));
    for human in fir.humans.values() {
        let shown = human.show.iter().map(|(_, shown)| shown);
        [&human.title].into_iter().chain(&human.assign).chain(shown).for_each(|it| depth.root(it));
    }
    depth.bearable
}

struct Depth {
    /// Blocks around what is looked at.
    within: usize,
    bearable: bool,
}

impl Visitor for Depth {
    fn enter(&mut self) {
        self.within += 1;
        self.bearable &= self.within <= BLOCKS_MAX;
    }

    fn leave(&mut self) {
        self.within -= 1;
    }

    fn root(&mut self, expr: &Expr) {
        self.bearable &= levels(expr) <= EXPRS_MAX;
    }
}

fn levels(expr: &Expr) -> usize {
    let mut deepest = 0;
    expr.inside(&mut |inner| deepest = deepest.max(levels(inner)));
    deepest + 1
}

/// How deep brackets nest in a JSON text, found without any recursion.
pub(crate) fn brackets(text: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match (quoted, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (_, _, b'"') => quoted = !quoted,
            (false, _, b'{' | b'[') => open += 1,
            (false, _, b'}' | b']') => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}
