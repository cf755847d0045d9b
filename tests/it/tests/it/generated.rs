//! A node inside a program, with generated types: start, wait, result and error, typed.

use sagaflow::config::{Config, Flags, StoreUrl};
use sagaflow::{Call, Failure, NoError, Node, Outcome, Running, Unfinished};
use std::sync::atomic::{AtomicU32, Ordering};

sagaflow::include_flow!("flows/small.flow");

use small::shop;

/// Has no lamps; forgets nothing; is away for the first call of `slow`.
struct Corner(AtomicU32);

impl small::Shop for Corner {
    async fn reserve(&self, _: &Call, item: String) -> Outcome<(), shop::ReserveError> {
        match item.as_str() {
            "lamp" => Err(Failure::Failed(shop::ReserveError::SoldOut)),
            _ => Ok(()),
        }
    }

    async fn release(&self, _: &Call, _: String) -> Outcome<(), NoError> {
        Ok(())
    }

    async fn slow(&self, call: &Call, item: String) -> Outcome<String, NoError> {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Failure::Unknown("the line went dead".to_owned()));
        }
        Ok(format!("{item} by attempt {}", call.attempt))
    }
}

async fn node(folder: &tempfile::TempDir) -> Running {
    let config = Config {
        store: StoreUrl::Sqlite(folder.path().join("s.db")),
        listen: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    };
    let flows = small::flows().shop(Corner(AtomicU32::new(0)));
    Node::new(config).host(flows).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_share_a_server_and_one_goes_on_when_the_other_stops() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let database = cluster.fresh().unwrap();
    let flags = Flags {
        store: Some(database.url().to_owned()),
        listen: Some("127.0.0.1:0".to_owned()),
        ..Flags::default()
    };
    let config = Config::load(None, [], &flags).unwrap();
    let start = async || {
        let flows = small::flows().shop(Corner(AtomicU32::new(0)));
        Node::new(config.clone()).host(flows).start().await
    };
    let refused = start().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.starts_with("R1041") && refused.contains("migrate"), "{refused}");
    let migrated = sagaflow_it::flowd(&["migrate", "--store", database.url()]).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");

    let (one, two) = (start().await.unwrap(), start().await.unwrap());
    let run = one.client().start(small::Long("vase".to_owned())).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "vase by attempt 2");
    let elsewhere = two.client().start(small::Long("jar".to_owned())).await.err();
    assert!(elsewhere.is_some_and(|error| error.to_string().starts_with("R1039")), "it stands by");
    let known = two.client().run::<small::Long>(run.id());
    assert_eq!(known.result().await.unwrap(), "vase by attempt 2", "what is recorded is read");
    one.stop().await;
    let began = std::time::Instant::now();
    let jar = loop {
        match two.client().start(small::Long("jar".to_owned())).await {
            Ok(run) => break run,
            Err(error) => assert!(began.elapsed().as_secs() < 8, "within a lease: {error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(jar.result().await.unwrap(), "jar by attempt 2");
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_start_gives_a_typed_result() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder).await;
    let run = node.client().start(small::Long("vase".to_owned())).await.unwrap();
    assert_eq!(run.result().await.unwrap(), "vase by attempt 2");
    let again = node.client().start(small::Long("vase".to_owned())).await.unwrap();
    assert_eq!(again.id(), run.id(), "the key makes it one run");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_error_arrives_typed_and_a_boxed_result_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder).await;
    let run = node.client().start(small::Prepaid("lamp".to_owned())).await.unwrap();
    let outcome = run.outcome().await.unwrap();
    let sold_out = matches!(&outcome, Err(Unfinished::Failed(small::prepaid::Error::SoldOut)));
    assert!(sold_out, "the workflow's own error");
    let error = run.result().await.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.ends_with("ended failed: SoldOut"), "{error}");
    node.stop().await;
}

sagaflow::include_flow!("flows/limited.flow");

/// Sends every letter.
struct Sender;

impl limited::Post for Sender {
    async fn send(&self, _: &Call, _: String) -> Outcome<(), NoError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_code_says_to_which_limit_a_start_belongs() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        store: StoreUrl::Sqlite(folder.path().join("s.db")),
        listen: ([127, 0, 0, 1], 0).into(),
        ..Config::default()
    };
    let node = Node::new(config).host(limited::flows().post(Sender)).start().await.unwrap();
    let letter = |sender: &str, number: u32| limited::Letter(sender.to_owned(), number.to_string());
    let mut runs = Vec::new();
    for (sender, number) in [("ann", 1), ("ann", 2), ("ann", 3), ("bob", 4), ("bob", 5)] {
        runs.push(node.client().start(letter(sender, number)).await.unwrap());
    }
    let waits = runs.remove(2);
    for run in runs {
        run.result().await.unwrap();
    }
    let patience = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(patience, waits.result()).await.is_err(), "her third has to wait");
    node.stop().await;
}
