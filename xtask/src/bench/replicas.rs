//! `cargo xtask bench replicas`: what a copy costs. The same events go into three members with three copies of each shard, and into one alone.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::faults::ensemble::Ensemble;
use crate::faults::load::{Load, Pace};
use crate::report;
use crate::usage::processor_seconds;

/// Events a second. Three members and the generator share the machine: none may be late.
const RATE: u32 = 100_000;
/// Agents.
const PRODUCERS: u32 = 6;
/// Until what was taken is sealed.
const SETTLE: Duration = Duration::from_secs(10);
/// One and three in turn, so many times: a machine drifts.
const PAIRS: u64 = 3;

/// So many seconds each time.
pub fn run(seconds: u16) -> Result<()> {
    super::load::build()?;
    let mut figures = Vec::new();
    let (mut alone, mut copies) = (Vec::new(), Vec::new());
    for turn in 0..PAIRS {
        alone.push(cost(1, u32::from(seconds), turn)?);
        copies.push(cost(3, u32::from(seconds), turn)?);
    }
    let ratios: Vec<f64> = alone.iter().zip(&copies).map(|(a, c)| c / a.max(1e-9)).collect();
    figures.push(median(
        "one member, one copy: CPU seconds per million events",
        alone,
        "s",
        None,
    ));
    figures.push(median(
        "three members, three copies: CPU seconds of each per million events",
        copies,
        "s",
        None,
    ));
    figures.push(median(
        "a replica of three against one alone",
        ratios,
        "x",
        Some(1.3),
    ));
    report::figures("replicas", figures)
}

/// Processor seconds of one member for a million events that are sent to as many members as there are copies.
fn cost(copies: usize, seconds: u32, turn: u64) -> Result<f64> {
    let cluster = Ensemble::of(copies, &["--log", "warn"])?;
    let load = |seconds: u32, seed: u64| -> Result<u64> {
        let pace = Pace {
            rate: Some(RATE),
            seconds,
            retry_seconds: 60,
            seed,
        };
        let more = [format!("--producers={PRODUCERS}")];
        let report = Load::quic_to(&[], &cluster.doors(), &cluster.tls(), &pace, &more)?.report()?;
        report.nothing_lost()?;
        report.counted("acked")
    };
    load(3, turn * 2)?;
    thread::sleep(SETTLE);
    let before = all_seconds(&cluster)?;
    let events = load(seconds, turn * 2 + 1)?;
    thread::sleep(SETTLE);
    let used = all_seconds(&cluster)? - before;
    let each = used / copies as f64 / events as f64 * 1e6;
    println!("{copies} copies: {events} events, {each:.3} CPU seconds a member per million");
    cluster.stop()?;
    Ok(each)
}

/// Of all members together, user and system.
fn all_seconds(cluster: &Ensemble) -> Result<f64> {
    let mut seconds = 0.0;
    for member in &cluster.members {
        seconds += processor_seconds(member.pid()?)?;
    }
    Ok(seconds)
}

fn median(name: &str, mut of: Vec<f64>, unit: &str, goal: Option<f64>) -> Value {
    of.sort_by(f64::total_cmp);
    let middle = of.get(of.len() / 2).copied().unwrap_or_default();
    let mut figure = json!({"name": name, "value": middle, "unit": unit, "all": of});
    if let (Some(goal), Some(figure)) = (goal, figure.as_object_mut()) {
        figure.insert("goal".to_owned(), json!(goal));
    }
    figure
}
