//! A circuit breaker as a value: closed, open, half-open.
//!
//! Promises: it opens only on what its service's contract says (a rate over a window with a minimum
//! volume, failures in a row) or when tripped; half-open lets exactly one probe through per pause;
//! a result that belongs to an earlier state neither opens, closes nor counts. A declared business
//! error is an answer: callers record it as ok. It never waits and reads no clock.
//!
//! ```text
//!            rate or failures reached, trip
//!   closed ────────────────────────────────► open ◄──────┐
//!      ▲                                       │ pause    │ probe failed
//!      │ probe ok                              ▼          │
//!      └───────────────────────────────── half-open ──────┘
//! ```

use crate::codegen::BreakerSpec;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Bound: ticks of a window that are remembered. A window with more ticks that saw calls judges the
/// most recent ones, which is earlier and never later than the whole window would.
const TICKS_MAX: usize = 4_096;

/// Whether a call may be sent. The answer is given back with the call's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permit {
    /// Closed: send it.
    Pass {
        /// The state it was given in; its result counts only there.
        epoch: u64,
    },
    /// Half-open: send it, it decides.
    Probe {
        /// The state it was given in.
        epoch: u64,
    },
    /// Open, or another probe is out: not before this instant.
    Refused {
        /// When to ask again.
        until: Time,
    },
}

/// What the breaker looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused until this instant.
    Open {
        /// When a probe may go.
        until: Time,
    },
    /// One probe is out, or may go; if it does not answer, another may go at this instant.
    HalfOpen {
        /// When the next probe may go.
        next: Time,
    },
}

/// The calls of one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tick {
    at: Time,
    calls: u32,
    failed: u32,
}

/// The breaker of one service or destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    spec: BreakerSpec,
    state: State,
    /// When it opened, or closed again; none: closed since the process began.
    since: Option<Time>,
    /// Grows with every change of state and every probe: results of an earlier one are ignored.
    epoch: u64,
    window: VecDeque<Tick>,
    /// Sums over the window, so that a call costs the same however wide it is.
    calls: u64,
    failed: u64,
    failed_in_row: u32,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(spec: BreakerSpec) -> Self {
        Self {
            spec,
            state: State::Closed,
            since: None,
            epoch: 0,
            window: VecDeque::new(),
            calls: 0,
            failed: 0,
            failed_in_row: 0,
        }
    }

    /// Asks to send one call.
    pub fn permit(&mut self, now: Time) -> Permit {
        match self.state {
            State::Closed => Permit::Pass { epoch: self.epoch },
            State::Open { until: next } | State::HalfOpen { next } if now < next => {
                Permit::Refused { until: next }
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                // A probe that never answers (its process died) must not hold the service for ever,
                // so a pause later another one may go, and the lost one's answer counts no more.
                self.turn(now, State::HalfOpen { next: now.plus(self.pause()) });
                Permit::Probe { epoch: self.epoch }
            }
        }
    }

    /// Takes in how a permitted call ended.
    pub fn record(&mut self, now: Time, permit: Permit, ok: bool) {
        match (permit, self.state) {
            (Permit::Pass { epoch }, State::Closed) if epoch == self.epoch => self.count(now, ok),
            (Permit::Probe { epoch }, State::HalfOpen { .. }) if epoch == self.epoch => {
                if ok {
                    self.turn(now, State::Closed)
                } else {
                    self.open(now)
                }
            }
            _ => {}
        }
    }

    /// Takes back a permit whose call was never sent: a probe's place is free again.
    pub fn release(&mut self, now: Time, permit: Permit) {
        if let (Permit::Probe { epoch }, State::HalfOpen { .. }) = (permit, self.state)
            && epoch == self.epoch
        {
            self.turn(now, State::HalfOpen { next: now });
        }
    }

    /// Opens at once, whatever the counts say: the service refused our credentials.
    pub fn trip(&mut self, now: Time) {
        self.open(now);
    }

    /// Is open until then: another process has found the service failing. Until its own probe this one
    /// knows no better.
    pub fn open_until(&mut self, now: Time, until: Time) {
        if matches!(self.state, State::Closed) && now < until {
            self.turn(now, State::Open { until });
        }
    }

    /// Closes at once: an operator says that the service is well.
    pub fn close(&mut self, now: Time) {
        self.turn(now, State::Closed);
    }

    /// What it looks like.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it is closed, or not; none: since the process began.
    #[must_use]
    pub fn since(&self) -> Option<Time> {
        self.since
    }

    fn count(&mut self, now: Time, ok: bool) {
        self.failed_in_row = if ok { 0 } else { self.failed_in_row.saturating_add(1) };
        let in_row = self.spec.failures.is_some_and(|limit| self.failed_in_row >= limit.max(1));
        if (!ok && in_row) || self.rate_reached(now, ok) {
            self.open(now);
        }
    }

    /// Adds the call to the window and judges it: `(now - window, now]`, at least the minimum
    /// volume.
    fn rate_reached(&mut self, now: Time, ok: bool) -> bool {
        let Some((percent, volume, window_ms)) = self.spec.rate else { return false };
        // A clock that steps back must not make old calls young: time stands still instead.
        let now = self.window.back().map_or(now, |tick| tick.at.max(now));
        self.calls += 1;
        self.failed += u64::from(!ok);
        let failed = u32::from(!ok);
        match self.window.back_mut() {
            Some(tick) if tick.at == now => {
                tick.calls = tick.calls.saturating_add(1);
                tick.failed = tick.failed.saturating_add(failed);
            }
            _ => self.window.push_back(Tick { at: now, calls: 1, failed }),
        }
        let outside = |tick: &Tick| now.since(tick.at) >= window_ms;
        while self.window.front().is_some_and(outside) || self.window.len() > TICKS_MAX {
            let Some(tick) = self.window.pop_front() else { break };
            self.calls = self.calls.saturating_sub(u64::from(tick.calls));
            self.failed = self.failed.saturating_sub(u64::from(tick.failed));
        }
        let enough = self.calls >= u64::from(volume.max(1));
        enough && self.failed > 0 && self.failed * 100 >= self.calls * u64::from(percent)
    }

    fn open(&mut self, now: Time) {
        self.turn(now, State::Open { until: now.plus(self.pause()) });
    }

    fn turn(&mut self, now: Time, state: State) {
        let closed = |state: State| matches!(state, State::Closed);
        if closed(self.state) != closed(state) {
            self.since = Some(now);
        }
        self.state = state;
        self.epoch += 1;
        self.window.clear();
        self.calls = 0;
        self.failed = 0;
        self.failed_in_row = 0;
    }

    fn pause(&self) -> i64 {
        self.spec.probe_ms.max(1)
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
