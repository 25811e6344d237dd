//! The files of the image, in two layers: the system (libraries, authorities, users), which seldom changes, and the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::declared::{CERTIFICATES, DATA, UID, USER};
use super::libraries;
use crate::pack::{Entry, complete};
use crate::run;

/// Where the program is.
pub const ENTRY_PROGRAM: &str = "usr/bin/elixirscope";

/// The layers, each sorted by path, each with the folders that its files are in.
pub fn layers(program: &Path) -> Result<Vec<Vec<Entry>>> {
    let system = complete(system(program)?);
    let own = vec![
        Entry::file(ENTRY_PROGRAM, read(program)?, 0o755),
        Entry::file(
            "usr/share/doc/elixirscope/LICENSE",
            read(&run::root().join("LICENSE"))?,
            0o644,
        ),
    ];
    Ok(vec![system, complete(own)])
}

fn system(program: &Path) -> Result<Vec<Entry>> {
    let passwd = format!(
        "root:x:0:0:root:/:/usr/sbin/nologin\n{USER}:x:{UID}:{UID}:ElixirScope:{DATA}:/usr/sbin/nologin\n"
    );
    let mut entries = vec![
        Entry::file("etc/passwd", passwd, 0o644),
        Entry::file("etc/group", format!("root:x:0:\n{USER}:x:{UID}:\n"), 0o644),
        // Without it names of hosts are looked for nowhere but in files by some versions of the C library.
        Entry::file(
            "etc/nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n",
            0o644,
        ),
        Entry::file(
            within(Path::new(CERTIFICATES))?,
            read(Path::new(CERTIFICATES))?,
            0o644,
        ),
        Entry::folder(within(Path::new(DATA))?, 0o755, UID),
        Entry::folder("tmp", 0o1777, 0),
    ];
    // What is mounted over must be there, if the root is read-only.
    entries.extend(["dev", "proc", "run", "sys"].map(|path| Entry::folder(path, 0o755, 0)));
    let release = Path::new("/usr/lib/os-release");
    if release.is_file() {
        entries.push(Entry::file("etc/os-release", read(release)?, 0o644));
    }
    let mut packages = BTreeSet::new();
    for library in libraries::of(program)? {
        entries.push(Entry::file(within(&library)?, read(&library)?, 0o755));
        packages.extend(package_of(&library));
    }
    packages.extend(package_of(Path::new("/usr/share/ca-certificates")));
    for package in packages {
        entries.extend(about(&package)?);
    }
    Ok(entries)
}

/// Debian's package that a file is of; none where there is no dpkg.
fn package_of(file: &Path) -> Option<String> {
    // Packages of old name `/lib` what is in `/usr/lib`, so both are asked for.
    let real = file.canonicalize().ok()?;
    let old = real
        .strip_prefix("/usr")
        .ok()
        .map(|rest| Path::new("/").join(rest));
    [Some(real.clone()), old].into_iter().flatten().find_map(|path| {
        let path = path.to_string_lossy().into_owned();
        let mut dpkg = run::command("dpkg-query", &["--search", &path]);
        let said = dpkg.stderr(std::process::Stdio::null()).output().ok()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        Some(said.lines().next()?.split([':', ',']).next()?.to_owned())
    })
}

/// A package's licence, and its entry of the database as scanners of images look for it.
fn about(package: &str) -> Result<Vec<Entry>> {
    let status = run::output(&mut run::command("dpkg-query", &["--status", package]))?;
    let mut entries = vec![Entry::file(
        &format!("var/lib/dpkg/status.d/{package}"),
        status,
        0o644,
    )];
    let copyright = format!("usr/share/doc/{package}/copyright");
    let path = Path::new("/").join(&copyright);
    if path.is_file() {
        entries.push(Entry::file(&copyright, read(&path)?, 0o644));
    }
    Ok(entries)
}

fn within(path: &Path) -> Result<&str> {
    let inner = path.strip_prefix("/").ok().and_then(Path::to_str);
    inner.with_context(|| format!("{} is no path from the root", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let path: PathBuf = path.to_owned();
    if !path.is_file() {
        bail!("{} is not there", path.display());
    }
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}
