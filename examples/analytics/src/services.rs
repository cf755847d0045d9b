//! The services behind `clicks.flow`.

use crate::clicks::{Anomalies, Pager as Paging, Pages};
use sagaflow::{Call, Decimal, NoError, Outcome};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Titles of pages.
pub struct Titles;

impl Pages for Titles {
    async fn title_of(&self, _: &Call, page: String) -> Outcome<String, NoError> {
        let name = page.trim_matches('/');
        Ok(if name.is_empty() { "Home".to_owned() } else { name.to_uppercase() })
    }
}

/// Rates a batch's hits of a page against what the page had before.
#[derive(Default)]
pub struct Rates(Mutex<BTreeMap<String, f64>>);

impl Anomalies for Rates {
    async fn score(&self, _: &Call, page: String, hits: i64) -> Outcome<Decimal, NoError> {
        let mut usual = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let hits = hits.max(1) as f64;
        let usual = usual.entry(page).or_insert(hits);
        let score = if hits > *usual { 1.0 - *usual / hits } else { 0.0 };
        // A rush becomes usual only slowly, however the batches cut it.
        *usual = 0.9 * *usual + 0.1 * hits.min(2.0 * *usual);
        Ok(serde_json::from_value(json!(format!("{score:.3}")))?)
    }
}

/// Rings, once for each alarm: it keeps its contract by remembering keys.
#[derive(Clone, Default)]
pub struct Pager(Arc<Mutex<BTreeMap<String, String>>>);

impl Pager {
    /// Whether it has rung for a page.
    pub fn rang_for(&self, page: &str) -> bool {
        let rung = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        rung.values().any(|of| of == page)
    }
}

impl Paging for Pager {
    async fn alert(
        &self,
        call: &Call,
        page: String,
        score: Decimal,
        _batch: String,
    ) -> Outcome<(), NoError> {
        let mut rung = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if rung.insert(call.key.clone(), page.clone()).is_none() {
            println!("  ALERT {page} is asked for as it never was (score {score})");
        }
        Ok(())
    }
}
