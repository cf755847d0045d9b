//! Statements: an action's SQL with its parameters bound, and what its rows mean.

use crate::connect::{Held, Unusable};
use crate::params::{Param, cast, param, plain};
use crate::rows;
use crate::trouble::Trouble;
use futures_util::TryStreamExt as _;
use sagaflow_core::codegen::{CallSpec, Class, Json, PointKind, Schema, SqlPart, Ty};
use sagaflow_core::service::Attempt;
use sagaflow_core::shard::Machines;
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bound: rows of one statement. What is more is no step of a process, but an export.
const ROWS_MAX: usize = 10_000;

/// The actions of one database, as the hosted workflows call them.
#[derive(Default)]
pub(crate) struct Actions(BTreeMap<String, Arc<Prepared>>);

/// One action.
pub(crate) struct Prepared {
    /// Its policy and types, as some workflow calls it.
    pub(crate) spec: CallSpec,
    /// Types by name.
    pub(crate) schema: Arc<Schema>,
    text: String,
    /// Parameters in the order of their numbers.
    order: Vec<String>,
}

impl Actions {
    pub(crate) fn of(database: &str, machines: &Machines) -> Result<Self, Unusable> {
        let mut actions: BTreeMap<String, Arc<Prepared>> = BTreeMap::new();
        for machine in machines.all() {
            let spec = machine.spec();
            let schema = Arc::new(spec.schema.clone());
            for point in spec.points.values() {
                let PointKind::Call(call) = &point.kind else { continue };
                // What settles a transaction is no action.
                if call.service != database || call.isolation.is_some() {
                    continue;
                }
                let named = || (database.to_owned(), call.action.clone());
                let prepared = Prepared::new(call, &schema).ok_or_else(|| {
                    let (database, action) = named();
                    Unusable::NoStatement { database, action }
                })?;
                match actions.get(&call.action) {
                    // A call names no version, so what it means must be one thing in all of them.
                    Some(known) if !known.same(&prepared) => {
                        let (database, action) = named();
                        return Err(Unusable::TwoStatements { database, action });
                    }
                    Some(_) => {}
                    None => drop(actions.insert(call.action.clone(), Arc::new(prepared))),
                }
            }
        }
        Ok(Self(actions))
    }

    pub(crate) fn get(&self, action: &str) -> Result<Arc<Prepared>, Trouble> {
        let found = self.0.get(action).cloned();
        found.ok_or_else(|| Trouble::Fault(format!("no workflow here calls `{action}`")))
    }
}

impl Prepared {
    fn new(spec: &CallSpec, schema: &Arc<Schema>) -> Option<Self> {
        let sql = spec.sql.as_ref()?;
        let (mut text, mut order) = (String::new(), Vec::new());
        for part in &sql.parts {
            match part {
                SqlPart::Text(piece) => text.push_str(piece),
                SqlPart::Param(name) => {
                    let known = order.iter().position(|known| known == name);
                    let number = known.unwrap_or_else(|| {
                        order.push(name.clone());
                        order.len() - 1
                    });
                    let ty = spec.params.get(name).unwrap_or(&Ty::Text);
                    text.push_str(&format!("(${}{})", number + 1, cast(schema, ty)));
                }
            }
        }
        Some(Self { spec: spec.clone(), schema: Arc::clone(schema), text, order })
    }

    /// Whether another version's action is this one.
    fn same(&self, other: &Self) -> bool {
        let Self { spec, text, .. } = other;
        // The text has the types of the parameters, the pieces their names.
        self.text == *text && self.spec.sql == spec.sql && self.spec.result == spec.result
    }

    /// Whether it only reads.
    pub(crate) fn reads(&self) -> bool {
        self.spec.class == Class::Read
    }

    /// Executes it: its result, or the declared error where there is no row.
    pub(crate) async fn execute(&self, held: &mut Held, args: &Json) -> Result<Attempt, Trouble> {
        self.executed(held, args).await.map_err(|trouble| match trouble {
            // Row-level security refuses one run, not everybody.
            Trouble::Rights(reason) => Trouble::Fault(reason),
            other => other,
        })
    }

    async fn executed(&self, held: &mut Held, args: &Json) -> Result<Attempt, Trouble> {
        let no_rows = self.spec.sql.as_ref().and_then(|sql| sql.no_rows.clone());
        let none = |name| Attempt::Failed { name, payload: Json::Null };
        let Some(result) = &self.spec.result else {
            let done = self.query(args).execute(held.get()?).await?;
            let failed = no_rows.filter(|_| done.rows_affected() == 0).map(none);
            return Ok(failed.unwrap_or(Attempt::Ok(Json::Null)));
        };
        let rows = self.rows(held, args).await?;
        match no_rows.filter(|_| rows.is_empty()) {
            Some(name) => Ok(none(name)),
            None => self.result(result, &rows).map(Attempt::Ok),
        }
    }

    async fn rows(&self, held: &mut Held, args: &Json) -> Result<Vec<PgRow>, Trouble> {
        let mut answers = self.query(args).fetch(held.get()?);
        let mut rows = Vec::new();
        while let Some(row) = answers.try_next().await? {
            if rows.len() >= ROWS_MAX {
                let action = &self.spec.action;
                return Err(Trouble::Fault(format!("`{action}` gives more than {ROWS_MAX} rows")));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn query(&self, args: &Json) -> Query<'_, Postgres, PgArguments> {
        // The text is the program's, checked at compile time; values are only ever bound.
        let mut query = sqlx::query(AssertSqlSafe(self.text.as_str()));
        for name in &self.order {
            let ty = self.spec.params.get(name).unwrap_or(&Ty::Text);
            let json = args.get(name).unwrap_or(&Json::Null);
            query = match param(&self.schema, ty, json) {
                Param::One(text) => query.bind(text),
                Param::Many(texts) => query.bind(texts),
            };
        }
        query
    }

    fn result(&self, ty: &Ty, rows: &[PgRow]) -> Result<Json, Trouble> {
        let schema = &self.schema;
        if let Ty::List(of) = plain(schema, ty) {
            return rows.iter().map(|row| rows::row(schema, of, row)).collect();
        }
        match rows {
            [] if matches!(ty, Ty::Optional(_)) => Ok(Json::Null),
            [row] => rows::row(schema, ty, row),
            _ => {
                let (action, count) = (&self.spec.action, rows.len());
                Err(Trouble::Fault(format!("`{action}` gives {count} rows, where one is declared")))
            }
        }
    }
}
