//! `Retry-After`: seconds or an HTTP date.
//!
//! Source: RFC 9110, section 10.2.3.

use sagaflow_core::time::Time;

/// Bound: a service cannot put a step to sleep for longer than a day by a header alone.
const LONGEST_MS: i64 = 24 * 60 * 60 * 1000;

/// The pause it asks for in ms, from `now`; nothing where it is neither seconds nor a date.
#[must_use]
pub fn parse(text: &str, now: Time) -> Option<i64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit an i64 mean "very long".
        let seconds = text.parse::<i64>().unwrap_or(i64::MAX);
        return Some(seconds.saturating_mul(1000).min(LONGEST_MS));
    }
    // A wrong weekday makes no other instant of it.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let date = parser.parse_timestamp(text).ok()?;
    Some(Time(date.as_millisecond()).since(now).clamp(0, LONGEST_MS))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use sagaflow_core::time::Time;

    /// 1994-11-06T08:49:37Z
    const THEN: Time = Time(784_111_777_000);

    #[test]
    fn seconds_and_dates_are_understood() {
        assert_eq!(parse("120", THEN), Some(120_000));
        assert_eq!(parse(" 0 ", THEN), Some(0));
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:07 GMT", THEN), Some(30_000));
    }

    #[test]
    fn a_date_in_the_past_means_now_and_nonsense_means_nothing() {
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:00 GMT", THEN), Some(0));
        for text in ["", "soon", "-5", "1.5", "Sun, 99 Nov 1994"] {
            assert_eq!(parse(text, THEN), None, "{text}");
        }
    }

    #[test]
    fn a_service_cannot_put_a_step_to_sleep_for_ever() {
        assert_eq!(parse("99999999999999999999", THEN), Some(86_400_000));
        assert_eq!(parse("Fri, 01 Jan 2999 00:00:00 GMT", THEN), Some(86_400_000));
    }
}
