//! Mistakes that are planted into what was rendered, one at a time, to see that others' programs find them. Those that our own checks must
//! find are in their unit tests.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::objects::{Object, Overlay};
use super::{checkov, schemas, settings};

/// Kind of object, the place of the mistake, the mistake, and a word of what must be said.
const MISSPELT: &[(&str, &str, &str)] = &[
    (
        "StatefulSet",
        "/spec/template/spec/containers/0",
        "readynessProbe",
    ),
    ("Service", "/spec", "publishNotReady"),
    ("NetworkPolicy", "/spec", "policyType"),
    ("Certificate", "/spec/privateKey", "rotation"),
    ("ClusterIssuer", "/spec", "selfsigned"),
    ("PodMonitor", "/spec/podMetricsEndpoints/0", "targetport"),
    ("PrometheusRule", "/spec/groups/0/rules/0", "expression"),
];

/// Mistakes that no schema refused.
pub fn in_schemas(objects: &[Object]) -> Result<Vec<String>> {
    let mut missed = Vec::new();
    let mut wrong = Vec::new();
    for (kind, place, word) in MISSPELT {
        let object = objects
            .iter()
            .find(|o| o.kind() == *kind)
            .with_context(|| format!("no {kind}"))?;
        let mut object = object.clone();
        let at = object.value.pointer_mut(place).and_then(Value::as_object_mut);
        at.with_context(|| format!("{kind} has no {place}"))?
            .insert((*word).to_owned(), json!(true));
        wrong.push(object);
    }
    let said = schemas::check(&wrong)?;
    for ((kind, _, word), object) in MISSPELT.iter().zip(&wrong) {
        if !said
            .iter()
            .any(|fault| fault.starts_with(&object.id()) && fault.contains(word))
        {
            missed.push(format!("{kind} with {word}"));
        }
    }
    Ok(missed)
}

/// Unknown settings that the program took, or refused without naming the nearest one.
pub fn in_settings(program: &Path, overlays: &[Overlay]) -> Result<Vec<String>> {
    let mut missed = Vec::new();
    let processes = overlays.iter().flat_map(|overlay| settings::processes(overlay).0);
    for process in processes {
        let text = process.text.replacen("log-json", "log-jsen", 1);
        if text == process.text {
            bail!("{} has no log-json to misspell", process.id());
        }
        match settings::show(program, process.role, &text)? {
            Ok(_) => missed.push(format!("{}: took log-jsen", process.id())),
            Err(said) if said.contains("log-jsen") && said.contains("\"log-json\"") => {}
            Err(said) => missed.push(format!("{}: did not name the nearest: {said}", process.id())),
        }
    }
    Ok(missed)
}

/// Mistakes that checkov did not find: a privileged container in the place of one that is not.
pub fn in_checkov(overlays: &[Overlay]) -> Result<Vec<String>> {
    let overlay = overlays
        .iter()
        .find(|o| o.name == "single")
        .context("no overlay single")?;
    let set = overlay
        .objects
        .iter()
        .find(|o| o.kind() == "StatefulSet")
        .context("no StatefulSet")?;
    let mut set = set.clone();
    let container = set
        .value
        .pointer_mut("/spec/template/spec/containers/0/securityContext");
    *container.context("no security context")? = json!({"privileged": true});
    let planted = Overlay {
        name: "planted".to_owned(),
        objects: vec![set],
    };
    let report = checkov::ask(&planted)?;
    // CKV_K8S_16: container should not be privileged.
    let found = checkov::failures(&report).any(|(check, _)| check == "CKV_K8S_16");
    Ok(if found {
        Vec::new()
    } else {
        vec!["a privileged container".to_owned()]
    })
}
