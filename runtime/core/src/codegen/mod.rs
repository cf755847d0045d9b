//! The contract between the compiler and the runtime: what a machine is, and the static tables it
//! brings along.
//!
//! A machine only evaluates, and picks the next durable point of one fiber. It has no clock, no
//! randomness, no input and no output of its own; everything it may not know comes in with the
//! [`Draw`]. Modes, fibers, the undo tree, attempts, time, stop and join belong to `shard`, once.
//!
//! Two machines exist: generated Rust (`include_flow!`) and the interpreter (`sagaflow-interp`).
//! They write the same [`Frame`]s, so either can finish what the other began.

mod machine;
pub mod rt;
mod schema;
mod spec;
mod upgrade;

pub use machine::{
    Arm, BranchEnd, Draw, Event, Failure, FailureKind, Fault, Frame, Json, Leave, Machine, Move,
    Next, Op, Subscription, Values,
};
pub use schema::{Mismatch, SampleSeed, Schema, Ty, TypeDecl, VariantDecl};
pub use spec::{
    AskSpec, BreakerSpec, CallSpec, Class, ErrorSpec, EventSpec, ForkSpec, GatherSpec, Isolation,
    LimitSpec, Otherwise, Point, PointKind, ProbeSpec, Retry, ServiceSpec, SqlPart, SqlSpec,
    TaskSpec, TriggerSpec, UndoSpec, UnitSpec, WorkflowSpec,
};
pub use upgrade::{Misplaced, UpgradeSpec};
