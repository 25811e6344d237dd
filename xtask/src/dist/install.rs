//! The package, installed by `dpkg` into a small Debian in a folder, and taken out again: what its scripts do.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::run;

/// What is to hold after each step, as a shell says it.
const STEPS: &[(&str, &str)] = &[
    (
        "installs",
        "DEBIAN_FRONTEND=noninteractive dpkg --install /elixirscope.deb",
    ),
    (
        "runs as its user from an empty folder",
        "su -s /bin/sh elixirscope -c 'elixirscope --version && elixirscope config show up /etc/elixirscope/up.toml' >/dev/null",
    ),
    (
        "has its user, folders and nothing enabled",
        "test \"$(stat -c '%U:%G %a' /var/lib/elixirscope)\" = 'elixirscope:elixirscope 750'
         test \"$(stat -c '%U:%G %a' /etc/elixirscope/tls)\" = 'root:elixirscope 750'
         test -f /lib/systemd/system/elixirscope-agent.service
         test -z \"$(find /etc/systemd -name '*elixirscope*')\"",
    ),
    (
        "keeps changed settings and data when installed again",
        "echo 'memory-mib = 300' >> /etc/elixirscope/up.toml; touch /var/lib/elixirscope/kept
         DEBIAN_FRONTEND=noninteractive dpkg --install /elixirscope.deb
         grep -q 'memory-mib = 300' /etc/elixirscope/up.toml; test -f /var/lib/elixirscope/kept",
    ),
    (
        "leaves settings when removed, data even when purged",
        "dpkg --remove elixirscope; test -f /etc/elixirscope/up.toml; ! test -e /usr/bin/elixirscope
         dpkg --purge elixirscope; ! test -e /etc/elixirscope; test -f /var/lib/elixirscope/kept",
    ),
];

/// Installs and removes it; the figures.
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
    for (what, script) in STEPS {
        let mut step = run::command("chroot", &[&to, "sh", "-exc", script]);
        let said = step
            .env("HOME", "/root")
            .env("LC_ALL", "C")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()?;
        if !said.status.success() {
            let (out, error) = (
                String::from_utf8_lossy(&said.stdout),
                String::from_utf8_lossy(&said.stderr),
            );
            bail!("the package {what}: {}\n{out}{error}", said.status);
        }
        eprintln!("the package {what}: yes");
    }
    Ok(vec![
        json!({"name": "package: steps of installing and removing", "value": STEPS.len(), "unit": "steps"}),
    ])
}

/// A small Debian with what the package depends on; made once.
fn base(codename: &str) -> Result<std::path::PathBuf> {
    let base = run::target().join("dist-base").join(codename);
    if base.join(".bootstrapped").is_file() {
        return Ok(base);
    }
    if base.exists() {
        fs::remove_dir_all(&base)?;
    }
    fs::create_dir_all(&base)?;
    let args = [
        "--variant=minbase",
        "--include=adduser,ca-certificates,libstdc++6",
        codename,
        &base.to_string_lossy(),
    ];
    run::check(&mut run::command("debootstrap", &args))?;
    fs::write(base.join(".bootstrapped"), "")?;
    Ok(base)
}
