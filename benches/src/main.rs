//! `sagaflow-benches SCENARIO [ARGUMENT…]` measures one scenario and prints a section in Markdown.
//! All are in one program, so that they are optimised and linked once.

/// As in `flowd`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        anyhow::bail!("name one of {}", sagaflow_benches::scenario::NAMES.join(", "))
    };
    sagaflow_benches::scenario::run(name, rest)
}
