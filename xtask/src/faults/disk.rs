//! The disk is full under load, then somebody makes space: clients wait meanwhile, and nobody restarts anything.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;
use testbed::Disk;

use super::chance::Chance;
use super::load::{Load, Pace};
use super::some;
use super::victim::Victim;

/// Items a second, of each kind.
const RATE: u32 = 5_000;
/// The member's file system, MiB.
const DISK_MIB: u32 = 512;
/// Seconds that one time takes.
const TIME_SECONDS: u32 = 7;
/// Seconds of load at the end.
const REST_SECONDS: u32 = 2;
/// Time for what waits.
const RETRY_SECONDS: u32 = 120;

/// So many times; nothing where file systems may not be mounted.
pub fn run(times: u32, seed: u64) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut victim = Victim::new(&["--memory-mib", "64"])?;
    let disk = Disk::in_file(
        &victim.path().join("data"),
        &victim.path().join("image"),
        DISK_MIB,
    );
    let disk = match disk {
        Ok(disk) => disk,
        Err(why) => {
            println!("not run: {why:#}");
            return Ok(Vec::new());
        }
    };
    victim.start()?;
    let pace = Pace {
        rate: Some(RATE),
        seconds: times * TIME_SECONDS + REST_SECONDS,
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    let mut spans = Load::otlp(
        &victim,
        &pace,
        &[
            "--connections=8".to_owned(),
            "--batch=200".to_owned(),
            "--verify=all".to_owned(),
        ],
    )?;
    let events = Load::quic(&victim, &pace, &["--producers=4".to_owned()])?;
    victim.under_load(&["spans", "events"])?;
    let filler = disk.path().join("filler");
    let (mut named, mut recovered, mut under_load) = (0, 0, 0);
    for _ in 0..times {
        chance.sleep_ms(500, 1_500);
        fill(&filler)?;
        let why = victim.unready()?;
        println!("/ready: {}", why.lines().last().unwrap_or_default());
        under_load += u64::from(spans.goes_on(1.0)?);
        named += u64::from(why.contains("503"));
        chance.sleep_ms(500, 1_500);
        fs::remove_dir_all(&filler)?;
        victim.ready()?;
        recovered += 1;
    }
    let (spans, events) = (spans.report()?, events.report()?);
    let put_off = spans.counted("throttled")? + events.counted("throttled")?;
    let mut figures = vec![
        some(
            "times that the disk was full under load",
            under_load,
            times.into(),
        ),
        some("/ready says 503", named, times.into()),
        some("ready again by itself", recovered, times.into()),
        some("clients put off", put_off, times.into()),
    ];
    figures.extend(spans.nothing_lost()?);
    figures.extend(events.nothing_lost()?);
    victim.stop()?;
    drop(disk);
    Ok(figures)
}

/// Takes all that is free, in pieces that are halved until none fits.
fn fill(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for kib in (2..=19).rev().map(|n| 1_u32 << n) {
        let (file, length) = (folder.join(kib.to_string()), format!("{kib}KiB"));
        let mut fallocate = Command::new("fallocate");
        let output = fallocate.args(["-l", &length]).arg(&file).output()?;
        if !output.status.success() {
            let _ = fs::remove_file(&file);
        }
    }
    Ok(())
}
