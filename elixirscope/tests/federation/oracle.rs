//! Asks all members for traces, again and again, and compares: a captured literal must be in the source that its event resolves to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use testbed::{Door, wait_for};

/// Functions that return the literal of their version.
const LITERALS: [&str; 2] = ["Shop.Stock.Release.literal/0", "Shop.Stock.Courier.literal/0"];
const SOON: Duration = Duration::from_mins(1);

/// A captured literal: `stock:release-2`, event, when by its node's clock.
struct Captured {
    label: String,
    event: String,
    unix_us: u64,
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    /// Of each label, the latest time of an event.
    latest: BTreeMap<String, u64>,
    checks: usize,
    /// What did not resolve, in words.
    wrong: Vec<String>,
}

/// Asks until it is ended.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    asks: Option<JoinHandle<()>>,
}

impl Watch {
    /// Asks these members, in turn, for the latest traces.
    pub(crate) fn start(doors: Vec<Door>) -> Self {
        let (seen, stop) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let (to, ends) = (Arc::clone(&seen), Arc::clone(&stop));
        let asks = thread::spawn(move || {
            let mut sources = BTreeMap::new();
            while !ends.load(Ordering::Relaxed) {
                for (n, door) in doors.iter().enumerate() {
                    let mut found = Vec::new();
                    if let Err(error) = latest(door, n, &mut sources, &mut found) {
                        to.lock().unwrap().wrong.push(format!("member {n}: {error:#}"));
                    }
                    let mut seen = to.lock().unwrap();
                    seen.checks += found.len();
                    for captured in found {
                        let latest = seen.latest.entry(captured.label).or_default();
                        *latest = captured.unix_us.max(*latest);
                    }
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self {
            seen,
            stop,
            asks: Some(asks),
        }
    }

    /// Now.
    pub(crate) fn marked() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |t| t.as_micros() as u64)
    }

    /// Waits until each of these was captured.
    pub(crate) fn until_seen(&self, labels: &[&str]) -> Result<()> {
        labels
            .iter()
            .try_for_each(|label| self.until_seen_after(label, 0))
    }

    /// Waits until an event after that time captured this.
    pub(crate) fn until_seen_after(&self, label: &str, unix_us: u64) -> Result<()> {
        wait_for(label, SOON, || {
            let seen = self.seen.lock().unwrap();
            if let Some(wrong) = seen.wrong.first() {
                bail!("{} wrong: {wrong}", seen.wrong.len());
            }
            Ok(seen.latest.get(label).is_some_and(|t| *t > unix_us).then_some(()))
        })
        .with_context(|| format!("seen so far: {:?}", self.seen.lock().unwrap().latest))
    }

    /// Ends, asks every member for all traces once more, and compares what they say. Gives that.
    pub(crate) fn end(mut self, doors: &[Door]) -> Result<ByLabel> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.asks.take().map(JoinHandle::join);
        ensure!(matches!(ended, Some(Ok(()))), "the asking thread failed");
        let seen = self.seen.lock().unwrap();
        let (checks, wrong) = (seen.checks, seen.wrong.len());
        ensure!(
            wrong == 0,
            "{wrong} wrong of {checks} during the deploys, first: {}",
            seen.wrong[0]
        );
        println!("{checks} literals resolved during the deploys, 0 wrong");
        let mut all = Vec::new();
        for (n, door) in doors.iter().enumerate() {
            all.push(everything(door, n)?);
        }
        for (n, one) in all.iter().enumerate().skip(1) {
            ensure!(
                *one == all[0],
                "member {n} says {:?}, member 0 {:?}",
                counts(one),
                counts(&all[0])
            );
        }
        Ok(all.swap_remove(0))
    }
}

/// Of each label the events, and when they were by their node's clock.
type ByLabel = BTreeMap<String, BTreeMap<String, u64>>;

fn counts(of: &ByLabel) -> BTreeMap<String, usize> {
    of.iter()
        .map(|(label, events)| (label.clone(), events.len()))
        .collect()
}

type Sources = BTreeMap<(usize, String), String>;

fn latest(door: &Door, n: usize, sources: &mut Sources, found: &mut Vec<Captured>) -> Result<()> {
    let listing = door.json("/api/v1/traces?since_s=4&limit=12")?;
    for row in listing["traces"].as_array().into_iter().flatten() {
        of_trace(door, n, text(row, "trace"), sources, found)?;
    }
    Ok(())
}

/// All that a member says, by label: the events.
fn everything(door: &Door, n: usize) -> Result<ByLabel> {
    let (mut sources, mut found, mut until) = (Sources::new(), Vec::new(), String::new());
    loop {
        let listing = door.json(&format!("/api/v1/traces?since_s=3600&limit=1000{until}"))?;
        let rows = listing["traces"].as_array().context("no traces in the answer")?;
        for row in rows {
            of_trace(door, n, text(row, "trace"), &mut sources, &mut found)?;
        }
        match rows.last().and_then(|row| row["hlc_unix_us"].as_u64()) {
            Some(last) if rows.len() == 1000 => until = format!("&until_unix_us={last}"),
            _ => break,
        }
    }
    let mut by_label = ByLabel::new();
    for captured in found {
        by_label
            .entry(captured.label)
            .or_default()
            .insert(captured.event, captured.unix_us);
    }
    Ok(by_label)
}

fn of_trace(door: &Door, n: usize, id: &str, sources: &mut Sources, found: &mut Vec<Captured>) -> Result<()> {
    let trace = door.json(&format!("/api/v1/traces/{id}"))?;
    for item in trace["items"].as_array().into_iter().flatten() {
        found.extend(check(door, n, item, sources)?);
    }
    Ok(())
}

/// Compares an event that captured a literal with the source that this member gives for it.
fn check(door: &Door, n: usize, item: &Value, sources: &mut Sources) -> Result<Option<Captured>> {
    let values = item["values"].as_array().into_iter().flatten();
    let mut values = values.map(|v| text(v, "text").trim_matches('"'));
    let Some(captured) = values.find(|v| v.contains("-release-")) else {
        return Ok(None);
    };
    if !LITERALS.contains(&text(item, "name")) {
        return Ok(None);
    }
    let place = &item["place"];
    ensure!(place["unmapped"].is_null(), "{captured} does not resolve: {item}");
    let hash = text(place, "source").to_owned();
    let key = (n, hash.clone());
    if !sources.contains_key(&key) {
        sources.insert(key.clone(), door.text(&format!("/api/v1/sources/{hash}"))?);
    }
    let source = sources[&key].as_bytes();
    let node = place["node"].as_array().context("no syntax node")?;
    let (from, to) = (
        node[0].as_u64().context("no range")?,
        node[1].as_u64().context("no range")?,
    );
    let shown = source
        .get(from as usize..to as usize)
        .context("a range outside the source")?;
    let shown = String::from_utf8_lossy(shown);
    ensure!(
        shown.contains(captured),
        "{captured} is attributed to `{shown}`: {item}"
    );
    let at = text(item, "node");
    let role = at.split('-').next().unwrap_or_default();
    let shop = if at.contains("-second@") { "second-" } else { "" };
    let literal = captured.strip_prefix("stock-").unwrap_or(captured);
    Ok(Some(Captured {
        label: format!("{shop}{role}:{literal}"),
        event: format!("{at} {}", text(item, "id")),
        unix_us: item["time_unix_us"].as_u64().unwrap_or(0),
    }))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
