//! Transactions on a database of the program's own, with the node killed in the middle of them.

use sagaflow_it::Flowd;
use serde_json::json;
use std::time::Duration;

/// Money moves between accounts in two statements, with time between them to be killed in.
const FLOW: &str = r#"
event Moved key id { id: text, left: int }

database Bank {
  tx take(id: text, amount: int) -> int
    fails Short
    sql """
      update account set amount = amount - :amount
      where name = 'a' and amount >= :amount and pg_sleep(0.02) is not null and :id <> ''
      returning amount
    """ no rows => Short
  tx give_to(id: text, amount: int)
    sql """
      with given as (update account set amount = amount + :amount where name = 'b')
      insert into moved (id, slept) select :id, pg_sleep(0.02) is not null
    """
}

workflow Move v1 (id: text, amount: int) -> int
  idempotent by id, amount
  fails Refused
{
  transaction Bank isolation serializable retry forever, backoff 5ms..200ms jitter {
    step left = Bank.take(id, amount) on Short => fail Refused
    step Bank.give_to(id, amount)
    emit Moved(id: id, left: left)
  }
  return left
}
"#;

const TABLES: &str = "create table account (name text primary key, amount bigint not null);
    insert into account values ('a', 1000), ('b', 0);
    create table moved (id text not null, slept bool);";

#[tokio::test(flavor = "multi_thread")]
async fn transactions_through_kills_of_the_node_happen_once_or_not_at_all() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let database = cluster.fresh().unwrap();
    database.psql(TABLES).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (flow, store) = (folder.path().join("bank.flow"), folder.path().join("s.db"));
    std::fs::write(&flow, FLOW).unwrap();
    let (flow, store) = (flow.display().to_string(), store.display().to_string());
    let bind = format!("Bank={}", database.url());
    let args = [&flow, "--listen", "127.0.0.1:0", "--store", &store, "--bind", &bind];
    let args: Vec<&str> = args.into_iter().collect();
    let body = |n: usize| json!({ "input": { "id": format!("m-{n}"), "amount": 10 + n } });
    let mut node = Flowd::start("serve", &args).await;
    let mut runs = Vec::new();
    for n in 0..40 {
        let path = "/api/workflows/Move/runs";
        let (status, answer) = node.request("POST", path, Some(body(n))).await;
        assert!(status < 300, "{answer}");
        runs.push(answer["id"].as_str().unwrap_or_default().to_owned());
        if n % 4 == 3 {
            // Somewhere between a statement and the end of its commit.
            tokio::time::sleep(Duration::from_millis(7 * n as u64 % 60)).await;
            node.kill9();
            node = Flowd::start("serve", &args).await;
        }
    }
    let (mut moved, mut refused) = (0, 0);
    for (n, run) in runs.iter().enumerate() {
        let ended = ended(&node, run).await;
        match ended["status"].as_str().unwrap() {
            "completed" => moved += 10 + n,
            _ => refused += 1,
        }
    }
    assert!(refused > 0 && moved > 0, "{refused} {moved}");
    let said = |script: &str| database.psql(script).unwrap().trim().to_owned();
    assert_eq!(said("select amount from account where name = 'b'"), moved.to_string());
    assert_eq!(said("select sum(amount) from account"), "1000");
    assert_eq!(said("select count(*) = count(distinct id) from moved"), "t");
    assert_eq!(said("select count(*) from moved"), (40 - refused).to_string());
    let open = "select count(*) from pg_stat_activity where application_name = 'sagaflow' \
         and datname = current_database() and state like 'idle in transaction%'";
    for _ in 0..100 {
        if said(open) == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a backend is left inside a transaction");
}

async fn ended(node: &Flowd, run: &str) -> serde_json::Value {
    for _ in 0..600 {
        let (_, run) = node.request("GET", &format!("/api/runs/{run}"), None).await;
        if ["completed", "failed"].contains(&run["status"].as_str().unwrap_or_default()) {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, story) = node.request("GET", &format!("/api/runs/{run}/history"), None).await;
    panic!("it does not end: {story:#}");
}
