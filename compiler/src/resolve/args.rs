//! The shape of arguments (F0120): put in parameter order, with the signature shown.

use super::body::Body;
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Args, Builtin, ExprId, Field};
use crate::span::Span;
use crate::syntax::ast;

/// What may be left out of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// Nothing but what has a default.
    Refused,
    /// Anything: `given A.b(…)` matches the rest.
    Allowed,
}

impl Body<'_, '_> {
    /// Arguments in parameter order; `what` is called.
    pub(super) fn args(&mut self, args: &ast::Args, what: &str, params: &[Field]) -> Args {
        self.args_with(args, what, params, Missing::Refused)
    }

    /// As [`Self::args`]; of something of which part was skipped nothing is blamed.
    pub(super) fn args_of(
        &mut self,
        incomplete: bool,
        args: &ast::Args,
        what: &str,
        params: &[Field],
    ) -> Args {
        let outer = std::mem::replace(&mut self.lenient, incomplete);
        let read = self.args(args, what, params);
        self.lenient = outer;
        read
    }

    /// Arguments that need not be complete.
    pub(super) fn some_args(&mut self, args: &ast::Args, what: &str, params: &[Field]) -> Args {
        self.args_with(args, what, params, Missing::Allowed)
    }

    /// Arguments whose parentheses may be left out where there is nothing to say.
    pub(super) fn args_or_none(
        &mut self,
        args: Option<&ast::Args>,
        after: Span,
        what: &str,
        params: &[Field],
    ) -> Args {
        match args {
            Some(args) => self.args(args, what, params),
            None => {
                let span = Span { start: after.end, ..after };
                let none = ast::Args { items: Vec::new(), span };
                let mut found = self.collect(&none, params);
                self.report_missing(&mut found, params, Missing::Refused);
                self.report_shape(found, after, what, params)
            }
        }
    }

    /// Reads arguments of something unknown, so that what they mention counts as used.
    pub(super) fn loose_args(&mut self, args: &ast::Args) -> Args {
        let extra = args.items.iter().map(|arg| self.expr(&arg.value)).collect();
        Args { extra, span: args.span, ..Args::default() }
    }

    fn args_with(
        &mut self,
        args: &ast::Args,
        what: &str,
        params: &[Field],
        missing: Missing,
    ) -> Args {
        if let Some(spread) = self.spread(args, params) {
            let values = vec![None; params.len()];
            return Args { values, spread: Some(spread), span: args.span, extra: Vec::new() };
        }
        let mut found = self.collect(args, params);
        self.report_missing(&mut found, params, missing);
        self.report_shape(found, args.span, what, params)
    }

    /// One `sample(…)` for all of several parameters, where that is allowed.
    fn spread(&mut self, args: &ast::Args, params: &[Field]) -> Option<ExprId> {
        let [ast::Arg { name: None, value, .. }] = args.items.as_slice() else { return None };
        let ast::ExprKind::Call { name, .. } = &value.kind else { return None };
        let spreads = self.spreads && params.len() > 1 && name.text == "sample";
        spreads.then(|| self.expr(value))
    }

    /// Puts each argument to its parameter and notes what does not fit.
    fn collect(&mut self, args: &ast::Args, params: &[Field]) -> Shape {
        let mut shape = Shape {
            args: Args { values: vec![None; params.len()], span: args.span, ..Args::default() },
            wrong: Vec::new(),
        };
        let mut places: Vec<Option<Span>> = vec![None; params.len()];
        let mut named = false;
        for (position, arg) in args.items.iter().enumerate() {
            let value = self.expr(&arg.value);
            let index = match &arg.name {
                Some(name) => {
                    named = true;
                    params.iter().position(|p| p.name.node == name.text)
                }
                None if named => None,
                None => Some(position).filter(|p| *p < params.len()),
            };
            let Some(index) = index else {
                shape.args.extra.push(value);
                shape.wrong.push((arg.span, misfit(arg, named, position, params.len())));
                continue;
            };
            if let Some(first) = places[index] {
                shape.args.extra.push(value);
                shape.wrong.push((first, Problem::First));
                let name = params[index].name.node.to_string();
                shape.wrong.push((arg.span, Problem::Again(name)));
                continue;
            }
            places[index] = Some(arg.span);
            shape.args.values[index] = Some(value);
        }
        shape
    }

    fn report_missing(&mut self, shape: &mut Shape, params: &[Field], missing: Missing) {
        // A name that is wrong is most often the one that is missing: one finding is enough.
        let unknown = |(_, p): &(Span, Problem)| matches!(p, Problem::Unknown(_));
        if missing == Missing::Allowed || shape.wrong.iter().any(unknown) || self.incomplete {
            return;
        }
        let absent: Vec<String> = params
            .iter()
            .zip(&shape.args.values)
            .filter(|(param, value)| value.is_none() && param.default.is_none())
            .map(|(param, _)| param.name.node.to_string())
            .collect();
        if !absent.is_empty() {
            shape.wrong.push((shape.args.span, Problem::Missing(absent)));
        }
    }

    fn report_shape(&mut self, shape: Shape, span: Span, what: &str, params: &[Field]) -> Args {
        let head = shape.wrong.iter().find(|(_, p)| *p != Problem::First);
        if let Some((first, problem)) = head.filter(|_| !self.lenient) {
            let empty = first.start == first.end;
            let primary = if empty { span } else { *first };
            let mut found = Diagnostic::error("F0120", primary, problem.headline(what));
            for (place, problem) in &shape.wrong {
                let place = if place.start == place.end { span } else { *place };
                found = found.label(place, problem.label());
            }
            let signature = self.signature(what, params);
            found = found.help(format!("it is declared as `{signature}`"));
            if let Problem::Unknown(name) = problem {
                let known = params.iter().map(|p| p.name.node.as_str());
                for near in crate::name::suggest(name, known) {
                    let end = primary.start + name.len() as u32;
                    let place = Span { end, ..primary };
                    found = found.fix(format!("write `{near}`"), place, near);
                }
            }
            self.r.report(found);
        }
        shape.args
    }

    /// `authorize(order: OrderId, amount: money)`.
    pub(super) fn signature(&self, what: &str, params: &[Field]) -> String {
        let params: Vec<String> = params
            .iter()
            .map(|p| format!("{}: {}", p.name.node, self.r.program.show_ty(&p.ty.node)))
            .collect();
        format!("{what}({})", params.join(", "))
    }

    /// A field or value named twice in arguments that are matched later.
    pub(super) fn named_twice(&mut self, args: &ast::Args, what: &str) {
        for (index, arg) in args.items.iter().enumerate() {
            let Some(name) = &arg.name else { continue };
            let same = |a: &&ast::Arg| a.name.as_ref().is_some_and(|n| n.text == name.text);
            if let Some(first) = args.items.iter().take(index).find(same) {
                let text = format!("{what} `{}` is given twice", name.text);
                let found = Diagnostic::error("F0120", arg.span, text)
                    .label(first.span, "once here")
                    .label(arg.span, "and again here");
                self.r.report(found);
            }
        }
    }

    /// Arguments of a built-in function, in order; they have no names.
    pub(super) fn builtin_args(
        &mut self,
        builtin: Builtin,
        called: &ast::Name,
        args: &ast::Args,
    ) -> Vec<ExprId> {
        let (least, most, signature) = builtin_signature(builtin);
        let count = args.items.len();
        let named = args.items.iter().find(|arg| arg.name.is_some());
        if let Some(arg) = named {
            let text = format!("the arguments of `{}` have no names", called.text);
            let found = Diagnostic::error("F0120", arg.span, text)
                .label(arg.span, "leave out the name")
                .help(format!("it is declared as `{signature}`"));
            self.r.report(found);
        } else if count < least || count > most {
            let problem = if count < least { "too few" } else { "too many" };
            let text = format!("`{}` is called with {problem} arguments", called.text);
            let found = Diagnostic::error("F0120", args.span, text)
                .label(args.span, format!("{problem} arguments"))
                .help(format!("it is declared as `{signature}`"));
            self.r.report(found);
        }
        args.items.iter().map(|arg| self.expr(&arg.value)).collect()
    }
}

/// Arguments as far as they fit, and what does not.
struct Shape {
    args: Args,
    wrong: Vec<(Span, Problem)>,
}

#[derive(Clone, PartialEq, Eq)]
enum Problem {
    /// Two or more parameters have no argument.
    Missing(Vec<String>),
    /// More arguments than parameters.
    TooMany(usize),
    /// Named as nothing is.
    Unknown(String),
    /// Without a name after one that has one.
    Position,
    /// The first of two for one parameter.
    First,
    /// The second of two for this parameter.
    Again(String),
}

fn misfit(arg: &ast::Arg, named: bool, position: usize, count: usize) -> Problem {
    match &arg.name {
        Some(name) => Problem::Unknown(name.text.to_string()),
        None if named && position < count => Problem::Position,
        None => Problem::TooMany(count),
    }
}

impl Problem {
    fn headline(&self, what: &str) -> String {
        match self {
            Self::Missing(names) => {
                let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
                format!("`{what}` needs {}", names.join(", "))
            }
            Self::TooMany(0) => format!("`{what}` takes no arguments"),
            Self::TooMany(1) => format!("`{what}` takes one argument"),
            Self::TooMany(n) => format!("`{what}` takes {n} arguments"),
            Self::Unknown(name) => format!("`{what}` has nothing called `{name}`"),
            Self::Position => "an argument without a name stands after a named one".into(),
            Self::First | Self::Again(_) => match self {
                Self::Again(name) => format!("`{name}` of `{what}` is given twice"),
                _ => format!("an argument of `{what}` is given twice"),
            },
        }
    }

    fn label(&self) -> String {
        match self {
            Self::Missing(names) if names.len() == 1 => format!("`{}` is missing", names[0]),
            Self::Missing(_) => "these are missing".into(),
            Self::TooMany(_) => "one too many".into(),
            Self::Unknown(_) => "no such name".into(),
            Self::Position => "name it, or move it before the named ones".into(),
            Self::First => "given here…".into(),
            Self::Again(_) => "…and again here".into(),
        }
    }
}

fn builtin_signature(builtin: Builtin) -> (usize, usize, &'static str) {
    match builtin {
        Builtin::Now => (0, 0, "now() -> time"),
        Builtin::Random => (0, 0, "random() -> decimal"),
        Builtin::NewUuid => (0, 0, "new_uuid() -> uuid"),
        Builtin::SameCurrency => (2, 2, "same_currency(a: money, b: money) -> bool"),
        Builtin::Role => (1, 1, "role(name: text)"),
        Builtin::User => (1, 1, "user(name: text)"),
        Builtin::AnsweredBy => (1, 1, "answered_by(answer)"),
        Builtin::AnsweredAt => (1, 1, "answered_at(answer) -> time"),
        Builtin::Sample => (1, 1, "sample(name: text)"),
        Builtin::Range => (1, 2, "range(from: int, to: int) -> list<int>"),
        Builtin::Dates => (2, 2, "dates(from: date, to: date) -> list<date>"),
        Builtin::Fingerprint => (1, 1, "fingerprint(value) -> text"),
        Builtin::Reveal => (2, 2, "reveal(value, reason: text)"),
    }
}

/// The parameters that a call must give: a last `fence: int` is filled in by the runtime
/// (verdict 28).
pub(super) fn without_fence(params: &[Field]) -> &[Field] {
    match params.split_last() {
        Some((last, rest))
            if last.name.node == "fence" && last.ty.node.kind == hir::TyKind::Int =>
        {
            rest
        }
        _ => params,
    }
}
