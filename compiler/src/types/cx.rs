//! What inference carries along: the table so far, the findings, and where in the program it is.
//!
//! Also how a mismatch is told: which code it has, what both sides are, and where each came from.

use super::money::Facts;
use super::table::Signature;
use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::hir::{EventId, ExprId, ExprKind, FunctionId, Idx as _, LocalId, Program, Ty, TyKind};
use crate::span::Span;
use std::collections::BTreeMap;

/// A type that a place asks for, and who says so.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// The type.
    pub ty: Ty,
    /// Where it comes from, in words.
    pub from: Option<(Span, String)>,
}

impl Want {
    /// A type that the construct itself asks for.
    pub fn plain(ty: Ty) -> Self {
        Self { ty, from: None }
    }

    /// A type that is declared somewhere.
    pub fn declared(ty: Ty, span: Span, words: impl Into<String>) -> Self {
        Self { ty, from: Some((span, words.into())) }
    }

    /// The same origin with another type.
    pub fn with(&self, ty: Ty) -> Self {
        Self { ty, from: self.from.clone() }
    }
}

/// Where in the program inference is, as far as findings depend on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// Inside a `fn` or `decide`: the word and its name.
    pub pure: Option<(&'static str, String)>,
    /// Inside the calls of this `compensate` clause.
    pub undo: Option<Span>,
    /// Inside the arguments of this call.
    pub call: Option<Span>,
    /// Inside a test.
    pub test: bool,
    /// What the workflow answers, and where that stands; none without result.
    pub result: Option<(Ty, Span)>,
    /// The event of whose records the workflow takes batches.
    pub batch: Option<EventId>,
    /// The module, for sample data.
    pub module: smol_str::SmolStr,
}

/// Values that meet at one place: of `give`, or of `use`.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    /// What they are likely to be.
    pub hint: Option<Ty>,
    /// In source order.
    pub values: Vec<ExprId>,
}

/// The state of inference.
pub(super) struct Cx<'a> {
    pub program: &'a Program,
    pub table: Table,
    pub findings: Vec<Diagnostic>,
    pub place: Place,
    /// What functions give, with the labels of their bodies; nothing while a body is looked at.
    pub given: BTreeMap<FunctionId, Option<Ty>>,
    /// The labels that names take over from later turns: the names of a `repeat` from `again`, those
    /// of a `fold` from what its lambda makes.
    pub raised: BTreeMap<LocalId, Ty>,
    /// What is known of currencies here.
    pub facts: Facts,
    /// The loops around, innermost last.
    pub gives: Vec<Meeting>,
    /// The remedies and fallbacks around, innermost last.
    pub uses: Vec<Meeting>,
    /// Names that arms bind with two types, with the places of both.
    pub conflicts: BTreeMap<LocalId, ConflictingNames>,
}

/// Two arms that bind one name with two types.
#[derive(Clone, Debug)]
pub(super) struct ConflictingNames {
    /// Place and type in either.
    pub both: [(Span, Ty); 2],
}

impl<'a> Cx<'a> {
    pub fn new(program: &'a Program) -> Self {
        let table = Table {
            exprs: vec![Ty::error(); program.exprs.len()],
            locals: program
                .locals
                .values()
                .map(|local| local.ty.as_ref().map_or_else(Ty::error, |ty| ty.node.clone()))
                .collect(),
            steps: vec![Signature::default(); program.step_count as usize],
            ..Table::default()
        };
        Self {
            program,
            table,
            findings: Vec::new(),
            place: Place::default(),
            given: BTreeMap::new(),
            raised: BTreeMap::new(),
            facts: Facts::default(),
            gives: Vec::new(),
            uses: Vec::new(),
            conflicts: BTreeMap::new(),
        }
    }

    /// Reports.
    pub fn report(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }

    /// Where an expression stands.
    pub fn span(&self, id: ExprId) -> Span {
        self.program.exprs[id].span
    }

    /// A type in words.
    pub fn show(&self, ty: &Ty) -> String {
        self.program.show_ty(&Ty { label: crate::hir::Label::Open, kind: ty.kind.clone() })
    }

    /// Sets the type of a local.
    pub fn bind(&mut self, local: LocalId, ty: Ty) {
        if let Some(slot) = self.table.locals.get_mut(local.index()) {
            *slot = ty;
        }
    }

    /// Sets the type of a name that several turns give values to: with the labels of all of them.
    pub fn bind_raised(&mut self, local: LocalId, ty: Ty) {
        let ty = match self.raised.get(&local) {
            Some(raised) => self.program.labelled_as(ty, raised),
            None => ty,
        };
        self.bind(local, ty);
    }

    /// Takes the labels of a later value over into a name; whether they were new to it, so that what
    /// was said of it has to be looked at again.
    pub fn raise(&mut self, local: LocalId, later: &Ty) -> bool {
        let now = self.table.local(local);
        let raised = self.program.labelled_as(now.clone(), later);
        let grew = raised != now;
        if grew {
            self.raised.insert(local, raised.clone());
            self.bind(local, raised);
        }
        grew
    }

    /// Sets the type of an expression by itself.
    pub fn set(&mut self, id: ExprId, ty: Ty) {
        if let Some(slot) = self.table.exprs.get_mut(id.index()) {
            *slot = ty;
        }
    }

    /// Runs `work` somewhere else and comes back.
    pub fn within<T>(&mut self, place: Place, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.place, place);
        let answer = work(self);
        self.place = before;
        answer
    }

    /// A type without nominal wrappers and optionals: what operators and methods work on.
    pub fn base(&self, ty: &Ty) -> Ty {
        self.program.plain(ty)
    }

    /// Reports that a value does not fit where it stands.
    pub fn mismatch(&mut self, id: ExprId, got: &Ty, want: &Want) {
        if got.has_error() || want.ty.has_error() {
            return;
        }
        let code = self.mismatch_code(got, &want.ty);
        let span = self.span(id);
        let (got_text, want_text) = (self.show(got), self.show(&want.ty));
        let place = match (self.place.undo, code, self.place.call) {
            (Some(undo), _, _) => undo,
            (None, "F0112", Some(call)) => call,
            _ => span,
        };
        let (code, headline) = match self.place.undo {
            Some(_) => (
                "F0203",
                format!(
                    "the compensation's arguments do not fit: this is {}, but {} is wanted",
                    article(&got_text),
                    article(&want_text)
                ),
            ),
            None => (code, headline(code, &got_text, &want_text)),
        };
        let mut finding = Diagnostic::error(code, place, headline)
            .label(span, format!("this is {}", article(&got_text)));
        if let Some((at, words)) = self.origin(id)
            && at != span
        {
            finding = finding.label(at, words);
        }
        if let Some((at, words)) = &want.from {
            finding = finding.label(*at, words.clone());
        }
        if let Some(help) = self.mismatch_help(code, got, &want.ty) {
            finding = finding.help(help);
        }
        self.report(finding);
    }

    /// The most specific code for a value of one type where another is wanted.
    fn mismatch_code(&self, got: &Ty, want: &Ty) -> &'static str {
        use TyKind as K;
        match (&got.kind, &want.kind) {
            (K::Optional(a), K::Optional(b))
            | (K::List(a), K::List(b))
            | (K::Outcome(a), K::Outcome(b)) => self.mismatch_code(a, b),
            (K::Optional(inner), _) => match self.convert(None, inner, want) {
                Some(_) => "F0114",
                None => self.mismatch_code(inner, want),
            },
            (K::None, _) => "F0114",
            (_, K::Optional(inner)) => self.mismatch_code(got, inner),
            (K::Alias(a), K::Alias(b)) if a != b => "F0115",
            (K::Money(_), K::Money(_)) => "F0112",
            _ => "F0102",
        }
    }

    fn mismatch_help(&self, code: &str, got: &Ty, want: &Ty) -> Option<String> {
        match code {
            "F0114" => Some(
                "take the value out with `match` (`none => …  x => …`), or give a default with `??`"
                    .to_owned(),
            ),
            "F0112" => match (&got.kind, &want.kind) {
                (TyKind::Money(None), _) => Some(
                    "which currency plain `money` has is known at run time only; compare it under \
                     `same_currency(a, b)`, or declare the currency"
                        .to_owned(),
                ),
                _ => Some("convert the amount with a rate first".to_owned()),
            },
            "F0115" => Some("ids of different kinds never stand for each other".to_owned()),
            _ => match &want.present().kind {
                wanted if literal(&got.kind, wanted).is_some() => {
                    literal(&got.kind, wanted).map(str::to_owned)
                }
                TyKind::Alias(id) if self.base(&want.present()).kind == self.base(got).kind => {
                    let name = &self.program.aliases[*id].name.name;
                    Some(format!("say that it is one: `{name}(…)`"))
                }
                _ => None,
            },
        }
    }

    /// Where the type of an expression comes from, if not from itself.
    pub fn origin(&self, id: ExprId) -> Option<(Span, String)> {
        match &self.program.exprs[id].kind {
            ExprKind::Local(local) => {
                let local = &self.program.locals[*local];
                let span = local.ty.as_ref().map_or(local.span, |ty| ty.span);
                Some((span, format!("`{}` gets its type here", local.name)))
            }
            ExprKind::Call(function, _) => {
                let result = &self.program.functions[*function].result;
                Some((
                    result.span,
                    format!("`{}` gives this", self.program.functions[*function].name.name),
                ))
            }
            ExprKind::Field { base, name, .. } => {
                let fields = self.fields_of(&self.table.own_ty(*base).present())?;
                let field = fields.iter().find(|field| field.name.node == name.node)?;
                Some((field.ty.span, format!("`{}` is declared here", name.node)))
            }
            _ => None,
        }
    }
}

/// How a value is written that was probably meant as one of the wanted type.
fn literal(got: &TyKind, want: &TyKind) -> Option<&'static str> {
    use TyKind as K;
    Some(match (got, want) {
        (K::Int, K::Date) => "a date is written as a text: `\"2026-12-31\"`",
        (K::Int, K::Time) => "a point in time is written as a text: `\"2026-12-31T08:00:00Z\"`",
        (K::Int | K::Decimal, K::Duration) => "a duration has a unit: `30s`, `5m`, `2h`",
        (K::Int | K::Decimal, K::Money(_)) => "an amount has a currency: `12.50 EUR`",
        (K::Int | K::Decimal, K::Percent) => "a percentage has its sign: `50%`",
        (K::Int | K::Decimal | K::Money(_) | K::Date | K::Time | K::Bool, K::Text) => {
            "put it into a text: `\"{value}\"`"
        }
        _ => return None,
    })
}

fn headline(code: &str, got: &str, want: &str) -> String {
    let (got_a, want_a) = (article(got), article(want));
    match code {
        "F0114" => format!("this may be absent, and {want_a} is wanted"),
        "F0115" => format!("{got_a} is passed where {want_a} is wanted"),
        "F0112" => format!("this is {got_a}, but {want_a} is wanted"),
        _ => format!("this is {got_a}, but {want_a} is wanted"),
    }
}

/// A type's name in a sentence.
pub(super) fn article(name: &str) -> String {
    match name {
        "none" | "no value" | "nothing" => format!("`{name}`"),
        _ if name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) => format!("an `{name}`"),
        _ => format!("a `{name}`"),
    }
}
