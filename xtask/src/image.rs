//! `cargo xtask image`: the image of the program, made without a container engine: a small root file system in a folder and the same as
//! an OCI archive, which `podman load`, `docker load` and `skopeo` take. The same program and system libraries give the same digest.

mod archive;
pub mod confined;
pub mod declared;
#[cfg(test)]
mod dockerfile;
mod libraries;
mod root;

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::pack::{self, Entry};
use crate::{machine, report, run};

pub use archive::architecture;

#[derive(clap::Args)]
pub struct Args {
    /// A program that is built already; without it it is built.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Folder for `root/` and `elixirscope-image.tar`. [default: `image` in the target folder]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Run it as a cluster would: its user, no capabilities, its root read-only (root only).
    #[arg(long)]
    check: bool,
    /// Print the figures as JSON and nothing else.
    #[arg(long)]
    json: bool,
}

/// What the root file system may have, MiB.
const ROOT_MIB: f64 = 60.0;
/// The archive's name.
const ARCHIVE: &str = "elixirscope-image.tar";

/// An image that was made.
pub struct Image {
    /// The root file system.
    pub root: PathBuf,
    /// The OCI archive.
    pub archive: PathBuf,
    /// Digest of the image's manifest.
    pub digest: String,
    /// Bytes of the files of the root file system.
    pub root_bytes: u64,
}

pub fn run(args: &Args) -> Result<()> {
    let binary = match &args.binary {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let to = args.to.clone().unwrap_or_else(|| run::target().join("image"));
    let image = make(&binary, &to)?;
    eprintln!("{}: {}", image.archive.display(), image.digest);
    let figures = figures(&image, args.check)?;
    let all_hold = report::all_hold(&figures);
    tell(args.json, &image, figures)?;
    all_hold
}

/// Runs what is in the image; `cargo xtask test` does it with the program that the tests have built.
pub fn test(built: Option<&Path>) -> Result<()> {
    if built.is_none() {
        run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    }
    let programs = built.map_or_else(|| run::target().join("debug"), Path::to_path_buf);
    let folder = tempfile::tempdir()?;
    let image = make(&programs.join("elixirscope"), folder.path())?;
    report::all_hold(&figures(&image, true)?)
}

/// Builds the program with the one profile of the workspace.
pub fn build() -> Result<PathBuf> {
    machine::for_build()?;
    run::check(&mut run::cargo(&["build", "--package", "elixirscope", "--bins"]))?;
    Ok(run::target().join("debug/elixirscope"))
}

/// Makes the root file system and the archive in a folder.
pub fn make(binary: &Path, to: &Path) -> Result<Image> {
    machine::for_image()?;
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let stripped = to.join("elixirscope");
    strip(binary, &stripped)?;
    let time = changed_at();
    let layers = root::layers(&stripped)?;
    let folder = to.join("root");
    pack::write(&folder, layers.iter().flatten().cloned())?;
    let archive = to.join(ARCHIVE);
    let digest = archive::write(&archive, &layers, &version()?, time)?;
    fs::remove_file(&stripped)?;
    Ok(Image {
        root: folder,
        archive,
        digest,
        root_bytes: layers.iter().flatten().map(Entry::bytes).sum(),
    })
}

/// Makes the root file system alone, as a runtime has it when it has unpacked the image.
pub fn unpacked(binary: &Path, to: &Path) -> Result<PathBuf> {
    machine::for_image()?;
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let stripped = to.join("elixirscope");
    strip(binary, &stripped)?;
    let folder = to.join("root");
    pack::write(&folder, root::layers(&stripped)?.into_iter().flatten())?;
    fs::remove_file(&stripped)?;
    Ok(folder)
}

/// A copy without symbols and debug sections.
pub fn strip(binary: &Path, to: &Path) -> Result<()> {
    let (from, stripped) = (binary.to_string_lossy(), to.to_string_lossy());
    let args = ["--strip-all", "--remove-section=.comment", "-o", &stripped, &from];
    run::check(&mut run::command("strip", &args)).with_context(|| format!("cannot strip {from}"))
}

/// The version of the workspace, which all of it shares.
pub fn version() -> Result<String> {
    let manifest = fs::read_to_string(run::root().join("Cargo.toml"))?;
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = \""));
    let version = line.and_then(|rest| rest.split('"').next());
    Ok(version.context("the workspace has no version")?.to_owned())
}

/// When what is packed was changed last, Unix seconds: `SOURCE_DATE_EPOCH`, else the time of the commit, else 0 (a source archive).
pub fn changed_at() -> u64 {
    let given = env::var("SOURCE_DATE_EPOCH").ok();
    let committed = || run::output(&mut run::command("git", &["show", "-s", "--format=%ct", "HEAD"])).ok();
    let seconds = given.or_else(committed).and_then(|s| s.trim().parse().ok());
    seconds.unwrap_or_default()
}

/// Sizes, and what running it confined says.
fn figures(image: &Image, check: bool) -> Result<Vec<Value>> {
    let archive = mib(fs::metadata(&image.archive)?.len());
    let mut figures = vec![
        json!({"name": "root file system", "value": mib(image.root_bytes), "unit": "MiB", "goal": ROOT_MIB}),
        json!({"name": "image archive", "value": archive, "unit": "MiB"}),
    ];
    if check && confined::may() {
        figures.extend(confined::run(&image.root, &version()?)?);
    } else if check {
        eprintln!("not run: the image's program is run confined by root alone (namespaces, chroot)");
    }
    Ok(figures)
}

fn tell(as_json: bool, image: &Image, figures: Vec<Value>) -> Result<()> {
    if !as_json {
        return report::figures("image", figures);
    }
    let told = json!({
        "archive": image.archive, "digest": image.digest, "root": image.root,
        "root_bytes": image.root_bytes, "figures": figures,
    });
    println!("{told}");
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
