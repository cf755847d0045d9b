//! The services behind the contracts of `orders.flow`, over the shop's own data.
//!
//! Every write goes through the guard: its row and its effect commit together, so a repeated call
//! gets the first one's answer, an undo that comes first is remembered, and `?` on any database error
//! means *unknown*, never *failed*.

use crate::orders::{
    CustomerId, Fraud, Hold, Inventory, Item, Mail, OrderId, Parcel, Payments, Shipping, inventory,
    payments, shipping,
};
use crate::shop::{Desk, Shop, Work};
use crate::types::Address;
use sagaflow::{Call, Failure, Money, NoError, Outcome, Percent, Pii};
use serde_json::{Value, json};

/// Reserves and releases stock.
pub struct Warehouse(pub Shop);
/// Holds, voids and captures money.
pub struct Bank(pub Shop);
/// Rates an order's risk.
pub struct Scores;
/// Books and dispatches parcels.
pub struct Carrier(pub Shop);
/// Sends letters.
pub struct Post(pub Shop);

/// The boundary form of an id, amount or other scalar.
fn text(value: &impl serde::Serialize) -> String {
    match json!(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A remembered answer, typed again.
fn typed<T: serde::de::DeserializeOwned, E>(answer: Value) -> Result<T, Failure<E>> {
    Ok(serde_json::from_value(answer)?)
}

/// Makes one row change, once.
async fn write_once(
    shop: &Shop,
    call: &Call,
    statement: &'static str,
    values: &[&str],
) -> Outcome<(), NoError> {
    let mut desk = match shop.forward(call).await? {
        Work::Fresh(desk) => desk,
        Work::Answered(_) | Work::Failed(_) => return Ok(()),
    };
    let mut query = sqlx::query(statement);
    for value in values {
        query = query.bind(*value);
    }
    query.execute(desk.db()).await?;
    desk.done(call, &Value::Null).await
}

/// Takes back what the forward call did, if it did.
async fn take_back(
    shop: &Shop,
    call: &Call,
    statements: &[&'static str],
    order: &str,
) -> Outcome<(), NoError> {
    let (mut desk, applied) = shop.backward(call).await?;
    if applied {
        for statement in statements {
            sqlx::query(*statement).bind(order).execute(desk.db()).await?;
        }
    }
    desk.undone().await
}

impl Warehouse {
    /// Takes every item from the shelf; the first one that is not there, if one is not.
    async fn take(desk: &mut Desk, order: &str, items: &[Item]) -> sqlx::Result<Option<Item>> {
        for item in items {
            let sku = text(&item.sku);
            let taken = sqlx::query(
                "update stock set on_hand = on_hand - ? where sku = ? and on_hand >= ?",
            )
            .bind(item.quantity)
            .bind(&sku)
            .bind(item.quantity)
            .execute(desk.db())
            .await?;
            if taken.rows_affected() == 0 {
                return Ok(Some(item.clone()));
            }
            sqlx::query(
                "insert into reservation (order_id, sku, quantity) values (?, ?, ?)
                 on conflict do update set quantity = quantity + excluded.quantity",
            )
            .bind(order)
            .bind(&sku)
            .bind(item.quantity)
            .execute(desk.db())
            .await?;
        }
        Ok(None)
    }
}

impl Inventory for Warehouse {
    async fn reserve(
        &self,
        call: &Call,
        order: OrderId,
        items: Vec<Item>,
    ) -> Outcome<(), inventory::ReserveError> {
        let mut desk = match self.0.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(_) => return Ok(()),
            Work::Failed(payload) => {
                let sku = typed(payload.get("sku").cloned().unwrap_or_default())?;
                return Err(Failure::Failed(inventory::ReserveError::OutOfStock { sku }));
            }
        };
        if let Some(missing) = Self::take(&mut desk, &text(&order), &items).await? {
            let payload = json!({ "sku": missing.sku });
            desk.failed(call, "OutOfStock", payload).await?;
            let sku = missing.sku;
            return Err(Failure::Failed(inventory::ReserveError::OutOfStock { sku }));
        }
        desk.done(call, &Value::Null).await
    }

    async fn release(&self, call: &Call, order: OrderId) -> Outcome<(), NoError> {
        let statements = [
            "update stock set on_hand = on_hand + r.quantity
             from (select sku, quantity from reservation where order_id = ?) r
             where stock.sku = r.sku",
            "delete from reservation where order_id = ?",
        ];
        take_back(&self.0, call, &statements, &text(&order)).await
    }
}

impl Payments for Bank {
    async fn authorize(
        &self,
        call: &Call,
        order: OrderId,
        amount: Money,
    ) -> Outcome<Hold, payments::AuthorizeError> {
        let mut desk = match self.0.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(answer) => return typed(answer),
            Work::Failed(payload) => {
                let reason = typed(payload.get("reason").cloned().unwrap_or_default())?;
                return Err(Failure::Failed(payments::AuthorizeError::Declined { reason }));
            }
        };
        let order = text(&order);
        sqlx::query("insert into payment (order_id, amount, state) values (?, ?, 'held')")
            .bind(&order)
            .bind(text(&amount))
            .execute(desk.db())
            .await?;
        let hold = json!({ "id": format!("hold-{order}"), "expires": "2099-01-01T00:00:00Z" });
        desk.done(call, &hold).await?;
        typed(hold)
    }

    async fn void(&self, call: &Call, order: OrderId) -> Outcome<(), NoError> {
        let statements = ["delete from payment where order_id = ? and state = 'held'"];
        take_back(&self.0, call, &statements, &text(&order)).await
    }

    async fn capture(&self, call: &Call, hold: String) -> Outcome<Money, payments::CaptureError> {
        let mut desk = match self.0.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(answer) => return typed(answer),
            Work::Failed(_) => return Err(Failure::Failed(payments::CaptureError::HoldExpired)),
        };
        let order = hold.trim_start_matches("hold-").to_owned();
        let amount: Option<(String,)> = sqlx::query_as(
            "update payment set state = 'captured' where order_id = ? and state = 'held'
             returning amount",
        )
        .bind(&order)
        .fetch_optional(desk.db())
        .await?;
        let Some((amount,)) = amount else {
            desk.failed(call, "HoldExpired", Value::Null).await?;
            return Err(Failure::Failed(payments::CaptureError::HoldExpired));
        };
        let amount = Value::String(amount);
        desk.done(call, &amount).await?;
        typed(amount)
    }
}

impl Fraud for Scores {
    async fn score(
        &self,
        _call: &Call,
        _customer: CustomerId,
        total: Money,
    ) -> Outcome<Percent, NoError> {
        // Large orders look riskier; beyond a thousand a person looks at them.
        let whole = text(&total).split('.').next().and_then(|n| n.parse::<i64>().ok());
        let percent = whole.unwrap_or(0).clamp(0, 1_200) * 100 / 1_200;
        typed(json!(format!("{percent}%")))
    }
}

impl Shipping for Carrier {
    async fn book(
        &self,
        call: &Call,
        order: OrderId,
        _to: Pii<Address>,
    ) -> Outcome<Parcel, shipping::BookError> {
        let mut desk = match self.0.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(answer) => return typed(answer),
            Work::Failed(_) => return Err(Failure::Failed(shipping::BookError::NoCarrier)),
        };
        let order = text(&order);
        let tracking = format!("track-{order}");
        sqlx::query("insert into parcel (order_id, tracking, state) values (?, ?, 'booked')")
            .bind(&order)
            .bind(&tracking)
            .execute(desk.db())
            .await?;
        let parcel = json!({ "tracking": tracking, "eta": "2099-01-02" });
        desk.done(call, &parcel).await?;
        typed(parcel)
    }

    async fn cancel(&self, call: &Call, order: OrderId) -> Outcome<(), NoError> {
        take_back(&self.0, call, &["delete from parcel where order_id = ?"], &text(&order)).await
    }

    async fn dispatch(&self, call: &Call, tracking: String) -> Outcome<(), NoError> {
        let statement = "update parcel set state = 'dispatched' where tracking = ?";
        write_once(&self.0, call, statement, &[&tracking]).await
    }
}

impl Mail for Post {
    async fn receipt(
        &self,
        call: &Call,
        order: OrderId,
        _to: Pii<String>,
        _tracking: String,
    ) -> Outcome<(), NoError> {
        let statement = "insert into letter (order_id, kind) values (?, 'receipt')";
        write_once(&self.0, call, statement, &[&text(&order)]).await
    }

    async fn apology(&self, call: &Call, order: OrderId, _to: Pii<String>) -> Outcome<(), NoError> {
        let statement = "insert into letter (order_id, kind) values (?, 'apology')";
        write_once(&self.0, call, statement, &[&text(&order)]).await
    }
}
