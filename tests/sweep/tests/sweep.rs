//! The sweep.

use sagaflow_sweep::generate::generate;
use sagaflow_sweep::subject;
use sagaflow_sweep::sweep::{Effort, sweep};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn no_failure_or_crash_of_a_generated_program_leaves_a_mess() {
    let (seed, programs) = (number("FLOW_SEED", 1), number("FLOW_SWEEP", 20));
    let effort = Effort { crashes: Some(4), runs: 2_000 };
    let mut runs = 0;
    let mut wrong = Vec::new();
    for seed in seed..seed + programs {
        let subject = match subject::generated(generate(seed)) {
            Ok(subject) => subject,
            Err(why) => {
                wrong.push(format!("seed {seed} is rejected: {why}"));
                continue;
            }
        };
        let tally = sweep(&subject, seed, effort, None);
        runs += tally.runs;
        if let Some(why) = tally.wrong {
            wrong.push(format!("FLOW_SEED={seed} FLOW_SWEEP=1: {why}\n{}", subject.text));
        }
    }
    println!("{runs} runs of {programs} programs");
    let first = wrong.first().cloned().unwrap_or_default();
    for why in &wrong { println!("{}", why.lines().next().unwrap_or_default()); }
    assert!(wrong.is_empty(), "{} programs are wrong; {first}", wrong.len());
}
