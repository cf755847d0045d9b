//! Reading: the one place where the compiler asks for files, through a trait for its users.
//!
//! Finds the `.flow` files below the paths given, names each module by its path below the source
//! root, follows `use`, and reads the sample data beside the modules. Nothing is kept open, and
//! everything that was read is listed, so that a build can be told what it depends on.

mod released;
#[cfg(test)]
mod tests;

use released::is_released_folder;
pub use released::{ReleasedText, programs, released_folder};

use crate::diagnostic::Diagnostic;
use crate::hir::Sample;
use crate::source::{Source, Sources};
use crate::span::FileId;
use crate::syntax::{self, ast};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Bound: spans count bytes in 32 bits, and no person writes a module of this size.
pub const FILE_BYTES_MAX: u64 = 4_000_000;

/// What the compiler needs of a file system. Paths use forward slashes.
pub trait Files {
    /// The text of a file, or why it cannot be had, in words.
    ///
    /// # Errors
    /// In words for a person, the path left out; a file over [`FILE_BYTES_MAX`] is refused.
    fn read(&self, path: &str) -> Result<String, String>;
    /// Whether there is a file at the path.
    fn exists(&self, path: &str) -> bool;
    /// The names of what is in a folder, folders with a slash at the end, in order; none where the
    /// path is no folder.
    fn list(&self, folder: &str) -> Option<Vec<String>>;
    /// As [`Files::list`], of a folder that must not be passed over; empty where there is none.
    ///
    /// # Errors
    /// In words: it is there, and what is in it cannot be known.
    fn list_whole(&self, folder: &str) -> Result<Vec<String>, String> {
        Ok(self.list(folder).unwrap_or_default())
    }
}

/// A path that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The path.
    pub path: String,
    /// Why, in words.
    pub why: String,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "read `{}`: {}", self.path, self.why)
    }
}

impl std::error::Error for Unreadable {}

/// Everything one compilation reads.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The texts.
    pub sources: Sources,
    /// Each parsed.
    pub asts: Vec<(FileId, ast::File)>,
    /// What is wrong with the texts alone.
    pub diagnostics: Vec<Diagnostic>,
    /// Sample data, by module and name.
    pub samples: BTreeMap<(SmolStr, SmolStr), Sample>,
    /// Released versions of the workflows of these modules.
    pub released: Vec<ReleasedText>,
    /// Modules that released versions name and that are nowhere any more.
    pub gone: BTreeSet<String>,
    /// Every file that was read.
    pub read: Vec<String>,
    /// Paths that were not asked for by name but could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// The files that some paths mean, one list per source root: a program never spans two.
///
/// A file is taken as it is; of a folder, every `.flow` file below it.
///
/// # Errors
/// A path that is neither a file nor a folder.
pub fn roots(paths: &[String], files: &dyn Files) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut by_root: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let path = tidy(path);
        let mut found = Vec::new();
        if files.exists(&path) {
            found.push(path.clone());
        } else if files.list(&path).is_some() {
            below(&path, files, 0, &mut found);
        } else {
            return Err(Unreadable { path, why: "no such file or folder".into() });
        }
        for file in found {
            by_root.entry(root_of(&file, files)).or_default().insert(file);
        }
    }
    Ok(by_root.into_values().map(|files| files.into_iter().collect()).collect())
}

/// Whether paths that [`roots`] takes mean the file of a module below a root, be it there or not: it is
/// one of them, or lies below one.
#[must_use]
pub fn mean(paths: &[String], root: &str, module: &str, files: &dyn Files) -> bool {
    let file = join(root, &format!("{}.flow", module.replace('.', "/")));
    paths.iter().map(|path| tidy(path)).any(|path| match path.as_str() {
        "" | "." => true,
        path if files.exists(path) => file == path,
        path => {
            file.strip_prefix(path.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
        }
    })
}

/// Reads the files, whatever they use, and the sample data beside them.
///
/// # Errors
/// The first of the given paths that cannot be read.
pub fn load(paths: &[String], files: &dyn Files) -> Result<Loaded, Unreadable> {
    load_with(paths, files, None)
}

/// What was parsed before, by path.
#[derive(Default)]
pub struct Cache {
    parsed: BTreeMap<String, Parsed>,
}

/// A text with the id it was parsed under, and what came of it.
struct Parsed {
    id: FileId,
    text: String,
    file: ast::File,
    diagnostics: Vec<Diagnostic>,
}

/// As [`load`], but parses only what has changed since the last time with the same cache.
///
/// # Errors
/// The first of the given paths that cannot be read.
pub fn load_again(
    paths: &[String],
    files: &dyn Files,
    cache: &mut Cache,
) -> Result<Loaded, Unreadable> {
    load_with(paths, files, Some(cache))
}

fn load_with(
    paths: &[String],
    files: &dyn Files,
    mut cache: Option<&mut Cache>,
) -> Result<Loaded, Unreadable> {
    let mut loaded = Loaded::default();
    let mut wanted = Vec::new();
    let mut sources = BTreeSet::new();
    for given in programs(paths, files)? {
        for path in given {
            let root = root_of(&path, files);
            sources.insert(root.clone());
            if is_released_folder(&path, files) {
                continue;
            }
            wanted.push(Wanted { module: module_name(&path, &root), root, path, given: true });
        }
    }
    let mut seen: BTreeSet<String> = BTreeSet::new();
    loop {
        while !wanted.is_empty() {
            let mut texts = Vec::new();
            for next in std::mem::take(&mut wanted) {
                if !seen.insert(next.module.clone()) && !next.given {
                    continue;
                }
                match read(&next, files) {
                    Ok(text) => texts.push((next, text)),
                    Err(unreadable) if next.given => return Err(unreadable),
                    Err(unreadable) if files.exists(&next.path) => {
                        loaded.unreadable.push(unreadable);
                    }
                    // A module that is nowhere is reported where it is used.
                    Err(_) => {}
                }
            }
            wanted = loaded.add(texts, cache.as_deref_mut());
        }
        // What old runs call is part of the program, whether or not today's source still uses it.
        for root in &sources {
            let named = loaded.read_released(root, files);
            wanted.extend(named.into_iter().filter(|named| !seen.contains(&named.module)));
        }
        loaded.stand_in();
        if wanted.is_empty() {
            break;
        }
    }
    loaded.read_samples(files);
    Ok(loaded)
}

/// One text from memory, without anything it might use.
#[must_use]
pub fn load_text(path: &str, module: &str, text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    let wanted =
        Wanted { path: path.into(), module: module.into(), root: String::new(), given: true };
    loaded.add(vec![(wanted, text.to_owned())], None);
    loaded
}

/// A file to be read.
#[derive(Clone)]
struct Wanted {
    path: String,
    module: String,
    root: String,
    /// Asked for by name, or found below a folder that was.
    given: bool,
}

fn read(wanted: &Wanted, files: &dyn Files) -> Result<String, Unreadable> {
    if let Some(std) = standard(&wanted.module) {
        return Ok(std.to_owned());
    }
    files.read(&wanted.path).map_err(|why| Unreadable { path: wanted.path.clone(), why })
}

/// The text of a module of the standard library.
fn standard(module: &str) -> Option<&'static str> {
    sagaflow_stdlib::MODULES.iter().find(|m| m.name == module).map(|m| m.text)
}

impl Loaded {
    /// Parses texts side by side, and says which modules they use, in the order of the texts.
    fn add(&mut self, texts: Vec<(Wanted, String)>, mut cache: Option<&mut Cache>) -> Vec<Wanted> {
        let first = self.asts.len() as u32;
        let ids: Vec<FileId> = (first..).map(FileId).take(texts.len()).collect();
        let known = |(id, (wanted, text)): (FileId, &(Wanted, String))| {
            let kept = cache.as_deref()?.parsed.get(&wanted.path)?;
            // Order: a tree says of each span which file it is in, so the id has to be the same.
            (kept.id == id && kept.text == *text)
                .then(|| (kept.file.clone(), kept.diagnostics.clone()))
        };
        let known: Vec<_> = ids.iter().copied().zip(&texts).map(known).collect();
        let new = ids.iter().zip(&texts).zip(&known).filter(|(_, known)| known.is_none());
        let mut fresh = parse_all(new.map(|((id, (_, text)), _)| (*id, text.as_str()))).into_iter();
        let parsed = known.into_iter().filter_map(|known| match known {
            Some(kept) => Some((kept, false)),
            None => Some((fresh.next()?, true)),
        });
        let mut uses = Vec::new();
        for ((wanted, text), ((file, diagnostics), fresh)) in texts.into_iter().zip(parsed) {
            if let (Some(cache), true) = (cache.as_deref_mut(), fresh) {
                let id = FileId(self.asts.len() as u32);
                let (text, file) = (text.clone(), file.clone());
                let diagnostics = diagnostics.clone();
                let path = wanted.path.clone();
                cache.parsed.insert(path, Parsed { id, text, file, diagnostics });
            }
            let mut source = Source::new(&*wanted.path, &*wanted.module, text);
            source.imported = !wanted.given;
            let id = self.sources.add(source);
            uses.extend(file.uses.iter().map(|line| used(&wanted, line)));
            self.asts.push((id, file));
            self.diagnostics.extend(diagnostics);
            if standard(&wanted.module).is_none() {
                self.read.push(wanted.path);
            }
        }
        uses
    }

    /// Reads `samples/*.json` beside each module.
    fn read_samples(&mut self, files: &dyn Files) {
        let modules: Vec<(String, String)> =
            self.sources.iter().map(|(_, s)| (s.path.clone(), s.module.clone())).collect();
        let mut texts: BTreeMap<String, Option<String>> = BTreeMap::new();
        for (path, module) in modules {
            let folder = join(parent(&path), "samples");
            for name in files.list(&folder).unwrap_or_default() {
                let Some(stem) = name.strip_suffix(".json") else { continue };
                let path = join(&folder, &name);
                let text = texts.entry(path.clone()).or_insert_with(|| {
                    let read = files.read(&path);
                    match read {
                        Ok(text) => {
                            self.read.push(path.clone());
                            Some(text)
                        }
                        Err(why) => {
                            self.unreadable.push(Unreadable { path: path.clone(), why });
                            None
                        }
                    }
                });
                if let Some(text) = text {
                    let sample = Sample { path, text: text.clone() };
                    self.samples.insert((module.as_str().into(), stem.into()), sample);
                }
            }
        }
    }
}

/// Parses texts on as many threads as there are processors; the order is that of the texts.
fn parse_all<'t>(
    texts: impl Iterator<Item = (FileId, &'t str)>,
) -> Vec<(ast::File, Vec<Diagnostic>)> {
    let texts: Vec<(FileId, &str)> = texts.collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = texts.len().div_ceil(threads).max(1);
    let parse = |part: &[(FileId, &str)]| -> Vec<_> {
        part.iter().map(|&(id, text)| syntax::parse(id, text)).collect()
    };
    if texts.len() < 2 || threads < 2 {
        return parse(&texts);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = texts
            .chunks(share)
            .map(|part| {
                let thread = std::thread::Builder::new().spawn_scoped(scope, move || parse(part));
                (part, thread)
            })
            .collect();
        let mut out = Vec::new();
        for (part, thread) in parts {
            // No thread to be had: then on this one.
            let parsed = thread.ok().and_then(|thread| thread.join().ok());
            out.extend(parsed.unwrap_or_else(|| parse(part)));
        }
        out
    })
}

fn used(by: &Wanted, line: &ast::UseDecl) -> Wanted {
    let segments: Vec<&str> = line.path.segments.iter().map(|s| s.text.as_str()).collect();
    Wanted::named(&segments.join("."), &by.root)
}

impl Wanted {
    /// The file of a module that something of a root names.
    fn named(module: &str, root: &str) -> Self {
        let path = if module == "std" || module.starts_with("std.") {
            format!("<{module}>")
        } else {
            join(root, &format!("{}.flow", module.replace('.', "/")))
        };
        Self { path, module: module.to_owned(), root: root.to_owned(), given: false }
    }
}

/// Every `.flow` file below a folder.
fn below(folder: &str, files: &dyn Files, depth: usize, found: &mut Vec<String>) {
    // Bound: a link may lead a folder back into itself.
    if depth > 32 {
        return;
    }
    for name in files.list(folder).unwrap_or_default() {
        let path = join(folder, name.trim_end_matches('/'));
        if name.ends_with('/') && !is_passed_over(&name) {
            below(&path, files, depth + 1, found);
        } else if name.ends_with(".flow") {
            found.push(path);
        }
    }
}

/// Whether nobody writes modules into a folder of this name.
fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name == "target/" || name == "node_modules/"
}

/// The source root of a file; without one above it, its own folder.
#[must_use]
pub fn root_of(file: &str, files: &dyn Files) -> String {
    marked_root(file, files).unwrap_or_else(|| parent(file).to_owned())
}

/// The nearest folder above that is named `flows` or holds a `flow.toml`.
#[must_use]
pub fn marked_root(file: &str, files: &dyn Files) -> Option<String> {
    let mut folder = parent(file);
    loop {
        if name_of(folder) == "flows" || files.exists(&join(folder, "flow.toml")) {
            return Some(folder.to_owned());
        }
        if folder.is_empty() || folder == "/" {
            return None;
        }
        folder = parent(folder);
    }
}

/// `shop.orders` of `flows/shop/orders.flow` below `flows`.
fn module_name(file: &str, root: &str) -> String {
    let inner = file.strip_prefix(root).unwrap_or(file).trim_start_matches('/');
    inner.strip_suffix(".flow").unwrap_or(inner).replace('/', ".")
}

fn tidy(path: &str) -> String {
    let path = path.replace('\\', "/");
    let absolute = path.starts_with('/');
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => "",
    }
}

fn name_of(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" | "." => name.to_owned(),
        "/" => format!("/{name}"),
        _ => format!("{folder}/{name}"),
    }
}
