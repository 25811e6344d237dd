//! A member's HTTP door.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A question is answered within this time.
const WITHIN: Duration = Duration::from_secs(20);
/// An audit reads all that is stored, on all members.
const AUDIT_WITHIN: Duration = Duration::from_mins(10);

/// Where a member answers.
#[derive(Clone, Debug)]
pub struct Door {
    /// `http://127.0.0.1:7480`.
    pub url: String,
}

impl Door {
    /// `GET`, as text.
    pub fn text(&self, path: &str) -> Result<String> {
        let audit = path.starts_with("/api/v1/audit");
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(if audit { AUDIT_WITHIN } else { WITHIN }))
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent
            .get(format!("{}{path}", self.url))
            .call()
            .with_context(|| format!("GET {path}"))?;
        let text = answer
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .read_to_string()?;
        if !answer.status().is_success() {
            bail!("GET {path}: {} {text}", answer.status());
        }
        Ok(text)
    }

    /// `GET`, as JSON.
    pub fn json(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.text(path)?)?)
    }

    /// `POST` of JSON.
    pub fn post_json(&self, path: &str, body: &Value) -> Result<()> {
        let mut answer = ureq::post(format!("{}{path}", self.url))
            .config()
            .timeout_global(Some(WITHIN))
            .http_status_as_error(false)
            .build()
            .header("content-type", "application/json")
            .send(body.to_string())
            .with_context(|| format!("POST {path}"))?;
        if !answer.status().is_success() {
            bail!(
                "POST {path}: {} {}",
                answer.status(),
                answer.body_mut().read_to_string()?
            );
        }
        Ok(())
    }

    /// Waits until each shard has so many copies.
    pub fn until_copies(&self, copies: usize, limit: Duration) -> Result<()> {
        crate::wait_for(&format!("{copies} copies of each shard"), limit, || {
            let map = self.json("/api/v1/cluster/map")?;
            let shards = map["shards"].as_array().context("no shards")?;
            let has = |s: &Value| s["holders"].as_array().is_some_and(|of| of.len() == copies);
            Ok((!shards.is_empty() && shards.iter().all(has)).then_some(()))
        })
    }

    /// Is it ready?
    pub fn ready(&self) -> bool {
        self.text("/ready").is_ok()
    }

    /// The sum of a metric over the label values that contain all of `labels` (`reason="torn"`).
    pub fn metric(&self, name: &str, labels: &[&str]) -> Result<f64> {
        let text = self.text("/metrics")?;
        let mut sum = 0.0;
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or((line, "0"));
            let series_name = series.split('{').next().unwrap_or_default();
            if series_name == name && labels.iter().all(|l| series.contains(l)) {
                sum += value.parse::<f64>().unwrap_or_default();
            }
        }
        Ok(sum)
    }
}
