//! Human tasks.

use super::Resolver;
use super::body::Body;
use super::once::Once;
use crate::hir::{self, HumanId};
use crate::syntax::ast;

/// Reads the clauses of a human task.
pub(super) fn read(resolver: &mut Resolver<'_>, module: usize, id: HumanId, decl: &ast::HumanDecl) {
    let mut human = resolver.program.humans[id].clone();
    let mut body = Body::new(resolver, module);
    body.incomplete = human.incomplete;
    body.bind_params(&human.params);
    let mut once = Once::default();
    for clause in &decl.clauses {
        match clause {
            ast::HumanClause::Title { text, span } => {
                if once.first(body.r, "title", *span) {
                    human.title = Some(body.text(text));
                }
            }
            ast::HumanClause::Assign { to, except, span } => {
                if once.first(body.r, "assign", *span) {
                    let to = body.expr(to);
                    let except = except.as_ref().map(|e| body.expr(e));
                    human.assign = Some(hir::Assign { to, except, span: *span });
                }
            }
            ast::HumanClause::Show { values, span } => {
                if once.first(body.r, "show", *span) {
                    human.show = body.exprs(values);
                }
            }
        }
    }
    human.locals = body.finish();
    resolver.program.humans[id] = human;
}
