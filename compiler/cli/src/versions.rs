//! What `release`, `diff` and `retire` share: a source root with its programs, and names of versions.

use crate::check::{self, Checked};
use anyhow::{Context as _, bail};
use sagaflow_compiler::diagnostic::Severity;
use sagaflow_compiler::load::{self, released_folder};
use sagaflow_compiler::{name, render};
use sagaflow_fir::{Fir, Frozen};
use std::path::PathBuf;

/// One program with its form and the folder of its released versions.
pub struct Root {
    /// What was read and found.
    pub checked: Checked,
    /// Its intermediate form; none where it has errors.
    pub fir: Option<Fir>,
    /// Where its released versions are, or will be.
    pub folder: PathBuf,
}

/// The programs below a path.
///
/// # Errors
/// A path that cannot be read, or without any `.flow` file.
pub fn roots(path: &str) -> anyhow::Result<Vec<Root>> {
    let programs = check::analyse(&[path.to_owned()])?;
    let root = |checked: Checked| {
        let first = checked.paths.first().map(String::as_str).unwrap_or_default();
        let folder = PathBuf::from(released_folder(&load::root_of(first, &crate::disk::Disk)));
        let fir = checked.analysis.lower_beside(&checked.loaded.sources);
        Root { checked, fir, folder }
    };
    Ok(programs.into_iter().map(root).collect())
}

impl Root {
    /// Says its errors on stderr; whether there are any.
    pub fn complain(&self) -> bool {
        let all = self.checked.analysis.diagnostics.iter();
        let errors = all.filter(|finding| finding.severity == Severity::Error);
        errors.map(|it| eprintln!("{}", render::short(it, &self.checked.loaded.sources))).count()
            > 0
    }
}

/// `Pay`, `shop.Pay`, `Pay@2`.
#[derive(Debug)]
pub struct Version {
    /// As it was asked for, without the number.
    pub workflow: String,
    /// None: as it is written today.
    pub number: Option<u32>,
}

impl Version {
    /// Reads a name.
    ///
    /// # Errors
    /// What stands behind `@` is no number.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let Some((workflow, number)) = text.split_once('@') else {
            return Ok(Self { workflow: text.to_owned(), number: None });
        };
        let number = number.trim_start_matches('v').parse();
        let number =
            number.with_context(|| format!("`{text}` names no version, such as `Pay@2`"))?;
        Ok(Self { workflow: workflow.to_owned(), number: Some(number) })
    }

    /// Whether it names this workflow, by the qualified name or the short one.
    pub fn fits(&self, qualified: &str) -> bool {
        let short = qualified.rsplit('.').next().unwrap_or(qualified);
        self.workflow == qualified || self.workflow == short
    }

    /// The version it names, frozen.
    ///
    /// # Errors
    /// There is none, or several.
    pub fn find(&self, roots: &[Root]) -> anyhow::Result<Frozen> {
        let mut found: Vec<Frozen> = Vec::new();
        let mut known: Vec<String> = Vec::new();
        for root in roots {
            let released = root.checked.analysis.released.iter().map(|it| it.frozen.clone());
            known.extend(released.clone().map(|it| format!("{}@{}", it.workflow, it.version)));
            match (self.number, &root.fir) {
                (Some(number), _) => {
                    found.extend(
                        released.filter(|it| self.fits(&it.workflow) && it.version == number),
                    );
                }
                (None, Some(fir)) => {
                    let names = fir.workflows.keys();
                    known.extend(names.clone().cloned());
                    found.extend(names.filter(|it| self.fits(it)).filter_map(|it| fir.freeze(it)));
                }
                (None, None) => {
                    root.complain();
                }
            }
        }
        match (found.len(), found.pop()) {
            (1, Some(one)) => Ok(one),
            (0, _) => bail!("there is no {self}{}", hint(&self.to_string(), &known)),
            _ => bail!("{self} is several: use the qualified name"),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.number {
            Some(number) => write!(f, "`{}@{number}`", self.workflow),
            None => write!(f, "`{}`", self.workflow),
        }
    }
}

/// What was meant perhaps, or what there is.
pub fn hint(wanted: &str, known: &[String]) -> String {
    match name::suggest(wanted.trim_matches('`'), known.iter().map(String::as_str)).as_slice() {
        [] if known.is_empty() => String::new(),
        [] => format!("; there is {}", known.join(", ")),
        near => format!("; did you mean {}?", name::any_of(near)),
    }
}
