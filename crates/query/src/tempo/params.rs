//! Parameters of requests: times, durations, numbers.

use super::{TempoError, TimeRange};

const SECOND_NS: u64 = 1_000_000_000;
/// The range of a query for time series that names none.
const DEFAULT_RANGE_NS: u64 = 3_600 * SECOND_NS;
/// Steps that a range is cut into, about, if no step is named.
const STEPS: u64 = 120;
/// Steps to choose from, seconds.
const NICE_S: [u64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800,
];

/// A time in Unix nanoseconds: a number of seconds (a fraction too), milliseconds, microseconds or nanoseconds, told apart by its size, or
/// RFC 3339.
pub fn time(name: &'static str, text: &str) -> Result<u64, TempoError> {
    let wrong = || {
        TempoError::parameter(
            name,
            format!("expected Unix seconds, nanoseconds or RFC 3339, found `{text}`"),
        )
    };
    if let Ok(number) = text.parse::<u64>() {
        let unit = match number {
            0..100_000_000_000 => SECOND_NS,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        return Ok(number.saturating_mul(unit));
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return if (0.0..1e11).contains(&seconds) {
            Ok((seconds * 1e9) as u64)
        } else {
            Err(wrong())
        };
    }
    rfc3339(text).ok_or_else(wrong)
}

/// `2026-11-22T10:00:00.5+02:00`; a space stands for a plus that was not escaped.
fn rfc3339(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let sign = |at: usize, of: &str| text.get(at..=at).is_some_and(|found| of.contains(found));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let marks = sign(4, "-") && sign(7, "-") && sign(10, "Tt ") && sign(13, ":") && sign(16, ":");
    let right =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !marks || !right {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(fraction.len());
        let (digits, after) = fraction
            .split_at_checked(end)
            .filter(|(digits, _)| !digits.is_empty())?;
        let padded = format!("{digits:0<9}");
        nanoseconds = padded.get(..9)?.parse().ok()?;
        rest = after;
    }
    let offset_s = match rest.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        (direction @ ("+" | "-" | " "), offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let seconds = hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
            if direction == "-" { -seconds } else { seconds }
        }
        _ => return None,
    };
    // Days from the civil calendar (H. Hinnant, chrono-Compatible Low-Level Date Algorithms).
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset_s;
    let whole = u64::try_from(seconds).ok()?.checked_mul(SECOND_NS)?;
    whole.checked_add(nanoseconds)
}

/// A duration in nanoseconds as Go writes them (`1h30m`, `1.5s`), or a number of seconds.
pub fn duration(name: &'static str, text: &str) -> Result<u64, TempoError> {
    let wrong = || TempoError::parameter(name, format!("expected a duration such as 15s, found `{text}`"));
    if let Ok(seconds) = text.parse::<f64>() {
        return if (0.0..1e9).contains(&seconds) {
            Ok((seconds * 1e9) as u64)
        } else {
            Err(wrong())
        };
    }
    traceql::duration_ns(text).ok_or_else(wrong)
}

/// A whole number up to a bound; more is the bound.
pub fn count(
    name: &'static str,
    text: Option<&str>,
    default: usize,
    max: usize,
) -> Result<usize, TempoError> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(default),
        Some(text) => match text.parse::<usize>() {
            Ok(number) => Ok(number.min(max)),
            Err(_) => Err(TempoError::parameter(
                name,
                format!("expected a whole number, found `{text}`"),
            )),
        },
    }
}

/// The range of a search: without start and end all of time.
pub fn search_range(start: Option<&str>, end: Option<&str>) -> Result<TimeRange, TempoError> {
    let mut range = TimeRange::ALL;
    if let Some(start) = start.filter(|text| !text.is_empty() && *text != "0") {
        range.start_ns = time("start", start)?;
    }
    if let Some(end) = end.filter(|text| !text.is_empty() && *text != "0") {
        range.end_ns = time("end", end)?;
    }
    if range.end_ns <= range.start_ns {
        return Err(TempoError::parameter("end", "expected a time after start"));
    }
    Ok(range)
}

/// The range of a query for time series: start and end, or so long until now, or the last hour.
pub fn series_range(
    start: Option<&str>,
    end: Option<&str>,
    since: Option<&str>,
    now_ns: u64,
) -> Result<TimeRange, TempoError> {
    let named = |text: Option<&str>| text.is_some_and(|text| !text.is_empty() && text != "0");
    let length = match since.filter(|text| !text.is_empty()) {
        Some(since) => duration("since", since)?,
        None => DEFAULT_RANGE_NS,
    };
    let mut range = search_range(start, end)?;
    if !named(end) {
        range.end_ns = now_ns;
    }
    if !named(start) {
        range.start_ns = range.end_ns.saturating_sub(length);
    }
    if range.end_ns <= range.start_ns {
        return Err(TempoError::parameter("end", "expected a time after start"));
    }
    Ok(range)
}

/// The step, nanoseconds: as named, or the least round one that cuts the range into at most 120.
pub fn step(text: Option<&str>, range: TimeRange) -> Result<u64, TempoError> {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        return duration("step", text);
    }
    let least_s = (range.end_ns - range.start_ns).div_ceil(STEPS * SECOND_NS);
    let nice = NICE_S.iter().find(|step_s| **step_s >= least_s);
    Ok(nice.copied().unwrap_or(least_s) * SECOND_NS)
}

/// A trace id of up to 32 hexadecimal digits, leading zeros left out or not.
pub fn trace_id(text: &str) -> Result<event::TraceId, TempoError> {
    let digits = !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16)
        .ok()
        .filter(|id| digits && *id != 0);
    id.map(event::TraceId)
        .ok_or_else(|| TempoError::parameter("trace id", "expected up to 32 hexadecimal digits, not all 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: times in all forms. Guarantee: Unix nanoseconds; others are refused.
    #[test]
    fn times() {
        let of = |text: &str| time("start", text);
        for text in [
            "1700000000",
            "1700000000000",
            "1700000000000000",
            "1700000000000000000",
            "1700000000.0",
            "2023-11-14T22:13:20Z",
            "2023-11-15T00:13:20+02:00",
            "2023-11-15T00:13:20 02:00",
            "2023-11-14T22:13:20.000000000Z",
        ] {
            assert_eq!(of(text), Ok(1_700_000_000_000_000_000), "{text}");
        }
        assert_eq!(of("1970-01-01T00:00:00.25Z"), Ok(250_000_000));
        assert_eq!(of("2024-02-29T12:00:00Z"), Ok(1_709_208_000_000_000_000));
        for text in [
            "",
            "now",
            "-5",
            "2023-13-01T00:00:00Z",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "1e99",
            "NaN",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    /// Scenario: durations, steps and ranges. Guarantee: as Go writes them, in seconds, or chosen round.
    #[test]
    fn durations() {
        assert_eq!(duration("step", "1m30s"), Ok(90 * SECOND_NS));
        assert_eq!(duration("step", "15"), Ok(15 * SECOND_NS));
        assert_eq!(duration("step", "0.5"), Ok(SECOND_NS / 2));
        for text in ["", "x", "-1s", "5 s", "1d", "inf"] {
            assert!(duration("step", text).is_err(), "{text}");
        }
        let hour = TimeRange {
            start_ns: 0,
            end_ns: 3_600 * SECOND_NS,
        };
        assert_eq!(step(None, hour), Ok(30 * SECOND_NS));
        assert_eq!(step(Some("7s"), hour), Ok(7 * SECOND_NS));
        let now = 10_000 * SECOND_NS;
        let of = |start, end, since| {
            series_range(start, end, since, now).map(|r| (r.start_ns / SECOND_NS, r.end_ns / SECOND_NS))
        };
        assert_eq!(of(None, None, None), Ok((6_400, 10_000)));
        assert_eq!(of(None, None, Some("5m")), Ok((9_700, 10_000)));
        assert_eq!(of(Some("100"), Some("200"), Some("5m")), Ok((100, 200)));
        assert_eq!(of(Some("100"), None, None), Ok((100, 10_000)));
        assert!(of(Some("200"), Some("100"), None).is_err());
        assert_eq!(search_range(None, None), Ok(TimeRange::ALL));
        assert_eq!(search_range(Some("0"), Some("")), Ok(TimeRange::ALL));
    }

    /// Scenario: trace ids. Guarantee: hexadecimal, with or without leading zeros.
    #[test]
    fn ids() {
        assert_eq!(trace_id("00AB").unwrap().0, 0xab);
        for text in ["", "0", "xyz", "+1", "0123456789abcdef0123456789abcdef0"] {
            assert!(trace_id(text).is_err(), "{text}");
        }
    }
}
