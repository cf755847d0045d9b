//! How many fibers were looked at, counted in tests: what a run costs that has many of them.

#[cfg(test)]
thread_local! {
    static VISITS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// So many fibers are looked at.
#[cfg(test)]
pub(super) fn add(fibers: usize) {
    VISITS.set(VISITS.get() + fibers as u64);
}

/// So many fibers are looked at.
#[cfg(not(test))]
pub(super) const fn add(_: usize) {}

/// How many were looked at since this was asked last.
#[cfg(test)]
pub(crate) fn take() -> u64 {
    VISITS.take()
}
