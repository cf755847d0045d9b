//! SQL texts of actions, as far as the compiler reads them: where parameters stand, and how many
//! statements there are.
//!
//! Promises: what stands in texts, quoted names, comments and casts is no parameter.

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// `:name`
    Param(String),
}

/// What a text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql {
    /// In order.
    pub parts: Vec<Part>,
    /// Statements in it; one action is one.
    pub statements: u32,
}

impl Sql {
    /// The parameters that it names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Param(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    fn text(&mut self, piece: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push_str(piece),
            _ => self.parts.push(Part::Text(piece.to_owned())),
        }
    }
}

/// Reads a text.
#[must_use]
pub fn scan(text: &str) -> Sql {
    let mut sql = Sql::default();
    let mut rest = text;
    let mut open = false;
    while let Some(first) = rest.chars().next() {
        let mut param = None;
        let before = text.len() - rest.len();
        let inside = text[..before].chars().next_back().is_some_and(is_word);
        let skipped = match first {
            'e' | 'E' if !inside && rest[1..].starts_with('\'') => 1 + escaped(&rest[1..]),
            '\'' | '"' => quoted(rest, first),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment(rest),
            '$' => dollar(rest),
            ':' if rest.starts_with("::") => 2,
            ':' => {
                let name: String = rest.chars().skip(1).take_while(|c| is_word(*c)).collect();
                let length = 1 + name.len();
                param = Some(name).filter(|name| name.starts_with(|c: char| !c.is_ascii_digit()));
                length
            }
            ';' => {
                open = false;
                1
            }
            _ => first.len_utf8(),
        };
        let is_comment = skipped > 1 && matches!(first, '-' | '/');
        if !open && first != ';' && !first.is_whitespace() && !is_comment {
            open = true;
            sql.statements += 1;
        }
        let (piece, after) = rest.split_at_checked(skipped).unwrap_or((rest, ""));
        match param {
            Some(name) => sql.parts.push(Part::Param(name)),
            None => sql.text(piece),
        }
        rest = after;
    }
    sql
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a text in which a backslash makes the next character its own.
fn escaped(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => drop(chars.next()),
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a text or quoted name; a doubled quote is part of it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        match rest.get(at..).and_then(|tail| tail.find(quote)) {
            None => return rest.len(),
            Some(end) => {
                at += end + 1;
                if !rest.get(at..).is_some_and(|tail| tail.starts_with(quote)) {
                    return at;
                }
                at += 1;
            }
        }
    }
}

/// The length of a comment; comments nest.
fn comment(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while at < rest.len() {
        let tail = rest.get(at..).unwrap_or_default();
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of `$tag$ … $tag$`, or of a lone dollar.
fn dollar(rest: &str) -> usize {
    let tag: String = rest.chars().skip(1).take_while(|c| is_word(*c)).collect();
    let fence = format!("${tag}$");
    if !rest.starts_with(&fence) {
        return 1;
    }
    let body = rest.get(fence.len()..).unwrap_or_default();
    body.find(&fence).map_or(rest.len(), |end| fence.len() * 2 + end)
}

#[cfg(test)]
mod tests {
    use super::scan;

    fn names(text: &str) -> Vec<String> {
        scan(text).names().map(str::to_owned).collect()
    }

    #[test]
    fn parameters_are_found_where_they_stand_and_nowhere_else() {
        assert_eq!(names("select :a, ':b', \":c\", x::text, y[1:2] -- :d\n, :e"), ["a", "e"]);
        assert_eq!(names("select /* :a /* :b */ :c */ :d, $$ :e $$, $t$ :f $t$, :g"), ["d", "g"]);
        assert_eq!(names(r"select E'it\'s :a', e'\\', :b, 'x\', :c"), ["b", "c"]);
        assert_eq!(names("select note':a', :b"), ["b"]);
    }

    #[test]
    fn the_pieces_put_together_are_the_text() {
        let text = r"insert into t values (:a, E'\':b', :a::int); ";
        let together: String = scan(text)
            .parts
            .iter()
            .map(|part| match part {
                super::Part::Text(text) => text.clone(),
                super::Part::Param(name) => format!(":{name}"),
            })
            .collect();
        assert_eq!(together, text);
        assert_eq!(scan(text).statements, 1);
    }
}
