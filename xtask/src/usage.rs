//! What a process has taken of its machine, as the kernel counts it (proc(5)).

use std::fs;

use anyhow::{Context, Result};

/// Ticks of a processor's time in a second (`USER_HZ`).
const TICKS: f64 = 100.0;

/// User and system time since it started, seconds.
pub fn processor_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program is in parentheses and may contain anything; utime and stime are the 12th and 13th after it.
    let (_, rest) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    let mut ticks = 0_u64;
    for field in rest.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(ticks as f64 / TICKS)
}

/// A line of `/proc/PID/status` in KiB, as MiB: `VmHWM` (most that was resident), `VmRSS` (resident now), `RssAnon` (not of files, now).
pub fn resident_mib(pid: u32, line: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let found = status
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let kib = found.with_context(|| format!("no {line} in /proc/PID/status"))?;
    Ok(kib.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

/// How often a process has been woken: switches of its threads that it asked for by waiting.
pub fn wakes(pid: u32) -> Result<u64> {
    let mut wakes = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        let found = status
            .lines()
            .find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
        wakes += found
            .context("no voluntary_ctxt_switches")?
            .trim()
            .parse::<u64>()?;
    }
    Ok(wakes)
}
