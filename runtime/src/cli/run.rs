//! `run`: one run to its end on the embedded store, with its story on the terminal.

use super::args::Run;
use super::follow::{self, Rest};
use super::{End, Problem, crash, surroundings};
use crate::bind::{Plan, kept_beside};
use crate::config::{Config, Flags};
use crate::program::{Program, Source};
use crate::story::Story;
use sagaflow_core::codegen::{Json, Machine};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::key::canonical;
use sagaflow_core::port::{RunFilter, RunRow};
use sagaflow_engine::{Engine, Error, Handle, Options, Request, input};
use sagaflow_store::Sqlite;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Runs one workflow.
pub async fn run(source: &dyn Source, args: Run) -> Result<End, Problem> {
    let program = load(source, &args)?;
    let machine = choose(&program, args.workflow.as_deref())?;
    let name = machine.spec().name.clone();
    let input = read_input(&program, machine.as_ref(), &args)?;
    let flags = Flags { store: Some(args.store.clone()), listen: None, bind: args.bind.clone() };
    let config =
        Config::load(None, std::env::vars(), &flags).map_err(|e| Problem(e.to_string()))?;
    let path = config.store.embedded("run").map_err(|error| Problem(error.to_string()))?;
    let services = Plan {
        program: &program,
        urls: &config.services,
        databases: &config.databases,
        failing: &args.fail,
        simulate: true,
        kept: Some(kept_beside(path)),
        node: None,
    };
    let services = services.bind().map_err(|error| Problem(error.to_string()))?;
    let store = crate::store::sqlite(path, None).await;
    let store = store.map_err(|error| surroundings::store_problem(&config.store, &error))?;
    let known = known(&store, &config, machine.as_ref(), &input, args.key.as_deref()).await?;
    let options = Options {
        namespace: config.namespace.clone(),
        machines: program.flows.machines.clone(),
        services,
        paused: false,
        on_commit: args.crash_after.map(|number| crash::after(number, name.clone(), known)),
        member: None,
        kafka: None,
    };
    let engine = Engine::start(store, options).await;
    let engine = engine.map_err(|error| surroundings::store_problem(&config.store, &error))?;
    let handle = engine.handle();
    let started = match known {
        Some(run) => Ok((run, false)),
        None => {
            let request = Request {
                workflow: name,
                version: None,
                key: args.key.clone(),
                input: input.given,
            };
            handle.start(request).await.map(|started| (started.run, started.new))
        }
    };
    let end = match started {
        Ok((run, new)) => tell(&handle, &args, run, new).await,
        Err(error) => Err(problem(&error)),
    };
    engine.stop().await;
    end
}

fn load(source: &dyn Source, args: &Run) -> Result<Program, Problem> {
    let files = match (&args.file, source.takes_files()) {
        (Some(file), true) => vec![file.clone()],
        (None, true) => return Err(Problem("name the program: `run FILE`".to_owned())),
        (Some(_), false) => {
            return Err(Problem(
                "this program brings its workflows along: leave the file out".to_owned(),
            ));
        }
        (None, false) => Vec::new(),
    };
    let loaded = source.load(&files, surroundings::colour_err());
    let program = loaded.map_err(|rejected| Problem(rejected.0))?;
    eprint!("{}", program.notes);
    Ok(program)
}

/// The workflow by name, or the only one there is.
fn choose(program: &Program, name: Option<&str>) -> Result<Arc<dyn Machine>, Problem> {
    // What only goes on is started by nobody.
    let starts = |machine: &&Arc<dyn Machine>| !machine.spec().continues;
    let machines: Vec<_> = program.flows.machines.iter().filter(starts).collect();
    let names = || {
        let served = machines.iter().map(|machine| machine.spec().name.as_str());
        served.chain(program.refused.keys().map(String::as_str))
    };
    let distinct = || names().collect::<BTreeSet<_>>();
    let listed = || {
        let quoted: Vec<String> = distinct().iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    let Some(name) = name else {
        // Order: of several versions the last one.
        return match (machines.last(), program.refused.values().next()) {
            (Some(one), None) if distinct().len() == 1 => Ok(Arc::clone(one)),
            (None, Some(why)) => Err(Problem(why.clone())),
            (None, None) => Err(Problem("R1036: the program has no workflow".to_owned())),
            _ => Err(Problem(format!("name one of {} with `--workflow`", listed()))),
        };
    };
    let fits = |full: &str| full == name || full.rsplit('.').next() == Some(name);
    // Order: the qualified name before a short one, and of several versions the last one.
    let exact = machines.iter().rev().find(|machine| machine.spec().name == name);
    let found = exact.or_else(|| machines.iter().rev().find(|machine| fits(&machine.spec().name)));
    if let Some(machine) = found {
        return Ok(Arc::clone(machine));
    }
    if let Some((_, why)) = program.refused.iter().find(|(full, _)| fits(full)) {
        return Err(Problem(why.clone()));
    }
    let hint = sagaflow_engine::error::suggestion(name, names());
    let hint = if hint.is_empty() { format!("; there is {}", listed()) } else { hint };
    Err(Problem(format!("R1001: there is no workflow `{name}`{hint}")))
}

/// Input that fits its type.
struct Input {
    /// As it was given.
    given: Json,
    /// By parameter name, in canonical form.
    values: sagaflow_core::codegen::Values,
}

/// JSON, a file that holds it, or the name of a sample.
fn read_input(program: &Program, machine: &dyn Machine, args: &Run) -> Result<Input, Problem> {
    let given = match args.input.as_deref() {
        None => Json::Null,
        Some(text) => parse_input(program, machine, args.file.as_deref(), text)?,
    };
    let spec = machine.spec();
    let values = input::decode(spec, &given).map_err(|mismatch| {
        let asked = if args.input.is_none() { "; give it with `--input`" } else { "" };
        Problem(format!("R1004: the input does not fit: {mismatch}{asked}"))
    })?;
    Ok(Input { given, values })
}

fn parse_input(
    program: &Program,
    machine: &dyn Machine,
    file: Option<&Path>,
    text: &str,
) -> Result<Json, Problem> {
    let trimmed = text.trim_start();
    let looks_like_json = trimmed.starts_with(['{', '[', '"']);
    match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(cause) if looks_like_json => {
            return Err(Problem(format!("R1037: the input is not JSON: {cause}")));
        }
        Err(_) => {}
    }
    let beside = file.and_then(Path::parent).map(|folder| folder.join(text));
    let sample =
        file.and_then(Path::parent).map(|f| f.join("samples").join(format!("{text}.json")));
    let places = [Some(Path::new(text).to_owned()), beside, sample];
    if let Some(path) = places.into_iter().flatten().find(|path| path.is_file()) {
        let read = std::fs::read_to_string(&path)
            .map_err(|cause| cause.to_string())
            .and_then(|text| serde_json::from_str(&text).map_err(|cause| cause.to_string()));
        let bad = |cause| Problem(format!("R1037: `{}` cannot be read: {cause}", path.display()));
        return read.map_err(bad);
    }
    let module = machine.spec().name.rsplit_once('.').map_or("", |(module, _)| module);
    let sample = program.samples.get(&format!("{module}.{text}"));
    sample.cloned().ok_or_else(|| {
        Problem(format!("R1037: `{text}` is neither JSON, nor a file, nor a sample of `{module}`"))
    })
}

/// The run that the same command has started before: by its key, or, where there is none, a run of
/// the same input that has not ended.
async fn known(
    store: &Arc<Sqlite>,
    config: &Config,
    machine: &dyn Machine,
    given: &Input,
    key: Option<&str>,
) -> Result<Option<RunId>, Problem> {
    use sagaflow_core::port::Store as _;
    let spec = machine.spec();
    let failed = |error: sagaflow_core::port::Error| Problem(format!("R1016: {error}"));
    let declared = input::key(machine, &given.values).map_err(|error| problem(&error))?;
    let key = declared.map(|key| canonical(&key)).or_else(|| key.map(str::to_owned));
    if let Some(key) = key {
        let row = store.key(&config.namespace, &spec.name, &key).await.map_err(failed)?;
        // Order: the fingerprint is compared by the shard, so a start with other input goes there.
        let same = row.filter(|row| {
            let object: serde_json::Map<_, _> = given.values.clone().into_iter().collect();
            row.fingerprint == sagaflow_core::key::fingerprint(&Json::Object(object))
        });
        return Ok(same.map(|row| row.run));
    }
    let filter = RunFilter {
        namespace: config.namespace.clone(),
        workflow: Some(spec.name.clone()),
        limit: 100,
        ..RunFilter::default()
    };
    let listed = store.runs(&filter).await.map_err(failed)?;
    let mut runs: Vec<_> = listed.into_iter().filter(|row| row.ended_at.is_none()).collect();
    runs.extend(begun(store).await.map_err(failed)?);
    for row in runs {
        let ours = row.workflow == spec.name && row.hash == spec.hash;
        if !ours || row.namespace != config.namespace {
            continue;
        }
        let view = sagaflow_engine::view::of(store, row.run).await.map_err(failed)?;
        let state = view.and_then(|view| view.state);
        if state.is_some_and(|state| state.origin().input.values() == given.values) {
            return Ok(Some(row.run));
        }
    }
    Ok(None)
}

/// Runs that have begun so shortly before a crash that no list has them, as their journal shows them.
///
/// Crash: the lease is given back, or goes with the process; nothing is written under it.
async fn begun(store: &Arc<Sqlite>) -> sagaflow_core::port::Result<Vec<RunRow>> {
    use sagaflow_core::port::Store as _;
    let mut begun = Vec::new();
    for shard in (0..store.shards()).map(ShardId) {
        let lease = store.acquire(shard).await?;
        let tail = store.tail(lease).await;
        store.release(lease).await?;
        let first = tail?.rows.into_iter().filter(|row| row.number == 1);
        for run in first.filter_map(|row| row.run) {
            let view = sagaflow_engine::view::of(store, run).await?;
            begun.extend(view.map(|view| view.row).filter(|row| row.ended_at.is_none()));
        }
    }
    Ok(begun)
}

/// Tells the story and how it ended.
async fn tell(handle: &Handle, args: &Run, run: RunId, new: bool) -> Result<End, Problem> {
    let colour = if args.json { surroundings::colour_err() } else { surroundings::colour_out() };
    let mut out: Box<dyn Write + Send> =
        if args.json { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout()) };
    let before = handle.view(run).await.map_err(|error| problem(&error))?;
    let heading = match (new, before.row.ended_at.is_some()) {
        (true, _) => format!("run {run}"),
        (false, true) => format!("run {run} has already run; this is its story"),
        (false, false) => format!("run {run} goes on where it was"),
    };
    let _ = writeln!(out, "{heading}");
    let mut story = Story::new(colour);
    let rest = follow::follow(handle, run, &mut story, out.as_mut()).await;
    let (view, end) = match rest.map_err(|error| problem(&error))? {
        Rest::Ended(view) if view.row.status == "completed" => (view, End::Done),
        Rest::Ended(view) => (view, End::Failed),
        Rest::Parked(view) => (view, End::Parked),
        Rest::Interrupted(view) => (view, End::Interrupted),
    };
    let spec = handle.machine_of(&view.row).map(|machine| machine.spec());
    let words = match end {
        End::Interrupted => "stopped here; repeat the command to go on\n".to_owned(),
        End::Parked if spec.is_none() => {
            format!("version {} of `{}` is not here\n", view.row.version, view.row.workflow)
        }
        End::Parked => "parked: it goes on when a person says how\n".to_owned(),
        End::Done | End::Failed => story.end(&view, spec),
    };
    let _ = out.write_all(words.as_bytes());
    let _ = out.flush();
    if args.json {
        println!("{}", with_given_up(view.json(), &story));
    }
    Ok(end)
}

/// The run with what was given up of its undo, where something was.
fn with_given_up(mut run: Json, story: &Story) -> Json {
    if let (Some(fields), false) = (run.as_object_mut(), story.given_up().is_empty()) {
        fields.insert("given_up".to_owned(), serde_json::json!(story.given_up()));
    }
    run
}

fn problem(error: &Error) -> Problem {
    Problem(format!("{}: {error}", sagaflow_engine::code::of(error).name))
}
