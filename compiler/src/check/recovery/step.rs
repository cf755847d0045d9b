//! One step in the walk: how it can end, and what each end leaves behind.

use super::state::{Dirt, State, merge};
use super::tree::{Cause, Effect, End, Node, Step, Undo};
use super::walk::{Walker, choose};
use crate::span::Span;

/// A way a step can fail.
struct Way {
    cause: Cause,
    span: Span,
    label: String,
    /// The effect may have happened.
    unknown: bool,
}

impl Step {
    /// A write that nothing undoes and no waiver excuses.
    #[must_use]
    pub fn dirty(&self) -> bool {
        let writes = matches!(self.effect, Effect::Write | Effect::Transaction);
        writes && self.undo == Undo::None && !self.pivot
    }

    /// The policy has an end.
    #[must_use]
    pub fn finite(&self) -> bool {
        self.attempts.is_some() || self.cut
    }

    /// Where it is refused without an attempt (an open breaker, a limiter), a step that has an
    /// alternative does not wait for its turn.
    fn leaves(&self) -> bool {
        let takes = |h: &super::tree::Handler| h.on.is_none() || h.on == Some(Cause::Refused);
        self.fallback.is_some() || self.handlers.iter().any(takes)
    }

    /// Whether all that can go wrong ends in `skip`.
    #[must_use]
    pub fn every_failure_is_skipped(&self) -> bool {
        let ways = self.ways();
        let skips = |way: &Way| {
            choose(&self.handlers, &way.cause).is_some_and(|handler| handler.end == End::Skips)
        };
        self.fallback.is_none() && !ways.is_empty() && ways.iter().all(skips)
    }

    fn ways(&self) -> Vec<Way> {
        let mut ways: Vec<Way> = self
            .errors
            .iter()
            .map(|(name, _)| Way {
                cause: Cause::Declared(name.clone()),
                span: self.span,
                label: format!("`{}` can fail with {name}", self.name),
                unknown: false,
            })
            .collect();
        if self.finite() || self.effect == Effect::Child {
            ways.extend(self.built_in());
        } else if self.leaves() {
            ways.extend(self.left());
        }
        ways
    }

    /// How a policy without an end can be left all the same.
    fn left(&self) -> Vec<Way> {
        let label = format!("`{}` is left as soon as it is refused", self.name);
        let way = |cause| Way { cause, span: self.span, label: label.clone(), unknown: false };
        match self.effect {
            Effect::Transaction | Effect::Child | Effect::CommittingChild => Vec::new(),
            Effect::Pivot => vec![way(Cause::Refused)],
            Effect::Read => vec![way(Cause::Refused), way(Cause::Timeout)],
            // What commits is not left while an attempt is unresolved; what can be undone is.
            Effect::Write if self.undo == Undo::None => vec![way(Cause::Refused)],
            Effect::Write => vec![way(Cause::Refused), way(Cause::Unknown)],
        }
    }

    /// How the policy itself can end.
    fn built_in(&self) -> Vec<Way> {
        let label = match self.attempts {
            _ if self.effect == Effect::Child => format!("`{}` can fail", self.name),
            Some(1) => format!("`{}` is tried once and can fail", self.name),
            Some(n) => format!("`{}` gives up after {n} attempts", self.name),
            None => format!("`{}` gives up at its deadline", self.name),
        };
        let way = |cause, unknown| Way { cause, span: self.span, label: label.clone(), unknown };
        match self.effect {
            Effect::Read => vec![way(Cause::Timeout, false), way(Cause::Exhausted, false)],
            // A child's or transaction's outcome is settled before it surfaces.
            Effect::Transaction | Effect::Child | Effect::CommittingChild => {
                vec![way(Cause::Exhausted, false)]
            }
            // A pivot that stays unknown parks, whatever its action is called.
            Effect::Pivot => vec![way(Cause::Refused, false)],
            Effect::Write if self.pivot => vec![way(Cause::Refused, false)],
            Effect::Write => vec![way(Cause::Refused, false), way(Cause::Unknown, true)],
        }
    }
}

impl Walker<'_> {
    /// One step; the states in which the program goes on after it.
    pub(super) fn step(&mut self, step: &Step, states: Vec<State>) -> Vec<State> {
        self.boundary(&states);
        let committed = states.iter().all(|s| s.committed(&self.place));
        self.reach(step.span, &states);
        let write = (step.dirty() && !committed).then(|| self.report.write(step, &self.guards));
        let applied = |states: &[State]| match write {
            Some(write) => self.with_dirt(states, write),
            None => states.to_vec(),
        };
        let mut ok = applied(&states);
        let unknown = applied(&states);
        if step.pivot {
            self.commit(&mut ok, step.span, &step.name);
        }
        let ways = step.ways();
        if let (Some(fallback), false) = (&step.fallback, ways.is_empty()) {
            let mut from = states;
            if ways.iter().any(|w| w.unknown) {
                from.extend(unknown);
            }
            ok.extend(self.fallback(fallback, &step.handlers, &merge(from)));
            return ok;
        }
        ok.extend(self.failing(step, ways, &states, &unknown, write));
        if step.pivot {
            ok.extend(self.unknown_pivot(step, &states));
        }
        ok
    }

    /// Handlers of the ways that are handled; the others travel outwards.
    fn failing(
        &mut self,
        step: &Step,
        ways: Vec<Way>,
        known: &[State],
        unknown: &[State],
        write: Option<usize>,
    ) -> Vec<State> {
        let mut out = Vec::new();
        let mut run: Vec<Span> = Vec::new();
        for way in ways {
            let states = if way.unknown { unknown } else { known };
            let Some(handler) = choose(&step.handlers, &way.cause) else {
                if let (Some(write), true) = (write, way.unknown)
                    && !self.decided_behind(unknown)
                {
                    self.report.may_end_unknown(write, &way.label, way.span);
                }
                self.abort(way.cause, way.span, way.label, step.pivot, known);
                continue;
            };
            if let (Some(write), true, End::Fails) = (write, way.unknown, handler.end) {
                self.report.may_end_unknown(write, &way.label, handler.span);
                if direct_fail(&handler.body) {
                    // No decision at all: the write itself is the finding, once.
                    if !run.contains(&handler.span) {
                        run.push(handler.span);
                        out.extend(self.remedy(&handler.body, known.to_vec()));
                    }
                    continue;
                }
            }
            if let ([Node::Fail { error, .. }], true) = (handler.body.as_slice(), step.pivot)
                && states.iter().any(|state| state.committed(&self.place))
            {
                // A `fail` on the pivot itself: what fails then is the pivot.
                let label = format!("`{}` can fail with {error}", step.name);
                self.abort(Cause::Declared(error.clone()), way.span, label, true, states);
                continue;
            }
            if way.unknown || !run.contains(&handler.span) {
                run.push(handler.span);
                out.extend(self.remedy(&handler.body, states.to_vec()));
            }
        }
        out
    }

    /// Whether the handlers behind a `fallback` around this say what its unknown outcome means; they
    /// then begin where it may have happened.
    fn decided_behind(&mut self, unknown: &[State]) -> bool {
        for unit in self.units.iter_mut().rev() {
            if let Some(at) = unit.taking(&Cause::Unknown) {
                let decides = unit.decides.get(at) == Some(&true);
                if decides {
                    unit.undecided.extend(unknown.iter().cloned());
                }
                return decides;
            }
            if unit.isolates {
                return false;
            }
        }
        false
    }

    /// A pivot whose outcome is unknown goes on only where `on unknown` says so; else it parks.
    fn unknown_pivot(&mut self, step: &Step, states: &[State]) -> Vec<State> {
        let named = step.handlers.iter().find(|h| h.on == Some(Cause::Unknown));
        match named {
            Some(handler) if step.finite() => self.remedy(&handler.body, states.to_vec()),
            _ => Vec::new(),
        }
    }

    fn with_dirt(&self, states: &[State], write: usize) -> Vec<State> {
        let mut states = states.to_vec();
        for state in &mut states {
            if state.committed(&self.place) || state.dirt.iter().any(|d| d.write == write) {
                continue;
            }
            state.dirt.push(Dirt {
                write,
                depth: self.depth(),
                place: self.place.clone(),
                guards: self.guards.clone(),
            });
        }
        states
    }
}

/// Whether a handler only says `fail`.
fn direct_fail(body: &[Node]) -> bool {
    matches!(body, [Node::Fail { .. }])
}
