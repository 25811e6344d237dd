//! `cargo xtask compat`: the Elixir library's tests on the OTP and Elixir of Debian trixie (27 / 1.18), in a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{machine, run};

/// Debian release whose Elixir is tested against, and what its folder needs.
const RELEASE: &str = "trixie";
const PACKAGES: &str = "elixir,erlang-dev,erlang-tools,erlang-runtime-tools,erlang-parsetools,erlang-eunit";

pub fn run() -> Result<()> {
    machine::for_compat()?;
    let base = run::target().join("compat").join(RELEASE);
    bootstrap(&base)?;
    let inside = base.join("elixir_scope");
    copy_project(&inside)?;
    let dir = base.to_string_lossy().into_owned();
    let script =
        "mountpoint -q /proc || mount -t proc proc /proc; cd /elixir_scope && elixir --version && mix test";
    let mut chroot = run::command("chroot", &[&dir, "sh", "-c", script]);
    chroot
        .env("HOME", "/tmp")
        .env("LANG", "C.UTF-8")
        .env("MIX_ENV", "test")
        .env_remove("ELIXIRSCOPE_SOCKET");
    let outcome = run::check(&mut chroot);
    let proc = base.join("proc").to_string_lossy().into_owned();
    run::check(&mut run::command("umount", &[&proc]))?;
    outcome
}

fn bootstrap(base: &Path) -> Result<()> {
    let done = base.join(".bootstrapped");
    if done.is_file() {
        return Ok(());
    }
    if base.exists() {
        fs::remove_dir_all(base).with_context(|| format!("cannot clear {}", base.display()))?;
    }
    fs::create_dir_all(base)?;
    let include = format!("--include={PACKAGES}");
    let dir = base.to_string_lossy().into_owned();
    run::check(&mut run::command(
        "debootstrap",
        &["--variant=minbase", &include, RELEASE, &dir],
    ))?;
    fs::write(done, "")?;
    Ok(())
}

/// Copies the library's tracked files (never build products) into the folder.
fn copy_project(to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let list = run::output(&mut run::command(
        "git",
        &["ls-files", "-co", "--exclude-standard", "beam", "docs/examples"],
    ))?;
    for file in list.lines() {
        let inner = file
            .strip_prefix("beam/")
            .map_or_else(|| to.join("..").join(file), |f| to.join(f));
        if let Some(parent) = inner.parent() {
            fs::create_dir_all(parent)?;
        }
        let from = run::root().join(file);
        if from.is_file() {
            fs::copy(&from, &inner).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    Ok(())
}
