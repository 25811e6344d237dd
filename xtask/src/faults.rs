//! `cargo xtask faults`: what breaks around a member, while clients go on sending. Each run prints its seed and its counts, compares
//! what clients were told with what is there, and writes `target/report/faults-NAME.json`. `--short` is what the tests run.

mod acks;
mod away;
pub mod chance;
mod cluster;
mod coordinators;
mod deploys;
mod disk;
mod disk_lost;
pub mod ensemble;
mod failover;
mod fsync;
pub mod group;
mod kills;
pub mod load;
mod member;
mod namespaces;
pub mod net;
mod no_quorum;
mod overload;
mod power;
pub mod programs;
mod rolling;
mod rotate;
mod shop;
mod slow;
mod trouble;
mod upgrade;
mod victim;

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{machine, report};

#[derive(clap::Args)]
pub struct Args {
    /// What breaks; without it everything, one after the other.
    #[arg(value_enum)]
    what: Vec<What>,
    /// Small counts, as the test suite has them.
    #[arg(long)]
    short: bool,
    /// SIGKILLs of the collector, and of the agent; of leading coordinators.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    kills: Option<u32>,
    /// Runs in namespaces, rolling restarts, upgrades, rotations.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,
    /// GiB on the disk that is lost.
    #[arg(long)]
    gib: Option<f64>,
    /// Orders with clocks five minutes apart.
    #[arg(long, default_value_t = 10_000)]
    orders: u32,
    /// Seconds of an overload, or at full rate.
    #[arg(long, value_parser = clap::value_parser!(u32).range(5..=86_400))]
    seconds: Option<u32>,
    /// Seed of the moments of the kills; printed by each run.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder with `elixirscope` and `loadtest`, built already.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
    /// Folder with `elixirscope` of the release before, for `upgrade`; without it the last tag is built.
    #[arg(long, value_name = "FOLDER")]
    previous: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Collector and agent are killed under a shop of BEAM nodes; clocks five minutes apart.
    Shop,
    /// The member is killed under spans over OTLP, while it seals too; every span is compared.
    Otlp,
    /// The member is killed under events over QUIC; all that is stored is counted.
    Quic,
    /// Members of three are killed, one, two or all at once, under events over QUIC; all three hold all in the end.
    Cluster,
    /// Leaders of three coordinators are killed and paused under clients: what these saw must be linearizable.
    Coordinators,
    /// Three releases at once on the nodes of two shops, hot loads, a rollback, in a cluster of three: events resolve to their own release.
    Deploys,
    /// Members in network namespaces, and three faults or more at once: processes, network, clocks, disks.
    Namespaces,
    /// All three members are restarted one after the other under load, again and again.
    Rolling,
    /// The release before is rolled out and taken back under load, until `cluster finalize`.
    Upgrade,
    /// One of three members is killed under load: how long acknowledgements stay away.
    Failover,
    /// One of three members is away for minutes and comes back.
    Away,
    /// The disk of one of three members is lost, another member takes its place.
    DiskLost,
    /// Collectors go on without a quorum of coordinators.
    NoQuorum,
    /// Certificates are replaced under load.
    Rotate,
    /// The power goes for all members at once: their disks lose what was not synced.
    Power,
    /// `fdatasync` and `fsync` fail (libfiu): writes stop, clients are put off, a restart has everything.
    Fsync,
    /// Every sync takes half a second.
    Slow,
    /// The disk is full, then it is not.
    Full,
    /// Twice what the member can take, in 512 MiB.
    Overload,
    /// Full rate for half an hour, memory looked at.
    Soak,
}

const ALL: [What; 20] = [
    What::Shop,
    What::Otlp,
    What::Quic,
    What::Cluster,
    What::Coordinators,
    What::Deploys,
    What::Namespaces,
    What::Rolling,
    What::Upgrade,
    What::Failover,
    What::Away,
    What::DiskLost,
    What::NoQuorum,
    What::Rotate,
    What::Power,
    What::Fsync,
    What::Slow,
    What::Full,
    What::Overload,
    What::Soak,
];

pub fn run(args: &Args) -> Result<()> {
    machine::for_tests()?;
    let asked = if args.what.is_empty() {
        &ALL[..]
    } else {
        &args.what
    };
    let seed = args.seed.unwrap_or_else(chance::any);
    if asked
        .iter()
        .any(|what| !matches!(what, What::Shop | What::Otlp | What::Deploys))
    {
        programs::from(args.programs.as_deref())?;
    }
    let mut failed = Vec::new();
    for what in asked {
        println!(
            "faults {what:?}: seed {seed}{}",
            if args.short { ", short" } else { "" }
        );
        if let Err(error) = one(*what, args, seed) {
            eprintln!("faults {what:?}, seed {seed}: {error:#}");
            failed.push(format!("{what:?}: {error:#}"));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}", failed.join("; "))
}

/// What the test suite runs, beside what `nextest` has run by then: two minutes or less in sum.
pub fn short() -> Result<()> {
    let what = vec![
        What::Quic,
        What::Coordinators,
        What::Deploys,
        What::Fsync,
        What::Slow,
        What::Full,
        What::Overload,
    ];
    run(&Args {
        what,
        short: true,
        kills: None,
        runs: None,
        gib: None,
        orders: 0,
        seconds: None,
        seed: None,
        programs: None,
        previous: None,
    })
}

fn one(what: What, args: &Args, seed: u64) -> Result<()> {
    let or =
        |given: Option<u32>, short: u32, long: u32| given.unwrap_or(if args.short { short } else { long });
    match what {
        What::Shop => shop::run(args.short, args.kills.unwrap_or(50), args.orders, seed),
        What::Otlp => kills::otlp(or(args.kills, 4, 500), seed),
        What::Quic => done("quic", kills::quic(or(args.kills, 4, 500), seed, args.short)?),
        What::Cluster => done("cluster", cluster::run(or(args.kills, 3, 500), seed, args.short)?),
        What::Coordinators => done("coordinators", coordinators::run(or(args.kills, 3, 200), seed)?),
        What::Deploys => deploys::run(args.short),
        What::Namespaces => done("namespaces", namespaces::run(or(args.runs, 1, 100), seed)?),
        What::Rolling => done("rolling", rolling::run(or(args.runs, 2, 20), seed)?),
        What::Upgrade => {
            let times = or(args.runs, 1, 10);
            done("upgrade", upgrade::run(times, args.previous.as_deref(), seed)?)
        }
        What::Failover => done("failover", failover::run(or(args.kills, 3, 100), seed)?),
        What::Away => done("away", away::run(or(args.seconds, 20, 600), seed)?),
        What::DiskLost => {
            let gib = args.gib.unwrap_or(if args.short { 0.02 } else { 1.0 });
            done("disk-lost", disk_lost::run(gib, seed)?)
        }
        What::NoQuorum => done("no-quorum", no_quorum::run(or(args.seconds, 20, 600), seed)?),
        What::Power => done("power", power::run(or(args.kills, 3, 60), seed)?),
        What::Rotate => done("rotate", rotate::run(or(args.runs, 2, 20), seed)?),
        What::Fsync => done("fsync", fsync::run(or(args.kills, 1, 20), seed)?),
        What::Slow => done("slow", slow::run(or(args.seconds, 5, 60), seed)?),
        What::Full => done("full", disk::run(or(args.kills, 1, 20), seed)?),
        What::Overload => done(
            "overload",
            overload::run(or(args.seconds, 8, 600), seed, args.short)?,
        ),
        What::Soak => done("soak", overload::soak(or(args.seconds, 8, 1_800), seed)?),
    }
}

/// Reports the figures; one that misses its goal is a failure.
fn done(name: &str, figures: Vec<Value>) -> Result<()> {
    let missed: Vec<String> = figures
        .iter()
        .filter(|figure| report::holds(figure) == Some(false))
        .map(told)
        .collect();
    report::figures(&format!("faults-{name}"), figures)?;
    if missed.is_empty() {
        return Ok(());
    }
    bail!("{}", missed.join(", "))
}

fn told(figure: &Value) -> String {
    let name = figure["name"].as_str().unwrap_or_default();
    format!("{name} is {} and should be {}", figure["value"], figure["goal"])
}

/// A count.
pub fn count(name: &str, value: u64) -> Value {
    json!({"name": name, "value": value, "unit": "1"})
}

/// A count that must be 0.
pub fn none(name: &str, value: u64) -> Value {
    json!({"name": name, "value": value, "unit": "1", "goal": 0})
}

/// A count that must be so many at least.
pub fn some(name: &str, value: u64, least: u64) -> Value {
    json!({"name": name, "value": value, "unit": "1", "goal": least, "at_least": true})
}

/// A measure that may be so much at most.
pub fn most(name: &str, value: f64, unit: &str, goal: f64) -> Value {
    json!({"name": name, "value": value, "unit": unit, "goal": goal})
}
