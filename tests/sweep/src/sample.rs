//! Small programs, each made for one thing that may go wrong.

use crate::program::{
    Call, Class, Expr, Handler, Key, Pattern, Program, Remedy, Retry, Stmt, Undo,
};
use crate::subject::{Subject, generated};

/// A write `a<id>` with its undo `u<id>`.
#[must_use]
pub fn write(id: u32, at: &[&str], key: Key) -> Call {
    Call {
        name: format!("s{id}"),
        action: format!("a{id}"),
        undoes: vec![format!("u{id}")],
        probe: None,
        class: Class::Write,
        key,
        errors: vec!["Bad1".to_owned()],
        undo: Undo::Args,
        at: at.iter().map(|name| (*name).to_owned()).collect(),
        arg: Expr::Input,
        retry: Retry::Default,
        fallback: None,
        handlers: Vec::new(),
    }
}

/// A pivot `a<id>` that is tried until it is answered.
#[must_use]
pub fn pivot(id: u32) -> Call {
    let (undo, undoes) = (Undo::None, Vec::new());
    let (class, retry) = (Class::Pivot, Retry::Forever);
    Call { class, undo, undoes, retry, ..write(id, &[], Key::Plain) }
}

/// A program of these statements.
///
/// # Errors
/// Where the checker rejects it.
pub fn of(body: Vec<Stmt>) -> Result<Subject, String> {
    generated(Program { body, after: Vec::new(), result: Some(Expr::Lit(0)), deadline: None })
}

/// Three turns of a write.
fn turns(id: u32) -> Stmt {
    let arg = Expr::Name("i".to_owned());
    Stmt::Each {
        name: "l".to_owned(),
        var: "i".to_owned(),
        list: vec![1, 2, 3],
        settle: false,
        body: vec![Stmt::Call(Call { arg, ..write(id, &["i"], Key::Plain) })],
        give: Expr::Lit(0),
    }
}

/// A loop of writes, one write that may not be repeated, and one more.
///
/// # Errors
/// Where the checker rejects it.
pub fn looped() -> Result<Subject, String> {
    of(vec![turns(1), Stmt::Call(write(2, &[], Key::None)), Stmt::Call(write(3, &[], Key::Plain))])
}

/// A write whose undo needs its result.
///
/// # Errors
/// Where the checker rejects it.
pub fn asked() -> Result<Subject, String> {
    let undo = Undo::Result;
    of(vec![
        Stmt::Call(Call { undo, ..write(1, &[], Key::Plain) }),
        Stmt::Call(write(2, &[], Key::Plain)),
    ])
}

/// A pivot behind a write.
///
/// # Errors
/// Where the checker rejects it.
pub fn committing() -> Result<Subject, String> {
    of(vec![Stmt::Call(write(1, &[], Key::Plain)), Stmt::Call(pivot(2))])
}

/// A pivot beside turns of two writes that settle by themselves.
///
/// # Errors
/// Where the checker rejects it.
pub fn settling() -> Result<Subject, String> {
    let turns = Stmt::ParallelEach {
        name: "l".to_owned(),
        var: "i".to_owned(),
        list: vec![1, 2],
        max: 2,
        settle: true,
        body: vec![
            Stmt::Call(write(2, &["i"], Key::Plain)),
            Stmt::Call(write(3, &["i"], Key::Plain)),
        ],
        give: Expr::Lit(0),
    };
    let branches = vec![Stmt::Call(pivot(1)), turns];
    of(vec![Stmt::Parallel { branches, handlers: Vec::new() }])
}

/// A write beside turns that take longer, and a write behind both.
///
/// # Errors
/// Where the checker rejects it.
pub fn branching() -> Result<Subject, String> {
    let branches = vec![Stmt::Call(write(1, &[], Key::Plain)), turns(2)];
    of(vec![
        Stmt::Parallel { branches, handlers: Vec::new() },
        Stmt::Call(write(3, &[], Key::Plain)),
    ])
}

/// A workflow with a deadline that strikes in a sleep between two writes.
///
/// # Errors
/// Where the checker rejects it.
pub fn hurried() -> Result<Subject, String> {
    let body = vec![
        Stmt::Call(write(1, &[], Key::Plain)),
        Stmt::Sleep(60),
        Stmt::Call(write(2, &[], Key::Plain)),
    ];
    let (after, result) = (Vec::new(), Some(Expr::Lit(0)));
    generated(Program { body, after, result, deadline: Some(15) })
}

/// A write whose deadline lets it begin twice.
///
/// # Errors
/// Where the checker rejects it.
pub fn limited() -> Result<Subject, String> {
    of(vec![Stmt::Call(Call { retry: Retry::Until(2), ..write(1, &[], Key::Plain) })])
}

/// A caller who is answered behind the commit, before a last write.
///
/// # Errors
/// Where the checker rejects it.
pub fn answering() -> Result<Subject, String> {
    let last = Call { class: Class::Write, errors: Vec::new(), ..pivot(3) };
    of(vec![Stmt::Call(pivot(1)), Stmt::Reply(Expr::Lit(42)), Stmt::Call(last)])
}

/// Two writes that may not be repeated, of which the first may stay unknown.
///
/// # Errors
/// Where the checker rejects it.
pub fn unrepeatable() -> Result<Subject, String> {
    let handlers = vec![Handler { on: Pattern::Unknown, then: Remedy::Skip }];
    of(vec![
        Stmt::Call(Call { handlers, ..write(1, &[], Key::None) }),
        Stmt::Call(write(2, &[], Key::None)),
    ])
}
