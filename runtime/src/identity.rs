//! Who a node is over a crash: a file that one live process holds.
//!
//! Promises: two live processes never have the same identity, and an identity that another process
//! had is taken over only on the same start of the same machine, where the lock proves that the other
//! one is dead. A node that is the same again need not wait until its own leases have run out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// An identity, held for as long as a clone of it lives.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The node.
    pub(crate) node: Uuid,
    /// A process that had this identity is dead: what it held is free.
    pub(crate) again: bool,
    /// The operating system gives the lock back with the file, however the process ends.
    _lock: Option<Arc<File>>,
}

impl Identity {
    /// A node that nobody was before.
    pub(crate) fn fresh() -> Self {
        Self { node: Uuid::now_v7(), again: false, _lock: None }
    }

    /// The identity that a file keeps, or a fresh one that it keeps from now on.
    ///
    /// # Errors
    /// In words: it cannot be read or written, or another process holds it.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |error: std::io::Error| format!("the identity `{shown}`: {error}");
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "the identity `{shown}` is held by another process; each node needs its own"
                ));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let boot = boot().map_err(failed)?;
        let mut text = String::new();
        // Bound: what is longer is not ours.
        std::io::Read::by_ref(&mut file).take(200).read_to_string(&mut text).map_err(failed)?;
        let before = text.trim().split_once(' ').filter(|(at, _)| *at == boot);
        if let Some(node) = before.and_then(|(_, node)| node.parse().ok()) {
            return Ok(Self { node, again: true, _lock: Some(Arc::new(file)) });
        }
        let node = Uuid::now_v7();
        // Crash: a file that is half written names nobody, and the next start is a fresh node.
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        writeln!(file, "{boot} {node}").and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self { node, again: false, _lock: Some(Arc::new(file)) })
    }
}

/// Names this start of this machine: a lock of an earlier one proves nothing.
///
/// Source: random(4), `/proc/sys/kernel/random/boot_id`.
fn boot() -> std::io::Result<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn an_identity_is_kept_for_the_next_process_and_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/node");
        let first = Identity::of(&path).unwrap();
        assert!(!first.again);
        let held = Identity::of(&path).unwrap_err();
        assert!(held.contains("held by another process"), "{held}");
        let node = first.node;
        drop(first);
        let second = Identity::of(&path).unwrap();
        assert_eq!((second.node, second.again), (node, true));
    }

    #[test]
    fn one_of_another_start_of_the_machine_or_of_nobody_is_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node");
        for text in ["another-boot 0192f0c1-7a50-7cc3-9a53-000000000001", "", "x", &"y".repeat(999)]
        {
            std::fs::write(&path, text).unwrap();
            let one = Identity::of(&path).unwrap();
            assert!(!one.again, "{text}");
            let node = one.node;
            drop(one);
            let again = Identity::of(&path).unwrap();
            assert_eq!((again.node, again.again), (node, true), "it keeps the fresh one");
        }
    }
}
