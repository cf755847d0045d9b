//! Programs that nobody picked: generated from seeds, and committed as text.

use sagaflow::codegen::Machine;
use sagaflow_differential::check_generated;
use std::sync::Arc;

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
);

#[test]
fn generated_programs_run_alike_in_both_machines() {
    let machines: Vec<Arc<dyn Machine>> = vec![
        Arc::new(p00::__w0_w::machine()),
        Arc::new(p01::__w0_w::machine()),
        Arc::new(p02::__w0_w::machine()),
        Arc::new(p03::__w0_w::machine()),
        Arc::new(p04::__w0_w::machine()),
        Arc::new(p05::__w0_w::machine()),
        Arc::new(p06::__w0_w::machine()),
        Arc::new(p07::__w0_w::machine()),
        Arc::new(p08::__w0_w::machine()),
        Arc::new(p09::__w0_w::machine()),
        Arc::new(p10::__w0_w::machine()),
        Arc::new(p11::__w0_w::machine()),
        Arc::new(p12::__w0_w::machine()),
        Arc::new(p13::__w0_w::machine()),
        Arc::new(p14::__w0_w::machine()),
        Arc::new(p15::__w0_w::machine()),
        Arc::new(p16::__w0_w::machine()),
        Arc::new(p17::__w0_w::machine()),
        Arc::new(p18::__w0_w::machine()),
        Arc::new(p19::__w0_w::machine()),
        Arc::new(p20::__w0_w::machine()),
        Arc::new(p21::__w0_w::machine()),
        Arc::new(p22::__w0_w::machine()),
    ];
    let seen = check_generated(machines, "flows/generated", 500);
    assert!(seen.undos > 0, "{seen:?}");
}
