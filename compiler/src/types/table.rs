//! What inference knows about a program, beside it: one entry per thing that has a type.
//!
//! Nothing here repeats what [`crate::hir`] already says; names are resolved there, members and
//! patterns here, because only their subject's type says what they mean.

use crate::hir::{BinaryOp, EnumId, ErrorId, ExprId, Idx, Label, LocalId, PatternId, StepId, Ty};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The side table of a program.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// By expression: its type before its adjustments. `Ty::error()` where it could not be told.
    pub exprs: Vec<Ty>,
    /// By local.
    pub locals: Vec<Ty>,
    /// What is done to an expression's value before its context takes it, in order.
    pub adjustments: BTreeMap<ExprId, Vec<Adjustment>>,
    /// What a `Field` or `Method` expression means.
    pub members: BTreeMap<ExprId, Member>,
    /// What the operands of a binary operator are, where that is not their own type.
    pub operators: BTreeMap<ExprId, Operator>,
    /// What a pattern means for its subject.
    pub patterns: BTreeMap<PatternId, PatternFit>,
    /// By step.
    pub steps: Vec<Signature>,
    /// By the name of a loop: the type that every `give` of its body, and every `use` in the
    /// `else` of a `repeat`, has after its adjustments. The name itself is a list of these, of outcomes of
    /// these, one of these, or perhaps one.
    pub collected: BTreeMap<LocalId, Ty>,
}

impl Table {
    /// The type of an expression as its context sees it.
    #[must_use]
    pub fn ty(&self, id: ExprId) -> Ty {
        self.adjustments
            .get(&id)
            .and_then(|list| list.last())
            .map_or_else(|| self.own_ty(id), |last| last.to.clone())
    }

    /// The type of an expression by itself, before adjustments.
    #[must_use]
    pub fn own_ty(&self, id: ExprId) -> Ty {
        self.exprs.get(id.index()).cloned().unwrap_or_else(Ty::error)
    }

    /// The type of a local.
    #[must_use]
    pub fn local(&self, id: LocalId) -> Ty {
        self.locals.get(id.index()).cloned().unwrap_or_else(Ty::error)
    }

    /// The signature of a step.
    #[must_use]
    pub fn step(&self, id: StepId) -> Option<&Signature> {
        self.steps.get(id.index())
    }

    /// How confidential an expression is as its context sees it.
    #[must_use]
    pub fn label(&self, id: ExprId) -> Label {
        self.ty(id).label
    }
}

/// A conversion that the source leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Adjustment {
    /// Which.
    pub how: Adjust,
    /// The type after it.
    pub to: Ty,
}

/// Kinds of conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adjust {
    /// A `T` where a `T?` is wanted.
    Some,
    /// A literal that takes a nominal type; its pattern was proven.
    Nominal,
    /// The plain value of a nominal type, where an operator, method or text needs it.
    Plain,
    /// A bare `none` (or empty list) takes the type of its context.
    Typed,
    /// An `int` literal where a `decimal` is wanted.
    Decimal,
    /// A text literal that is read as a `uuid`, `date` or `time`; it was proven to be one.
    Parsed,
}

/// What a member means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A field of a record, event, or `batch`.
    Field(SmolStr),
    /// A built-in method or part.
    Method {
        /// `list`, `map`, `text`, `money`, `duration`, `time`, `date`, `decimal`, `int`, `percent`,
        /// `batch`, `outcome`, `failure`.
        of: &'static str,
        /// Its name.
        name: &'static str,
    },
}

/// What an operator works on.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Which.
    pub op: BinaryOp,
    /// The common type of its operands, where they have one.
    pub operands: Option<Ty>,
}

/// What a pattern means.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternFit {
    /// Everything.
    Any,
    /// A value of the subject's type, as boundary JSON.
    Literal(serde_json::Value),
    /// `none`
    None,
    /// What is left; unwrapped from its optional or not.
    Bind {
        /// The subject is a `T?` and the name is the `T`.
        unwraps: bool,
    },
    /// A variant of an enum.
    Variant(EnumId, u32),
    /// A variant of the enum inside an optional subject.
    PresentVariant(EnumId, u32),
    /// `Ok`, `Failed` or `Unknown` of an outcome.
    Outcome(OutcomeCase),
}

/// Cases of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeCase {
    /// `Ok(v)`
    Ok,
    /// `Failed(e)`
    Failed,
    /// `Unknown`
    Unknown,
}

/// What a step gives and how it may fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// The type of what the call gives; `Unit` where it gives nothing.
    pub result: Ty,
    /// The type of what the step binds after its remedies and fallback are joined in.
    pub bound: Ty,
    /// The errors its target declares.
    pub errors: Vec<ErrorId>,
}

impl Default for Signature {
    fn default() -> Self {
        Self { result: Ty::error(), bound: Ty::error(), errors: Vec::new() }
    }
}
