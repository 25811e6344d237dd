//! End to end: the program, its agent and three real BEAM nodes of the shop. Each test says its scenario and its
//! guarantee. Long forms: `cargo xtask faults`, which sets the counts below.

mod clocks;
mod deploys;
mod kills;
mod story;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::{Bed, Door, Shop, wait_for};

/// A bed for the program under test.
fn bed() -> Result<Bed> {
    Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope")))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the shop for a bed.
fn shop(bed: &Bed) -> Result<Shop> {
    Shop::build(&workspace(), bed.path())
}

/// `elixirscope sync`.
fn sync(bed: &Bed, project: &Path) -> Result<()> {
    run(bed.program(&["sync"]).arg(project).arg("--project").arg("shop")).map(drop)
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A count from the environment, for the long forms.
fn count(name: &str, short: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(short)
}

/// Every trace of the last hour, whole.
fn traces(door: &Door) -> Result<Vec<Value>> {
    let mut whole = Vec::new();
    let mut until = String::new();
    let mut seen = std::collections::BTreeSet::new();
    loop {
        let listing = door.json(&format!("/api/v1/traces?since_s=3600&limit=1000{until}"))?;
        let rows = listing["traces"].as_array().context("no traces in the answer")?;
        let mut last = None;
        for row in rows {
            let id = row["trace"].as_str().unwrap_or_default().to_owned();
            last = row["start_unix_us"].as_u64();
            if seen.insert(id.clone()) {
                whole.push(door.json(&format!("/api/v1/traces/{id}"))?);
            }
        }
        match last {
            Some(last) if rows.len() == 1000 => until = format!("&until_unix_us={last}"),
            _ => return Ok(whole),
        }
    }
}

fn items(trace: &Value) -> impl Iterator<Item = &Value> {
    trace["items"].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Captured values of an item by name.
fn values(item: &Value) -> impl Iterator<Item = (&str, &str)> {
    item["values"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|v| (text(v, "name"), text(v, "text")))
}

/// Waits until every node has handed over all it recorded, and returns its counters by role.
fn drained(shop: &Shop, roles: &[&str]) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for role in roles {
        let stats = wait_for(
            &format!("{role} to hand over its events"),
            Duration::from_secs(60),
            || {
                let stats = shop.stats(role)?;
                let rest = stats["buffered"].as_i64().unwrap_or(1) + stats["in_rings"].as_i64().unwrap_or(1);
                Ok((rest == 0).then_some(stats))
            },
        )?;
        all.insert((*role).to_owned(), stats);
    }
    Ok(all)
}

/// The audit of everything stored, once two in a row are equal and nothing is spooled.
fn settled_audit(door: &Door) -> Result<Value> {
    let mut last = Value::Null;
    wait_for("the store to settle", Duration::from_secs(60), || {
        let now = door.json("/api/v1/audit")?;
        let settled = now == last;
        last = now;
        Ok(settled.then(|| last.clone()))
    })
}
