//! A member is gone (SIGKILL) for minutes while the others take everything; then it comes back, still under load.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use super::chance::Chance;
use super::ensemble::{COPIES, EQUAL, Ensemble};
use super::load::Pace;
use super::{count, most, none};

/// Events a second, of all producers.
const RATE: u32 = 5_000;
const PRODUCERS: u32 = 6;
/// Time for what is late.
const RETRY_SECONDS: u32 = 120;
/// Seconds of load after it came back.
const AFTER_SECONDS: u32 = 10;

/// Away for so many seconds.
pub fn run(seconds: u32, seed: u64) -> Result<Vec<Value>> {
    let mut cluster = Ensemble::three()?;
    let pace = Pace {
        rate: Some(RATE),
        seconds: seconds + AFTER_SECONDS + 4,
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    let load = cluster.load(&pace, PRODUCERS, None)?;
    cluster.under_load()?;
    thread::sleep(Duration::from_secs(2));
    let at = usize::try_from(Chance::new(seed).within(0, COPIES as u64)).unwrap_or_default();
    cluster.members[at].kill()?;
    thread::sleep(Duration::from_secs(seconds.into()));
    let hints: f64 = hints(&cluster)?;
    cluster.members[at].start()?;
    let back = Instant::now();
    let report = load.report()?;
    let acked = report.counted("acked")?;
    cluster.until_equal(acked, EQUAL + Duration::from_secs(AFTER_SECONDS.into()))?;
    let equal = back.elapsed().as_secs_f64();
    let left = hints_left(&cluster)?;
    let fetched: f64 = cluster.members[at].metric("elixirscope_replication_totals", &["what=\"fetched\""])?;
    cluster.stop()?;
    let mut figures = vec![
        count("seconds that one of three was away", seconds.into()),
        count("events held by all three in the end", acked),
        json!({"name": "batches that waited for it as hints", "value": hints, "unit": "1"}),
        json!({"name": "batches that it fetched itself", "value": fetched, "unit": "1"}),
        most(
            "until all three held the same, from when it was ready, load included",
            equal,
            "s",
            EQUAL.as_secs_f64(),
        ),
        none("hints left in the end", left),
    ];
    figures.extend(report.nothing_lost()?);
    Ok(figures)
}

fn hints(cluster: &Ensemble) -> Result<f64> {
    let run = cluster.members.iter().filter(|m| m.runs());
    run.map(|m| m.metric("elixirscope_replication", &["what=\"hints\""]))
        .sum()
}

/// Hints that are not delivered within half a minute.
fn hints_left(cluster: &Ensemble) -> Result<u64> {
    let began = Instant::now();
    loop {
        let left = hints(cluster)?;
        if left < 0.5 {
            return Ok(0);
        }
        if began.elapsed() > Duration::from_secs(30) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            return Ok(left as u64);
        }
        thread::sleep(Duration::from_millis(500));
    }
}
