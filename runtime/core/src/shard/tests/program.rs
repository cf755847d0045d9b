//! A machine for tests: a small program tree, evaluated as it stands.

use crate::codegen::{
    Arm, AskSpec, CallSpec, Class, Draw, ErrorSpec, Event, Failure, FailureKind, Fault, ForkSpec,
    Frame, Json, Leave, Machine, Move, Next, Op, Point, PointKind, ProbeSpec, Retry, Schema,
    ServiceSpec, Subscription, TaskSpec, TriggerSpec, Ty, UndoSpec, UnitSpec, Values, WorkflowSpec,
};
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A statement.
#[derive(Clone)]
pub enum S {
    Call(Box<Call>),
    Fork {
        at: &'static str,
        branches: Vec<Vec<S>>,
        max: Option<u32>,
        settle: bool,
    },
    Unit(Box<Unit>),
    Wait {
        at: &'static str,
        arms: Vec<(Arm, Vec<S>)>,
        within: Option<i64>,
    },
    /// Wait until the run is this old.
    Sleep {
        at: &'static str,
        ms: i64,
    },
    Manual {
        at: &'static str,
    },
    Emit {
        event: &'static str,
        key: &'static str,
    },
    /// A bug of the program, as long as the switch is on.
    Bug {
        at: &'static str,
    },
}

#[derive(Clone)]
pub struct Call {
    pub at: &'static str,
    pub spec: CallSpec,
    /// Undo: the actions called in its block.
    pub undo: Vec<S>,
    pub on: On,
    pub by: Option<Json>,
}

/// What a call's handler does with a failure.
#[derive(Clone)]
pub enum On {
    Propagate,
    Use,
    Skip,
    Ask,
    Then(Vec<S>),
}

#[derive(Clone)]
pub struct Unit {
    pub at: &'static str,
    pub spec: UnitSpec,
    pub body: Vec<S>,
    pub interrupts: Vec<Subscription>,
    /// Runs after a failure; none: it propagates.
    pub handler: Option<Vec<S>>,
    /// Asks a person instead, but about the errors that it names.
    pub ask: Option<AskSpec>,
}

pub fn retry(attempts: Option<u32>) -> Retry {
    Retry { attempts, first_ms: 1_000, max_ms: 4_000, jitter: false, on: Vec::new() }
}

fn spec(class: Class, action: &str) -> CallSpec {
    let (service, action) = action.split_once('.').unwrap_or(("Shop", action));
    CallSpec {
        service: service.to_owned(),
        action: action.to_owned(),
        class,
        idempotent: true,
        key_for_ms: None,
        within_ms: if class == Class::Read { 1_000 } else { 2_000 },
        deadline_ms: None,
        retry: retry(Some(3)),
        errors: vec![ErrorSpec { name: "Declined".into(), fields: Vec::new(), transient: false }],
        result: Some(Ty::Text),
        params: [("order".to_owned(), Ty::Text)].into(),
        leaves_when_refused: false,
        undo: UndoSpec::None,
        commits: class == Class::Pivot,
        probe: None,
        sql: None,
        isolation: None,
    }
}

impl Call {
    pub fn with(mut self, change: impl FnOnce(&mut CallSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    pub fn on(mut self, on: On) -> Self {
        self.on = on;
        self
    }

    pub fn s(self) -> S {
        S::Call(Box::new(self))
    }

    pub fn probed(self) -> Self {
        self.with(|spec| {
            spec.idempotent = false;
            spec.retry = retry(Some(1));
            spec.probe = Some(ProbeSpec {
                service: "Shop".into(),
                action: "status".into(),
                within_ms: 1_000,
            });
        })
    }
}

pub fn call(class: Class, at: &'static str, action: &'static str) -> Call {
    let spec = spec(class, action);
    Call { at, spec, undo: Vec::new(), on: On::Propagate, by: None }
}

pub fn read(at: &'static str) -> Call {
    call(Class::Read, at, at)
}

pub fn write(at: &'static str) -> Call {
    call(Class::Write, at, at)
}

pub fn pivot(at: &'static str) -> Call {
    call(Class::Pivot, at, at).with(|spec| spec.retry = retry(None))
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A write with an undo that needs only its arguments.
pub fn step(at: &'static str) -> Call {
    undone(at, UndoSpec::Args)
}

/// A write whose undo needs its result.
pub fn asking(at: &'static str) -> Call {
    undone(at, UndoSpec::Result)
}

fn undone(at: &'static str, kind: impl FnOnce(String) -> UndoSpec) -> Call {
    let mut call = write(at);
    let begin = format!("{at}/undo");
    call.spec.undo = kind(begin.clone());
    let name = leak(format!("un{at}"));
    let path = leak(format!("{begin}/{name}"));
    let undo = self::call(Class::Write, path, name).with(|spec| spec.retry = retry(None));
    call.undo = vec![undo.s()];
    call
}

pub fn unit(at: &'static str, body: Vec<S>, handler: Option<Vec<S>>) -> Unit {
    let spec = UnitSpec { deadline_ms: None, retry: None, keep: Vec::new(), handled: Vec::new() };
    Unit { at, spec, body, interrupts: Vec::new(), handler, ask: None }
}

/// A question about a unit, whose answer is a text; it may be done again.
pub fn ask(errors: &[&str]) -> AskSpec {
    let error =
        |name: &&str| ErrorSpec { name: (*name).to_owned(), fields: Vec::new(), transient: false };
    AskSpec { answer: Some(Ty::Text), errors: errors.iter().map(error).collect(), again: true }
}

impl Unit {
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn s(self) -> S {
        S::Unit(Box::new(self))
    }

    fn asks(&self, error: &str) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask.errors.iter().all(|it| it.name != error))
    }
}

pub fn fork(at: &'static str, branches: Vec<Vec<S>>) -> S {
    S::Fork { at, branches, max: None, settle: false }
}

pub fn event(name: &str, key: &str) -> Subscription {
    Subscription { event: name.into(), key: key.into(), fresh: false }
}

/// A program.
pub struct Program {
    spec: WorkflowSpec,
    body: Vec<S>,
    after: Vec<S>,
    pub bug: std::sync::atomic::AtomicBool,
}

impl Program {
    pub fn new(body: Vec<S>) -> Self {
        let mut points = BTreeMap::new();
        begin(&mut points, "start");
        collect(&body, &mut points);
        let task = TaskSpec { answer: Ty::Bool };
        let spec = WorkflowSpec {
            name: "shop.Order".into(),
            version: 1,
            hash: "h1".into(),
            continues: false,
            params: vec![("order".into(), Ty::Text)],
            result: None,
            fails: Vec::new(),
            deadline_ms: None,
            retain_ms: 86_400_000,
            keyed: true,
            concurrency: Vec::new(),
            limits: Vec::new(),
            indexed: Vec::new(),
            upgrades: Vec::new(),
            otherwise: Vec::new(),
            key_for_ms: None,
            triggers: Vec::new(),
            points,
            aftermath: false,
            tasks: [("shop.Confirm".to_owned(), task)].into(),
            events: BTreeMap::new(),
            services: BTreeMap::new(),
            schema: Schema::default(),
        };
        Self { spec, body, after: Vec::new(), bug: false.into() }
    }

    pub fn with(mut self, change: impl FnOnce(&mut WorkflowSpec)) -> Self {
        change(&mut self.spec);
        self
    }

    pub fn after(mut self, after: Vec<S>) -> Self {
        begin(&mut self.spec.points, "after");
        collect(&after, &mut self.spec.points);
        self.spec.aftermath = true;
        self.after = after;
        self
    }

    pub fn service(self, name: &str, service: ServiceSpec) -> Self {
        self.with(|spec| {
            spec.services.insert(name.to_owned(), service);
        })
    }

    pub fn trigger(self, event: &str) -> Self {
        let trigger = TriggerSpec {
            event: event.into(),
            param: "order".into(),
            field: Some("order".into()),
            gather: None,
        };
        self.with(|spec| spec.triggers.push(trigger))
    }

    pub fn arc(self) -> Arc<Self> {
        Arc::new(self)
    }
}

fn point(points: &mut BTreeMap<String, Point>, at: &str, kind: PointKind) {
    let point =
        Point { at: at.into(), path: at.into(), kind, live: BTreeMap::new(), line: 0, ask: None };
    points.insert(at.into(), point);
}

fn begin(points: &mut BTreeMap<String, Point>, at: &str) {
    point(points, at, PointKind::Begin);
}

fn collect(block: &[S], points: &mut BTreeMap<String, Point>) {
    for statement in block {
        match statement {
            S::Call(call) => {
                point(points, call.at, PointKind::Call(Box::new(call.spec.clone())));
                if !call.undo.is_empty() {
                    begin(points, &format!("{}/undo", call.at));
                    collect(&call.undo, points);
                }
                if let On::Then(then) = &call.on {
                    collect(then, points);
                }
            }
            S::Fork { at, branches, max, settle } => {
                point(points, at, PointKind::Fork(ForkSpec { max: *max, settle: *settle }));
                branches.iter().for_each(|branch| collect(branch, points));
            }
            S::Unit(unit) => {
                point(points, unit.at, PointKind::Unit(unit.spec.clone()));
                if let Some(point) = points.get_mut(unit.at) {
                    point.ask.clone_from(&unit.ask);
                }
                collect(&unit.body, points);
                collect(unit.handler.as_deref().unwrap_or_default(), points);
            }
            S::Wait { at, arms, .. } => {
                point(points, at, PointKind::Wait);
                arms.iter().for_each(|(_, then)| collect(then, points));
            }
            S::Sleep { at, .. } => point(points, at, PointKind::Wait),
            S::Manual { at } => point(points, at, PointKind::Manual),
            S::Bug { at } => point(points, at, PointKind::Wait),
            S::Emit { .. } => {}
        }
    }
}

/// What follows the end of a block.
enum Tail<'a> {
    Root,
    Branch,
    Undo,
    After { block: &'a [S], index: usize, outer: &'a Tail<'a>, leave: Option<&'a str> },
}

struct Walk<'a> {
    program: &'a Program,
    ops: Vec<Op>,
    values: Values,
    now: Time,
    leave: Leave,
}

fn declared(name: &str) -> Failure {
    Failure {
        kind: FailureKind::Declared,
        name: name.into(),
        payload: Json::Null,
        step: String::new(),
    }
}

impl Walk<'_> {
    fn frame(&self, at: &str) -> Frame {
        Frame { at: at.into(), iteration: Vec::new(), values: self.values.clone() }
    }

    fn block(&mut self, block: &[S], index: usize, tail: &Tail<'_>) -> Result<Next, Fault> {
        let Some(statement) = block.get(index) else { return self.tail(tail) };
        match statement {
            S::Call(call) => {
                let order = self.values.get("order").cloned().unwrap_or(Json::Null);
                let captured = self.values.clone();
                Ok(Next::Call {
                    frame: self.frame(call.at),
                    args: serde_json::json!({ "order": order }),
                    by: call.by.clone(),
                    probe: call.spec.probe.as_ref().map(|_| serde_json::json!({ "order": order })),
                    undo: (!call.undo.is_empty()).then_some(captured),
                })
            }
            S::Fork { at, branches, .. } => Ok(Next::Fork {
                frame: self.frame(at),
                branches: u32::try_from(branches.len()).expect("few"),
            }),
            S::Unit(unit) => {
                let frame = self.frame(unit.at);
                self.ops.push(Op::Enter { frame, interrupts: unit.interrupts.clone() });
                let outer = &Tail::After { block, index, outer: tail, leave: Some(unit.at) };
                self.block(&unit.body, 0, outer)
            }
            S::Wait { at, arms, within } => Ok(Next::Wait {
                frame: self.frame(at),
                arms: arms.iter().map(|(arm, _)| arm.clone()).collect(),
                until: within.map(|ms| self.now.plus(ms)),
            }),
            S::Sleep { at, ms } => Ok(Next::Wait {
                frame: self.frame(at),
                arms: vec![Arm::Sleep { until: self.now.plus(*ms) }],
                until: None,
            }),
            S::Manual { at } => {
                Ok(Next::Manual { frame: self.frame(at), question: "what now?".into() })
            }
            S::Emit { event, key } => {
                let payload = serde_json::json!({ "order": key });
                let (event, key) = ((*event).to_owned(), (*key).to_owned());
                self.ops.push(Op::Emit { event, key, payload });
                self.block(block, index + 1, tail)
            }
            S::Bug { .. } => {
                if self.program.bug.load(std::sync::atomic::Ordering::Relaxed) {
                    return Err(Fault { message: "division by zero".into() });
                }
                self.block(block, index + 1, tail)
            }
        }
    }

    fn tail(&mut self, tail: &Tail<'_>) -> Result<Next, Fault> {
        match tail {
            Tail::Root => Ok(Next::Return(Json::Null)),
            Tail::Branch => {
                let values = self.values.clone().into_iter().collect();
                Ok(Next::End(Json::Object(values)))
            }
            Tail::Undo => Ok(Next::End(Json::Null)),
            Tail::After { block, index, outer, leave } => {
                if let Some(at) = leave {
                    self.ops.push(Op::Leave { at: (*at).to_owned() });
                }
                self.block(block, index + 1, outer)
            }
        }
    }

    /// Finds the statement a frame rests at, and goes on from there.
    fn find(
        &mut self,
        (block, tail): (&[S], &Tail<'_>),
        at: &str,
        event: &Event,
    ) -> Option<Result<Next, Fault>> {
        for (index, statement) in block.iter().enumerate() {
            let after = |leave| Tail::After { block, index, outer: tail, leave };
            let found = match statement {
                S::Call(call) if call.at == at => {
                    Some(self.called(call, event, (block, index, tail)))
                }
                S::Call(call) => {
                    let then = match &call.on {
                        On::Then(then) => self.find((then, &after(None)), at, event),
                        _ => None,
                    };
                    let begins = format!("{}/undo", call.at) == at;
                    then.or_else(|| begins.then(|| self.block(&call.undo, 0, &Tail::Undo)))
                        .or_else(|| self.find((&call.undo, &Tail::Undo), at, event))
                }
                S::Fork { at: own, branches, .. } if *own == at => Some(match event {
                    Event::Branch(branch) => {
                        let branch = branches.get(*branch as usize).expect("a branch");
                        self.block(branch, 0, &Tail::Branch)
                    }
                    Event::Joined(_) => self.block(block, index + 1, tail),
                    other => panic!("a fork got {other:?}"),
                }),
                S::Fork { branches, .. } => {
                    branches.iter().find_map(|b| self.find((b, &Tail::Branch), at, event))
                }
                S::Unit(unit) if unit.at == at => Some(match event {
                    Event::Enter => self.block(&unit.body, 0, &after(Some(unit.at))),
                    Event::Answer(value) => {
                        self.values.insert(unit.at.to_owned(), value.clone());
                        self.block(block, index + 1, tail)
                    }
                    Event::Failed(failure) if unit.asks(&failure.name) => {
                        Ok(Next::Manual { frame: self.frame(at), question: "well?".into() })
                    }
                    Event::Interrupt { .. } if unit.handler.is_none() => {
                        Ok(Next::Manual { frame: self.frame(at), question: "stop?".into() })
                    }
                    Event::Failed(failure) => match &unit.handler {
                        Some(handler) => self.block(handler, 0, &after(None)),
                        None => Ok(Next::Fail(failure.clone())),
                    },
                    Event::Interrupt { value, .. } => {
                        self.values.insert("interrupt".into(), value.clone());
                        self.block(unit.handler.as_deref().unwrap_or_default(), 0, &after(None))
                    }
                    other => panic!("a unit got {other:?}"),
                }),
                S::Unit(unit) => {
                    self.find((&unit.body, &after(Some(unit.at))), at, event).or_else(|| {
                        let handler = unit.handler.as_deref()?;
                        self.find((handler, &after(None)), at, event)
                    })
                }
                S::Wait { at: own, arms, .. } if *own == at => Some(match event {
                    Event::Arm { index: arm, value } => {
                        self.values.insert((*own).to_owned(), value.clone());
                        self.block(&arms[*arm].1, 0, &after(None))
                    }
                    Event::Timeout => {
                        Ok(Next::Fail(Failure { kind: FailureKind::Timeout, ..declared("") }))
                    }
                    other => panic!("a wait got {other:?}"),
                }),
                S::Wait { arms, .. } => {
                    arms.iter().find_map(|(_, then)| self.find((then, &after(None)), at, event))
                }
                S::Sleep { at: own, .. } | S::Manual { at: own } if *own == at => {
                    Some(self.block(block, index + 1, tail))
                }
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn called(
        &mut self,
        call: &Call,
        event: &Event,
        (block, index, tail): (&[S], usize, &Tail<'_>),
    ) -> Result<Next, Fault> {
        match event {
            Event::Done(value) => {
                self.values.insert(call.at.to_owned(), value.clone());
                self.block(block, index + 1, tail)
            }
            Event::Failed(failure) => match &call.on {
                On::Propagate => {
                    self.leave = Leave::Fail;
                    Ok(Next::Fail(failure.clone()))
                }
                On::Use => self.block(block, index + 1, tail),
                On::Skip => {
                    self.leave = Leave::Skip;
                    self.block(block, index + 1, tail)
                }
                On::Ask => {
                    Ok(Next::Manual { frame: self.frame(call.at), question: "well?".into() })
                }
                On::Then(then) => {
                    let outer = &Tail::After { block, index, outer: tail, leave: None };
                    self.block(then, 0, outer)
                }
            },
            other => panic!("a call got {other:?}"),
        }
    }
}

impl Machine for Program {
    fn spec(&self) -> &WorkflowSpec {
        &self.spec
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let mut walk = Walk {
            program: self,
            ops: Vec::new(),
            values: frame.values.clone(),
            now: draw.now,
            leave: Leave::GoOn,
        };
        let next = match frame.at.as_str() {
            "start" => walk.block(&self.body, 0, &Tail::Root),
            "after" => walk.block(&self.after, 0, &Tail::Undo),
            at => walk
                .find((&self.body, &Tail::Root), at, &event)
                .or_else(|| walk.find((&self.after, &Tail::Undo), at, &event))
                .unwrap_or_else(|| panic!("nothing rests at {at}")),
        }?;
        Ok(Move { leave: walk.leave, ops: walk.ops, next })
    }

    fn matches(&self, _: &Frame, _: usize, event: &Json) -> Result<bool, Fault> {
        if event.get("bug") == Some(&Json::Bool(true)) {
            return Err(Fault { message: "division by zero".into() });
        }
        Ok(event.get("no") != Some(&Json::Bool(true)))
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        Ok(input.get("order").cloned())
    }

    /// The first clause is per customer, who stands behind the `@` of an order; others have no key.
    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        let order = input.get("order").and_then(Json::as_str).unwrap_or_default();
        let customer = order.split_once('@').map(|(_, customer)| Json::from(customer));
        Ok(vec![customer.unwrap_or_default()])
    }

    /// A stamp of the order.
    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        match input.get("order").and_then(Json::as_str) {
            Some(order) => Ok(format!("v{from}.{index} of {order}").into()),
            None => Err(Fault { message: "there is no order".into() }),
        }
    }

    /// Its customer, and the whole order.
    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        let mut all = self.classes(input)?;
        all.extend(input.get("order").cloned());
        Ok(all)
    }
}
