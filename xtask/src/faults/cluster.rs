//! Three members with three copies of each shard, killed one, two or all at once while events come in. In the end each holds exactly what
//! was acknowledged, once.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::wait_for;

use super::chance::Chance;
use super::load::{Load, Pace};
use super::victim::Victim;
use super::{count, most, some};

const MEMBERS: usize = 3;
/// Events a second, of all producers.
const RATE: u32 = 20_000;
const PRODUCERS: u32 = 6;
/// Time for what a kill has left.
const RETRY_SECONDS: u32 = 180;
/// Longest wait until three copies of each shard are where they should be.
const FORMED: Duration = Duration::from_mins(2);
/// Longest wait until all members hold the same.
const EQUAL: Duration = Duration::from_mins(5);

/// The members and how they are started.
struct Cluster {
    members: Vec<Victim>,
}

impl Cluster {
    /// The first founds it, the others join; returns when each shard has its copies.
    fn start() -> Result<Self> {
        let first = Victim::new(&[
            "--memory-mib",
            "64",
            "--replicas",
            "3",
            "--zone",
            "z0",
            "--name",
            "m0",
        ])?;
        let (join, tls) = (first.quic(), first.tls());
        let tls = tls.to_str().context("a folder's name")?;
        let mut members = vec![first];
        for at in 1..MEMBERS {
            let (name, zone) = (format!("m{at}"), format!("z{at}"));
            let args = [
                "--memory-mib",
                "64",
                "--join",
                &join,
                "--tls",
                tls,
                "--zone",
                &zone,
                "--name",
                &name,
            ];
            members.push(Victim::new(&args)?);
        }
        for member in &mut members {
            member.start()?;
        }
        let cluster = Self { members };
        wait_for("three copies of each shard", FORMED, || {
            let status = cluster.first().json("/api/v1/cluster")?;
            Ok(formed(&status).then_some(()))
        })?;
        Ok(cluster)
    }

    fn first(&self) -> testbed::Door {
        self.members[0].door()
    }

    fn doors(&self) -> String {
        let doors: Vec<String> = self.members.iter().map(Victim::quic).collect();
        doors.join(",")
    }

    /// SIGKILL of these, all before any is started again.
    fn kill(&mut self, which: &[usize], chance: &mut Chance) -> Result<()> {
        for at in which {
            self.members[*at].kill()?;
        }
        chance.sleep_ms(0, 3_000);
        for at in which {
            self.members[*at].start_soon()?;
        }
        for at in which {
            self.members[*at].ready()?;
        }
        Ok(())
    }

    /// Waits until each member holds `events`, each once; how long that took. Else what each has.
    fn until_equal(&self, events: u64) -> Result<Result<f64, Vec<Value>>> {
        let began = Instant::now();
        loop {
            let audits: Vec<Value> = self
                .members
                .iter()
                .map(|m| m.door().json("/api/v1/audit"))
                .collect::<Result<_>>()?;
            let whole = |audit: &Value| {
                audit["events"].as_u64() == Some(events)
                    && audit["duplicates"].as_u64() == Some(0)
                    && audit["missing_batches"].as_u64() == Some(0)
            };
            if audits.iter().all(whole) {
                return Ok(Ok(began.elapsed().as_secs_f64()));
            }
            if began.elapsed() > EQUAL {
                return Ok(Err(audits));
            }
            thread::sleep(Duration::from_secs(2));
        }
    }
}

/// Has each shard all copies, and moves none?
fn formed(status: &Value) -> bool {
    let holders = status["shard_map"]["holders"].as_array();
    let copies = |shard: &Value| shard.as_array().map_or(0, Vec::len);
    let moving = status["shard_map"]["moving"].as_array();
    holders.is_some_and(|h| !h.is_empty() && h.iter().all(|s| copies(s) == MEMBERS))
        && moving.is_none_or(Vec::is_empty)
}

/// Which members go down together: mostly one, sometimes two, sometimes all, as when the power fails.
fn victims(chance: &mut Chance) -> Vec<usize> {
    let all: Vec<usize> = (0..MEMBERS).collect();
    let one = usize::try_from(chance.within(0, MEMBERS as u64)).unwrap_or_default();
    match chance.within(0, 10) {
        0..=6 => vec![one],
        7..=8 => all.into_iter().filter(|at| *at != one).collect(),
        _ => all,
    }
}

/// Rounds of load until there were so many kills.
pub fn run(kills: u32, seed: u64, short: bool) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut cluster = Cluster::start()?;
    let (mut done, mut rounds, mut together) = (0_u64, 0_u64, 0_u64);
    let (mut acked, mut slowest) = (0_u64, 0.0_f64);
    let mut sums: Vec<Value> = Vec::new();
    while done < u64::from(kills) {
        let pace = Pace {
            rate: Some(RATE),
            seconds: if short { 15 } else { 60 },
            retry_seconds: RETRY_SECONDS,
            seed: seed + rounds,
        };
        let more = [format!("--producers={PRODUCERS}")];
        let mut load = Load::quic_to(&cluster.doors(), &cluster.members[0].tls(), &pace, &more)?;
        cluster.members[0].under_load(&["events"])?;
        while done < u64::from(kills) && load.goes_on(4.0)? {
            chance.sleep_ms(500, 2_500);
            let which = victims(&mut chance);
            done += which.len() as u64;
            together += u64::from(which.len() > 1);
            cluster.kill(&which, &mut chance)?;
        }
        let report = load.report()?;
        acked += report.counted("acked")?;
        super::kills::add(&mut sums, report.nothing_lost()?);
        match cluster.until_equal(acked)? {
            Ok(seconds) => slowest = slowest.max(seconds),
            Err(audits) => {
                for (at, audit) in audits.iter().enumerate() {
                    eprintln!("member {at}: {audit}");
                }
                bail!("the members do not hold the {acked} events that were acknowledged, each once");
            }
        }
        rounds += 1;
        println!("{done} of {kills} kills, {acked} events acknowledged and held by all three");
    }
    for member in &mut cluster.members {
        member.stop()?;
    }
    let mut figures = vec![
        some("kills of members of three", done, kills.into()),
        count("of these, moments at which two or all went down", together),
        count("events held by all three in the end", acked),
        most(
            "until all three held the same, after the load",
            slowest,
            "s",
            EQUAL.as_secs_f64(),
        ),
    ];
    figures.extend(sums);
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: maps without shards, with too few copies, with a move, and whole. Guarantee: only the last counts.
    #[test]
    fn a_cluster_is_formed_when_nothing_is_left_to_move() {
        let status =
            |holders: Value, moving: Value| json!({"shard_map": {"holders": holders, "moving": moving}});
        assert!(!formed(&json!({})));
        assert!(!formed(&status(json!([]), json!([]))));
        assert!(!formed(&status(json!([[1, 2, 3], [1, 2]]), json!([]))));
        assert!(!formed(&status(json!([[1, 2, 3]]), json!([0]))));
        assert!(formed(&status(json!([[1, 2, 3], [1, 2, 3]]), json!([]))));
    }
}
