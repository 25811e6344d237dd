//! The disk of one of three is lost: it says so, is removed, another member joins, and everything is copied from the two that are left.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::wait_for;

use super::acks::{self, quantile};
use super::chance::{Chance, derived};
use super::ensemble::{COPIES, Ensemble, formed, loopback};
use super::load::{Load, Pace};
use super::member::Kind;
use super::{count, most, some};

/// Events a second while the disk is filled, and random bytes in each captured value of theirs: 40 MB/s.
const FILL_RATE: u32 = 16_000;
const VALUE_BYTES: u32 = 4_096;
/// Events a second while it is lost.
const RATE: u32 = 5_000;
const PRODUCERS: u32 = 6;
/// Time for what is late.
const RETRY_SECONDS: u32 = 300;
/// Seconds of one measured load.
const ROUND_SECONDS: u32 = 12;
/// Longest copying.
const COPIED: Duration = Duration::from_mins(30);
/// Goal of it.
const GOAL_SECONDS: f64 = 300.0;
/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;
/// Seconds of one round of filling.
const FILL_SECONDS: u32 = 10;

/// With so many GiB on each disk.
pub fn run(gib: f64, seed: u64) -> Result<Vec<Value>> {
    let mut cluster = Ensemble::three()?;
    let mut acked = fill(&mut cluster, gib, seed)?;
    let mut sums: Vec<Value> = Vec::new();
    let at = 1 + usize::try_from(Chance::new(seed).within(0, COPIES as u64 - 1)).unwrap_or_default();
    let bytes = folder_bytes(&cluster.members[at].data().join("collector"))?;
    let mut round = Round::begin(&cluster, &cluster.running_doors(), derived(seed, 900))?;
    let calm = quantile(round.end(&mut acked, &mut sums)?, 0.99);

    let id = cluster.members[at].json("/api/v1/cluster")?["this_member"]
        .as_u64()
        .context("an id")?;
    cluster.members[at].kill()?;
    fs::remove_dir_all(cluster.members[at].data().join("collector"))?;
    cluster.members[at].start_soon()?;
    let says = wait_for(
        "the member to say that its disk is lost",
        Duration::from_mins(1),
        || {
            let said = cluster.members[at]
                .text("/ready")
                .err()
                .map(|error| format!("{error:#}"));
            Ok(said.filter(|why| why.contains("disk")))
        },
    )?;
    println!("/ready: {}", says.lines().last().unwrap_or_default());
    cluster.members[at].kill()?;

    // Agents come to those that are left: what is measured is not how a member starts.
    let doors = cluster.running_doors();
    let began = Instant::now();
    cluster.members[0].command(&["cluster", "remove", "--lost", &id.to_string()])?;
    cluster.add(Kind::Up, loopback()?, &[])?;
    let new = cluster.members.len() - 1;
    cluster.members[new].start_soon()?;
    let (mut number, mut late) = (901, Vec::new());
    round = Round::begin(&cluster, &doors, derived(seed, number))?;
    let seconds = loop {
        let status = cluster.members[0].json("/api/v1/cluster")?;
        if formed(&status, COPIES) && holds(&status, &format!("m{new}")) {
            break began.elapsed().as_secs_f64();
        }
        if began.elapsed() > COPIED {
            bail!("not copied after {COPIED:?}: {}", status["shard_map"]);
        }
        if !round.load.goes_on(0.0)? {
            late.extend(round.end(&mut acked, &mut sums)?);
            number += 1;
            round = Round::begin(&cluster, &doors, derived(seed, number))?;
        }
        cluster.members[new].alive()?;
        thread::sleep(Duration::from_millis(200));
    };
    late.extend(round.end(&mut acked, &mut sums)?);
    let during = quantile(late, 0.99);
    let equal = cluster.until_equal(acked, COPIED)?;
    let received = cluster.members[new].metric("elixirscope_replication_received_bytes_total", &[])?;
    cluster.stop()?;
    let mut figures = vec![
        some("disks lost", 1, 1),
        json!({"name": "on each disk", "value": bytes as f64 / GIB, "unit": "GiB"}),
        count("events held by all three in the end", acked),
        most(
            "until the new member held its shards, from the removal",
            seconds,
            "s",
            GOAL_SECONDS,
        ),
        json!({"name": "bytes that it received for that and for the load", "value": received / GIB, "unit": "GiB"}),
        json!({"name": "until all three held the same, after the load", "value": equal, "unit": "s"}),
        json!({"name": "acknowledged after, before, p99", "value": calm, "unit": "s"}),
        most(
            "acknowledged after, while it was copied, p99, against before",
            during / calm.max(1e-6),
            "x",
            2.0,
        ),
    ];
    figures.extend(sums);
    Ok(figures)
}

/// A short load that is measured.
struct Round {
    load: Load,
    file: PathBuf,
}

impl Round {
    fn begin(cluster: &Ensemble, doors: &str, seed: u64) -> Result<Self> {
        let file = cluster.path().join("acks");
        let pace = Pace {
            rate: Some(RATE),
            seconds: ROUND_SECONDS,
            retry_seconds: RETRY_SECONDS,
            seed,
        };
        let more = [
            format!("--producers={PRODUCERS}"),
            format!("--acks={}", file.display()),
        ];
        let load = Load::quic_to(&[], doors, &cluster.tls(), &pace, &more)?;
        Ok(Self { load, file })
    }

    /// How late its frames were; its counts are added.
    fn end(self, acked: &mut u64, sums: &mut Vec<Value>) -> Result<Vec<f64>> {
        let report = self.load.report()?;
        *acked += report.counted("acked")?;
        super::kills::add(sums, report.nothing_lost()?);
        Ok(acks::read(&self.file)?.iter().map(|ack| ack.late).collect())
    }
}

/// Sends events until each disk has so much; how many.
fn fill(cluster: &mut Ensemble, gib: f64, seed: u64) -> Result<u64> {
    let (mut acked, mut number) = (0, 0);
    loop {
        let pace = Pace {
            rate: Some(FILL_RATE),
            seconds: FILL_SECONDS,
            retry_seconds: RETRY_SECONDS,
            seed: derived(seed, number),
        };
        let more = [
            format!("--producers={PRODUCERS}"),
            "--shape=values".to_owned(),
            format!("--value-bytes={VALUE_BYTES}"),
        ];
        let load = Load::quic_to(&[], &cluster.running_doors(), &cluster.tls(), &pace, &more)?;
        let report = load.report()?;
        report.nothing_lost()?;
        acked += report.counted("acked")?;
        number += 1;
        let bytes = folder_bytes(&cluster.members[0].data().join("collector"))? as f64;
        println!("{acked} events, {:.3} of {gib} GiB on a disk", bytes / GIB);
        if bytes >= gib * GIB {
            return Ok(acked);
        }
    }
}

/// Does the member of this name hold shards?
fn holds(status: &Value, name: &str) -> bool {
    let members = status["members"].as_array();
    let id = members
        .and_then(|all| all.iter().find(|m| m["name"] == name))
        .map(|m| &m["id"]);
    let holders = status["shard_map"]["holders"].as_array();
    let has = |shard: &Value| {
        shard
            .as_array()
            .is_some_and(|ids| ids.iter().any(|held| Some(held) == id))
    };
    holders.is_some_and(|shards| shards.iter().any(has))
}

/// Bytes of the files in a folder and below.
fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        // A file may go while it is looked at.
        let Ok(meta) = entry.metadata() else { continue };
        bytes += if meta.is_dir() {
            folder_bytes(&entry.path()).unwrap_or_default()
        } else {
            meta.len()
        };
    }
    Ok(bytes)
}
