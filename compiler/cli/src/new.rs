//! `flowc new`: a folder with a small process that builds, passes its tests and its own failure sweep.
//!
//! The folder is there whole or not at all. What stands in it is in `templates`.

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `flowc new` takes.
#[derive(clap::Args)]
pub struct Options {
    /// The folder to make, and the name of the package in it
    name: String,
    /// What runs the process
    #[arg(long, value_enum, default_value_t = Template::Rust)]
    template: Template,
    /// Depend on the `sagaflow` of this checkout of its repository, not on a released version
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    /// A binary of its own, with its services in Rust
    Rust,
    /// `flowd`, with services over HTTP
    Http,
}

/// A file of a template: where it goes, and its text with places to fill in.
type Piece = (&'static str, &'static str);

/// What every template begins with.
const BOTH: &[Piece] = &[
    ("flows/orders.flow", include_str!("../templates/both/orders.flow")),
    ("flows/samples/order.json", include_str!("../templates/both/order.json")),
];

const RUST: &[Piece] = &[
    (".gitignore", include_str!("../templates/rust/gitignore")),
    ("Cargo.toml", include_str!("../templates/rust/Cargo.toml.txt")),
    ("README.md", include_str!("../templates/rust/README.md")),
    ("ci.sh", include_str!("../templates/rust/ci.sh")),
    ("src/main.rs", include_str!("../templates/rust/main.rs")),
    ("src/services.rs", include_str!("../templates/rust/services.rs")),
];

const HTTP: &[Piece] = &[
    (".gitignore", include_str!("../templates/http/gitignore")),
    ("README.md", include_str!("../templates/http/README.md")),
    ("ci.sh", include_str!("../templates/http/ci.sh")),
    ("flowd.toml", include_str!("../templates/http/flowd.toml")),
];

/// Identifiers that cannot name a package: Rust's words, and what Cargo and this project have taken.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "sagaflow",
    "self",
    "serde",
    "serde_json",
    "sqlx",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "tokio",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Bound: what file systems, crates and people can bear.
const NAME_LETTERS_MAX: usize = 64;

/// Makes the folder.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let name = options.name.as_str();
    if let Some(why) = unfit(name) {
        bail!("`{name}` cannot be the name: {why}");
    }
    if options.template == Template::Http && options.path.is_some() {
        bail!("`--path` is for `--template rust`: the other has no package");
    }
    let folder = Path::new(name);
    let empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("look into `{name}`")),
    };
    if !empty {
        bail!("`{name}` is there and not empty: nothing was changed");
    }
    let sagaflow = dependency(options.path.as_deref())?;
    let own = if options.template == Template::Rust { RUST } else { HTTP };
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{sagaflow}}", &sagaflow)
            .replace("{{rust}}", env!("CARGO_PKG_RUST_VERSION"))
    };
    let beside = PathBuf::from(format!(".{name}.{}", std::process::id()));
    let written = write(&beside, BOTH.iter().chain(own), fill).and_then(|()| {
        if folder.exists() {
            fs::remove_dir(folder)?;
        }
        // Crash: before this a hidden folder is left over and nothing else; after it all is there.
        fs::rename(&beside, folder)
    });
    if written.is_err() && beside.exists() && fs::remove_dir_all(&beside).is_err() {
        eprintln!("flowc: `{}` is left over", beside.display());
    }
    written.with_context(|| format!("write `{name}`"))?;
    eprintln!("made `{name}`; try `cd {name}` and `flowc test flows`");
    Ok(ExitCode::SUCCESS)
}

/// Why a name cannot be that of a package and of its crate.
fn unfit(name: &str) -> Option<&'static str> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(letters) {
        return Some(
            "it must be an identifier of small letters, digits and `_` that begins with a letter",
        );
    }
    if name.len() > NAME_LETTERS_MAX {
        return Some("it has more than 64 letters");
    }
    TAKEN.contains(&name).then_some("the word is taken")
}

/// What stands behind `sagaflow =`: the version of this compiler, or a checkout.
fn dependency(checkout: Option<&Path>) -> anyhow::Result<String> {
    let Some(checkout) = checkout else {
        return Ok(format!("\"{}\"", env!("CARGO_PKG_VERSION")));
    };
    let package = checkout.join("runtime");
    if !package.join("Cargo.toml").is_file() {
        bail!("`{}` is no checkout of the repository", checkout.display());
    }
    let package =
        fs::canonicalize(&package).with_context(|| format!("look for `{}`", package.display()))?;
    let Some(path) = package.to_str() else { bail!("the path of the checkout is not UTF-8") };
    // A text of JSON is a text of TOML.
    Ok(format!("{{ path = {} }}", serde_json::to_string(path)?))
}

fn write<'p>(
    folder: &Path,
    pieces: impl Iterator<Item = &'p Piece>,
    fill: impl Fn(&str) -> String,
) -> std::io::Result<()> {
    fs::create_dir(folder)?;
    for (path, text) in pieces {
        let path = folder.join(path);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
        }
        fs::write(&path, fill(text))?;
        #[cfg(unix)]
        if path.extension().is_some_and(|extension| extension == "sh") {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}
