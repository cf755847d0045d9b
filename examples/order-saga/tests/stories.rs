//! The example from outside: its binary, its orders, and what the shop's own database holds
//! afterwards. The engine's tables are not looked at.

use assert_cmd::Command;
use sqlx::{Connection as _, SqliteConnection};
use std::path::{Path, PathBuf};

/// A folder with a shop and a store of its own.
struct Shop {
    folder: tempfile::TempDir,
}

impl Shop {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn run(&self, order: &str, extra: &[&str]) -> std::process::Output {
        let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("orders").join(order);
        Command::new(env!("CARGO_BIN_EXE_order-saga"))
            .current_dir(self.folder.path())
            .env_remove("SAGAFLOW_STORE")
            .env_remove("SHOP_DB")
            .args(["run", "--input"])
            .arg(input)
            .args(extra)
            .output()
            .expect("the example's binary runs")
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(".sagaflow/shop.db")
    }

    /// The rows of one query, columns joined by blanks.
    fn rows(&self, query: &'static str) -> Vec<String> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let url = format!("sqlite:{}", self.path().display());
            let mut db = SqliteConnection::connect(&url).await.expect("the shop's database");
            let rows: Vec<(String,)> =
                sqlx::query_as(query).fetch_all(&mut db).await.expect("a query of the shop");
            rows.into_iter().map(|(row,)| row).collect()
        })
    }

    fn shelves(&self) -> Vec<String> {
        self.rows("select sku || ' ' || on_hand from stock order by sku")
    }

    fn traces(&self) -> Vec<String> {
        self.rows(
            "select 'reserved ' || sku || ' ' || quantity from reservation
             union all select 'money ' || amount || ' ' || state from payment
             union all select 'parcel ' || state from parcel order by 1",
        )
    }

    fn letters(&self) -> Vec<String> {
        self.rows("select kind from letter order by kind")
    }
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What a completed order leaves, however often the process died on the way.
fn is_on_its_way(shop: &Shop) {
    assert_eq!(shop.shelves(), ["BLB-0007 996", "LMP-0042 998"]);
    let traces = [
        "money 52.00 EUR captured",
        "parcel dispatched",
        "reserved BLB-0007 4",
        "reserved LMP-0042 2",
    ];
    assert_eq!(shop.traces(), traces);
    assert_eq!(shop.letters(), ["receipt"]);
}

/// What a failed order leaves: an apology, nothing else.
fn left_no_trace(shop: &Shop) {
    assert_eq!(shop.shelves(), ["BLB-0007 1000", "LMP-0042 1000"]);
    assert_eq!(shop.traces(), [""; 0]);
    assert_eq!(shop.letters(), ["apology"]);
}

#[test]
fn an_order_is_carried_to_its_end_and_told_step_by_step() {
    let shop = Shop::new();
    let output = shop.run("first.json", &[]);
    let story = text(&output);
    assert_eq!(output.status.code(), Some(0), "{story}");
    let steps = ["Inventory.reserve", "Payments.authorize", "Shipping.book", "Payments.capture"];
    let places: Vec<_> = steps.iter().map(|step| story.find(step)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{story}");
    assert!(story.contains("completed") && story.contains("52.00 EUR"), "{story}");
    assert!(!story.contains("ada@example.com"), "personal data is masked: {story}");
    is_on_its_way(&shop);
}

#[test]
fn the_same_order_again_is_the_same_run() {
    let shop = Shop::new();
    shop.run("first.json", &[]);
    let output = shop.run("first.json", &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).contains("already"), "{}", text(&output));
    is_on_its_way(&shop);
}

#[test]
fn a_declined_card_puts_the_stock_back() {
    let shop = Shop::new();
    let output = shop.run("second.json", &["--fail", "Payments.authorize=Declined"]);
    let story = text(&output);
    assert_eq!(output.status.code(), Some(1), "{story}");
    assert!(story.contains("PaymentDeclined") && story.contains("undone"), "{story}");
    left_no_trace(&shop);
}

#[test]
fn whatever_is_refused_before_the_capture_leaves_no_trace() {
    for failing in [
        "Inventory.reserve=OutOfStock",
        "Inventory.reserve=refused",
        "Payments.authorize=refused",
        "Shipping.book=NoCarrier",
        "Shipping.book=refused",
        "Payments.capture=HoldExpired",
    ] {
        let shop = Shop::new();
        let output = shop.run("first.json", &["--fail", failing]);
        assert_eq!(output.status.code(), Some(1), "{failing}: {}", text(&output));
        left_no_trace(&shop);
    }
}

#[test]
fn a_process_that_dies_after_any_record_is_continued_with_no_effect_twice() {
    for record in 1..=9 {
        let shop = Shop::new();
        let mut ended = false;
        for _ in 0..3 {
            let after = record.to_string();
            let output = shop.run("third.json", &["--crash-after", &after]);
            if output.status.code() == Some(0) {
                ended = true;
                break;
            }
        }
        assert!(ended, "the run crashed after record {record} did not end");
        is_on_its_way(&shop);
    }
}

#[test]
fn a_process_that_dies_while_undoing_is_continued_and_undoes_once() {
    for record in 1..=7 {
        let shop = Shop::new();
        let failing = ["--fail", "Shipping.book=NoCarrier", "--crash-after"];
        let mut code = None;
        for _ in 0..3 {
            let after = record.to_string();
            let args = [failing[0], failing[1], failing[2], after.as_str()];
            code = shop.run("third.json", &args).status.code();
            if code == Some(1) {
                break;
            }
        }
        assert_eq!(code, Some(1), "crashed after record {record}");
        left_no_trace(&shop);
    }
}

#[test]
fn an_order_that_is_no_order_changes_nothing_and_is_told_where() {
    let shop = Shop::new();
    let bad = shop.folder.path().join("bad.json");
    std::fs::write(&bad, r#"{"id": "no uuid"}"#).expect("a file is written");
    let output = Command::new(env!("CARGO_BIN_EXE_order-saga"))
        .current_dir(shop.folder.path())
        .args(["run", "--input", "bad.json"])
        .output()
        .expect("the example's binary runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("id"), "{}", text(&output));
    assert_eq!(shop.shelves(), ["BLB-0007 1000", "LMP-0042 1000"]);
}
