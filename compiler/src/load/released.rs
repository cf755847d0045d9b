//! The files of released versions, in the folder `released` of a source root.

use super::{Files, Loaded, join};

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
        for name in files.list(&folder).unwrap_or_default() {
            let Some(workflow) = workflow_of(&name) else { continue };
            let module = workflow.rsplit_once('.').map_or("", |(module, _)| module);
            let known = self.sources.iter().any(|(_, source)| source.module == module);
            let source = join(root, &format!("{}.flow", module.replace('.', "/")));
            if !known && files.exists(&source) {
                continue;
            }
            let (workflow, path) = (workflow.to_owned(), join(&folder, &name));
            let text = files.read(&path);
            self.read.push(path.clone());
            self.released.push(ReleasedText { path, workflow, text });
        }
    }
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
