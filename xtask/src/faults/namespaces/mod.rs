//! Three members and two hosts of agents, each in a network namespace, and at least three faults at once: processes, network, clocks,
//! disks. In the end all three hold what was acknowledged, once. A run in which fewer than three faults happened is no pass.

mod plan;
mod world;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use self::plan::NAMES;
use self::world::{Outcome, World};
use super::ensemble::{EQUAL, held_same};
use super::{count, none, some};
use crate::{machine, run};

/// Faults that must have happened for a run to count.
const FAULTS: usize = 3;

/// So many runs, with seeds that follow each other. A run that fails leaves its logs in the folder of reports; the others go on.
pub fn run(runs: u32, seed: u64) -> Result<Vec<Value>> {
    machine::for_nets()?;
    let (mut counted, mut failed, mut slowest) = (0_u64, 0_u64, 0.0_f64);
    let mut fired: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
    let (mut steps, mut sums) = (0, Vec::new());
    for number in 0..u64::from(runs) {
        let seed = seed.wrapping_add(number);
        let mut world = World::new(seed).context("namespaces")?;
        match world.run(EQUAL) {
            Ok(Outcome {
                seen,
                figures,
                equal,
                acked,
            }) => {
                let happened = seen.iter().filter(|(_, did)| *did).count();
                for (name, did) in &seen {
                    let entry = fired.entry(name).or_default();
                    *entry = (entry.0 + 1, entry.1 + u64::from(*did));
                }
                steps += happened as u64;
                counted += u64::from(happened >= FAULTS);
                slowest = slowest.max(equal);
                super::kills::add(&mut sums, figures);
                println!(
                    "seed {seed}: {happened} of {} faults happened, {acked} events held by all, after {equal:.1} s: {}",
                    seen.len(),
                    told(&seen)
                );
            }
            Err(error) => {
                failed += 1;
                eprintln!("seed {seed} FAILED: {error:#}\n  planned: {:?}", world.steps());
                let folder = run::target().join("report").join(format!("namespaces-{seed}"));
                world.keep_logs(&folder)?;
            }
        }
    }
    let mut figures = vec![
        some(
            "runs in which three faults or more happened",
            counted,
            u64::from(runs).saturating_sub(u64::from(runs) / 10),
        ),
        none("runs that failed", failed),
        count("faults that happened", steps),
        held_same(slowest),
    ];
    for name in NAMES {
        let (planned, happened) = fired.get(name).copied().unwrap_or_default();
        figures.push(json!({"name": format!("{name}, of {planned}"), "value": happened, "unit": "1"}));
    }
    figures.extend(sums);
    Ok(figures)
}

fn told(seen: &[(&'static str, bool)]) -> String {
    let one = |(name, did): &(&str, bool)| {
        if *did {
            (*name).to_owned()
        } else {
            format!("({name})")
        }
    };
    seen.iter().map(one).collect::<Vec<_>>().join("; ")
}
