//! Acknowledgements as `loadtest quic --acks` wrote them down: how long frames waited, before something broke and after.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

/// A frame that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Ack {
    /// When, seconds since 1970.
    pub at: f64,
    /// How long after it was due, seconds.
    pub late: f64,
}

/// Now, in the same time.
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// All of a file, in the order in which they came.
pub fn read(path: &Path) -> Result<Vec<Ack>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let ack = |line: &str| {
        let mut words = line.split(' ').map(str::parse::<u64>);
        let (at_us, late_us) = (words.next()?.ok()?, words.next()?.ok()?);
        Some(Ack {
            at: at_us as f64 / 1e6,
            late: late_us as f64 / 1e6,
        })
    };
    text.lines()
        .map(|line| ack(line).with_context(|| format!("no acknowledgement: {line}")))
        .collect()
}

/// The value below which this share of them is (nearest rank); 0 of none.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank, at least 1 and at most the length"
    )]
    values.get(rank as usize - 1).copied().unwrap_or_default()
}

/// How late the frames were that were acknowledged between two moments.
pub fn between(acks: &[Ack], from: f64, to: f64) -> Vec<f64> {
    let within = acks.iter().filter(|ack| ack.at >= from && ack.at < to);
    within.map(|ack| ack.late).collect()
}

/// What a fault at `at` did to frames acknowledged until `end`: the longest that one waited; and when the first second began, from that
/// frame's acknowledgement on, whose 99th percentile is `normal` or less (`None` = not until `end`). Both in seconds after `at`.
pub fn outage(acks: &[Ack], at: f64, end: f64, normal: f64) -> (f64, Option<f64>) {
    let after: Vec<&Ack> = acks.iter().filter(|ack| ack.at >= at && ack.at < end).collect();
    let worst = after.iter().max_by(|a, b| a.late.total_cmp(&b.late));
    let Some(worst) = worst else {
        return (end - at, None);
    };
    let is_normal = |from: f64| {
        let late = between(acks, from, from + 1.0);
        !late.is_empty() && quantile(late, 0.99) <= normal
    };
    let moments = after
        .iter()
        .map(|ack| ack.at + 1e-6)
        .filter(|from| *from >= worst.at && from + 1.0 < end);
    let again = if worst.late <= normal {
        Some(at)
    } else {
        moments.into_iter().find(|from| is_normal(*from))
    };
    (worst.late, again.map(|from| from - at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: calm, then nothing for two seconds, then what waited, then calm. Guarantee: the longest wait is that of the oldest frame;
    /// all is normal from the last late one on; other moments do not count.
    #[test]
    fn an_outage_is_as_long_as_its_oldest_frame_waits() {
        let ack = |at: f64, late: f64| Ack { at, late };
        let acks = [
            ack(1.0, 0.1),
            ack(2.0, 0.2),
            ack(5.0, 2.1),
            ack(5.1, 1.2),
            ack(5.4, 0.1),
            ack(9.0, 7.0),
        ];
        let (longest, again) = outage(&acks, 3.0, 8.0, 0.3);
        assert!((longest - 2.1).abs() < 1e-9 && (again.unwrap() - 2.1).abs() < 1e-3);
        assert_eq!(outage(&acks, 3.0, 5.05, 0.3).1, None);
        assert_eq!(outage(&acks, 1.5, 2.5, 0.3).1, Some(0.0));
        assert!(outage(&acks, 3.0, 4.0, 0.3).0 > 0.99);
        assert_eq!(between(&acks, 0.0, 3.0), vec![0.1, 0.2]);
        assert!((quantile(vec![3.0, 1.0, 2.0], 0.5) - 2.0).abs() < 1e-9);
        assert!((quantile(vec![3.0, 1.0, 2.0], 0.99) - 3.0).abs() < 1e-9);
        assert!(quantile(Vec::new(), 0.5).abs() < 1e-9);
    }
}
