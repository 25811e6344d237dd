//! Searches after the load: a service and an attribute, the last five minutes, twenty traces (Tempo's `/api/search`).

use std::fmt::Write as _;
use std::time::Instant;

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
    let mut searched = Searched {
        asked: 0,
        traces: 0,
        latency_us: histogram()?,
    };
    let (functions, mut random, mut connection) =
        (Functions::new(), Random::new(3), Connection::new(&url.authority));
    for number in 0..count {
        let mfa = functions
            .choose(&mut random)
            .map(|f| f.mfa.as_str())
            .unwrap_or_default();
        let service = SERVICES
            .get(number as usize % SERVICES.len())
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
        let began = Instant::now();
        let answer = connection.send(&url.join(&query).get("application/json", headers))?;
        let us = began.elapsed().as_micros() as u64;
        if answer.status != 200 {
            bail!(
                "{} answers {}: {}",
                url.path,
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
        }
        let found: Value = serde_json::from_slice(&answer.body).context("the answer is no JSON")?;
        searched.asked += 1;
        searched.traces += found["traces"].as_array().map_or(0, Vec::len) as u64;
        searched.latency_us.saturating_record(us.max(1));
    }
    Ok(searched)
}

/// Percent-encoding (RFC 3986) of all but unreserved characters.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
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
