//! Policies of the network, and monitors: whom they choose. Agents may be in namespaces that an overlay does not have, so each must choose
//! somebody in one overlay at least. Every namespace of ours denies what is not opened, and ports that are opened are there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Object, Overlay, chooses, labels, ports, protocol, workloads};
use crate::k8s::objects::items;

pub fn check(overlays: &[Overlay]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut idle: BTreeMap<String, bool> = BTreeMap::new();
    for overlay in overlays {
        for object in &overlay.objects {
            match object.kind() {
                "NetworkPolicy" => {
                    for (part, chosen) in parts(object, overlay) {
                        *idle.entry(format!("{}: {part}", object.id())).or_insert(true) &= !chosen;
                    }
                    faults.extend(
                        closed(object, overlay)
                            .map(|what| format!("{}, {}: {what}", overlay.name, object.id())),
                    );
                }
                "PodMonitor" => *idle.entry(object.id()).or_insert(true) &= !monitored(object, overlay),
                _ => {}
            }
        }
        faults.extend(
            open(overlay)
                .map(|namespace| format!("{}: {namespace} does not deny what is not opened", overlay.name)),
        );
    }
    faults.extend(
        idle.into_iter()
            .filter(|(_, idle)| *idle)
            .map(|(id, _)| format!("{id} chooses no pods in any overlay")),
    );
    faults
}

/// Each selector of a policy that is about pods of ours, and whether it chooses some.
fn parts<'o>(policy: &'o Object, overlay: &'o Overlay) -> Vec<(String, bool)> {
    let spec = policy.spec();
    let own = workloads(overlay, policy.namespace()).any(|w| chooses(&spec["podSelector"], labels(w)));
    let mut parts = vec![("podSelector".to_owned(), own)];
    for (way, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, peer) in items(&spec[way]).flat_map(|rule| items(&rule[peers])).enumerate() {
            if let Some(namespace) = namespace_of(peer, policy)
                && overlay
                    .objects
                    .iter()
                    .any(|o| o.kind() == "Namespace" && o.name() == namespace)
            {
                let chosen = workloads(overlay, namespace).any(|w| chooses(&peer["podSelector"], labels(w)));
                parts.push((format!("{way} {index}"), chosen));
            }
        }
    }
    parts
}

/// The one namespace that a peer is in, if it is said by name.
fn namespace_of<'o>(peer: &'o Value, policy: &'o Object) -> Option<&'o str> {
    if peer["ipBlock"].is_object() {
        return None;
    }
    let selector = &peer["namespaceSelector"];
    if selector.is_null() {
        return Some(policy.namespace());
    }
    selector["matchLabels"]["kubernetes.io/metadata.name"].as_str()
}

/// Ports that a policy opens into pods that have none such.
fn closed<'o>(policy: &'o Object, overlay: &'o Overlay) -> impl Iterator<Item = String> + 'o {
    let spec = policy.spec();
    let chosen: Vec<_> = workloads(overlay, policy.namespace())
        .filter(|w| chooses(&spec["podSelector"], labels(w)))
        .collect();
    let opened = items(&spec["ingress"]).flat_map(|rule| items(&rule["ports"]));
    // A range is for ports that are chosen at each start.
    let opened = opened.filter(|port| port["endPort"].is_null());
    opened.flat_map(move |port| {
        let lacking = chosen.clone().into_iter().filter(move |workload| {
            !ports(workload).any(|(name, number, p)| {
                (name == &port["port"] || number == &port["port"]) && p == protocol(port)
            })
        });
        lacking.map(move |workload| format!("opens {}, which {} has not", port["port"], workload.id()))
    })
}

/// Namespaces with pods in which no policy denies the rest.
fn open(overlay: &Overlay) -> impl Iterator<Item = &str> {
    let with_pods = overlay
        .objects
        .iter()
        .filter(|o| o.template().is_some())
        .map(Object::namespace);
    let with_pods: BTreeSet<&str> = with_pods.collect();
    with_pods.into_iter().filter(|namespace| {
        let mut policies = overlay
            .objects
            .iter()
            .filter(|o| o.kind() == "NetworkPolicy" && o.namespace() == *namespace);
        !policies.any(|policy| {
            let spec = policy.spec();
            let all = spec["podSelector"]
                .as_object()
                .is_some_and(serde_json::Map::is_empty);
            all && ["Ingress", "Egress"]
                .iter()
                .all(|way| items(&spec["policyTypes"]).any(|t| t == way))
        })
    })
}

/// Does a monitor find pods that have its port?
fn monitored(monitor: &Object, overlay: &Overlay) -> bool {
    let spec = monitor.spec();
    let anywhere = spec["namespaceSelector"]["any"] == true;
    let here = |w: &&Object| w.template().is_some() && (anywhere || w.namespace() == monitor.namespace());
    let chosen = overlay
        .objects
        .iter()
        .filter(here)
        .filter(|w| chooses(&spec["selector"], labels(w)));
    let mut chosen = chosen.peekable();
    let some = chosen.peek().is_some();
    some && chosen
        .all(|w| items(&spec["podMetricsEndpoints"]).all(|e| ports(w).any(|(name, _, _)| *name == e["port"])))
}
