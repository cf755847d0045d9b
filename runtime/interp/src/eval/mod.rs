//! Expressions: from a tree and the values of names to a value, or a fault.
//!
//! Promises: exact arithmetic, checked; the same draw gives the same values in evaluation order;
//! work and depth are bounded, so that no program can hold a shard, and work is counted as generated
//! code counts it. Never touches clock or entropy
//! but through the draw.

mod builtin;
mod calendar;
mod collection;
mod decimal;
mod map;
mod ops;
mod part;
mod pattern;
mod text;

use crate::codec::{decode, fault, print};
use crate::value::{Fields, Value};
use sagaflow_core::codegen::rt::work::text_units;
use sagaflow_core::codegen::rt::{Work, handed, size};
use sagaflow_core::codegen::{Draw, Fault};
use sagaflow_fir::work::{counted, in_place};
use sagaflow_fir::{Expr, ExprKind, Fir, Function, FunctionBody, LocalId, TextPart, Ty, UnaryOp};
use std::sync::Arc;

pub(crate) use ops::compare;
pub(crate) use pattern::plain;

pub use sagaflow_core::codegen::rt::WORK_MAX;

/// Bound: what the compiler lets through, and a little for what stands around it where it runs; so
/// only a program that no compiler has seen goes deeper.
const DEPTH_MAX: u32 = sagaflow_fir::work::DEPTH_MAX + 8;

/// Values of the names in sight, by [`LocalId`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Env {
    values: Vec<Option<Value>>,
}

impl Env {
    /// No name bound, of `count`.
    pub(crate) fn new(count: usize) -> Self {
        Self { values: vec![None; count] }
    }

    /// The value of a name.
    pub(crate) fn get(&self, id: LocalId) -> Option<&Value> {
        self.values.get(id.0 as usize)?.as_ref()
    }

    /// Binds a name.
    pub(crate) fn set(&mut self, id: LocalId, value: Value) {
        let index = id.0 as usize;
        if index >= self.values.len() {
            self.values.resize(index + 1, None);
        }
        if let Some(slot) = self.values.get_mut(index) {
            *slot = Some(value);
        }
    }
}

/// Evaluates expressions of one program.
pub(crate) struct Eval<'a> {
    pub(crate) fir: &'a Fir,
    /// Absent where nothing may be drawn: conditions of waits, keys, functions of tests.
    pub(crate) draw: Option<&'a mut Draw>,
    /// Module whose samples are meant.
    pub(crate) module: &'a str,
    /// Counted so far.
    work: Work,
    depth: u32,
}

impl<'a> Eval<'a> {
    /// An evaluator for one resume.
    pub(crate) fn new(fir: &'a Fir, module: &'a str, draw: Option<&'a mut Draw>) -> Self {
        Self { fir, draw, module, work: Work::new(), depth: 0 }
    }

    /// Counts `amount` units of work.
    pub(crate) fn spend(&self, amount: u64) -> Result<(), Fault> {
        self.work.spend(amount)
    }

    /// Tells the draw what the evaluation cost.
    pub(crate) fn settle(&mut self) {
        if let Some(draw) = self.draw.as_deref_mut() {
            draw.work = self.work.spent();
        }
    }

    /// The value of an expression, counted: where it is made, copied or compared.
    pub(crate) fn expr(&mut self, env: &mut Env, expr: &Expr) -> Result<Value, Fault> {
        let value = self.uncounted(env, expr)?;
        if counted(expr) {
            self.spend(size(&value))?;
        }
        Ok(value)
    }

    /// The value of a receiver: a name that is only looked into is not counted.
    fn base(&mut self, env: &mut Env, expr: &Expr) -> Result<Value, Fault> {
        match in_place(self.fir, expr) {
            true => self.uncounted(env, expr),
            false => self.expr(env, expr),
        }
    }

    /// A value for a parameter: what is handed over is copied, and kept by nobody.
    fn handed(&mut self, env: &mut Env, expr: &Expr) -> Result<Value, Fault> {
        let value = self.base(env, expr)?;
        if in_place(self.fir, expr) {
            self.spend(handed(size(&value)))?;
        }
        Ok(value)
    }

    fn uncounted(&mut self, env: &mut Env, expr: &Expr) -> Result<Value, Fault> {
        if self.depth >= DEPTH_MAX {
            return Err(fault("expressions are nested too deeply"));
        }
        self.depth += 1;
        let value = self.kind(env, expr);
        self.depth -= 1;
        value
    }

    fn kind(&mut self, env: &mut Env, expr: &Expr) -> Result<Value, Fault> {
        match &expr.kind {
            ExprKind::Literal(json) => decode(self.fir, &expr.ty, json),
            ExprKind::Text(parts) => self.text(env, parts),
            ExprKind::Local(id) => self.local(env, *id),
            ExprKind::None => Ok(Value::None),
            ExprKind::Some(of) | ExprKind::Named(of) | ExprKind::Plain(of) => self.expr(env, of),
            ExprKind::Unary(op, of) => self.unary(env, *op, of),
            ExprKind::Binary(op, left, right) => self.binary(env, *op, left, right, &expr.ty),
            ExprKind::Field(of, name) => self.base(env, of).and_then(|value| field(&value, name)),
            ExprKind::OptionalField(of, name) => match self.base(env, of)? {
                Value::None => Ok(Value::None),
                value => field(&value, name),
            },
            ExprKind::Method(of, method, args) => self.method(env, of, method, args, &expr.ty),
            ExprKind::OptionalMethod(of, method, args) => match self.expr(env, of)? {
                Value::None => Ok(Value::None),
                value => self.method_of(env, value, method, args, &expr.ty),
            },
            ExprKind::Index(of, index) => self.index(env, of, index),
            ExprKind::With(of, changes) => self.with(env, of, changes),
            ExprKind::Record(_, fields) => Ok(Value::Record(Arc::new(self.fields(env, fields)?))),
            ExprKind::Variant(_, tag, fields) => {
                Ok(Value::Variant(tag.as_str().into(), Arc::new(self.fields(env, fields)?)))
            }
            ExprKind::List(items) => Ok(Value::list(self.all(env, items)?)),
            ExprKind::Call(name, args) => self.call(env, name, args),
            ExprKind::Builtin(name, args) => self.builtin(env, name, args, &expr.ty),
            ExprKind::Lambda(..) => Err(fault("a lambda stands alone")),
            ExprKind::If(condition, then, otherwise) => {
                let taken = if self.truth(env, condition)? { then } else { otherwise };
                self.expr(env, taken)
            }
            ExprKind::Match(subject, arms) => self.select(env, subject, arms),
        }
    }

    /// The values of expressions, in order.
    pub(crate) fn all(&mut self, env: &mut Env, exprs: &[Expr]) -> Result<Vec<Value>, Fault> {
        exprs.iter().map(|expr| self.expr(env, expr)).collect()
    }

    /// The values of fields, in the order they are written.
    pub(crate) fn fields(
        &mut self,
        env: &mut Env,
        fields: &[(String, Expr)],
    ) -> Result<Fields, Fault> {
        fields.iter().map(|(name, expr)| Ok((name.clone(), self.expr(env, expr)?))).collect()
    }

    /// A condition.
    pub(crate) fn truth(&mut self, env: &mut Env, condition: &Expr) -> Result<bool, Fault> {
        match self.expr(env, condition)? {
            Value::Bool(truth) => Ok(truth),
            _ => Err(fault("a condition is neither true nor false")),
        }
    }

    /// A text.
    pub(crate) fn string(&mut self, env: &mut Env, expr: &Expr) -> Result<String, Fault> {
        self.expr(env, expr).map(|value| print(&value))
    }

    fn text(&mut self, env: &mut Env, parts: &[TextPart]) -> Result<Value, Fault> {
        let mut text = String::new();
        for part in parts {
            match part {
                TextPart::Text(chars) => text.push_str(chars),
                TextPart::Value(value) => {
                    let shown = print(&self.base(env, value)?);
                    self.spend(text_units(shown.len()))?;
                    text.push_str(&shown);
                }
            }
        }
        Ok(Value::text(text))
    }

    fn local(&mut self, env: &Env, id: LocalId) -> Result<Value, Fault> {
        env.get(id).cloned().ok_or_else(|| fault(format!("name {} is not bound here", id.0)))
    }

    fn unary(&mut self, env: &mut Env, op: UnaryOp, of: &Expr) -> Result<Value, Fault> {
        match op {
            UnaryOp::Not => Ok(Value::Bool(!self.truth(env, of)?)),
            UnaryOp::Neg => ops::negate(self.expr(env, of)?),
        }
    }

    fn index(&mut self, env: &mut Env, of: &Expr, index: &Expr) -> Result<Value, Fault> {
        let of = self.base(env, of)?;
        let index = self.expr(env, index)?;
        let found = match (&of, &index) {
            (Value::Map(entries), key) => entries.get(key).cloned(),
            (list, Value::Int(index)) => {
                let items = collection::items(list)?;
                usize::try_from(*index).ok().and_then(|index| items.get(index).cloned())
            }
            _ => return Err(fault("only lists and maps have an index")),
        };
        found.ok_or_else(|| fault("there is nothing at this index or key"))
    }

    fn with(
        &mut self,
        env: &mut Env,
        of: &Expr,
        changes: &[(String, Expr)],
    ) -> Result<Value, Fault> {
        let Value::Record(record) = self.expr(env, of)? else {
            return Err(fault("only a record can be copied with changes"));
        };
        let mut copy = (*record).clone();
        copy.extend(self.fields(env, changes)?);
        Ok(Value::Record(Arc::new(copy)))
    }

    fn call(&mut self, env: &mut Env, name: &str, args: &[Expr]) -> Result<Value, Fault> {
        let args = args.iter().map(|arg| self.handed(env, arg)).collect::<Result<_, _>>()?;
        self.function(name, args)
    }

    /// Calls a function or decision.
    pub(crate) fn function(&mut self, name: &str, args: Vec<Value>) -> Result<Value, Fault> {
        self.spend(1)?;
        let fir = self.fir;
        let function: &Function = fir
            .functions
            .get(name)
            .ok_or_else(|| fault(format!("function `{name}` is not declared")))?;
        let mut env = Env::new(function.locals.len());
        for (index, arg) in (0_u32..).zip(args) {
            env.set(LocalId(index), arg);
        }
        match &function.body {
            FunctionBody::Fn { lets, value } => {
                for (id, bound) in lets {
                    let bound = self.expr(&mut env, bound)?;
                    env.set(*id, bound);
                }
                self.expr(&mut env, value)
            }
            FunctionBody::Decide { rules, otherwise } => {
                for rule in rules {
                    self.spend(1)?;
                    if self.truth(&mut env, &rule.when)? {
                        return self.expr(&mut env, &rule.then);
                    }
                }
                let otherwise = otherwise.as_ref();
                let value = otherwise.ok_or_else(|| fault(format!("no row of `{name}` holds")))?;
                self.expr(&mut env, value)
            }
        }
    }

    /// Applies a lambda to values; its names live in the environment around it.
    pub(crate) fn apply(
        &mut self,
        env: &mut Env,
        lambda: &Expr,
        args: &[Value],
    ) -> Result<Value, Fault> {
        self.apply_beside(env, lambda, args, 0)
    }

    /// The same; the first so many arguments are moved and not copied, which costs nothing.
    fn apply_beside(
        &mut self,
        env: &mut Env,
        lambda: &Expr,
        args: &[Value],
        moved: usize,
    ) -> Result<Value, Fault> {
        let copied = args.iter().skip(moved).map(|arg| handed(size(arg)));
        self.spend(copied.fold(1, u64::saturating_add))?;
        let ExprKind::Lambda(params, body) = &lambda.kind else {
            return Err(fault("an argument is no lambda"));
        };
        // A lambda of two names over pairs takes a pair apart.
        let pair = match args {
            [Value::List(pair)] if params.len() == 2 && pair.len() == 2 => Some(pair.clone()),
            _ => None,
        };
        let args = pair.as_ref().map_or(args, |pair| pair.as_slice());
        for (id, arg) in params.iter().zip(args) {
            env.set(*id, arg.clone());
        }
        self.expr(env, body)
    }
}

/// A field of a record, a batch, or what is known of a failure.
fn field(value: &Value, name: &str) -> Result<Value, Fault> {
    let missing = || fault(format!("there is no field `{name}`"));
    match value {
        Value::Record(fields) => fields.get(name).cloned().ok_or_else(missing),
        Value::Failure(failure) | Value::Failed(failure) => match name {
            "name" | "error" => Ok(Value::text(failure.name.as_str())),
            "step" => Ok(Value::text(failure.step.as_str())),
            _ => Err(missing()),
        },
        _ => Err(missing()),
    }
}

/// The zero that an empty sum of this type is.
pub(crate) fn zero(ty: &Ty) -> Result<Value, Fault> {
    ops::zero(ty)
}
