//! All members are restarted (SIGTERM) one after the other, again and again, under load, as when a new release is rolled out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::Value;
use testbed::Door;

use super::acks::{self, quantile};
use super::chance::{Chance, derived};
use super::ensemble::{EQUAL, Ensemble, held_same};
use super::load::Pace;
use super::{count, most, none, some};

/// Events a second, of all producers.
const RATE: u32 = 10_000;
const PRODUCERS: u32 = 6;
/// Seconds that one restart of all takes at most, waits included; the load ends earlier if it is told to.
const RETRY_SECONDS: u32 = 180;
/// Between two looks at who is ready.
const LOOK: Duration = Duration::from_millis(100);
/// Rounds under one load.
const ROUNDS: u32 = 5;
/// Seconds of one round of three restarts.
const ROUND_SECONDS: u32 = 24;

/// Who looks who is ready.
struct Watcher {
    looks: Arc<AtomicU64>,
    few: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Watcher {
    /// Counts the looks at which fewer than two are ready.
    fn begin(doors: Vec<Door>) -> Self {
        let (looks, few) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let ends = Arc::new(AtomicBool::new(false));
        let (counted, low, stop) = (Arc::clone(&looks), Arc::clone(&few), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Acquire) {
                let ready = doors.iter().filter(|door| door.ready()).count();
                counted.fetch_add(1, Ordering::Relaxed);
                low.fetch_add(u64::from(ready < 2), Ordering::Relaxed);
                thread::sleep(LOOK);
            }
        });
        Self {
            looks,
            few,
            ends,
            thread,
        }
    }

    /// Looks, and of these with fewer than two ready.
    fn end(self) -> Result<(u64, u64)> {
        self.ends.store(true, Ordering::Release);
        self.thread
            .join()
            .map_err(|_| anyhow!("the watching thread failed"))?;
        Ok((
            self.looks.load(Ordering::Relaxed),
            self.few.load(Ordering::Relaxed),
        ))
    }
}

/// So many times all three, one after the other.
pub fn run(times: u32, seed: u64) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut cluster = Ensemble::three()?;
    let (mut done, mut rounds, mut acked, mut slowest) = (0, 0_u64, 0, 0.0_f64);
    let (mut looks, mut few, mut unfit) = (0, 0, 0_u64);
    let mut late = Vec::new();
    let mut sums: Vec<Value> = Vec::new();
    while done < times {
        let now = (times - done).min(ROUNDS);
        let file = cluster.path().join("acks");
        let pace = Pace {
            rate: Some(RATE),
            seconds: now * ROUND_SECONDS + 4,
            retry_seconds: RETRY_SECONDS,
            seed: derived(seed, rounds),
        };
        let mut load = cluster.load(&pace, PRODUCERS, Some(&file))?;
        cluster.under_load()?;
        let doors = cluster.members.iter().map(super::member::Member::door).collect();
        let watcher = Watcher::begin(doors);
        let begun = done;
        while done < begun + now && load.goes_on(2.0)? {
            for at in 0..cluster.members.len() {
                chance.sleep_ms(100, 800);
                let member = &mut cluster.members[at];
                unfit += u64::from(!member.stop()?);
                member.start()?;
            }
            done += 1;
        }
        let counted = watcher.end()?;
        (looks, few) = (looks + counted.0, few + counted.1);
        let report = load.report()?;
        acked += report.counted("acked")?;
        super::kills::add(&mut sums, report.nothing_lost()?);
        late.extend(acks::read(&file)?.iter().map(|ack| ack.late));
        slowest = slowest.max(cluster.until_equal(acked, EQUAL)?);
        rounds += 1;
        println!("{done} of {times} times all three, {acked} events acknowledged and held by all");
    }
    cluster.stop()?;
    let mut figures = vec![
        some("rolling restarts of all three", done.into(), times.into()),
        none("of these, members that did not end by themselves in 15 s", unfit),
        count("looks at who is ready, one in 0.1 s", looks),
        none("of these, with fewer than two of three ready", few),
        count("events held by all three in the end", acked),
        most("acknowledged after, p99", quantile(late.clone(), 0.99), "s", 5.0),
        most("acknowledged after, the last", quantile(late, 1.0), "s", 10.0),
        held_same(slowest),
    ];
    figures.extend(sums);
    Ok(figures)
}
