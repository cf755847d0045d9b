//! The files of released versions, in the folder `released` of a source root.

use super::{Files, Loaded, join, standard};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

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
    /// Reads `released/*.fir.json` of a source root: versions of the workflows of modules that were
    /// read, and of modules that are not there any more. Those of other modules are of no matter.
    pub(super) fn read_released(&mut self, root: &str, files: &dyn Files) {
        let folder = released_folder(root);
        let names = match files.list_whole(&folder) {
            Ok(names) => names,
            Err(why) => {
                // Which versions there are is not known, so none may be taken to be missing.
                let (path, text) = (folder, Err(why));
                return self.released.push(ReleasedText { path, workflow: String::new(), text });
            }
        };
        for name in names {
            let Some(workflow) = workflow_of(&name) else { continue };
            let module = module_of(workflow);
            if !self.has(module) && is_there(root, module, files) {
                continue;
            }
            let (workflow, path) = (workflow.to_owned(), join(&folder, &name));
            let text = files.read(&path);
            self.read.push(path.clone());
            let named = text.as_deref().map(named_in).unwrap_or_default();
            for module in named.iter().map(String::as_str).chain([module_of(&workflow)]) {
                if !self.has(module) && !is_there(root, module, files) {
                    self.gone.insert(module.to_owned());
                }
            }
            self.released.push(ReleasedText { path, workflow, text });
        }
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
