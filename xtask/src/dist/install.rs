//! The package, installed by `dpkg` into a small Debian in a folder that systemd runs (`systemd-nspawn`), and taken out again: what its
//! scripts do, and whether the units' programs run with all that the units take away.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{Child, wait_for};

use super::steps::STEPS;
use crate::{pack, run};

/// Longest start of the system.
const BOOT: Duration = Duration::from_mins(2);
/// What the package depends on, and what the steps need.
const PACKAGES: &str = "adduser,ca-certificates,curl,dbus,libstdc++6,procps,systemd,systemd-sysv";

/// Fails if a command does not.
const NOT: &str = "not() { if \"$@\"; then return 1; fi; }\n";

/// Can it be set up here?
pub fn may() -> bool {
    pack::is_root()
}

/// Installs, runs and removes it; the figures.
pub fn run(deb: &Path) -> Result<Vec<Value>> {
    let release = fs::read_to_string("/etc/os-release")?;
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let base = base(name.context("this system has no codename")?)?;
    // A copy, so that what a step leaves behind is not there the next time.
    let scratch = tempfile::tempdir_in(run::target())?;
    let root = scratch.path().join("root");
    let (from, to) = (base.to_string_lossy(), root.to_string_lossy());
    run::check(&mut run::command("cp", &["--archive", &from, &to]))?;
    fs::copy(deb, root.join("elixirscope.deb"))?;
    let mut system = System::boot(&root, &scratch.path().join("boot.log"))?;
    for (what, script) in STEPS {
        system
            .shell(script)
            .with_context(|| format!("the package {what}: NO"))?;
        eprintln!("the package {what}: yes");
    }
    system.off()?;
    Ok(vec![json!({
        "name": "package: steps of installing, running, removing", "value": STEPS.len(), "unit": "steps",
    })])
}

/// A running system in a folder, with a network of its own that has a loopback alone.
struct System {
    container: Child,
    /// Its first process.
    init: String,
    is_off: bool,
}

impl System {
    fn boot(root: &Path, log: &Path) -> Result<Self> {
        let folder = root.to_string_lossy();
        let mut nspawn = run::command("systemd-nspawn", &["--directory", &folder, "--boot"]);
        nspawn
            .args(["--private-network", "--register=no", "--keep-unit"])
            .args(["--link-journal=no", "--console=pipe"]);
        let mut container = Child::start("systemd-nspawn", &mut nspawn, log)?;
        let pid = container.pid();
        let init = wait_for("a system in a folder to start", BOOT, || {
            if let Some(status) = container.ended()? {
                bail!("it ended: {status}: {}", container.output());
            }
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
            Ok(children.split_whitespace().next().map(str::to_owned))
        })?;
        let system = Self {
            container,
            init,
            is_off: false,
        };
        wait_for("a system in a folder to have started", BOOT, || {
            // "degraded" too: not every kernel has all that a whole system looks for.
            system.shell("systemctl is-system-running | grep -qE '^(running|degraded)$'")?;
            Ok(Some(()))
        })?;
        Ok(system)
    }

    /// Runs a script inside; an error has what it printed.
    fn shell(&self, script: &str) -> Result<()> {
        let mut inside = run::command("nsenter", &["--all", "--target", &self.init]);
        inside
            .args(["/bin/sh", "-exc", &format!("{NOT}{script}")])
            .env_clear()
            .env("HOME", "/root")
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let said = inside.output()?;
        if !said.status.success() {
            let (out, error) = (
                String::from_utf8_lossy(&said.stdout),
                String::from_utf8_lossy(&said.stderr),
            );
            bail!("{}\n{out}{error}", said.status);
        }
        Ok(())
    }

    /// Turns it off.
    fn off(&mut self) -> Result<()> {
        // Its way out ends the shell that asks for it.
        let _ = self.shell("systemctl poweroff");
        self.container.wait(BOOT)?;
        self.is_off = true;
        Ok(())
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // It outlives systemd-nspawn, if that is killed: with its first process all of it ends.
        if !self.is_off {
            let _ = run::command("kill", &["-KILL", &self.init]).status();
        }
    }
}

/// A small Debian with what is needed; made once.
fn base(codename: &str) -> Result<PathBuf> {
    let base = run::target().join("dist-base").join(codename);
    if base.join(".bootstrapped").is_file() {
        return Ok(base);
    }
    if base.exists() {
        fs::remove_dir_all(&base)?;
    }
    fs::create_dir_all(&base)?;
    let include = format!("--include={PACKAGES}");
    let args = ["--variant=minbase", &include, codename, &base.to_string_lossy()];
    run::check(&mut run::command("debootstrap", &args))?;
    fs::write(base.join(".bootstrapped"), "")?;
    Ok(base)
}
