//! A control group with a hard limit of memory: who takes more is ended by the kernel. Needs root; version 1 and 2.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A group, gone when dropped.
pub struct Group {
    folder: PathBuf,
    two: bool,
}

impl Group {
    /// With so many MiB for everything in it, page cache included (which the kernel gives back before it ends anybody).
    pub fn new(name: &str, mib: u32) -> Result<Self> {
        let (one, two) = (Path::new("/sys/fs/cgroup/memory"), Path::new("/sys/fs/cgroup"));
        let (root, is_two) = if one.is_dir() { (one, false) } else { (two, true) };
        let group = Self {
            folder: root.join(format!("elixirscope-{name}-{}", std::process::id())),
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
        Ok(group)
    }

    /// What starts a program inside.
    pub fn launcher(&self) -> Vec<String> {
        let procs = self.folder.join("cgroup.procs");
        let script = format!("echo $$ > '{}' && exec \"$@\"", procs.display());
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
    }
}
