//! One wrong edit of an accepted program, with the code and the place the checker must name.

use crate::generate::generate;
use crate::print::print;
use crate::program::{
    Call, Class, Expr, Handler, Key, Pattern, Program, Remedy, Retry, Stmt, Undo,
};
use crate::twin::Retold;
use sagaflow_compiler::Analysis;
use sagaflow_compiler::diagnostic::Diagnostic;
use sagaflow_core::codegen::{CallSpec, Machine, PointKind};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Edits.
pub const EDITS: &[Edit] = &[
    Edit::DropUndo,
    Edit::DropForever,
    Edit::FailBehindPivot,
    Edit::UndoNotRepeatable,
    Edit::UseWithoutUndo,
    Edit::PivotInDoubt,
    Edit::RetryNotRepeatable,
    Edit::ResultInDoubt,
    Edit::PivotUndoable,
    Edit::Unbounded,
];

/// A way to make a program wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A `compensate` is dropped from a write in front of the pivot.
    DropUndo,
    /// `retry forever` is dropped from a step behind the pivot.
    DropForever,
    /// A step that can fail moves behind the pivot.
    FailBehindPivot,
    /// `idempotent` is dropped from an undo.
    UndoNotRepeatable,
    /// `else use` on a write without undo.
    UseWithoutUndo,
    /// `retry forever` or the probe is dropped from the pivot.
    PivotInDoubt,
    /// A write that may not be repeated is retried.
    RetryNotRepeatable,
    /// An undo needs the result of a write that can neither be repeated nor asked about.
    ResultInDoubt,
    /// The pivot gets an undo.
    PivotUndoable,
    /// `within` is dropped.
    Unbounded,
}

/// An edited program and what is expected of it.
#[derive(Clone, Debug)]
pub struct Edited {
    /// Its text.
    pub text: String,
    /// Its tree; where the edit is one of the contracts' text alone, the tree before it.
    pub program: Program,
    /// The code.
    pub code: &'static str,
    /// What the primary span must contain or lie within.
    pub place: String,
}

impl Edit {
    /// Applies it to the program of a seed; nothing where the program offers no place for it.
    #[must_use]
    pub fn apply(self, seed: u64) -> Option<Edited> {
        let mut program = generate(seed);
        let pivot = program.body.iter().position(is_pivot);
        match self {
            Self::DropUndo => drop_undo(&mut program, pivot?),
            Self::FailBehindPivot => fail_behind(&mut program, pivot?),
            Self::UndoNotRepeatable => undo_not_repeatable(&mut program),
            Self::PivotUndoable => pivot_undoable(&mut program),
            Self::Unbounded => unbounded(&mut program),
            Self::DropForever => {
                let behind = pivot? + 1..usize::MAX;
                change(&mut program, behind, "F0301", |call| {
                    let fits = call.retry == Retry::Forever;
                    call.retry = Retry::Times(3);
                    fits
                })
            }
            Self::UseWithoutUndo => change(&mut program, 0..usize::MAX, "F0208", |call| {
                let skips = call.handlers.iter().any(|each| each.then == Remedy::Skip);
                let then = Remedy::Use(Expr::Lit(1));
                call.handlers = vec![Handler { on: Pattern::Any, then }];
                call.class == Class::Write && call.undo == Undo::None && skips
            }),
            Self::PivotInDoubt => change(&mut program, 0..usize::MAX, "F0312", |call| {
                call.retry = Retry::Times(1);
                call.probe = None;
                call.class == Class::Pivot
            }),
            Self::RetryNotRepeatable => change(&mut program, 0..usize::MAX, "F0501", |call| {
                call.retry = Retry::Times(3);
                call.class == Class::Write && call.key == Key::None && call.probe.is_none()
            }),
            Self::ResultInDoubt => change(&mut program, 0..usize::MAX, "F0204", |call| {
                call.key = Key::None;
                call.probe = None;
                call.retry = Retry::Default;
                call.undo == Undo::Result && call.fallback.is_none() && call.handlers.is_empty()
            }),
        }
    }
}

/// Changes the first call at the top level of which `edit` says that it fits.
fn change(
    program: &mut Program,
    within: Range<usize>,
    code: &'static str,
    edit: impl Fn(&mut Call) -> bool,
) -> Option<Edited> {
    let fits = |call: &Call| edit(&mut call.clone());
    let call = top(program, within, fits)?;
    let place = place_of(call);
    edit(call);
    Some(Edited { text: print(program), program: program.clone(), code, place })
}

fn drop_undo(program: &mut Program, pivot: usize) -> Option<Edited> {
    if !can_fail(program.body.get(pivot)?) {
        return None;
    }
    change(program, 0..pivot, "F0201", |call| {
        let undone = matches!(call.undo, Undo::Args | Undo::Result | Undo::Own | Undo::Block);
        call.undo = Undo::None;
        call.undoes.clear();
        undone
            && call.fallback.is_none()
            && call.handlers.iter().all(|each| matches!(each.then, Remedy::Fail(_)))
    })
}

fn fail_behind(program: &mut Program, pivot: usize) -> Option<Edited> {
    let escapes = |call: &Call, error: &String| {
        !call
            .handlers
            .iter()
            .any(|each| each.on == Pattern::Any || each.on == Pattern::Error(error.clone()))
    };
    let fails = |stmt: &Stmt| {
        matches!(stmt, Stmt::Call(call)
            if call.class == Class::Write
                && call.fallback.is_none()
                && call.errors.iter().any(|error| escapes(call, error)))
    };
    let at = program.body.get(..pivot)?.iter().position(fails)?;
    let Stmt::Call(mut failing) = program.body.remove(at) else { return None };
    if uses(&print(program), &failing.name) {
        return None;
    }
    failing.arg = Expr::Input;
    let place = place_of(&failing);
    program.body.insert(pivot, Stmt::Call(failing));
    Some(Edited { text: print(program), program: program.clone(), code: "F0301", place })
}

fn undo_not_repeatable(program: &mut Program) -> Option<Edited> {
    let call = top(program, 0..usize::MAX, |call| {
        matches!(call.undo, Undo::Args | Undo::Own | Undo::Result)
    })?;
    let undo = call.undoes.first()?.clone();
    let old = format!("write {undo}(at: text, v: int) idempotent within");
    let new = format!("write {undo}(at: text, v: int) within");
    let text = print(program).replace(&old, &new);
    Some(Edited { text, program: program.clone(), code: "F0205", place: undo })
}

fn pivot_undoable(program: &mut Program) -> Option<Edited> {
    let call =
        top(program, 0..usize::MAX, |call| call.class == Class::Pivot && call.key == Key::Plain)?;
    let (action, place) = (call.action.clone(), place_of(call));
    // The tree has the undo too, for whoever judges what the run could have taken back.
    call.undoes = vec!["undo_it".to_owned()];
    let mut before = program.clone();
    top(&mut before, 0..usize::MAX, |call| call.action == action)?.undoes.clear();
    let head = format!(" {action}(at: text, v: int) -> int\n    idempotent\n");
    let undone = format!("  write{head}    compensate undo_it(at, v)\n");
    let text = print(&before).replace(&format!("  pivot{head}"), &undone);
    let undo = "service S {\n  write undo_it(at: text, v: int) idempotent within 2s\n";
    let text = text.replacen("service S {\n", undo, 1);
    Some(Edited { text, program: program.clone(), code: "F0306", place })
}

fn unbounded(program: &mut Program) -> Option<Edited> {
    // A deadline of the step would end what its contract leaves without a bound.
    let bare = |call: &Call| call.errors.is_empty() && !matches!(call.retry, Retry::Until(_));
    let call = top(program, 0..usize::MAX, bare)?;
    let (action, place) = (call.action.clone(), place_of(call));
    let mut text = print(program);
    let from = text.find(&format!(" {action}(at: text"))?;
    let clause = "    within 2s\n";
    let within = from + text.get(from..)?.find(clause)?;
    text.replace_range(within..within + clause.len(), "");
    Some(Edited { text, program: program.clone(), code: "F0404", place })
}

impl Edited {
    /// The finding that is expected.
    ///
    /// # Errors
    /// In words, where the checker does not reject it as expected.
    pub fn finding<'a>(&self, analysis: &'a Analysis) -> Result<&'a Diagnostic, String> {
        let text = |from: u32, to: u32| self.text.get(from as usize..to as usize).unwrap_or("");
        let found = analysis.diagnostics.iter().find(|found| {
            let line = self.text.get(..found.span.start as usize).unwrap_or("");
            let start = line.rfind('\n').map_or(0, |at| at + 1);
            let start = u32::try_from(start).unwrap_or(0);
            found.code == self.code && text(start, found.span.end).contains(&self.place)
        });
        if let Some(found) = found.filter(|_| !analysis.is_accepted()) {
            return Ok(found);
        }
        let said: Vec<_> = analysis
            .diagnostics
            .iter()
            .map(|found| format!("{} at `{}`", found.code, text(found.span.start, found.span.end)))
            .collect();
        Err(format!("{} at `{}` is missing; found {said:?}", self.code, self.place))
    }

    /// The machine without what the runtime does by itself against two of the mistakes, so that they
    /// show: it repeats nothing that may not be repeated, whatever the policy says (F0501), and a call
    /// without a bound has one of 30 s (F0404).
    #[must_use]
    pub fn unguarded(&self, machine: Arc<dyn Machine>) -> Arc<dyn Machine> {
        let change = |call: &mut CallSpec| match self.code {
            "F0501" => call.idempotent = true,
            "F0404" => call.within_ms = i64::MAX,
            _ => {}
        };
        Arc::new(Retold::new(machine, |spec| {
            for point in spec.points.values_mut() {
                if let PointKind::Call(call) = &mut point.kind
                    && self.place == place_of_action(&call.action)
                {
                    change(call);
                }
            }
        }))
    }

    /// The actions that a finding names on its path.
    #[must_use]
    pub fn witness(&self, finding: &Diagnostic) -> BTreeSet<String> {
        let spans = finding.labels.iter().map(|label| label.span).chain([finding.span]);
        let texts: Vec<&str> = spans
            .filter_map(|span| self.text.get(span.start as usize..span.end as usize))
            .collect();
        let calls = self.program.calls();
        let actions = calls.iter().flat_map(|call| call.undoes.iter().chain([&call.action]));
        actions.filter(|name| texts.iter().any(|text| uses(text, name))).cloned().collect()
    }
}

fn is_pivot(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Call(call) if call.class == Class::Pivot)
}

/// Whether a pivot can fail.
fn can_fail(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Call(call) if !call.errors.is_empty() || call.retry != Retry::Forever)
}

/// The first call at the top level that fits.
fn top(
    program: &mut Program,
    within: Range<usize>,
    fits: impl Fn(&Call) -> bool,
) -> Option<&mut Call> {
    let stmts = program.body.iter_mut().enumerate();
    stmts.filter(|(at, _)| within.contains(at)).find_map(|(_, stmt)| match stmt {
        Stmt::Call(call) if fits(call) => Some(call),
        _ => None,
    })
}

fn place_of(call: &Call) -> String {
    place_of_action(&call.action)
}

fn place_of_action(action: &str) -> String {
    format!("S.{action}(")
}

/// Whether a text uses a name as a whole word.
fn uses(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == name)
}
