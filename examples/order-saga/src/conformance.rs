//! The services of the shop keep their contracts: what the compiler takes for granted of them is so.

use crate::orders;
use crate::services::{Bank, Carrier, Post, Scores, Warehouse};
use crate::shop::Shop;
use serde_json::json;
use std::time::Duration;

/// A shop of its own, with the folder that it is in.
async fn shop() -> (tempfile::TempDir, Shop) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let shop = Shop::open(&folder.path().join("shop.db")).await.expect("a new shop opens");
    (folder, shop)
}

/// Generous, as these tests judge what is answered and not when.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_warehouse_keeps_its_contract() {
    let (_folder, shop) = shop().await;
    let items = |sku: &str| json!([{ "sku": sku, "quantity": 1, "price": "1.00 EUR" }]);
    let given = json!({ "Inventory.reserve": {
        "args": [{ "items": items("LMP-0042") }],
        "errors": { "OutOfStock": { "items": items("ZZZ-9999") } },
    } });
    let warehouse = sagaflow::conformance!(orders::Inventory, Warehouse(shop));
    warehouse.given(given).timeout(TIMEOUT).assert_kept().await;
}

#[tokio::test]
async fn the_bank_keeps_its_contract() {
    let (_folder, shop) = shop().await;
    let given = json!({ "Payments.capture": {
        "first": { "call": "Payments.authorize", "take": { "hold": "id" } },
        "errors": { "HoldExpired": { "hold": "hold-nobody" } },
    } });
    let bank = sagaflow::conformance!(orders::Payments, Bank(shop));
    bank.given(given).timeout(TIMEOUT).assert_kept().await;
}

#[tokio::test]
async fn scores_carrier_and_post_keep_their_contracts() {
    let (_folder, shop) = shop().await;
    let all = sagaflow::conformance!(orders::Fraud, Scores)
        .and(sagaflow::conformance!(orders::Shipping, Carrier(shop.clone())))
        .and(sagaflow::conformance!(orders::Mail, Post(shop)));
    all.timeout(TIMEOUT).assert_kept().await;
}
