//! `cargo xtask bench ingest`: the table of what ingest costs. Every load has a member with an empty store of its own;
//! the generator's cost is in the rates, not in the processor time.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::load::{Member, at_least, build, conserved, figure, yardstick};
use crate::report;

/// Acknowledgement at half the greatest rate, 99th percentile.
const ACK_P99_MS: f64 = 50.0;
/// Events a second of one producer of many.
const PRODUCER_RATE: u32 = 1_000;
/// Producers of many.
const PRODUCERS: u32 = 100;

/// What one kind of load must reach.
struct Goals {
    cpu_s_per_million: f64,
    rate: f64,
    bytes: f64,
}

const OTLP: Goals = Goals {
    cpu_s_per_million: 1.2,
    rate: 800_000.0,
    bytes: 24.0,
};
const NATIVE: Goals = Goals {
    cpu_s_per_million: 0.3,
    rate: 1_000_000.0,
    bytes: 10.0,
};
/// Peak of the resident memory with `memory = 512 MiB`.
const RSS_MIB: f64 = 512.0;

/// Measures with loads of so many seconds each.
pub fn run(seconds: u16) -> Result<()> {
    build()?;
    let mut figures = Vec::new();
    figures.extend(closed("OTLP/HTTP", "otlp-closed", seconds, &[])?);
    figures.extend(closed(
        "OTLP/HTTP, traces spread",
        "otlp-closed-spread",
        seconds,
        &["--spread"],
    )?);
    figures.extend(open_otlp(seconds)?);
    figures.extend(native(seconds)?);
    figures.extend(many(seconds)?);
    report::figures("ingest", figures)
}

fn words(seconds: u16, more: &[&str]) -> Vec<String> {
    let mut all = vec![
        format!("--seconds={seconds}"),
        format!("--warmup={}", (seconds / 10).clamp(1, 5)),
        format!("--step-seconds={}", seconds.min(8)),
    ];
    all.extend(more.iter().map(|&word| word.to_owned()));
    all
}

/// As peers were measured: four connections, one request under way on each.
fn closed(name: &str, file: &str, seconds: u16, more: &[&str]) -> Result<Vec<Value>> {
    let member = Member::start()?;
    let report = member.otlp(file, &words(seconds, more))?;
    let mut figures = cost(name, &report, "span", &OTLP)?;
    figures.push(figure(
        &format!("{name}: closed loop, 4 connections"),
        &report,
        "rate",
        "spans/s",
        None,
    )?);
    if more.is_empty() {
        figures.push(figure(
            "load generator",
            &report,
            "generator_cpu_s_per_million",
            "CPU s/M",
            Some(0.2),
        )?);
        figures.extend(yardstick(&report)?);
    }
    Ok(figures)
}

/// Processor time, disk, memory, conservation.
fn cost(name: &str, report: &Value, item: &str, goals: &Goals) -> Result<Vec<Value>> {
    let named = |what: &str| format!("{name}: {what}");
    Ok(vec![
        figure(
            &named("server, background work included"),
            report,
            "server/cpu_s_per_million",
            "CPU s/M",
            Some(goals.cpu_s_per_million),
        )?,
        figure(
            &named(&format!("bytes on disk a {item}")),
            report,
            "disk_bytes_per_item",
            "bytes",
            Some(goals.bytes),
        )?,
        figure(
            &named("peak RSS"),
            report,
            "server/rss_peak_mib",
            "MiB",
            Some(RSS_MIB),
        )?,
        conserved(name, report)?,
    ])
}

/// The greatest rate, then the latency at half of it.
fn open_otlp(seconds: u16) -> Result<Vec<Value>> {
    let member = Member::start()?;
    let search = ["--find-max", "--connections=16"];
    let most = member.otlp("otlp-open", &words(seconds, &search))?;
    let half = half_of(&most)?;
    let report = member.otlp("otlp-half", &words(seconds, &["--connections=16", &half]))?;
    let name = "OTLP/HTTP, open loop";
    Ok(vec![
        at_least(
            &format!("{name}: sustained, stored = sent"),
            &most,
            "rate",
            "spans/s",
            OTLP.rate,
        )?,
        figure(
            &format!("{name}: peak RSS at that rate"),
            &most,
            "server/rss_peak_mib",
            "MiB",
            Some(RSS_MIB),
        )?,
        conserved(name, &most)?,
        figure(
            &format!("{name}: acknowledgement p99 at half the rate"),
            &report,
            "latency_ms/p99",
            "ms",
            Some(ACK_P99_MS),
        )?,
    ])
}

fn half_of(report: &Value) -> Result<String> {
    let rate = report["rate_asked"].as_f64().context("no rate was found")?;
    Ok(format!("--rate={}", rate / 2.0))
}

/// One producer: the greatest rate, the latency at half of it, the cost of the other shapes.
fn native(seconds: u16) -> Result<Vec<Value>> {
    let name = "QUIC, calls of 3 nodes";
    let member = Member::start()?;
    let most = member.quic("quic-open", &words(seconds, &["--find-max"]))?;
    let half = half_of(&most)?;
    let report = member.quic("quic-half", &words(seconds, &[&half]))?;
    let mut figures = cost(name, &most, "event", &NATIVE)?;
    figures.push(at_least(
        &format!("{name}: sustained, encoding included"),
        &most,
        "rate",
        "events/s",
        NATIVE.rate,
    )?);
    figures.push(figure(
        &format!("{name}: acknowledgement p99 at half the rate"),
        &report,
        "latency_ms/p99",
        "ms",
        Some(ACK_P99_MS),
    )?);
    for shape in ["beam-call-spans", "messages", "values"] {
        let member = Member::start()?;
        let rate = "--rate=100000";
        let report = member.quic(
            &format!("quic-{shape}"),
            &words(seconds, &["--shape", shape, rate]),
        )?;
        let name = format!("QUIC, {shape}, 100,000 events/s");
        figures.push(figure(
            &format!("{name}: server"),
            &report,
            "server/cpu_s_per_million",
            "CPU s/M",
            None,
        )?);
        figures.push(figure(
            &format!("{name}: bytes on disk an event"),
            &report,
            "disk_bytes_per_item",
            "bytes",
            None,
        )?);
        figures.push(conserved(&name, &report)?);
    }
    Ok(figures)
}

/// A hundred producers of a thousand events a second.
fn many(seconds: u16) -> Result<Vec<Value>> {
    let name = "QUIC, 100 producers of 1,000 events/s";
    let member = Member::start()?;
    let args = [
        format!("--producers={PRODUCERS}"),
        format!("--rate={}", PRODUCERS * PRODUCER_RATE),
    ];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let report = member.quic("quic-many", &words(seconds, &args))?;
    let mut figures = cost(name, &report, "event", &NATIVE)?;
    figures.push(figure(
        &format!("{name}: acknowledgement p99"),
        &report,
        "latency_ms/p99",
        "ms",
        Some(ACK_P99_MS),
    )?);
    let behind = report["behind"].as_u64().context("no count of what was behind")?;
    figures.push(
        json!({"name": format!("{name}: due and never sent"), "value": behind, "unit": "events", "goal": 0}),
    );
    Ok(figures)
}
