//! FIR: what a checked `.flow` program means, as data.
//!
//! Names are resolved and qualified, every expression carries its type, defaults are filled in,
//! sugar and formatting are gone. FIR is the unit of hashing, comparing, freezing, drawing and
//! simulating; the interpreter runs it and `emit` turns it into Rust. It has two parts: *meaning*,
//! which is hashed, and *policy* (attempts, times, texts, assignment), which is not; the fields that
//! are policy say so.
//!
//! The tree keeps the program's structure. A durable point has a unique `at`, a path, and the names
//! that are live there; undo blocks, handlers, fallbacks and `after failure` are blocks of the tree.

mod ask;
mod change;
mod contract;
mod decl;
mod depth;
mod expr;
mod frozen;
mod hash;
mod reach;
mod relabel;
mod spec;
mod stmt;
mod unlabel;
mod walk;
pub mod work;
mod workflow;

pub use contract::{Ask, Promise, Source, contract};
pub use decl::{
    Action, Breaker, Class, Compensation, Database, ErrorDecl, EventDecl, Field, Fir, Function,
    FunctionBody, Human, Limit, NamedType, Retry, Rule, Service, SqlPart, Ty, TypeDecl, Variant,
};
pub use expr::{BinaryOp, Expr, ExprKind, Method, PatternKind, TextPart, UnaryOp};
pub use frozen::{Damage, FORMAT, Frozen, SUFFIX, file_name};
pub use hash::{canonical, digest};
pub use spec::spec;
pub use stmt::{
    Arm, ArmWait, AwaitStmt, Block, Call, CallUndo, EachStmt, Fallback, ForkStmt, Handler,
    Handlers, Interrupt, Isolation, MatchArm, On, ParallelBlock, Remedy, RepeatStmt, SETTLE,
    ScopeStmt, StepStmt, Stmt, TRANSACTION, TransactionBlock, Unsupported,
};
pub use workflow::{
    Concurrency, Gather, Indexed, Local, LocalId, Otherwise, Point, StartLimit, Test, TestOutcome,
    TestStmt, Trigger, Upgrade, Workflow,
};

#[cfg(test)]
mod tests;
