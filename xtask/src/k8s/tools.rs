//! Other people's programs that the checks use, fetched where they are missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

/// Schemas of Kubernetes' releases, and a reader of YAML that minds its form.
const PYTHON: &[&str] = &["kubernetes-validate==1.37.0", "yamllint==1.38.0"];
/// Checks of good practice. Large: only where it runs.
const CHECKOV: &[&str] = &["checkov==3.3.30"];
/// The first version of kustomize that is good enough: it knows components and merges lists of containers by name.
const KUSTOMIZE: &str = "v5.";
/// Debian's release that has such a kubectl, for machines with an older Debian.
const RELEASE: &str = "trixie";

/// The Python that has the validators.
pub fn python() -> Result<PathBuf> {
    testbed::python("k8s", PYTHON)
}

/// The program checkov.
pub fn checkov() -> Result<PathBuf> {
    Ok(testbed::python("checkov", CHECKOV)?.with_file_name("checkov"))
}

/// A kubectl whose kustomize is new enough: the one that is installed, else Debian's, unpacked into the target folder.
pub fn kubectl() -> Result<PathBuf> {
    let folder = run::target().join("k8s/kubectl");
    for path in [PathBuf::from("kubectl"), folder.join("usr/bin/kubectl")] {
        if kustomize_of(&path).is_some_and(|version| version.starts_with(KUSTOMIZE)) {
            return Ok(path);
        }
    }
    fetch(&folder)?;
    let path = folder.join("usr/bin/kubectl");
    match kustomize_of(&path) {
        Some(version) if version.starts_with(KUSTOMIZE) => Ok(path),
        version => bail!("kubectl of Debian {RELEASE} has the kustomize {version:?}, {KUSTOMIZE} is needed"),
    }
}

fn kustomize_of(kubectl: &Path) -> Option<String> {
    let mut command = Command::new(kubectl);
    let output = command
        .args(["version", "--client"])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("Kustomize Version: "))?;
    Some(version.to_owned())
}

/// With lists of packages of its own, so that nothing of this machine's is changed. The program is one file without libraries.
fn fetch(folder: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(folder);
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let key = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let source = format!("deb [signed-by={key}] http://deb.debian.org/debian {RELEASE} main\n");
    fs::write(folder.join("sources.list"), source)?;
    let apt = |words: &[&str]| {
        let mut apt = run::command("apt-get", &["-qq"]);
        for (option, place) in [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::State::lists", "lists"),
            ("Dir::Cache", "cache"),
        ] {
            apt.args(["-o", &format!("{option}={}", folder.join(place).display())]);
        }
        // Unpacked by hand below: the folder need not be one that the client's own user may write.
        apt.args(["-o", "Dir::Etc::sourceparts=-", "-o", "APT::Sandbox::User=root"]);
        run::check(apt.args(words).current_dir(folder))
    };
    apt(&["update"]).context("kubectl is missing, and Debian's packages cannot be read")?;
    apt(&["download", &format!("kubectl/{RELEASE}")])?;
    let packages = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut packages = packages.filter(|path| path.extension().is_some_and(|e| e == "deb"));
    let package = packages.next().context("apt-get downloaded nothing")?;
    let mut unpack = run::command("dpkg-deb", &["--extract"]);
    run::check(unpack.arg(&package).arg(folder))?;
    fs::remove_file(package)?;
    Ok(())
}

/// What yamllint says of the files as they are written.
pub fn lint() -> Result<Vec<String>> {
    let mut lint = Command::new(python()?);
    lint.args(["-m", "yamllint", "--format", "parsable", "--strict"])
        .args(["--config-file", "k8s/.yamllint.yaml", "k8s"])
        .current_dir(run::root());
    let output = lint.output().context("cannot start yamllint")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let faults: Vec<String> = said.lines().map(str::to_owned).collect();
    if faults.is_empty() && !output.status.success() {
        bail!("yamllint: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(faults)
}
