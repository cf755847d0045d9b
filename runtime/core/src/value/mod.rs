//! The texts of exact values: money, decimals, percents, durations, times, dates, UUIDs.
//!
//! Promises: one place for each form, used by the boundary, the interpreter and generated code
//! alike. What `parse_…` accepts, `print_…` prints in the one canonical form, and printing then
//! parsing gives the value back. `parse_…` answers nothing where the text is not of that form: the
//! caller knows what it expected. No panic on any input.

mod civil;
mod duration;
mod money;
mod number;

pub use civil::{parse_date, parse_time, parse_uuid, print_date, print_time, print_uuid};
pub use duration::{parse_duration, print_duration};
pub use money::{Currency, Money, minor_digits, parse_money, print_money};
pub use number::{decimal_of_number, parse_decimal, parse_percent, print_decimal, print_percent};

#[cfg(test)]
mod tests;
