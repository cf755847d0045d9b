//! Declarations: fields and their defaults, contracts, tasks, functions, workflows, schedules.

use super::cx::{Cx, Place, Want, article};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Action, ActionId, Field, FunctionBody, FunctionId, HumanId, Idempotent, LocalId, LocalKind,
    Schedule, Target, Trigger, Ty, TyKind, Workflow,
};
use crate::name::{any_of, suggest};

impl Cx<'_> {
    /// What is declared without a body.
    pub fn declarations(&mut self) {
        let program = self.program;
        self.keys_of_maps();
        for alias in program.aliases.values() {
            self.pattern_of(alias);
        }
        for record in program.records.values() {
            self.defaults(&record.fields);
        }
        for event in program.events.values() {
            self.defaults(&event.fields);
            self.event_key_path(event);
        }
        for variant in program.enums.values().flat_map(|of| &of.variants) {
            self.defaults(&variant.fields);
        }
        for local in program.locals.ids() {
            if let LocalKind::RunResult(workflow) = program.locals[local].kind {
                let result = program.workflows[workflow].result.as_ref();
                self.bind(
                    local,
                    result.map_or_else(|| Ty::new(TyKind::Unit), |ty| ty.node.clone()),
                );
            }
        }
    }

    /// Everything that holds expressions.
    pub fn bodies(&mut self) {
        let program = self.program;
        // Order: what a function calls comes before it, so that no call looks into a body.
        for id in program.functions_in_order() {
            self.answer_of(id);
        }
        for id in program.actions.ids() {
            self.action(id);
        }
        for id in program.humans.ids() {
            self.human(id);
        }
        for workflow in program.workflows.values() {
            self.workflow(workflow);
        }
        for schedule in &program.schedules {
            self.schedule(schedule);
        }
        for test in &program.tests {
            self.test(test);
        }
    }

    /// The clauses of a contract, over its parameters and `result`.
    fn action(&mut self, id: ActionId) {
        let program = self.program;
        let action: &Action = &program.actions[id];
        self.params(&action.param_locals, &action.params);
        if let (Some(local), Some(result)) = (action.result_local, &action.result) {
            self.bind(local, result.node.clone());
        }
        let module = program.provider(id).module.clone();
        self.within(Place { module, ..Place::default() }, |cx| {
            if let Some(key) = &action.idempotent {
                cx.keys(&key.by);
            }
            if let Some(undo) = &action.compensate {
                cx.compensate(undo);
            }
            if let Some(probe) = &action.probe {
                cx.probe(probe, Target::Action(id));
            }
        });
        for error in &action.errors {
            self.defaults(&program.errors[*error].fields);
        }
    }

    fn params(&mut self, locals: &[LocalId], params: &[Field]) {
        for (local, param) in locals.iter().zip(params) {
            self.bind(*local, param.ty.node.clone());
        }
    }

    /// What a function gives: its declared type with the labels that its body has. Functions come in
    /// the order in which they need each other.
    pub(super) fn answer_of(&mut self, id: FunctionId) -> Ty {
        let declared = &self.program.functions[id].result.node;
        match self.given.get(&id) {
            Some(Some(ty)) => ty.clone(),
            // It calls itself, which was reported.
            Some(None) => declared.clone(),
            None => {
                self.given.insert(id, None);
                let facts = std::mem::take(&mut self.facts);
                let raised = std::mem::take(&mut self.raised);
                let ty = self.function(id, None);
                (self.facts, self.raised) = (facts, raised);
                self.given.insert(id, Some(ty.clone()));
                ty
            }
        }
    }

    /// What a function gives, as it is declared or with another type for one of its parameters.
    pub(super) fn function(&mut self, id: FunctionId, given: Option<(usize, &Ty)>) -> Ty {
        let program = self.program;
        let function = &program.functions[id];
        self.params(&function.locals, &function.params);
        if let Some((index, ty)) = given
            && let Some(local) = function.locals.get(index)
        {
            self.bind(*local, ty.clone());
        }
        let word = match function.body {
            FunctionBody::Fn { .. } => "fn",
            FunctionBody::Decide { .. } => "decide",
        };
        let pure = Some((word, function.name.name.to_string()));
        let module = function.name.module.clone();
        let words = format!("`{}` gives this", function.name.name);
        let want = Want::declared(function.result.node.clone(), function.result.span, words);
        self.within(Place { pure, module, ..Place::default() }, |cx| match &function.body {
            FunctionBody::Fn { lets, value } => {
                for (local, value) in lets {
                    cx.let_(*local, *value);
                }
                cx.check(*value, &want);
            }
            FunctionBody::Decide { rules, otherwise } => {
                for rule in rules {
                    cx.condition(rule.when);
                    let facts = cx.facts.clone();
                    cx.assume(rule.when, true);
                    cx.check(rule.then, &want);
                    cx.facts = facts;
                }
                if let Some(otherwise) = otherwise {
                    cx.check(*otherwise, &want);
                }
                cx.decision(function, rules, *otherwise);
            }
        });
        self.answer_from(id)
    }

    /// What a function gives, from what is known of its body.
    pub(super) fn answer_from(&self, id: FunctionId) -> Ty {
        let function = &self.program.functions[id];
        let values: Vec<_> = match &function.body {
            FunctionBody::Fn { value, .. } => vec![*value],
            FunctionBody::Decide { rules, otherwise } => {
                rules.iter().map(|rule| rule.then).chain(*otherwise).collect()
            }
        };
        values.iter().fold(function.result.node.clone(), |ty, value| {
            self.program.labelled_as(ty, &self.table.ty(*value))
        })
    }

    fn human(&mut self, id: HumanId) {
        let program = self.program;
        let human = &program.humans[id];
        self.params(&human.locals, &human.params);
        let module = human.name.module.clone();
        let pure = Some(("human", human.name.name.to_string()));
        self.within(Place { pure, module, ..Place::default() }, |cx| {
            if let Some(title) = human.title {
                cx.words(title);
            }
            if let Some(assign) = &human.assign {
                let role = Want::plain(Ty::new(TyKind::Role));
                cx.check(assign.to, &role);
                if let Some(except) = assign.except {
                    let ty = cx.value(except, Some(&role.ty));
                    if !matches!(cx.base(&ty).kind, TyKind::Role | TyKind::Text | TyKind::Error) {
                        cx.mismatch(except, &ty, &role);
                    }
                }
            }
            for shown in &human.show {
                cx.value(*shown, None);
            }
        });
    }

    fn workflow(&mut self, workflow: &Workflow) {
        let program = self.program;
        self.params(&workflow.locals, &workflow.params);
        for trigger in &workflow.triggers {
            self.trigger(workflow, trigger);
        }
        let place = Place {
            result: workflow.result.as_ref().map(|ty| (ty.node.clone(), ty.span)),
            batch: workflow.triggers.iter().find_map(|trigger| match trigger {
                Trigger::Batch { event, .. } => *event,
                Trigger::Event { .. } => None,
            }),
            module: workflow.name.module.clone(),
            ..Place::default()
        };
        for error in &workflow.fails {
            self.defaults(&program.errors[*error].fields);
        }
        self.within(place, |cx| {
            cx.head(workflow);
            cx.block(&workflow.body);
            if let Some(aftermath) = &workflow.aftermath {
                cx.bind(aftermath.error, Ty::new(TyKind::Text));
                cx.bind(aftermath.step, Ty::new(TyKind::Text));
                cx.block(&aftermath.body);
            }
            cx.upgrades(workflow);
        });
        self.facts = super::money::Facts::default();
    }

    /// Clauses of the head.
    fn head(&mut self, workflow: &Workflow) {
        if let Some(Idempotent { by, .. }) = &workflow.idempotent {
            self.keys(by);
        }
        let limits = workflow.limits.iter().filter_map(|limit| limit.by);
        let places = workflow.concurrency.iter().filter_map(|one| one.per);
        let all: Vec<_> = limits
            .chain(places)
            .chain(workflow.shard)
            .chain(workflow.subject)
            .chain(workflow.index.iter().copied())
            .collect();
        self.keys(&all);
    }

    /// Values that runs of an earlier version lack.
    fn upgrades(&mut self, workflow: &Workflow) {
        for (name, value) in workflow.upgrades.iter().flat_map(|upgrade| &upgrade.values) {
            let named = |local: &&LocalId| self.program.locals[**local].name == name.node;
            match workflow.locals.iter().find(named) {
                Some(local) => {
                    let span = self.program.locals[*local].span;
                    let words = format!("`{}` is bound here", name.node);
                    let want = Want::declared(self.table.local(*local), span, words);
                    self.check(*value, &want);
                }
                None => {
                    self.infer(*value, None);
                    if !workflow.incomplete {
                        let locals = workflow.locals.iter();
                        let names = locals.map(|local| self.program.locals[*local].name.clone());
                        let names: Vec<_> = names.filter(|name| !name.starts_with('#')).collect();
                        let near = suggest(&name.node, names.iter().map(|name| name.as_str()));
                        let mut finding = Diagnostic::error(
                            "F0101",
                            name.span,
                            format!(
                                "`{}` binds nothing called `{}`",
                                workflow.name.name, name.node
                            ),
                        )
                        .label(name.span, "not known");
                        if !near.is_empty() {
                            finding = finding.help(format!("did you mean {}?", any_of(&near)));
                        }
                        self.report(finding);
                    }
                }
            }
        }
    }

    /// A parameter that an event fills has the type of what comes.
    fn trigger(&mut self, workflow: &Workflow, trigger: &Trigger) {
        let (param, want, span) = match trigger {
            Trigger::Event { event: Some(event), param: Some(param), field: None, span } => {
                let param = workflow.params.get(*param as usize);
                (param, Ty::new(TyKind::Event(*event)), *span)
            }
            Trigger::Batch { event: Some(event), span, .. } => {
                let item = Ty::new(TyKind::Event(*event));
                (workflow.params.first(), Ty::new(TyKind::Batch(Box::new(item))), *span)
            }
            _ => return,
        };
        let shown = self.show(&want);
        let Some(param) = param else {
            if !workflow.incomplete {
                self.report(
                    Diagnostic::error(
                        "F0102",
                        span,
                        format!("no parameter takes {}", article(&shown)),
                    )
                    .label(span, "comes from here")
                    .help(format!("add a parameter of type `{shown}`")),
                );
            }
            return;
        };
        if param.ty.node.kind != want.kind && !param.ty.node.has_error() {
            let got = self.show(&param.ty.node);
            let mut finding = Diagnostic::error(
                "F0102",
                span,
                format!(
                    "this brings {}, but `{}` is {}",
                    article(&shown),
                    param.name.node,
                    article(&got)
                ),
            )
            .label(span, "comes from here")
            .label(param.ty.span, "declared here");
            if let Trigger::Event { .. } = trigger {
                finding = finding.help(format!(
                    "the event's field of the parameter's name is passed if it has the same type, \
                     else the event itself: declare `{}: {shown}`",
                    param.name.node
                ));
            }
            self.report(finding);
        }
    }

    fn schedule(&mut self, schedule: &Schedule) {
        let program = self.program;
        self.bind(schedule.slot, Ty::new(TyKind::Time));
        let params = schedule.workflow.map_or(&[][..], |id| &program.workflows[id].params);
        let place = Place { module: schedule.module.clone(), ..Place::default() };
        self.within(place, |cx| cx.args(params, &schedule.args));
        self.calendar(schedule);
    }
}
