//! Python packages that tests need beside us (DuckDB, a server of S3): in environments of their own below the target folder, made
//! the first time they are needed.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The Python of an environment with these releases (`duckdb==1.3.2`), made if it is not there. Programs run at once: one makes
/// it, the others wait. Needs python3 with venv, and PyPI.
pub fn python(name: &str, releases: &[&str]) -> Result<PathBuf> {
    // The target folder has `deps/` and `examples/`, where programs like this one lie.
    let own = std::env::current_exe().context("this program has no place")?;
    let target = own.ancestors().nth(2).context("no target folder")?.to_owned();
    let folder = target.join(format!("python-{name}"));
    let (python, done) = (folder.join("bin/python"), folder.join("releases"));
    let lock = File::create(target.join(format!("python-{name}.lock")))?;
    lock.lock()?;
    let wanted = releases.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    let _ = std::fs::remove_dir_all(&folder);
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    run(install.args(releases))?;
    std::fs::write(&done, wanted)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| shown.clone())?;
    if !output.status.success() {
        bail!("{shown}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
