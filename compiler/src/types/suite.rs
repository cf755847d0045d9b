//! Tests: what is given, run and expected.

use super::cx::{Cx, Place, Want};
use crate::hir::{
    Expect, GivenAnswer, GivenStmt, GivenTarget, NeverWhen, Test, TestStmt, Ty, TyKind,
};

impl Cx<'_> {
    pub(super) fn test(&mut self, test: &Test) {
        let place = Place { test: true, module: test.module.clone(), ..Place::default() };
        self.within(place, |cx| {
            for stmt in &test.stmts {
                cx.test_stmt(stmt);
            }
        });
    }

    fn test_stmt(&mut self, stmt: &TestStmt) {
        let program = self.program;
        match stmt {
            TestStmt::Given(given) => self.given_stmt(given),
            TestStmt::Deliver { event, args, .. } => {
                let fields = event.map_or(&[][..], |event| &program.events[event].fields);
                self.args(fields, args);
            }
            TestStmt::Run { bind, workflow, args, .. } => {
                let params = workflow.map_or(&[][..], |id| &program.workflows[id].params);
                self.args(params, args);
                let result = match workflow {
                    Some(id) => program.workflows[*id]
                        .result
                        .as_ref()
                        .map_or_else(|| Ty::new(TyKind::Unit), |result| result.node.clone()),
                    None => Ty::error(),
                };
                if let Some(bind) = bind {
                    self.bind(*bind, result);
                }
            }
            TestStmt::EveryFailure { workflow, args, .. } => {
                let params = workflow.map_or(&[][..], |id| &program.workflows[id].params);
                self.args(params, args);
            }
            TestStmt::Expect(expect, _) => match expect {
                Expect::Value(condition, _) => self.condition(*condition),
                Expect::Never { when: NeverWhen::Unless(condition, _), .. } => {
                    self.condition(*condition);
                }
                _ => {}
            },
            TestStmt::Let(local, value, _) => self.let_(*local, *value),
        }
    }

    fn given_stmt(&mut self, given: &GivenStmt) {
        let program = self.program;
        let (answer, from) = match &given.target {
            GivenTarget::Error => (Ty::error(), None),
            GivenTarget::Action(id, args) => {
                let action = &program.actions[*id];
                if let Some(args) = args {
                    self.args(&action.params, args);
                }
                match &action.result {
                    Some(ty) => (ty.node.clone(), Some((ty.span, "it answers this".to_owned()))),
                    None => (Ty::new(TyKind::Unit), None),
                }
            }
            GivenTarget::Human(id) => {
                let ty = &program.humans[*id].answer;
                (ty.node.clone(), Some((ty.span, "a person answers this".to_owned())))
            }
            GivenTarget::Event(id) => (Ty::new(TyKind::Event(*id)), None),
        };
        match &given.answer {
            GivenAnswer::Value(value) => {
                self.check(*value, &Want { ty: answer, from });
            }
            GivenAnswer::Fail(error, args) => {
                let fields = error.map_or(&[][..], |id| &program.errors[id].fields);
                self.args(fields, args);
            }
            GivenAnswer::Refused | GivenAnswer::Unknown | GivenAnswer::Timeout => {}
        }
    }
}
