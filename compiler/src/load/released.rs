//! The files of released versions, in the folder `released` of a source root.

use super::{
    Files, Loaded, Unreadable, Wanted, join, name_of, parent, root_of, roots, standard, tidy,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// The file of a released version.
#[derive(Clone, Debug)]
pub struct ReleasedText {
    /// Its path.
    pub path: String,
    /// Qualified name of the workflow, as the file's name says.
    pub workflow: String,
    /// The text, or why it cannot be had, in words: a version that is there and cannot be read must
    /// not be left out in silence.
    pub text: Result<String, String>,
}

impl Loaded {
    /// Reads `released/*.fir.json` of a source root that was not read yet: versions of the workflows of
    /// modules that were read, and of modules that are not there any more. Those of other modules are of
    /// no matter. Says which modules they name that could be read and were not.
    pub(super) fn read_released(&mut self, root: &str, files: &dyn Files) -> Vec<Wanted> {
        let folder = released_folder(root);
        let known: BTreeSet<String> = self.released.iter().map(|it| it.path.clone()).collect();
        if known.contains(&folder) {
            return Vec::new();
        }
        let names = match files.list_whole(&folder) {
            Ok(names) => names,
            Err(why) => {
                // Which versions there are is not known, so none may be taken to be missing.
                let (path, text) = (folder, Err(why));
                self.released.push(ReleasedText { path, workflow: String::new(), text });
                return Vec::new();
            }
        };
        let mut wanted = Vec::new();
        for name in names {
            let Some(workflow) = workflow_of(&name) else { continue };
            let module = module_of(workflow);
            let (workflow, path) = (workflow.to_owned(), join(&folder, &name));
            if known.contains(&path) || (!self.has(module) && is_there(root, module, files)) {
                continue;
            }
            let text = files.read(&path);
            self.read.push(path.clone());
            let named = text.as_deref().map(named_in).unwrap_or_default();
            for module in named.iter().map(String::as_str).chain([module_of(&workflow)]) {
                if self.has(module) {
                    continue;
                }
                if is_there(root, module, files) {
                    wanted.push(Wanted::named(module, root));
                } else {
                    self.gone.insert(module.to_owned());
                }
            }
            self.released.push(ReleasedText { path, workflow, text });
        }
        wanted
    }

    /// Gives what is said of released versions a place where no module is left.
    pub(super) fn stand_in(&mut self) {
        let Some(first) = self.released.first().filter(|_| self.asts.is_empty()) else { return };
        let (path, root) = (first.path.clone(), String::new());
        // No module can be named so.
        let wanted = Wanted { path, module: "<released>".to_owned(), root, given: false };
        self.add(vec![(wanted, String::new())], None);
        // It was read already, as what it is.
        self.read.pop();
    }

    /// Whether a module was read.
    fn has(&self, module: &str) -> bool {
        self.sources.iter().any(|(_, source)| source.module == module)
    }
}

/// Whether a module that was not read could have been.
fn is_there(root: &str, module: &str, files: &dyn Files) -> bool {
    standard(module).is_some()
        || files.exists(&join(root, &format!("{}.flow", module.replace('.', "/"))))
}

/// As [`super::roots`], with the source roots in which nothing is left but released versions: what stands for
/// one of these is its folder of them.
///
/// # Errors
/// A path that is neither a file nor a folder.
pub fn programs(paths: &[String], files: &dyn Files) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut programs = roots(paths, files)?;
    let written: BTreeSet<String> =
        programs.iter().flatten().map(|file| root_of(file, files)).collect();
    let mut found = Vec::new();
    for path in paths.iter().map(|path| tidy(path)).filter(|path| !files.exists(path)) {
        folders_below(&path, files, 0, &mut found);
    }
    found.sort();
    found.dedup();
    found.retain(|folder| !written.contains(&root_of(folder, files)));
    programs.extend(found.into_iter().map(|folder| vec![folder]));
    Ok(programs)
}

/// The folders of released versions below a path, which may be one itself.
fn folders_below(path: &str, files: &dyn Files, depth: usize, found: &mut Vec<String>) {
    // Bound: a link may lead a folder back into itself.
    if depth > 32 {
        return;
    }
    if is_released_folder(path, files) {
        found.push(path.to_owned());
        return;
    }
    for name in files.list(path).unwrap_or_default() {
        if let Some(folder) = name.strip_suffix('/')
            && !super::is_passed_over(&name)
        {
            folders_below(&join(path, folder), files, depth + 1, found);
        }
    }
}

/// Whether a path is the folder of the released versions of some source root, with one in it.
pub(super) fn is_released_folder(path: &str, files: &dyn Files) -> bool {
    name_of(path) == "released"
        && root_of(path, files) == parent(path)
        && files.list(path).is_some_and(|all| all.iter().any(|it| workflow_of(it).is_some()))
}

/// The folder of the released versions of a source root.
#[must_use]
pub fn released_folder(root: &str) -> String {
    join(root, "released")
}

/// The workflow that a file's name says; none for other files.
fn workflow_of(name: &str) -> Option<&str> {
    let (workflow, _) = name.strip_suffix(sagaflow_fir::SUFFIX)?.rsplit_once('@')?;
    Some(workflow)
}

fn module_of(qualified: &str) -> &str {
    qualified.rsplit_once('.').map_or("", |(module, _)| module)
}

/// The modules of the contracts, events and tasks that a released version names. Whether the text is
/// one at all is found out elsewhere: of one that is not, there are none.
fn named_in(text: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct File {
        fir: Parts,
    }
    type Names = BTreeMap<String, IgnoredAny>;
    #[derive(Deserialize)]
    struct Parts {
        services: Names,
        databases: Names,
        events: Names,
        humans: Names,
    }
    let Ok(File { fir }) = serde_json::from_str(text) else { return Vec::new() };
    let Parts { services, databases, events, humans } = fir;
    let all = [services, databases, events, humans].into_iter().flat_map(BTreeMap::into_keys);
    all.map(|name| module_of(&name).to_owned()).collect()
}
