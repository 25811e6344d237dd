//! Objects against the schemas of Kubernetes' releases (from the Python package kubernetes-validate), and other kinds against `k8s/schemas/`.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::objects::Object;
use super::tools;
use crate::run;

/// Releases that are looked at.
const RELEASES: &[&str] = &["1.32", "1.33", "1.34", "1.35", "1.36", "1.37"];
const SCRIPT: &str = include_str!("validate.py");

/// What no release, or not every one, takes.
pub fn check(objects: &[Object]) -> Result<Vec<String>> {
    let values: Vec<&Value> = objects.iter().map(|object| &object.value).collect();
    let asked = json!({"releases": RELEASES, "schemas": run::root().join("k8s/schemas"), "objects": values});
    let mut command = std::process::Command::new(tools::python()?);
    command.args(["-c", SCRIPT]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start Python")?;
    child
        .stdin
        .take()
        .context("no input")?
        .write_all(asked.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the validator failed: {}", output.status);
    }
    let faults: Vec<(usize, String, String, String)> = serde_json::from_slice(&output.stdout)?;
    let shown = faults.into_iter().map(|(index, release, place, message)| {
        let id = objects.get(index).map(Object::id).unwrap_or_default();
        format!("{id}, {release}: {place}: {message}")
    });
    Ok(shown.collect())
}
