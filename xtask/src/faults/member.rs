//! One member of several: its folder and its doors stay, its process goes and comes. It may live in a network namespace of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::{Child, Door, Launcher, wait_for};

use super::programs;

/// Longest wait for readiness to turn.
const TURN: Duration = Duration::from_mins(1);

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Coordinator and collector.
    Up,
    /// A collector, whose coordinator only follows.
    Collector,
    /// A coordinator alone.
    Coordinator,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Collector => "collector",
            Self::Coordinator => "coordinator",
        }
    }

    /// Does it hold events?
    pub fn collects(self) -> bool {
        self != Self::Coordinator
    }
}

/// Where a member listens.
#[derive(Clone, Debug)]
pub struct Doors {
    /// Network namespace, if not that of the caller.
    pub namespace: Option<String>,
    /// `10.77.0.1:7481`, to which others come.
    pub quic: String,
    /// `127.0.0.1:7480`, of the namespace.
    pub http: String,
}

/// A member and its process.
pub struct Member {
    /// What it is.
    pub kind: Kind,
    /// For people, and its folder's name.
    pub name: String,
    doors: Doors,
    folder: PathBuf,
    args: Vec<String>,
    launcher: Launcher,
    programs: Option<PathBuf>,
    child: Option<Child>,
}

impl Member {
    /// With its data in `folder`/`name` and these arguments beside the doors; not started.
    pub fn new(kind: Kind, name: &str, folder: &Path, doors: Doors, args: Vec<String>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            doors,
            folder: folder.to_owned(),
            args,
            launcher: Launcher::default(),
            programs: None,
            child: None,
        }
    }

    /// Is started so from now on.
    pub fn launch(&mut self, launcher: Launcher) {
        self.launcher = launcher;
    }

    /// Is started out of this folder of programs from now on; none: that of the run.
    pub fn runs_of(&mut self, programs: Option<PathBuf>) {
        self.programs = programs;
    }

    /// Its process.
    pub fn pid(&self) -> Result<u32> {
        let child = self.child.as_ref();
        Ok(child
            .with_context(|| format!("{} does not run", self.name))?
            .pid())
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Its QUIC door.
    pub fn quic(&self) -> &str {
        &self.doors.quic
    }

    /// Starts it, and does not wait.
    pub fn start_soon(&mut self) -> Result<()> {
        let mut words: Vec<String> = Vec::new();
        if let Some(namespace) = &self.doors.namespace {
            words.extend(["ip", "netns", "exec", namespace].map(str::to_owned));
        }
        words.extend(self.launcher.before.iter().cloned());
        let own = self.programs.as_ref().map(|folder| folder.join("elixirscope"));
        let program = own.unwrap_or_else(|| programs::path("elixirscope"));
        words.push(program.display().to_string());
        words.push(self.kind.word().to_owned());
        let (first, rest) = words.split_first().context("a program")?;
        let mut command = Command::new(first);
        command
            .args(rest)
            .arg("--data")
            .arg(self.data())
            .args(["--http", &self.doors.http, "--quic", &self.doors.quic])
            .args(["--name", &self.name]);
        match self.kind {
            Kind::Up => {
                command.args(["--no-agent", "--no-otlp"]);
            }
            Kind::Collector => {
                command.arg("--no-otlp");
            }
            Kind::Coordinator => {}
        }
        command.args(&self.args).env("NO_COLOR", "1");
        command.envs(self.launcher.env.iter().map(|(name, value)| (name, value)));
        let log = self.folder.join(format!("{}.log", self.name));
        self.child = Some(Child::start(&self.name, &mut command, &log)?);
        Ok(())
    }

    /// Starts it; ready when this returns.
    pub fn start(&mut self) -> Result<()> {
        self.start_soon()?;
        self.ready()
    }

    fn child(&mut self) -> Result<&mut Child> {
        self.child.as_mut().context("the member does not run")
    }

    /// Does its process run?
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// SIGKILL; nothing if it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.child.take().map_or(Ok(()), |mut child| child.kill())
    }

    /// SIGTERM, and waits; did it end by itself, in 15 s?
    pub fn stop(&mut self) -> Result<bool> {
        let Some(mut child) = self.child.take() else {
            return Ok(true);
        };
        child.stop()?;
        Ok(child.ended()?.is_some_and(|status| status.success()))
    }

    /// Its HTTP door; of no use from outside its namespace.
    pub fn door(&self) -> Door {
        Door {
            url: format!("http://{}", self.doors.http),
        }
    }

    /// SIGHUP: it reads its certificates again.
    pub fn hang_up(&mut self) -> Result<()> {
        self.child()?.hang_up();
        Ok(())
    }

    /// SIGSTOP; was it stopped, says the kernel.
    pub fn pause(&mut self) -> Result<bool> {
        let child = self.child()?;
        child.pause();
        let status = format!("/proc/{}/stat", child.pid());
        let stopped = wait_for("a process to stop", TURN, || {
            let text = std::fs::read_to_string(&status)?;
            let state = text
                .rsplit_once(')')
                .map(|(_, rest)| rest.trim_start().to_owned());
            Ok(state.filter(|s| s.starts_with('T')).map(|_| ()))
        });
        Ok(stopped.is_ok())
    }

    /// SIGCONT.
    pub fn resume(&mut self) -> Result<()> {
        self.child()?.resume();
        Ok(())
    }

    /// What it logged.
    pub fn log(&self) -> String {
        let log = self.folder.join(format!("{}.log", self.name));
        String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
    }

    /// An error if it has ended by itself.
    pub fn alive(&mut self) -> Result<()> {
        let name = self.name.clone();
        let child = self.child()?;
        match child.ended()? {
            None => Ok(()),
            Some(status) => {
                let output = child.output();
                let lines: Vec<&str> = output.lines().collect();
                let tail = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
                bail!("member {name} ended with {status}:\n{}", tail.join("\n"))
            }
        }
    }

    /// `GET` of its HTTP door, as text.
    pub fn text(&self, path: &str) -> Result<String> {
        let url = format!("http://{}", self.doors.http);
        let Some(namespace) = &self.doors.namespace else {
            return Door { url }.text(path);
        };
        curl(namespace, &format!("{url}{path}"), &[])
    }

    /// `GET`, as JSON.
    pub fn json(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.text(path)?)?)
    }

    /// Is it ready now?
    pub fn is_ready(&self) -> bool {
        self.text("/ready").is_ok()
    }

    /// Waits until it is ready.
    pub fn ready(&mut self) -> Result<()> {
        let name = self.name.clone();
        wait_for(&format!("/ready of {name}"), TURN, || {
            self.alive()?;
            Ok(self.is_ready().then_some(()))
        })
    }

    /// The sum of a metric over the label values that contain all of `labels`.
    pub fn metric(&self, name: &str, labels: &[&str]) -> Result<f64> {
        let text = self.text("/metrics")?;
        let of = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let named = series.split('{').next() == Some(name);
            let labelled = labels.iter().all(|label| series.contains(label));
            (named && labelled).then(|| value.parse::<f64>().ok()).flatten()
        };
        Ok(text.lines().filter(|l| !l.starts_with('#')).filter_map(of).sum())
    }

    /// A command of the program, aimed at this member.
    pub fn command(&self, args: &[&str]) -> Result<Value> {
        let mut command = Command::new(programs::path("elixirscope"));
        command
            .args(args)
            .args(["--json", "--url", &format!("http://{}", self.doors.http)]);
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            bail!("{args:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// A request from inside a network namespace.
fn curl(namespace: &str, url: &str, more: &[&str]) -> Result<String> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, "curl", "--silent", "--show-error"]);
    command
        .args(["--fail-with-body", "--max-time", "20"])
        .args(more)
        .arg(url);
    let output = command
        .stdin(Stdio::null())
        .output()
        .context("ip netns exec curl")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "GET {url}: {} {text}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(text)
}
