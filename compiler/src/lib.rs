//! The `.flow` compiler: text in; diagnostics, FIR and Rust tokens out.
//!
//! Pure: no file, clock, environment or network is touched here, except through the small
//! [`load::Files`] trait that the binaries implement. Data flows one way, from `syntax` to `emit`;
//! `docs/architecture.md` draws it.

mod allow;
pub mod certify;
pub mod check;
pub mod cost;
pub mod diagnostic;
pub mod doc;
pub mod emit;
pub mod explain;
pub mod fix;
pub mod format;
pub mod graph;
pub mod hir;
pub mod index;
pub mod load;
pub mod lower;
#[cfg(test)]
mod mutations;
pub mod name;
pub mod page;
pub mod released;
pub mod render;
pub mod resolve;
pub mod source;
pub mod span;
mod sql;
pub mod syntax;
pub mod types;
pub mod words;

use diagnostic::{Diagnostic, Severity};
use load::Loaded;
use source::Sources;
use span::Span;
use std::collections::BTreeSet;

/// What the compiler found out about a program.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// What it means.
    pub program: hir::Program,
    /// Its types.
    pub table: types::Table,
    /// Everything that is wrong with it, in order of place; warnings that were answered left out.
    pub diagnostics: Vec<Diagnostic>,
    /// The released versions of its workflows, in order of name and version.
    pub released: Vec<released::Released>,
}

impl Analysis {
    /// Whether nothing forbids to run it.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.diagnostics.iter().all(|d| d.severity != Severity::Error)
    }

    /// The witness that lowering asks for; none where something is wrong.
    #[must_use]
    pub fn checked(&self) -> Option<check::Checked<'_>> {
        check::seal(&self.program, &self.table, &self.diagnostics)
    }

    /// The intermediate form; none where something is wrong. `sources` are those analysed.
    #[must_use]
    pub fn lower(&self, sources: &Sources) -> Option<sagaflow_fir::Fir> {
        self.checked().map(|checked| self.paired(lower::program(&checked, sources)))
    }

    /// With what moves runs of released versions.
    fn paired(&self, mut fir: sagaflow_fir::Fir) -> sagaflow_fir::Fir {
        released::pair(&mut fir, &self.released);
        fir
    }

    /// The intermediate form as it stands beside released versions, also where it is refused because
    /// of them; none where something else is wrong.
    #[must_use]
    pub fn lower_beside(&self, sources: &Sources) -> Option<sagaflow_fir::Fir> {
        let others = self.diagnostics.iter().filter(|finding| !finding.code.starts_with("F09"));
        let others: Vec<Diagnostic> = others.cloned().collect();
        let checked = check::seal(&self.program, &self.table, &others);
        checked.map(|checked| lower::program(&checked, sources))
    }

    /// Today's program, as released versions are compared with it. `fir` and `loaded` are its own.
    #[must_use]
    pub fn today<'p>(
        &'p self,
        fir: &'p sagaflow_fir::Fir,
        loaded: &'p Loaded,
    ) -> released::Today<'p> {
        today(&self.program, fir, loaded)
    }

    /// The released versions that are served beside the program, oldest first.
    #[must_use]
    pub fn older(&self, fir: &sagaflow_fir::Fir) -> Vec<sagaflow_fir::Frozen> {
        released::older(&self.released, fir)
    }

    /// The intermediate form with the checks off, of a program that resolves and has its types.
    #[cfg(feature = "unchecked")]
    #[must_use]
    pub fn lower_unchecked(&self, sources: &Sources) -> sagaflow_fir::Fir {
        lower::program(&check::unchecked(&self.program, &self.table), sources)
    }
}

/// Runs every pass over what was loaded.
#[must_use]
pub fn analyze(loaded: &Loaded) -> Analysis {
    let mut diagnostics = loaded.diagnostics.clone();
    let (mut program, found) = resolve::resolve(&loaded.asts, &loaded.sources);
    diagnostics.extend(found);
    program.samples.clone_from(&loaded.samples);
    let (table, found) = types::infer(&program);
    diagnostics.extend(found);
    // What was too deep to be read is not said to be too deep to be evaluated as well.
    let unread: Vec<Span> =
        loaded.diagnostics.iter().filter(|it| it.code == "F0003").map(|it| it.span).collect();
    let mut found = check::check(&program, &table, &loaded.sources);
    found.retain(|it| it.code != "F0003" || !unread.iter().any(|inner| it.span.holds(*inner)));
    diagnostics.extend(found);
    check::forgive(&program, &loaded.asts, &mut diagnostics);
    let (released, damaged) = released::read(&loaded.released);
    // What was released is compared with what the program means, which is known of a right one only.
    let checked = check::seal(&program, &table, &diagnostics);
    let beside = !loaded.released.is_empty()
        || program.workflows.values().any(|workflow| !workflow.upgrades.is_empty());
    if let Some(checked) = checked.filter(|_| beside) {
        let fir = lower::program(&checked, &loaded.sources);
        let today = today(&program, &fir, loaded);
        diagnostics.extend(released::check(&today, &released, &damaged));
    }
    allow::apply(&loaded.asts, &mut diagnostics);
    let diagnostics = tidy(diagnostics, &loaded.sources);
    Analysis { program, table, diagnostics, released }
}

fn today<'p>(
    program: &'p hir::Program,
    fir: &'p sagaflow_fir::Fir,
    loaded: &'p Loaded,
) -> released::Today<'p> {
    let modules = loaded.sources.iter().map(|(_, source)| source.module.as_str()).collect();
    released::Today { program, fir, modules, gone: &loaded.gone }
}

/// In order of place, each finding once.
fn tidy(mut diagnostics: Vec<Diagnostic>, sources: &Sources) -> Vec<Diagnostic> {
    let path = |d: &Diagnostic| sources.get(d.span.file).map(|s| s.path.as_str()).unwrap_or("");
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.span.start, d.span.end, d.code);
        path(a).cmp(path(b)).then_with(|| key(a).cmp(&key(b)))
    });
    let mut seen = BTreeSet::new();
    // What is said of released versions stands where there is a place at all: at the version, or at
    // the beginning. Several causes meet there.
    let cause = |d: &Diagnostic| d.code.starts_with("F09").then(|| d.headline.clone());
    diagnostics.retain(|d| seen.insert((d.span, d.code, cause(d))));
    diagnostics
}
