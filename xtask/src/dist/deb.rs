//! The Debian package, built by `dpkg-deb` from a folder; the libraries that it depends on are what `dpkg-shlibdeps` finds.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::contents::Contents;
use crate::date;
use crate::image::{architecture, changed_at, version};
use crate::pack::{self, Entry, complete, gzip};
use crate::run;

/// Builds it; its path.
pub fn make(contents: &Contents, program: &Path, folder: &Path) -> Result<PathBuf> {
    let (version, architecture) = (format!("{}-1", version()?), architecture()?);
    let staged = tempfile::tempdir()?;
    let root = staged.path().join("root");
    let files = files(contents, &version)?;
    let kib: u64 = files.iter().map(|file| file.bytes().div_ceil(1024)).sum();
    let control = control(&[
        ("VERSION", &version),
        ("ARCHITECTURE", architecture),
        ("INSTALLED_SIZE", &kib.to_string()),
        ("LIBRARIES", &libraries(program)?),
    ])?;
    pack::write(&root, complete(files))?;
    let sums = "find . -type f -not -path './DEBIAN/*' -printf '%P\\n' | LC_ALL=C sort | xargs md5sum";
    let sums = run::output(run::command("sh", &["-c", sums]).current_dir(&root))?;
    let mut own = control;
    own.push(Entry::file("DEBIAN/md5sums", sums, 0o644));
    pack::add(&root, complete(own))?;
    let deb = folder.join(format!("elixirscope_{version}_{architecture}.deb"));
    let (from, to) = (root.to_string_lossy(), deb.to_string_lossy());
    let mut build = run::command("dpkg-deb", &["--root-owner-group", "-Zxz", "--build", &from, &to]);
    // Times of files are set to it, so that the same files are the same package.
    run::check(build.env("SOURCE_DATE_EPOCH", changed_at().to_string()))?;
    Ok(deb)
}

/// What is installed.
fn files(contents: &Contents, version: &str) -> Result<Vec<Entry>> {
    let doc = "usr/share/doc/elixirscope";
    let packaging = run::root().join("packaging/debian");
    let changes = format!(
        "elixirscope ({version}) unstable; urgency=medium\n\n  * Release {version}.\n\n -- {}  {}\n",
        maintainer()?,
        date::mail(changed_at())?,
    );
    let mut files = vec![
        Entry::file("usr/bin/elixirscope", &*contents.program, 0o755),
        Entry::file(
            "usr/share/man/man1/elixirscope.1.gz",
            gzip(contents.manual.as_bytes(), 9)?,
            0o644,
        ),
        Entry::file(
            &format!("{doc}/changelog.Debian.gz"),
            gzip(changes.as_bytes(), 9)?,
            0o644,
        ),
        Entry::file(
            &format!("{doc}/copyright"),
            fs::read(packaging.join("copyright"))?,
            0o644,
        ),
        Entry::file(
            "usr/share/lintian/overrides/elixirscope",
            fs::read(packaging.join("lintian-overrides"))?,
            0o644,
        ),
    ];
    let placed = [
        ("lib/systemd/system", &contents.units),
        ("etc/elixirscope", &contents.settings),
        (doc, &contents.documents),
    ];
    for (folder, named) in placed {
        // The licence is Debian's own copy, which `copyright` names.
        let named = named.iter().filter(|(name, _)| name != "LICENSE");
        files.extend(named.map(|(name, bytes)| Entry::file(&format!("{folder}/{name}"), &**bytes, 0o644)));
    }
    Ok(files)
}

/// The files of `DEBIAN/`, with their blanks filled in.
fn control(blanks: &[(&str, &str)]) -> Result<Vec<Entry>> {
    let from = run::root().join("packaging/debian");
    let mut control = fs::read_to_string(from.join("control"))?;
    for (name, value) in blanks {
        control = control.replace(&format!("@{name}@"), value);
    }
    let mut entries = vec![
        Entry::file("DEBIAN/control", control, 0o644),
        Entry::file("DEBIAN/conffiles", fs::read(from.join("conffiles"))?, 0o644),
    ];
    for script in ["postinst", "prerm", "postrm"] {
        entries.push(Entry::file(
            &format!("DEBIAN/{script}"),
            fs::read(from.join(script))?,
            0o755,
        ));
    }
    Ok(entries)
}

/// `ElixirScope maintainers <...>`, as the control file says it.
fn maintainer() -> Result<String> {
    let control = fs::read_to_string(run::root().join("packaging/debian/control"))?;
    let line = control.lines().find_map(|line| line.strip_prefix("Maintainer: "));
    Ok(line.context("no maintainer")?.to_owned())
}

/// `libc6 (>= 2.34), ...`: packages that have the program's libraries, in versions that have the symbols that it uses.
fn libraries(program: &Path) -> Result<String> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("debian"))?;
    let stub = "Source: elixirscope\n\nPackage: elixirscope\nArchitecture: any\n";
    fs::write(folder.path().join("debian/control"), stub)?;
    let mut asked = run::command("dpkg-shlibdeps", &["-O", &program.to_string_lossy()]);
    let said = run::output(asked.current_dir(folder.path()))?;
    let found = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(found.context("dpkg-shlibdeps found no libraries")?.to_owned())
}
