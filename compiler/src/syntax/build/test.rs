//! Test blocks.

use super::*;

impl Builder<'_> {
    pub(super) fn test_decl(&mut self, pair: Pair<'_, Rule>, lead: Lead) -> Option<TestDecl> {
        let (span, mut c) = self.after_keyword(pair);
        let name = self.plain(c.take(Rule::plain)?)?;
        Some(TestDecl {
            lead,
            name,
            stmts: self.all(&mut c, Rule::test_stmt, Self::test_stmt)?,
            span,
        })
    }

    fn test_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<TestStmt> {
        let (_, mut c) = self.open(pair);
        let pair = c.next()?;
        Some(match pair.as_rule() {
            Rule::given => TestStmt::Given(self.given(pair)?),
            Rule::deliver => TestStmt::Deliver(self.deliver(pair)?),
            Rule::run_stmt => TestStmt::Run(self.run_stmt(pair)?),
            Rule::every_stmt => TestStmt::Every(self.every_stmt(pair)?),
            Rule::expect => TestStmt::Expect(self.expect(pair)?),
            Rule::let_stmt => TestStmt::Let(self.let_stmt(pair)?),
            _ => return None,
        })
    }

    fn given(&mut self, pair: Pair<'_, Rule>) -> Option<Given> {
        let (span, mut c) = self.after_keyword(pair);
        let target = match c.take(Rule::call_ref) {
            Some(call) => GivenTarget::Call {
                call: self.call_ref(call)?,
                args: self.maybe(&mut c, Rule::args, Self::args)?,
            },
            None => GivenTarget::Name(self.name(c.take(Rule::Ident)?)?),
        };
        let answer = c.next()?;
        let answer = match answer.as_rule() {
            Rule::fail => GivenAnswer::Fail(self.fail(answer)?),
            Rule::k_refused => GivenAnswer::Refused(self.span(&answer)),
            Rule::k_unknown => GivenAnswer::Unknown(self.span(&answer)),
            Rule::k_timeout => GivenAnswer::Timeout(self.span(&answer)),
            _ => GivenAnswer::Value(self.expr(answer)?),
        };
        c.flag(Rule::k_after);
        let after = self.maybe(&mut c, Rule::duration, Self::duration)?;
        c.flag(Rule::k_for);
        let calls = self.maybe(&mut c, Rule::integer, Self::integer)?;
        Some(Given { target, answer, after, calls, span })
    }

    fn deliver(&mut self, pair: Pair<'_, Rule>) -> Option<Deliver> {
        let (span, mut c) = self.after_keyword(pair);
        let event = self.name(c.take(Rule::Ident)?)?;
        let args = self.args(c.take(Rule::args)?)?;
        c.flag(Rule::k_after);
        Some(Deliver {
            event,
            args,
            after: self.maybe(&mut c, Rule::duration, Self::duration)?,
            span,
        })
    }

    fn run_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<RunStmt> {
        let (span, mut c) = self.open(pair);
        let binding = self.maybe(&mut c, Rule::ident, Self::name)?;
        c.flag(Rule::k_run);
        let workflow = self.name(c.take(Rule::Ident)?)?;
        Some(RunStmt { binding, workflow, args: self.args(c.take(Rule::args)?)?, span })
    }

    fn every_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<EveryStmt> {
        let (span, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_failure);
        c.flag(Rule::k_of);
        let workflow = self.name(c.take(Rule::Ident)?)?;
        Some(EveryStmt { workflow, args: self.args(c.take(Rule::args)?)?, span })
    }

    fn expect(&mut self, pair: Pair<'_, Rule>) -> Option<Expect> {
        let (span, mut c) = self.after_keyword(pair);
        let first = c.next()?;
        let kind = match first.as_rule() {
            Rule::k_completed => ExpectKind::Completed,
            Rule::k_settled => ExpectKind::Settled,
            Rule::k_failed => ExpectKind::Failed(self.name(c.take(Rule::Ident)?)?),
            Rule::k_calls => ExpectKind::Calls(self.all(&mut c, Rule::call_ref, Self::call_ref)?),
            Rule::k_never => {
                let call = self.call_ref(c.take(Rule::call_ref)?)?;
                ExpectKind::Never { call, when: self.never_when(&mut c)? }
            }
            _ => ExpectKind::Value(self.expr(first)?),
        };
        Some(Expect { kind, span })
    }

    fn never_when(&mut self, c: &mut Cursor<'_>) -> Option<NeverWhen> {
        Some(match c.next().map(|pair| pair.as_rule()) {
            None => NeverWhen::Ever,
            Some(Rule::k_twice) => NeverWhen::Twice,
            Some(Rule::k_after) => NeverWhen::After(self.call_ref(c.take(Rule::call_ref)?)?),
            Some(_) => NeverWhen::Unless(self.expr(c.take(Rule::expr)?)?),
        })
    }

    fn call_ref(&mut self, pair: Pair<'_, Rule>) -> Option<CallRef> {
        let (span, mut c) = self.open(pair);
        let service = self.name(c.take(Rule::Ident)?)?;
        Some(CallRef { service, action: self.name(c.take(Rule::name)?)?, span })
    }
}
