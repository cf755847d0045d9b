//! F0905 and F0906: what is about to be deployed, beside what was frozen and what is running.

use super::{Released, Today};
use crate::diagnostic::Diagnostic;
use sagaflow_fir::file_name;
use std::collections::BTreeMap;

/// Open runs of one version, as a node has told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Qualified name.
    pub workflow: String,
    /// From 1.
    pub version: u32,
    /// The hash of what the version means; empty where a node of an older program does not say it.
    pub hash: String,
    /// How many.
    pub runs: u64,
}

/// F0905: every version that is written has to be frozen as it stands. `own` says which workflows
/// were asked about.
#[must_use]
pub fn locked(
    today: &Today<'_>,
    released: &[Released],
    own: &dyn Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (name, workflow) in today.fir.workflows.iter().filter(|(name, _)| own(name)) {
        // What cannot be executed has no runs.
        if !workflow.unsupported.is_empty() {
            continue;
        }
        let file = file_name(name, workflow.version);
        let frozen = today.fir.freeze(name);
        let known = released.iter().find(|it| it.frozen.file_name() == file);
        let (what, label) = match known {
            None => ("is not released", format!("there is no `released/{file}`")),
            Some(known) if Some(&known.frozen) != frozen.as_ref() => {
                ("is released in another form", format!("`{}` is stale", known.path))
            }
            Some(_) => continue,
        };
        let short = name.rsplit('.').next().unwrap_or(name);
        let span = today.place(name);
        findings.push(
            Diagnostic::error("F0905", span, format!("v{} of `{short}` {what}", workflow.version))
                .label(span, label)
                .help(format!("`flowc release {short}`, and commit the file with the program")),
        );
    }
    findings
}

/// F0906: open runs of versions that none of these programs contains, at the first of them that has
/// the workflow; the findings by program.
#[must_use]
pub fn stranded(
    programs: &[(Today<'_>, &[Released])],
    live: &[Live],
) -> BTreeMap<usize, Vec<Diagnostic>> {
    let mut findings: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
    for runs in live {
        let fits = |version: u32, hash: &str| {
            version == runs.version && (runs.hash.is_empty() || hash == runs.hash)
        };
        let here = programs.iter().any(|(today, released)| {
            let written = today.fir.workflows.get(&runs.workflow);
            let frozen = released.iter().map(|it| &it.frozen);
            written.is_some_and(|it| fits(it.version, &today.fir.hash(&runs.workflow)))
                || frozen
                    .filter(|it| it.workflow == runs.workflow)
                    .any(|it| fits(it.version, &it.hash))
        });
        if here {
            continue;
        }
        let has = |(today, _): &(Today<'_>, &[Released])| today.workflow(&runs.workflow).is_some();
        let at = programs.iter().position(has).unwrap_or(0);
        let Some((today, _)) = programs.get(at) else { continue };
        let short = runs.workflow.rsplit('.').next().unwrap_or(&runs.workflow);
        let (span, version) = (today.place(&runs.workflow), runs.version);
        let count = crate::words::plural(runs.runs, "run");
        let file = file_name(&runs.workflow, version);
        findings.entry(at).or_default().push(
            Diagnostic::error(
                "F0906",
                span,
                format!("{count} of `{short}` v{version} would wait for ever"),
            )
            .label(span, format!("neither this nor a released version is v{version} of that hash"))
            .help(format!(
                "take `released/{file}` back from version control, or end those runs first"
            )),
        );
    }
    findings
}
