//! Searches after the load, and while it runs: a service and an attribute, the last five minutes, twenty traces (Tempo's
//! `/api/search`).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::http::{Connection, Url};
use crate::load::now_ns;
use crate::measure::latency::{histogram, json_ms, text_ms};
use crate::otlp::functions::{Functions, SERVICES};
use crate::random::Random;

/// Seconds back.
const BACK_S: u64 = 300;
/// Longest sleep between two looks at whether the load is over.
const STEP: Duration = Duration::from_millis(200);
/// Traces of an answer.
const LIMIT: usize = 20;

/// What searching has shown.
#[derive(Debug)]
pub(crate) struct Searched {
    asked: u64,
    traces: u64,
    latency_us: Histogram<u64>,
}

/// Asks `count` times, one after the other, each time for another function, chosen as the spans' functions are.
pub(crate) fn search(url: &Url, headers: &[String], count: u32) -> Result<Searched> {
    let mut searcher = Searcher::new(url, headers)?;
    for _ in 0..count {
        searcher.ask(Instant::now())?;
    }
    Ok(searcher.searched)
}

/// Asks `rate` times a second until `stop`; latency counts from when a question was due.
pub(crate) fn under_load(url: &Url, headers: &[String], rate: f64, stop: &AtomicBool) -> Result<Searched> {
    let mut searcher = Searcher::new(url, headers)?;
    let (begin, mut number) = (Instant::now(), 0_u32);
    loop {
        number += 1;
        let due = begin + Duration::from_secs_f64(f64::from(number) / rate);
        // In steps, so that a low rate does not hold up the end.
        while Instant::now() < due && !stop.load(Ordering::Acquire) {
            thread::sleep(due.saturating_duration_since(Instant::now()).min(STEP));
        }
        if stop.load(Ordering::Acquire) {
            return Ok(searcher.searched);
        }
        searcher.ask(due)?;
    }
}

/// Who asks, over one connection.
struct Searcher<'a> {
    url: &'a Url,
    headers: &'a [String],
    functions: Functions,
    random: Random,
    connection: Connection,
    searched: Searched,
}

impl<'a> Searcher<'a> {
    fn new(url: &'a Url, headers: &'a [String]) -> Result<Self> {
        Ok(Self {
            url,
            headers,
            functions: Functions::new(),
            random: Random::new(3),
            connection: Connection::new(&url.authority),
            searched: Searched {
                asked: 0,
                traces: 0,
                latency_us: histogram()?,
            },
        })
    }

    fn ask(&mut self, since: Instant) -> Result<()> {
        let mfa = self
            .functions
            .choose(&mut self.random)
            .map(|f| f.mfa.as_str())
            .unwrap_or_default();
        let service = SERVICES
            .get(self.searched.asked as usize % SERVICES.len())
            .copied()
            .unwrap_or_default();
        let question = format!("{{ resource.service.name = \"{service}\" && span.code.mfa = \"{mfa}\" }}");
        let now = now_ns() / 1_000_000_000;
        let query = format!(
            "?q={}&limit={LIMIT}&start={}&end={}",
            percent(&question),
            now.saturating_sub(BACK_S),
            now + 1
        );
        let request = self.url.join(&query).get("application/json", self.headers);
        let answer = self.connection.send(&request)?;
        let us = since.elapsed().as_micros() as u64;
        if answer.status != 200 {
            bail!(
                "{} answers {}: {}",
                self.url.path,
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        let found: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
        self.searched.asked += 1;
        self.searched.traces += found["traces"].as_array().map_or(0, Vec::len) as u64;
        self.searched.latency_us.saturating_record(us.max(1));
        Ok(())
    }
}

/// Percent-encoding (RFC 3986) of all but unreserved characters.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

impl Searched {
    /// For a person.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} searches (service and attribute, last 5 minutes, limit {LIMIT}): {} traces; {}",
            self.asked,
            self.traces,
            text_ms(&self.latency_us)
        )
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({"asked": self.asked, "traces": self.traces, "latency_ms": json_ms(&self.latency_us)})
    }
}

#[cfg(test)]
mod tests {
    /// Guarantee: what TraceQL is made of survives a URL.
    #[test]
    fn questions_are_encoded() {
        assert_eq!(
            super::percent("{ a = \"b/c\" && d~ }"),
            "%7B%20a%20%3D%20%22b%2Fc%22%20%26%26%20d~%20%7D"
        );
    }
}
