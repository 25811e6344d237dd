//! Asks for traces while the load runs: at fixed times, latency from then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::ask::TraceDoor;
use crate::load::sent::{Content, Sent};
use crate::measure::latency::{histogram, json_ms, text_ms};
use crate::otlp::values::TRACE_SPANS;
use crate::random::Random;

/// Only traces that were acknowledged this long ago are asked for.
const AGE: Duration = Duration::from_secs(2);

/// What questions under load have shown.
#[derive(Debug)]
pub(crate) struct Queried {
    /// Whole traces.
    whole: u64,
    /// Traces of which spans were missing.
    part: u64,
    /// Traces that were not there.
    none: u64,
    /// Errors.
    failed: u64,
    /// From when it was due, microseconds.
    pub(crate) latency_us: Histogram<u64>,
}

/// Asks `rate` times a second until `stop`.
pub(crate) fn ask(
    door: &TraceDoor,
    content: &Content,
    sent: &Sent,
    rate: f64,
    stop: &AtomicBool,
) -> Result<Queried> {
    let mut queried = Queried {
        whole: 0,
        part: 0,
        none: 0,
        failed: 0,
        latency_us: histogram()?,
    };
    let (mut random, mut connection) = (Random::new(1), door.connection());
    let (begin, mut number) = (Instant::now(), 0_u32);
    while !stop.load(Ordering::Acquire) {
        number += 1;
        let due = begin + Duration::from_secs_f64(f64::from(number) / rate);
        // In steps, so that a low rate does not hold up the end.
        while Instant::now() < due && !stop.load(Ordering::Acquire) {
            let left = due.saturating_duration_since(Instant::now());
            thread::sleep(left.min(Duration::from_millis(200)));
        }
        let Some(old) = Instant::now().checked_sub(AGE) else {
            continue;
        };
        let Some((_, trace)) = sent.any(content, &mut random, old) else {
            continue;
        };
        match door.ask(&mut connection, trace) {
            Ok(Some(found)) if found.spans.len() == TRACE_SPANS && found.partial.is_none() => {
                queried.whole += 1;
            }
            Ok(Some(_)) => queried.part += 1,
            Ok(None) => queried.none += 1,
            Err(_) => queried.failed += 1,
        }
        let us = due.elapsed().as_micros() as u64;
        queried.latency_us.saturating_record(us.max(1));
    }
    Ok(queried)
}

impl Queried {
    /// For a person.
    pub(crate) fn text(&self) -> String {
        format!(
            "trace by id under load: {} whole, {} in part, {} not there, {} failed; {}",
            self.whole,
            self.part,
            self.none,
            self.failed,
            text_ms(&self.latency_us)
        )
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({
            "whole": self.whole, "part": self.part, "none": self.none, "failed": self.failed,
            "latency_ms": json_ms(&self.latency_us),
        })
    }
}
