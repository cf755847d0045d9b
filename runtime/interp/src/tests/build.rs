//! A few words to write FIR in tests.

use sagaflow_fir as fir;
use sagaflow_fir::{
    Action, Block, Call, CallUndo, Class, Compensation, Expr, ExprKind, Fir, Handler, Handlers,
    Local, LocalId, Method, On, Point, Remedy, Retry, StepStmt, Stmt, Ty, Workflow,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::Interpreter;
use sagaflow_core::codegen::{Draw, Event, Fault, Frame, Machine as _, Move, Values};
use sagaflow_core::time::Time;

pub(crate) const W: &str = "t.W";

/// A program with one workflow `t.W` and one service `t.S`.
pub(crate) struct Build {
    pub(crate) fir: Fir,
    pub(crate) flow: Workflow,
}

impl Build {
    pub(crate) fn new() -> Self {
        let flow = Workflow {
            version: 1,
            params: Vec::new(),
            locals: Vec::new(),
            result: Some(Ty::Int),
            triggers: Vec::new(),
            key: None,
            key_for_ms: None,
            policy_locals: 0,
            limit: Vec::new(),
            concurrency: Vec::new(),
            indexed: Vec::new(),
            upgrades: Vec::new(),
            fails: Vec::new(),
            deadline_ms: None,
            retain_ms: None,
            body: Vec::new(),
            aftermath: None,
            failure: None,
            points: Default::default(),
            unsupported: Vec::new(),
            module: "t".into(),
            doc: String::new(),
            continues: false,
        };
        let mut build = Self { fir: Fir::default(), flow };
        build.point("start", &[]);
        build
    }

    pub(crate) fn param(&mut self, name: &str, ty: Ty) -> LocalId {
        assert_eq!(self.flow.params.len(), self.flow.locals.len(), "parameters come first");
        self.flow.params.push(field(name, ty.clone()));
        self.local(name, ty)
    }

    pub(crate) fn local(&mut self, name: &str, ty: Ty) -> LocalId {
        let id = LocalId(u32::try_from(self.flow.locals.len()).unwrap());
        self.flow.locals.push(Local { name: name.into(), ty });
        id
    }

    pub(crate) fn point(&mut self, at: &str, live: &[LocalId]) -> &mut Point {
        let point = Point { path: at.into(), live: live.to_vec(), hidden: Vec::new(), line: 1 };
        self.flow.points.insert(at.into(), point);
        self.flow.points.get_mut(at).unwrap()
    }

    pub(crate) fn hidden(&mut self, at: &str, names: &[(&str, Ty)]) {
        let hidden = names.iter().map(|(name, ty)| ((*name).to_owned(), ty.clone())).collect();
        self.flow.points.get_mut(at).unwrap().hidden = hidden;
    }

    /// An action of `t.S`, with its errors as names and payload fields.
    pub(crate) fn action(
        &mut self,
        name: &str,
        class: Class,
        params: &[(&str, Ty)],
        result: Option<Ty>,
        errors: &[(&str, &[(&str, Ty)])],
    ) {
        let service = self.fir.services.entry("t.S".into()).or_insert_with(|| fir::Service {
            same_as: None,
            breaker: None,
            limit: None,
            actions: Default::default(),
        });
        let error = |(name, fields): &(&str, &[(&str, Ty)])| fir::ErrorDecl {
            name: (*name).into(),
            fields: fields.iter().map(|(name, ty)| field(name, ty.clone())).collect(),
            transient: false,
        };
        let action = Action {
            class,
            params: params.iter().map(|(name, ty)| field(name, ty.clone())).collect(),
            result,
            idempotent: class != Class::Read,
            errors: errors.iter().map(error).collect(),
            within_ms: Some(1_000),
            compensation: Compensation::None,
            sql: None,
            no_rows: None,
            lasts_ms: None,
        };
        service.actions.insert(name.into(), action);
    }

    pub(crate) fn machine(mut self) -> Interpreter {
        self.fir.workflows.insert(W.into(), self.flow);
        Interpreter::new(Arc::new(self.fir), W).expect("the workflow of a test is whole")
    }
}

pub(crate) fn field(name: &str, ty: Ty) -> fir::Field {
    fir::Field { name: name.into(), ty, default: None }
}

pub(crate) fn expr(ty: Ty, kind: ExprKind) -> Expr {
    Expr { ty, kind }
}

pub(crate) fn lit(ty: Ty, json: Json) -> Expr {
    expr(ty, ExprKind::Literal(json))
}

pub(crate) fn int(n: i64) -> Expr {
    lit(Ty::Int, json!(n))
}

pub(crate) fn text(text: &str) -> Expr {
    lit(Ty::Text, json!(text))
}

pub(crate) fn name(id: LocalId, ty: Ty) -> Expr {
    expr(ty, ExprKind::Local(id))
}

pub(crate) fn op(op: fir::BinaryOp, left: Expr, right: Expr, ty: Ty) -> Expr {
    expr(ty, ExprKind::Binary(op, Box::new(left), Box::new(right)))
}

pub(crate) fn method(of: Expr, kind: &str, name: &str, args: Vec<Expr>, ty: Ty) -> Expr {
    let method = Method { of: kind.into(), name: name.into() };
    expr(ty, ExprKind::Method(Box::new(of), method, args))
}

pub(crate) fn builtin(name: &str, args: Vec<Expr>, ty: Ty) -> Expr {
    expr(ty, ExprKind::Builtin(name.into(), args))
}

pub(crate) fn lambda(params: &[LocalId], body: Expr) -> Expr {
    let ty = body.ty.clone();
    expr(ty, ExprKind::Lambda(params.to_vec(), Box::new(body)))
}

/// A step that calls `t.S.<action>` at a point of this name.
pub(crate) fn step(
    at: &str,
    action: &str,
    args: &[(&str, Expr)],
    bind: Option<LocalId>,
) -> StepStmt {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let retry =
        Retry { attempts: Some(3), first_ms: 1_000, max_ms: 30_000, jitter: true, on: Vec::new() };
    StepStmt {
        at: at.into(),
        class: Class::Write,
        commits: false,
        bind,
        call: Call {
            service: "t.S".into(),
            action: action.into(),
            args,
            by: None,
            idempotent: true,
            key_for_ms: None,
            within_ms: 1_000,
            deadline_ms: None,
            retry,
            probe: None,
        },
        undo: CallUndo::None,
        fallback: None,
        handlers: Handlers::default(),
        block: None,
    }
}

pub(crate) fn run(step: StepStmt) -> Stmt {
    Stmt::Step(Box::new(step))
}

pub(crate) fn block(body: Block) -> Remedy {
    Remedy::Block { body, skips: false, fails: false }
}

pub(crate) fn on(on: On, binders: &[LocalId], remedy: Remedy) -> Handler {
    Handler { on, binders: binders.iter().map(|id| Some(*id)).collect(), remedy }
}

pub(crate) fn frame(at: &str, iteration: &[u32], values: Json) -> Frame {
    let values: Values = serde_json::from_value(values).unwrap();
    Frame { at: at.into(), iteration: iteration.to_vec(), values }
}

/// Noon of a day, and entropy that never varies.
pub(crate) fn draw() -> Draw {
    Draw::new(Time(1_700_000_000_000), [7; 16])
}

pub(crate) fn go(machine: &Interpreter, frame: &Frame, event: Event) -> Move {
    go_or(machine, frame, event).expect("no fault")
}

pub(crate) fn go_or(machine: &Interpreter, frame: &Frame, event: Event) -> Result<Move, Fault> {
    machine.resume(frame, event, &mut draw())
}
