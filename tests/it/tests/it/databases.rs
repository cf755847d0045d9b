//! Two databases of one program, over real processes: what is done in one is undone when the other says
//! no, and an answer that never comes changes neither twice.

use sagaflow_it::{Flowd, flowd};
use sagaflow_postgres::{Database, Proxy};
use serde_json::{Value, json};
use std::time::Duration;

const FLOW: &str = r#"
database North {
  tx take(id: text, amount: int)
    fails Short
    sql """
      with taken as (
        update account set amount = amount - :amount where amount >= :amount returning amount
      )
      insert into moved (id, way) select :id, 'out' from taken
    """ no rows => Short
  tx back(id: text, amount: int)
    sql """
      with given as (update account set amount = amount + :amount)
      insert into moved (id, way) values (:id, 'back')
    """
}

database South {
  tx put(id: text, amount: int)
    fails Closed
    sql """
      with put as (
        update account set amount = amount + :amount where :id not like 'closed%' returning amount
      )
      insert into moved (id, way) select :id, 'in' from put
    """ no rows => Closed
}

workflow Transfer v1 (id: text, amount: int)
  idempotent by id, amount
  fails Refused
{
  transaction North retry forever, backoff 20ms..500ms jitter {
    step North.take(id, amount) on Short => fail Refused
  }
  compensate { transaction North { step North.back(id, amount) } }
  transaction South retry forever, backoff 20ms..500ms jitter {
    step South.put(id, amount) on Closed => fail Refused
  }
}

workflow Pay v1 (id: text, amount: int)
  idempotent by id, amount
  fails Refused
{
  transaction South retry 2 times, backoff 20ms {
    step South.put(id, amount) within 1s on Closed => fail Refused
  }
  deadline 2s
  else fail Refused
}
"#;

const TABLES: &str = "create table account (amount bigint not null);
    create table moved (id text not null, way text not null);";

struct World {
    folder: tempfile::TempDir,
    north: Database,
    south: Database,
    wire: Proxy,
}

impl World {
    async fn made() -> Option<Self> {
        let cluster = sagaflow_postgres::shared()?;
        let (north, south) = (cluster.fresh().unwrap(), cluster.fresh().unwrap());
        for (database, amount) in [(&north, 1_000), (&south, 0)] {
            database.psql(TABLES).unwrap();
            database.psql(&format!("insert into account values ({amount})")).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("banks.flow"), FLOW).unwrap();
        let wire = Proxy::before(south.url()).await;
        Some(Self { folder, north, south, wire })
    }

    async fn node(&self) -> Flowd {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let north = format!("North={}", self.north.url());
        let south = format!("South={}", self.wire.url(self.south.url()));
        let (flow, store) = (path("banks.flow"), path("s.db"));
        Flowd::start("serve", &[&flow, "--store", &store, "--bind", &north, "--bind", &south]).await
    }

    fn said(&self, script: &str) -> [String; 2] {
        [&self.north, &self.south].map(|one| one.psql(script).unwrap().trim().to_owned())
    }
}

async fn start(node: &Flowd, workflow: &str, id: &str, amount: i64) -> String {
    let body = json!({ "input": { "id": id, "amount": amount } });
    let path = format!("/api/workflows/{workflow}/runs");
    let (status, run) = node.request("POST", &path, Some(body)).await;
    assert!(status < 300, "{run}");
    run["id"].as_str().unwrap().to_owned()
}

/// How a run ended, within the time that a slow machine may take.
async fn ended(node: &Flowd, run: &str) -> Value {
    for _ in 0..1_200 {
        let (_, shown) = node.request("GET", &format!("/api/runs/{run}"), None).await;
        if ["completed", "failed"].contains(&shown["status"].as_str().unwrap_or_default()) {
            return shown["status"].clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, story) = node.request("GET", &format!("/api/runs/{run}/history"), None).await;
    panic!("it does not end: {story:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_database_did_is_undone_where_the_other_says_no() {
    let Some(world) = World::made().await else { return };
    let mut node = world.node().await;
    let mut runs = Vec::new();
    for number in 0..16 {
        let id = if number % 4 == 3 { format!("closed-{number}") } else { format!("m-{number}") };
        runs.push((start(&node, "Transfer", &id, 10).await, number % 4 == 3));
        if number % 5 == 4 {
            tokio::time::sleep(Duration::from_millis(11 * number % 40)).await;
            node.kill9();
            node = world.node().await;
        }
    }
    for (run, closed) in &runs {
        let expected = if *closed { "failed" } else { "completed" };
        assert_eq!(ended(&node, run).await, expected);
    }
    assert_eq!(world.said("select amount from account"), ["880", "120"]);
    let ways = "select string_agg(way || n, ' ' order by way) from \
         (select way, count(*) n from moved group by way) all_of_them";
    assert_eq!(world.said(ways), ["back4 out16", "in12"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_between_a_commit_and_its_record_does_nothing_twice() {
    let Some(world) = World::made().await else { return };
    let node = world.node().await;
    // A connection is there, so that the next commit is that of the transaction.
    let first = start(&node, "Transfer", "warm", 1).await;
    assert_eq!(ended(&node, &first).await, "completed");
    world.wire.eat_next();
    let run = start(&node, "Transfer", "m", 10).await;
    for _ in 0..1_200 {
        if world.wire.eaten() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.wire.eaten(), 1, "it has committed, and nobody was told");
    node.kill9();
    assert_eq!(world.south.psql("select amount from account").unwrap().trim(), "11");
    let node = world.node().await;
    assert_eq!(ended(&node, &run).await, "completed");
    assert_eq!(world.said("select amount from account"), ["989", "11"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_waited_for_and_does_nothing_twice() {
    let Some(world) = World::made().await else { return };
    let node = world.node().await;
    let first = start(&node, "Transfer", "warm", 1).await;
    assert_eq!(ended(&node, &first).await, "completed");
    // From now on it swallows whatever it is sent, and says nothing.
    world.wire.stall(true);
    let moved = start(&node, "Transfer", "m", 10).await;
    let paid = start(&node, "Pay", "p", 100).await;
    // Long enough for one to lose patience.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (_, shown) = node.request("GET", &format!("/api/runs/{moved}"), None).await;
    assert!(shown["ended_at"].is_null(), "{shown}");
    node.kill9();
    let node = world.node().await;
    world.wire.stall(false);
    assert_eq!(ended(&node, &moved).await, "completed");
    let done = ended(&node, &paid).await == "completed";
    let south = if done { "111" } else { "11" };
    assert_eq!(world.said("select amount from account"), ["989", south]);
    let twice = "select count(*) - count(distinct (id, way)) from moved";
    assert_eq!(world.said(twice), ["0", "0"]);
    let rows = "select count(*) filter (where state = 'done') from sagaflow_outcome";
    assert_eq!(world.south.psql(rows).unwrap().trim(), if done { "3" } else { "2" });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_nobody_answers_for_is_refused_before_anything_happens() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (flow, store) = (path("rust.flow"), path("s.db"));
    let text = "database Bank {
  tx first(id: text) sql \"\"\"insert into moved (id) values (:id)\"\"\"
  tx second(id: text)
}
workflow Both v1 (id: text) idempotent by id {
  transaction Bank retry forever { step Bank.first(id)  step Bank.second(id) }
}
";
    std::fs::write(&flow, text).unwrap();
    let bind = "Bank=postgres://nobody@127.0.0.1:9/nowhere";
    let input = json!("a").to_string();
    let args = ["run", &flow, "--workflow", "Both", "--input", &input, "--store", &store];
    let refused = flowd(&[&args[..], &["--bind", bind]].concat()).await;
    let said = "R1035: `second` of the database `rust.Bank` has no `sql`";
    assert!(refused.code == Some(2) && refused.err.contains(said), "{refused:?}");
}
