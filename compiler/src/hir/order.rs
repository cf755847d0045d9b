//! Which functions call which, and an order in which each comes after those that it calls.

use super::*;

impl Program {
    /// The functions that one calls, with the places of the calls.
    #[must_use]
    pub fn calls_of(&self, id: FunctionId) -> Vec<(FunctionId, Span)> {
        let mut calls = Vec::new();
        let mut see = |expr: ExprId| {
            self.each_inner(expr, &mut |inner| {
                if let ExprKind::Call(called, _) = &self.exprs[inner].kind {
                    calls.push((*called, self.exprs[inner].span));
                }
            });
        };
        match &self.functions[id].body {
            FunctionBody::Fn { lets, value } => {
                lets.iter().for_each(|(_, value)| see(*value));
                see(*value);
            }
            FunctionBody::Decide { rules, otherwise } => {
                for rule in rules {
                    see(rule.when);
                    see(rule.then);
                }
                otherwise.iter().for_each(|value| see(*value));
            }
        }
        calls
    }

    /// All functions, each after those that it calls; where they call each other in a circle, which was
    /// reported, in some order. Thousands may call each other in a row: nothing recurses here.
    #[must_use]
    pub fn functions_in_order(&self) -> Vec<FunctionId> {
        let mut order = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for start in self.functions.ids() {
            let mut open = vec![(start, None)];
            while let Some((id, calls)) = open.pop() {
                let mut calls: Vec<FunctionId> = match calls {
                    Some(calls) => calls,
                    None if seen.insert(id) => {
                        self.calls_of(id).into_iter().rev().map(|(called, _)| called).collect()
                    }
                    None => continue,
                };
                match calls.pop() {
                    Some(next) => {
                        open.push((id, Some(calls)));
                        open.push((next, None));
                    }
                    None => order.push(id),
                }
            }
        }
        order
    }
}
