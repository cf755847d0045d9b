//! Random call sites with contracts that fit them.

use super::Maker;
use crate::program::{Call, Class, Ending, Expr, Handler, Key, Pattern, Remedy, Retry, Stmt, Undo};

impl Maker {
    /// A call before the commit: a read, or a write that can be undone or is waived.
    pub(super) fn call(&mut self) -> Call {
        let class = if self.random.chance(20) { Class::Read } else { Class::Write };
        let mut call = self.bare(class);
        match call.class {
            Class::Read => {
                call.retry = self.some_retry(&call);
                self.errors(&mut call, 50);
            }
            _ => self.write(&mut call),
        }
        self.handlers(&mut call);
        self.until(&mut call);
        if always_bound(&call) {
            self.names.push(call.name.clone());
        }
        call
    }

    /// A deadline in the place of a number of attempts.
    fn until(&mut self, call: &mut Call) {
        let repeatable = call.class == Class::Read || call.key != Key::None;
        let free = matches!(call.retry, Retry::Default | Retry::Forever);
        if repeatable && free && self.extras.chance(20) {
            call.retry = Retry::Until(2 + u32::try_from(self.extras.below(2)).unwrap_or(0));
        }
    }

    fn bare(&mut self, class: Class) -> Call {
        self.calls += 1;
        let id = self.id();
        Call {
            name: format!("s{id}"),
            action: format!("a{id}"),
            undoes: Vec::new(),
            probe: None,
            class,
            key: Key::None,
            errors: Vec::new(),
            undo: Undo::None,
            at: self.at.clone(),
            arg: self.number(),
            retry: Retry::Default,
            fallback: None,
            handlers: Vec::new(),
        }
    }

    fn write(&mut self, call: &mut Call) {
        let id = call.action.trim_start_matches('a').to_owned();
        call.key = match self.random.below(10) {
            0..=2 => Key::None,
            3..=5 if !self.place.alike => Key::At,
            _ => Key::Plain,
        };
        if self.random.chance(if call.key == Key::None { 55 } else { 12 }) {
            call.probe = Some(format!("p{id}"));
        }
        let asks = call.key != Key::None || call.probe.is_some();
        call.undo = match self.random.below(20) {
            0..=6 => Undo::Args,
            7..=12 if asks => Undo::Result,
            13..=15 => Undo::Own,
            16..=17 => Undo::Block,
            18 => Undo::Waived,
            _ => Undo::Args,
        };
        call.undoes = match call.undo {
            Undo::None | Undo::Waived => Vec::new(),
            Undo::Block => vec![format!("u{id}"), format!("x{id}")],
            Undo::Args | Undo::Result | Undo::Own => vec![format!("u{id}")],
        };
        self.errors(call, 55);
        call.retry = self.some_retry(call);
        let reversible = !matches!(call.undo, Undo::None | Undo::Waived);
        if reversible && call.retry != Retry::Forever && !self.spent() && self.random.chance(22) {
            let mut other = self.bare(Class::Write);
            other.key = Key::Plain;
            other.undo = Undo::Args;
            other.undoes = vec![format!("u{}", other.action.trim_start_matches('a'))];
            self.errors(&mut other, 40);
            call.fallback = Some(Box::new(other));
        }
    }

    fn errors(&mut self, call: &mut Call, percent: usize) {
        if self.random.chance(percent) {
            call.errors.push(self.error());
        }
    }

    fn some_retry(&mut self, call: &Call) -> Retry {
        let repeatable = call.class == Class::Read || call.key != Key::None;
        match self.random.below(10) {
            0..=4 => Retry::Default,
            5..=6 if repeatable || call.probe.is_some() => {
                Retry::Times(1 + u32::try_from(self.random.below(3)).unwrap_or(0))
            }
            7 if repeatable => match call.errors.first() {
                Some(error) => Retry::On(2, error.clone()),
                None => Retry::Times(2),
            },
            8 if repeatable && call.class == Class::Write => Retry::Forever,
            _ => Retry::Times(1),
        }
    }

    /// Handlers for what a call may end with.
    fn handlers(&mut self, call: &mut Call) {
        let source = call.fallback.as_deref().unwrap_or(call);
        let (errors, write) = (source.errors.clone(), call.class == Class::Write);
        for error in errors {
            if self.random.chance(55) {
                let then = self.remedy(call);
                call.handlers.push(Handler { on: Pattern::Error(error), then });
            }
        }
        if call.retry == Retry::Forever {
            return;
        }
        if self.random.chance(14) {
            let then = self.remedy(call);
            call.handlers.push(Handler { on: Pattern::Refused, then });
        }
        if self.random.chance(14) {
            let on = if write { Pattern::Unknown } else { Pattern::Timeout };
            let then = self.remedy(call);
            call.handlers.push(Handler { on, then });
        }
        if self.random.chance(22) {
            let asks = call.fallback.is_none()
                && !self.place.enclosed
                && !self.place.calm
                && self.random.chance(35);
            let then = if asks { Remedy::Manual } else { self.remedy(call) };
            call.handlers.push(Handler { on: Pattern::Any, then });
        }
    }

    fn remedy(&mut self, call: &Call) -> Remedy {
        match self.random.below(10) {
            0..=2 => Remedy::Fail(self.gone()),
            3..=4 => Remedy::Skip,
            5..=7 => Remedy::Use(Expr::Lit(self.small())),
            _ => self.remedy_block(call),
        }
    }

    fn remedy_block(&mut self, call: &Call) -> Remedy {
        let mut stmts = vec![Stmt::Review];
        if !self.spent() && self.random.chance(60) {
            let names = self.names.len();
            let mut inner = self.bare(Class::Write);
            inner.key = Key::Plain;
            inner.undo = Undo::Args;
            inner.undoes = vec![format!("u{}", inner.action.trim_start_matches('a'))];
            stmts.push(Stmt::Call(inner));
            self.names.truncate(names);
        }
        let ending = match self.random.below(5) {
            0 => Ending::Fail(self.gone()),
            1 if !self.place.enclosed => Ending::Return(Expr::Lit(self.small())),
            2 => Ending::Skip,
            3 if call.handlers.is_empty() => Ending::Fail(self.gone()),
            _ => Ending::Use(Expr::Lit(self.small())),
        };
        Remedy::Block(stmts, ending)
    }

    /// The point of no return.
    pub(super) fn pivot(&mut self) -> Call {
        let mut call = self.bare(Class::Pivot);
        self.errors(&mut call, 50);
        if self.random.chance(30) {
            call.probe = Some(format!("p{}", call.action.trim_start_matches('a')));
            call.retry = Retry::Times(2);
        } else {
            call.key = Key::Plain;
            call.retry = Retry::Forever;
        }
        if let Some(error) = call.errors.first().cloned()
            && self.random.chance(60)
        {
            let then = Remedy::Fail(self.gone());
            call.handlers.push(Handler { on: Pattern::Error(error), then });
        }
        self.names.push(call.name.clone());
        call
    }

    /// A call that cannot fail.
    pub(super) fn guaranteed(&mut self) -> Call {
        let read = self.random.chance(25);
        let mut call = self.bare(if read { Class::Read } else { Class::Write });
        if read {
            self.errors(&mut call, 40);
            let then = Remedy::Use(Expr::Lit(self.small()));
            call.handlers.push(Handler { on: Pattern::Any, then });
            self.names.push(call.name.clone());
            return call;
        }
        call.key = Key::Plain;
        if self.random.chance(50) {
            call.retry = Retry::Forever;
            self.names.push(call.name.clone());
        } else {
            self.errors(&mut call, 40);
            call.handlers.push(Handler { on: Pattern::Any, then: Remedy::Skip });
        }
        call
    }
}

/// Whether its name has a value on every path behind it.
fn always_bound(call: &Call) -> bool {
    call.handlers.iter().all(|handler| {
        matches!(
            handler.then,
            Remedy::Fail(_)
                | Remedy::Use(_)
                | Remedy::Manual
                | Remedy::Block(_, Ending::Fail(_) | Ending::Use(_) | Ending::Return(_))
        )
    })
}
