//! One call: attempts (A1 to A6), keys (K1), how it is left (A5), and its undo (U1).

use super::late;
use super::{Ask, End, Expect, Failure, Node, Reference, Term, Undone};
use crate::ledger::{Purpose, Sent};
use crate::program::{Call, Class, Ending, Key, Remedy, Retry, Undo};
use crate::script::{CallId, Known, Plan, Said, answer};

/// What came of all attempts.
enum Outcome {
    Ok(i64),
    Failed(Failure),
    /// It may have happened.
    Unknown(Failure),
    /// It was stopped between two attempts, with something unresolved or not.
    Stopped(bool),
}

/// A call while it is being evaluated.
struct Open {
    id: CallId,
    visit: u32,
    generation: usize,
    from: u32,
    attempt: u32,
    arg: i64,
    known: Known,
    unresolved: bool,
    /// Its key is spent: the next attempt is made under a new one.
    spent: bool,
    /// Its probe was asked: that answered last.
    probed: bool,
    /// Place in the ledger of the probe's answer; none where it was stopped before.
    told: Option<usize>,
}

impl Reference<'_> {
    pub(super) fn call(&mut self, call: &Call, undo: &mut Vec<Node>, out: &mut Vec<Term>) -> End {
        let mut open = self.open(call);
        if !self.begun(&open.id, open.generation) {
            return End::Stopped;
        }
        let outcome = self.attempts(call, &mut open, out);
        let armed = self.armed(call, &open, &outcome);
        let (failure, unknown) = match outcome {
            Outcome::Ok(value) => {
                self.env.insert(call.name.clone(), value);
                if call.class == Class::Pivot {
                    self.committed = Some(self.since(&open).unwrap_or(0));
                    undo.clear();
                }
                undo.extend(armed);
                return End::Next;
            }
            Outcome::Stopped(unresolved) => {
                undo.extend(armed.filter(|_| unresolved));
                return End::Stopped;
            }
            Outcome::Failed(failure) => (failure, false),
            Outcome::Unknown(failure) => (failure, true),
        };
        let armed = armed.filter(|_| unknown);
        self.failures += 1;
        if failure.since.is_some_and(|since| since > self.stop) {
            // It was in flight when its branch was asked to stop: nothing handles it.
            undo.extend(armed);
            return End::Stopped;
        }
        let Some(other) = &call.fallback else {
            return self.leave(call, failure, armed, (undo, out));
        };
        // A5: the fallback runs beside the undo of what it stands in for.
        if let Some(node) = armed {
            self.due(node, out);
        }
        let mut own = Vec::new();
        match self.call(other, &mut own, out) {
            End::Next => {
                let value = self.env.get(&other.name).copied().unwrap_or(0);
                self.env.insert(call.name.clone(), value);
                undo.extend(own);
                End::Next
            }
            End::Failed(failure) => {
                self.unwind(own, out);
                self.leave(call, failure, None, (undo, out))
            }
            end => {
                undo.extend(own);
                end
            }
        }
    }

    fn open(&mut self, call: &Call) -> Open {
        let id = CallId { action: call.action.clone(), at: self.place(&call.at) };
        Open {
            visit: self.visit(&id),
            generation: self.peek(&id),
            id,
            from: 1,
            attempt: 1,
            arg: self.number(&call.arg),
            known: Known::Nothing,
            unresolved: false,
            spent: false,
            probed: false,
            told: None,
        }
    }

    /// The generation that a new call would have; it is taken only where the call is made.
    fn peek(&self, id: &CallId) -> usize {
        self.generations.get(&(id.clone(), Purpose::Do.word())).copied().unwrap_or(0)
    }

    /// Whether a call was made under so many keys that this one is among them, and before it was
    /// asked to stop: what was made behind that belongs to a later run of its scope.
    fn begun(&self, id: &CallId, generation: usize) -> bool {
        let keys = self.ledger.keys(id, Purpose::Do);
        let first = keys.get(generation).and_then(|key| self.ledger.under(key).next());
        first.is_some_and(|sent| {
            sent.pos <= self.stop || self.ledger.recovered_with(self.stop, sent)
        })
    }

    fn requests(&self, open: &Open) -> Vec<&Sent> {
        let keys = self.ledger.keys(&open.id, Purpose::Do);
        let Some(key) = keys.get(open.generation).copied() else { return Vec::new() };
        self.ledger
            .sent
            .iter()
            .filter(|sent| sent.key == key && sent.attempt == open.attempt && !sent.copy)
            .collect()
    }

    fn since(&self, open: &Open) -> Option<usize> {
        if open.probed {
            return open.told;
        }
        let last = self.requests(open).last().copied()?;
        let answered = last.answered.as_ref().map(|(pos, _)| *pos).filter(|pos| *pos > 0);
        answered.or_else(|| self.ledger.crash_of(last))
    }

    /// What one attempt comes to, sent again where a crash took its answer (A6).
    fn attempt(&self, read: bool, repeatable: bool, open: &mut Open) -> Said {
        let plan = self.script.plan(&open.id, open.visit, open.attempt);
        // A quick read is done again where the crash came before the next record.
        let crashed = self.ledger.crashed().unwrap_or(usize::MAX);
        let requests = self.requests(open);
        let again = read && requests.iter().any(|sent| sent.pos > crashed);
        let gone = |sent: &&&Sent| sent.lost || (again && sent.pos < crashed);
        let lost: Vec<bool> = requests.iter().filter(gone).map(|sent| sent.withheld).collect();
        let mut ask = |plan| {
            let (known, said, _) = answer(&open.known, repeatable, plan);
            if !read {
                open.known = known;
            }
            said
        };
        if lost.is_empty() {
            return ask(&plan);
        }
        if lost.contains(&false) {
            ask(&plan);
        }
        if !repeatable {
            return Said::Unknown;
        }
        open.unresolved |= !read;
        let again = self.script.again.as_ref().filter(|_| !read).unwrap_or(&plan);
        let (known, said, _) = answer(&open.known, repeatable, again);
        if !read {
            open.known = known;
        }
        said
    }

    /// The attempt at which a call that is repeated without end is answered.
    fn answered_at(&self, id: &CallId, purpose: Purpose, generation: usize, visit: u32) -> u32 {
        let keys = self.ledger.keys(id, purpose);
        let key = keys.get(generation).copied().unwrap_or_default();
        let mut attempt = 1;
        loop {
            let lost = self
                .ledger
                .under(key)
                .any(|sent| sent.attempt == attempt && sent.lost && !sent.copy);
            let plan = match &self.script.again {
                Some(again) if lost && purpose != Purpose::Probe => again.clone(),
                _ => self.script.plan(id, visit, attempt),
            };
            if plan == Plan::Ok {
                return attempt;
            }
            attempt += 1;
        }
    }

    fn attempts(&mut self, call: &Call, open: &mut Open, out: &mut Vec<Term>) -> Outcome {
        let repeatable = call.class == Class::Read || call.key != Key::None;
        let most = match &call.retry {
            Retry::Default if !repeatable => Some(1),
            Retry::Default => Some(3),
            // T2: the deadline ends the policy; what came of the last attempt stands.
            Retry::Times(n) | Retry::On(n, _) | Retry::Until(n) => Some(*n),
            Retry::Forever => None,
        };
        self.generation(&open.id.clone(), Purpose::Do);
        let mut declared: Option<Failure> = None;
        // Verdict 61: refused means that every attempt was.
        let mut last = "refused";
        loop {
            let said = self.attempt(call.class == Class::Read, repeatable, open);
            match said {
                Said::Ok => {
                    self.made(open, out);
                    return Outcome::Ok((self.values)(&open.id.action, &open.id.at, open.arg));
                }
                Said::Failed(name) if repeatable || !open.unresolved => {
                    open.unresolved = false;
                    let since = self.since(open);
                    let failure = Failure { error: name.clone(), declared: true, since };
                    let again = matches!(&call.retry, Retry::On(_, on) if *on == name);
                    if !again || most.is_some_and(|most| open.attempt >= most) {
                        self.made(open, out);
                        return Outcome::Failed(failure);
                    }
                    declared = Some(failure);
                    self.renew(open, out);
                }
                Said::Spent => {
                    open.unresolved = false;
                    self.renew(open, out);
                }
                Said::Refused => {}
                Said::Failed(_) | Said::Unknown => {
                    last = "exhausted";
                    open.unresolved |= call.class != Class::Read;
                }
            }
            if open.unresolved && !repeatable {
                self.made(open, out);
                let Some(probe) = &call.probe else { return self.unknown(open) };
                open.probed = true;
                let stoppable = self.stoppable(call, open);
                match self.probe(probe, open, stoppable, out) {
                    None => return Outcome::Stopped(true),
                    Some(true) => {
                        return Outcome::Ok((self.values)(&open.id.action, &open.id.at, open.arg));
                    }
                    Some(false) => {}
                }
                open.unresolved = false;
                open.from = open.attempt + 1;
                open.spent = true;
                last = "refused";
            }
            if most.is_some_and(|most| open.attempt >= most) {
                if open.from <= open.attempt {
                    self.made(open, out);
                }
                if open.unresolved {
                    return self.unknown(open);
                }
                let since = self.since(open);
                let failure = Failure { error: last.to_owned(), declared: false, since };
                return Outcome::Failed(declared.filter(|_| last == "refused").unwrap_or(failure));
            }
            if !self.goes_on(call, open, out) {
                return Outcome::Stopped(open.unresolved);
            }
        }
    }

    /// Comes to the next attempt, unless the step was stopped: between two attempts is a boundary
    /// (C2), but for what X1 excepts.
    fn goes_on(&mut self, call: &Call, open: &mut Open, out: &mut Vec<Term>) -> bool {
        let before = open.attempt;
        open.attempt += 1;
        open.probed = false;
        if std::mem::take(&mut open.spent) {
            open.generation = self.generation(&open.id.clone(), Purpose::Do);
            open.known = Known::Nothing;
        }
        let next = self.requests(open).first().map(|sent| sent.pos);
        if next.is_some_and(|pos| pos <= self.stop || !self.stoppable(call, open)) {
            return true;
        }
        open.attempt = before;
        if open.from <= before {
            self.made(open, out);
        }
        false
    }

    /// Whether a step has boundaries: not where X1 excepts it.
    fn stoppable(&self, call: &Call, open: &Open) -> bool {
        let kept = call.class == Class::Pivot || call.undoes.is_empty();
        !(open.unresolved && kept && call.class != Class::Read)
    }

    fn unknown(&self, open: &Open) -> Outcome {
        let since = self.since(open);
        Outcome::Unknown(Failure { error: "unknown".to_owned(), declared: false, since })
    }

    /// The key is spent: what follows is under a new one (K1).
    fn renew(&mut self, open: &mut Open, out: &mut Vec<Term>) {
        self.made(open, out);
        open.from = open.attempt + 1;
        open.spent = true;
    }

    /// The attempts under one key.
    fn made(&mut self, open: &Open, out: &mut Vec<Term>) {
        self.clock = self.since(open).unwrap_or(self.clock);
        out.push(Term::Call(Box::new(Expect {
            id: open.id.clone(),
            purpose: Purpose::Do,
            generation: open.generation,
            from: open.from,
            to: open.attempt,
            undoes: None,
            arg: open.arg,
        })));
    }

    /// Asks until there is an answer; says whether it happened. Between two questions is a boundary,
    /// where a deadline that struck ends the asking.
    fn probe(
        &mut self,
        action: &str,
        open: &mut Open,
        stoppable: bool,
        out: &mut Vec<Term>,
    ) -> Option<bool> {
        let id = CallId { action: action.to_owned(), at: open.id.at.clone() };
        let generation =
            self.generations.get(&(id.clone(), Purpose::Probe.word())).copied().unwrap_or(0);
        let ledger = self.ledger;
        let keys = ledger.keys(&id, Purpose::Probe);
        let key = keys.get(generation).copied().unwrap_or_default();
        let before = |sent: &&Sent| !sent.copy && sent.pos <= self.stop;
        let asked = self.ledger.under(key).filter(before).map(|sent| sent.attempt).max();
        if stoppable && late::struck(self.ledger) && asked.is_none() {
            // Not even asked: the question is another's.
            return None;
        }
        let visit = self.visit(&id);
        self.generation(&id, Purpose::Probe);
        let answered = self.answered_at(&id, Purpose::Probe, generation, visit);
        let stopped = stoppable && late::struck(self.ledger) && asked.unwrap_or(0) < answered;
        let to = asked.filter(|_| stopped).unwrap_or(answered);
        let answers = ledger.under(key).filter_map(|sent| sent.answered.as_ref());
        let told = answers.map(|(pos, _)| *pos).filter(|pos| *pos > 0).max();
        open.told = told.filter(|_| !stopped);
        self.clock = open.told.unwrap_or(self.clock);
        out.push(Term::Call(Box::new(Expect {
            id,
            purpose: Purpose::Probe,
            generation,
            from: 1,
            to,
            undoes: Some((open.id.clone(), open.generation)),
            arg: 0,
        })));
        (!stopped).then_some(open.known == Known::Done)
    }

    /// The entry a step leaves in the undo tree.
    fn armed(&self, call: &Call, open: &Open, outcome: &Outcome) -> Option<Node> {
        if call.class != Class::Write || call.undoes.is_empty() {
            return None;
        }
        let (arg, ask) = match (call.undo, outcome) {
            (Undo::Result, Outcome::Ok(value)) => (*value, None),
            (Undo::Result, _) => {
                let repeatable = call.key != Key::None;
                (
                    0,
                    Some(Ask {
                        repeatable,
                        probe: call.probe.clone(),
                        visit: open.visit,
                        attempts: open.attempt,
                        arg: open.arg,
                        known: open.known.clone(),
                    }),
                )
            }
            _ => (open.arg, None),
        };
        Some(Node::Step(Box::new(Undone {
            actions: call.undoes.clone(),
            id: open.id.clone(),
            generation: open.generation,
            arg,
            told: false,
            ask,
        })))
    }

    /// A5: it runs beside what follows.
    fn due(&mut self, node: Node, out: &mut Vec<Term>) {
        let mut terms = Vec::new();
        self.unwind(vec![node], &mut terms);
        out.push(Term::Beside(Box::new(Term::Seq(terms))));
    }

    /// A step without fallback, or behind one, is left with a failure.
    fn leave(
        &mut self,
        call: &Call,
        failure: Failure,
        armed: Option<Node>,
        (undo, out): (&mut Vec<Node>, &mut Vec<Term>),
    ) -> End {
        let remedy = self.handler(&call.handlers, &failure).cloned();
        match &remedy {
            // The outcome is left open by `fail` and `skip`: the undo stays armed.
            None
            | Some(
                Remedy::Fail(_) | Remedy::Skip | Remedy::Block(_, Ending::Fail(_) | Ending::Skip),
            ) => undo.extend(armed),
            Some(Remedy::Manual) => {
                // The person says that it happened, with this result.
                self.env.insert(call.name.clone(), crate::subject::ANSWER);
                undo.extend(self.answered(call, armed));
                return End::Next;
            }
            Some(Remedy::Use(_) | Remedy::Block(..)) => {
                if let Some(node) = armed {
                    self.due(node, out);
                }
            }
        }
        if let Some(Remedy::Use(value) | Remedy::Block(_, Ending::Use(value))) = &remedy {
            let value = self.number(value);
            self.env.insert(call.name.clone(), value);
        }
        self.remedy(remedy.as_ref(), failure, undo, out)
    }

    /// What a person's answer leaves armed.
    fn answered(&self, call: &Call, armed: Option<Node>) -> Option<Node> {
        let id = CallId { action: call.action.clone(), at: self.place(&call.at) };
        let generation = self.peek(&id).saturating_sub(1);
        let arg = match call.undo {
            Undo::Result => crate::subject::ANSWER,
            _ => self.number(&call.arg),
        };
        let node = match armed {
            Some(Node::Step(undone)) => *undone,
            _ if call.undoes.is_empty() || call.class != Class::Write => return None,
            _ => {
                Undone { actions: call.undoes.clone(), id, generation, arg, told: true, ask: None }
            }
        };
        Some(Node::Step(Box::new(Undone { arg, told: true, ask: None, ..node })))
    }

    /// Pops one entry: asks first where the result is needed, then undoes until it is done.
    pub(super) fn undo(&mut self, undone: Undone, out: &mut Vec<Term>) {
        let mut arg = undone.arg;
        if let Some(ask) = &undone.ask {
            match self.ask(&undone, ask, out) {
                Some(value) => arg = value,
                None => return,
            }
        }
        for action in &undone.actions {
            let id = CallId { action: action.clone(), at: undone.id.at.clone() };
            let visit = self.visit(&id);
            let generation = self.generation(&id, Purpose::Undo);
            let named = self.undo_of(&id, &undone);
            let (generation, visit) = match named {
                Some(at) => (at, u32::try_from(at).unwrap_or(u32::MAX)),
                None => (generation, visit),
            };
            let to = self.answered_at(&id, Purpose::Undo, generation, visit);
            out.push(Term::Call(Box::new(Expect {
                id,
                purpose: Purpose::Undo,
                generation,
                from: 1,
                to,
                undoes: (!undone.told).then(|| (undone.id.clone(), undone.generation)),
                arg,
            })));
        }
    }

    /// Which key of an undo belongs to a call: a due undo runs beside what follows it in the program,
    /// so its first request may come after those of later turns.
    fn undo_of(&self, id: &CallId, undone: &Undone) -> Option<usize> {
        let forward = self.ledger.keys(&undone.id, Purpose::Do);
        let forward = forward.get(undone.generation).filter(|_| !undone.told)?;
        let keys = self.ledger.keys(id, Purpose::Undo);
        let of = |key: &&str| {
            self.ledger.under(key).any(|sent| sent.undoes.as_deref() == Some(*forward))
        };
        Some(keys.iter().position(of).unwrap_or(keys.len()))
    }

    /// A4: the forward call is asked whether, and with which result, it happened.
    fn ask(&mut self, undone: &Undone, ask: &Ask, out: &mut Vec<Term>) -> Option<i64> {
        let mut open = Open {
            id: undone.id.clone(),
            visit: ask.visit,
            generation: undone.generation,
            from: ask.attempts + 1,
            attempt: ask.attempts + 1,
            arg: ask.arg,
            known: ask.known.clone(),
            unresolved: true,
            spent: false,
            probed: false,
            told: None,
        };
        let value = (self.values)(&open.id.action, &open.id.at, open.arg);
        if !ask.repeatable {
            let probe = ask.probe.clone().unwrap_or_default();
            return self.probe(&probe, &mut open, false, out).filter(|done| *done).map(|_| value);
        }
        loop {
            match self.attempt(false, true, &mut open) {
                Said::Ok => {
                    self.made(&open, out);
                    return Some(value);
                }
                Said::Failed(_) | Said::Spent => {
                    self.made(&open, out);
                    return None;
                }
                Said::Refused | Said::Unknown => open.attempt += 1,
            }
        }
    }
}
