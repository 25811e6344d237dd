//! `cargo xtask bench query`: what questions cost, over how much is stored.

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::load::{Member, build, conserved, figure, yardstick};
use crate::report;

/// Longest of any load, seconds: the count of spans ends it.
const SECONDS_MAX: u32 = 86_400;

/// Millions of spans stored at which insert and trace by id are measured again.
const POINTS: [u16; 4] = [10, 50, 100, 500];

/// Stores so many million spans and asks, at one million, at some points between, and at the end.
pub fn run(millions: u16) -> Result<()> {
    build()?;
    let mut member = Member::start()?;
    if !member.answers("/tempo/api/echo") {
        bail!("this member answers no questions for traces: /tempo/api/echo is not there");
    }
    let first = million(&member, "query-1")?;
    let mut figures = asked("1 million spans stored", &first, false)?;
    let (mut stored, mut last) = (1, first.clone());
    for point in POINTS
        .into_iter()
        .filter(|point| *point < millions)
        .chain([millions])
    {
        if point > stored + 1 {
            fill(
                &member,
                &format!("query-fill-{point}"),
                u64::from(point - stored - 1),
            )?;
        }
        last = million(&member, &format!("query-{point}"))?;
        stored = point;
        figures.extend(asked(&format!("{point} million spans stored"), &last, true)?);
        figures.extend(growth(&first, &last, point));
    }
    let began = Instant::now();
    member.restart()?;
    let name = format!("restart with {millions} million spans stored, until ready");
    figures.push(json!({"name": name, "value": began.elapsed().as_secs_f64(), "unit": "s", "goal": 10.0}));
    figures.extend(yardstick(&last)?);
    report::figures("query", figures)
}

/// Another million, while traces are asked for and searched.
fn million(member: &Member, name: &str) -> Result<Value> {
    let asked = ["--verify=2000", "--query-rate=20", "--search-rate=5"];
    let mut words = stored(1);
    words.extend(asked.map(str::to_owned));
    words.push(format!("--search={}", member.url("/tempo/api/search")));
    member.otlp(name, &words)
}

/// So many millions as fast as they are taken.
fn fill(member: &Member, name: &str, millions: u64) -> Result<Value> {
    member.otlp(name, &stored(millions))
}

fn stored(millions: u64) -> Vec<String> {
    vec![
        format!("--count={}", millions * 1_000_000),
        format!("--seconds={SECONDS_MAX}"),
        "--warmup=0".to_owned(),
    ]
}

/// What a million cost when so much was stored, against what the first cost.
fn growth(first: &Value, last: &Value, millions: u16) -> Vec<Value> {
    let of = |report: &Value, path: &str| report.pointer(&format!("/{path}")).and_then(Value::as_f64);
    let ratio = |(name, path): (&str, &str)| {
        let ratio = of(last, path)? / of(first, path)?.max(1e-6);
        let name = format!("growth from 1 to {millions} million: {name}");
        Some(json!({"name": name, "value": ratio, "unit": "ratio", "goal": 1.15}))
    };
    [
        ("insert, CPU s per million", "server/cpu_s_per_million_in_window"),
        ("trace by id, p50", "verify/latency_ms/p50"),
    ]
    .into_iter()
    .filter_map(ratio)
    .collect()
}

fn asked(name: &str, report: &Value, goals: bool) -> Result<Vec<Value>> {
    let goal = |ms: f64| goals.then_some(ms);
    Ok(vec![
        figure(
            &format!("{name}: trace by id p50"),
            report,
            "verify/latency_ms/p50",
            "ms",
            None,
        )?,
        figure(
            &format!("{name}: trace by id p99"),
            report,
            "verify/latency_ms/p99",
            "ms",
            goal(5.0),
        )?,
        figure(
            &format!("{name}: trace by id under load p99"),
            report,
            "query/latency_ms/p99",
            "ms",
            None,
        )?,
        figure(
            &format!("{name}: search under load p99"),
            report,
            "search_under_load/latency_ms/p99",
            "ms",
            None,
        )?,
        figure(
            &format!("{name}: search p50"),
            report,
            "search/latency_ms/p50",
            "ms",
            None,
        )?,
        figure(
            &format!("{name}: search p99"),
            report,
            "search/latency_ms/p99",
            "ms",
            goal(40.0),
        )?,
        conserved(name, report)?,
    ])
}
