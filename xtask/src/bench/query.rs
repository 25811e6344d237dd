//! `cargo xtask bench query`: what questions cost, over how much is stored.

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::load::{Member, build, conserved, figure, yardstick};
use crate::report;

/// Longest of any load, seconds: the count of spans ends it.
const SECONDS_MAX: u32 = 86_400;

/// Stores so many million spans and asks.
pub fn run(millions: u16) -> Result<()> {
    build()?;
    let mut member = Member::start()?;
    if !member.answers("/tempo/api/echo") {
        bail!("this member answers no questions for traces yet: /tempo/api/echo is not there");
    }
    let million = |member: &Member, name: &str, count: u64| -> Result<Value> {
        member.otlp(
            name,
            &[
                format!("--count={}", count * 1_000_000),
                format!("--seconds={SECONDS_MAX}"),
                "--warmup=0".to_owned(),
                "--verify=2000".to_owned(),
                "--query-rate=20".to_owned(),
                format!("--search={}", member.url("/tempo/api/search")),
            ],
        )
    };
    let first = million(&member, "query-first", 1)?;
    let mut figures = asked("1 million spans stored", &first, false)?;
    if millions > 2 {
        million(&member, "query-fill", u64::from(millions) - 2)?;
    }
    let last = million(&member, "query-last", 1)?;
    figures.extend(asked(&format!("{millions} million spans stored"), &last, true)?);
    for (name, path) in [
        ("insert, CPU s per million", "server/cpu_s_per_million_in_window"),
        ("trace by id, p50", "verify/latency_ms/p50"),
    ] {
        let of = |report: &Value| report.pointer(&format!("/{path}")).and_then(Value::as_f64);
        if let (Some(first), Some(last)) = (of(&first), of(&last)) {
            let name = format!("growth from 1 to {millions} million: {name}");
            figures
                .push(json!({"name": name, "value": last / first.max(1e-6), "unit": "ratio", "goal": 1.15}));
        }
    }
    let began = Instant::now();
    member.restart()?;
    let name = format!("restart with {millions} million spans stored, until ready");
    figures.push(json!({"name": name, "value": began.elapsed().as_secs_f64(), "unit": "s", "goal": 10.0}));
    figures.extend(yardstick(&last)?);
    report::figures("query", figures)
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
