//! What was packed is looked at with the programs of those who will use it: `sha256sum`, `lintian`, `systemd-analyze`, `man`, `dpkg`, the
//! program itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Release, install, path_of_root, sbom};
use crate::run;

/// Exposure that `systemd-analyze security` may find, of 10.
const EXPOSURE: f64 = 2.0;

/// Checks all; the figures.
pub fn run(release: &Release) -> Result<Vec<Value>> {
    run::check(
        run::command("sha256sum", &["--check", "--quiet", "SHA256SUMS"]).current_dir(&release.folder),
    )?;
    let scratch = tempfile::tempdir()?;
    let root = scratch.path();
    let (deb, to) = (release.deb.to_string_lossy(), root.to_string_lossy());
    run::check(&mut run::command("dpkg-deb", &["--extract", &deb, &to]))?;
    same_program(release, root)?;
    settings(root)?;
    manual(root)?;
    let mut figures = units(root)?;
    figures.push(linked(release)?);
    figures.push(lintian(release)?);
    if install::may() {
        figures.extend(install::run(&release.deb)?);
    } else {
        eprintln!("not run: the package is installed in a Debian of its own by root alone");
    }
    Ok(figures)
}

/// The program is the same in each of the forms, and answers.
fn same_program(release: &Release, root: &Path) -> Result<()> {
    let installed = fs::read(root.join("usr/bin/elixirscope"))?;
    let inner = format!("{}/bin/elixirscope", release.stem);
    let tarball = release.folder.join(format!("{}.tar.gz", release.stem));
    let tar = [
        "--extract",
        "--to-stdout",
        "--file",
        &tarball.to_string_lossy(),
        &inner,
    ];
    let unpacked = run::command("tar", &tar).output()?.stdout;
    if installed != unpacked || installed != fs::read(&release.program)? {
        bail!("the programs of the package and of the tarball differ");
    }
    Ok(())
}

/// Each role can use the settings that are installed for it.
fn settings(root: &Path) -> Result<()> {
    for role in ["up", "coordinator", "collector", "agent"] {
        let file = root.join("etc/elixirscope").join(format!("{role}.toml"));
        let plain = fs::read_to_string(&file)?;
        // What is commented out must be usable as well: keys alone on a line after a `#` without a blank.
        let all = plain.lines().map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest,
            _ => line,
        });
        let all: Vec<&str> = all.collect();
        let whole = file.with_extension("all.toml");
        fs::write(&whole, all.join("\n"))?;
        for file in [&file, &whole] {
            let mut show = Command::new(root.join("usr/bin/elixirscope"));
            show.args(["config", "show", role]).arg(file).env_clear();
            run::output(&mut show)?;
        }
        fs::remove_file(whole)?;
    }
    Ok(())
}

/// `man` has no warnings, and the page names every command that the program has.
fn manual(root: &Path) -> Result<()> {
    let page = root.join("usr/share/man/man1/elixirscope.1.gz");
    let mut man = run::command("man", &["--warnings", "--encoding=UTF-8", "--local-file"]);
    let said = man.arg(&page).env("MANWIDTH", "200").output().context("man")?;
    let warnings = String::from_utf8_lossy(&said.stderr).into_owned();
    if !said.status.success() || !warnings.is_empty() {
        bail!("man: {warnings}");
    }
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let help = run::output(Command::new(root.join("usr/bin/elixirscope")).arg("--help"))?;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| line.starts_with("  "));
    let names: Vec<&str> = commands
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let is_told = |name: &str| {
        text.lines()
            .any(|line| line.trim() == name || line.trim().starts_with(&format!("{name} ")))
    };
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| **name != "help" && !is_told(name))
        .collect();
    if names.len() < 2 || !missing.is_empty() {
        bail!("the manual page lacks {missing:?} of {names:?}");
    }
    Ok(())
}

/// Units are understood by systemd, and how exposed each is.
fn units(root: &Path) -> Result<Vec<Value>> {
    let folder = root.join("lib/systemd/system");
    let mut figures = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let unit = entry?.path();
        let name = unit
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // The program is not installed here: a copy of the unit names where it is.
        let text = fs::read_to_string(&unit)?;
        let copy = root.join(&name);
        let program = root.join("usr/bin/elixirscope");
        fs::write(
            &copy,
            text.replace("/usr/bin/elixirscope", &program.to_string_lossy()),
        )?;
        let path = copy.to_string_lossy().into_owned();
        let verify = run::command("systemd-analyze", &["verify", "--man=no", &path]).output()?;
        let said = String::from_utf8_lossy(&verify.stderr).into_owned();
        if !verify.status.success() || said.contains(&name) {
            bail!("systemd-analyze verify {name}: {said}");
        }
        let security = run::output(&mut run::command(
            "systemd-analyze",
            &["security", "--offline=yes", "--no-pager", &path],
        ))?;
        let level = security
            .lines()
            .last()
            .and_then(|line| line.split_once(&format!("{name}: ")));
        let level = level.and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
        let level = level.with_context(|| format!("no exposure of {name}: {security}"))?;
        figures.push(
            json!({"name": format!("exposure of {name}"), "value": level, "unit": "of 10", "goal": EXPOSURE}),
        );
    }
    Ok(figures)
}

/// What the program says is linked in (`cargo auditable`) is in the list that goes with it.
fn linked(release: &Release) -> Result<Value> {
    let listed: BTreeSet<_> = sbom::components(&release.sbom).collect();
    let said = Command::new("rust-audit-info").arg(&release.program).output();
    let inside: Option<Value> = said
        .ok()
        .filter(|o| o.status.success())
        .and_then(|o| serde_json::from_slice(&o.stdout).ok());
    let Some(inside) = inside else {
        eprintln!("the program does not say what is linked in: it was not built by `cargo auditable`");
        return Ok(json!({"name": "crates listed", "value": listed.len(), "unit": "crates"}));
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = inside["packages"].as_array().into_iter().flatten();
    let packages = packages.filter(|package| package["root"] != true && package["kind"] != "build");
    let packages: Vec<_> = packages
        .map(|package| (text(&package["name"]), text(&package["version"])))
        .collect();
    let missing: Vec<_> = packages
        .iter()
        .filter(|package| !listed.contains(package))
        .collect();
    if packages.is_empty() || !missing.is_empty() {
        bail!("linked in, and not in the list: {missing:?}");
    }
    Ok(json!({"name": "crates linked in, all listed", "value": packages.len(), "unit": "crates"}))
}

/// Debian's own checks; what it complains about is overridden with a reason, or an error.
fn lintian(release: &Release) -> Result<Value> {
    let deb = release.deb.to_string_lossy();
    let args = [
        "--no-cfg",
        "--allow-root",
        "--fail-on",
        "error,warning",
        "--display-info",
        &deb,
    ];
    run::check(
        run::command("lintian", &args)
            .env("PATH", path_of_root())
            .env("LC_ALL", "C.UTF-8"),
    )?;
    Ok(json!({"name": "lintian: errors and warnings without a reason", "value": 0, "unit": "", "goal": 0}))
}
