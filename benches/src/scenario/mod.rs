//! One file for each scenario; its header says claim, set-up and how it is run.

mod bloat;
mod check;
mod embedded;
mod fan_out;
mod job_queue;
mod kafka_pipeline;
mod kill_matrix;
mod ladder;
mod low_load_latency;
mod noop_chain;
mod overload;
mod postgres;
mod rebuild;
mod saga_storm;
mod sleepers;

/// What [`run`] knows.
pub const NAMES: &[&str] = &[
    "ladder",
    "check",
    "rebuild",
    "embedded",
    "postgres",
    "low_load_latency",
    "job_queue",
    "noop_chain",
    "saga_storm",
    "fan_out",
    "sleepers",
    "kafka_pipeline",
    "kill_matrix",
    "overload",
    "bloat",
];

/// Measures the scenario `name` and prints its section of the report.
///
/// # Errors
/// Where there is no such scenario, an argument is not its own, or it cannot be measured.
pub fn run(name: &str, args: &[String]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match name {
        "bloat" => runtime.block_on(bloat::measure(args)),
        "check" => check::measure(),
        "embedded" => runtime.block_on(embedded::measure()),
        "fan_out" => runtime.block_on(fan_out::measure()),
        "job_queue" => runtime.block_on(job_queue::measure()),
        "kafka_pipeline" => runtime.block_on(kafka_pipeline::measure(args)),
        "kill_matrix" => kill_matrix::measure(&runtime, args),
        "ladder" => runtime.block_on(ladder::measure()),
        "low_load_latency" => runtime.block_on(low_load_latency::measure()),
        "noop_chain" => runtime.block_on(noop_chain::measure()),
        "overload" => runtime.block_on(overload::measure()),
        "postgres" => runtime.block_on(postgres::measure()),
        "rebuild" => rebuild::measure(),
        "saga_storm" => runtime.block_on(saga_storm::measure()),
        "sleepers" => runtime.block_on(sleepers::measure(args)),
        _ => anyhow::bail!("there is no scenario `{name}`; there are {}", NAMES.join(", ")),
    }
}
