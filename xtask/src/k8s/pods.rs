//! What every pod keeps to: the standard `restricted` where its namespace says so, and our own rules of starting, stopping and keeping data.

use serde_json::Value;

use super::objects::{Object, Overlay, items};

/// Label of a namespace that says which standard holds in it.
const STANDARD: &str = "pod-security.kubernetes.io/enforce";
/// Kinds of volumes that the standard `restricted` allows (Kubernetes' documentation, "Pod Security Standards").
const VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

pub fn check(overlay: &Overlay) -> Vec<String> {
    let mut faults = Vec::new();
    for object in overlay.objects.iter().filter(|o| o.template().is_some()) {
        let mut found = Vec::new();
        let mut namespaces = overlay.objects.iter().filter(|o| o.kind() == "Namespace");
        let namespace = namespaces.find(|n| n.name() == object.namespace());
        match namespace.and_then(|n| n.value["metadata"]["labels"][STANDARD].as_str()) {
            Some("restricted") => restricted(object, &mut found),
            Some("privileged") => {}
            other => found.push(format!("its namespace enforces {other:?}")),
        }
        ours(object, &mut found);
        faults.extend(
            found
                .into_iter()
                .map(|what| format!("{}, {}: {what}", overlay.name, object.id())),
        );
    }
    faults
}

/// The standard `restricted`.
fn restricted(object: &Object, found: &mut Vec<String>) {
    let pod = &object.spec()["template"]["spec"];
    for shared in ["hostNetwork", "hostPID", "hostIPC"] {
        if pod[shared] == true {
            found.push(format!("shares with the machine: {shared}"));
        }
    }
    for volume in items(&pod["volumes"]) {
        let kinds = volume
            .as_object()
            .into_iter()
            .flatten()
            .map(|(kind, _)| kind.as_str());
        for kind in kinds.filter(|kind| *kind != "name" && !VOLUMES.contains(kind)) {
            found.push(format!("volume {} of the kind {kind}", volume["name"]));
        }
    }
    for container in object.containers() {
        let mut fault = |what: &str| found.push(format!("container {}: {what}", container["name"]));
        let own = &container["securityContext"];
        let effective = |field: &str| {
            let own = &own[field];
            if own.is_null() {
                &pod["securityContext"][field]
            } else {
                own
            }
        };
        if effective("runAsNonRoot") != true || effective("runAsUser") == 0 {
            fault("may be root");
        }
        if effective("seccompProfile")["type"] != "RuntimeDefault" {
            fault("without the seccomp profile RuntimeDefault");
        }
        if own["privileged"] == true || container["ports"].to_string().contains("hostPort") {
            fault("privileged, or a port of the machine");
        }
    }
}

/// What holds for all pods.
fn ours(object: &Object, found: &mut Vec<String>) {
    let (spec, pod) = (object.spec(), &object.spec()["template"]["spec"]);
    if pod["automountServiceAccountToken"] != false {
        found.push("is given a token of Kubernetes, which it does not need".to_owned());
    }
    if pod["terminationGracePeriodSeconds"]
        .as_u64()
        .is_none_or(|seconds| seconds < 60)
    {
        found.push("less than 60 s to stop".to_owned());
    }
    let group = !pod["securityContext"]["fsGroup"].is_null() || pod["securityContext"]["runAsUser"] == 0;
    if !group && items(&pod["volumes"]).any(|v| v["secret"].is_object()) {
        found.push("secrets for a group (fsGroup) that it does not name".to_owned());
    }
    let keeps = !spec["volumeClaimTemplates"].is_null();
    if keeps {
        let policy = &spec["persistentVolumeClaimRetentionPolicy"];
        if policy["whenDeleted"] != "Retain" || policy["whenScaled"] != "Retain" {
            found.push("claims go with the set".to_owned());
        }
        if spec["minReadySeconds"]
            .as_u64()
            .is_none_or(|seconds| seconds < 30)
        {
            found.push("an update goes on before 30 s of readiness".to_owned());
        }
        if spec["podManagementPolicy"] != "Parallel" {
            found.push("pods that wait for one another's readiness never start together".to_owned());
        }
    }
    for container in object.containers() {
        let mut fault = |what: &str| found.push(format!("container {}: {what}", container["name"]));
        let own = &container["securityContext"];
        if own["readOnlyRootFilesystem"] != true {
            fault("may write its root file system");
        }
        if own["allowPrivilegeEscalation"] != false {
            fault("may get more rights");
        }
        if own["capabilities"]["drop"] != serde_json::json!(["ALL"]) || !own["capabilities"]["add"].is_null()
        {
            fault("keeps capabilities");
        }
        if !fixed(&container["image"]) {
            fault("its image has no fixed tag");
        }
        let resources = &container["resources"];
        if resources["requests"]["cpu"].is_null() || resources["limits"]["memory"].is_null() {
            fault("no request of the processor, or no bound of the memory");
        }
        if container["livenessProbe"].is_null() {
            fault("nobody asks whether it lives");
        }
        if keeps && (container["startupProbe"].is_null() || container["lifecycle"]["preStop"].is_null()) {
            fault("keeps data without a startup probe and a preStop");
        }
    }
}

/// A tag or digest that does not move.
fn fixed(image: &Value) -> bool {
    let image = image.as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    last.contains("@sha256:") || last.split_once(':').is_some_and(|(_, tag)| tag != "latest")
}

#[cfg(test)]
mod tests;
