//! A process as the kernel sees it: processor time and memory (proc(5)).

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Ticks of `/proc/PID/stat` in a second (`USER_HZ`, 100 on every platform that we build for).
const TICKS_PER_SECOND: f64 = 100.0;
/// How often idleness is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Looks in a row that must see the process idle.
const IDLE_LOOKS: u32 = 3;
/// Share of one processor, beyond what it took before the load, that still counts as idle.
const IDLE_SHARE: f64 = 0.03;

/// A process that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    folder: PathBuf,
}

/// What it has used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Processor time of all its threads, user and system, seconds.
    pub(crate) cpu_s: f64,
    /// Peak of its resident memory since [`Process::forget_peak`], bytes.
    pub(crate) rss_peak_bytes: u64,
    /// Its anonymous resident memory now (what is not page cache), bytes.
    pub(crate) rss_anon_bytes: u64,
}

impl Process {
    /// By its id.
    pub(crate) fn new(pid: u32) -> Self {
        Self {
            folder: PathBuf::from(format!("/proc/{pid}")),
        }
    }

    /// This process.
    pub(crate) fn own() -> Self {
        Self {
            folder: PathBuf::from("/proc/self"),
        }
    }

    /// Lets the peak of its memory begin anew, where the kernel allows it.
    pub(crate) fn forget_peak(&self) {
        let _ = std::fs::write(self.folder.join("clear_refs"), "5");
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let read = |file: &str| {
            let path = self.folder.join(file);
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        Ok(Usage {
            cpu_s: cpu_seconds(&stat).context("the process's stat has no times")?,
            rss_peak_bytes: kib(&status, "VmHWM:").unwrap_or_default() << 10,
            rss_anon_bytes: kib(&status, "RssAnon:").unwrap_or_default() << 10,
        })
    }

    /// Its share of one processor over some time.
    pub(crate) fn share(&self, over: Duration) -> Result<f64> {
        let (before, began) = (self.usage()?.cpu_s, Instant::now());
        thread::sleep(over);
        Ok((self.usage()?.cpu_s - before) / began.elapsed().as_secs_f64())
    }

    /// Waits until it takes no more than it took when it was at rest; false if that took longer than `limit`.
    pub(crate) fn wait_idle(&self, at_rest: f64, limit: Duration) -> Result<bool> {
        let (end, mut idle) = (Instant::now() + limit, 0);
        while idle < IDLE_LOOKS {
            if Instant::now() >= end {
                return Ok(false);
            }
            if self.share(LOOK)? <= at_rest + IDLE_SHARE {
                idle += 1;
            } else {
                idle = 0;
            }
        }
        Ok(true)
    }
}

/// Fields 14 and 15 of `stat`; the second field is the name in brackets, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a name with spaces and brackets. Guarantee: the times are those of fields 14 and 15.
    #[test]
    fn stat_is_read() {
        let stat = "12 (a) b) S 1 1 1 0 -1 4194560 10 0 0 0 250 50 0 0 20 0 8 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("12 (a"), None);
    }

    /// Scenario: this process, which works. Guarantee: its time grows, it has memory.
    #[test]
    fn this_process() {
        let process = Process::own();
        let before = process.usage().unwrap();
        let end = Instant::now() + Duration::from_millis(100);
        let mut x = 0_u64;
        while Instant::now() < end {
            x = x.wrapping_add(crate::random::mix(x));
        }
        let after = process.usage().unwrap();
        assert!(
            after.cpu_s > before.cpu_s && after.rss_peak_bytes > 1 << 20,
            "{x}"
        );
        assert!(Process::new(u32::MAX).usage().is_err());
    }
}
