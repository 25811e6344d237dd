//! The member that is hurt: its folder and its doors stay, its process goes and comes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testbed::{Bed, Child, Launcher, wait_for};

use super::programs;

/// Longest wait for readiness to turn.
const TURN: Duration = Duration::from_mins(1);

/// A member in a folder of its own.
pub struct Victim {
    bed: Bed,
    args: Vec<String>,
    child: Option<Child>,
    otlp: String,
    grpc: String,
}

impl Victim {
    /// With these arguments beside the doors; not started.
    pub fn new(args: &[&str]) -> Result<Self> {
        Ok(Self {
            bed: Bed::new(&programs::path("elixirscope"))?,
            args: args.iter().map(|&word| word.to_owned()).collect(),
            child: None,
            otlp: free_address()?,
            grpc: free_address()?,
        })
    }

    /// Is started so from now on.
    pub fn launch(&mut self, launcher: Launcher) {
        self.bed.launch(launcher);
    }

    /// Starts it; ready when this returns.
    pub fn start(&mut self) -> Result<()> {
        self.start_soon()?;
        self.ready()
    }

    /// Starts it, and does not wait: members that need each other are started so.
    pub fn start_soon(&mut self) -> Result<()> {
        let mut args = vec![
            "--otlp-http",
            &self.otlp,
            "--otlp-grpc",
            &self.grpc,
            "--log",
            "warn",
        ];
        args.extend(self.args.iter().map(String::as_str));
        self.child = Some(self.bed.up_soon(false, &args)?);
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().context("the member does not run")?.kill()
    }

    /// SIGTERM, and waits.
    pub fn stop(&mut self) -> Result<()> {
        self.child.take().context("the member does not run")?.stop()
    }

    /// An error if it has ended by itself.
    pub fn alive(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("the member does not run")?;
        match child.ended()? {
            None => Ok(()),
            Some(status) => bail!("the member ended with {status}:\n{}", child.output()),
        }
    }

    /// Its process.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("the member does not run")?.pid())
    }

    /// The bed's folder.
    pub fn path(&self) -> &Path {
        self.bed.path()
    }

    /// Where the certificates are.
    pub fn tls(&self) -> PathBuf {
        self.bed.path().join("data/tls")
    }

    /// Its QUIC door.
    pub fn quic(&self) -> String {
        self.bed.quic_address()
    }

    /// Its OTLP/HTTP door.
    pub fn otlp(&self) -> String {
        format!("http://{}/v1/traces", self.otlp)
    }

    /// A path behind its HTTP door.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.bed.door().url)
    }

    /// Waits until items of each kind have come in since it was started.
    pub fn under_load(&mut self, kinds: &[&str]) -> Result<()> {
        wait_for("the load to come in", TURN, || {
            self.alive()?;
            for kind in kinds {
                let label = format!("what=\"{kind}\"");
                if self.bed.door().metric("elixirscope_store_totals", &[&label])? < 1.0 {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
    }

    /// Waits until it is not ready; what `/ready` says then.
    pub fn unready(&mut self) -> Result<String> {
        wait_for("/ready to say why not", TURN, || {
            self.alive()?;
            Ok(self
                .bed
                .door()
                .text("/ready")
                .err()
                .map(|error| format!("{error:#}")))
        })
    }

    /// Is it ready now?
    pub fn is_ready(&self) -> bool {
        self.bed.door().ready()
    }

    /// Waits until it is ready, by itself.
    pub fn ready(&mut self) -> Result<()> {
        wait_for("/ready", TURN, || {
            self.alive()?;
            Ok(self.bed.door().ready().then_some(()))
        })
    }
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string())
}
