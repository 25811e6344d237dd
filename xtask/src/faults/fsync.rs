//! Syncs fail (libfiu, <https://blitiri.com.ar/p/libfiu/>): nothing is acknowledged that may not be on the disk, and nothing is written
//! until a restart, since what a failed sync has left in the page cache is not known.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::Launcher;

use super::chance::Chance;
use super::load::{Load, Pace};
use super::victim::Victim;
use super::{count, none, some};

/// Items a second, of each kind.
const RATE: u32 = 5_000;
/// Seconds that one failure takes, waits and restart included.
const FAILURE_SECONDS: u32 = 8;
/// Seconds of load at the end, in which everything that waits is sent.
const REST_SECONDS: u32 = 2;
/// Time for what a failure has left.
const RETRY_SECONDS: u32 = 120;
/// How long syncs succeed again before it is looked whether writes began by themselves.
const CALM: Duration = Duration::from_millis(700);

/// So many failures under one load of spans and one of events.
pub fn run(failures: u32, seed: u64) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let mut victim = Victim::new(&["--memory-mib", "64"])?;
    let control = victim.path().join("fiu");
    let words = ["fiu-run", "-x", "-f", &control.to_string_lossy()];
    victim.launch(Launcher {
        before: words.map(str::to_owned).to_vec(),
        env: Vec::new(),
    });
    victim.start()?;
    let pace = Pace {
        rate: Some(RATE),
        seconds: failures * FAILURE_SECONDS + REST_SECONDS,
        retry_seconds: RETRY_SECONDS,
        seed,
    };
    let spans = Load::otlp(
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
    let (mut named, mut stayed) = (0, 0);
    for _ in 0..failures {
        chance.sleep_ms(500, 1_500);
        let tell = |command: &str| -> Result<()> {
            let mut ctrl = Command::new("fiu-ctrl");
            ctrl.arg("-f")
                .arg(&control)
                .args(["-c", command])
                .arg(victim.pid()?.to_string());
            let output = ctrl.output().context("cannot start fiu-ctrl")?;
            if !output.status.success() {
                bail!("fiu-ctrl: {}", String::from_utf8_lossy(&output.stderr));
            }
            Ok(())
        };
        // EIO = 5, as from a disk that broke.
        tell("enable name=posix/io/sync/*,failinfo=5")?;
        let why = victim.unready()?;
        println!("/ready: {}", why.lines().last().unwrap_or_default());
        named += u64::from(why.contains("503") && why.contains("Input/output error"));
        let ctrl = ["-c", "disable name=posix/io/sync/*"];
        let pid = victim.pid()?.to_string();
        Command::new("fiu-ctrl")
            .arg("-f")
            .arg(&control)
            .args(ctrl)
            .arg(pid)
            .output()?;
        thread::sleep(CALM);
        stayed += u64::from(!victim.is_ready());
        victim.kill()?;
        victim.start()?;
    }
    let mut figures = vec![
        count("failures of fdatasync and fsync", failures.into()),
        some("/ready says 503 and why", named, failures.into()),
        some(
            "writes stay stopped when syncs succeed again",
            stayed,
            failures.into(),
        ),
    ];
    let (spans, events) = (spans.report()?, events.report()?);
    let put_off = spans.counted("throttled")?;
    figures.push(none(
        "failures after which no client was put off",
        u64::from(put_off == 0),
    ));
    figures.extend(spans.nothing_lost()?);
    figures.extend(events.nothing_lost()?);
    victim.stop()?;
    Ok(figures)
}
