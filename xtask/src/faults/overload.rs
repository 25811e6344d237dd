//! Twice what a member can take, in a control group that ends whoever takes too much memory; and full rate for a long time.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and counts of reports"
)]

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use testbed::Launcher;

use super::group::Group;
use super::load::{Load, Pace, Report};
use super::victim::Victim;
use super::{count, most, none};
use crate::usage::resident_mib;

/// The member's memory setting, and the hard limit of its group.
const MEMORY_MIB: u32 = 512;
/// Share of one processor of a member that is overloaded, per cent: on a small machine the generator could not make twice as much as a
/// member takes that has all of it.
const PROCESSOR_PERCENT: u32 = 25;
/// Disk of a run, MiB; beyond, the oldest is dropped, which is counted.
const DISK_MIB: u32 = 6_000;
/// Seconds in which the greatest rate is found.
const FIND_SECONDS: u32 = 4;
/// Seconds in which what is normal is measured.
const NORMAL_SECONDS: u32 = 4;
/// Share of the greatest rate that is normal.
const NORMAL_SHARE: f64 = 0.25;
/// After an overload everything is normal again within this time, seconds.
const RECOVERY_SECONDS: u32 = 30;
/// A 99th percentile is normal up to this multiple of the one before, and in any case up to [`NORMAL_MS`].
const NORMAL_FACTOR: f64 = 2.0;
/// See [`NORMAL_FACTOR`].
const NORMAL_MS: f64 = 50.0;
/// What has no answer for so long is given up: an overload is not caught up with.
const RETRY_SECONDS: u32 = 10;
/// Clients of an overload.
const CLIENTS: u32 = 200;

/// A member in its group.
struct Tight {
    victim: Victim,
    group: Option<Group>,
}

impl Tight {
    fn start(name: &str, processor_percent: Option<u32>) -> Result<Self> {
        let args = [
            "--memory-mib",
            &MEMORY_MIB.to_string(),
            "--disk-mib",
            &DISK_MIB.to_string(),
        ];
        let mut victim = Victim::new(&args)?;
        let group = Group::new(name, MEMORY_MIB, processor_percent);
        let group = group
            .inspect_err(|why| println!("without a hard limit of memory: {why:#}"))
            .ok();
        victim.launch(Launcher {
            before: group.as_ref().map(Group::launcher).unwrap_or_default(),
            env: Vec::new(),
        });
        victim.start()?;
        Ok(Self { victim, group })
    }

    fn watched(&self) -> Result<Vec<String>> {
        Ok(vec![
            format!("--server-pid={}", self.victim.pid()?),
            format!("--metrics={}", self.victim.url("/metrics")),
            "--idle-seconds=1".to_owned(),
        ])
    }

    fn otlp(&self, rate: Option<u32>, seconds: u32, connections: u32, seed: u64) -> Result<Load> {
        let mut more = self.watched()?;
        more.push(format!("--connections={connections}"));
        Load::otlp(&self.victim, &pace(rate, seconds, seed), &more)
    }

    /// Greatest resident memory while a load runs.
    fn peak_mib(&mut self, load: &mut Load) -> Result<f64> {
        let mut peak = 0.0_f64;
        while load.goes_on(0.0)? {
            self.victim.alive()?;
            peak = peak.max(resident_mib(self.victim.pid()?, "VmRSS")?);
            thread::sleep(Duration::from_millis(250));
        }
        Ok(peak)
    }

    fn memory(&self, peak_mib: f64) -> Result<Vec<Value>> {
        let mut figures = vec![most(
            "peak RSS, --memory-mib 512",
            peak_mib,
            "MiB",
            MEMORY_MIB.into(),
        )];
        if let Some(group) = &self.group {
            figures.push(none(
                "ended for want of memory in a group of 512 MiB",
                group.killed()?,
            ));
            if let Some(peak) = group.peak_mib() {
                figures.push(
                    json!({"name": "peak of the group, page cache included", "value": peak, "unit": "MiB"}),
                );
            }
        }
        Ok(figures)
    }
}

fn pace(rate: Option<u32>, seconds: u32, seed: u64) -> Pace {
    Pace {
        rate,
        seconds,
        retry_seconds: RETRY_SECONDS,
        seed,
    }
}

/// So many seconds of twice the rate that a closed loop reaches.
pub fn run(seconds: u32, seed: u64, short: bool) -> Result<Vec<Value>> {
    let mut tight = Tight::start("overload", Some(PROCESSOR_PERCENT))?;
    let found = tight
        .otlp(None, FIND_SECONDS, 4, seed)?
        .report()?
        .number("rate")?;
    let normal_rate = (found * NORMAL_SHARE) as u32;
    let p99 = |tight: &Tight, seed: u64| -> Result<f64> {
        tight
            .otlp(Some(normal_rate), NORMAL_SECONDS, 8, seed)?
            .report()?
            .number("latency_ms/p99")
    };
    let before = p99(&tight, seed + 1)?;
    let mut load = tight.otlp(Some((found * 2.0) as u32), seconds, CLIENTS, seed + 2)?;
    let peak = tight.peak_mib(&mut load)?;
    let (report, ended) = (load.report()?, Instant::now());
    let limit = (before * NORMAL_FACTOR).max(NORMAL_MS);
    let (mut after, mut normal_in) = (f64::INFINITY, f64::INFINITY);
    while after > limit && ended.elapsed().as_secs() < u64::from(RECOVERY_SECONDS) {
        let began = ended.elapsed().as_secs_f64();
        after = p99(&tight, seed + 3)?;
        if after <= limit {
            normal_in = began;
        }
    }
    let mut figures = vec![
        count("spans/s of a closed loop", found as u64),
        count("seconds at twice that", seconds.into()),
        // A member without processor time reads late; one whose disk is late answers 503 (`faults slow`).
        count(
            "clients told to come later (503, Retry-After)",
            report.counted("throttled")?,
        ),
        json!({"name": "p99 meanwhile", "value": report.number("latency_ms/p99")?, "unit": "ms"}),
    ];
    figures.extend(accounted(&report)?);
    figures.extend(tight.memory(peak)?);
    figures.push(json!({"name": "p99 before, at a quarter of the rate", "value": before, "unit": "ms"}));
    figures.push(most(
        "p99 after, at a quarter of the rate",
        finite(after),
        "ms",
        limit,
    ));
    figures.push(most(
        "normal again after",
        finite(normal_in),
        "s",
        RECOVERY_SECONDS.into(),
    ));
    tight.victim.stop()?;
    if !short {
        figures.extend(events(seconds.min(120), seed)?);
    }
    Ok(figures)
}

/// Twice the rate of one producer, by as many producers as take it.
fn events(seconds: u32, seed: u64) -> Result<Vec<Value>> {
    let mut tight = Tight::start("overload-quic", Some(PROCESSOR_PERCENT))?;
    let more = tight.watched()?;
    let found = Load::quic(&tight.victim, &pace(None, FIND_SECONDS, seed), &more)?
        .report()?
        .number("rate")?;
    let mut many = tight.watched()?;
    many.push("--producers=20".to_owned());
    let rate = Some((found * 2.0) as u32);
    let mut load = Load::quic(&tight.victim, &pace(rate, seconds, seed + 1), &many)?;
    let peak = tight.peak_mib(&mut load)?;
    let report = load.report()?;
    let mut figures = vec![
        count("events/s of one producer", found as u64),
        count(
            "producers told to come later (THROTTLE)",
            report.counted("throttled")?,
        ),
    ];
    figures.extend(accounted(&report)?);
    for figure in tight.memory(peak)? {
        let mut figure = figure;
        figure["name"] = format!("events: {}", figure["name"].as_str().unwrap_or_default()).into();
        figures.push(figure);
    }
    tight.victim.stop()?;
    Ok(figures)
}

/// The law of conservation: each item has one end, and what is stored is what was acknowledged, and of the unanswered some.
fn accounted(report: &Report) -> Result<Vec<Value>> {
    let [sent, acked, refused, given_up] =
        ["sent", "acked", "refused", "given_up"].map(|what| report.counted(what));
    let (sent, acked, ended) = (sent?, acked?, refused? + given_up?);
    let rejected = report.counted("rejected")?;
    let stored = report.number("stored")? as u64;
    let unknown = report.counted("given_up")?;
    let item = report.item();
    Ok(vec![
        count(&format!("{item}: sent"), sent),
        count(&format!("{item}: acknowledged"), acked),
        count(&format!("{item}: given up after {RETRY_SECONDS} s"), unknown),
        count(&format!("{item}: stored"), stored),
        none(
            &format!("{item}: sent, and neither acknowledged nor refused nor given up"),
            sent.abs_diff(acked + ended + rejected),
        ),
        none(
            &format!("{item}: acknowledged and not stored"),
            acked.saturating_sub(stored),
        ),
        none(
            &format!("{item}: stored beyond what may be"),
            stored.saturating_sub(acked + unknown),
        ),
    ])
}

/// JSON has no infinity: what never came took a day.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 86_400.0 }
}

/// A closed loop of four connections for so many seconds.
pub fn soak(seconds: u32, seed: u64) -> Result<Vec<Value>> {
    let mut tight = Tight::start("soak", None)?;
    let mut load = tight.otlp(None, seconds, 4, seed)?;
    let peak = tight.peak_mib(&mut load)?;
    let report = load.report()?;
    let mut figures = vec![
        count("seconds at full rate", seconds.into()),
        count("spans/s", report.number("rate")? as u64),
    ];
    figures.extend(accounted(&report)?);
    figures.extend(tight.memory(peak)?);
    tight.victim.stop()?;
    Ok(figures)
}
