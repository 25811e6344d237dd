//! A control group with a hard limit of memory (who takes more is ended by the kernel) and a share of one processor (so that a
//! generator beside it can make more load than it takes). Needs root; version 1 and 2.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A group, gone when dropped.
pub struct Group {
    folder: PathBuf,
    /// Of version 1, where each kind of limit has a tree of its own.
    processor: Option<PathBuf>,
    two: bool,
}

/// Microseconds in which a share of the processor is used up.
const PERIOD_US: u32 = 100_000;

impl Group {
    /// With so many MiB for everything in it, page cache included (which the kernel gives back before it ends anybody).
    /// With `percent` of one processor, if that is said.
    pub fn new(name: &str, mib: u32, percent: Option<u32>) -> Result<Self> {
        let (one, two) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
        let (root, is_two) = if one.is_dir() { (one, false) } else { (two, true) };
        let own = format!("elixirscope-{name}-{}", std::process::id());
        let mut group = Self {
            folder: root.join(&own),
            processor: None,
            two: is_two,
        };
        fs::create_dir(&group.folder).with_context(|| group.folder.display().to_string())?;
        let limit = if is_two {
            "memory.max"
        } else {
            "memory.limit_in_bytes"
        };
        fs::write(group.folder.join(limit), (u64::from(mib) << 20).to_string())
            .with_context(|| format!("no {limit}"))?;
        if let Some(quota_us) = percent.map(|percent| percent * (PERIOD_US / 100)) {
            if is_two {
                fs::write(group.folder.join("cpu.max"), format!("{quota_us} {PERIOD_US}"))?;
            } else {
                let folder = Path::new("/sys/fs/cgroup/cpu").join(&own);
                fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
                fs::write(folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                fs::write(folder.join("cpu.cfs_quota_us"), quota_us.to_string())?;
                group.processor = Some(folder);
            }
        }
        Ok(group)
    }

    /// What starts a program inside.
    pub fn launcher(&self) -> Vec<String> {
        let mut script = String::new();
        for folder in [Some(&self.folder), self.processor.as_ref()]
            .into_iter()
            .flatten()
        {
            let procs = folder.join("cgroup.procs");
            let _ = write!(script, "echo $$ > '{}' && ", procs.display());
        }
        script.push_str("exec \"$@\"");
        ["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()].to_vec()
    }

    /// Processes that the kernel has ended for want of memory.
    pub fn killed(&self) -> Result<u64> {
        let file = if self.two {
            "memory.events"
        } else {
            "memory.oom_control"
        };
        let text = fs::read_to_string(self.folder.join(file))?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        match line.and_then(|count| count.trim().parse().ok()) {
            Some(count) => Ok(count),
            None => bail!("{file} does not count: {text}"),
        }
    }

    /// Greatest use so far, MiB, page cache included.
    pub fn peak_mib(&self) -> Option<f64> {
        let file = if self.two {
            "memory.peak"
        } else {
            "memory.max_usage_in_bytes"
        };
        let text = fs::read_to_string(self.folder.join(file)).ok()?;
        Some(text.trim().parse::<f64>().ok()? / f64::from(1 << 20))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
        let _ = self.processor.as_ref().map(fs::remove_dir);
    }
}
