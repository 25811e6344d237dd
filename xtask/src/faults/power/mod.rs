//! The power goes for all three members at once, again and again, under load: their disks lose what was not synced, or tear it, and
//! their processes end. Everything that was acknowledged is there afterwards, on all three, once.

mod disk;
mod mounted;
mod wire;

use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::Value;

use self::mounted::Mounted;
use super::chance::{Chance, derived};
use super::ensemble::{COPIES, EQUAL, Ensemble, held_same, loopback};
use super::load::Pace;
use super::member::Kind;
use super::{count, some};
use crate::run;

/// Events a second, of all producers.
const RATE: u32 = 10_000;
const PRODUCERS: u32 = 6;
/// Time for what is late.
const RETRY_SECONDS: u32 = 180;
/// Cuts under one load, and seconds of each.
const ROUND: u32 = 15;
const CUT_SECONDS: u32 = 5;

/// So many cuts. In one of four only one member loses power, the others go on. A run that fails leaves its logs in the folder of reports.
pub fn run(cuts: u32, seed: u64) -> Result<Vec<Value>> {
    let mut cluster = Ensemble::new(&["--memory-mib", "64", "--log", "warn"])?;
    let mut disks = Vec::new();
    for _ in 0..COPIES {
        let member = cluster.add(Kind::Up, loopback()?, &[])?;
        disks.push(Mounted::new(&member.data())?);
    }
    let figures = cuts_of(cuts, seed, &mut cluster, &mut disks);
    if figures.is_err() {
        cluster.keep_logs(&run::target().join("report").join(format!("power-{seed}")))?;
    }
    for member in &mut cluster.members {
        member.stop()?;
    }
    figures
}

fn cuts_of(cuts: u32, seed: u64, cluster: &mut Ensemble, disks: &mut [Mounted]) -> Result<Vec<Value>> {
    let mut chance = Chance::new(derived(seed, 0));
    cluster.start()?;
    let (mut done, mut rounds, mut acked, mut slowest) = (0, 1_u64, 0, 0.0_f64);
    let (mut all, mut bytes, mut names) = (0, 0, 0);
    let mut sums: Vec<Value> = Vec::new();
    let file = cluster.path().join("acks");
    while done < cuts {
        let now = (cuts - done).min(ROUND);
        let pace = Pace {
            rate: Some(RATE),
            seconds: now * CUT_SECONDS + 4,
            retry_seconds: RETRY_SECONDS,
            seed: derived(seed, rounds),
        };
        let mut load = cluster.load(&pace, PRODUCERS, Some(&file))?;
        load.flows(&file)?;
        let begun = done;
        while done < begun + now && load.goes_on(3.0)? {
            chance.sleep_ms(500, 3_000);
            let which = hit(&mut chance);
            let lost = cut(cluster, disks, &which, &mut chance)?;
            (bytes, names) = (bytes + lost.0, names + lost.1);
            all += u64::from(which.len() == COPIES);
            done += 1;
        }
        if done == begun {
            bail!("the load was over before the power went");
        }
        let report = load.report()?;
        acked += report.counted("acked")?;
        super::kills::add(&mut sums, report.nothing_lost()?);
        slowest = slowest.max(cluster.until_equal(acked, EQUAL)?);
        rounds += 1;
        println!(
            "{done} of {cuts} cuts, {bytes} bytes and {names} changes of names lost, {acked} events held by all"
        );
    }
    let mut figures = vec![
        some("power cuts under load", done.into(), cuts.into()),
        count("of these, of all three members at once", all),
        some("bytes that were not synced and did not come back", bytes, 1),
        some("names that were not synced and did not come back", names, 0),
        count("events held by all three in the end", acked),
        held_same(slowest),
    ];
    figures.extend(sums);
    Ok(figures)
}

/// Whose power goes.
fn hit(chance: &mut Chance) -> Vec<usize> {
    match chance.within(0, 4) {
        0 => vec![usize::try_from(chance.within(0, COPIES as u64)).unwrap_or_default()],
        _ => (0..COPIES).collect(),
    }
}

/// Their disks stop, then their processes; then the disks come back as the cut left them, and the members are started. Bytes and
/// changes of names that were lost.
fn cut(
    cluster: &mut Ensemble,
    disks: &mut [Mounted],
    which: &[usize],
    chance: &mut Chance,
) -> Result<(u64, u64)> {
    for at in which {
        cluster.members[*at].alive()?;
    }
    let began = Instant::now();
    for at in which {
        disks[*at].disk().cut(chance);
    }
    for at in which {
        cluster.members[*at].kill()?;
    }
    let (mut bytes, mut names) = (0, 0);
    for at in which {
        disks[*at].unmount()?;
        let lost = disks[*at].disk().power();
        (bytes, names) = (bytes + lost.0, names + lost.1);
        disks[*at].mount()?;
        cluster.members[*at].start_soon()?;
    }
    let back = Instant::now();
    for at in which {
        cluster.members[*at].ready()?;
    }
    let (ended, back) = ((back - began).as_secs_f64(), back.elapsed().as_secs_f64());
    println!(
        "power cut of {which:?}: {ended:.1} s until all ran again, {back:.1} s until ready; {bytes} bytes lost"
    );
    Ok((bytes, names))
}
