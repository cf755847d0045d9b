//! What the words before a place say about it.

use sagaflow_compiler::index::{Kind, Token, scan};

/// What a place is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    /// Of no item.
    Top,
    /// A service or database.
    Contract,
    /// A record, enum or event.
    Fields,
    /// A human task.
    Human,
    /// A test.
    Test,
    /// A workflow, function or decision.
    Body,
}

/// Kinds of names at top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Top {
    /// `event`
    Event,
    /// `workflow`
    Workflow,
    /// `resource`
    Resource,
    /// `database`
    Database,
    /// `policy`
    Policy,
    /// `human`
    Human,
}

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// What has a dot before it.
    Member,
    /// A declared error.
    Error,
    /// What `on` takes.
    Handler,
    /// What a step calls.
    Effect,
    /// One of these.
    Top(Vec<Top>),
    /// A type.
    Type,
    /// The path of a module.
    Module,
    /// What this module declares.
    Import(String),
    /// A new name, which nobody can guess.
    Name,
    /// The beginning of a statement, clause or declaration.
    Start,
    /// An expression.
    Value,
}

/// A place in a text.
pub(super) struct Context<'t> {
    /// All of it.
    pub(super) text: &'t str,
    /// What stands before the word at the place.
    pub(super) before: Vec<Token>,
    /// Where that word begins.
    pub(super) prefix: u32,
    /// What is wanted.
    pub(super) want: Want,
    /// What it is inside.
    pub(super) place: Where,
    /// The word that the last item begins with.
    pub(super) item: &'t str,
}

/// Words that begin an item.
const ITEMS: [&str; 15] = [
    "workflow", "service", "database", "record", "enum", "type", "event", "resource", "human",
    "policy", "decide", "fn", "schedule", "test", "use",
];

impl<'t> Context<'t> {
    /// What stands at a place; nothing in comments and quoted texts.
    pub(super) fn at(text: &'t str, offset: u32) -> Option<Self> {
        let head = text.get(..offset as usize)?;
        let line = head.rsplit('\n').next().unwrap_or("");
        let mut before = scan(head);
        if line.contains("//")
            && before.last().is_none_or(|last| {
                head.get(last.end as usize..).is_some_and(|rest| rest.contains("//"))
            })
        {
            return None;
        }
        match before.last() {
            // A quoted text that has not ended: the scan of a whole text ends with its quote.
            Some(last) if last.kind == Kind::Text && last.end == offset && is_open(head, last) => {
                return None;
            }
            Some(last) if last.kind == Kind::Number && last.end == offset => return None,
            _ => {}
        }
        let prefix = match before.last() {
            Some(last) if last.kind == Kind::Word && last.end == offset => {
                let start = last.start;
                before.pop();
                start
            }
            _ => offset,
        };
        let mut context =
            Self { text, before, prefix, want: Want::Value, place: Where::Top, item: "" };
        context.enclose();
        context.want = context.wanted();
        Some(context)
    }

    /// The word so many tokens back; nothing for anything else.
    pub(super) fn word(&self, back: usize) -> &'t str {
        match self.token(back) {
            Some(token) if token.kind == Kind::Word => token.text(self.text),
            _ => "",
        }
    }

    pub(super) fn token(&self, back: usize) -> Option<&Token> {
        self.before.get(self.before.len().checked_sub(back)?)
    }

    pub(super) fn is(&self, back: usize, mark: u8) -> bool {
        self.token(back).is_some_and(|token| token.is(mark))
    }

    /// Which item the place is in, by the words that begin lines and by braces.
    fn enclose(&mut self) {
        let mut depth = 0_usize;
        for (n, token) in self.before.iter().enumerate() {
            match token.kind {
                Kind::Mark(b'{') => depth += 1,
                Kind::Mark(b'}') => depth = depth.saturating_sub(1),
                Kind::Word => {
                    let word = token.text(self.text);
                    let start = token.start as usize;
                    let line = self.text.get(..start).and_then(|t| t.rsplit('\n').next());
                    // An item begins at the left edge; so braces that were forgotten do no harm.
                    if line.is_some_and(str::is_empty) && ITEMS.contains(&word) {
                        depth = 0;
                        self.item = word;
                    } else if depth == 0 && n == 0 {
                        self.item = word;
                    }
                }
                _ => {}
            }
        }
        self.place = match (depth, self.item) {
            (0, _) => Where::Top,
            (_, "service" | "database") => Where::Contract,
            (_, "record" | "enum" | "event") => Where::Fields,
            (_, "human") => Where::Human,
            (_, "test") => Where::Test,
            _ => Where::Body,
        };
    }

    fn wanted(&self) -> Want {
        if self.is(1, b'.') {
            return match self.use_line() {
                true => Want::Module,
                false => Want::Member,
            };
        }
        if let Some(want) = self.in_import() {
            return want;
        }
        let after = self.word(1);
        match after {
            "fail" | "fails" | "failed" => return Want::Error,
            "on" if self.place == Where::Top => return Want::Top(vec![Top::Event]),
            "on" => return Want::Handler,
            "step" | "pivot" if self.place == Where::Body => return Want::Effect,
            "compensate" | "probe" | "fallback" | "given" | "never" | "calls" => {
                return Want::Effect;
            }
            "run" | "start" | "of" | "schedule" => return Want::Top(vec![Top::Workflow]),
            "emit" | "event" | "deliver" | "batch" if self.item != "event" => {
                return Want::Top(vec![Top::Event]);
            }
            "lock" => return Want::Top(vec![Top::Resource]),
            "after" if self.item == "resource" => return Want::Top(vec![Top::Resource]),
            "transaction" => return Want::Top(vec![Top::Database]),
            "retry" => return Want::Top(vec![Top::Policy]),
            "await" => return Want::Top(vec![Top::Human]),
            "use" if self.place == Where::Top => return Want::Module,
            "pii" | "secret" => return Want::Type,
            _ if ITEMS.contains(&after) && self.place == Where::Top => return Want::Name,
            _ => {}
        }
        self.by_mark()
    }

    fn by_mark(&self) -> Want {
        // `step x = `, `pivot x = `, `await x = `
        if self.is(1, b'=') && !self.is(2, b'=') {
            match self.word(3) {
                "step" | "pivot" => return Want::Effect,
                "await" => return Want::Top(vec![Top::Human]),
                "type" => return Want::Type,
                _ => return Want::Value,
            }
        }
        if self.is(1, b'>') && self.is(2, b'-') {
            return Want::Type;
        }
        if self.is(1, b'<') && matches!(self.word(2), "list" | "map" | "outcome" | "batch") {
            return Want::Type;
        }
        if self.is(1, b':') && self.is_typed() {
            return Want::Type;
        }
        // `=>` wants a remedy or a value.
        if self.is(1, b'>') && self.is(2, b'=') {
            return Want::Start;
        }
        let ends = match self.token(1) {
            None => true,
            Some(token) => match token.kind {
                Kind::Mark(mark) => matches!(mark, b'{' | b'}' | b')' | b']' | b'%' | b'"'),
                Kind::Word | Kind::Number | Kind::Text => !self.joins(),
            },
        };
        if ends { Want::Start } else { Want::Value }
    }

    /// Whether the word before wants an expression after it.
    fn joins(&self) -> bool {
        matches!(
            self.word(1),
            "if" | "match"
                | "and"
                | "or"
                | "not"
                | "in"
                | "return"
                | "give"
                | "reply"
                | "use"
                | "by"
                | "where"
                | "until"
                | "sleep"
                | "reject"
                | "to"
                | "assign"
                | "show"
                | "expect"
                | "per"
                | "at"
                | "unless"
        )
    }

    /// Whether a colon is one of a declaration: its parentheses or braces belong to one.
    fn is_typed(&self) -> bool {
        if self.place == Where::Fields {
            return true;
        }
        let mut depth = 0_usize;
        let opener = self.before.iter().rposition(|token| match token.kind {
            Kind::Mark(b')') => {
                depth += 1;
                false
            }
            Kind::Mark(b'(') if depth == 0 => true,
            Kind::Mark(b'(') => {
                depth -= 1;
                false
            }
            _ => false,
        });
        let Some(opener) = opener else { return false };
        let word = |at: Option<usize>| {
            at.and_then(|at| self.before.get(at)).map_or("", |token| token.text(self.text))
        };
        let head = word(opener.checked_sub(2));
        self.place == Where::Top
            || matches!(head, "read" | "write" | "pivot" | "tx") && self.place == Where::Contract
            || matches!(head, "fails" | "," | "fn")
            || word(opener.checked_sub(1)) == "repeat"
    }

    fn use_line(&self) -> bool {
        let words = self.before.iter().rev().take_while(|token| {
            token.is(b'.') || (token.kind == Kind::Word && token.text(self.text) != "use")
        });
        let n = words.count();
        self.place == Where::Top && self.word(n + 1) == "use"
    }

    /// Between the braces of a `use` line.
    fn in_import(&self) -> Option<Want> {
        let open = self.before.iter().rposition(|token| token.is(b'{'))?;
        let inside = self.before.get(open + 1..)?;
        if !inside.iter().all(|token| token.kind == Kind::Word || token.is(b',')) {
            return None;
        }
        let path: Vec<&Token> = self
            .before
            .get(..open)?
            .iter()
            .rev()
            .take_while(|t| t.is(b'.') || (t.kind == Kind::Word && t.text(self.text) != "use"))
            .collect();
        let head = open.checked_sub(path.len() + 1)?;
        if self.before.get(head)?.text(self.text) != "use" || path.is_empty() {
            return None;
        }
        let path: String = path.into_iter().rev().map(|token| token.text(self.text)).collect();
        Some(Want::Import(path))
    }

    /// Words that may stand where a name at top level may.
    pub(super) fn also(&self) -> &'static [&'static str] {
        let after = if self.is(1, b'=') { self.word(3) } else { self.word(1) };
        match after {
            "retry" => &["forever"],
            "await" => &["event", "first"],
            "on" => &["batch"],
            _ => &[],
        }
    }
}

/// Whether a piece of a quoted text has no end.
fn is_open(head: &str, last: &Token) -> bool {
    let text = last.text(head);
    if text.starts_with("\"\"\"") {
        return text.len() < 6 || !text.ends_with("\"\"\"");
    }
    // Order: a lone quote opens a text or closes one, and the number of them before says which.
    let line = head.rsplit('\n').next().unwrap_or("");
    let quotes = line.bytes().filter(|byte| *byte == b'"').count();
    quotes % 2 == 1
}
