//! What expressions cost: the same in both machines, and never more than the budget.

use sagaflow::codegen::{Draw, Event, Fault, Frame, Machine, Move};
use sagaflow::time::Time;
use sagaflow_differential::{check, fir};
use sagaflow_fir::Fir;
use sagaflow_interp::Interpreter;
use serde_json::json;
use std::sync::{Arc, LazyLock};

sagaflow_macros::include_flow!("flows/diff/work.flow");

static FIR: LazyLock<Arc<Fir>> = LazyLock::new(|| fir("flows"));

#[test]
fn what_expressions_cost_is_alike_in_both_machines() {
    let seen = check(vec![Arc::new(work::__w0_counted::machine())], "flows");
    assert!(seen.resumes > 0, "{seen:?}");
}

/// What both machines answer to one start of `Greedy`.
fn greedy(texts: bool, kind: i64, n: i64) -> [Result<Move, Fault>; 2] {
    let interp = Interpreter::new(Arc::clone(&FIR), "diff.work.Greedy");
    let interp = interp.expect("it runs interpreted");
    let generated = work::__w1_greedy::machine();
    let id = "00000000-0000-7000-8000-000000000001";
    let values = json!({ "id": id, "texts": texts, "kind": kind, "n": n });
    let values = serde_json::from_value(values).expect("an object");
    let start = Frame { at: "start".into(), iteration: Vec::new(), values };
    let machines: [&dyn Machine; 2] = [&generated, &interp];
    machines.map(|machine| {
        let mut draw = Draw::new(Time(0), [0; 16]);
        machine.resume(&start, Event::Enter, &mut draw)
    })
}

#[test]
fn an_expression_that_exhausts_memory_or_time_is_the_same_fault_in_both_machines() {
    // Lists in lists, texts and lists doubled in a fold, maps copied in a fold, long texts between
    // and around items: each asks for gigabytes, or for minutes.
    let lists = [
        (1, 1_000),
        (2, 20_000),
        (3, 200),
        (4, 200),
        (5, 200),
        (6, 20_000),
        (7, 400),
        (9, 550),
        (11, 500),
        (12, 3_000),
        (13, 2_000),
        // Items that are compared cost a part of what they are, not one each.
        (17, 800),
        (18, 800),
        (19, 700),
    ];
    let texts = [(3, 20_000), (4, 1_000), (5, 1_000)];
    let all = lists.map(|(kind, n)| (false, kind, n)).into_iter();
    for (texts, kind, n) in all.chain(texts.map(|(kind, n)| (true, kind, n))) {
        for answer in greedy(texts, kind, n) {
            let fault = answer.expect_err(&format!("{texts} {kind} {n} costs too much"));
            assert_eq!(fault.message, "too much work without a durable point", "{kind} {n}");
        }
    }
}

#[test]
fn days_are_counted_before_they_are_made() {
    for answer in greedy(false, 20, 0) {
        let fault = answer.expect_err("it is all days there are");
        assert_eq!(fault.message, "a range has more than a million items");
    }
}

#[test]
fn ordinary_sizes_stay_within_the_budget_of_both_machines() {
    for (texts, kind, n) in [
        (false, 0, 1_000),
        (false, 2, 1_000),
        (false, 6, 300),
        (false, 13, 60),
        (false, 16, 500),
        (false, 17, 100),
        (false, 18, 100),
        (false, 19, 100),
        (false, 21, 1),
        (true, 0, 300),
        (true, 10, 5_000),
        (true, 12, 300),
    ] {
        let [generated, interp] = greedy(texts, kind, n);
        assert_eq!(generated.expect("it is little work"), interp.expect("it is little work"));
    }
}
