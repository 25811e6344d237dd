//! Seconds of Unix time as RFC 3339 in UTC, and back.
//!
//! Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days` and `days_from_civil`.

const DAY_S: u64 = 86_400;

/// `2026-11-23T00:54:21Z`.
pub fn rfc3339(unix_s: u64) -> String {
    let (days, of_day) = (unix_s / DAY_S, unix_s % DAY_S);
    // Days since 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The seconds; only of what [`rfc3339`] writes, years 1970 to 9999.
pub fn of_rfc3339(text: &str) -> Option<u64> {
    let field = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|digit| digit.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
    let year_from_march = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year_from_march / 400, year_from_march % 400);
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day.checked_sub(1)?;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let days = (era * 146_097 + of_era).checked_sub(719_468)?;
    let unix_s = days * DAY_S + hour * 3_600 + minute * 60 + second;
    // What is not written so (the 31st of February, other separators) comes out otherwise.
    (rfc3339(unix_s) == text).then_some(unix_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: days around leap years and ends of months. Guarantee: as `date -u` has them, there and back.
    #[test]
    fn known_days() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_763_859_261, "2025-11-23T00:54:21Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(unix_s), text);
            assert_eq!(of_rfc3339(text), Some(unix_s));
        }
        for wrong in [
            "",
            "2026-02-30T00:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T25:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:00",
        ] {
            assert_eq!(of_rfc3339(wrong), None, "{wrong}");
        }
    }

    proptest::proptest! {
        /// Guarantee: every second of the years that are known comes back.
        #[test]
        fn there_and_back(unix_s in 0_u64..253_402_300_800) {
            proptest::prop_assert_eq!(of_rfc3339(&rfc3339(unix_s)), Some(unix_s));
        }

        /// Guarantee: no text panics.
        #[test]
        fn any_text(text in "\\PC{0,24}") {
            let _ = of_rfc3339(&text);
        }
    }
}
