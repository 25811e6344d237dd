//! The coordinators are gone: three collectors go on with the map that they have, are restarted with it, and answer.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::chance::Chance;
use super::ensemble::{EQUAL, Ensemble, held_same, loopback};
use super::load::Pace;
use super::member::Kind;
use super::{count, none, some};

/// Events a second, of all producers.
const RATE: u32 = 5_000;
const PRODUCERS: u32 = 6;
/// Time for what is late.
const RETRY_SECONDS: u32 = 120;
/// Between two questions.
const ASK: Duration = Duration::from_secs(1);
/// Coordinators, and then as many collectors.
const THREE: usize = 3;

/// Two or three of three coordinators are killed, for so many seconds; half way one collector is killed and started too.
pub fn run(seconds: u32, seed: u64) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut cluster = Ensemble::new(&["--memory-mib", "64", "--log", "warn"])?;
    for kind in [Kind::Coordinator, Kind::Collector] {
        for _ in 0..THREE {
            cluster.add(kind, loopback()?, &[])?;
        }
    }
    cluster.start()?;
    let pace = Pace {
        rate: Some(RATE),
        seconds: seconds + 8,
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    let mut load = cluster.load(&pace, PRODUCERS, None)?;
    cluster.under_load()?;
    thread::sleep(Duration::from_secs(2));
    let gone = usize::try_from(chance.within(2, 4)).unwrap_or(2);
    for member in &mut cluster.members[..gone] {
        member.kill()?;
    }
    println!("{gone} of {THREE} coordinators are gone");
    let (began, mut questions, mut whole, mut restarted) = (Instant::now(), 0, 0, 0);
    let collector = THREE + usize::try_from(chance.within(0, THREE as u64)).unwrap_or_default();
    while began.elapsed() < Duration::from_secs(seconds.into()) {
        if restarted == 0 && began.elapsed() > Duration::from_secs((seconds / 2).into()) {
            cluster.members[collector].kill()?;
            cluster.members[collector].start()?;
            restarted = 1;
        }
        for member in &cluster.members[THREE..] {
            questions += 1;
            match member.json("/api/v1/traces?limit=20") {
                Ok(answer) if complete(&answer) => whole += 1,
                Ok(answer) => eprintln!("{}: not whole: {}", member.name, answer["missing"]),
                Err(error) => eprintln!("{}: {error:#}", member.name),
            }
        }
        thread::sleep(ASK);
    }
    let went_on = load.goes_on(0.0)?;
    let alone = began.elapsed().as_secs();
    for member in &mut cluster.members[..gone] {
        member.start_soon()?;
    }
    for member in &mut cluster.members[..THREE] {
        member.ready()?;
    }
    let report = load.report()?;
    let acked = report.counted("acked")?;
    let equal = cluster.until_equal(acked, EQUAL)?;
    cluster.stop()?;
    let mut figures = vec![
        some("seconds without a quorum of coordinators", alone, seconds.into()),
        count("coordinators of three that were gone", gone as u64),
        some("collectors killed and started meanwhile", restarted, 1),
        none(
            "loads that ended before the coordinators were back",
            u64::from(!went_on),
        ),
        count("questions asked meanwhile", questions),
        none("of these, not answered wholly", questions - whole),
        count("events held by all three in the end", acked),
        held_same(equal),
    ];
    figures.extend(report.nothing_lost()?);
    Ok(figures)
}

/// Does an answer have something, and lack nothing?
fn complete(answer: &Value) -> bool {
    let traces = answer["traces"].as_array().map_or(0, Vec::len);
    let missing = answer["missing"].as_array().map_or(0, Vec::len);
    traces > 0 && missing == 0
}
