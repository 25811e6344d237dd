//! End to end: the program, its agent and three real BEAM nodes of the shop. Each test says its scenario and its
//! guarantee. Long forms: `cargo xtask faults`, which sets the counts below.

#![expect(clippy::print_stdout, reason = "seeds and counts are printed")]
#![expect(clippy::expect_used, reason = "what a test expects")]

mod clocks;
mod deploys;
mod kills;
mod story;

use std::collections::{BTreeMap, BTreeSet};
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
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..")
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

/// Every trace of the last hour, whole, newest first, one at a time.
fn each_trace(door: &Door, mut visit: impl FnMut(&Value) -> Result<()>) -> Result<usize> {
    let mut until = String::new();
    let mut seen = BTreeSet::new();
    loop {
        let listing = door.json(&format!("/api/v1/traces?since_s=3600&limit=1000{until}"))?;
        let rows = listing["traces"].as_array().context("no traces in the answer")?;
        for row in rows {
            let id = text(row, "trace").to_owned();
            if seen.insert(id.clone()) {
                visit(&door.json(&format!("/api/v1/traces/{id}"))?)?;
            }
        }
        match rows.last().and_then(|row| row["hlc_unix_us"].as_u64()) {
            Some(last) if rows.len() == 1000 => until = format!("&until_unix_us={last}"),
            _ => return Ok(seen.len()),
        }
    }
}

/// As [`each_trace`], all at once: for a few hundred.
fn traces(door: &Door) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    each_trace(door, |trace| {
        all.push(trace.clone());
        Ok(())
    })?;
    Ok(all)
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

/// What the nodes recorded and what is stored, once both agree.
struct Conserved {
    /// Counters of the library, by role.
    stats: BTreeMap<String, Value>,
    /// Events of each of these roles' nodes that are stored.
    stored: BTreeMap<String, u64>,
}

/// Waits until what each node handed over is stored, event for event, and checks the law: on a node
/// `emitted = stored + dropped`, and of what the agent confirmed as stored nothing is missing and nothing is twice.
fn conserved(bed: &Bed, shop: &Shop, roles: &[&str]) -> Result<Conserved> {
    let mut last = String::new();
    let agreed = wait_for("nodes and store to agree", Duration::from_secs(90), || {
        let (mut stats, mut stored) = (BTreeMap::new(), BTreeMap::new());
        for role in roles {
            stats.insert((*role).to_owned(), shop.stats(role)?);
        }
        let audit = bed.door().json("/api/v1/audit")?;
        for role in roles {
            stored.insert((*role).to_owned(), stored_of(&audit, role));
        }
        let law = |(role, stats): (&String, &Value)| {
            stats["emitted"].as_u64() == Some(stored[role] + dropped(stats))
                && stats["stored"].as_u64() == Some(stored[role])
        };
        last = format!("{stats:#?} {audit:#}");
        let whole = audit["duplicates"] == 0 && audit["missing_batches"] == 0 && audit["damaged_frames"] == 0;
        Ok((whole && stats.iter().all(law)).then_some(Conserved { stats, stored }))
    });
    agreed.with_context(|| last)
}

/// Events that the audit found of the nodes of a role, all their incarnations together.
fn stored_of(audit: &Value, role: &str) -> u64 {
    let nodes = audit["nodes"].as_array().into_iter().flatten();
    let of_role = nodes.filter(|n| text(n, "name").starts_with(&format!("{role}-")));
    of_role.filter_map(|n| n["events"].as_u64()).sum()
}

/// Events that a node dropped and counted.
fn dropped(stats: &Value) -> u64 {
    stats["dropped"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(_, v)| v.as_u64())
        .sum()
}

/// Waits until nothing arrives any more: the member's agent holds nothing, and the store has not grown for a second.
fn settled(door: &Door) -> Result<()> {
    let mut last = 0.0;
    let mut same = 0;
    wait_for("the store to settle", Duration::from_mins(2), || {
        let state = |state| door.metric("elixirscope_agent_events_total", &[state]);
        let waiting = state("state=\"spooled\"")? + state("state=\"in_flight\"")?;
        let now = door.metric("elixirscope_collector_events_total", &[])?;
        let still = waiting == 0.0 && (now - last).abs() < 0.5;
        same = if still { same + 1 } else { 0 };
        last = now;
        Ok((same >= 20).then_some(()))
    })
}
