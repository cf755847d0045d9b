//! Effective values of every call, defaults filled in, each with who said it.

use super::Writer;
use crate::check::time::Clock;
use crate::hir::{Block, Class, Step, StmtKind, Target, Undo};
use crate::page::Part;
use crate::words::{From, duration};

impl Writer<'_> {
    pub(super) fn defaults(&self, parts: &mut Vec<Part>) {
        let workflow = &self.words.program.workflows[self.id];
        let mut rows = Vec::new();
        self.rows(&workflow.body, false, &mut rows);
        if let Some(aftermath) = &workflow.aftermath {
            self.rows(&aftermath.body, false, &mut rows);
        }
        if rows.is_empty() {
            return;
        }
        parts.push(Part::Heading(2, "What holds for each call".into()));
        let told = "With the defaults filled in; who said each stands in parentheses.";
        parts.push(Part::Para(told.into()));
        let head = ["call", "tried", "an attempt takes", "all attempts", "key"];
        parts.push(Part::Table(head.map(str::to_owned).to_vec(), rows));
    }

    fn rows(&self, block: &Block, undo: bool, rows: &mut Vec<Vec<String>>) {
        block.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Step(step) => {
                self.row(step, undo, rows);
                let compensate = match &step.undo {
                    Undo::Own(own) => Some(own),
                    Undo::Contract(id) => self.words.program.actions[*id].compensate.as_ref(),
                    Undo::None => None,
                };
                if let Some(compensate) = compensate {
                    compensate.each_block(&mut |body| self.rows(body, true, rows));
                }
            }
            StmtKind::Transaction(tx) => {
                let policy = self.words.transaction_policy(tx.guard.retry.as_ref());
                let tried = said(&policy.words(), &policy.from);
                let cut =
                    tx.guard.deadline.map_or_else(|| "no bound".into(), |d| duration(d.value));
                let name = format!("transaction `{}`", tx.name.node);
                let key = "its outcome row".to_owned();
                rows.push(vec![name, tried, "30s a statement (default)".into(), cut, key]);
                if let Some(own) = &tx.compensate {
                    own.each_block(&mut |body| self.rows(body, true, rows));
                }
            }
            _ => {}
        });
    }

    fn row(&self, step: &Step, undo: bool, rows: &mut Vec<Vec<String>>) {
        let Target::Action(id) = step.call.target else {
            let name = format!("`{}`", self.words.call(step));
            let deadline = step.deadline.as_ref().map(|d| duration(d.value));
            let deadline = deadline.unwrap_or_else(|| "its own deadline".into());
            let row = [name, "once".into(), String::new(), deadline, "the run and the step".into()];
            return rows.push(row.to_vec());
        };
        let class = self.words.program.actions[id].class.node;
        if class == Class::Tx {
            return;
        }
        let name = self.words.call(step);
        let name = if undo { format!("`{name}`, undoing") } else { format!("`{name}`") };
        let policy = self.words.policy(step, undo);
        let tried = said(&policy.words(), &policy.from);
        let within = match &step.within {
            Some(within) => said(&duration(within.value), &self.words.origin(within.origin)),
            None => said("30s", &From::Default),
        };
        let cut = match &step.deadline {
            Some(d) => said(&duration(d.value), &self.words.origin(d.origin)),
            None if undo && key_life(step).is_some() => "until its key expires".to_owned(),
            None if undo && step.retry.is_none() => "no bound".to_owned(),
            None => match Clock::new(self.words.program).call(step) {
                Some(ms) => format!("{} at worst", duration(ms)),
                None => "no bound".to_owned(),
            },
        };
        let key = match &step.idempotent {
            Some(key) => {
                let (by, lifetime) = self.words.key(&key.value);
                let good = match lifetime {
                    Some(ms) => format!("good for {}", duration(ms)),
                    None => "good for ever".to_owned(),
                };
                said(&format!("{by}, {good}"), &self.words.origin(key.origin))
            }
            None if class == Class::Read => "none: it only reads".to_owned(),
            None => "none: it may not be repeated".to_owned(),
        };
        let row = vec![name, tried, within, cut, key];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
}

fn key_life(step: &Step) -> Option<i64> {
    step.idempotent.as_ref().and_then(|key| key.value.lifetime).map(|lifetime| lifetime.node)
}

fn said(what: &str, from: &From) -> String {
    let who = match from {
        From::Contract(_) => "contract".to_owned(),
        other => other.words(),
    };
    format!("{what} ({who})")
}
