//! The clauses that a service is held to, in words: what each promises, what a run would lose where
//! it is broken, and what to do.

/// One promise of a contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clause {
    /// Answers have the declared type, or are a declared error.
    Answers,
    /// The same call again gets the same answer, and happens once.
    Repeat,
    /// This declared error leaves no effect, and is given again.
    Error(String),
    /// A second undo answers as the first.
    UndoTwice,
    /// The undo of what never happened succeeds, and is remembered.
    UndoFirst,
    /// A call whose key was undone is refused.
    DoAfterUndo,
    /// Two calls with one key at once happen once.
    TwoAtOnce,
    /// A key is remembered as long as was said.
    KeyLife,
    /// The probe tells what happened, and what it called not applied never happens.
    Probe,
}

impl Clause {
    /// Its name in files.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Answers => "answers".to_owned(),
            Self::Repeat => "repeat".to_owned(),
            Self::Error(name) => format!("error:{name}"),
            Self::UndoTwice => "undo-twice".to_owned(),
            Self::UndoFirst => "undo-first".to_owned(),
            Self::DoAfterUndo => "do-after-undo".to_owned(),
            Self::TwoAtOnce => "two-at-once".to_owned(),
            Self::KeyLife => "key-life".to_owned(),
            Self::Probe => "probe".to_owned(),
        }
    }

    /// What is promised.
    #[must_use]
    pub fn promise(&self) -> String {
        match self {
            Self::Answers => "it answers what it declares".to_owned(),
            Self::Repeat => "the same call again gets the same answer, and happens once".to_owned(),
            Self::Error(name) => format!("`{name}` leaves no effect, and is answered again"),
            Self::UndoTwice => "an undo can be repeated".to_owned(),
            Self::UndoFirst => "an undo may come before its call, and is remembered".to_owned(),
            Self::DoAfterUndo => "a call that comes after its undo is refused".to_owned(),
            Self::TwoAtOnce => "two at once with one key happen once".to_owned(),
            Self::KeyLife => "a key is remembered as long as was said".to_owned(),
            Self::Probe => "the probe tells whether it happened".to_owned(),
        }
    }

    /// What is lost where it is broken.
    #[must_use]
    pub fn risk(&self) -> &'static str {
        match self {
            Self::Answers => "the run would be parked for a person, or ask for ever",
            Self::Repeat => {
                "a retry after a lost answer would do it twice, or go on with another answer"
            }
            Self::Error(_) => {
                "a run that takes the error for \"nothing happened\" would leave the effect behind"
            }
            Self::UndoTwice => "an undo whose answer was lost would be done twice, or be stuck",
            Self::UndoFirst => {
                "a call that was delayed and overtaken by its undo would happen and never be undone"
            }
            Self::DoAfterUndo => {
                "a duplicate of a call that arrives after its undo would do again what was undone"
            }
            Self::TwoAtOnce => {
                "a retry that meets the first attempt still under way would do it twice"
            }
            Self::KeyLife => "a late retry, within the time that was said, would do it twice",
            Self::Probe => "a run would undo what did not happen, or leave what did",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Answers => {
                "answer with the declared type, or a 4xx {\"error\":\"…\"} that names a declared error; a status that stands for one is said by the binding"
            }
            Self::Repeat => {
                "store the answer under `Idempotency-Key` in the transaction of the effect, and give it again"
            }
            Self::Error(_) => {
                "roll the effect back before answering, and store the error under `Idempotency-Key`"
            }
            Self::UndoTwice => {
                "remember under `Flow-Undoes` that it was undone; if it is asked again, answer as before and do nothing"
            }
            Self::UndoFirst => {
                "where `Flow-Undoes` names an unknown key, store that key as undone and answer ok; refuse its call later with 409 {\"error\":\"undone\"}"
            }
            Self::DoAfterUndo => {
                "keep an undone key as undone, and refuse its call with 409 {\"error\":\"undone\"}"
            }
            Self::TwoAtOnce => {
                "make the key unique in the database and insert it in the effect's transaction, before the effect"
            }
            Self::KeyLife => "keep keys at least as long as the contract says, or say less",
            Self::Probe => {
                "answer from the row stored under `Flow-Undoes`; where there is none, store the key as undone and answer none"
            }
        }
    }
}
