//! One server process and the supervisor that outlives whoever started it, by a moment.

use crate::binaries::Binaries;
use anyhow::Context as _;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Runs the server until its own input ends: then this process is dead or wants the end. A line
/// `keep` before that means that the folder stays, and that the server may end in good order.
/// Signals of a terminal go to everybody in its group, so the supervisor must not follow them.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
program=$1; folder=$2; shift 2
"$program" -D "$folder/data" "$@" >>"$folder/log" 2>&1 </dev/null &
server=$!
word=
read -r word
if [ "$word" = keep ]; then kill -INT "$server"; else kill -QUIT "$server"; fi 2>/dev/null
wait "$server"
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// Bound: how long a server may take to start; recovery after a kill is part of it.
const START: Duration = Duration::from_secs(60);

/// Bound: attempts to find a port that nobody takes between the look and the start.
const PORTS: u32 = 5;

#[derive(Debug)]
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    supervisor: Child,
    /// Closing it ends the server, also when this process is killed.
    input: ChildStdin,
}

impl Server {
    /// Makes a server in a folder of its own and starts it.
    pub fn make(binaries: &Binaries, settings: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("flow-pg-").tempdir()?;
        binaries.give(folder.path())?;
        let mut initdb = binaries.command("initdb");
        initdb.arg("-D").arg(folder.path().join("data"));
        // The folder begins without a forced write: it is not needed after a power cut.
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        let made = initdb.output().context("run `initdb`")?;
        anyhow::ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self { folder, port: 0, running: None };
        server.configure(settings)?;
        for attempt in 1.. {
            server.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match server.start(binaries) {
                Ok(()) => break,
                Err(error) if attempt == PORTS => return Err(error),
                Err(_) => server.end(false),
            }
        }
        Ok(server)
    }

    /// In a file, where a test can set something else while the server runs.
    fn configure(&self, settings: &[&str]) -> anyhow::Result<()> {
        let sockets = format!("unix_socket_directories='{}'", self.folder.path().display());
        let fixed = [
            sockets.as_str(),
            "listen_addresses='127.0.0.1'",
            "fsync=on",
            "synchronous_commit=on",
            "full_page_writes=on",
            "shared_buffers=64MB",
            "max_connections=200",
            "log_line_prefix='%m [%p] '",
        ];
        let lines: Vec<_> = fixed.into_iter().chain(settings.iter().copied()).collect();
        let path = self.folder.path().join("data/postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(path)?;
        Ok(writeln!(file, "{}", lines.join("\n"))?)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn restart(&mut self, binaries: &Binaries) -> anyhow::Result<()> {
        self.end(false);
        self.start(binaries)
    }

    /// The server and all its children at one blow: a child that lived on could still commit.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        let server = self.pid().context("the server does not run")?;
        // Order: it is stopped first, so that it makes no child while they are counted.
        signal("-STOP", &[server])?;
        let mut all = children(server)?;
        all.push(server);
        signal("-KILL", &all)?;
        self.end(false);
        let gone = |pid: &u32| !Path::new(&format!("/proc/{pid}")).exists();
        wait(START, || all.iter().all(gone)).context("killed processes do not go")?;
        // It says that the dead server is ready.
        fs::remove_file(self.pid_file()).context("remove the file of the dead server")
    }

    fn start(&mut self, binaries: &Binaries) -> anyhow::Result<()> {
        let mut command = binaries.as_user("sh");
        command.args(["-c", SUPERVISOR, "sh"]).arg(binaries.program("postgres"));
        command.arg(self.folder.path());
        command.arg("-c").arg(format!("port={}", self.port));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut supervisor = command.spawn().context("run `sh`")?;
        let input = supervisor.stdin.take().context("its input is a pipe")?;
        self.running = Some(Running { supervisor, input });
        if wait(START, || self.ready() || !self.log_is_quiet()).is_err() || !self.ready() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            anyhow::bail!("the server does not start:\n{log}");
        }
        Ok(())
    }

    /// The last line of its file says whether it takes connections.
    fn ready(&self) -> bool {
        let lines = fs::read_to_string(self.pid_file()).unwrap_or_default();
        lines.lines().nth(7).is_some_and(|status| status.trim() == "ready")
    }

    /// Whether it has not said that it gives up.
    fn log_is_quiet(&self) -> bool {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let last = log.lines().rev().take(3).collect::<String>();
        !last.contains("could not create any TCP/IP sockets")
    }

    /// Ends it and waits for the supervisor.
    fn end(&mut self, remove: bool) {
        let Some(mut running) = self.running.take() else { return };
        if !remove {
            // Where the supervisor is dead there is nobody to tell.
            let _ = running.input.write_all(b"keep\n");
        }
        drop(running.input);
        let _ = running.supervisor.wait();
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("data/postmaster.pid")
    }

    fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.pid_file()).ok()?.lines().next()?.parse().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(true);
    }
}

fn signal(signal: &str, pids: &[u32]) -> anyhow::Result<()> {
    let status = Command::new("kill").arg(signal).args(pids.iter().map(u32::to_string)).status()?;
    anyhow::ensure!(status.success(), "`kill {signal}` failed");
    Ok(())
}

/// Processes whose parent it is.
fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `pid (name) state parent …`; the name may hold anything but ends at the last parenthesis.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if after.split_whitespace().nth(1).and_then(|text| text.parse().ok()) == Some(parent) {
            found.push(pid);
        }
    }
    Ok(found)
}

fn wait(at_most: Duration, done: impl Fn() -> bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !done() {
        anyhow::ensure!(begun.elapsed() < at_most, "{} s have passed", at_most.as_secs());
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
