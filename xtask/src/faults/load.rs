//! `loadtest` beside a victim: started, left alone, asked in the end.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::wait_for;

use super::victim::Victim;
use super::{count, none, programs};
use crate::run;

/// A load that runs.
pub struct Load {
    name: String,
    child: Child,
    began: Instant,
    seconds: u32,
}

/// How a load is made.
pub struct Pace {
    /// Items a second; `None` = as fast as answers come.
    pub rate: Option<u32>,
    /// For how long.
    pub seconds: u32,
    /// Seconds after which what is not acknowledged is given up.
    pub retry_seconds: u32,
    /// Of what is random.
    pub seed: u64,
}

impl Pace {
    fn words(&self) -> Vec<String> {
        let mut words = vec![
            format!("--seconds={}", self.seconds),
            "--warmup=0".to_owned(),
            format!("--retry-seconds={}", self.retry_seconds),
            format!("--seed={}", self.seed),
            "--json".to_owned(),
        ];
        words.extend(self.rate.map(|rate| format!("--rate={rate}")));
        words
    }
}

impl Load {
    /// Spans over OTLP/HTTP; with `more` arguments of `loadtest otlp`.
    pub fn otlp(victim: &Victim, pace: &Pace, more: &[String]) -> Result<Self> {
        let mut words = vec!["otlp".to_owned(), format!("--endpoint={}", victim.otlp())];
        words.push(format!("--query={}", victim.url("/tempo/api/v2/traces/")));
        Self::start("spans over OTLP", &[], words, pace, more)
    }

    /// Events over QUIC; in the end the member reads all it stored and counts them.
    pub fn quic(victim: &Victim, pace: &Pace, more: &[String]) -> Result<Self> {
        let words = vec![
            "quic".to_owned(),
            format!("--collector={}", victim.quic()),
            format!("--tls={}", victim.tls().display()),
            format!("--audit={}", victim.url("/api/v1/audit")),
        ];
        Self::start("events over QUIC", &[], words, pace, more)
    }

    /// Events over QUIC to several members, of a program that `before` starts; what they hold is looked at by whoever asked.
    pub fn quic_to(before: &[&str], doors: &str, tls: &Path, pace: &Pace, more: &[String]) -> Result<Self> {
        let words = vec![
            "quic".to_owned(),
            format!("--collector={doors}"),
            format!("--tls={}", tls.display()),
        ];
        Self::start("events over QUIC", before, words, pace, more)
    }

    fn start(
        name: &str,
        before: &[&str],
        mut words: Vec<String>,
        pace: &Pace,
        more: &[String],
    ) -> Result<Self> {
        words.extend(pace.words());
        words.extend_from_slice(more);
        let program = programs::path("loadtest").display().to_string();
        let (first, rest) = before
            .split_first()
            .map_or((program.as_str(), None), |(f, r)| (*f, Some(r)));
        let mut command = run::command(first, rest.unwrap_or_default());
        if rest.is_some() {
            command.arg(&program);
        }
        let child = command
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start loadtest")?;
        Ok(Self {
            name: name.to_owned(),
            child,
            began: Instant::now(),
            seconds: pace.seconds,
        })
    }

    /// Is it still making load, for so many more seconds at least?
    pub fn goes_on(&mut self, seconds: f64) -> Result<bool> {
        let left = f64::from(self.seconds) - self.began.elapsed().as_secs_f64();
        Ok(left > seconds && self.child.try_wait()?.is_none())
    }

    /// Waits until something is acknowledged, written down in this file (`--acks`).
    pub fn flows(&mut self, acks: &Path) -> Result<()> {
        wait_for("the first acknowledgement", Duration::from_mins(1), || {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}", self.name);
            }
            let length = std::fs::metadata(acks).map_or(0, |meta| meta.len());
            Ok((length > 0).then_some(()))
        })?;
        self.began = Instant::now();
        Ok(())
    }

    /// Its report, when it has ended.
    pub fn report(mut self) -> Result<Report> {
        let mut text = String::new();
        if let Some(mut out) = self.child.stdout.take() {
            out.read_to_string(&mut text)?;
        }
        let name = self.name.clone();
        let limit = Duration::from_mins(1);
        wait_for(&format!("the end of {name}"), limit, || {
            Ok(self.child.try_wait()?)
        })?;
        let Ok(value) = serde_json::from_str(&text) else {
            bail!("{name}: no report: {text}");
        };
        Ok(Report { name, value })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a load saw.
pub struct Report {
    name: String,
    value: Value,
}

impl Report {
    /// `span` or `event`.
    pub fn item(&self) -> &str {
        self.value["item"].as_str().unwrap_or("item")
    }

    /// A number of it, by its path.
    pub fn number(&self, path: &str) -> Result<f64> {
        let found = self.value.pointer(&format!("/{path}")).and_then(Value::as_f64);
        found.with_context(|| format!("{}: no {path} in {}", self.name, self.value))
    }

    /// A count of it.
    pub fn counted(&self, what: &str) -> Result<u64> {
        let found = self.value["counts"][what].as_u64();
        found.with_context(|| format!("{}: no count {what} in {}", self.name, self.value))
    }

    /// Everything sent was acknowledged in the end, everything acknowledged came back as it was sent, once, and nothing else.
    pub fn nothing_lost(&self) -> Result<Vec<Value>> {
        let named = |what: &str| format!("{}: {what}", self.name);
        let (sent, acked) = (self.counted("sent")?, self.counted("acked")?);
        let mut figures = vec![
            count(&named("sent"), sent),
            count(
                &named("sent again after a broken connection"),
                self.counted("broken")?,
            ),
            count(&named("told to wait"), self.counted("throttled")?),
            none(
                &named("refused for ever"),
                self.counted("refused")? + self.counted("rejected")?,
            ),
            none(&named("not acknowledged in the end"), sent - acked),
        ];
        if let Some(audit) = self.value["audit"].as_object() {
            let of = |what: &str| {
                audit
                    .get(what)
                    .and_then(Value::as_u64)
                    .context("an audit without counts")
            };
            figures.push(none(
                &named("acknowledged and not stored, or stored and not sent"),
                acked.abs_diff(of("events")?),
            ));
            figures.push(none(&named("stored twice"), of("duplicates")?));
            figures.push(none(&named("batches missing"), of("missing_batches")?));
        }
        if let Some(verify) = self.value["verify"].as_object() {
            let of = |what: &str| {
                verify
                    .get(what)
                    .and_then(Value::as_u64)
                    .context("a comparison without counts")
            };
            let (read, equal) = (of("asked")?, of("equal")?);
            figures.push(count(&named("traces read back"), read));
            figures.push(none(&named("traces not as they were sent"), read - equal));
            if let Some(said) = self.value["verify"]["said"].as_str() {
                eprintln!("{}: {said}", self.name);
            }
        }
        Ok(figures)
    }
}
