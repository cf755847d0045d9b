//! The breaker, call by call, on a virtual clock.

use super::{Breaker, Permit, State};
use crate::codegen::BreakerSpec;
use crate::time::Time;

fn by_rate(percent: u32, volume: u32, window_ms: i64) -> Breaker {
    let rate = Some((percent, volume, window_ms));
    Breaker::new(BreakerSpec { rate, failures: None, probe_ms: 100 })
}

fn by_row(failures: u32) -> Breaker {
    Breaker::new(BreakerSpec { rate: None, failures: Some(failures), probe_ms: 100 })
}

fn call(breaker: &mut Breaker, at: i64, ok: bool) -> State {
    let permit = breaker.permit(Time(at));
    assert!(!matches!(permit, Permit::Refused { .. }), "refused at {at}");
    breaker.record(Time(at), permit, ok);
    breaker.state()
}

fn open(until: i64) -> State {
    State::Open { until: Time(until) }
}

#[test]
fn opens_at_sixty_percent_of_five_and_not_one_call_before() {
    let mut breaker = by_rate(60, 5, 10_000);
    let script = [(1, false), (2, false), (3, true), (4, false)];
    for (at, ok) in script {
        assert_eq!(call(&mut breaker, at, ok), State::Closed, "volume is not reached at {at}");
    }
    assert_eq!(call(&mut breaker, 5, true), open(105), "three of five");
}

#[test]
fn stays_closed_one_failure_below_the_rate() {
    let mut breaker = by_rate(60, 5, 10_000);
    for (at, ok) in [(1, false), (2, true), (3, false), (4, true), (5, true)] {
        assert_eq!(call(&mut breaker, at, ok), State::Closed, "at {at}");
    }
    assert_eq!(call(&mut breaker, 6, false), State::Closed, "three of six");
}

#[test]
fn never_opens_below_the_minimum_volume() {
    let mut breaker = by_rate(1, 10, 1_000);
    for at in 0..9 {
        assert_eq!(call(&mut breaker, at, false), State::Closed);
    }
}

#[test]
fn a_call_leaves_the_window_exactly_at_its_edge() {
    for (last, expected) in [(999, open(1_099)), (1_000, State::Closed)] {
        let mut breaker = by_rate(50, 2, 1_000);
        call(&mut breaker, 0, false);
        assert_eq!(call(&mut breaker, last, false), expected, "second failure at {last}");
    }
}

#[test]
fn failures_in_a_row_are_broken_by_one_success() {
    let mut breaker = by_row(3);
    for (at, ok) in [(1, false), (2, false), (3, true), (4, false), (5, false)] {
        assert_eq!(call(&mut breaker, at, ok), State::Closed, "at {at}");
    }
    assert_eq!(call(&mut breaker, 6, false), open(106));
}

#[test]
fn an_open_breaker_refuses_until_its_last_tick_and_names_the_first_free_one() {
    let mut breaker = by_row(1);
    call(&mut breaker, 0, false);
    for at in [0, 1, 99] {
        assert_eq!(breaker.permit(Time(at)), Permit::Refused { until: Time(100) }, "at {at}");
    }
    assert!(matches!(breaker.permit(Time(100)), Permit::Probe { .. }));
}

#[test]
fn a_hundred_callers_get_one_probe_per_pause() {
    let mut breaker = by_row(1);
    call(&mut breaker, 0, false);
    let probes = |breaker: &mut Breaker, at: i64| {
        let answers = (0..100).map(|_| breaker.permit(Time(at))).collect::<Vec<_>>();
        answers.iter().filter(|permit| matches!(permit, Permit::Probe { .. })).count()
    };
    assert_eq!(probes(&mut breaker, 100), 1);
    assert_eq!(probes(&mut breaker, 199), 0, "the first one is out");
    assert_eq!(probes(&mut breaker, 200), 1, "the first one is given up");
}

#[test]
fn the_probe_decides() {
    for (ok, expected) in [(true, State::Closed), (false, open(250))] {
        let mut breaker = by_row(1);
        call(&mut breaker, 0, false);
        let probe = breaker.permit(Time(100));
        breaker.record(Time(150), probe, ok);
        assert_eq!(breaker.state(), expected);
    }
}

#[test]
fn a_probe_that_was_never_sent_gives_its_place_back() {
    let mut breaker = by_row(1);
    call(&mut breaker, 0, false);
    for at in 100..1_100 {
        let probe = breaker.permit(Time(at));
        assert!(matches!(probe, Permit::Probe { .. }), "at {at}");
        breaker.release(Time(at), probe);
    }
}

#[test]
fn late_results_of_a_closed_time_neither_close_nor_open_nor_count() {
    let mut breaker = by_row(2);
    let late: Vec<_> = (0..6).map(|_| breaker.permit(Time(0))).collect();
    let [a, b, c, d, e, f] = late.as_slice() else { unreachable!("six were asked for") };
    breaker.record(Time(1), *a, false);
    breaker.record(Time(2), *b, false);
    assert_eq!(breaker.state(), open(102));

    breaker.record(Time(50), *c, true);
    breaker.record(Time(60), *d, false);
    assert_eq!(breaker.state(), open(102), "neither closed nor put off");

    let probe = breaker.permit(Time(102));
    breaker.record(Time(103), *e, true);
    assert!(matches!(breaker.state(), State::HalfOpen { .. }), "only the probe decides");
    breaker.record(Time(104), probe, true);
    assert_eq!(breaker.state(), State::Closed);

    breaker.record(Time(105), *f, false);
    assert_eq!(call(&mut breaker, 106, false), State::Closed, "one failure of this closed time");
    assert_eq!(call(&mut breaker, 107, false), open(207));
}

#[test]
fn the_answer_of_a_given_up_probe_does_not_count() {
    let mut breaker = by_row(1);
    call(&mut breaker, 0, false);
    let first = breaker.permit(Time(100));
    let second = breaker.permit(Time(200));
    breaker.record(Time(201), first, true);
    assert!(matches!(breaker.state(), State::HalfOpen { .. }));
    breaker.record(Time(202), second, false);
    breaker.record(Time(203), first, true);
    assert_eq!(breaker.state(), open(302));
}

#[test]
fn a_closed_breaker_starts_with_an_empty_window() {
    let mut breaker = by_rate(50, 2, 1_000);
    call(&mut breaker, 0, false);
    call(&mut breaker, 1, false);
    assert_eq!(call(&mut breaker, 101, true), State::Closed, "the probe");
    assert_eq!(call(&mut breaker, 102, false), State::Closed, "one call is below the volume");
}

#[test]
fn refused_credentials_open_at_once_and_survive_a_restart() {
    let mut breaker = by_rate(50, 100, 1_000);
    breaker.trip(Time(7));
    assert_eq!(breaker.state(), open(107));
    let text = serde_json::to_string(&breaker).expect("a breaker is plain data");
    let mut back: Breaker = serde_json::from_str(&text).expect("and reads back");
    assert_eq!(back, breaker);
    assert_eq!(back.permit(Time(106)), Permit::Refused { until: Time(107) });
    assert!(matches!(back.permit(Time(107)), Permit::Probe { .. }));
}

#[test]
fn only_successes_never_open_it_even_at_a_rate_of_nought() {
    let mut breaker = by_rate(0, 1, 1_000);
    assert_eq!(call(&mut breaker, 0, true), State::Closed);
    assert_eq!(call(&mut breaker, 1, false), open(101));
}

#[test]
fn a_clock_that_steps_back_keeps_calls_in_the_window() {
    let mut breaker = by_rate(100, 3, 1_000);
    call(&mut breaker, 5_000, false);
    call(&mut breaker, 10, false);
    assert_eq!(call(&mut breaker, 20, false), open(120));
}
