//! `serve` and `dev`: a node with its API, until the process is asked to stop.

use super::args::{Dev, Node, Serve};
use super::{End, Problem, surroundings};
use crate::bind::{Plan, kept_beside};
use crate::brokers;
use crate::config::{Config, Flags, StoreUrl};
use crate::node::signal;
use crate::program::{Program, Source};
use crate::store::{Opened, is_unmigrated, stop};
use sagaflow_core::codegen::Machine;
use sagaflow_core::port;
use sagaflow_engine::{Engine, Options};
use sagaflow_server::{About, Server, Serving};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Bound: how long after a file was saved `dev` notices it.
const LOOK: Duration = Duration::from_millis(400);

/// A node: everything is bound, nothing is simulated.
pub async fn serve(source: &dyn Source, args: Serve) -> Result<End, Problem> {
    let (config, files) = configured(source, &args.node, args.files)?;
    let program = load(source, &files)?;
    let server = listen(&config).await?;
    let address = address(&config, &server);
    let mut hosted = Hosted::new(&config, false, format!("{address}/api/"));
    hosted.paused = args.paused;
    let opened = Opened::open(&config, &address).await;
    let store = opened.map_err(|error| match is_unmigrated(&error) {
        true => Problem(unmigrated(&args.node, &config, &error)),
        false => surroundings::store_problem(&config.store, &error),
    })?;
    let engine = hosted.start(&store, &program).await?;
    let about = About { store: store.kind(), address };
    let serving = server.about(about).serve(engine.handle());
    println!("listening on {}", serving.url());
    if args.paused {
        eprintln!("note: paused: nothing is sent until it is started without `--paused`");
    }
    let told = until_stopped(&engine).await;
    stop(&store, serving, engine).await;
    told.map_or(Ok(End::Done), |told| Err(Problem(format!("R1016: {told}"))))
}

/// Engine, API and simulations in one process; reloads when a file changes.
pub async fn dev(source: &dyn Source, args: Dev) -> Result<End, Problem> {
    let (config, files) = configured(source, &args.node, args.files)?;
    let said = |error: crate::config::Error| Problem(error.to_string());
    config.store.embedded("dev").map_err(said)?;
    let mut program = load(source, &files)?;
    let server = listen(&config).await?;
    let mut hosted = Hosted::new(&config, true, server.api());
    let opened = Opened::open(&config, &server.url()).await;
    let store = opened.map_err(|error| surroundings::store_problem(&config.store, &error))?;
    let mut engine = hosted.start(&store, &program).await?;
    let serving = server.serve(engine.handle());
    println!("listening on {}", serving.url());
    tell(&program, &serving.url());
    let mut seen = stamps(&program.files);
    let told = loop {
        tokio::select! {
            told = until_stopped(&engine) => break told,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = stamps(&program.files);
        if now == seen {
            continue;
        }
        seen = now;
        let Ok(fresh) = load(source, &files).map_err(|problem| surroundings::complain(&problem.0))
        else {
            continue;
        };
        engine = replace(engine, &mut hosted, &store, &fresh, &serving).await?;
        seen = stamps(&fresh.files);
        program = fresh;
        println!("reloaded");
    };
    stop(&store, serving, engine).await;
    told.map_or(Ok(End::Done), |told| Err(Problem(format!("R1016: {told}"))))
}

/// Stops one engine and starts the next on the same store: runs go on on the version they are
/// pinned to, new ones start on the newest.
async fn replace(
    engine: Engine,
    hosted: &mut Hosted<'_>,
    store: &Opened,
    program: &Program,
    serving: &Serving,
) -> Result<Engine, Problem> {
    engine.stop().await;
    let engine = hosted.start(store, program).await?;
    serving.replace(engine.handle());
    Ok(engine)
}

fn configured(
    source: &dyn Source,
    args: &Node,
    files: Vec<PathBuf>,
) -> Result<(Config, Vec<PathBuf>), Problem> {
    let flags =
        Flags { store: args.store.clone(), listen: args.listen.clone(), bind: args.bind.clone() };
    let config = Config::load(args.config.as_deref(), std::env::vars(), &flags)
        .map_err(|error| Problem(error.to_string()))?;
    if !source.takes_files() && !files.is_empty() {
        return Err(Problem(
            "this program brings its workflows along: leave the files out".to_owned(),
        ));
    }
    let files = if files.is_empty() { config.files.clone() } else { files };
    Ok((config, files))
}

fn load(source: &dyn Source, files: &[PathBuf]) -> Result<Program, Problem> {
    let loaded = source.load(files, surroundings::colour_err());
    let program = loaded.map_err(|rejected| Problem(rejected.0))?;
    eprint!("{}", program.notes);
    for why in program.refused.values() {
        eprintln!("note: {why}; this workflow is not served");
    }
    if program.flows.machines.is_empty() {
        return Err(Problem("R1036: there is no workflow to serve".to_owned()));
    }
    Ok(program)
}

/// Where others reach the API.
fn address(config: &Config, server: &Server) -> String {
    config.cluster.address.clone().unwrap_or_else(|| server.url())
}

/// What is to be done about a schema that is not there, or of an older program.
fn unmigrated(args: &Node, config: &Config, error: &port::Error) -> String {
    let program = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let program = program.file_name().unwrap_or_default().to_string_lossy();
    let command = match (&args.store, &args.config) {
        (Some(_), _) => format!("{program} migrate --store {}", config.store),
        (None, Some(file)) => format!("{program} migrate --config {}", file.display()),
        // The variable that says where the store is says it there too.
        (None, None) => format!("{program} migrate"),
    };
    let place = &config.store;
    format!("R1041: the store `{place}` has not been migrated: {error}; run `{command}`")
}

async fn listen(config: &Config) -> Result<Server, Problem> {
    Server::listen(config.listen).await.map_err(|error| Problem(error.to_string()))
}

/// Why the store cannot go on, or nothing where the process was asked to stop.
async fn until_stopped(engine: &Engine) -> Option<String> {
    let mut fatal = engine.handle().fatal();
    tokio::select! {
        () = signal() => None,
        told = fatal.wait_for(Option::is_some) => told.ok().and_then(|told| told.clone()),
    }
}

/// What engines are started with, one after the other.
struct Hosted<'a> {
    config: &'a Config,
    simulate: bool,
    paused: bool,
    node: String,
    /// Every version that was loaded, oldest first: a run stays on the one it started with.
    machines: Vec<Arc<dyn Machine>>,
}

impl<'a> Hosted<'a> {
    fn new(config: &'a Config, simulate: bool, node: String) -> Self {
        Self { config, simulate, paused: false, node, machines: Vec::new() }
    }

    async fn start(&mut self, store: &Opened, program: &Program) -> Result<Engine, Problem> {
        let fresh = &program.flows.machines;
        self.machines.retain(|old| {
            !fresh.iter().any(|new| {
                let (old, new) = (old.spec(), new.spec());
                (&old.name, old.version, &old.hash) == (&new.name, new.version, &new.hash)
            })
        });
        self.machines.extend(fresh.iter().cloned());
        let mut all = program.clone();
        all.flows.machines.clone_from(&self.machines);
        let kept = match &self.config.store {
            StoreUrl::Sqlite(path) if self.simulate => Some(kept_beside(path)),
            _ => None,
        };
        let plan = Plan {
            program: &all,
            urls: &self.config.services,
            databases: &self.config.databases,
            failing: &[],
            simulate: self.simulate,
            kept,
            node: Some(self.node.clone()),
        };
        let services = plan.bind().map_err(|error| Problem(error.to_string()))?;
        let kafka = brokers::connect(self.config, &self.machines, self.simulate).await;
        let kafka = kafka.map_err(|error| Problem(error.to_string()))?;
        let options = Options {
            namespace: self.config.namespace.clone(),
            machines: self.machines.clone(),
            services,
            paused: self.paused,
            on_commit: None,
            member: None,
            kafka,
        };
        let started = store.start(options).await;
        started.map_err(|error| surroundings::store_problem(&self.config.store, &error))
    }
}

/// What there is to do, for people.
fn tell(program: &Program, url: &str) {
    let machines = program.flows.machines.iter().filter(|machine| !machine.spec().continues);
    for name in machines.map(|machine| &machine.spec().name).collect::<BTreeSet<_>>() {
        println!("  POST {url}/api/workflows/{name}/runs");
    }
}

/// When each file was changed; a file that is gone has no time.
fn stamps(files: &[PathBuf]) -> BTreeMap<PathBuf, Option<SystemTime>> {
    let stamp = |path: &PathBuf| {
        let changed = std::fs::metadata(path).and_then(|data| data.modified()).ok();
        (path.clone(), changed)
    };
    files.iter().map(stamp).collect()
}
