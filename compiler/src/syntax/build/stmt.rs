//! Statements and blocks.

use super::*;

impl Builder<'_> {
    pub(super) fn block(&mut self, pair: Pair<'_, Rule>) -> Option<Block> {
        let span = self.span(&pair);
        self.block_depth += 1;
        let stmts = if self.block_depth > BLOCK_DEPTH_MAX {
            self.error(
                "F0003",
                span,
                format!("blocks are nested more than {BLOCK_DEPTH_MAX} deep"),
                "move the inner part into a workflow of its own and `run` it",
            );
            self.skipped.push(span);
            Some(Vec::new())
        } else {
            self.stmts(pair)
        };
        self.block_depth -= 1;
        Some(Block { stmts: stmts?, braced: true, span })
    }

    fn stmts(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<Stmt>> {
        let (_, mut c) = self.open(pair);
        let mut stmts = Vec::new();
        let mut lead = Lead::default();
        while let Some(child) = c.next() {
            match child.as_rule() {
                Rule::doc => lead.docs.push(self.doc(child)?),
                Rule::allow => lead.allows.push(self.allow(child)?),
                _ => {
                    let lead = std::mem::take(&mut lead);
                    stmts.push(Stmt { lead, ..self.stmt(child)? });
                }
            }
        }
        self.stray_allows(&lead);
        for doc in &lead.docs {
            self.stray_doc(doc);
        }
        Some(stmts)
    }

    /// A block, or one statement in its place.
    pub(super) fn block_or_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<Block> {
        if pair.as_rule() == Rule::block {
            return self.block(pair);
        }
        let stmt = self.stmt(pair)?;
        let span = stmt.span;
        Some(Block { stmts: vec![stmt], braced: false, span })
    }

    /// `stmt`, or any of the statements it may be.
    fn stmt(&mut self, pair: Pair<'_, Rule>) -> Option<Stmt> {
        let span = self.span(&pair);
        let pair = match pair.as_rule() {
            Rule::stmt => self.open(pair).1.next()?,
            _ => pair,
        };
        Some(Stmt { lead: Lead::default(), kind: self.stmt_kind(pair)?, span })
    }

    fn stmt_kind(&mut self, pair: Pair<'_, Rule>) -> Option<StmtKind> {
        Some(match pair.as_rule() {
            Rule::step => StmtKind::Step(self.step(pair)?),
            Rule::pivot => StmtKind::Pivot(self.step(pair)?),
            Rule::await_stmt => StmtKind::Await(self.await_stmt(pair)?),
            Rule::await_first => StmtKind::AwaitFirst(self.await_first(pair)?),
            Rule::parallel => self.parallel(pair)?,
            Rule::each => StmtKind::Each(self.each(pair)?),
            Rule::repeat => StmtKind::Repeat(self.repeat(pair)?),
            Rule::again => {
                let (_, mut c) = self.after_keyword(pair);
                StmtKind::Again(Again { args: self.maybe(&mut c, Rule::args, Self::args)? })
            }
            Rule::transaction => StmtKind::Transaction(self.transaction(pair)?),
            Rule::savepoint => StmtKind::Savepoint(self.savepoint(pair)?),
            Rule::scope => StmtKind::Scope(self.scope(pair)?),
            Rule::lock => StmtKind::Lock(self.lock(pair)?),
            Rule::if_stmt => StmtKind::If(self.if_stmt(pair)?),
            Rule::match_stmt => StmtKind::Match(self.match_stmt(pair)?),
            Rule::emit => StmtKind::Emit(self.emit(pair)?),
            Rule::start => StmtKind::Start(self.start(pair)?),
            Rule::progress => StmtKind::Progress(self.progress(pair)?),
            Rule::reject => StmtKind::Reject(self.reject(pair)?),
            Rule::sleep => StmtKind::Sleep(self.sleep(pair)?),
            Rule::fail => StmtKind::Fail(self.fail(pair)?),
            Rule::let_stmt => StmtKind::Let(self.let_stmt(pair)?),
            Rule::skip => StmtKind::Skip,
            Rule::pass => StmtKind::Pass,
            rule => self.value_stmt(rule, pair)?,
        })
    }

    /// A keyword and one value.
    fn value_stmt(&mut self, rule: Rule, pair: Pair<'_, Rule>) -> Option<StmtKind> {
        let (_, mut c) = self.after_keyword(pair);
        Some(match rule {
            Rule::reply => StmtKind::Reply(self.expr(c.take(Rule::expr)?)?),
            Rule::give => StmtKind::Give(self.expr(c.take(Rule::expr)?)?),
            Rule::use_value => StmtKind::Use(self.expr(c.take(Rule::expr)?)?),
            Rule::return_stmt => StmtKind::Return(self.maybe(&mut c, Rule::expr, Self::expr)?),
            Rule::review => StmtKind::Review(self.string(c.take(Rule::string)?)?),
            Rule::manual => StmtKind::Manual(self.string(c.take(Rule::string)?)?),
            _ => return None,
        })
    }

    /// `step` and `pivot`.
    fn step(&mut self, pair: Pair<'_, Rule>) -> Option<Step> {
        let (_, mut c) = self.after_keyword(pair);
        Some(Step {
            binding: self.maybe(&mut c, Rule::ident, Self::name)?,
            call: self.effect_call(c.take(Rule::effect_call)?)?,
            clauses: self.clauses(&mut c)?,
        })
    }

    fn await_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<Await> {
        let (_, mut c) = self.after_keyword(pair);
        Some(Await {
            binding: self.maybe(&mut c, Rule::ident, Self::name)?,
            awaited: self.awaited(c.take(Rule::awaited)?)?,
            clauses: self.clauses(&mut c)?,
        })
    }

    fn awaited(&mut self, pair: Pair<'_, Rule>) -> Option<Awaited> {
        let (span, mut c) = self.open(pair);
        if !c.flag(Rule::k_event) {
            let task = self.name(c.take(Rule::Ident)?)?;
            return Some(Awaited::Task { task, args: self.args(c.take(Rule::args)?)?, span });
        }
        let event = self.name(c.take(Rule::Ident)?)?;
        c.flag(Rule::k_where);
        let condition = self.expr(c.take(Rule::expr)?)?;
        Some(Awaited::Event { event, condition, fresh: c.flag(Rule::k_fresh), span })
    }

    fn await_first(&mut self, pair: Pair<'_, Rule>) -> Option<AwaitFirst> {
        let (_, mut c) = self.after_keyword(pair);
        c.flag(Rule::k_first);
        Some(AwaitFirst { arms: self.all(&mut c, Rule::await_arm, Self::await_arm)? })
    }

    fn await_arm(&mut self, pair: Pair<'_, Rule>) -> Option<AwaitArm> {
        let (span, mut c) = self.open(pair);
        let binding = self.maybe(&mut c, Rule::ident, Self::name)?;
        let wait = c.next()?;
        let wait = match wait.as_rule() {
            Rule::sleep => AwaitWait::Sleep(self.sleep(wait)?),
            _ => AwaitWait::Awaited(self.awaited(wait)?),
        };
        let body = self.block_or_stmt(c.next()?)?;
        let span = span.to(body.span);
        let span = Span { end: body.span.end, ..span };
        Some(AwaitArm { binding, wait, body, span })
    }

    fn sleep(&mut self, pair: Pair<'_, Rule>) -> Option<Sleep> {
        let (_, mut c) = self.after_keyword(pair);
        Some(if c.flag(Rule::k_until) {
            Sleep::Until(self.expr(c.take(Rule::expr)?)?)
        } else {
            Sleep::For(self.bound(c.take(Rule::bound)?)?)
        })
    }

    /// A keyword before a count that may be left out.
    fn counted(&mut self, c: &mut Cursor<'_>, keyword: Rule) -> Option<Option<Count>> {
        if !c.flag(keyword) {
            return Some(None);
        }
        self.integer(c.take(Rule::integer)?).map(Some)
    }

    fn parallel(&mut self, pair: Pair<'_, Rule>) -> Option<StmtKind> {
        let (_, mut c) = self.open(pair);
        let binding = self.maybe(&mut c, Rule::ident, Self::name)?;
        c.flag(Rule::k_parallel);
        let inner = c.next()?;
        let each = inner.as_rule() == Rule::par_each;
        let (_, mut head) = self.open(inner);
        if !each {
            return Some(StmtKind::Parallel(Parallel {
                binding,
                first: self.counted(&mut head, Rule::k_first)?,
                max: self.counted(&mut head, Rule::k_max)?,
                body: self.block(head.take(Rule::block)?)?,
                clauses: self.clauses(&mut c)?,
            }));
        }
        let (pattern, items) = self.each_head(&mut head)?;
        Some(StmtKind::ParallelEach(ParallelEach {
            binding,
            pattern,
            items,
            first: self.counted(&mut head, Rule::k_first)?,
            max: self.counted(&mut head, Rule::k_max)?,
            settle: head.flag(Rule::k_settle),
            body: self.block(head.take(Rule::block)?)?,
            clauses: self.clauses(&mut c)?,
        }))
    }

    /// `each x in xs`.
    fn each_head(&mut self, c: &mut Cursor<'_>) -> Option<(EachPat, Expr)> {
        c.flag(Rule::k_each);
        let (span, mut names) = self.open(c.take(Rule::each_pat)?);
        let names = self.all(&mut names, Rule::ident, Self::name)?;
        c.flag(Rule::k_in);
        Some((EachPat { names, span }, self.expr(c.take(Rule::expr)?)?))
    }

    fn each(&mut self, pair: Pair<'_, Rule>) -> Option<Each> {
        let (_, mut c) = self.open(pair);
        let binding = self.maybe(&mut c, Rule::ident, Self::name)?;
        let (pattern, items) = self.each_head(&mut c)?;
        let max = self.counted(&mut c, Rule::k_max)?;
        let settle = c.flag(Rule::k_settle);
        Some(Each { binding, pattern, items, max, settle, body: self.block(c.take(Rule::block)?)? })
    }

    fn repeat(&mut self, pair: Pair<'_, Rule>) -> Option<Repeat> {
        let (_, mut c) = self.open(pair);
        let binding = self.maybe(&mut c, Rule::ident, Self::name)?;
        c.flag(Rule::k_repeat);
        let vars = self.maybe(&mut c, Rule::loop_vars, Self::loop_vars)?.unwrap_or_default();
        for word in [Rule::k_forever, Rule::k_up, Rule::k_to] {
            c.flag(word);
        }
        let up_to = self.maybe(&mut c, Rule::integer, Self::integer)?;
        c.flag(Rule::k_times);
        let body = self.block(c.take(Rule::block)?)?;
        c.flag(Rule::k_until);
        let until = self.maybe(&mut c, Rule::expr, Self::expr)?;
        let otherwise = match self.maybe(&mut c, Rule::else_clause, Self::clause)? {
            Some(Clause::Else(clause)) => Some(clause.remedy),
            _ => None,
        };
        Some(Repeat { binding, vars, up_to, body, until, otherwise })
    }

    fn loop_vars(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<LoopVar>> {
        let (_, mut c) = self.open(pair);
        self.all(&mut c, Rule::loop_var, Self::loop_var)
    }

    fn loop_var(&mut self, pair: Pair<'_, Rule>) -> Option<LoopVar> {
        let (span, mut c) = self.open(pair);
        let name = self.name(c.take(Rule::ident)?)?;
        let ty = self.maybe(&mut c, Rule::ty, Self::ty)?;
        Some(LoopVar { name, ty, value: self.expr(c.take(Rule::expr)?)?, span })
    }

    fn transaction(&mut self, pair: Pair<'_, Rule>) -> Option<Transaction> {
        let (_, mut c) = self.after_keyword(pair);
        let database = self.name(c.take(Rule::Ident)?)?;
        c.flag(Rule::k_isolation);
        let isolation = self.maybe(&mut c, Rule::ident, Self::name)?;
        let retry = self.maybe(&mut c, Rule::retry, Self::retry)?;
        let (_, mut body) = self.open(c.take(Rule::tx_block)?);
        let body = self.block(body.take(Rule::block)?)?;
        Some(Transaction { database, isolation, retry, body, clauses: self.clauses(&mut c)? })
    }

    fn savepoint(&mut self, pair: Pair<'_, Rule>) -> Option<Savepoint> {
        let (_, mut c) = self.after_keyword(pair);
        Some(Savepoint {
            name: self.name(c.take(Rule::ident)?)?,
            body: self.block(c.take(Rule::block)?)?,
            handlers: self.all(&mut c, Rule::handler, Self::handler)?,
        })
    }

    fn scope(&mut self, pair: Pair<'_, Rule>) -> Option<Scope> {
        let (_, mut c) = self.after_keyword(pair);
        Some(Scope {
            name: self.name(c.take(Rule::ident)?)?,
            fails: self.maybe(&mut c, Rule::fails, Self::fails)?,
            body: self.block(c.take(Rule::block)?)?,
            clauses: self.clauses(&mut c)?,
        })
    }

    fn lock(&mut self, pair: Pair<'_, Rule>) -> Option<Lock> {
        let (_, mut c) = self.after_keyword(pair);
        let targets = self.all(&mut c, Rule::lock_target, Self::lock_target)?;
        c.flag(Rule::k_ttl);
        Some(Lock {
            targets,
            ttl: self.duration(c.take(Rule::duration)?)?,
            within: self.maybe(&mut c, Rule::within, Self::within)?,
            body: self.block(c.take(Rule::block)?)?,
            clauses: self.clauses(&mut c)?,
        })
    }

    fn lock_target(&mut self, pair: Pair<'_, Rule>) -> Option<LockTarget> {
        let (span, mut c) = self.open(pair);
        let resource = self.name(c.take(Rule::Ident)?)?;
        Some(LockTarget { resource, key: self.expr(c.take(Rule::expr)?)?, span })
    }

    fn if_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<If> {
        let (_, mut c) = self.after_keyword(pair);
        let condition = self.expr(c.take(Rule::expr)?)?;
        let then = self.block(c.take(Rule::block)?)?;
        c.flag(Rule::k_else);
        let otherwise = c.next().map(|pair| self.block_or_stmt(pair));
        Some(If {
            condition,
            then,
            otherwise: otherwise.map_or(Some(None), |block| block.map(Some))?,
        })
    }

    fn match_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<Match> {
        let (_, mut c) = self.after_keyword(pair);
        let subject = self.expr(c.take(Rule::expr)?)?;
        Some(Match { subject, arms: self.all(&mut c, Rule::stmt_arm, Self::stmt_arm)? })
    }

    fn stmt_arm(&mut self, pair: Pair<'_, Rule>) -> Option<StmtArm> {
        let (_, mut c) = self.open(pair);
        let pattern = self.pattern(c.take(Rule::pattern)?)?;
        let body = self.block_or_stmt(c.next()?)?;
        let span = pattern.span.to(body.span);
        Some(StmtArm { pattern, body, span })
    }

    fn emit(&mut self, pair: Pair<'_, Rule>) -> Option<Emit> {
        let (_, mut c) = self.after_keyword(pair);
        let event = self.name(c.take(Rule::Ident)?)?;
        Some(Emit { event, args: self.args(c.take(Rule::args)?)? })
    }

    fn start(&mut self, pair: Pair<'_, Rule>) -> Option<Start> {
        let (_, mut c) = self.after_keyword(pair);
        let workflow = self.name(c.take(Rule::Ident)?)?;
        let args = self.args(c.take(Rule::args)?)?;
        c.flag(Rule::k_at);
        Some(Start { workflow, args, at: self.maybe(&mut c, Rule::expr, Self::expr)? })
    }

    fn progress(&mut self, pair: Pair<'_, Rule>) -> Option<Progress> {
        let (_, mut c) = self.after_keyword(pair);
        let text = self.string(c.take(Rule::string)?)?;
        c.flag(Rule::k_at);
        Some(Progress { text, at: self.maybe(&mut c, Rule::expr, Self::expr)? })
    }

    fn reject(&mut self, pair: Pair<'_, Rule>) -> Option<Reject> {
        let (_, mut c) = self.after_keyword(pair);
        let value = self.expr(c.take(Rule::expr)?)?;
        c.flag(Rule::k_as);
        Some(Reject { value, reason: self.string(c.take(Rule::string)?)? })
    }

    pub(super) fn fail(&mut self, pair: Pair<'_, Rule>) -> Option<Fail> {
        let (span, mut c) = self.after_keyword(pair);
        let error = self.name(c.take(Rule::Ident)?)?;
        Some(Fail { error, args: self.maybe(&mut c, Rule::args, Self::args)?, span })
    }

    pub(super) fn let_stmt(&mut self, pair: Pair<'_, Rule>) -> Option<Let> {
        let (span, mut c) = self.open(pair);
        let name = self.name(c.take(Rule::ident)?)?;
        Some(Let { name, value: self.expr(c.take(Rule::expr)?)?, span })
    }
}
