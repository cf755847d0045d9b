//! What the tests of several commands share.

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs `flowc` in the repository: exit code, stdout, stderr.
pub fn flowc(args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(root())
        .args(args)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text(&done.stdout), text(&done.stderr))
}
