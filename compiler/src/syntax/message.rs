//! Syntax errors in the words of a person who writes `.flow`, never in names of grammar rules.

use super::CHAIN_HELP;
use super::parser::Rule;
use super::token::{Kind, Token};
use super::word;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// What could have stood at a place.
pub(super) struct Expected {
    /// Phrases, the most telling first.
    phrases: Vec<String>,
    /// Words that would have been accepted, for suggestions.
    pub words: Vec<String>,
    /// Whether something new could start here, so that what stands before is complete.
    pub fresh: bool,
}

/// So many phrases are listed; more would not be read.
const PHRASES_MAX: usize = 4;

/// A closer without its opener.
pub(super) fn stray(closer: &str, span: Span) -> Diagnostic {
    Diagnostic::error("F0001", span, format!("this `{closer}` closes nothing"))
        .label(span, "no bracket is open here")
        .fix(format!("remove the `{closer}`"), span, "")
}

/// A text whose opening quote stands at `span`.
pub(super) fn open_text(quote: &str, span: Span) -> Diagnostic {
    Diagnostic::error("F0001", span, "this text is never closed")
        .label(span, "starts here")
        .help(format!("add the closing `{quote}`"))
}

/// No token is left to blame.
pub(super) fn nothing(span: Span) -> Diagnostic {
    Diagnostic::error("F0001", span, "there is nothing to read here")
}

/// An item of which nothing more can be said.
pub(super) fn unreadable(span: Span) -> Diagnostic {
    Diagnostic::error("F0001", span, "this cannot be read").label(span, "what begins here")
}

/// F0003: brackets, or a chain, beyond what is read.
pub(super) fn too_deep(span: Span, word: Option<&str>) -> Diagnostic {
    // Behind `else`: a chain ends nowhere else with this word.
    let (what, help) = match word {
        Some("if") => ("this chain of `else if` is too long", CHAIN_HELP),
        _ => (
            "this is nested too deeply",
            "blocks may be 64 levels deep, expressions 256; give parts their own names",
        ),
    };
    Diagnostic::error("F0003", span, what).label(span, "the limit is reached here").help(help)
}

/// From the rules that were tried at the furthest place.
pub(super) fn expected(rules: &[Rule]) -> Expected {
    let mut ranked: Vec<(u8, String)> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut fresh = false;
    for &rule_tried in rules {
        fresh |= starts_anew(rule_tried);
        words.extend(starters(rule_tried).iter().map(|&w| w.to_owned()));
        let (rank, phrase) = match keyword(rule_tried) {
            Some(word) => {
                words.push(word.clone());
                (3, format!("`{word}`"))
            }
            None => phrase(rule_tried),
        };
        if !phrase.is_empty() && !ranked.iter().any(|(_, p)| *p == phrase) {
            ranked.push((rank, phrase));
        }
    }
    if ranked.iter().any(|(_, p)| p == "a value") {
        let covered = ["a name", "a name with a capital", "`if`", "`match`", "`not`"];
        ranked.retain(|(_, p)| !covered.contains(&p.as_str()));
    }
    // Operators could follow any value; they are worth a word only where little else is.
    if ranked.len() > 2 {
        ranked.retain(|(rank, _)| *rank < 9);
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.truncate(PHRASES_MAX);
    Expected { phrases: ranked.into_iter().map(|(_, p)| p).collect(), words, fresh }
}

impl Expected {
    /// `a, b or c`; nothing where nothing is known.
    pub(super) fn list(&self) -> Option<String> {
        let (last, rest) = self.phrases.split_last()?;
        Some(if rest.is_empty() { last.clone() } else { format!("{} or {last}", rest.join(", ")) })
    }

    /// The accepted word that was most likely meant.
    pub(super) fn meant(&self, written: &str) -> Option<&str> {
        word::meant(written, self.words.iter().map(String::as_str))
    }
}

/// `k_retry` is the rule of the word `retry`.
fn keyword(tried: Rule) -> Option<String> {
    format!("{tried:?}").strip_prefix("k_").map(str::to_owned)
}

fn starts_anew(tried: Rule) -> bool {
    use Rule as R;
    matches!(
        tried,
        R::stmt
            | R::clause
            | R::await_clause
            | R::action_clause
            | R::action
            | R::effect
            | R::header
            | R::brace_close
            | R::EOI
            | R::field
            | R::variant
            | R::test_stmt
            | R::human_clause
            | R::doc
            | R::allow
            | R::item
    )
}

fn starters(tried: Rule) -> &'static [&'static str] {
    use Rule as R;
    match tried {
        R::stmt => &word::STATEMENTS,
        R::test_stmt => &word::TEST_STATEMENTS,
        R::clause | R::await_clause | R::handler | R::else_clause | R::interrupt => &word::CLAUSES,
        R::action_clause => &word::ACTION_CLAUSES,
        R::header => &word::HEADERS,
        R::action | R::effect | R::breaker | R::limit => &word::MEMBERS,
        R::human_clause => &word::HUMAN_CLAUSES,
        R::item | R::workflow_decl => &word::ITEMS,
        R::remedy => &["fail", "manual", "skip", "use", "give", "return"],
        R::failure_pattern => &["timeout", "unknown", "refused"],
        R::awaited => &["event"],
        R::effect_call => &["run"],
        R::retry_spec => &["forever"],
        R::op_cmp | R::op_and | R::op_or => &["and", "or", "in"],
        R::primary | R::expr | R::op_not | R::literal => {
            &["not", "true", "false", "none", "match", "if"]
        }
        R::aftermath => &["after"],
        _ => &[],
    }
}

/// Words for a rule, and how telling they are: 0 the most, 9 the least.
fn phrase(tried: Rule) -> (u8, String) {
    use Rule as R;
    let (rank, words) = match tried {
        R::item | R::workflow_decl | R::service_decl | R::record_decl => {
            (0, "an item such as `workflow`")
        }
        R::clause | R::await_clause | R::handler | R::interrupt => {
            (0, "a clause such as `retry` or `on`")
        }
        R::action_clause => (0, "a clause such as `within`"),
        R::header => (0, "a line such as `deadline`"),
        R::stmt => (1, "a statement such as `step`"),
        R::test_stmt => (1, "`given`, `run` or `expect`"),
        R::action | R::effect => (1, "an action such as `read` or `write`"),
        R::human_clause => (1, "`title`, `assign` or `show`"),
        R::remedy => (1, "a remedy such as `fail` or `skip`"),
        R::effect_call | R::run_call | R::action_call => (1, "a call such as `Service.action(…)`"),
        R::field => (1, "a field"),
        R::variant => (1, "a variant"),
        R::awaited => (1, "a human task or `event`"),
        R::failure_pattern => (1, "an error, `timeout`, `refused` or `unknown`"),
        R::retry_spec => (1, "a number of times, `forever` or a policy"),
        R::pattern => (1, "a pattern"),
        R::expr
        | R::literal
        | R::call
        | R::construct
        | R::list
        | R::group
        | R::if_expr
        | R::match_expr
        | R::op_neg
        | R::op_not
        | R::arg
        | R::lambda
        | R::bound
        | R::number
        | R::boolean
        | R::none
        | R::money => (2, "a value"),
        R::ident | R::name | R::path => (2, "a name"),
        R::Ident => (2, "a name with a capital"),
        R::ty | R::ty_base | R::ty_name | R::generic => (2, "a type"),
        R::duration => (2, "a duration such as `30s`"),
        R::integer => (2, "a whole number"),
        R::percent => (2, "a percentage such as `50%`"),
        R::string | R::plain => (2, "a quoted text"),
        R::sql_text => (2, "a text in `\"\"\"`"),
        R::version => (4, "a version such as `v1`"),
        R::code => (2, "a code such as `F0305`"),
        R::block | R::brace_open | R::tx_block | R::fn_block | R::par_block => (3, "`{`"),
        R::args | R::params | R::binders | R::paren_open | R::loop_vars => (3, "`(`"),
        R::brace_close => (5, "`}`"),
        R::paren_close => (4, "`)`"),
        R::bracket_close => (4, "`]`"),
        R::angle_open => (3, "`<`"),
        R::angle_close => (4, "`>`"),
        R::comma => (4, "`,`"),
        R::colon => (3, "`:`"),
        R::dot => (4, "`.`"),
        R::equals => (3, "`=`"),
        R::arrow => (3, "`=>`"),
        R::gives | R::returns => (3, "`->`"),
        R::range => (5, "`..`"),
        R::op_or
        | R::op_and
        | R::op_coalesce
        | R::op_cmp
        | R::op_add
        | R::op_mul
        | R::member
        | R::index
        | R::update => (9, "an operator"),
        _ => (9, ""),
    };
    (rank, words.to_owned())
}

/// A token as a message names it.
pub(super) fn found(text: &str, token: Option<Token>) -> String {
    let Some(token) = token else { return "the end of the text".to_owned() };
    let written = text.get(token.start..token.end).unwrap_or("");
    match token.kind {
        Kind::Text | Kind::OpenText => "a quoted text".to_owned(),
        Kind::Doc => "a `///` line".to_owned(),
        Kind::Word if word::is_reserved(written) => format!("the word `{written}`"),
        _ => format!("`{}`", written.chars().take(40).collect::<String>()),
    }
}
