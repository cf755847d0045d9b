//! Long tests with real processes; see `tests/chaos.rs`. They run with `cargo xtask test --all`.
