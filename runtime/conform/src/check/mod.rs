//! The checks of one action: each makes calls of its own, and says how its clause stands.
//!
//! A clause that stands on another is not tried where that one is broken, so that one defect is
//! reported once.

mod keys;
mod undo;

use crate::clause::Clause;
use crate::contract::{Action, Contract};
use crate::given::{GivenAction, Observe};
use crate::look::{Change, change};
use crate::report::{ActionReport, Found, Verdict};
use crate::told::Told;
use crate::world::{Case, World};
use sagaflow_core::codegen::{Class, Json};
use std::collections::BTreeMap;

/// What holds one action to its contract.
pub(crate) struct Check<'w> {
    world: &'w World,
    contract: &'w Contract,
    name: &'w str,
    action: &'w Action,
    given: Option<&'w GivenAction>,
}

/// What the first call showed, on which the other checks stand.
enum Base {
    /// The arguments succeed; what a read showed of it.
    Works(Option<Change>),
    /// The arguments provoke this declared error.
    Provokes(String),
    /// It cannot be gone on; why.
    Stops(Verdict),
}

/// A verdict with the case that led to it.
type Judged = (Verdict, Case);

impl<'w> Check<'w> {
    pub fn new(
        world: &'w World,
        contract: &'w Contract,
        name: &'w str,
        action: &'w Action,
    ) -> Self {
        let given = world.given(&contract.service, name);
        Self { world, contract, name, action, given }
    }

    /// Every clause of the action, in order.
    pub async fn run(self) -> ActionReport {
        let mut found = Vec::new();
        let base = self.answers(&mut found).await;
        let clauses = self.clauses();
        for clause in clauses {
            let one = self.clause(&clause, &base, &found).await;
            found.push(one);
        }
        ActionReport { action: self.name.to_owned(), found, instead: None }
    }

    /// What the contract promises beside the types of its answers.
    fn clauses(&self) -> Vec<Clause> {
        let action = self.action;
        if action.class == Class::Read {
            return Vec::new();
        }
        let mut clauses = Vec::new();
        let undoable = action.undo.is_some() || action.undo_beyond;
        let keyed = action.idempotent;
        clauses.extend(keyed.then_some(Clause::Repeat));
        clauses.extend(action.errors.iter().map(|error| Clause::Error(error.name.clone())));
        if undoable {
            clauses.extend([Clause::UndoTwice, Clause::UndoFirst, Clause::DoAfterUndo]);
        }
        clauses.extend(keyed.then_some(Clause::TwoAtOnce));
        clauses.extend((keyed && action.key_for_ms.is_some()).then_some(Clause::KeyLife));
        clauses.extend(action.probe.is_some().then_some(Clause::Probe));
        clauses
    }

    async fn clause(&self, clause: &Clause, base: &Base, found: &[Found]) -> Found {
        let not_tried = |verdict| Found { clause: clause.clone(), verdict, calls: Vec::new() };
        if let Clause::Error(name) = clause {
            let provoked = matches!(base, Base::Provokes(error) if error == name);
            return match base {
                Base::Stops(verdict) => not_tried(verdict.clone()),
                _ => self.judged(clause, self.error(name, provoked).await),
            };
        }
        let change = match base {
            Base::Works(change) => change.as_ref(),
            Base::Provokes(error) => {
                let why = format!(
                    "the arguments are answered with `{error}`; give some that succeed: {}",
                    self.example("\"args\": [{…}]")
                );
                return not_tried(Verdict::NotTried(why));
            }
            Base::Stops(verdict) => return not_tried(verdict.clone()),
        };
        let stands_on_repeat = matches!(clause, Clause::TwoAtOnce | Clause::KeyLife);
        let broken = |found: &Found| {
            found.clause == Clause::Repeat && matches!(found.verdict, Verdict::Broken(_))
        };
        if stands_on_repeat && found.iter().any(broken) {
            let why = "a repeat is broken already: mend that first".to_owned();
            return not_tried(Verdict::NotTried(why));
        }
        let judged = match clause {
            Clause::Repeat => self.repeat().await,
            Clause::TwoAtOnce => self.two_at_once(change).await,
            Clause::KeyLife => self.key_life().await,
            Clause::UndoTwice => self.undo_twice().await,
            Clause::UndoFirst => self.undo_first().await,
            Clause::DoAfterUndo => self.do_after_undo().await,
            Clause::Probe => self.probe().await,
            Clause::Answers | Clause::Error(_) => Err(Verdict::NotTried(String::new())),
        };
        self.judged(clause, judged)
    }

    /// The calls are kept for what is broken alone.
    fn judged(&self, clause: &Clause, judged: Result<Judged, Verdict>) -> Found {
        let (verdict, calls) = match judged {
            Ok((verdict @ Verdict::Broken(_), case)) => (verdict, case.calls),
            Ok((verdict, _)) | Err(verdict) => (verdict, Vec::new()),
        };
        Found { clause: clause.clone(), verdict, calls }
    }

    /// The first call, with arguments that should succeed.
    async fn answers(&self, found: &mut Vec<Found>) -> Base {
        let clause = Clause::Answers;
        let mut case = match self.fresh("answers").await {
            Ok(case) => case,
            Err(verdict) => {
                found.push(Found { clause, verdict: verdict.clone(), calls: Vec::new() });
                return Base::Stops(verdict);
            }
        };
        let before = self.look(&mut case).await;
        let told = self.world.act(&mut case).await;
        let (verdict, base) = match &told {
            Told::Ok(answer) => {
                let after = self.look(&mut case).await;
                let seen = before.zip(after);
                let change =
                    seen.map(|(before, after)| change(&before, &after, &case.args, answer));
                (Verdict::Kept(None), Base::Works(change))
            }
            Told::Failed(name, _) => {
                let note = Some(format!("with `{name}`"));
                (Verdict::Kept(note), Base::Provokes(name.clone()))
            }
            Told::Away(reason) => {
                let verdict = Verdict::NotReached(reason.clone());
                (verdict.clone(), Base::Stops(verdict))
            }
            Told::Later => {
                let why = "it answers 202, and nobody here takes the completion".to_owned();
                (Verdict::NotTried(why.clone()), Base::Stops(Verdict::NotTried(why)))
            }
            Told::Undone => {
                let why = "a call under a key that nobody has seen is refused".to_owned();
                (Verdict::Broken(why), Base::Stops(self.after_answers()))
            }
            Told::Odd(cause) => {
                let why = format!("its call was answered with {cause}");
                (Verdict::Broken(why), Base::Stops(self.after_answers()))
            }
        };
        found.push(self.judged(&clause, Ok((verdict, case))));
        base
    }

    fn after_answers(&self) -> Verdict {
        Verdict::NotTried("its first call was not answered as declared: mend that first".to_owned())
    }

    /// A case of its own, with what it needs.
    async fn fresh(&self, label: &str) -> Result<Case, Verdict> {
        let case = self.world.case(&self.contract.service, self.name, label);
        self.prepared(case, None).await
    }

    async fn prepared(
        &self,
        mut case: Case,
        given: Option<&BTreeMap<String, Json>>,
    ) -> Result<Case, Verdict> {
        if let Some(first) = self.given.and_then(|given| given.first.as_ref()) {
            self.world.prepare(&mut case, first, given).await.map_err(Verdict::NotTried)?;
        }
        Ok(case)
    }

    /// The call of a case that must succeed, as the first one did.
    async fn done(&self, case: &mut Case) -> Result<Json, Verdict> {
        match self.world.act(case).await {
            Told::Ok(answer) => Ok(answer),
            Told::Away(reason) => Err(Verdict::NotReached(reason)),
            other => Err(Verdict::NotTried(format!(
                "this time its call was answered with {}; give arguments that succeed: {}",
                other.words(),
                self.example("\"args\": [{…}]"),
            ))),
        }
    }

    /// What the read shows that the author names; nothing where there is none.
    async fn look(&self, case: &mut Case) -> Option<Json> {
        let observe = self.observe()?;
        let (bound, read) = self.world.named(&observe.read)?;
        let params = &bound.contract.actions.get(read)?.params;
        let arg = |(name, _): &(String, _)| {
            let of = observe.args.get(name).unwrap_or(name);
            Some((name.clone(), case.args.get(of)?.clone()))
        };
        let args: Json = params.iter().filter_map(arg).collect();
        match self.world.beside(case, &observe.read, args, "read").await? {
            Told::Ok(answer) => Some(answer),
            Told::Failed(name, _) => Some(serde_json::json!({ "error": name })),
            _ => None,
        }
    }

    fn observe(&self) -> Option<&Observe> {
        self.given.and_then(|given| given.observe.as_ref())
    }

    /// The name of the read that shows the effect.
    fn reader(&self) -> String {
        self.observe().map_or_else(String::new, |observe| format!("`{}`", observe.read))
    }

    /// How far a verdict goes where nothing shows the effect.
    fn as_far(&self) -> Option<String> {
        let note =
            || "as far as its answers tell; `observe` names a read that shows more".to_owned();
        self.observe().is_none().then(note)
    }

    /// What to write into the file of arguments.
    fn example(&self, what: &str) -> String {
        format!("{{\"{}.{}\": {{{what}}}}} in `--given`", self.contract.short(), self.name)
    }
}
