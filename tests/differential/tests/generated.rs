//! Programs that nobody picked: generated from seeds, and committed as text.

use sagaflow::codegen::Machine;
use sagaflow_differential::{check_generated, constructs, fir};
use sagaflow_fir::Fir;
use std::sync::{Arc, LazyLock};

sagaflow_macros::include_flow!(
    "flows/generated/p00.flow",
    "flows/generated/p01.flow",
    "flows/generated/p02.flow",
    "flows/generated/p03.flow",
    "flows/generated/p04.flow",
    "flows/generated/p05.flow",
    "flows/generated/p06.flow",
    "flows/generated/p07.flow",
    "flows/generated/p08.flow",
    "flows/generated/p09.flow",
    "flows/generated/p10.flow",
    "flows/generated/p11.flow",
    "flows/generated/p12.flow",
    "flows/generated/p13.flow",
    "flows/generated/p14.flow",
    "flows/generated/p15.flow",
    "flows/generated/p16.flow",
    "flows/generated/p17.flow",
    "flows/generated/p18.flow",
    "flows/generated/p19.flow",
    "flows/generated/p20.flow",
    "flows/generated/p21.flow",
    "flows/generated/p22.flow",
    "flows/generated/p23.flow",
    "flows/generated/p24.flow",
    "flows/generated/p25.flow",
    "flows/generated/p26.flow",
    "flows/generated/p27.flow",
    "flows/generated/p28.flow",
    "flows/generated/p29.flow",
    "flows/generated/p30.flow",
    "flows/generated/p31.flow",
    "flows/generated/p32.flow",
    "flows/generated/p33.flow",
    "flows/generated/p34.flow",
    "flows/generated/p35.flow",
    "flows/generated/p36.flow",
    "flows/generated/p37.flow",
    "flows/generated/p38.flow",
    "flows/generated/p39.flow",
);

/// Traces of each workflow.
const TRACES: u64 = 500;

/// What the interpreter runs.
static PROGRAMS: LazyLock<Arc<Fir>> = LazyLock::new(|| fir("flows/generated"));

/// Everything that both machines execute: kind, names.
const EXECUTED: &[(&str, &str)] = &[
    ("branches", "each fixed"),
    ("built-in", "dates fingerprint new_uuid now random range reveal same_currency"),
    (
        "clause",
        "aftermath bind by commits fails fallback fresh interrupts keep max probe rest \
         retry settle skips times until",
    ),
    (
        "expression",
        "binary builtin call field if index lambda list literal local match method named \
         none optional_field optional_method plain record some text unary variant with",
    ),
    (
        "method",
        "date.day date.month date.weekday date.year decimal.abs decimal.ceil \
         decimal.floor decimal.int decimal.round duration.abs duration.days \
         duration.hours duration.minutes duration.seconds int.abs int.decimal int.max \
         int.min list.all list.any list.contains list.count list.count_by list.drop \
         list.first list.fold list.is_empty list.join list.last list.len list.map \
         list.max list.min list.reverse list.sort_by list.sum list.take list.unique \
         list.where list.zip map.entries map.get map.keys map.len map.values money.abs \
         money.amount money.currency money.minor money.round money.split percent.decimal \
         size.bytes text.contains text.ends_with text.is_empty text.len text.lower \
         text.replace text.slice text.split text.starts_with text.trim text.upper \
         time.date time.hour time.minute time.second",
    ),
    ("on", "error refused timeout unknown"),
    ("operator", "add and coalesce div eq ge gt in le lt mul ne neg not or rem sub"),
    ("otherwise", "block manual"),
    ("pattern", "any bind literal none variant"),
    ("remedy", "block manual"),
    (
        "statement",
        "again await each emit fail fork give if let manual match pass progress repeat \
         reply return review scope skip step use",
    ),
    (
        "ty",
        "bool date decimal duration int list map money named optional outcome percent pii \
         size text time uuid",
    ),
    ("undo", "block none waived"),
    ("wait", "event sleep task"),
];

/// A test of some of the programs, so that the cores share them: both workflows of each.
macro_rules! alike {
    ($test:ident: $($program:ident)*) => {
        #[test]
        fn $test() {
            let machines: Vec<Arc<dyn Machine>> = vec![
                $(
                    Arc::new($program::__w0_values::machine()),
                    Arc::new($program::__w1_w::machine()),
                )*
            ];
            let seen = check_generated(machines, &PROGRAMS, TRACES);
            assert!(seen.undos > 0, "{seen:?}");
        }
    };
}

alike!(the_first_ten_programs_run_alike_in_both_machines:
    p00 p01 p02 p03 p04 p05 p06 p07 p08 p09);
alike!(the_second_ten_programs_run_alike_in_both_machines:
    p10 p11 p12 p13 p14 p15 p16 p17 p18 p19);
alike!(the_third_ten_programs_run_alike_in_both_machines:
    p20 p21 p22 p23 p24 p25 p26 p27 p28 p29);
alike!(the_last_ten_programs_run_alike_in_both_machines:
    p30 p31 p32 p33 p34 p35 p36 p37 p38 p39);

#[test]
fn the_programs_together_use_every_construct_that_is_executed() {
    let found = constructs(&PROGRAMS);
    let executed = EXECUTED.iter().flat_map(|(kind, names)| {
        names.split_whitespace().map(move |name| format!("{kind} {name}"))
    });
    let missing: Vec<String> = executed.filter(|each| !found.contains(each)).collect();
    assert!(missing.is_empty(), "no generated program uses {missing:?}");
    assert_eq!(PROGRAMS.workflows.len(), 80, "two workflows of each of forty programs");
}
