//! Every sync takes long. A library in front of libc (`slow_sync.c`, built with the C compiler at hand) waits before it calls the real
//! one, as long as a file says; device-mapper's delay would do the same where the kernel has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use testbed::Launcher;

use super::load::{Load, Pace};
use super::victim::Victim;
use super::{count, most, some};
use crate::run;
use crate::usage::resident_mib;

/// What a sync takes, milliseconds.
const SLOW_MS: u32 = 1_500;
/// Seconds before and after.
const CALM_SECONDS: u32 = 2;
/// The member's memory setting, MiB.
const MEMORY_MIB: u32 = 64;
/// Resident memory that is explained by that setting, the requests that the doors may hold (160 MiB) and the program itself.
const RSS_MIB: f64 = 400.0;
/// Time for what waits.
const RETRY_SECONDS: u32 = 120;

const SOURCE: &str = include_str!("slow_sync.c");

/// So many seconds of a slow disk.
pub fn run(seconds: u32, seed: u64) -> Result<Vec<Value>> {
    let mut victim = Victim::new(&["--memory-mib", &MEMORY_MIB.to_string()])?;
    let delay = victim.path().join("delay");
    fs::write(&delay, "0")?;
    victim.launch(Launcher {
        before: Vec::new(),
        env: vec![
            (
                "LD_PRELOAD".to_owned(),
                library(victim.path())?.display().to_string(),
            ),
            ("SLOW_SYNC_FILE".to_owned(), delay.display().to_string()),
        ],
    });
    victim.start()?;
    let pace = |rate| Pace {
        rate: Some(rate),
        seconds: seconds + 2 * CALM_SECONDS,
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    // More at once than may wait for the disk.
    let spans = Load::otlp(
        &victim,
        &pace(60_000),
        &["--connections=200".to_owned(), "--verify=2000".to_owned()],
    )?;
    let events = Load::quic(&victim, &pace(20_000), &["--producers=4".to_owned()])?;
    victim.under_load(&["spans", "events"])?;
    thread::sleep(Duration::from_secs(CALM_SECONDS.into()));
    fs::write(&delay, SLOW_MS.to_string())?;
    let mut rss_mib = 0.0_f64;
    for _ in 0..seconds * 4 {
        thread::sleep(Duration::from_millis(250));
        victim.alive()?;
        rss_mib = rss_mib.max(resident_mib(victim.pid()?, "VmRSS")?);
    }
    fs::write(&delay, "0")?;
    let (spans, events) = (spans.report()?, events.report()?);
    let mut figures = vec![
        count("seconds in which a sync took 1.5 s", seconds.into()),
        some("clients of OTLP put off", spans.counted("throttled")?, 1),
        most("peak RSS, --memory-mib 64", rss_mib, "MiB", RSS_MIB),
    ];
    figures.extend(spans.nothing_lost()?);
    figures.extend(events.nothing_lost()?);
    victim.stop()?;
    Ok(figures)
}

/// Builds the library.
fn library(folder: &Path) -> Result<PathBuf> {
    let (source, library) = (folder.join("slow_sync.c"), folder.join("slow_sync.so"));
    fs::write(&source, SOURCE)?;
    let mut cc = run::command("cc", &["-shared", "-fPIC", "-O1", "-Wall", "-o"]);
    run::check(cc.arg(&library).arg(&source).arg("-ldl"))?;
    Ok(library)
}
