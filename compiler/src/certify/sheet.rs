//! What a certificate says, as data: it is written, hashed, kept and compared.

use serde::{Deserialize, Serialize};

/// The form of the JSON; a reader of another one says so.
pub const FORMAT: u32 = 1;

/// What is certified of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// [`FORMAT`].
    pub format: u32,
    /// SHA-256 of what follows without places and sentences: the same promises have the same digest.
    pub digest: String,
    /// By place.
    pub workflows: Vec<Sheet>,
}

/// What is certified of one workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// Qualified name.
    pub workflow: String,
    /// From 1.
    pub version: u32,
    /// `file:line`.
    pub place: String,
    /// The verdict, in one sentence.
    pub verdict: String,
    /// What can happen and never be undone: the points of no return.
    pub irreversible: Vec<String>,
    /// Places where something can go wrong, in program order.
    pub points: Vec<Point>,
    /// What a person decides.
    pub decisions: Vec<String>,
    /// What somebody has waived, with the reason.
    pub waivers: Vec<Waiver>,
    /// What this version cannot execute yet; such a workflow does not run.
    pub unsupported: Vec<String>,
}

/// A place where something can go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The durable point.
    pub at: String,
    /// `Payments.capture`, `await ReviewOrder`.
    pub what: String,
    /// `file:line`.
    pub place: String,
    /// What has been done by then and can be undone, in the order it was done.
    pub done: Vec<Undoing>,
    /// Whether the run has passed its point of no return.
    pub committed: bool,
    /// What can go wrong, and what comes of it.
    pub ways: Vec<Way>,
}

/// One way in which it goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// `refused`, `unknown`, `timeout`, `crash`, `cancel`, `deadline`, or `fails Declined`.
    pub what: String,
    /// What comes of it, in words.
    pub then: String,
    /// What is undone, in the order it is undone.
    pub undone: Vec<Undoing>,
    /// `failed Declined`, `cancelled`, `goes on`, `asks a person`, `tries again`.
    pub ends: String,
}

/// Something that is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undoing {
    /// A step.
    Step {
        /// Its durable point.
        at: String,
        /// What it called.
        call: String,
        /// What undoes it, in order.
        by: Vec<String>,
        /// Whether it is sure that it was done; else it is undone if it was, or may have been.
        sure: bool,
    },
    /// Lists that are undone at the same time.
    Together(Vec<Vec<Undoing>>),
    /// Turns of a loop, the last one first or all at once.
    Turns {
        /// The loop.
        of: String,
        /// All at once.
        together: bool,
        /// One turn.
        each: Vec<Undoing>,
    },
    /// Only where this holds.
    If {
        /// The condition.
        when: String,
        /// What then.
        then: Vec<Undoing>,
    },
}

/// Something that was waived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// `no undo of Mail.send`, `rule F0305`.
    pub what: String,
    /// `file:line` of the reason.
    pub place: String,
    /// The reason, as written.
    pub reason: String,
}

impl Undoing {
    /// The same in the order in which it is undone.
    #[must_use]
    pub fn unwound(list: &[Self]) -> Vec<Self> {
        let one = |entry: &Self| match entry {
            Self::Step { .. } => entry.clone(),
            Self::Together(lists) => {
                Self::Together(lists.iter().map(|list| Self::unwound(list)).collect())
            }
            Self::Turns { of, together, each } => {
                Self::Turns { of: of.clone(), together: *together, each: Self::unwound(each) }
            }
            Self::If { when, then } => Self::If { when: when.clone(), then: Self::unwound(then) },
        };
        list.iter().rev().map(one).collect()
    }

    /// The same, not sure to have been done.
    #[must_use]
    pub fn perhaps(list: &[Self]) -> Vec<Self> {
        let one = |entry: &Self| match entry {
            Self::Step { at, call, by, .. } => {
                Self::Step { at: at.clone(), call: call.clone(), by: by.clone(), sure: false }
            }
            Self::Together(lists) => {
                Self::Together(lists.iter().map(|list| Self::perhaps(list)).collect())
            }
            Self::Turns { of, together, each } => {
                Self::Turns { of: of.clone(), together: *together, each: Self::perhaps(each) }
            }
            Self::If { when, then } => Self::If { when: when.clone(), then: Self::perhaps(then) },
        };
        list.iter().map(one).collect()
    }
}
