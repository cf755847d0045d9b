//! What people may answer to the questions of a run, each of which is a run of its own.

use super::{Enumeration, Shown, variants};
use crate::simulate::{BEGIN, Called, Choice, Question, Script};
use sagaflow_core::codegen::{AskSpec, ErrorSpec, Json, SampleSeed};
use sagaflow_core::service::Purpose;
use sagaflow_core::status::Status;

/// Bound: questions answered one after the other in one run.
const QUESTIONS_MAX: usize = 3;

impl Enumeration<'_> {
    /// Each permitted answer to the question that was not answered in a run. After a crash one is enough: it is
    /// answered by a process that has not asked it.
    pub(super) fn answers(
        &mut self,
        script: &Script,
        shown: &Shown,
        asked: usize,
    ) -> Result<(), String> {
        let most = if script.crash.is_some() { 1 } else { QUESTIONS_MAX };
        // Who cancels a run, or lets its time pass, has withdrawn the question.
        if script.strike.is_some() && shown.status != Status::Parked {
            return Ok(());
        }
        // Whoever is never answered is overtaken by the deadline, so a run that has ended may have asked.
        let Some(question) = shown.questions.first().filter(|_| asked < most).cloned() else {
            return Ok(());
        };
        for answer in self.permitted(&question, shown) {
            let mut script = script.clone();
            script.choices.push(Choice::Manual { path: question.path.clone(), answer });
            let shown = self.run(&script)?;
            let new = self.is_new(&script, &shown);
            self.answers(&script, &shown, asked + 1)?;
            if new {
                self.kept.push((script, shown));
            }
        }
        Ok(())
    }

    fn permitted(&self, question: &Question, shown: &Shown) -> Vec<Json> {
        if !question.step {
            return vec![Json::Null];
        }
        if let Some(ask) = self.spec.points.get(&question.at).and_then(|point| point.ask.as_ref()) {
            return self.outcomes(question, ask, shown.committed);
        }
        let Some(call) = shown.calls.iter().find(|call| call.path == question.path) else {
            return Vec::new();
        };
        let mut answers = vec![serde_json::json!({ "ok": call.usual })];
        // Who is asked looks, and says what is there: that something was not done which was done is
        // no answer of a person, and no run could stand it. It can be done by hand where it was not.
        let at = |known: &&Called| known.path == question.path && known.purpose == Purpose::Do;
        let done = shown.calls.iter().filter(at).any(|known| shown.applied.contains(&known.key));
        if !shown.committed && !done {
            for (name, payload) in self.errors(call) {
                answers.push(serde_json::json!({ "failed": { "name": name, "payload": payload } }));
            }
        }
        answers
    }

    /// What can be answered about a block.
    fn outcomes(&self, question: &Question, ask: &AskSpec, committed: bool) -> Vec<Json> {
        let name = question.path.rsplit('/').next().unwrap_or_default();
        let seed = SampleSeed { key: &question.path, name, now: BEGIN, money: None };
        let sample = |ty| self.spec.schema.sample(ty, &seed);
        let value = ask.answer.as_ref().map_or(Json::Null, sample);
        let mut answers = vec![serde_json::json!({ "ok": value })];
        let named = |error: &&ErrorSpec| question.errors.contains(&error.name) && !committed;
        for error in ask.errors.iter().filter(named) {
            let fields = error.fields.iter().map(|(name, ty)| (name.clone(), sample(ty)));
            let payload = match error.fields.is_empty() {
                true => Json::Null,
                false => fields.filter(|(_, value)| !value.is_null()).collect(),
            };
            let failed = serde_json::json!({ "name": error.name, "payload": payload });
            answers.push(serde_json::json!({ "failed": failed }));
        }
        answers.extend(question.again.then(|| Json::from("again")));
        answers
    }

    /// The declared errors of a call, with a payload.
    pub(super) fn errors(&self, call: &Called) -> Vec<(String, Json)> {
        let (service, name) = call.action.rsplit_once('.').unwrap_or_default();
        let action = self.fir.action(service, name);
        let schema = &self.spec.schema;
        let errors = action.into_iter().flat_map(|action| &action.errors);
        errors
            .map(|error| {
                let payload = match error.fields.is_empty() {
                    true => Json::Null,
                    false => variants::payload(schema, &error.fields).unwrap_or_default(),
                };
                (error.name.clone(), payload)
            })
            .collect()
    }
}
