//! How deep an evaluation goes, functions included (F0003).
//!
//! Functions do not call themselves, so the depth of everything is known here. What is let through fits
//! the stack of both machines; the interpreter's own bound lies just above.

use crate::diagnostic::Diagnostic;
use crate::hir::{
    BinaryOp, CompensateHow, ExprId, ExprKind, FunctionBody, FunctionId, Idx as _, LocalId,
    Program, Stmt, StmtKind, Target,
};
use crate::span::Span;
use crate::syntax::CHAIN_HELP;
use crate::types::{Adjust, Table, operands};
use sagaflow_fir::work::DEPTH_MAX;
use std::collections::BTreeMap;

/// Reports the innermost expressions that are too deep.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    let mut depths = Depths {
        program,
        table,
        known: vec![None; program.exprs.len()],
        functions: BTreeMap::new(),
        findings,
    };
    for id in program.functions_in_order() {
        let depth = depths.function(id);
        depths.functions.insert(id, depth);
    }
    for id in program.exprs.ids() {
        depths.expr(id);
    }
    super::each_stmt(program, &mut |stmt| depths.stmt(stmt));
    for action in program.actions.values() {
        if let Some(CompensateHow::Block { body, .. }) =
            action.compensate.as_ref().map(|it| &it.how)
        {
            body.walk(true, &mut |stmt| depths.stmt(stmt));
        }
    }
}

struct Depths<'a> {
    program: &'a Program,
    table: &'a Table,
    /// By expression.
    known: Vec<Option<u32>>,
    /// Of the bodies of functions.
    functions: BTreeMap<FunctionId, u32>,
    findings: &'a mut Vec<Diagnostic>,
}

impl Depths<'_> {
    fn function(&mut self, id: FunctionId) -> u32 {
        let program = self.program;
        let parts: Vec<ExprId> = match &program.functions[id].body {
            FunctionBody::Fn { lets, value } => {
                lets.iter().map(|(_, value)| *value).chain([*value]).collect()
            }
            FunctionBody::Decide { rules, otherwise } => {
                rules.iter().flat_map(|rule| [rule.when, rule.then]).chain(*otherwise).collect()
            }
        };
        parts.into_iter().map(|part| self.expr(part)).max().unwrap_or_default()
    }

    /// Bound: recurses as deep as an expression is written, which has a bound of its own.
    fn expr(&mut self, id: ExprId) -> u32 {
        if let Some(depth) = self.known.get(id.index()).copied().flatten() {
            return depth;
        }
        let program = self.program;
        let called = self.called(id);
        let inner = operands(program, id).into_iter().map(|inner| {
            let depth = self.expr(inner);
            // `a + b + c` is evaluated from left to right on one level.
            if self.continues(id, inner) { depth.saturating_sub(1) } else { depth }
        });
        let inner = inner.max().unwrap_or_default();
        let within = called.max(inner);
        let depth = match 1_u32.saturating_add(self.converted(id)).saturating_add(within) {
            // What is around it would only repeat it.
            _ if within > DEPTH_MAX => within,
            depth if depth > DEPTH_MAX => {
                self.too_deep(id, called);
                depth
            }
            depth => depth,
        };
        if let Some(slot) = self.known.get_mut(id.index()) {
            *slot = Some(depth);
        }
        depth
    }

    /// How deep the function is that is called here, if one is.
    fn called(&self, id: ExprId) -> u32 {
        match &self.program.exprs[id].kind {
            // A circle was reported.
            ExprKind::Call(function, _) => self.functions.get(function).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether an operand is the left part of a chain of arithmetic, or of one of `and` and `or`.
    fn continues(&self, id: ExprId, operand: ExprId) -> bool {
        let part = |id: ExprId| match &self.program.exprs[id].kind {
            ExprKind::Binary(op, left, _) => Some((chain(op.node)?, *left)),
            _ => None,
        };
        let (Some((around, left)), Some((within, _))) = (part(id), part(operand)) else {
            return false;
        };
        around == within && left == operand && self.converted(operand) == 0
    }

    /// The conversions that stand around an expression where it runs.
    fn converted(&self, id: ExprId) -> u32 {
        let stands = |how: Adjust| matches!(how, Adjust::Some | Adjust::Nominal | Adjust::Plain);
        let all = self.table.adjustments.get(&id).into_iter().flatten();
        u32::try_from(all.filter(|one| stands(one.how)).count()).unwrap_or(u32::MAX)
    }

    /// A contract's key and question are evaluated with the arguments of the call in them.
    fn stmt(&mut self, stmt: &Stmt) {
        let StmtKind::Step(step) = &stmt.kind else { return };
        let Target::Action(id) = step.call.target else { return };
        let program = self.program;
        let locals = program.actions[id].param_locals.iter();
        let given = locals.zip(&step.call.args.values);
        let given: BTreeMap<LocalId, ExprId> =
            given.filter_map(|(local, value)| Some((*local, (*value)?))).collect();
        let keys = step.idempotent.iter().flat_map(|key| key.value.by.iter().copied());
        let asked = step.probe.iter().flat_map(|probe| probe.value.call.args.each());
        for clause in keys.chain(asked) {
            let deepest = given.values().map(|value| self.expr(*value)).max().unwrap_or_default();
            let own = self.expr(clause);
            // What is too deep by itself was reported.
            let apart = own.max(deepest) > DEPTH_MAX;
            if apart || own.saturating_add(deepest) <= DEPTH_MAX {
                continue;
            }
            if self.put(clause, &given) > DEPTH_MAX {
                return self.too_deep_together(step.call.span, program.exprs[clause].span);
            }
        }
    }

    /// The depth of a clause with what is given in it.
    fn put(&mut self, id: ExprId, given: &BTreeMap<LocalId, ExprId>) -> u32 {
        let program = self.program;
        if let ExprKind::Local(local) = &program.exprs[id].kind {
            let value = given.get(local).map_or(1, |value| self.expr(*value));
            return value.saturating_add(self.converted(id));
        }
        let inner = operands(program, id).into_iter().map(|inner| {
            let depth = self.put(inner, given);
            if self.continues(id, inner) { depth.saturating_sub(1) } else { depth }
        });
        let inner = inner.max().unwrap_or_default();
        1_u32.saturating_add(self.converted(id)).saturating_add(self.called(id).max(inner))
    }

    fn too_deep_together(&mut self, call: Span, clause: Span) {
        self.findings.push(
            finding(call)
                .label(clause, "the contract puts what it is called with into this…")
                .label(call, "…and with what stands here it is too deep")
                .help("give what is passed a name of its own: `part = …`"),
        );
    }

    /// Whether it is a chain of `else if` that makes it too deep, and nothing in one of its arms.
    fn is_long_chain(&self, id: ExprId) -> bool {
        let depth = |id: ExprId| self.known.get(id.index()).copied().flatten().unwrap_or(0);
        let (mut at, mut arms, mut deepest) = (id, 0, 0);
        while let ExprKind::If(condition, then, otherwise) = self.program.exprs[at].kind {
            (at, arms) = (otherwise, arms + 1);
            deepest = deepest.max(depth(condition)).max(depth(then));
        }
        arms > 1 && deepest.max(depth(at)) < DEPTH_MAX
    }

    fn too_deep(&mut self, id: ExprId, called: u32) {
        let span = self.program.exprs[id].span;
        let (what, help) = match &self.program.exprs[id].kind {
            ExprKind::If(..) if self.is_long_chain(id) => {
                ("each `else if` of this chain is a level".to_owned(), CHAIN_HELP)
            }
            ExprKind::Call(function, _) if called > 0 => (
                format!(
                    "`{}` is {called} levels deep, with the functions that it calls",
                    self.program.functions[*function].name.name
                ),
                "call one function after the other, with names for what they give: `part = …`",
            ),
            _ => (
                "with everything in it".to_owned(),
                "give parts of it names of their own: `part = …`",
            ),
        };
        self.findings.push(finding(span).label(span, what).help(help));
    }
}

fn finding(span: Span) -> Diagnostic {
    let text = format!("this is evaluated more than {DEPTH_MAX} levels deep");
    Diagnostic::error("F0003", span, text)
}

/// The chain that an operator goes on with, if any.
fn chain(op: BinaryOp) -> Option<Chain> {
    use BinaryOp as B;
    match op {
        B::Add | B::Sub | B::Mul | B::Div | B::Rem => Some(Chain::Arithmetic),
        B::And | B::Or => Some(Chain::Logic),
        _ => None,
    }
}

/// Operators that are evaluated from left to right on one level.
#[derive(PartialEq, Eq)]
enum Chain {
    Arithmetic,
    Logic,
}
