//! F0902: `upgrade from`, held against what runs of the older version have wherever they may rest.

use super::Released;
use super::moves::{Found, Given, Move, each_point};
use super::rules::{Today, short_name};
use crate::diagnostic::Diagnostic;
use crate::hir::{Upgrade, Workflow};
use crate::words::plural;
use std::collections::BTreeSet;

impl Today<'_> {
    /// Every `upgrade from` that some run could not follow.
    pub(super) fn upgrades(&self, released: &[Released]) -> Vec<Diagnostic> {
        let all = self.program.workflows.values();
        let all = all.flat_map(|workflow| workflow.upgrades.iter().map(move |it| (workflow, it)));
        all.filter_map(|(workflow, upgrade)| self.upgrade(workflow, upgrade, released)).collect()
    }

    fn upgrade(
        &self,
        workflow: &Workflow,
        upgrade: &Upgrade,
        released: &[Released],
    ) -> Option<Diagnostic> {
        let (name, version, from) =
            (workflow.name.to_string(), workflow.version.node, upgrade.from.node);
        let short = short_name(&name);
        let said = |headline: String| Diagnostic::error("F0902", upgrade.span, headline);
        if from >= version {
            let headline = format!("runs of `{short}` v{from} are not older than this program");
            let label = format!("this is v{version}");
            let help = "name the version whose runs are to move, or leave `upgrade from` out";
            return Some(said(headline).label(upgrade.from.span, label).help(help));
        }
        let is = |it: &&Released| it.frozen.workflow == name && it.frozen.version == from;
        let Some(older) = released.iter().find(is) else {
            let headline = format!("nobody knows what runs of `{short}` v{from} hold");
            let file = sagaflow_fir::file_name(&name, from);
            let label = format!("there is no `released/{file}`");
            let help = format!(
                "take the file back from version control, or leave `upgrade from v{from}` out: no run of \
                 it is served either"
            );
            return Some(said(headline).label(upgrade.from.span, label).help(help));
        };
        let new = self.fir.freeze(&name)?;
        let mut stuck = Stuck { first: None, points: 0, lacking: Some(BTreeSet::new()) };
        each_point(&older.frozen, &new, &self.given(upgrade), &mut |point| stuck.add(point));
        let first = stuck.first?;
        let headline = format!(
            "runs of `{short}` v{from} that rest at `{}` could not go on with this",
            first.at
        );
        let others = match stuck.points - 1 {
            0 => String::new(),
            1 => "; there is 1 point more".to_owned(),
            more => format!("; there are {} more", plural(more, "point")),
        };
        let label = format!("{}{others}", first.words());
        let ends = format!("leave it out, and runs of v{from} end on v{from}");
        let help = match stuck.lacking {
            Some(names) => format!(
                "give a value for each, `upgrade from v{from} ({})`, or {ends}",
                names.iter().map(|name| format!("{name} = …")).collect::<Vec<_>>().join(", ")
            ),
            None => format!("`flowc diff {short}@{from} {short}` shows every point; {ends}"),
        };
        Some(said(headline).label(upgrade.span, label).help(help))
    }

    /// The values that are given, each with the names that it is made from.
    fn given(&self, upgrade: &Upgrade) -> Given {
        let program = self.program;
        let made = |value| {
            let (mut reads, own) = (Vec::new(), program.exprs[value].span);
            program.each_read(value, &mut |local| {
                let local = &program.locals[local];
                let inside = local.span.file == own.file
                    && local.span.start >= own.start
                    && local.span.end <= own.end;
                if !inside {
                    reads.push(local.name.to_string());
                }
            });
            reads
        };
        upgrade.values.iter().map(|(name, value)| (name.node.to_string(), made(*value))).collect()
    }
}

/// The points where a run may not move.
struct Stuck {
    first: Option<Move>,
    points: u64,
    /// What would let every run move, if it were given; none where that is not all.
    lacking: Option<BTreeSet<String>>,
}

impl Stuck {
    fn add(&mut self, point: Found) {
        if point.because.is_empty() {
            return;
        }
        self.points += 1;
        // What the machine keeps for itself, nobody can name.
        let nameable = point.lacks.iter().all(|name| !name.contains('#'));
        match &mut self.lacking {
            Some(names) if nameable && point.because.len() == point.lacks.len() => {
                names.extend(point.lacks.iter().cloned());
            }
            lacking => *lacking = None,
        }
        self.first.get_or_insert_with(|| point.into());
    }
}
