//! A workload and what its pods name: its own labels, volumes, settings, secrets, accounts, the ports of probes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Object, Overlay, chooses, labels, ports};
use crate::k8s::objects::{items, names};

/// Secrets that people make: `docs/kubernetes.md` says how. The others are those of certificates.
const BY_HAND: &[&str] = &[
    "elixirscope-member-tls",
    "elixirscope-agent-tls",
    "elixirscope-tokens",
    "elixirscope-object-storage",
    "shop-cookie",
];

pub fn check(object: &Object, overlay: &Overlay, fault: &mut impl FnMut(&Object, String)) {
    let Some(template) = object.template() else { return };
    let (spec, pod) = (object.spec(), &template["spec"]);
    if !chooses(&spec["selector"], labels(object)) || spec["selector"].is_null() {
        fault(object, "its selector does not choose its own pods".to_owned());
    }
    for spread in items(&pod["topologySpreadConstraints"]) {
        if !chooses(&spread["labelSelector"], labels(object)) {
            fault(
                object,
                format!("spreads other pods than its own over {}", spread["topologyKey"]),
            );
        }
    }
    let there = |kind: &str, name: &Value| {
        let mut objects = overlay.objects.iter();
        objects.any(|o| o.kind() == kind && name == o.name() && o.namespace() == object.namespace())
    };
    if !there("ServiceAccount", &pod["serviceAccountName"]) {
        fault(object, format!("no account {}", pod["serviceAccountName"]));
    }
    if object.kind() == "StatefulSet" {
        let mut services = overlay.objects.iter();
        let service = services.find(|o| {
            o.kind() == "Service" && spec["serviceName"] == o.name() && o.namespace() == object.namespace()
        });
        if service.is_none_or(|s| s.spec()["clusterIP"] != "None") {
            fault(
                object,
                format!("no service {} that gives its pods names", spec["serviceName"]),
            );
        }
    }
    let secret = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        BY_HAND.contains(&name) || {
            let mut certificates = overlay.objects.iter().filter(|o| o.kind() == "Certificate");
            certificates.any(|o| o.spec()["secretName"] == name && o.namespace() == object.namespace())
        }
    };
    for volume in items(&pod["volumes"]) {
        if volume["configMap"].is_object() && !there("ConfigMap", &volume["configMap"]["name"]) {
            fault(object, format!("no ConfigMap {}", volume["configMap"]["name"]));
        }
        if volume["secret"].is_object() && !secret(&volume["secret"]["secretName"]) {
            fault(
                object,
                format!("nobody makes the Secret {}", volume["secret"]["secretName"]),
            );
        }
    }
    for from in object.containers().flat_map(|c| items(&c["envFrom"])) {
        if from["configMapRef"].is_object() && !there("ConfigMap", &from["configMapRef"]["name"]) {
            fault(object, format!("no ConfigMap {}", from["configMapRef"]["name"]));
        }
        if from["secretRef"].is_object() && !secret(&from["secretRef"]["name"]) {
            fault(
                object,
                format!("nobody makes the Secret {}", from["secretRef"]["name"]),
            );
        }
    }
    mounts(object, pod, fault);
    probes(object, fault);
}

/// Every mount is of a volume, every volume is mounted.
fn mounts(object: &Object, pod: &Value, fault: &mut impl FnMut(&Object, String)) {
    let claims = items(&object.spec()["volumeClaimTemplates"]).filter_map(|c| c["metadata"]["name"].as_str());
    let volumes: BTreeSet<&str> = names(&pod["volumes"]).chain(claims).collect();
    let mounted: BTreeSet<&str> = object
        .containers()
        .flat_map(|c| names(&c["volumeMounts"]))
        .collect();
    for name in volumes.symmetric_difference(&mounted) {
        fault(object, format!("volume {name} is not there, or is not mounted"));
    }
}

/// Probes ask a port that the pod has.
fn probes(object: &Object, fault: &mut impl FnMut(&Object, String)) {
    for container in object.containers() {
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            for how in ["httpGet", "tcpSocket"] {
                let port = &container[probe][how]["port"];
                let there = ports(object)
                    .any(|(name, number, protocol)| (name == port || number == port) && protocol == "TCP");
                if !port.is_null() && !there {
                    fault(
                        object,
                        format!("{probe} asks the port {port}, which is not there"),
                    );
                }
            }
        }
    }
}
