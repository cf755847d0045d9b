//! Runs the tests of a program (verdicts 56 to 58).
//!
//! Promises: each test has a world of its own; the first expectation that does not hold ends it with
//! its line and what was found instead. No file, clock or thread is touched.

mod expect;

use crate::codec::{decode, encode};
use crate::enumerate::{Subject, every_failure};
use crate::eval::{Env, Eval};
use crate::simulate::{BEGIN, Given, GivenAnswer, Program, Script, World};
use sagaflow_core::codegen::{Draw, Json, Machine as _, Values};
use sagaflow_core::id::RunId;
use sagaflow_fir::{Expr, Fir, LocalId, Test, TestOutcome, TestStmt};
use std::sync::Arc;

/// What came of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestReport {
    /// Its sentence.
    pub name: String,
    /// Its module.
    pub module: String,
    /// Line, from 1; of the expectation that does not hold, where one does not.
    pub line: u32,
    /// Whether every expectation holds.
    pub passed: bool,
    /// What is wrong, in words.
    pub message: String,
    /// Runs made.
    pub runs: u64,
}

/// Runs the tests whose module and name contain `filter`, in source order.
#[must_use]
pub fn run(fir: &Fir, filter: &str) -> Vec<TestReport> {
    let program = Program::new(Arc::new(fir.clone()));
    let wanted = |test: &&Test| format!("{} {}", test.module, test.name).contains(filter);
    fir.tests.iter().filter(wanted).map(|test| one(&program, test)).collect()
}

/// What is wrong, and where.
struct Wrong {
    line: u32,
    message: String,
}

fn one(program: &Program, test: &Test) -> TestReport {
    let mut running = Running {
        program,
        test,
        env: Env::new(test.locals.len()),
        world: World::new(program, Script::default()),
        given: Vec::new(),
        deliver: Vec::new(),
        last: None,
        runs: 0,
    };
    let wrong = running.stmts().err();
    let (line, message, passed) = match wrong {
        Some(wrong) => (wrong.line, wrong.message, false),
        None => (test.line, String::new(), true),
    };
    let (name, module) = (test.name.clone(), test.module.clone());
    TestReport { name, module, line, passed, message, runs: running.runs }
}

/// A test under way.
struct Running<'p> {
    program: &'p Program,
    test: &'p Test,
    env: Env,
    world: World<'p>,
    given: Vec<Given>,
    /// Events that are sent: event, payload, after how many ms.
    deliver: Vec<(String, Json, i64)>,
    /// The last run, and its workflow.
    last: Option<(RunId, &'p str)>,
    runs: u64,
}

impl<'p> Running<'p> {
    fn stmts(&mut self) -> Result<(), Wrong> {
        let test = self.test;
        for (index, stmt) in test.stmts.iter().enumerate() {
            match stmt {
                TestStmt::EveryFailure { workflow, args } => {
                    let rest = test.stmts.get(index + 1..).unwrap_or_default();
                    return self.every(workflow, args, rest);
                }
                stmt => self.stmt(stmt)?,
            }
        }
        Ok(())
    }

    fn stmt(&mut self, stmt: &'p TestStmt) -> Result<(), Wrong> {
        let line = self.test.line;
        let here = |message: String| Wrong { line, message };
        match stmt {
            TestStmt::Given { target, args, outcome, after_ms, calls, line } => {
                let at = |message: String| Wrong { line: *line, message };
                let args = match args {
                    Some(args) => Some(self.named(args).map_err(at)?),
                    None => None,
                };
                let answer = self.outcome(outcome).map_err(at)?;
                let (target, after_ms) = (target.clone(), *after_ms);
                let given = Given { target, args, answer, after_ms, left: *calls };
                self.given.push(given.clone());
                self.world.given(given);
            }
            TestStmt::Deliver { event, fields, after_ms } => {
                let payload = self.named(fields).map_err(here)?;
                let payload: Json =
                    payload.into_iter().filter(|(_, value)| !value.is_null()).collect();
                self.deliver.push((event.clone(), payload.clone(), *after_ms));
                self.world.deliver(event, payload, *after_ms);
            }
            TestStmt::Run { workflow, args, bind } => {
                let input = self.input(workflow, args).map_err(here)?;
                let run = self.world.run(workflow, input).map_err(here)?;
                self.runs += 1;
                self.last = Some((run, workflow));
                if let Some(id) = bind {
                    self.bind_result(*id).map_err(here)?;
                }
            }
            TestStmt::Let(id, value) => {
                let value = self.value(value).map_err(here)?;
                let ty = self.test.locals.get(id.0 as usize).map(|local| &local.ty);
                if let Some(ty) = ty {
                    let value = decode(self.program.fir(), ty, &value);
                    self.env.set(*id, value.map_err(|fault| here(fault.message))?);
                }
            }
            TestStmt::EveryFailure { .. } => {}
            expectation => {
                self.world.rest().map_err(here)?;
                let last = self.last.map(|(run, _)| run);
                let checked = expect::Check { program: self.program, test: self.test };
                checked.holds(&self.world, last, &self.env, expectation)?;
            }
        }
        Ok(())
    }

    /// `every failure of`: the statements that follow judge each run.
    fn every(&mut self, workflow: &str, args: &[Expr], rest: &'p [TestStmt]) -> Result<(), Wrong> {
        let line = self.test.line;
        let input = self.input(workflow, args).map_err(|message| Wrong { line, message })?;
        let check = expect::Check { program: self.program, test: self.test };
        let failed_at = std::cell::Cell::new(line);
        let judge = |world: &World<'_>, run: RunId| {
            for stmt in rest {
                check.holds(world, Some(run), &self.env, stmt).map_err(|wrong| {
                    failed_at.set(wrong.line);
                    wrong.message
                })?;
            }
            Ok(())
        };
        let (given, deliver) = (self.given.clone(), self.deliver.clone());
        let program = self.program;
        let subject = Subject { program, workflow, input, given, deliver, judge: &judge };
        let tally = every_failure(&subject);
        self.runs += tally.runs;
        match tally.wrong {
            Some(message) => Err(Wrong { line: failed_at.get(), message }),
            None => Ok(()),
        }
    }

    fn value(&mut self, expr: &Expr) -> Result<Json, String> {
        let mut draw = Draw::new(BEGIN, [0; 16]);
        let mut eval = Eval::new(self.program.fir(), &self.test.module, Some(&mut draw));
        let value = eval.expr(&mut self.env, expr).map_err(|fault| fault.message)?;
        Ok(encode(&value))
    }

    fn named(&mut self, fields: &[(String, Expr)]) -> Result<Vec<(String, Json)>, String> {
        fields.iter().map(|(name, value)| Ok((name.clone(), self.value(value)?))).collect()
    }

    fn outcome(&mut self, outcome: &TestOutcome) -> Result<GivenAnswer, String> {
        Ok(match outcome {
            TestOutcome::Value(value) => GivenAnswer::Value(self.value(value)?),
            TestOutcome::Fail(name, fields) => {
                let fields = self.named(fields)?;
                let payload = match fields.is_empty() {
                    true => Json::Null,
                    false => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
                };
                GivenAnswer::Fail(name.clone(), payload)
            }
            TestOutcome::Refused => GivenAnswer::Refused,
            TestOutcome::Unknown => GivenAnswer::Unknown,
            TestOutcome::Timeout => GivenAnswer::Timeout,
        })
    }

    /// The input of a run in canonical form, as a caller's would be.
    fn input(&mut self, workflow: &str, args: &[Expr]) -> Result<Values, String> {
        let machine = self.program.executable(workflow);
        let machine = machine.map_err(|why| format!("`{workflow}` cannot be run: {why}"))?.clone();
        let spec = machine.spec();
        let mut input = Values::new();
        for ((name, ty), arg) in spec.params.iter().zip(args) {
            let value = self.value(arg)?;
            let value = spec.schema.decode(ty, &value).map_err(|mismatch| mismatch.to_string())?;
            input.insert(name.clone(), value);
        }
        Ok(input)
    }

    fn bind_result(&mut self, id: LocalId) -> Result<(), String> {
        let Some((run, workflow)) = self.last else { return Ok(()) };
        let fir = self.program.fir();
        let ty = fir.workflows.get(workflow).and_then(|workflow| workflow.result.as_ref());
        let result = self.world.standing(run).and_then(|standing| standing.result);
        if let (Some(ty), Some(result)) = (ty, result) {
            let value = decode(fir, ty, &result).map_err(|fault| fault.message)?;
            self.env.set(id, value);
        }
        Ok(())
    }
}
