//! Programs as they stand: each source root analysed once for each state of its texts.
//!
//! A program is every file below the nearest `flows` folder or `flow.toml`; of a file without one, it
//! and what it uses. What is not open is read from the disk each time, so nothing is ever stale.

use crate::documents::{Documents, Overlay};
use sagaflow_compiler::index::Index;
use sagaflow_compiler::load::{Cache, Files, Loaded, Unreadable, load_again, marked_root, roots};
use sagaflow_compiler::source::Source;
use sagaflow_compiler::span::FileId;
use sagaflow_compiler::{Analysis, analyze};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A program and what was found out about it.
pub(crate) struct Program {
    /// Its texts.
    pub(crate) loaded: Loaded,
    /// What they mean.
    pub(crate) analysis: Analysis,
    /// Files that could not be read.
    pub(crate) unreadable: Vec<Unreadable>,
    index: OnceCell<Index>,
}

impl Program {
    /// Its names.
    pub(crate) fn index(&self) -> &Index {
        let analysis = &self.analysis;
        self.index.get_or_init(|| Index::of(&self.loaded, &analysis.program, &analysis.table))
    }

    /// A text by its path.
    pub(crate) fn file(&self, path: &str) -> Option<(FileId, &Source)> {
        self.loaded.sources.iter().find(|(_, source)| source.path == path)
    }
}

/// Programs by what names them, and what was parsed for them.
#[derive(Default)]
pub(crate) struct World {
    programs: BTreeMap<String, Rc<Program>>,
    parsed: BTreeMap<String, Cache>,
}

impl World {
    /// Forgets what was found out, because something has changed on the disk.
    pub(crate) fn forget(&mut self) {
        self.programs.clear();
    }

    /// Forgets what was found out about programs with a text, because it has changed.
    pub(crate) fn forget_text(&mut self, path: &str) {
        let holds = |program: &Program| {
            program.file(path).is_some() || program.unreadable.iter().any(|one| one.path == path)
        };
        self.programs.retain(|_, program| !holds(program));
    }

    /// What names the program of a file: its root, or the file itself.
    pub(crate) fn name(path: &str, files: &dyn Files) -> String {
        marked_root(path, files).unwrap_or_else(|| path.to_owned())
    }

    /// The program that a file is part of.
    pub(crate) fn program(
        &mut self,
        path: &str,
        open: &Documents,
        disk: &dyn Files,
    ) -> Rc<Program> {
        let files = Overlay { open, edited: None, disk };
        let name = Self::name(path, &files);
        if let Some(known) = self.programs.get(&name)
            && (known.file(path).is_some() || known.unreadable.iter().any(|u| u.path == path))
        {
            return Rc::clone(known);
        }
        let cache = self.parsed.entry(name.clone()).or_default();
        let program = Rc::new(analysed(path, &name, &files, cache));
        self.programs.insert(name, Rc::clone(&program));
        program
    }

    /// The same program with other texts, of which nothing is kept.
    pub(crate) fn edited(
        path: &str,
        edits: &BTreeMap<String, String>,
        open: &Documents,
        disk: &dyn Files,
    ) -> Program {
        let files = Overlay { open, edited: Some(edits), disk };
        analysed(path, &Self::name(path, &files), &files, &mut Cache::default())
    }
}

fn analysed(path: &str, name: &str, files: &dyn Files, cache: &mut Cache) -> Program {
    let mut unreadable = Vec::new();
    let below = if name == path { Vec::new() } else { vec![name.to_owned()] };
    let found = roots(&below, files).unwrap_or_default();
    // Order: a folder may hold roots of its own; only the one that the file is in is meant.
    let own = found.into_iter().find(|all| all.iter().any(|one| one == path));
    let mut paths = own.unwrap_or_else(|| vec![path.to_owned()]);
    let loaded = loop {
        match load_again(&paths, files, cache) {
            Ok(loaded) => break loaded,
            Err(refused) => {
                let before = paths.len();
                paths.retain(|one| *one != refused.path);
                let stuck = paths.len() == before;
                unreadable.push(refused);
                if stuck {
                    break Loaded::default();
                }
            }
        }
    };
    unreadable.extend(loaded.unreadable.iter().cloned());
    let analysis = analyze(&loaded);
    Program { loaded, analysis, unreadable, index: OnceCell::new() }
}
