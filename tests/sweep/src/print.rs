//! A tree as the text of a module.

use crate::program::{
    Call, Class, Cond, Ending, Expr, Handler, Key, Pattern, Program, Remedy, Retry, Stmt, Turns,
    Undo,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Module of every generated program.
pub const MODULE: &str = "m";

/// Workflow of every generated program.
pub const WORKFLOW: &str = "m.W";

/// Pause between the attempts of a step with a deadline.
const PAUSE_S: u32 = 10;

/// The text of a program.
#[must_use]
pub fn print(program: &Program) -> String {
    let mut out = String::new();
    head(program, &mut out);
    contracts(program, &mut out);
    workflow(program, &mut out);
    out
}

/// The event or task of a wait.
#[must_use]
pub fn awaited(wait: &str) -> String {
    let mut name = wait.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

fn put(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn head(program: &Program, out: &mut String) {
    put(out, "record In { id: text, k: int }");
    put(out, "event Noted key id { id: text, n: int }");
    put(out, "fn twice(n: int) -> int = n + n");
    put(out, "decide step_up(n: int) -> int {\n  n > 6 => 2\n  n > 2 => 1\n  else => 0\n}");
    program.each(&mut |stmt| match stmt {
        Stmt::Event { name, .. } | Stmt::First { name, .. } => event(out, &awaited(name)),
        Stmt::Scope { interrupt: Some(interrupt), .. } => event(out, &interrupt.event),
        Stmt::Task { name, .. } => {
            let task = awaited(name);
            put(out, &format!("human {task}(id: text) -> bool {{\n  title \"{{id}}?\"\n  assign role(\"boss\")\n}}"));
        }
        _ => {}
    });
}

fn event(out: &mut String, name: &str) {
    put(out, &format!("event {name} key id {{ id: text, n: int }}"));
}

fn contracts(program: &Program, out: &mut String) {
    put(out, "service S {");
    for call in program.calls() {
        contract(call, out);
    }
    put(out, "}");
}

fn contract(call: &Call, out: &mut String) {
    let word = match call.class {
        Class::Read => "read",
        Class::Write => "write",
        Class::Pivot => "pivot",
    };
    put(out, &format!("  {word} {}(at: text, v: int) -> int", call.action));
    match call.key {
        Key::None => {}
        Key::Plain => put(out, "    idempotent"),
        Key::At => put(out, "    idempotent by at"),
    }
    if let Some(probe) = &call.probe {
        put(out, &format!("    probe {probe}(at)"));
    }
    if !call.errors.is_empty() {
        let errors: Vec<_> = call.errors.iter().map(|name| format!("{name}(code: int)")).collect();
        put(out, &format!("    fails {}", errors.join(", ")));
    }
    let first = call.undoes.first().map_or("", String::as_str);
    match call.undo {
        Undo::Args => put(out, &format!("    compensate {first}(at, v)")),
        Undo::Result => put(out, &format!("    compensate {first}(at, result)")),
        Undo::Waived => put(out, "    compensate none because \"it costs nothing\""),
        Undo::None | Undo::Own | Undo::Block => {}
    }
    put(out, "    within 2s");
    for undo in &call.undoes {
        put(out, &format!("  write {undo}(at: text, v: int) idempotent within 2s"));
    }
    if let Some(probe) = &call.probe {
        put(out, &format!("  read {probe}(at: text) -> int? within 1s"));
    }
}

fn workflow(program: &Program, out: &mut String) {
    put(out, "workflow W v1 (input: In) -> int");
    put(out, "  idempotent by input.id");
    let fails = failing(program);
    if !fails.is_empty() {
        let fails: Vec<_> = fails.iter().map(|name| format!("{name}(code: int)")).collect();
        put(out, &format!("  fails {}", fails.join(", ")));
    }
    if let Some(seconds) = program.deadline {
        put(out, &format!("  deadline {seconds}s"));
    }
    put(out, "{");
    block(&program.body, 1, out);
    if let Some(result) = &program.result {
        put(out, &format!("  return {}", expr(result)));
    }
    put(out, "}");
    if !program.after.is_empty() {
        put(out, "after failure {");
        block(&program.after, 1, out);
        put(out, "}");
    }
}

/// The errors that may leave the workflow: those of services, and those that begin with `Gone`.
fn failing(program: &Program) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for call in program.calls() {
        let handled = |name: &&String| {
            call.handlers.iter().any(|handler| {
                handler.on == Pattern::Any || handler.on == Pattern::Error((*name).clone())
            })
        };
        names.extend(call.errors.iter().filter(|name| !handled(name)).cloned());
        names.extend(call.handlers.iter().filter_map(failed));
    }
    program.each(&mut |stmt| match stmt {
        Stmt::Fail(name) => {
            names.insert(name.clone());
        }
        Stmt::Parallel { handlers, .. }
        | Stmt::Scope { handlers, .. }
        | Stmt::Event { handlers, .. }
        | Stmt::Task { handlers, .. } => names.extend(handlers.iter().filter_map(failed)),
        _ => {}
    });
    names.retain(|name| !name.starts_with("Local"));
    names
}

fn failed(handler: &Handler) -> Option<String> {
    match &handler.then {
        Remedy::Fail(name) | Remedy::Block(_, Ending::Fail(name)) => Some(name.clone()),
        _ => None,
    }
}

/// An expression.
#[must_use]
pub fn expr(of: &Expr) -> String {
    match of {
        Expr::Lit(n) => n.to_string(),
        Expr::Name(name) => name.clone(),
        Expr::Input => "input.k".to_owned(),
        Expr::Plus(left, n) => format!("{} + {n}", expr(left)),
        Expr::Twice(of) => format!("twice({})", expr(of)),
        Expr::Decided(of) => format!("step_up({})", expr(of)),
    }
}

fn cond(of: &Cond) -> String {
    format!("{} > {}", expr(&of.left), of.right)
}

/// The first argument of a call.
fn place(at: &[String]) -> String {
    if at.is_empty() {
        return "\"-\"".to_owned();
    }
    let parts: Vec<_> = at.iter().map(|name| format!("{{{name}}}")).collect();
    format!("\"{}\"", parts.join("."))
}

fn block(stmts: &[Stmt], depth: usize, out: &mut String) {
    for each in stmts {
        stmt(each, depth, out);
    }
}

fn line(depth: usize, text: &str, out: &mut String) {
    let _ = writeln!(out, "{}{text}", "  ".repeat(depth));
}

fn stmt(of: &Stmt, depth: usize, out: &mut String) {
    match of {
        Stmt::Call(of) => call(of, depth, out),
        Stmt::Let(name, value) => line(depth, &format!("{name} = {}", expr(value)), out),
        Stmt::Parallel { branches, handlers } => {
            line(depth, "parallel {", out);
            block(branches, depth + 1, out);
            line(depth, "}", out);
            handle(handlers, depth + 1, out);
        }
        Stmt::ParallelEach { name, var, list, max, settle, body, give } => {
            let settle = if *settle { " settle" } else { "" };
            line(
                depth,
                &format!("{name} = parallel each {var} in {list:?} max {max}{settle} {{"),
                out,
            );
            gives(body, give, depth, out);
        }
        Stmt::Each { name, var, list, settle, body, give } => {
            let settle = if *settle { " settle" } else { "" };
            line(depth, &format!("{name} = each {var} in {list:?}{settle} {{"), out);
            gives(body, give, depth, out);
        }
        Stmt::Repeat { name, var, turns, body, give } => {
            repeat((name, var), turns, (body, give), depth, out);
        }
        Stmt::Scope { .. } => scope(of, depth, out),
        Stmt::If { cond: of, then, other } => {
            line(depth, &format!("if {} {{", cond(of)), out);
            block(then, depth + 1, out);
            if !other.is_empty() {
                line(depth, "} else {", out);
                block(other, depth + 1, out);
            }
            line(depth, "}", out);
        }
        Stmt::Match { on, arms, rest } => {
            line(depth, &format!("match {} {{", expr(on)), out);
            for (n, arm) in arms {
                line(depth + 1, &format!("{n} => {{"), out);
                block(arm, depth + 2, out);
                line(depth + 1, "}", out);
            }
            line(depth + 1, "_ => {", out);
            block(rest, depth + 2, out);
            line(depth + 1, "}", out);
            line(depth, "}", out);
        }
        Stmt::Event { .. } | Stmt::Task { .. } | Stmt::First { .. } => wait(of, depth, out),
        Stmt::Sleep(seconds) => line(depth, &format!("sleep {seconds}s"), out),
        Stmt::Emit => line(depth, "emit Noted(id: input.id, n: input.k)", out),
        Stmt::Review => line(depth, "review \"look at this\"", out),
        Stmt::Progress => line(depth, "progress \"on it\"", out),
        Stmt::Reply(value) => line(depth, &format!("reply {}", expr(value)), out),
        Stmt::Fail(name) => line(depth, &format!("fail {name}(0)"), out),
    }
}

fn gives(body: &[Stmt], give: &Expr, depth: usize, out: &mut String) {
    block(body, depth + 1, out);
    line(depth + 1, &format!("give {}", expr(give)), out);
    line(depth, "}", out);
}

fn repeat(
    (name, var): (&str, &str),
    turns: &Turns,
    (body, give): (&[Stmt], &Expr),
    depth: usize,
    out: &mut String,
) {
    match turns {
        Turns::Again(last) => {
            line(depth, &format!("{name} = repeat ({var} = 0) forever {{"), out);
            block(body, depth + 1, out);
            line(depth + 1, &format!("if {var} > {} {{ give {} }}", last - 1, expr(give)), out);
            line(depth + 1, &format!("again ({var}: {var} + 1)"), out);
            line(depth, "}", out);
        }
        Turns::Until(most, until) => {
            line(depth, &format!("repeat up to {most} times {{"), out);
            block(body, depth + 1, out);
            line(depth, &format!("}} until {} else {{ review \"it ran out\" }}", cond(until)), out);
        }
    }
}

fn scope(of: &Stmt, depth: usize, out: &mut String) {
    let Stmt::Scope { name, fails, body, retry, interrupt, fallback, handlers } = of else {
        return;
    };
    let fails: Vec<_> = fails.iter().map(|name| format!("{name}(code: int)")).collect();
    let fails =
        if fails.is_empty() { String::new() } else { format!(" fails {}", fails.join(", ")) };
    line(depth, &format!("scope {name}{fails} {{"), out);
    block(body, depth + 1, out);
    line(depth, "}", out);
    if *retry > 1 {
        line(depth + 1, &format!("retry {retry} times"), out);
    }
    if let Some(fallback) = fallback {
        line(depth + 1, "fallback {", out);
        block(fallback, depth + 2, out);
        line(depth + 1, "}", out);
    }
    if let Some(interrupt) = interrupt {
        let keep = if interrupt.keep { " keep" } else { "" };
        line(
            depth + 1,
            &format!("on event {}(_, _) where id == input.id{keep} => skip", interrupt.event),
            out,
        );
    }
    handle(handlers, depth + 1, out);
}

fn wait(of: &Stmt, depth: usize, out: &mut String) {
    match of {
        Stmt::Event { name, handlers } => {
            let event = awaited(name);
            line(depth, &format!("await {name} = event {event} where id == input.id"), out);
            line(depth + 1, "within 1h", out);
            handle(handlers, depth + 1, out);
        }
        Stmt::Task { name, handlers, no } => {
            line(depth, &format!("await {name} = {}(input.id)", awaited(name)), out);
            line(depth + 1, "within 1h", out);
            handle(handlers, depth + 1, out);
            line(depth, &format!("if not {name} {{"), out);
            block(no, depth + 1, out);
            line(depth, "}", out);
        }
        Stmt::First { name, event, time } => {
            line(depth, "await first {", out);
            line(depth + 1, &format!("event {} where id == input.id => {{", awaited(name)), out);
            block(event, depth + 2, out);
            line(depth + 1, "}", out);
            line(depth + 1, "sleep 1h => {", out);
            block(time, depth + 2, out);
            line(depth + 1, "}", out);
            line(depth, "}", out);
        }
        _ => {}
    }
}

fn call(of: &Call, depth: usize, out: &mut String) {
    let word = if of.class == Class::Pivot { "pivot" } else { "step" };
    let args = format!("{}, {}", place(&of.at), expr(&of.arg));
    line(depth, &format!("{word} {} = S.{}({args})", of.name, of.action), out);
    let depth = depth + 1;
    match &of.retry {
        Retry::Default => {}
        Retry::Times(n) => line(depth, &format!("retry {n} times"), out),
        Retry::On(n, error) => line(depth, &format!("retry {n} times on {error}"), out),
        Retry::Forever => line(depth, "retry forever", out),
        Retry::Until(n) => {
            line(depth, &format!("retry forever backoff {PAUSE_S}s"), out);
            // Half a pause more than the last attempt needs, and less than one more would.
            line(depth, &format!("deadline {}s", n * PAUSE_S - PAUSE_S / 2), out);
        }
    }
    match of.undo {
        Undo::Own => {
            let undo = of.undoes.first().map_or("", String::as_str);
            line(depth, &format!("compensate S.{undo}({args})"), out);
        }
        Undo::Block => {
            line(depth, "compensate {", out);
            for undo in &of.undoes {
                line(depth + 1, &format!("step S.{undo}({args})"), out);
            }
            line(depth, "}", out);
        }
        _ => {}
    }
    if let Some(other) = &of.fallback {
        let args = format!("{}, {}", place(&other.at), expr(&other.arg));
        line(depth, &format!("fallback S.{}({args})", other.action), out);
    }
    handle(&of.handlers, depth, out);
}

fn handle(handlers: &[Handler], depth: usize, out: &mut String) {
    for handler in handlers {
        let on = match &handler.on {
            Pattern::Error(name) => format!("on {name}(_) =>"),
            Pattern::Refused => "on refused =>".to_owned(),
            Pattern::Unknown => "on unknown =>".to_owned(),
            Pattern::Timeout => "on timeout =>".to_owned(),
            Pattern::Any => "else".to_owned(),
        };
        match &handler.then {
            Remedy::Fail(name) => line(depth, &format!("{on} fail {name}(0)"), out),
            Remedy::Skip => line(depth, &format!("{on} skip"), out),
            Remedy::Use(value) => line(depth, &format!("{on} use {}", expr(value)), out),
            Remedy::Manual => line(depth, &format!("{on} manual \"what came of it?\""), out),
            Remedy::Block(stmts, ending) => {
                line(depth, &format!("{on} {{"), out);
                block(stmts, depth + 1, out);
                match ending {
                    Ending::On => {}
                    Ending::Fail(name) => line(depth + 1, &format!("fail {name}(0)"), out),
                    Ending::Use(value) => line(depth + 1, &format!("use {}", expr(value)), out),
                    Ending::Return(value) => {
                        line(depth + 1, &format!("return {}", expr(value)), out)
                    }
                    Ending::Skip => line(depth + 1, "skip", out),
                }
                line(depth, "}", out);
            }
        }
    }
}
