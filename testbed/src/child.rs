//! A child process in a process group of its own, ended when dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::wait_for;

/// A running child. Its output goes to a log file.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    name: String,
    log: PathBuf,
}

impl Child {
    /// Starts `command`, appending its output to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;
        let file = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            process: child,
            name: name.to_owned(),
            log: log.to_owned(),
        })
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let name = format!("the end of {}", self.name);
        wait_for(&name, limit, || Ok(self.process.try_wait()?))
    }

    /// SIGKILL to its whole group, and waits.
    pub fn kill(&mut self) -> Result<()> {
        self.signal(Signal::KILL);
        self.process.wait()?;
        Ok(())
    }

    /// SIGTERM, then waits for an orderly end, at most 15 s, then SIGKILL.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::TERM);
        if self.wait(Duration::from_secs(15)).is_err() {
            self.kill()?;
        }
        Ok(())
    }

    /// SIGSTOP to its group: it is not run until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT to its group.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// SIGHUP to its group.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Sends a signal to its group.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.process.id().cast_signed()) {
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.process.wait();
        }
    }
}
