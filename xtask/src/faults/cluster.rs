//! Three members with three copies of each shard, killed one, two or all at once while events come in. In the end each holds exactly what
//! was acknowledged, once.

use anyhow::Result;
use serde_json::Value;

use super::chance::{Chance, derived};
use super::ensemble::{COPIES, EQUAL, Ensemble, held_same};
use super::load::Pace;
use super::{count, some};

/// Events a second, of all producers.
const RATE: u32 = 20_000;
const PRODUCERS: u32 = 6;
/// Time for what a kill has left.
const RETRY_SECONDS: u32 = 180;

/// SIGKILL of these, all before any is started again.
pub fn kill(ensemble: &mut Ensemble, which: &[usize], chance: &mut Chance) -> Result<()> {
    for at in which {
        ensemble.members[*at].kill()?;
    }
    chance.sleep_ms(0, 3_000);
    for at in which {
        ensemble.members[*at].start_soon()?;
    }
    for at in which {
        ensemble.members[*at].ready()?;
    }
    Ok(())
}

/// Which members go down together: mostly one, sometimes two, sometimes all, as when the power fails.
pub fn victims(chance: &mut Chance) -> Vec<usize> {
    let all: Vec<usize> = (0..COPIES).collect();
    let one = usize::try_from(chance.within(0, COPIES as u64)).unwrap_or_default();
    match chance.within(0, 10) {
        0..=6 => vec![one],
        7..=8 => all.into_iter().filter(|at| *at != one).collect(),
        _ => all,
    }
}

/// Rounds of load until there were so many kills.
pub fn run(kills: u32, seed: u64, short: bool) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut cluster = Ensemble::three()?;
    let (mut done, mut rounds, mut together) = (0_u64, 0_u64, 0_u64);
    let (mut acked, mut slowest) = (0_u64, 0.0_f64);
    let mut sums: Vec<Value> = Vec::new();
    while done < u64::from(kills) {
        let pace = Pace {
            rate: Some(RATE),
            seconds: if short { 15 } else { 60 },
            retry_seconds: RETRY_SECONDS,
            seed: derived(seed, rounds),
        };
        let mut load = cluster.load(&pace, PRODUCERS, None)?;
        cluster.under_load()?;
        while done < u64::from(kills) && load.goes_on(4.0)? {
            chance.sleep_ms(500, 2_500);
            let which = victims(&mut chance);
            done += which.len() as u64;
            together += u64::from(which.len() > 1);
            kill(&mut cluster, &which, &mut chance)?;
        }
        let report = load.report()?;
        acked += report.counted("acked")?;
        super::kills::add(&mut sums, report.nothing_lost()?);
        slowest = slowest.max(cluster.until_equal(acked, EQUAL)?);
        rounds += 1;
        println!("{done} of {kills} kills, {acked} events acknowledged and held by all three");
    }
    cluster.stop()?;
    let mut figures = vec![
        some("kills of members of three", done, kills.into()),
        count("of these, moments at which two or all went down", together),
        count("events held by all three in the end", acked),
        held_same(slowest),
    ];
    figures.extend(sums);
    Ok(figures)
}
