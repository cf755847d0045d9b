//! Rows: from what the server sends to the boundary's JSON, by the declared type.

use crate::params::plain;
use crate::trouble::Trouble;
use rust_decimal::Decimal;
use sagaflow_core::codegen::{Json, Schema, Ty, TypeDecl};
use sagaflow_core::time::Time;
use sagaflow_core::value;
use sqlx::postgres::{PgRow, PgValueRef};
use sqlx::{Column as _, Row as _, TypeInfo as _, ValueRef as _};

/// 2000-01-01, where the server's clock begins: in ms.
const EPOCH_MS: i64 = 946_684_800_000;
/// The same in days.
const EPOCH_DAYS: i64 = 10_957;

/// The value of a row: an object by column for a record, else its first column.
pub(crate) fn row(schema: &Schema, ty: &Ty, row: &PgRow) -> Result<Json, Trouble> {
    let Ty::Named(name) = plain(schema, ty) else { return column(schema, ty, row, 0) };
    let Some(TypeDecl::Record { fields }) = schema.types.get(name) else {
        return column(schema, ty, row, 0);
    };
    let mut object = serde_json::Map::new();
    for (index, found) in row.columns().iter().enumerate() {
        let Some((name, ty, _)) = fields.iter().find(|(name, ..)| name == found.name()) else {
            return Err(Trouble::Fault(format!("`{name}` has no field `{}`", found.name())));
        };
        object.insert(name.clone(), column(schema, ty, row, index)?);
    }
    Ok(Json::Object(object))
}

fn column(schema: &Schema, ty: &Ty, row: &PgRow, index: usize) -> Result<Json, Trouble> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Json::Null);
    }
    let kind = raw.type_info().name().to_ascii_uppercase();
    let of = plain(schema, ty);
    let bytes = |raw: PgValueRef<'_>| raw.as_bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let number = |raw: PgValueRef<'_>| {
        let bytes = raw.as_bytes().ok().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
        bytes.map(i64::from_be_bytes)
    };
    Ok(match kind.as_str() {
        "BOOL" => row.try_get::<bool, _>(index)?.into(),
        "INT2" => numeric(of, row.try_get::<i16, _>(index)?.into()),
        "INT4" => numeric(of, row.try_get::<i32, _>(index)?.into()),
        "INT8" => numeric(of, row.try_get::<i64, _>(index)?.into()),
        "NUMERIC" => numeric(of, row.try_get::<Decimal, _>(index)?),
        "UUID" => row.try_get::<sqlx::types::Uuid, _>(index)?.to_string().into(),
        "JSON" | "JSONB" => row.try_get::<Json, _>(index)?,
        "TEXT[]" | "VARCHAR[]" => row.try_get::<Vec<String>, _>(index)?.into(),
        "INT8[]" => row.try_get::<Vec<i64>, _>(index)?.into(),
        "UUID[]" => {
            let items = row.try_get::<Vec<sqlx::types::Uuid>, _>(index)?;
            items.iter().map(ToString::to_string).collect()
        }
        "TIMESTAMPTZ" | "TIMESTAMP" => {
            let micros = number(raw).ok_or_else(|| unreadable(&kind))?;
            value::print_time(Time(micros.div_euclid(1_000).saturating_add(EPOCH_MS))).into()
        }
        "DATE" => {
            let days =
                bytes(raw).try_into().map(i32::from_be_bytes).map_err(|_| unreadable(&kind))?;
            let ms = (i64::from(days) + EPOCH_DAYS) * 86_400_000;
            let time = value::print_time(Time(ms));
            time.split('T').next().unwrap_or_default().into()
        }
        // Texts, names, and enumerations of the database's own.
        _ => row.try_get_unchecked::<String, _>(index).map_err(|_| unreadable(&kind))?.into(),
    })
}

/// A number as its type is written at the boundary.
fn numeric(ty: &Ty, found: Decimal) -> Json {
    match ty {
        Ty::Decimal => value::print_decimal(found).into(),
        Ty::Percent => value::print_percent(found).into(),
        Ty::Text => found.to_string().into(),
        Ty::Bool => (!found.is_zero()).into(),
        _ => match i64::try_from(found) {
            Ok(whole) if found.fract().is_zero() => whole.into(),
            _ => found.to_string().into(),
        },
    }
}

fn unreadable(kind: &str) -> Trouble {
    Trouble::Fault(format!("a column of type `{kind}` cannot be read; cast it to what is declared"))
}
