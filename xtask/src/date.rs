//! Unix seconds as text, in UTC, for what is packed.

use anyhow::Result;

/// Year, month, day (Hinnant's `civil_from_days`), and the seconds of the day.
fn civil(time: u64) -> Result<(i64, i64, i64, u64)> {
    let (days, rest) = (i64::try_from(time / 86_400)? + 719_468, time % 86_400);
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    Ok((year, month, day, rest))
}

/// `2026-12-31`.
pub fn day(time: u64) -> Result<String> {
    let (year, month, day, _) = civil(time)?;
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

/// `2026-12-31T23:59:59Z` (RFC 3339).
pub fn stamp(time: u64) -> Result<String> {
    let (_, _, _, rest) = civil(time)?;
    Ok(format!("{}T{}Z", day(time)?, clock(rest)))
}

/// `Thu, 31 Dec 2026 23:59:59 +0000` (RFC 5322), as Debian's changelogs have it.
pub fn mail(time: u64) -> Result<String> {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let (year, month, day, rest) = civil(time)?;
    let weekday = DAYS[usize::try_from(time / 86_400 % 7)?];
    let at = usize::try_from(month - 1)? * 3;
    let month = &MONTHS[at..at + 3];
    Ok(format!(
        "{weekday}, {day:02} {month} {year} {} +0000",
        clock(rest)
    ))
}

fn clock(rest: u64) -> String {
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_others_read_them() {
        for (seconds, text, letter) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000"),
            (
                951_827_696,
                "2000-02-29T12:34:56Z",
                "Tue, 29 Feb 2000 12:34:56 +0000",
            ),
            (
                1_798_761_599,
                "2026-12-31T23:59:59Z",
                "Thu, 31 Dec 2026 23:59:59 +0000",
            ),
        ] {
            assert_eq!(stamp(seconds).unwrap(), text);
            assert_eq!(mail(seconds).unwrap(), letter);
        }
        assert_eq!(day(951_827_696).unwrap(), "2000-02-29");
    }
}
