//! Real `flowd` processes: one that runs to its end, one that serves until it is killed.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The program under test, built once.
fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built =
            Command::new(cargo).args(["build", "-q", "-p", "flowd"]).current_dir(root()).status();
        assert!(built.expect("cargo starts").success(), "flowd builds");
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        target.unwrap_or_else(|| root().join("target")).join("debug/flowd")
    })
}

/// Builds the program under test, so that nobody measures that.
pub fn build() {
    binary();
}

/// A program in `flows/`, or of these tests.
pub fn flow(name: &str) -> String {
    let shipped = root().join("flows").join(name);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows").join(name);
    let path = if shipped.is_file() { shipped } else { own };
    path.to_string_lossy().into_owned()
}

/// Sample data of the order process, changed a little.
pub fn sample(change: impl FnOnce(&mut Value)) -> Value {
    let path = root().join("flows/shop/samples/order.json");
    let text = std::fs::read_to_string(path).expect("the sample is there");
    let mut value = serde_json::from_str(&text).expect("it is JSON");
    change(&mut value);
    value
}

/// How a process ended.
#[derive(Debug)]
pub struct Output {
    /// Exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

/// Runs a command to its end.
pub async fn flowd(args: &[&str]) -> Output {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let ended = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(binary());
        clean(&mut command).args(args).stdin(Stdio::null()).output()
    });
    let output = ended.await.expect("it is waited for").expect("flowd starts");
    Output {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// No variable of whoever runs the tests reaches the program.
fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SAGAFLOW_")) {
        command.env_remove(name);
    }
    command
}

/// Starts a program that serves, and waits until it says where; none where it ended without.
fn spawn(mut command: Command) -> (Child, Option<String>) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let line = lines.next().and_then(Result::ok).unwrap_or_default();
    let url = line.strip_prefix("listening on ").map(str::to_owned);
    // Whatever else it says must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    (child, url)
}

/// A node that serves. Dropping it kills it, as `kill -9` does.
pub struct Flowd {
    child: Child,
    /// Its base, `http://127.0.0.1:4711`.
    pub url: String,
}

impl Flowd {
    /// Starts a node and waits until it is ready.
    pub async fn start(command: &str, args: &[&str]) -> Self {
        let mut all = vec![command.to_owned()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        if !args.contains(&"--listen") {
            all.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        }
        let started = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(binary());
            clean(&mut command).args(all);
            spawn(command)
        });
        let (mut child, url) = started.await.expect("it is waited for");
        let Some(url) = url else {
            panic!("the node did not listen: {:?}", child.wait());
        };
        Self { child, url }
    }

    /// Starts a node that writes its log to a file, warnings and worse. None where it does not come up,
    /// say because its store is away.
    pub async fn try_start(args: &[&str], log: &Path) -> Option<Self> {
        Self::of(Command::new(binary()), args, log).await
    }

    /// The same of another program that has the commands of `flowd`.
    pub async fn of(mut command: Command, args: &[&str], log: &Path) -> Option<Self> {
        clean(&mut command).arg("serve").args(args).args(["--listen", "127.0.0.1:0"]);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
        command.env("SAGAFLOW_LOG", "warn").stderr(file.expect("a file for its log"));
        match tokio::task::spawn_blocking(move || spawn(command)).await.expect("it is waited for") {
            (child, Some(url)) => Some(Self { child, url }),
            (mut child, None) => {
                // It may have ended by itself.
                let _ = child.kill();
                child.wait().expect("it ends");
                None
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends it a signal: `-STOP`, `-CONT`, `-TERM`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill starts").success());
    }

    /// Kills it at once, and waits until it is gone.
    pub fn kill9(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop, and says how it ended and how long that took.
    pub async fn terminate(mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        self.signal("-TERM");
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return (status.code(), began.elapsed());
            }
            assert!(began.elapsed() < Duration::from_secs(30), "it does not stop");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One request; status and body.
    pub async fn request(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, _, body) = self.full(method, path, body, &[]).await;
        (status, body)
    }

    /// One request with headers; status, headers and body.
    pub async fn full(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> (u16, reqwest::header::HeaderMap, Value) {
        let method = method.parse().expect("a method");
        let mut request = client().request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.expect("the node answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body arrives");
        (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Whether it answers at all; then what. Nothing where the connection is refused or cut.
    pub async fn try_request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(u16, Value)> {
        let method = method.parse().expect("a method");
        let request = client().request(method, format!("{}{path}", self.url));
        let mut request = request.timeout(Duration::from_secs(10));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Waits until a run has this status.
    pub async fn wait_for(&self, run: &str, status: &str) -> Value {
        let mut last = Value::Null;
        for _ in 0..1_500 {
            last = self.request("GET", &format!("/api/runs/{run}"), None).await.1;
            if last["status"] == status {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let story = self.request("GET", &format!("/api/runs/{run}/history"), None).await.1;
        panic!("the run is not {status}: {last}\n{story:#}");
    }
}

/// The client of all tests: making one reads the machine's certificates. It keeps no connection, as one
/// that a test leaves behind would end with that test's runtime.
pub fn client() -> reqwest::Client {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        client.build().expect("a client")
    });
    CLIENT.clone()
}

impl Drop for Flowd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
