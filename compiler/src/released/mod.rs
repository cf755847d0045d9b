//! Released versions: what was frozen, compared with what is written today.
//!
//! Holds the rules F0901 to F0908, and what `flowc diff` shows. Everything here compares intermediate
//! forms, so it runs where the program has no other error. Must not: read files (`load` does).

mod align;
mod contracts;
mod deploy;
mod differ;
mod fit;
mod held;
mod moves;
mod order;
mod pair;
mod rules;
mod shape;
mod surface;
#[cfg(test)]
mod tests;
mod tree;
mod undos;
mod upgrade;

pub use deploy::{Live, locked, stranded};
pub use differ::{Difference, differences};
pub use moves::{Move, moves};
pub(crate) use pair::pair;
pub use rules::Today;
pub(crate) use rules::check;

use crate::load::ReleasedText;
use sagaflow_fir::{Damage, Fir, Frozen};

/// A released version that was read.
#[derive(Clone, Debug)]
pub struct Released {
    /// Its file.
    pub path: String,
    /// What was released.
    pub frozen: Frozen,
}

/// A file that is no released version.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// Its file.
    pub path: String,
    /// Qualified name of the workflow, as the file's name says.
    pub workflow: String,
    /// Why.
    pub damage: Damage,
}

/// Reads the texts, in order of workflow and version.
#[must_use]
pub fn read(texts: &[ReleasedText]) -> (Vec<Released>, Vec<Damaged>) {
    let (mut released, mut damaged) = (Vec::new(), Vec::new());
    for ReleasedText { path, workflow, text } in texts {
        let read = text.as_deref().map_err(|why| Damage::Unread(why.clone()));
        let read = read.and_then(Frozen::read).and_then(|frozen| {
            // A file that was renamed is another version in the eyes of whoever reads the folder.
            let named = path.rsplit('/').next() == Some(frozen.file_name().as_str());
            if named { Ok(frozen) } else { Err(Damage::Content) }
        });
        match read {
            Ok(frozen) => released.push(Released { path: path.clone(), frozen }),
            Err(damage) => {
                damaged.push(Damaged { path: path.clone(), workflow: workflow.clone(), damage })
            }
        }
    }
    released.sort_by(|a: &Released, b: &Released| {
        let key = |it: &Released| (it.frozen.workflow.clone(), it.frozen.version);
        key(a).cmp(&key(b))
    });
    (released, damaged)
}

/// The versions that are served beside today's program, oldest first: those that it is not itself.
/// What protects a service is one thing for all of them, so it is as today's program says.
#[must_use]
pub fn older(released: &[Released], fir: &Fir) -> Vec<Frozen> {
    let all = released.iter().map(|released| &released.frozen);
    let older = all.filter(|frozen| {
        fir.workflows.get(&frozen.workflow).is_none_or(|today| today.version != frozen.version)
    });
    let protected = |frozen: &Frozen| {
        let mut frozen = frozen.clone();
        frozen.fir.workflows.values_mut().for_each(|workflow| workflow.continues = true);
        for (name, service) in &mut frozen.fir.services {
            if let Some(today) = fir.services.get(name) {
                service.breaker.clone_from(&today.breaker);
                service.limit.clone_from(&today.limit);
            }
        }
        frozen
    };
    older.map(protected).collect()
}
