//! `cargo xtask dist`: what a release is made of, in one folder: a tarball and a Debian package of the program with its units, settings
//! and documents, the image, the list of what is linked in (SBOM), debug symbols, checksums.

mod check;
mod contents;
mod deb;
mod install;
mod sbom;
mod steps;

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::image::{self, changed_at, version};
use crate::{machine, pack, report, run};
use contents::Contents;

#[derive(clap::Args)]
pub struct Args {
    /// A program that is built already; without it it is built, with the list of its crates inside (`cargo auditable`).
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// The release's folder; emptied first. [default: `dist` in the target folder]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Check what was made: checksums, lintian, units, settings, what is linked in; as root also an installation in a Debian of its own.
    #[arg(long)]
    check: bool,
}

/// A release that was made.
struct Release {
    folder: PathBuf,
    /// `elixirscope-0.1.0-linux-amd64`.
    stem: String,
    /// The program as it is packed.
    program: PathBuf,
    deb: PathBuf,
    sbom: Value,
    /// Keeps the program.
    _work: tempfile::TempDir,
}

pub fn run(args: &Args) -> Result<()> {
    machine::for_dist()?;
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let folder = args.to.clone().unwrap_or_else(|| run::target().join("dist"));
    let release = make(&binary, &folder)?;
    let mut figures = sizes(&release)?;
    if args.check {
        figures.extend(check::run(&release)?);
    }
    let all_hold = report::all_hold(&figures);
    report::figures("dist", figures)?;
    all_hold
}

/// Builds with the one profile of the workspace. `cargo auditable` wraps the compiler of the workspace's own crates only, so RocksDB is
/// not built again.
fn build() -> Result<PathBuf> {
    machine::for_audited()?;
    run::check(&mut run::cargo(&[
        "auditable",
        "build",
        "--package",
        "elixirscope",
        "--bins",
    ]))?;
    Ok(run::target().join("debug/elixirscope"))
}

fn make(binary: &Path, folder: &Path) -> Result<Release> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder)?;
    let (version, architecture) = (version()?, image::architecture()?);
    let stem = format!("elixirscope-{version}-linux-{architecture}");
    let work = tempfile::tempdir()?;
    let program = work.path().join("elixirscope");
    split(binary, &program, &folder.join(format!("{stem}.debug")))?;
    let sbom = sbom::make(
        &folder.join(format!("elixirscope-{version}.cdx.json")),
        changed_at(),
    )?;
    let contents = Contents::of(&program, &sbom)?;
    contents.tarball(&stem, &folder.join(format!("{stem}.tar.gz")))?;
    let deb = deb::make(&contents, &program, folder)?;
    let made = image::make(&program, &work.path().join("image"))?;
    fs::copy(
        made.archive,
        folder.join(format!("elixirscope-{version}-image-{architecture}.tar")),
    )?;
    sums(folder)?;
    Ok(Release {
        folder: folder.to_owned(),
        stem,
        program,
        deb,
        sbom,
        _work: work,
    })
}

/// The program without symbols, and a file with them, by which debuggers and backtraces find them again (`/usr/lib/debug`).
fn split(binary: &Path, program: &Path, symbols: &Path) -> Result<()> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    // The name that debuggers look for is that of the file when it is linked to the program.
    let linked = program.with_file_name("elixirscope.debug");
    let keep = [
        "--only-keep-debug",
        "--compress-debug-sections",
        &text(binary),
        &text(&linked),
    ];
    run::check(&mut run::command("objcopy", &keep))?;
    image::strip(binary, program)?;
    let link = format!("--add-gnu-debuglink={}", text(&linked));
    run::check(&mut run::command("objcopy", &[&link, &text(program)]))?;
    fs::copy(&linked, symbols)?;
    Ok(())
}

/// `SHA256SUMS` of all files, as `sha256sum --check` reads it.
fn sums(folder: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for file in files(folder)? {
        let name = file
            .file_name()
            .context("a file without a name")?
            .to_string_lossy()
            .into_owned();
        let digest = pack::digest(&fs::read(&file)?).replace("sha256:", "");
        lines.push(format!("{digest}  {name}\n"));
    }
    Ok(fs::write(folder.join("SHA256SUMS"), lines.concat())?)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

fn sizes(release: &Release) -> Result<Vec<Value>> {
    let size = |file: &PathBuf| -> Result<Value> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::metadata(file)?.len() as f64;
        Ok(json!({"name": name, "value": bytes / f64::from(1 << 20), "unit": "MiB"}))
    };
    files(&release.folder)?.iter().map(size).collect()
}

/// `PATH` with the folders that Debian keeps from users.
fn path_of_root() -> String {
    format!(
        "/usr/local/sbin:/usr/sbin:/sbin:{}",
        env::var("PATH").unwrap_or_default()
    )
}
