//! What objects say of one another: selectors choose pods, names lead somewhere, ports are there.

mod inside;
mod policies;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::objects::{Object, Overlay, items};
use super::selectors::{chooses, has};

/// Namespaces that others make, and what of ours is in them.
const OF_OTHERS: &[&str] = &["cert-manager"];

/// What does not fit, in each overlay; policies and monitors must choose something in one overlay at least.
pub fn check(overlays: &[Overlay]) -> Vec<String> {
    let mut faults = Vec::new();
    for overlay in overlays {
        let mut fault = |object: &Object, what: String| {
            faults.push(format!("{}, {}: {what}", overlay.name, object.id()));
        };
        for object in &overlay.objects {
            in_its_namespace(object, overlay, &mut fault);
            inside::check(object, overlay, &mut fault);
            let spec = object.spec();
            match object.kind() {
                "Service" => service(object, overlay, &mut fault),
                "PodDisruptionBudget" => {
                    let chosen = workloads(overlay, object.namespace())
                        .filter(|w| chooses(&spec["selector"], labels(w)));
                    if chosen.count() != 1 {
                        fault(
                            object,
                            "chooses the pods of more than one workload, or of none".to_owned(),
                        );
                    }
                }
                _ => {}
            }
        }
    }
    faults.extend(policies::check(overlays));
    faults
}

fn in_its_namespace(object: &Object, overlay: &Overlay, fault: &mut impl FnMut(&Object, String)) {
    let namespace = object.namespace();
    let made = overlay
        .objects
        .iter()
        .any(|o| o.kind() == "Namespace" && o.name() == namespace);
    let in_none = namespace.is_empty() && ["Namespace", "ClusterIssuer"].contains(&object.kind());
    if !(made || in_none || OF_OTHERS.contains(&namespace)) {
        fault(object, format!("nothing makes its namespace {namespace:?}"));
    }
}

/// A service chooses pods, and its ports are theirs.
fn service(service: &Object, overlay: &Overlay, fault: &mut impl FnMut(&Object, String)) {
    let selector = &service.spec()["selector"];
    let chosen: Vec<_> = workloads(overlay, service.namespace())
        .filter(|w| has(selector, labels(w)))
        .collect();
    if chosen.is_empty() || selector.as_object().is_none_or(serde_json::Map::is_empty) {
        fault(service, "chooses no pods".to_owned());
    }
    for port in items(&service.spec()["ports"]) {
        let target = if port["targetPort"].is_null() {
            &port["port"]
        } else {
            &port["targetPort"]
        };
        let protocol = protocol(port);
        for workload in &chosen {
            if !ports(workload).any(|(name, number, p)| (name == target || number == target) && p == protocol)
            {
                fault(
                    service,
                    format!("{} has no port {target} ({protocol})", workload.id()),
                );
            }
        }
    }
}

/// What makes pods in a namespace.
fn workloads<'o>(overlay: &'o Overlay, namespace: &'o str) -> impl Iterator<Item = &'o Object> {
    let of = move |object: &&Object| object.template().is_some() && object.namespace() == namespace;
    overlay.objects.iter().filter(of)
}

/// The labels of a workload's pods.
fn labels(workload: &Object) -> &Value {
    &workload.spec()["template"]["metadata"]["labels"]
}

/// Name, number and protocol of each port of a workload's pods.
fn ports(workload: &Object) -> impl Iterator<Item = (&Value, &Value, &str)> {
    let all = workload
        .containers()
        .flat_map(|container| items(&container["ports"]));
    all.map(|port| (&port["name"], &port["containerPort"], protocol(port)))
}

fn protocol(port: &Value) -> &str {
    port["protocol"].as_str().unwrap_or("TCP")
}
