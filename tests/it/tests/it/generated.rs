//! A node inside a program, with generated types: start, wait, result and error, typed.

use sagaflow::config::{Config, StoreUrl};
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
