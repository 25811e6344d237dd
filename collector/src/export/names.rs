//! Names of what is exported: the same bucket, generation and part have the same name for ever.

use event::{Bucket, Micros};
use tables::recorded::Recorded;

/// A bucket of a member, with the time at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) bucket: Bucket,
    pub(super) start: Micros,
    pub(super) cluster: u128,
    pub(super) member: u64,
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Year, month and day of a number of days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms",
/// `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// `2026-11-22T13:10:00Z`.
pub(super) fn timestamp(time: Micros) -> String {
    let seconds = time.to_unix_us() / 1_000_000;
    let (year, month, day) = date(seconds / DAY);
    let of_day = seconds % DAY;
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

impl Names {
    fn date(self) -> String {
        let (year, month, day) = date(self.start.to_unix_us() / 1_000_000 / DAY);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// The folder of the bucket's files: `spans/date=2026-11-22/hour=13`.
    pub(super) fn folder(self, table: Recorded) -> String {
        let hour = self.start.to_unix_us() / 1_000_000 % DAY / 3_600;
        format!("{table}/date={}/hour={hour:02}", self.date())
    }

    /// Bucket and member; the cluster by 32 bits of its random id, so that a member that begins anew does not write over what one
    /// before it left.
    fn of(self) -> String {
        let (bucket, cluster) = (self.bucket.0, self.cluster as u32);
        format!("bucket-{bucket:010}-c{cluster:08x}-m{}", self.member)
    }

    /// What names of the bucket's files begin with, below [`Names::folder`].
    pub(super) fn stem(self) -> String {
        format!("{}-", self.of())
    }

    /// `spans/date=2026-11-22/hour=13/bucket-0000361234-c12ab34cd-m1-g1-p000.parquet`.
    pub(super) fn file(self, table: Recorded, generation: u32, part: u32) -> String {
        format!(
            "{}/{}g{generation}-p{part:03}.parquet",
            self.folder(table),
            self.stem()
        )
    }

    /// `_manifest/date=2026-11-22/bucket-0000361234-c12ab34cd-m1.json`.
    pub(super) fn manifest(self) -> String {
        format!("_manifest/date={}/{}.json", self.date(), self.of())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_s: u64) -> Names {
        Names {
            bucket: Bucket(361_234),
            start: Micros::from_unix_us(unix_s * 1_000_000),
            cluster: 0x7777_0000_0000_0000_0000_0000_12ab_34cd,
            member: 1,
        }
    }

    /// Scenario: times around the ends of days, months, years and a leap day. Guarantee: the dates are those of the calendar.
    #[test]
    fn dates_are_those_of_the_calendar() {
        let shown = |unix_s: u64| timestamp(at(unix_s).start);
        assert_eq!(shown(1_577_836_800), "2020-01-01T00:00:00Z");
        assert_eq!(shown(1_582_934_399), "2020-02-28T23:59:59Z");
        assert_eq!(shown(1_582_934_400), "2020-02-29T00:00:00Z");
        assert_eq!(shown(1_583_020_800), "2020-03-01T00:00:00Z");
        assert_eq!(shown(1_767_225_599), "2025-12-31T23:59:59Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00Z");
        let names = at(1_795_353_000);
        assert_eq!(
            names.file(Recorded::Span, 2, 7),
            "spans/date=2026-11-22/hour=13/bucket-0000361234-c12ab34cd-m1-g2-p007.parquet"
        );
        assert_eq!(
            names.manifest(),
            "_manifest/date=2026-11-22/bucket-0000361234-c12ab34cd-m1.json"
        );
    }
}
