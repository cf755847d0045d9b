//! What was found: per service, action and clause a verdict, with the calls behind what is broken.

use crate::clause::Clause;

/// Everything that was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// What arguments and keys were drawn from.
    pub seed: u64,
    /// In order.
    pub services: Vec<ServiceReport>,
}

/// One service.
#[derive(Clone, Debug)]
pub struct ServiceReport {
    /// Qualified name.
    pub service: String,
    /// Where it is, without secrets.
    pub place: String,
    /// In order.
    pub actions: Vec<ActionReport>,
}

/// One action.
#[derive(Clone, Debug)]
pub struct ActionReport {
    /// Its name.
    pub action: String,
    /// Its clauses in order.
    pub found: Vec<Found>,
    /// Why nothing is said of it: it was checked with another action.
    pub instead: Option<String>,
}

/// What was found of one clause.
#[derive(Clone, Debug)]
pub struct Found {
    /// The clause.
    pub clause: Clause,
    /// How it stands.
    pub verdict: Verdict,
    /// The calls behind it, in order.
    pub calls: Vec<Exchange>,
}

/// How a clause stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it was seen; a note says how far that goes.
    Kept(Option<String>),
    /// What was seen against it.
    Broken(String),
    /// Why it was not tried.
    NotTried(String),
    /// It was not tried because the service was not reached, or let nobody in.
    NotReached(String),
}

/// One call and what came of it, without anything personal or secret.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `POST` and the path of the URL, or the method in Rust.
    pub call: String,
    /// do, undo or probe.
    pub purpose: &'static str,
    /// Its key.
    pub key: String,
    /// The key of the call that it undoes or asks about.
    pub undoes: Option<String>,
    /// Arguments, shortened.
    pub args: String,
    /// What came of it, shortened.
    pub outcome: String,
}

impl Report {
    /// Everything found, clause by clause.
    pub fn found(&self) -> impl Iterator<Item = (&ServiceReport, &ActionReport, &Found)> {
        self.services.iter().flat_map(|service| {
            let of = move |action| (service, action);
            let actions = service.actions.iter().map(of);
            actions.flat_map(|(service, action)| {
                action.found.iter().map(move |found| (service, action, found))
            })
        })
    }

    fn count(&self, which: impl Fn(&Verdict) -> bool) -> usize {
        self.found().filter(|(_, _, found)| which(&found.verdict)).count()
    }

    /// How many clauses are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Kept(_)))
    }

    /// How many are broken.
    #[must_use]
    pub fn broken(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Broken(_)))
    }

    /// How many were not tried.
    #[must_use]
    pub fn not_tried(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::NotTried(_) | Verdict::NotReached(_)))
    }

    /// Whether some action could not be reached, or nothing at all could be tried.
    #[must_use]
    pub fn unreached(&self) -> bool {
        self.count(|verdict| matches!(verdict, Verdict::NotReached(_))) > 0
            || self.kept() + self.broken() == 0
    }

    /// For a test: fails with the report where a clause is broken, or the service was not reached.
    ///
    /// # Panics
    /// Where a clause is broken, or nothing could be tried.
    pub fn assert_kept(&self) {
        assert!(self.broken() == 0 && !self.unreached(), "\n{}", self.pretty());
    }
}
