//! Compares a ledger with what the reference says must, and may, have happened.
//!
//! Judged are requests, keys, attempts, order and what was applied; nothing of the runtime but the
//! status that any client reads.

use crate::ledger::{Ledger, Purpose, Sent};
use crate::reference::{Expect, Term, Verdict};
use crate::script::{CallId, Said};
use std::collections::{BTreeMap, BTreeSet};

/// Says what is wrong, or that nothing is.
///
/// # Errors
/// The first thing that is wrong, in words.
pub fn judge(ledger: &Ledger, verdict: &Verdict) -> Result<(), String> {
    if let Some(why) = &ledger.stuck {
        return Err(why.clone());
    }
    keys(ledger)?;
    let mut check = Check { ledger, used: BTreeSet::new(), beside: Vec::new(), told: None };
    check.term(&verdict.term)?;
    // A quick read may be forgotten by a crash, and is then harmless.
    let forgotten = |sent: &Sent| sent.read && ledger.crashed().is_some_and(|at| sent.pos < at);
    if let Some(extra) = ledger.sent.iter().find(|sent| {
        let used = check.used.contains(&(sent.key.clone(), sent.attempt));
        !used && !sent.copy && !forgotten(sent)
    }) {
        return Err(format!(
            "{} {} (attempt {}) at {} is not called for",
            extra.purpose.word(),
            extra.id,
            extra.attempt,
            extra.pos
        ));
    }
    if ledger.status != verdict.status {
        return Err(format!("it is {}, not {}", ledger.status, verdict.status));
    }
    if ledger.error != verdict.error {
        return Err(format!("it failed with `{}`, not `{}`", ledger.error, verdict.error));
    }
    // What is told follows from how it ended, so it is judged behind that.
    let told = check.told.unwrap_or(Ok(0))?;
    if let Some((_, answer)) = ledger.told.get(told) {
        return Err(format!("whoever waits is told {answer}, which nothing says"));
    }
    match verdict.answer {
        Some(answer) if ledger.answer != Some(answer.into()) => {
            Err(format!("its answer is {:?}, not {answer}", ledger.answer))
        }
        _ => Ok(()),
    }
}

/// Each key is one call's, is applied at most once, and never after the end or after its undo.
fn keys(ledger: &Ledger) -> Result<(), String> {
    let mut owners: BTreeMap<&str, (&CallId, Purpose)> = BTreeMap::new();
    let mut applied: BTreeSet<&str> = BTreeSet::new();
    for sent in &ledger.sent {
        let owner = owners.entry(&sent.key).or_insert((&sent.id, sent.purpose));
        if *owner != (&sent.id, sent.purpose) {
            return Err(format!("{} and {} share a key", owner.0, sent.id));
        }
        if sent.applied && !applied.insert(&sent.key) {
            return Err(format!("{} was applied twice under one key", sent.id));
        }
        if sent.applied && ledger.ended.is_some_and(|end| end < sent.pos) {
            return Err(format!("{} was applied after the end", sent.id));
        }
    }
    Ok(())
}

struct Check<'a> {
    ledger: &'a Ledger,
    used: BTreeSet<(String, u32)>,
    /// Ends of what ran beside, so far.
    beside: Vec<(usize, String)>,
    /// How often whoever waits was rightly told the answer, or what is wrong with that; none where
    /// nobody is to be told.
    told: Option<Result<usize, String>>,
}

/// First request and last answer, with the calls they belong to; none where nothing is called.
type Span = Option<(usize, usize)>;

impl Check<'_> {
    fn term(&mut self, term: &Term) -> Result<Span, String> {
        match term {
            Term::Call(expect) => self.call(expect).map(Some),
            Term::Seq(terms) => self.sequence(terms),
            Term::Par(terms, max) => {
                let mut spans = Vec::new();
                for term in terms {
                    spans.extend(self.term(term)?);
                }
                if let Some(max) = max {
                    capped(&spans, *max)?;
                }
                Ok(join(spans))
            }
            Term::Mirror(terms, max) => {
                let mut spans = Vec::new();
                for term in terms {
                    spans.extend(self.term(term)?);
                }
                if let Some(max) = max {
                    capped(&spans, *max)?;
                }
                together(&spans, max.unwrap_or(usize::MAX))?;
                Ok(join(spans))
            }
            Term::Stopped(terms, since) => {
                let mut spans = Vec::new();
                for term in terms {
                    spans.extend(self.term(term)?);
                    self.still(term, *since)?;
                }
                Ok(join(spans))
            }
            Term::Beside(_) | Term::Barrier | Term::Told(_) => Ok(None),
        }
    }

    fn sequence(&mut self, terms: &[Term]) -> Result<Span, String> {
        let (mut first, mut last): (Option<usize>, Option<usize>) = (None, None);
        let mut before = String::new();
        for term in terms {
            if *term == Term::Barrier {
                for (end, name) in &self.beside {
                    if last.is_none_or(|last| *end > last) {
                        last = Some(*end);
                        before.clone_from(name);
                    }
                }
                continue;
            }
            if let Term::Told(answer) = term {
                self.told = Some(self.told(*answer, last, &before));
                continue;
            }
            let (inner, beside) = match term {
                Term::Beside(inner) => (inner.as_ref(), true),
                term => (term, false),
            };
            let Some((start, end)) = self.term(inner)? else { continue };
            if let Some(last) = last
                && start < last
            {
                let name = name_of(inner);
                return Err(format!("{name} began at {start}, before {before} ended at {last}"));
            }
            first.get_or_insert(start);
            if beside {
                self.beside.push((end, name_of(inner)));
            } else {
                last = Some(end);
                before = name_of(inner);
            }
        }
        Ok(first.map(|first| (first, last.unwrap_or(first))))
    }

    /// Commit, then speak: an answer comes after what it stands on, once, and is the one that is meant.
    /// A crash between its commit and the answer takes it; a client reads it then.
    fn told(
        &self,
        answer: Option<i64>,
        last: Option<usize>,
        before: &str,
    ) -> Result<usize, String> {
        let meant = answer.map_or("anything".to_owned(), |answer| answer.to_string());
        match self.ledger.told.first() {
            None if self.ledger.crashes.is_empty() => {
                Err(format!("nobody is told the answer {meant}"))
            }
            None => Ok(0),
            Some((_, told)) if answer.is_some_and(|answer| *told != answer) => {
                Err(format!("whoever waits is told {told}, not {meant}"))
            }
            Some((at, _)) if last.is_some_and(|last| *at < last) => {
                Err(format!("the answer is told at {at}, before {before} ended"))
            }
            Some(_) => Ok(1),
        }
    }

    fn call(&mut self, expect: &Expect) -> Result<(usize, usize), String> {
        let name = format!("{} {}", expect.purpose.word(), expect.id);
        let keys = self.ledger.keys(&expect.id, expect.purpose);
        let Some(key) = keys.get(expect.generation) else {
            return Err(format!("{name} (time {}) is missing", expect.generation + 1));
        };
        let here = |sent: &&Sent| !sent.copy && (expect.from..=expect.to).contains(&sent.attempt);
        let sends: Vec<&Sent> = self.ledger.under(key).filter(here).collect();
        let mut highest = expect.from - 1;
        for sent in &sends {
            if sent.attempt < highest || sent.attempt > highest + 1 {
                return Err(format!("{name} makes attempt {} after {highest}", sent.attempt));
            }
            highest = highest.max(sent.attempt);
            if sent.arg.is_some_and(|arg| arg != expect.arg && expect.purpose != Purpose::Probe) {
                return Err(format!("{name} was given {:?}, not {}", sent.arg, expect.arg));
            }
            if let Some((id, generation)) = &expect.undoes {
                let forward = self.ledger.keys(id, Purpose::Do);
                if sent.undoes.as_deref() != forward.get(*generation).copied() {
                    return Err(format!("{name} carries the key of another call than {id}"));
                }
            }
        }
        if highest != expect.to {
            return Err(format!("{name} makes {highest} attempts, not {}", expect.to));
        }
        for sent in &sends {
            self.used.insert((sent.key.clone(), sent.attempt));
        }
        let start = sends.first().map_or(0, |sent| sent.pos);
        let answered =
            |sent: &&Sent| sent.answered.as_ref().map(|(pos, _)| *pos).filter(|pos| *pos > 0);
        // A read is done again after a crash where nothing was recorded behind it yet: what followed
        // its first answer was right to follow.
        let well = sends.iter().filter(|sent| {
            sent.answered.as_ref().is_some_and(|(pos, said)| *pos > 0 && *said == Said::Ok)
        });
        let last = sends.iter().filter(|sent| sent.attempt == expect.to);
        let end = well.chain(last).find_map(answered);
        let died = || sends.last().and_then(|sent| self.ledger.crash_of(sent));
        let end = end.or_else(died).unwrap_or(usize::MAX);
        Ok((start, end.max(start)))
    }

    /// C2: a sibling of a failed branch begins no new step.
    ///
    /// Order: a recovery decides about all calls that the crash left open in one commit. What leaves
    /// with it may have been recorded before the failure.
    fn still(&self, term: &Term, since: usize) -> Result<(), String> {
        match term {
            Term::Call(expect) if expect.purpose == Purpose::Do && expect.from == 1 => {
                let keys = self.ledger.keys(&expect.id, expect.purpose);
                let key = keys.get(expect.generation).copied().unwrap_or_default();
                match self.ledger.under(key).next() {
                    Some(sent) if self.ledger.recovered_with(since, sent) => Ok(()),
                    Some(sent) if sent.pos > since => Err(format!(
                        "{} begins at {} although a sibling failed at {since}",
                        expect.id, sent.pos
                    )),
                    _ => Ok(()),
                }
            }
            Term::Seq(terms)
            | Term::Par(terms, _)
            | Term::Mirror(terms, _)
            | Term::Stopped(terms, _) => terms.iter().try_for_each(|term| self.still(term, since)),
            Term::Call(_) | Term::Beside(_) | Term::Barrier | Term::Told(_) => Ok(()),
        }
    }
}

fn join(spans: Vec<(usize, usize)>) -> Span {
    let first = spans.iter().map(|span| span.0).min()?;
    Some((first, spans.iter().map(|span| span.1).max()?))
}

/// Never more than `max` at once.
fn capped(spans: &[(usize, usize)], max: usize) -> Result<(), String> {
    for (start, _) in spans {
        let busy = spans.iter().filter(|(from, to)| from <= start && start < to).count();
        if busy > max {
            return Err(format!("{busy} branches at once, not {max}"));
        }
    }
    Ok(())
}

/// C3: as many as may be at once begin before the first of them ends.
fn together(spans: &[(usize, usize)], max: usize) -> Result<(), String> {
    let mut starts: Vec<usize> = spans.iter().map(|span| span.0).collect();
    starts.sort_unstable();
    starts.truncate(max.max(1));
    let first_end = spans.iter().map(|span| span.1).min();
    match (starts.last(), first_end) {
        (Some(start), Some(end)) if *start > end => Err(format!(
            "branches are undone one after the other: one begins at {start}, another has ended at {end}"
        )),
        _ => Ok(()),
    }
}

fn name_of(term: &Term) -> String {
    match term {
        Term::Call(expect) => format!("{} {}", expect.purpose.word(), expect.id),
        Term::Seq(terms)
        | Term::Par(terms, _)
        | Term::Mirror(terms, _)
        | Term::Stopped(terms, _) => {
            let names: Vec<_> = terms.iter().map(name_of).collect();
            format!("({})", names.join(", "))
        }
        Term::Beside(term) => name_of(term),
        Term::Barrier => "what is due".to_owned(),
        Term::Told(_) => "the answer".to_owned(),
    }
}
