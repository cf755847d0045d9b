//! Where the machine keeps Postgres, and who may run it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// No Postgres on this machine.
#[derive(Debug)]
pub struct Missing;

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("neither `PATH` nor `/usr/lib/postgresql/*/bin` has `initdb` and `postgres`")
    }
}

impl std::error::Error for Missing {}

/// The folder of the server's programs, and the user to run them as.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
    /// Where this process is root, which the server refuses to be.
    user: Option<(u32, u32)>,
}

impl Binaries {
    /// Looks in `PATH`, then where distributions put them, newest first.
    ///
    /// # Errors
    /// [`Missing`] where there are none.
    pub fn find() -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        folders.extend(of_distribution());
        let found = folders.into_iter().find(|folder| {
            ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file())
        });
        let folder = found.ok_or(Missing)?;
        Ok(Self { folder, user: user()? })
    }

    /// A command of theirs, as a user that may run it.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.as_user(self.program(program))
    }

    /// Any command, as that user.
    pub(crate) fn as_user(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        // The current folder may be one that this user must not enter.
        command.current_dir("/");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Gives a file or folder to that user.
    pub(crate) fn give(&self, path: &Path) -> anyhow::Result<()> {
        if let Some((uid, gid)) = self.user {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
        }
        Ok(())
    }
}

fn of_distribution() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Somebody else, where this process is root.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt as _;
    // `/proc/self` belongs to the process's effective user.
    let root = std::fs::metadata("/proc/self").is_ok_and(|proc| proc.uid() == 0);
    if !root {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    let ids = |name: &str| {
        let mut fields = users.lines().find_map(|line| line.strip_prefix(name))?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = ids("postgres:").or_else(|| ids("nobody:"));
    found.map(Some).ok_or_else(|| anyhow::anyhow!("root needs a user `postgres` or `nobody`"))
}
