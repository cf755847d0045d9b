//! What a run costs that waits, in bytes: as many as are live for it in its shard, whatever the
//! allocator makes of them.
#![expect(unsafe_code, reason = "an allocator that counts is made of nothing else")]

use sagaflow_core::codegen::{
    Arm, Draw, Event, Fault, Frame, Json, Leave, Machine, Move, Next, Point, PointKind, Schema,
    Subscription, Ty, Values, WorkflowSpec,
};
use sagaflow_core::shard::{Effect, Input, Machines, Shard, Start};
use sagaflow_core::time::Time;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

/// The allocator of the system, and how many bytes of it are in use.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn count(layout: Layout, sign: isize) {
    LIVE.fetch_add(sign * isize::try_from(layout.size()).unwrap_or_default(), Ordering::Relaxed);
}

// SAFETY: it hands every request to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout, 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout, -1);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Waits for an event with its number as key.
struct Waits(WorkflowSpec);

impl Waits {
    fn new() -> Self {
        let (at, path, kind) = ("go".to_owned(), "go".to_owned(), PointKind::Wait);
        let point = Point { at, path, kind, live: [].into(), line: 1, ask: None };
        Self(WorkflowSpec {
            name: "chain.Parked".into(),
            version: 1,
            hash: "0123456789abcdef".repeat(4),
            continues: false,
            params: vec![("n".into(), Ty::Int)],
            result: None,
            fails: Vec::new(),
            deadline_ms: Some(86_400_000),
            retain_ms: 0,
            keyed: true,
            concurrency: Vec::new(),
            otherwise: Vec::new(),
            limits: Vec::new(),
            upgrades: Vec::new(),
            indexed: Vec::new(),
            key_for_ms: None,
            triggers: Vec::new(),
            points: [("go".to_owned(), point)].into(),
            aftermath: false,
            tasks: [].into(),
            events: [].into(),
            services: [].into(),
            schema: Schema::default(),
        })
    }
}

impl Machine for Waits {
    fn spec(&self) -> &WorkflowSpec {
        &self.0
    }

    fn resume(&self, frame: &Frame, event: Event, _: &mut Draw) -> Result<Move, Fault> {
        let next = match event {
            Event::Enter => {
                let key = frame.values.get("n").map(Json::to_string).unwrap_or_default();
                let arm = Subscription { event: "chain.Go".into(), key, fresh: false };
                let frame = Frame { at: "go".into(), ..Frame::default() };
                Next::Wait { frame, arms: vec![Arm::Event(arm)], until: None }
            }
            _ => Next::Return(Json::Null),
        };
        Ok(Move { leave: Leave::GoOn, ops: Vec::new(), next })
    }

    fn matches(&self, _: &Frame, _: usize, _: &Json) -> Result<bool, Fault> {
        Ok(true)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        Ok(input.get("n").cloned())
    }

    fn classes(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }

    fn indexed(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }
}

fn start(shard: &mut Shard, n: u64) {
    let mut entropy = [0; 16];
    // Ids are made at random, so that maps by id are filled as they are with them.
    let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    entropy[..8].copy_from_slice(&spread.to_be_bytes());
    let start = Start {
        namespace: "default".into(),
        workflow: "chain.Parked".into(),
        version: None,
        key: None,
        input: [("n".to_owned(), Json::from(n))].into(),
        entropy,
        token: None,
    };
    let out = shard.apply(Time(1_000_000), Input::Start(start));
    for effect in out.effects {
        if let Effect::Find { namespace, workflow, key } = effect {
            let found = Input::Found { namespace, workflow, key, row: None };
            shard.apply(Time(1_000_000), found);
        }
    }
}

#[test]
fn a_run_that_waits_for_an_event_takes_a_bounded_number_of_bytes() {
    const RUNS: u64 = 10_000;
    let mut machines = Machines::default();
    machines.add(Arc::new(Waits::new()));
    let mut shard = Shard::new(machines);
    // Order: what is made once is there before anything is counted.
    start(&mut shard, 0);
    let before = LIVE.load(Ordering::Relaxed);
    (1..=RUNS).for_each(|n| start(&mut shard, n));
    let live = u64::try_from(LIVE.load(Ordering::Relaxed) - before).expect("more than before");
    assert_eq!(shard.runs().count() as u64, RUNS + 1);
    assert!(live / RUNS < 2_816, "{} bytes for each run", live / RUNS);
}
