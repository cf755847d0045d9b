//! One broker process and the supervisor that outlives whoever started it, by a moment.

use crate::jars::Jars;
use anyhow::Context as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs the broker until its own input ends: then this process is dead or wants the end. A line
/// `keep` before that means that the folder stays. The broker is killed either way: its state must
/// survive that, and a stopped process hears nothing else. The last of several brokers removes the
/// folder of all of them.
/// Signals of a terminal go to everybody in its group, so the supervisor must not follow them.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" >>"$folder/log" 2>&1 </dev/null &
server=$!
echo "$server" >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
word=
read -r word
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -f "$folder/pid"
[ "$word" = keep ] && exit
rm -rf "$folder"
rmdir "$(dirname "$folder")" 2>/dev/null
"#;

/// Bound: how long a broker may take to start on a machine that has other work.
const START: Duration = Duration::from_secs(90);

#[derive(Debug)]
pub(crate) struct Node {
    folder: PathBuf,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    supervisor: Child,
    /// Closing it ends the broker, also when this process is killed.
    input: ChildStdin,
    /// Where in its log this start begins.
    log_from: usize,
}

impl Node {
    /// Writes its settings and formats its storage.
    pub fn make(
        folder: PathBuf,
        jars: &Jars,
        settings: &str,
        cluster: (&str, &[String]),
    ) -> anyhow::Result<Self> {
        // The certificate may lie there already.
        fs::create_dir_all(&folder)?;
        let node = Self { folder, running: None };
        let settings = format!("{settings}log.dirs={}\n", node.folder.join("data").display());
        fs::write(node.settings(), settings)?;
        let mut format = jars.command("kafka.tools.StorageTool");
        let (cluster, more) = cluster;
        format.args(["format", "-t", cluster, "-c"]).arg(node.settings()).args(more);
        let made = format.output().context("run `java`")?;
        anyhow::ensure!(
            made.status.success(),
            "the storage cannot be formatted: {}{}",
            String::from_utf8_lossy(&made.stdout),
            String::from_utf8_lossy(&made.stderr)
        );
        Ok(node)
    }

    /// Starts it without waiting: brokers of one cluster wait for each other.
    pub fn start(&mut self, jars: &Jars) -> anyhow::Result<()> {
        self.end(true);
        let log_from = self.log().len();
        let server = jars.command("kafka.Kafka");
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "sh"]).arg(&self.folder);
        command.arg(server.get_program()).args(server.get_args()).arg(self.settings());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut supervisor = command.spawn().context("run `sh`")?;
        let input = supervisor.stdin.take().context("its input is a pipe")?;
        self.running = Some(Running { supervisor, input, log_from });
        Ok(())
    }

    /// Waits until it takes connections.
    pub fn ready(&self) -> anyhow::Result<()> {
        let from = self.running.as_ref().context("the broker does not run")?.log_from;
        let begun = Instant::now();
        loop {
            let log = self.log();
            let said = log.get(from..).unwrap_or_default();
            if said.contains("Kafka Server started") {
                return Ok(());
            }
            let dead = begun.elapsed() > Duration::from_secs(1) && !self.lives();
            if dead || begun.elapsed() > START {
                anyhow::bail!("the broker does not start:\n{said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.pid().context("the broker does not run")?;
        let status = Command::new("kill").arg(signal).arg(pid.to_string()).status()?;
        anyhow::ensure!(status.success(), "`kill {signal} {pid}` failed");
        Ok(())
    }

    /// Kills it and waits until it is gone; its data stays.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.signal("-KILL")?;
        self.end(true);
        Ok(())
    }

    pub fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("pid")).ok()?.trim().parse().ok()
    }

    fn lives(&self) -> bool {
        self.pid().is_some_and(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // A zombie waits for its supervisor.
            !stat.is_empty() && !stat.rsplit_once(')').is_some_and(|(_, it)| it.starts_with(" Z"))
        })
    }

    fn settings(&self) -> PathBuf {
        self.folder.join("settings.properties")
    }

    /// Ends it and waits for the supervisor.
    fn end(&mut self, keep: bool) {
        let Some(mut running) = self.running.take() else { return };
        if keep {
            // Where the supervisor is dead there is nobody to tell.
            let _ = running.input.write_all(b"keep\n");
        }
        drop(running.input);
        let _ = running.supervisor.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// Whether nobody listens at a port of this machine.
pub(crate) fn free(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A folder for all brokers of one cluster.
pub(crate) fn folder() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("flow-kafka-").tempdir_in(temporary())?)
}

fn temporary() -> PathBuf {
    let path = std::env::temp_dir();
    path.canonicalize().unwrap_or_else(|_| Path::new("/tmp").to_owned())
}
