//! Why a request was not done, named by what the caller does about it.

use sagaflow_core::codegen::Mismatch;
use sagaflow_core::id::RunId;
use sagaflow_core::port;
use sagaflow_core::shard::Stays;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No hosted workflow has this name.
    #[error("there is no workflow `{name}`{hint}")]
    NoWorkflow {
        /// As asked for.
        name: String,
        /// A suggestion, in words; empty where there is none.
        hint: String,
    },
    /// The input does not fit its type.
    #[error("the input does not fit: {0}")]
    Input(Mismatch),
    /// A value does not fit its type.
    #[error("the value does not fit: {0}")]
    Value(Mismatch),
    /// The key's run was started with another input.
    #[error("run {run} was started with the same key and another input")]
    OtherInput {
        /// The key's run.
        run: RunId,
    },
    /// The start was refused: another run of its class is in flight (`concurrency … else refuse`).
    #[error("run {run} is in flight, and no other may be beside it")]
    InFlight {
        /// It.
        run: RunId,
    },
    /// Nothing of that name is here.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The decision is that it comes too late.
    #[error("it comes too late")]
    TooLate,
    /// The actor may not do it.
    #[error("the caller may not do this")]
    Forbidden,
    /// Somebody else has claimed it.
    #[error("`{by}` has claimed it")]
    Claimed {
        /// Who.
        by: String,
    },
    /// More was asked than can be done: come back later.
    #[error("the node is busy")]
    Busy {
        /// When to come back, in ms.
        retry_after_ms: i64,
    },
    /// The store is away, or the node lost its memory in between: ask again.
    #[error("the store is away")]
    Away {
        /// When to come back, in ms.
        retry_after_ms: i64,
    },
    /// This node stands by: another one decides.
    #[error("another node owns the run{}", owner.as_ref().map(|at| format!(": {at}")).unwrap_or_default())]
    Elsewhere {
        /// Address of its API, where one is live.
        owner: Option<String>,
        /// When to come back, in ms.
        retry_after_ms: i64,
    },
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// The program itself is at fault, in words.
    #[error("{0}")]
    Fault(String),
    /// The run stays on its version.
    #[error("the run stays on its version: {0}")]
    Stays(Stays),
    /// It cannot be done, in words.
    #[error("{0}")]
    Refused(String),
    /// What the store says.
    #[error("{0}")]
    Store(#[from] port::Error),
}

/// Answer of a request.
pub type Result<T> = std::result::Result<T, Error>;

/// The nearest of `known` to `name`, as a help in words; empty where none is near.
#[must_use]
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_lowercase();
    let wanted = last(name);
    let nearest = known.into_iter().map(|one| (distance(&wanted, &last(one)), one)).min();
    match nearest {
        Some((far, one)) if far <= wanted.chars().count().div_ceil(3) => {
            format!("; did you mean `{one}`?")
        }
        _ => String::new(),
    }
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(0);
            let left = row.get(j).copied().unwrap_or(0);
            let cell = (above + 1).min(left + 1).min(corner + usize::from(x != *y));
            corner = above;
            if let Some(slot) = row.get_mut(j + 1) {
                *slot = cell;
            }
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        let known = ["shop.orders.FulfilOrder", "shop.checkout.Checkout"];
        assert_eq!(suggestion("FulfillOrder", known), "; did you mean `shop.orders.FulfilOrder`?");
        assert_eq!(suggestion("checkout", known), "; did you mean `shop.checkout.Checkout`?");
        assert_eq!(suggestion("Invoice", known), "");
        assert_eq!(suggestion("x", []), "");
    }
}
