//! Settings in ConfigMaps: the real program takes each file, and what it would run with fits the pod: doors, folders, and the members' names.

mod addresses;
mod fits;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::objects::{Object, Overlay, items};
use crate::run;

/// Variable that names the file of settings.
const CONFIG: &str = "ELIXIRSCOPE_CONFIG";

pub struct Checked {
    pub keys: usize,
    pub faults: Vec<String>,
}

/// A container of ours with its settings.
pub struct Process<'o> {
    pub overlay: &'o Overlay,
    pub workload: &'o Object,
    pub container: &'o Value,
    /// `coordinator`, `agent`, ...
    pub role: &'o str,
    /// The text of its file.
    pub text: &'o str,
}

impl Process<'_> {
    pub fn id(&self) -> String {
        format!("{}, {}, {}", self.overlay.name, self.workload.id(), self.role)
    }
}

/// The program to ask: a given one, else it is built.
pub fn program(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(program) = given {
        return program
            .canonicalize()
            .with_context(|| format!("no {}", program.display()));
    }
    // The whole workspace: a part would resolve other features, and RocksDB be built again.
    run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    Ok(run::target().join("debug/elixirscope"))
}

/// Every file of every overlay.
pub fn check(program: &Path, overlays: &[Overlay]) -> Result<Checked> {
    let mut checked = Checked {
        keys: 0,
        faults: Vec::new(),
    };
    for overlay in overlays {
        let (processes, faults) = processes(overlay);
        checked.faults.extend(faults);
        for process in &processes {
            match show(program, process.role, process.text)? {
                Err(said) => checked.faults.push(format!("{}: {said}", process.id())),
                Ok(shown) => {
                    checked.keys += shown.iter().filter(|setting| setting["from"] == "file").count();
                    let mut faults = fits::check(process, &shown);
                    faults.extend(addresses::check(process, &shown, overlays));
                    checked.faults.extend(
                        faults
                            .into_iter()
                            .map(|fault| format!("{}: {fault}", process.id())),
                    );
                }
            }
        }
    }
    Ok(checked)
}

/// What the program would run with, or what it has against the file.
pub fn show(program: &Path, role: &str, text: &str) -> Result<Result<Vec<Value>, String>> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), text)?;
    let mut show = Command::new(program);
    show.args(["config", "show", role, "--json"]).arg(file.path());
    show.env("RUST_BACKTRACE", "0");
    // Only the file: not what this machine's environment says.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ELIXIRSCOPE_")) {
        show.env_remove(name);
    }
    let output = show
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    if !output.status.success() {
        return Ok(Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(Ok(serde_json::from_slice(&output.stdout)?))
}

/// All containers that name a file of settings; and those whose file is not there, or whose image is ours without a file.
pub fn processes(overlay: &Overlay) -> (Vec<Process<'_>>, Vec<String>) {
    let (mut processes, mut faults) = (Vec::new(), Vec::new());
    for workload in overlay.objects.iter().filter(|o| o.template().is_some()) {
        for container in workload.containers() {
            let image = container["image"].as_str().unwrap_or_default();
            let ours = image
                .rsplit('/')
                .next()
                .is_some_and(|last| last.starts_with("elixirscope:"));
            if !ours {
                continue;
            }
            let found = file(container).and_then(|path| text(path, container, workload, overlay));
            match (container["args"][0].as_str(), found) {
                (Some(role), Ok(text)) => processes.push(Process {
                    overlay,
                    workload,
                    container,
                    role,
                    text,
                }),
                (role, found) => {
                    let why = found.err().map(|error| format!("{error:#}")).unwrap_or_default();
                    faults.push(format!(
                        "{}, {}: role {role:?} {why}",
                        overlay.name,
                        workload.id()
                    ));
                }
            }
        }
    }
    (processes, faults)
}

/// The path in the container.
fn file(container: &Value) -> Result<&str> {
    let variable = items(&container["env"]).find(|variable| variable["name"] == CONFIG);
    variable
        .and_then(|variable| variable["value"].as_str())
        .with_context(|| format!("no {CONFIG}"))
}

/// What is mounted there.
fn text<'o>(path: &str, container: &'o Value, workload: &'o Object, overlay: &'o Overlay) -> Result<&'o str> {
    let (folder, key) = path.rsplit_once('/').context("no folder")?;
    let mount = items(&container["volumeMounts"]).find(|mount| mount["mountPath"] == folder);
    let mount = mount.with_context(|| format!("nothing is mounted on {folder}"))?;
    let volumes = &workload.spec()["template"]["spec"]["volumes"];
    let volume = items(volumes).find(|volume| volume["name"] == mount["name"]);
    let name = volume
        .map(|volume| &volume["configMap"]["name"])
        .context("no volume")?;
    let mut maps = overlay
        .objects
        .iter()
        .filter(|o| o.kind() == "ConfigMap" && o.namespace() == workload.namespace());
    let Some(map) = maps.find(|map| name == map.name()) else {
        bail!("no ConfigMap {name}")
    };
    map.value["data"][key]
        .as_str()
        .with_context(|| format!("no {key} in {name}"))
}

#[cfg(test)]
mod tests;
