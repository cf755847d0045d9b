//! Texts that are open in the editor, which stand over the disk.

use crate::position::{Encoding, Lines, Range};
use sagaflow_compiler::load::Files;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A text as the editor has it.
pub(crate) struct Document {
    /// Its address, as the editor writes it.
    pub(crate) uri: String,
    /// What is in it.
    pub(crate) text: String,
    /// Grows with each change.
    pub(crate) version: i64,
}

/// One change of a text: all of it, or a part.
#[derive(Deserialize)]
pub(crate) struct Change {
    range: Option<Range>,
    text: String,
}

/// Open texts, by path.
pub(crate) type Documents = BTreeMap<String, Document>;

impl Document {
    /// Makes the changes in order; those of a version that is known already are let go.
    pub(crate) fn change(
        &mut self,
        version: i64,
        changes: Vec<Change>,
        encoding: Encoding,
    ) -> bool {
        if version <= self.version {
            return false;
        }
        self.version = version;
        for change in changes {
            let Some(range) = change.range else {
                self.text = change.text;
                continue;
            };
            let lines = Lines::new(&self.text, encoding);
            let (a, b) = (lines.offset(range.start), lines.offset(range.end));
            let (start, end) = (a.min(b) as usize, a.max(b) as usize);
            self.text.replace_range(start..end, &change.text);
        }
        true
    }
}

/// The disk with the open texts over it.
pub(crate) struct Overlay<'a> {
    /// Open texts.
    pub(crate) open: &'a Documents,
    /// Texts that stand over both.
    pub(crate) edited: Option<&'a BTreeMap<String, String>>,
    /// What is below.
    pub(crate) disk: &'a dyn Files,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        if let Some(text) = self.edited.and_then(|edited| edited.get(path)) {
            return Ok(text.clone());
        }
        self.open.get(path).map_or_else(|| self.disk.read(path), |open| Ok(open.text.clone()))
    }

    fn exists(&self, path: &str) -> bool {
        self.open.contains_key(path) || self.disk.exists(path)
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let mut names: BTreeSet<String> =
            self.disk.list(folder).unwrap_or_default().into_iter().collect();
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        for path in self.open.keys() {
            if let Some(rest) = path.strip_prefix(&prefix) {
                names.insert(match rest.split_once('/') {
                    Some((first, _)) => format!("{first}/"),
                    None => rest.to_owned(),
                });
            }
        }
        (!names.is_empty()).then(|| names.into_iter().collect())
    }

    fn list_whole(&self, folder: &str) -> Result<Vec<String>, String> {
        self.disk.list_whole(folder)?;
        Ok(self.list(folder).unwrap_or_default())
    }
}
