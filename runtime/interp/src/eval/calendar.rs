//! Methods of times and dates that need the calendar or the clock of a place.
//!
//! What they compute is the core's, as it is for generated code: a calendar is data of others, and a
//! second one would only be a second edition.

use super::collection::missing;
use crate::value::Value;
use sagaflow_core::codegen::{Fault, rt};

/// A method of an instant that takes something.
pub(super) fn time(time: rt::Time, name: &str, args: &[Value]) -> Result<Value, Fault> {
    match (name, args) {
        ("floor", [Value::Duration(step)]) => {
            rt::part::floor_time(time, rt::DurationMs(*step)).map(|at| Value::Time(at.0))
        }
        ("date_in", [Value::Text(zone)]) => rt::calendar::date_in(time, zone).map(of),
        ("hour_in", [Value::Text(zone)]) => rt::calendar::hour_in(time, zone).map(Value::Int),
        ("minute_in", [Value::Text(zone)]) => rt::calendar::minute_in(time, zone).map(Value::Int),
        _ => Err(missing(name)),
    }
}

fn of(date: rt::Date) -> Value {
    Value::Date(date.0)
}

fn at(time: rt::Time) -> Value {
    Value::Time(time.0)
}

/// A method of a date.
pub(super) fn date(
    work: &rt::Work,
    date: rt::Date,
    name: &str,
    args: &[Value],
) -> Result<Value, Fault> {
    use rt::calendar as c;
    match (name, args) {
        (_, []) => part(date, name),
        ("add_days", [Value::Int(n)]) => c::add_days(date, *n).map(of),
        ("add_months", [Value::Int(n)]) => c::add_months(date, *n).map(of),
        ("add_years", [Value::Int(n)]) => c::add_years(date, *n).map(of),
        ("add_working_days", [Value::Int(n), Value::List(weekend), Value::List(holidays)]) => {
            let weekend = each(weekend, |day| match day {
                Value::Int(day) => Some(*day),
                _ => None,
            })?;
            let holidays = each(holidays, |day| match day {
                Value::Date(day) => Some(rt::Date(*day)),
                _ => None,
            })?;
            c::add_working_days(work, date, *n, &weekend, &holidays).map(of)
        }
        ("next_weekday", [Value::Int(n)]) => c::next_weekday(date, *n).map(of),
        ("days_until", [Value::Date(to)]) => c::days_until(date, rt::Date(*to)).map(Value::Int),
        ("months_until", [Value::Date(to)]) => c::months_until(date, rt::Date(*to)).map(Value::Int),
        ("time_in", [Value::Text(zone)]) => c::time_in(date, zone).map(at),
        ("at", [Value::Text(clock), Value::Text(zone)]) => c::at(date, clock, zone).map(at),
        _ => Err(missing(name)),
    }
}

fn each<T>(items: &[Value], item: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, Fault> {
    items.iter().map(item).collect::<Option<_>>().ok_or_else(|| missing("add_working_days"))
}

fn part(date: rt::Date, name: &str) -> Result<Value, Fault> {
    use rt::calendar as c;
    Ok(match name {
        "start_of_week" => of(c::start_of_week(date)?),
        "start_of_month" => of(c::start_of_month(date)),
        "end_of_month" => of(c::end_of_month(date)),
        "start_of_quarter" => of(c::start_of_quarter(date)?),
        "start_of_year" => of(c::start_of_year(date)),
        "end_of_year" => of(c::end_of_year(date)),
        "quarter" => Value::Int(c::quarter(date)),
        "week" => Value::Int(c::week(date)),
        "days_in_month" => Value::Int(c::days_in_month(date)),
        "is_weekend" => Value::Bool(c::is_weekend(date)),
        "is_leap_year" => Value::Bool(c::is_leap_year(date)),
        _ => return Err(missing(name)),
    })
}
