//! Declarations: types, contracts, functions, and the program that holds them.
//!
//! Every name is qualified (`shop.orders.Payments`) and maps are ordered, so that the canonical JSON
//! of one meaning is one text.

use crate::contract::Promise;
use crate::expr::Expr;
use crate::workflow::{Local, LocalId, Test, Workflow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A whole program: every module of one compilation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fir {
    /// Records, enums and named types.
    pub types: BTreeMap<String, NamedType>,
    /// Events.
    pub events: BTreeMap<String, EventDecl>,
    /// Services.
    pub services: BTreeMap<String, Service>,
    /// What the contract of a service says of a call's key, undo and probe, by service and action:
    /// for holding services to it. Each call of a workflow has its own, which is what runs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub promises: BTreeMap<String, BTreeMap<String, Promise>>,
    /// Databases.
    pub databases: BTreeMap<String, Database>,
    /// Human tasks.
    pub humans: BTreeMap<String, Human>,
    /// Functions and decisions.
    pub functions: BTreeMap<String, Function>,
    /// Workflows.
    pub workflows: BTreeMap<String, Workflow>,
    /// Tests, in source order.
    pub tests: Vec<Test>,
    /// Sample data by qualified name (`shop.orders.order`, `shop.orders.Payments.authorize`), as read.
    pub samples: BTreeMap<String, serde_json::Value>,
}

/// A type. The JSON names are those of the runtime's boundary types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ty {
    /// UTF-8 text.
    Text,
    /// True or false.
    Bool,
    /// 64-bit signed.
    Int,
    /// Exact decimal.
    Decimal,
    /// Exact percentage.
    Percent,
    /// Money, of this currency where it is fixed.
    Money(Option<String>),
    /// Milliseconds.
    Duration,
    /// UTC instant.
    Time,
    /// Civil date.
    Date,
    /// UUID.
    Uuid,
    /// Bytes.
    Size,
    /// Reference to a large payload.
    Blob,
    /// List.
    List(Box<Ty>),
    /// Map.
    Map(Box<Ty>, Box<Ty>),
    /// One entry of a map: its key and its value.
    Entry(Box<Ty>, Box<Ty>),
    /// May be absent.
    Optional(Box<Ty>),
    /// A declared record, enum or named type, by qualified name.
    Named(String),
    /// `ok` or a failure.
    Outcome(Box<Ty>),
    /// A batch of an event's records.
    Batch(Box<Ty>),
    /// Who may answer (`role("…")`, `user("…")`); only in `assign`.
    Role,
    /// Personal data.
    Pii(Box<Ty>),
    /// A secret.
    Secret(Box<Ty>),
    /// No value.
    Unit,
    /// Of an expression that never ends normally, and of a bare `none` before its context is known.
    Never,
}

/// A declared type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedType {
    /// What it is.
    pub decl: TypeDecl,
    /// Documentation comment; policy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
}

/// Kinds of declared type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeDecl {
    /// `type Sku = text matching "…"`.
    Alias {
        /// What it wraps.
        of: Ty,
        /// Whole-text pattern.
        pattern: Option<String>,
    },
    /// `record`.
    Record(Vec<Field>),
    /// `enum`.
    Enum(Vec<Variant>),
}

/// A field of a record, payload, event or parameter list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: Ty,
    /// Default, as boundary JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name.
    pub name: String,
    /// Payload; empty for a plain one.
    pub fields: Vec<Field>,
}

/// `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventDecl {
    /// Topic.
    pub topic: Option<String>,
    /// Path of the key in the payload.
    pub key: String,
    /// Retention of the topic, in ms.
    pub retain_ms: Option<i64>,
    /// Payload.
    pub fields: Vec<Field>,
}

/// `service`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The service whose contract this repeats (`service HotelB = HotelA`).
    pub same_as: Option<String>,
    /// Policy.
    pub breaker: Option<Breaker>,
    /// Policy.
    pub limit: Option<Limit>,
    /// By name.
    pub actions: BTreeMap<String, Action>,
}

/// `database`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Database {
    /// By name.
    pub actions: BTreeMap<String, Action>,
}

/// When a breaker opens; policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Percent, minimum volume, window in ms.
    pub rate: Option<(u32, u32, i64)>,
    /// Consecutive failures.
    pub failures: Option<u32>,
    /// From opening to the probe, in ms.
    pub probe_ms: i64,
}

/// Calls per window; policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Calls.
    pub calls: u32,
    /// In ms.
    pub window_ms: i64,
}

/// Declared effect class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// May be repeated freely.
    Read,
    /// Inside a transaction.
    Tx,
    /// Changes something.
    Write,
    /// Cannot be undone.
    Pivot,
}

/// An action of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Class.
    pub class: Class,
    /// Parameters in order.
    pub params: Vec<Field>,
    /// Result.
    pub result: Option<Ty>,
    /// Safe to repeat under one key.
    pub idempotent: bool,
    /// Declared errors.
    pub errors: Vec<ErrorDecl>,
    /// Bound of an attempt in ms; policy.
    pub within_ms: Option<i64>,
    /// What the contract says of its undo (how it is done is at each call).
    pub compensation: Compensation,
    /// The statement of a database action.
    pub sql: Option<Vec<SqlPart>>,
    /// `no rows => E`: the declared error where no row was returned or affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_rows: Option<String>,
    /// What the action takes hold of lapses after this; in ms.
    pub lasts_ms: Option<i64>,
}

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlPart {
    /// As it stands.
    Text(String),
    /// A parameter, which is bound.
    Param(String),
}

/// What a contract says of undoing an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compensation {
    /// Nothing.
    None,
    /// `compensate none because "…"`.
    Waived(String),
    /// By this sibling or other action, `service.action`.
    Action(String),
    /// By a block.
    Block,
}

/// A declared error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorDecl {
    /// Name.
    pub name: String,
    /// Payload.
    pub fields: Vec<Field>,
    /// Worth a retry.
    pub transient: bool,
}

/// A retry policy with defaults filled in; policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all; none is forever.
    pub attempts: Option<u32>,
    /// First pause in ms.
    pub first_ms: i64,
    /// Longest pause in ms.
    pub max_ms: i64,
    /// Drawn from the upper half.
    pub jitter: bool,
    /// Declared errors that are retried too.
    #[serde(default)]
    pub on: Vec<String>,
}

/// `human`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Human {
    /// Parameters: locals of `locals`.
    pub params: Vec<Field>,
    /// Its own locals: the parameters.
    pub locals: Vec<Local>,
    /// Type of the answer.
    pub answer: Ty,
    /// Title; policy.
    pub title: Expr,
    /// `assign`, of type [`Ty::Role`]; policy.
    pub assign: Option<Expr>,
    /// Shown expressions with their source text; policy.
    pub show: Vec<(String, Expr)>,
}

/// A function or a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Locals: first the parameters, then names bound inside.
    pub locals: Vec<Local>,
    /// How many of `locals` are parameters.
    pub params: usize,
    /// Result.
    pub result: Ty,
    /// Body.
    pub body: FunctionBody,
}

/// Bodies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionBody {
    /// `fn`: bindings, then the value.
    Fn {
        /// Bindings in order.
        lets: Vec<(LocalId, Expr)>,
        /// Value.
        value: Expr,
    },
    /// `decide`: the first rule that holds.
    Decide {
        /// In order.
        rules: Vec<Rule>,
        /// `else`; absent where the rules were proven complete.
        otherwise: Option<Expr>,
    },
}

/// A row of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Condition.
    pub when: Expr,
    /// Value.
    pub then: Expr,
}
