//! A folder with ports of its own, in which members, agents and nodes run.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{Child, Door, wait_for};

/// Longest start of a member.
const START: Duration = Duration::from_mins(1);

/// A folder, ports, and the program under test.
#[derive(Debug)]
pub struct Bed {
    folder: Folder,
    program: PathBuf,
    http: u16,
    quic: u16,
    agent_http: u16,
    launcher: Launcher,
}

/// How a bed's members are started, beyond their own arguments.
#[derive(Clone, Debug, Default)]
pub struct Launcher {
    /// A program that starts them in its place (`exec`), with its arguments: `fiu-run -x`. Empty = none.
    pub before: Vec<String>,
    /// More environment.
    pub env: Vec<(String, String)>,
}

#[derive(Debug)]
enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

/// How to start an agent apart from the member.
#[derive(Clone, Debug, Default)]
pub struct AgentOptions {
    /// More arguments.
    pub args: Vec<String>,
}

impl Bed {
    /// A bed in a new temporary folder (short path: a Unix socket's path has at most 107 bytes).
    pub fn new(program: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("es-").tempdir_in("/tmp")?;
        Self::with(Folder::Temporary(folder), program, free_tcp()?, free_udp()?)
    }

    /// A bed in a folder that stays, with given ports.
    pub fn kept(program: &Path, folder: &Path, http: u16, quic: u16) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Self::with(Folder::Kept(folder.to_owned()), program, http, quic)
    }

    fn with(folder: Folder, program: &Path, http: u16, quic: u16) -> Result<Self> {
        if !program.is_file() {
            bail!("{} does not exist; build it first", program.display());
        }
        Ok(Self {
            folder,
            program: program.to_owned(),
            http,
            quic,
            agent_http: free_tcp()?,
            launcher: Launcher::default(),
        })
    }

    /// Members are started so from now on.
    pub fn launch(&mut self, launcher: Launcher) {
        self.launcher = launcher;
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        match &self.folder {
            Folder::Temporary(dir) => dir.path(),
            Folder::Kept(dir) => dir,
        }
    }

    /// The agent's socket.
    pub fn socket(&self) -> PathBuf {
        self.path().join("agent.sock")
    }

    /// The member's QUIC door.
    pub fn quic_address(&self) -> String {
        format!("127.0.0.1:{}", self.quic)
    }

    /// The member's HTTP door.
    pub fn door(&self) -> Door {
        Door {
            url: format!("http://127.0.0.1:{}", self.http),
        }
    }

    /// The HTTP door of an agent that runs apart.
    pub fn agent_door(&self) -> Door {
        Door {
            url: format!("http://127.0.0.1:{}", self.agent_http),
        }
    }

    /// A command of the program, aimed at this bed's member.
    pub fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env("ELIXIRSCOPE_URL", self.door().url)
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("NO_COLOR", "1");
        command
    }

    /// The same behind the launcher.
    fn launched(&self, args: &[&str]) -> Command {
        let mut command = match self.launcher.before.split_first() {
            None => self.program(args),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(&self.program).args(args);
                command
            }
        };
        command.env("NO_COLOR", "1");
        command.envs(self.launcher.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `elixirscope up`; with `agent = false` only coordinator and collector. Returns when it is ready.
    pub fn up(&self, agent: bool, more: &[&str]) -> Result<Child> {
        Self::ready(self.up_soon(agent, more)?, &self.door())
    }

    /// The same without waiting for it.
    pub fn up_soon(&self, agent: bool, more: &[&str]) -> Result<Child> {
        let data = self.path().join("data");
        let mut command = self.launched(&["up"]);
        command.arg("--data").arg(&data);
        command.arg("--http").arg(format!("127.0.0.1:{}", self.http));
        command.arg("--quic").arg(format!("127.0.0.1:{}", self.quic));
        command.args(["--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"]);
        command.arg("--socket").arg(self.socket());
        if !agent {
            command.arg("--no-agent");
        }
        command.args(more);
        Child::start("elixirscope up", &mut command, &self.path().join("up.log"))
    }

    /// Starts `elixirscope agent` for this bed's member. Returns when it listens.
    pub fn agent(&self, options: &AgentOptions) -> Result<Child> {
        let mut command = self.program(&["agent"]);
        command.arg("--data").arg(self.path().join("agent"));
        command.arg("--collector").arg(format!("127.0.0.1:{}", self.quic));
        command.arg("--tls").arg(self.path().join("data/tls"));
        command.arg("--socket").arg(self.socket());
        command
            .arg("--http")
            .arg(format!("127.0.0.1:{}", self.agent_http));
        command.args(&options.args);
        let child = Child::start("elixirscope agent", &mut command, &self.path().join("agent.log"))?;
        let door = self.agent_door();
        let live = Door { url: door.url };
        Self::until(child, "the agent", || live.text("/live").is_ok())
    }

    fn ready(child: Child, door: &Door) -> Result<Child> {
        Self::until(child, "the member", || door.ready())
    }

    fn until(mut child: Child, what: &str, ok: impl Fn() -> bool) -> Result<Child> {
        let outcome = wait_for(what, START, || {
            if let Some(status) = child.ended()? {
                bail!("it ended with {status}");
            }
            Ok(ok().then_some(()))
        });
        outcome.with_context(|| format!("it said:\n{}", tail(&child.output())))?;
        Ok(child)
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default()
        .join("\n")
}

/// A TCP port of the loopback that is free now.
pub(crate) fn free_tcp() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn free_udp() -> Result<u16> {
    Ok(UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
