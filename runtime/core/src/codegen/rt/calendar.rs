//! The calendar: months, quarters, weeks, and the clock of a place.
//!
//! The zones are those that come with the program, never the machine's, so that every node says the
//! same. Promises: whatever leaves the calendar is a fault.

use super::{Date, Fault, Time, Work, fault};
use jiff::civil::{self, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Unit, Zoned};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The zones of the world, as they came with the program.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

fn outside() -> Fault {
    fault("a date is out of range")
}

/// Moves a date by a span.
fn moved(date: Date, span: Result<Span, jiff::Error>) -> Result<Date, Fault> {
    let span = span.map_err(|_| outside())?;
    date.0.checked_add(span).map(Date).map_err(|_| outside())
}

/// `date.add_days`
///
/// # Errors
/// A fault where the calendar does not reach so far.
pub fn add_days(date: Date, days: i64) -> Result<Date, Fault> {
    moved(date, Span::new().try_days(days))
}

/// `date.add_months`; where the month is too short, its last day.
///
/// # Errors
/// A fault where the calendar does not reach so far.
pub fn add_months(date: Date, months: i64) -> Result<Date, Fault> {
    moved(date, Span::new().try_months(months))
}

/// `date.add_years`; the 29th of February becomes the 28th where there is none.
///
/// # Errors
/// A fault where the calendar does not reach so far.
pub fn add_years(date: Date, years: i64) -> Result<Date, Fault> {
    moved(date, Span::new().try_years(years))
}

/// `date.days_until`: negative where the other is earlier.
///
/// # Errors
/// A fault where it cannot be told.
pub fn days_until(date: Date, other: Date) -> Result<i64, Fault> {
    let span = date.0.until((Unit::Day, other.0)).map_err(|_| outside())?;
    Ok(span.get_days().into())
}

/// `date.months_until`: whole months, negative where the other is earlier.
///
/// # Errors
/// A fault where it cannot be told.
pub fn months_until(date: Date, other: Date) -> Result<i64, Fault> {
    let span = date.0.until((Unit::Month, other.0)).map_err(|_| outside())?;
    Ok(span.get_months().into())
}

/// `date.start_of_week`: its Monday.
///
/// # Errors
/// A fault where the calendar does not reach so far.
pub fn start_of_week(date: Date) -> Result<Date, Fault> {
    add_days(date, -i64::from(date.0.weekday().to_monday_zero_offset()))
}

/// `date.start_of_month`
#[must_use]
pub fn start_of_month(date: Date) -> Date {
    Date(date.0.first_of_month())
}

/// `date.end_of_month`: its last day.
#[must_use]
pub fn end_of_month(date: Date) -> Date {
    Date(date.0.last_of_month())
}

/// `date.start_of_quarter`
///
/// # Errors
/// A fault where the calendar does not reach so far.
pub fn start_of_quarter(date: Date) -> Result<Date, Fault> {
    let behind = i64::from(date.0.month() - 1) % 3;
    add_months(start_of_month(date), -behind)
}

/// `date.start_of_year`
#[must_use]
pub fn start_of_year(date: Date) -> Date {
    Date(date.0.first_of_year())
}

/// `date.end_of_year`: its last day.
#[must_use]
pub fn end_of_year(date: Date) -> Date {
    Date(date.0.last_of_year())
}

/// `date.quarter`
#[must_use]
pub fn quarter(date: Date) -> i64 {
    i64::from(date.0.month() - 1) / 3 + 1
}

/// `date.week`: its number after ISO 8601.
#[must_use]
pub fn week(date: Date) -> i64 {
    date.0.iso_week_date().week().into()
}

/// `date.days_in_month`
#[must_use]
pub fn days_in_month(date: Date) -> i64 {
    date.0.days_in_month().into()
}

/// `date.is_weekend`: a Saturday or Sunday.
#[must_use]
pub fn is_weekend(date: Date) -> bool {
    matches!(date.0.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// `date.is_leap_year`
#[must_use]
pub fn is_leap_year(date: Date) -> bool {
    date.0.in_leap_year()
}

/// `date.next_weekday`: the first such day behind it; Monday is 1.
///
/// # Errors
/// A fault where there is no such weekday, or the calendar does not reach so far.
pub fn next_weekday(date: Date, weekday: i64) -> Result<Date, Fault> {
    let weekday = i8::try_from(weekday).ok().filter(|day| (1..=7).contains(day));
    let weekday = weekday.ok_or_else(|| fault("a weekday is 1 to 7"))?;
    let wanted = Weekday::from_monday_one_offset(weekday).map_err(|_| outside())?;
    date.0.nth_weekday(1, wanted).map(Date).map_err(|_| outside())
}

/// `date.add_working_days`: so many days on which somebody works later, or earlier where the number is
/// negative; nought answers the day itself, or the next such day. A weekend has days from 1, which is
/// Monday, to 7. Every day on the way is work.
///
/// # Errors
/// A fault where the weekend has another number or all days, where the calendar does not reach so
/// far, and beyond the budget of work.
pub fn add_working_days(
    work: &Work,
    date: Date,
    days: i64,
    weekend: &[i64],
    holidays: &[Date],
) -> Result<Date, Fault> {
    let mut free = [false; 7];
    for day in weekend {
        let index = usize::try_from(*day).ok().and_then(|day| day.checked_sub(1));
        match index.and_then(|index| free.get_mut(index)) {
            Some(day) => *day = true,
            None => return Err(fault("a day of a calendar's weekend is 1 to 7, from Monday on")),
        }
    }
    if free == [true; 7] {
        return Err(fault("a calendar whose weekend has all seven days has no business day"));
    }
    let holidays: BTreeSet<Date> = holidays.iter().copied().collect();
    let works = |date: civil::Date| {
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or_default();
        !free.get(weekday).copied().unwrap_or_default() && !holidays.contains(&Date(date))
    };
    let step = |date: civil::Date| match days < 0 {
        true => date.yesterday().map_err(|_| outside()),
        false => date.tomorrow().map_err(|_| outside()),
    };
    let mut left = days.unsigned_abs();
    let mut at = date.0;
    if left == 0 && !works(at) {
        left = 1;
    }
    // Bound: the calendar ends.
    while left > 0 {
        work.spend(1)?;
        at = step(at)?;
        left -= u64::from(works(at));
    }
    Ok(Date(at))
}

fn zone(name: &str) -> Result<TimeZone, Fault> {
    ZONES.get(name).map_err(|_| fault("there is no such time zone"))
}

fn there(time: Time, name: &str) -> Result<Zoned, Fault> {
    let at = Timestamp::from_millisecond(time.0).map_err(|_| fault("a time is out of range"))?;
    Ok(at.to_zoned(zone(name)?))
}

/// `time.date_in`
///
/// # Errors
/// A fault where there is no such zone, or the calendar does not reach so far.
pub fn date_in(time: Time, name: &str) -> Result<Date, Fault> {
    there(time, name).map(|at| Date(at.date()))
}

/// `time.hour_in`
///
/// # Errors
/// A fault where there is no such zone, or the calendar does not reach so far.
pub fn hour_in(time: Time, name: &str) -> Result<i64, Fault> {
    there(time, name).map(|at| at.hour().into())
}

/// `time.minute_in`
///
/// # Errors
/// A fault where there is no such zone, or the calendar does not reach so far.
pub fn minute_in(time: Time, name: &str) -> Result<i64, Fault> {
    there(time, name).map(|at| at.minute().into())
}

/// A clock in a zone as an instant. Where the clock skips it, as much later as it skips; where it
/// comes twice, the first.
fn instant(at: civil::DateTime, name: &str) -> Result<Time, Fault> {
    let at = zone(name)?.to_ambiguous_zoned(at).compatible().map_err(|_| outside())?;
    Ok(Time(at.timestamp().as_millisecond()))
}

/// `date.time_in`: the first instant of the day there.
///
/// # Errors
/// A fault where there is no such zone, or instants do not reach so far.
pub fn time_in(date: Date, name: &str) -> Result<Time, Fault> {
    instant(date.0.at(0, 0, 0, 0), name)
}

/// `date.at`: the instant at which the clock there says so, `"09:30"`.
///
/// # Errors
/// A fault where there is no such zone or clock time, or instants do not reach so far.
pub fn at(date: Date, clock: &str, name: &str) -> Result<Time, Fault> {
    let clock = clock_time(clock).ok_or_else(|| fault("a clock says `hh:mm`"))?;
    instant(date.0.to_datetime(clock), name)
}

/// `hh:mm`, and nothing else.
fn clock_time(text: &str) -> Option<civil::Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| match text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<i8>().ok(),
        false => None,
    };
    civil::Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

/// Whether there is a zone of this name.
#[must_use]
pub fn is_zone(name: &str) -> bool {
    zone(name).is_ok()
}
