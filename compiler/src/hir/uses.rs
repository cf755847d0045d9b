//! Which expressions a statement holds, and which locals an expression reads.

use super::*;

impl Program {
    /// Calls `see` for the expression and everything inside it, outermost first.
    pub fn each_inner(&self, id: ExprId, see: &mut dyn FnMut(ExprId)) {
        see(id);
        let mut inner: Vec<ExprId> = Vec::new();
        match &self.exprs[id].kind {
            ExprKind::Literal(_) | ExprKind::Local(_) => {}
            ExprKind::Error(list) | ExprKind::List(list) | ExprKind::Builtin(_, list) => {
                inner.extend(list);
            }
            ExprKind::Text(parts) => inner.extend(parts.iter().filter_map(|part| match part {
                TextPart::Interp(expr) => Some(*expr),
                TextPart::Chars(_) => None,
            })),
            ExprKind::Record(_, args) | ExprKind::Variant(_, _, args) | ExprKind::Call(_, args) => {
                inner.extend(args.each());
            }
            ExprKind::Nominal(_, expr) | ExprKind::Unary(_, expr) | ExprKind::Lambda(_, expr) => {
                inner.push(*expr);
            }
            ExprKind::Field { base, .. } => inner.push(*base),
            ExprKind::Method { base, args, .. } => {
                inner.push(*base);
                inner.extend(args.iter().map(|arg| arg.value));
            }
            ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) => inner.extend([*a, *b]),
            ExprKind::With(base, fields) => {
                inner.push(*base);
                inner.extend(fields.iter().map(|(_, value)| *value));
            }
            ExprKind::If(a, b, c) => inner.extend([*a, *b, *c]),
            ExprKind::Match(subject, arms) => {
                inner.push(*subject);
                inner.extend(arms.iter().map(|arm| arm.value));
            }
        }
        for expr in inner {
            self.each_inner(expr, see);
        }
    }

    /// Calls `see` for every local the expression reads.
    pub fn each_read(&self, id: ExprId, see: &mut dyn FnMut(LocalId)) {
        self.each_inner(id, &mut |expr| {
            if let ExprKind::Local(local) = self.exprs[expr].kind {
                see(local);
            }
        });
    }

    /// By which name a value of `index by` is looked for: the parameter or field that it is, or is made
    /// of alone; none where it is anything else.
    #[must_use]
    pub fn index_name(&self, id: ExprId) -> Option<SmolStr> {
        match &self.exprs[id].kind {
            ExprKind::Local(local) => Some(self.locals[*local].name.clone()),
            ExprKind::Field { name, .. } => Some(name.node.clone()),
            ExprKind::Method { base, args, .. } if args.is_empty() => self.index_name(*base),
            ExprKind::Nominal(_, inner) => self.index_name(*inner),
            ExprKind::Builtin(_, args) => match args.as_slice() {
                [only] => self.index_name(*only),
                _ => None,
            },
            ExprKind::Call(_, args) => {
                let mut all = args.each();
                let only = all.next().filter(|_| all.next().is_none());
                only.and_then(|only| self.index_name(only))
            }
            _ => None,
        }
    }

    /// Whether the block, with everything it holds, reads the local.
    #[must_use]
    pub fn block_reads(&self, block: &Block, local: LocalId) -> bool {
        let mut found = false;
        block.walk(true, &mut |stmt| {
            stmt.each_expr(&mut |expr| self.each_read(expr, &mut |read| found |= read == local));
        });
        found
    }
}

impl Args {
    /// Every argument.
    pub fn each(&self) -> impl Iterator<Item = ExprId> + '_ {
        self.values.iter().flatten().chain(&self.extra).chain(&self.spread).copied()
    }
}

impl Stmt {
    /// Calls `see` for every expression of the statement itself, not of the blocks it holds, and not
    /// of clauses that stand in a contract.
    pub fn each_expr(&self, see: &mut dyn FnMut(ExprId)) {
        match &self.kind {
            StmtKind::Let(_, expr)
            | StmtKind::Reply(expr)
            | StmtKind::Review(expr)
            | StmtKind::Manual(_, expr)
            | StmtKind::Give(expr)
            | StmtKind::Use(expr) => see(*expr),
            StmtKind::Sleep(_, sleep) => see(sleep.expr()),
            StmtKind::Step(step) => step.each_expr(see),
            StmtKind::Await(wait) => {
                wait.awaited.each_expr(see);
                wait.bound.iter().for_each(|b| see(b.value));
                wait.escalate.iter().for_each(|e| see(e.to));
            }
            StmtKind::AwaitFirst(first) => {
                for arm in &first.arms {
                    match &arm.wait {
                        ArmWait::Sleep(sleep) => see(sleep.expr()),
                        ArmWait::Awaited(awaited) => awaited.each_expr(see),
                    }
                }
            }
            StmtKind::Parallel(fork) => fork.guard.each_expr(see),
            StmtKind::ParallelEach(each) => {
                see(each.over);
                each.guard.each_expr(see);
            }
            StmtKind::Each(each) => see(each.over),
            StmtKind::Repeat(repeat) => {
                repeat.vars.iter().for_each(|(_, first)| see(*first));
                repeat.until.iter().for_each(|until| see(*until));
            }
            StmtKind::Again(values) => values.iter().for_each(|(_, value)| see(*value)),
            StmtKind::Transaction(tx) => tx.guard.each_expr(see),
            StmtKind::Scope(scope) => scope.guard.each_expr(see),
            StmtKind::Lock(lock) => lock.targets.iter().for_each(|t| see(t.key)),
            StmtKind::If(choice) => see(choice.condition),
            StmtKind::Match(choice) => see(choice.subject),
            StmtKind::Emit { args, .. } | StmtKind::Fail(Fail { args, .. }) => {
                args.each().for_each(see);
            }
            StmtKind::Start { args, at, .. } => args.each().chain(*at).for_each(see),
            StmtKind::Progress(text, percent) => {
                see(*text);
                percent.iter().for_each(|p| see(*p));
            }
            StmtKind::Reject(a, b) => [*a, *b].into_iter().for_each(see),
            StmtKind::Return(value) => value.iter().for_each(|v| see(*v)),
            StmtKind::Savepoint(_) | StmtKind::Skip | StmtKind::Pass => {}
        }
    }
}

impl Sleep {
    /// The duration or the instant.
    #[must_use]
    pub fn expr(self) -> ExprId {
        match self {
            Self::For(expr) | Self::Until(expr) => expr,
        }
    }
}

impl Step {
    /// Calls `see` for the arguments and the step's own `by` and probe.
    pub fn each_expr(&self, see: &mut dyn FnMut(ExprId)) {
        self.call.args.each().for_each(&mut *see);
        if let Some(Given { value, origin: Origin::Step, .. }) = &self.idempotent {
            value.by.iter().for_each(|by| see(*by));
        }
        if let Some(Given { value, origin: Origin::Step, .. }) = &self.probe {
            value.call.args.each().for_each(see);
        }
    }
}

impl Awaited {
    /// Calls `see` for its condition or arguments.
    pub fn each_expr(&self, see: &mut dyn FnMut(ExprId)) {
        match self {
            Self::Event(wait) => see(wait.condition),
            Self::Task { args, .. } => args.each().for_each(see),
        }
    }
}

impl Guard {
    /// Calls `see` for the conditions of the interrupts.
    pub fn each_expr(&self, see: &mut dyn FnMut(ExprId)) {
        self.interrupts.iter().for_each(|i| see(i.wait.condition));
    }
}
