//! `flowc conform`: holds services to their contracts, by real calls over HTTP.
//!
//! Exit codes: 0 every clause that was tried is kept, 1 one is broken, 2 usage, files, or a service
//! that was not reached.

use crate::disk::Disk;
use anyhow::{Context as _, bail};
use sagaflow_compiler::load::{load, roots};
use sagaflow_compiler::render;
use sagaflow_conform::{Binding, Bound, Contract, GIVEN_MAX, Given, is_loopback};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Bound: a token, in bytes.
const TOKEN_MAX: usize = 16 * 1024;

/// What `flowc conform` takes.
#[derive(clap::Args)]
#[command(after_help = "\
It makes real calls: give it a service that may be written to. What each clause promises, and the \
form of --given, is in docs/reference/conformance.md.

  flowc conform shop.flow --bind Payments=http://127.0.0.1:9000/payments

Exit codes: 0 every clause that was tried is kept, 1 one is broken, 2 nothing could be tried.")]
pub struct Options {
    /// The file or folder that declares the services
    path: String,
    /// Where a service is, by its short or qualified name; may be repeated
    #[arg(long = "bind", value_name = "SERVICE=URL", required = true)]
    binds: Vec<String>,
    /// This action alone
    #[arg(long, value_name = "SERVICE.ACTION")]
    action: Option<String>,
    /// Arguments that succeed, arguments that provoke errors, reads that show effects (JSON)
    #[arg(long, value_name = "FILE")]
    given: Option<String>,
    /// Draw arguments and keys from this number; a service that remembers them needs another one
    /// each time, which is the default
    #[arg(long)]
    seed: Option<u64>,
    /// How long a call may take; the contract's `within` by default
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<Duration>,
    /// Wait so long at most for a key to become old
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "10s")]
    wait: Duration,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    format: Format,
    /// A file whose text is sent as `Authorization: Bearer …`
    #[arg(long, value_name = "FILE")]
    token_file: Option<String>,
    /// A status that stands for a declared error, as `[services."…".errors]` says it to a node
    #[arg(long = "map", value_name = "SERVICE.STATUS=ERROR")]
    maps: Vec<String>,
    /// Call services that are not on this machine
    #[arg(long)]
    yes: bool,
}

/// How the report is written.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people
    Pretty,
    /// One object
    Json,
    /// For what shows test results
    Junit,
}

/// A time as the language writes it.
fn time(text: &str) -> Result<Duration, String> {
    let ms = sagaflow_core::value::parse_duration(text).and_then(|ms| u64::try_from(ms).ok());
    let ms = ms.filter(|ms| *ms > 0).ok_or("write a time such as `500ms`, `10s` or `1m30s`")?;
    Ok(Duration::from_millis(ms))
}

/// Makes the calls and prints the report.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let contracts = contracts(&options.path)?;
    let token = options.token_file.as_deref().map(token).transpose()?;
    for map in &options.maps {
        let of = map.rsplit_once('.').map_or(map.as_str(), |(service, _)| service);
        if !options.binds.iter().any(|bind| bind.split_once('=').is_some_and(|(s, _)| s == of)) {
            bail!("`--map {map}`: no `--bind {of}=…` is given");
        }
    }
    let mut bound = Vec::new();
    for bind in &options.binds {
        let (name, url) =
            bind.split_once('=').with_context(|| format!("`--bind {bind}`: write SERVICE=URL"))?;
        let contract = named(name, &contracts)?;
        let mut binding = Binding::to(url);
        if let Some(token) = &token {
            binding.headers.insert("authorization".to_owned(), format!("Bearer {token}"));
        }
        binding.errors.extend(mapped(&options.maps, name)?);
        let shown = sagaflow_conform::redacted(url);
        if !options.yes && !is_loopback(url) {
            bail!(
                "{} would be called for real at {shown}, and written to; say `--yes` if it may be",
                contract.short()
            );
        }
        eprintln!("warning: {} is called for real at {shown}, and written to", contract.short());
        bound.push(Bound::http(contract, &binding)?);
    }
    let given = match &options.given {
        None => Given::default(),
        Some(path) => {
            let text = bounded(path, GIVEN_MAX)?;
            Given::parse(&text).map_err(|cause| anyhow::anyhow!("`{path}`: {cause}"))?
        }
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = options.seed.unwrap_or_else(|| u64::try_from(since.as_millis()).unwrap_or_default());
    let report = sagaflow_conform::run_to_end(
        bound,
        sagaflow_conform::Options {
            seed,
            timeout: options.timeout,
            wait: Some(options.wait),
            only: options.action.clone(),
            given,
        },
    )?;
    let format = match options.format {
        Format::Pretty => sagaflow_conform::Format::Pretty,
        Format::Json => sagaflow_conform::Format::Json,
        Format::Junit => sagaflow_conform::Format::Junit,
    };
    crate::print(&report.print(format))?;
    Ok(ExitCode::from(match (report.broken(), report.unreached()) {
        (0, false) => 0,
        (0, true) => 2,
        _ => 1,
    }))
}

/// The contracts of every program at a path.
fn contracts(path: &str) -> anyhow::Result<BTreeMap<String, Contract>> {
    let mut all = BTreeMap::new();
    for paths in &roots(&[path.to_owned()], &Disk)? {
        let loaded = load(paths, &Disk)?;
        if let Some(unreadable) = loaded.unreadable.first() {
            bail!("{unreadable}");
        }
        let analysis = sagaflow_compiler::analyze(&loaded);
        let Some(fir) = analysis.lower(&loaded.sources) else {
            let format = render::Format::Pretty { colours: false };
            eprint!("{}", render::render(&analysis.diagnostics, &loaded.sources, format));
            bail!("a contract is read from a program without errors");
        };
        for name in fir.services.keys() {
            let contract = Contract::parse(&sagaflow_fir::contract(&fir, name).to_string())?;
            all.insert(name.clone(), contract);
        }
    }
    Ok(all)
}

/// A contract by its qualified or short name.
fn named(name: &str, contracts: &BTreeMap<String, Contract>) -> anyhow::Result<Contract> {
    if let Some(contract) = contracts.get(name) {
        return Ok(contract.clone());
    }
    let short: Vec<_> = contracts.values().filter(|contract| contract.short() == name).collect();
    let all = || contracts.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match short.as_slice() {
        [one] => Ok((*one).clone()),
        [] if contracts.is_empty() => bail!("no service is declared there"),
        [] => bail!("there is no service `{name}`; there are {}", all()),
        [one, other, ..] => {
            bail!("`{name}` may be `{}` or `{}`", one.service, other.service)
        }
    }
}

/// The statuses that are mapped for this service.
fn mapped(maps: &[String], service: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for map in maps {
        let parts = map.split_once('=').and_then(|(place, error)| {
            place.rsplit_once('.').map(|(service, status)| (service, status, error))
        });
        let (of, status, error) =
            parts.with_context(|| format!("`--map {map}`: write SERVICE.STATUS=ERROR"))?;
        if of == service {
            all.insert(status.to_owned(), error.to_owned());
        }
    }
    Ok(all)
}

/// What is sent to be let in; never printed.
fn token(path: &str) -> anyhow::Result<String> {
    let token = bounded(path, TOKEN_MAX)?.trim().to_owned();
    if token.is_empty() {
        bail!("`{path}` holds no token");
    }
    Ok(token)
}

/// A file, of which no more is read than it may have.
fn bounded(path: &str, most: usize) -> anyhow::Result<String> {
    use std::io::Read as _;
    let read = || {
        let mut text = String::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        std::fs::File::open(path)?.take(limit).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    let text = read().with_context(|| format!("read `{path}`"))?;
    if text.len() > most {
        bail!("`{path}` is larger than {most} bytes");
    }
    Ok(text)
}
