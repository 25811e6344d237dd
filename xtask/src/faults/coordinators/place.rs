//! A coordinator that is killed, paused and started again in its folder, on its ports.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::{Child, Door, Signal, wait_for};

use super::super::programs;

const SOON: Duration = Duration::from_mins(1);

/// One of three.
pub struct Place {
    name: String,
    folder: PathBuf,
    http: u16,
    quic: u16,
    join: Option<u16>,
    running: Option<Child>,
}

impl Place {
    /// With the certificates in `folder/tls`; not started.
    pub fn new(folder: &Path, name: &str, join: Option<u16>) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            http: TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
            quic: UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port(),
            join,
            running: None,
        })
    }

    pub fn quic(&self) -> u16 {
        self.quic
    }

    pub fn door(&self) -> Door {
        Door {
            url: format!("http://127.0.0.1:{}", self.http),
        }
    }

    /// Starts it, and waits until it is ready.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(programs::path("elixirscope"));
        command
            .arg("coordinator")
            .arg("--data")
            .arg(self.folder.join(&self.name));
        command.arg("--tls").arg(self.folder.join("tls"));
        command.args(["--name", &self.name, "--log", "warn"]);
        command.arg("--http").arg(format!("127.0.0.1:{}", self.http));
        command.arg("--quic").arg(format!("127.0.0.1:{}", self.quic));
        if let Some(join) = self.join {
            command.arg("--join").arg(format!("127.0.0.1:{join}"));
        }
        let log = self.folder.join(format!("{}.log", self.name));
        self.running = Some(Child::start(&self.name, &mut command, &log)?);
        wait_for("a ready coordinator", SOON, || {
            Ok(self.door().ready().then_some(()))
        })
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<()> {
        self.running.take().context("it does not run")?.kill()
    }

    /// SIGSTOP, or SIGCONT.
    pub fn pause(&self, stop: bool) -> Result<()> {
        let running = self.running.as_ref().context("it does not run")?;
        running.signal(if stop { Signal::STOP } else { Signal::CONT });
        Ok(())
    }

    /// Its id, and whom it takes for the leader.
    pub fn leader(&self) -> Option<(u64, u64)> {
        let status = self.door().json("/api/v1/cluster").ok()?;
        Some((
            status["this_member"].as_u64()?,
            status["group"]["leader"].as_u64()?,
        ))
    }
}

/// Certificates for members on the loopback.
pub fn certificates(folder: &Path) -> Result<()> {
    let mut command = Command::new(programs::path("elixirscope"));
    command.args(["cluster", "init", "--members", "127.0.0.1:7481", "--tls"]);
    let output = command.arg(folder.join("tls")).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
