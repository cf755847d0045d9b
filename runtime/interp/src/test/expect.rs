//! What a test expects, held against what happened.

use super::Wrong;
use crate::codec::decode;
use crate::eval::{Env, Eval};
use crate::simulate::{Applied, BEGIN, Program, World};
use sagaflow_core::codegen::{Draw, Json};
use sagaflow_core::id::RunId;
use sagaflow_core::status::Status;
use sagaflow_fir::{Expr, LocalId, Test, TestStmt};

/// Holds expectations of one test.
pub(super) struct Check<'p> {
    pub(super) program: &'p Program,
    pub(super) test: &'p Test,
}

impl Check<'_> {
    /// Whether one expectation holds; statements of other kinds expect nothing.
    pub(super) fn holds(
        &self,
        world: &World<'_>,
        run: Option<RunId>,
        env: &Env,
        stmt: &TestStmt,
    ) -> Result<(), Wrong> {
        let fault = run.and_then(|run| world.faults(run).into_iter().next());
        let fault = fault.map(|(path, message)| format!("a fault at `{path}`: {message}"));
        let (line, wrong) = match stmt {
            TestStmt::ExpectCompleted(line) => (line, completed(world, run)),
            TestStmt::ExpectFailed(name, line) => (line, failed(world, run, name)),
            TestStmt::ExpectSettled(line) => (line, settled(world, run)),
            TestStmt::ExpectCalls(calls, line) => (line, self::calls(world, run, calls)),
            TestStmt::ExpectNever { call, twice, after, unless, line } => {
                let excused = match unless {
                    // What is said of a result excuses no run that has none.
                    Some((_, Some(_))) if result_of(world, run).is_none() => Ok(false),
                    Some((unless, result)) => self.truth(world, run, env, (unless, *result)),
                    None => Ok(false),
                };
                let wrong = excused.map(|excused| match excused {
                    true => None,
                    false => never(world, call, *twice, after.as_deref()),
                });
                (line, wrong.unwrap_or_else(Some))
            }
            TestStmt::Expect(condition, result, line) => {
                let wrong = match self.truth(world, run, env, (condition, *result)) {
                    Ok(true) => None,
                    Ok(false) => Some("the condition does not hold".to_owned()),
                    Err(why) => Some(why),
                };
                (line, wrong)
            }
            _ => return Ok(()),
        };
        // A fault is a bug, whatever the run came to after it.
        fault.or(wrong).map_or(Ok(()), |message| Err(Wrong { line: *line, message }))
    }

    fn truth(
        &self,
        world: &World<'_>,
        run: Option<RunId>,
        env: &Env,
        (condition, result): (&Expr, Option<LocalId>),
    ) -> Result<bool, String> {
        let mut env = env.clone();
        let fir = self.program.fir();
        if let Some(id) = result {
            let Some(json) = result_of(world, run) else {
                return Err(format!("there is no `result`: {}", stands(world, run).1));
            };
            if let Some(local) = self.test.locals.get(id.0 as usize) {
                let value = decode(fir, &local.ty, &json).map_err(|fault| fault.message)?;
                env.set(id, value);
            }
        }
        let mut draw = Draw::new(BEGIN, [0; 16]);
        let mut eval = Eval::new(fir, &self.test.module, Some(&mut draw));
        eval.truth(&mut env, condition).map_err(|fault| fault.message)
    }
}

/// What a run answered.
fn result_of(world: &World<'_>, run: Option<RunId>) -> Option<Json> {
    world.standing(run?)?.result
}

/// How a run stands, in words.
fn stands(world: &World<'_>, run: Option<RunId>) -> (Option<Status>, String) {
    let standing = run.and_then(|run| world.standing(run));
    match standing {
        None => (None, "nothing was run".to_owned()),
        Some(standing) => {
            let with = match standing.error.as_str() {
                "" => String::new(),
                error => format!(" with `{error}`"),
            };
            (Some(standing.status), format!("it is {}{with}", standing.status.word()))
        }
    }
}

fn completed(world: &World<'_>, run: Option<RunId>) -> Option<String> {
    match stands(world, run) {
        (Some(Status::Completed), _) => None,
        (_, how) => Some(format!("the run should be completed, but {how}")),
    }
}

fn failed(world: &World<'_>, run: Option<RunId>, name: &str) -> Option<String> {
    let error = run.and_then(|run| world.standing(run)).map(|standing| standing.error);
    match stands(world, run) {
        (Some(Status::Failed), _) if error.as_deref() == Some(name) => None,
        (_, how) => Some(format!("the run should have failed with `{name}`, but {how}")),
    }
}

/// Ended with nothing left to undo, or parked where the source asks a person.
fn settled(world: &World<'_>, run: Option<RunId>) -> Option<String> {
    let (status, how) = stands(world, run);
    let abandoned = run.and_then(|run| world.standing(run)).is_some_and(|each| each.abandoned);
    let asked = run.is_some_and(|run| world.questions(run).next().is_some());
    match status {
        Some(status) if status.ended() && !abandoned => None,
        Some(Status::Parked) if asked => None,
        _ => Some(format!("the run should be settled, but {how}")),
    }
}

fn calls(world: &World<'_>, run: Option<RunId>, expected: &[String]) -> Option<String> {
    let Some(run) = run else { return Some("nothing was run".to_owned()) };
    let made = world.ledger().in_program_order(run);
    // Whole transactions, and the questions what came of them, are nobody's actions.
    let made = made.iter().map(|call| call.action.as_str()).filter(|name| !name.contains('#'));
    let made: Vec<&str> = made.collect();
    if made == expected {
        return None;
    }
    let short = |name: &str| {
        let mut parts = name.rsplitn(3, '.');
        let action = parts.next().unwrap_or_default();
        format!("{}.{action}", parts.next().unwrap_or_default())
    };
    let made: Vec<String> = made.into_iter().map(short).collect();
    Some(format!("the calls were {}", made.join(", ")))
}

fn never(world: &World<'_>, call: &str, twice: bool, after: Option<&str>) -> Option<String> {
    let effects = world.ledger().effects();
    let is = |name: &str, effect: &Applied| effect.action == name;
    if twice {
        let count = effects.iter().filter(|effect| is(call, effect)).count();
        return (count > 1).then(|| format!("`{call}` was applied {count} times"));
    }
    let from = match after {
        Some(after) => effects.iter().position(|effect| is(after, effect))? + 1,
        None => 0,
    };
    let later = effects.get(from..).unwrap_or_default();
    let found = later.iter().any(|effect| is(call, effect));
    let when = after.map(|after| format!(" after `{after}`")).unwrap_or_default();
    found.then(|| format!("`{call}` was applied{when}"))
}
