//! One of three members is killed under load, many times: how long acknowledgements stay away, and until they are as quick as before.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::acks::{self, between, outage, quantile};
use super::chance::{Chance, derived};
use super::ensemble::{COPIES, EQUAL, Ensemble};
use super::load::Pace;
use super::{count, most, some};

/// Events a second, of all producers.
const RATE: u32 = 10_000;
/// Twelve: four at each member, a frame each half second.
const PRODUCERS: u32 = 12;
/// Time for what a kill has left.
const RETRY_SECONDS: u32 = 60;
/// What is normal is measured over so many seconds before each kill.
const CALM_SECONDS: f64 = 2.5;
/// The member stays away for so long, so that its return does not mix with its loss.
const AWAY: Duration = Duration::from_secs(6);
/// Kills under one load.
const ROUND: u32 = 6;
/// Seconds of one: calm, away, start.
const KILL_SECONDS: u32 = 14;

/// What no acknowledgement waits longer for than that is no trace of a kill, however calm it was before, seconds: the goal of acknowledgements
/// at rest. A second has 24 frames, so its 99th percentile is its latest one.
const CALM: f64 = 0.05;

/// So many kills of one member.
pub fn run(kills: u32, seed: u64) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut cluster = Ensemble::three()?;
    let (mut done, mut rounds, mut acked) = (0, 0_u64, 0);
    let (mut waits, mut normal_again, mut calm_all) = (Vec::new(), Vec::new(), Vec::new());
    let mut sums: Vec<Value> = Vec::new();
    while done < kills {
        let file = cluster.path().join("acks");
        let pace = Pace {
            rate: Some(RATE),
            seconds: (kills - done).min(ROUND) * KILL_SECONDS + 6,
            retry_seconds: RETRY_SECONDS,
            seed: derived(seed, rounds),
        };
        let mut load = cluster.load(&pace, PRODUCERS, Some(&file))?;
        cluster.under_load()?;
        let mut moments = Vec::new();
        let most_now = (kills - done).min(ROUND);
        while moments.len() < most_now as usize && load.goes_on(AWAY.as_secs_f64() + 4.0)? {
            thread::sleep(Duration::from_secs_f64(CALM_SECONDS));
            chance.sleep_ms(500, 1_000);
            let at = usize::try_from(chance.within(0, COPIES as u64)).unwrap_or_default();
            let before = acks::now();
            cluster.members[at].kill()?;
            thread::sleep(AWAY);
            moments.push((before, acks::now()));
            cluster.members[at].start()?;
        }
        let report = load.report()?;
        acked += report.counted("acked")?;
        super::kills::add(&mut sums, report.nothing_lost()?);
        let lines = acks::read(&file)?;
        let before = |at: f64| between(&lines, at - CALM_SECONDS, at);
        let calm: Vec<f64> = moments.iter().flat_map(|(at, _)| before(*at)).collect();
        let normal = quantile(calm.clone(), 0.99);
        calm_all.extend(calm);
        for (at, end) in &moments {
            let (longest, again) = outage(&lines, *at, *end, (2.0 * normal).max(CALM));
            let again = again.unwrap_or(end - at);
            println!(
                "killed: p99 before {normal:.3} s; a frame waited {longest:.3} s, as before after {again:.3} s"
            );
            waits.push(longest);
            normal_again.push(again);
        }
        done += u32::try_from(moments.len()).unwrap_or_default();
        cluster.until_equal(acked, EQUAL)?;
        rounds += 1;
        println!("{done} of {kills} kills, {acked} events acknowledged and held by all three");
    }
    cluster.stop()?;
    let measured = |name: &str, value: f64| json!({"name": name, "value": value, "unit": "s"});
    let mut figures = vec![
        some("kills of one of three under load", done.into(), kills.into()),
        count("events held by all three in the end", acked),
        measured("acknowledged after, before kills, p99", quantile(calm_all, 0.99)),
        measured(
            "longest wait of a frame after a kill, median",
            quantile(waits.clone(), 0.5),
        ),
        most(
            "longest wait of a frame after a kill, p99",
            quantile(waits, 0.99),
            "s",
            2.0,
        ),
        measured(
            "until the p99 of a second was at most twice that of before, or 50 ms, median",
            quantile(normal_again.clone(), 0.5),
        ),
        most(
            "until the p99 of a second was at most twice that of before, or 50 ms, p99",
            quantile(normal_again, 0.99),
            "s",
            5.0,
        ),
    ];
    figures.extend(sums);
    Ok(figures)
}
