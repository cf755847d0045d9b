//! Builds that must fail, and what they say; see `tests/ui.rs`.
