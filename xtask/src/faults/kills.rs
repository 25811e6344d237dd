//! SIGKILL under load, again and again.

use anyhow::Result;
use serde_json::Value;

use super::chance::Chance;
use super::load::{Load, Pace};
use super::some;
use super::victim::Victim;
use crate::run;

/// Events a second: enough that every kill finds frames under way.
const RATE: u32 = 50_000;
/// Seconds of a round, of which the last two are without kills; then everything is read back.
const ROUND_SECONDS: u32 = 40;
/// The same in the short form.
const SHORT_SECONDS: u32 = 7;
/// Time for what a kill has left.
const RETRY_SECONDS: u32 = 120;

/// Spans over OTLP: the test compares every span with what was sent.
pub fn otlp(kills: u32, seed: u64) -> Result<()> {
    let mut tests = run::cargo(&[
        "nextest",
        "run",
        "--package",
        "elixirscope",
        "--package",
        "loadtest",
        "--test",
        "spans_crash",
        "--no-capture",
        "--profile",
        "faults",
    ]);
    tests.env("ELIXIRSCOPE_CRASH_CYCLES", kills.to_string());
    run::check(tests.env("ELIXIRSCOPE_SEED", seed.to_string()))
}

/// Events over QUIC, of four producers that send again what was not acknowledged.
pub fn quic(kills: u32, seed: u64, short: bool) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let (mut done, mut rounds) = (0, 0);
    let mut sums: Vec<Value> = Vec::new();
    while done < kills {
        let (killed, figures) = round(kills - done, seed + rounds, short, &mut chance)?;
        done += killed;
        rounds += 1;
        add(&mut sums, figures);
        println!("{done} of {kills} kills");
    }
    sums.insert(0, some("kills under events over QUIC", done.into(), kills.into()));
    Ok(sums)
}

/// Kills one member until the load is over; how often, and what came of it.
fn round(kills_max: u32, seed: u64, short: bool, chance: &mut Chance) -> Result<(u32, Vec<Value>)> {
    let mut victim = Victim::new(&["--memory-mib", "64"])?;
    victim.start()?;
    let pace = Pace {
        rate: Some(RATE),
        seconds: if short { SHORT_SECONDS } else { ROUND_SECONDS },
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    let mut load = Load::quic(&victim, &pace, &["--producers=4".to_owned()])?;
    victim.under_load(&["events"])?;
    let mut killed = 0;
    while killed < kills_max && load.goes_on(2.0)? {
        chance.sleep_ms(200, 900);
        victim.kill()?;
        chance.sleep_ms(0, 200);
        victim.start()?;
        killed += 1;
    }
    let figures = load.report()?.nothing_lost()?;
    victim.stop()?;
    Ok((killed, figures))
}

/// Adds the figures of one more round.
pub fn add(sums: &mut Vec<Value>, figures: Vec<Value>) {
    for figure in figures {
        match sums.iter_mut().find(|sum| sum["name"] == figure["name"]) {
            Some(sum) => {
                let (a, b) = (sum["value"].as_u64(), figure["value"].as_u64());
                sum["value"] = (a.unwrap_or_default() + b.unwrap_or_default()).into();
            }
            None => sums.push(figure),
        }
    }
}
