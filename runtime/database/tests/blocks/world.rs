//! A shop's database, and attempts as the engine makes them.

use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_core::codegen::{Draw, Event, Frame, Json, Next};
use sagaflow_core::id::RunId;
use sagaflow_core::service::{Attempt, Call, Purpose, Refusal, Service as _};
use sagaflow_core::shard::Machines;
use sagaflow_core::time::Time;
use sagaflow_core::transaction::{ACTION, Entry, SETTLE};
use sagaflow_database::{Database, Options};
use sagaflow_interp::Interpreter;
use sagaflow_postgres as postgres;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

pub const DATABASE: &str = "shop.Stock";

const FLOW: &str = include_str!("shop.flow");

const TABLES: &str = "
create table shop_order (id text primary key);
create table product (sku text primary key, stock int not null);
create table missing (sku text primary key);
insert into product values ('tea', 10), ('jam', 10);
";

pub struct World {
    pub made: postgres::Database,
    pub database: Database,
    pub machines: Machines,
    fir: Arc<sagaflow_fir::Fir>,
}

impl World {
    /// None, loudly, where the machine has no Postgres.
    pub async fn made() -> Option<Self> {
        let made = postgres::shared()?.fresh().expect("a database");
        made.psql(TABLES).expect("its tables");
        let url = made.url().to_owned();
        Some(Self::of(made, &url))
    }

    /// The same database by another way.
    pub fn through(self, url: &str) -> Self {
        Self::of(self.made, url)
    }

    fn of(made: postgres::Database, url: &str) -> Self {
        let loaded = load_text("shop.flow", "shop", FLOW);
        let analysis = analyze(&loaded);
        let told: Vec<_> = analysis.diagnostics.iter().map(|d| d.headline.clone()).collect();
        let fir = analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"));
        let fir = Arc::new(fir);
        let mut machines = Machines::default();
        for name in fir.workflows.keys() {
            let machine = Interpreter::new(Arc::clone(&fir), name).expect("it can be executed");
            machines.add(Arc::new(machine));
        }
        let options = Options { url: url.to_owned(), connections: 8 };
        let database = Database::new(DATABASE, &options, machines.clone()).expect("a database");
        Self { made, database, machines, fir }
    }

    /// The machine of a workflow, and the frame in which its transaction is called.
    pub fn entry(&self, workflow: &str, input: Json) -> Entry {
        assert!(self.fir.workflows.contains_key(workflow));
        let machine = self.machines.for_start(workflow, None).expect("it is here");
        let values = input.as_object().expect("an object").clone().into_iter().collect();
        let start = Frame { at: "start".to_owned(), iteration: Vec::new(), values };
        let mut draw = Draw::new(Time(0), [0; 16]);
        let step = machine.resume(&start, Event::Enter, &mut draw).expect("no fault");
        let Next::Call { frame, .. } = step.next else { panic!("{step:?}") };
        let spec = machine.spec();
        Entry { workflow: spec.name.clone(), version: spec.version, hash: spec.hash.clone(), frame }
    }

    /// One attempt to book lines in one block.
    pub async fn book(&self, key: &str, order: &str, lines: &[(&str, i64)]) -> Attempt {
        self.walked("shop.Book", key, order, lines).await
    }

    /// One attempt to book what is there of some lines.
    pub async fn parts(&self, key: &str, order: &str, lines: &[(&str, i64)]) -> Attempt {
        self.walked("shop.Parts", key, order, lines).await
    }

    async fn walked(
        &self,
        workflow: &str,
        key: &str,
        order: &str,
        lines: &[(&str, i64)],
    ) -> Attempt {
        let line = |(sku, quantity): &(&str, i64)| json!({ "sku": sku, "quantity": quantity });
        let lines: Vec<Json> = lines.iter().map(line).collect();
        let entry = self.entry(workflow, json!({ "order": order, "lines": lines }));
        let args = serde_json::to_value(entry).expect("it is JSON");
        self.database.call(&call(ACTION, key, Purpose::Do, None), args).await
    }

    /// One attempt of an action alone.
    pub async fn lone(&self, key: &str, action: &str, args: &Json) -> Attempt {
        self.database.call(&call(action, key, Purpose::Do, None), args.clone()).await
    }

    /// Asks what came of the transaction under a key.
    pub async fn settle(&self, key: &str) -> Attempt {
        self.database.call(&call(SETTLE, "a probe", Purpose::Probe, Some(key)), json!({})).await
    }

    /// What the database says to a script.
    pub fn said(&self, script: &str) -> String {
        self.made.psql(script).expect("it answers").trim().to_owned()
    }
}

fn call(action: &str, key: &str, purpose: Purpose, undoes: Option<&str>) -> Call {
    Call {
        namespace: "default".to_owned(),
        service: DATABASE.to_owned(),
        action: action.to_owned(),
        key: key.to_owned(),
        undoes: undoes.map(str::to_owned),
        run: RunId::new(0, 0, [0; 8]),
        path: "open".to_owned(),
        attempt: 1,
        purpose,
        fence: None,
        within: Duration::from_secs(30),
        callback: String::new(),
    }
}

/// Why an attempt was refused, if it was.
pub fn refused(attempt: &Attempt) -> Option<Refusal> {
    match attempt {
        Attempt::Refused { cause, .. } => Some(*cause),
        _ => None,
    }
}

pub const BACKENDS: &str = "select count(*) from pg_stat_activity where application_name = 'sagaflow' \
     and datname = current_database() and state like 'idle in transaction%'";

/// Waits until the database says `wanted`.
pub async fn until(world: &World, script: &str, wanted: &str) {
    for _ in 0..200 {
        if world.said(script) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("`{script}` says {}, not {wanted}", world.said(script));
}
