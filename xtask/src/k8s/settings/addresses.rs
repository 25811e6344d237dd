//! Do the addresses in settings lead to pods? `pod.service:port` of the same namespace, `[pod.]service.namespace.svc:port` of any; and every founder
//! finds itself among the founders.

use serde_json::Value;

use super::Process;
use crate::k8s::objects::{Object, Overlay, items};

/// Settings that list members.
const LISTS: &[&str] = &["join", "founders", "collector"];
/// Variable with the address of a member.
const ADVERTISE: &str = "ELIXIRSCOPE_ADVERTISE";

pub fn check(process: &Process<'_>, shown: &[Value], overlays: &[Overlay]) -> Vec<String> {
    let mut faults = Vec::new();
    let listed = |key: &str| {
        let setting = shown
            .iter()
            .find(|setting| setting["key"] == key && setting["from"] == "file");
        setting
            .into_iter()
            .flat_map(|setting| items(&setting["values"]))
            .filter_map(Value::as_str)
    };
    for key in LISTS {
        for address in listed(key) {
            if let Err(why) = leads(address, process, overlays) {
                faults.push(format!("{key}: {address} {why}"));
            }
        }
    }
    let variable = items(&process.container["env"]).find(|variable| variable["name"] == ADVERTISE);
    let Some(template) = variable.and_then(|variable| variable["value"].as_str()) else {
        if process.role != "agent" {
            faults.push(format!(
                "no {ADVERTISE}: others would be told an address that leads nowhere"
            ));
        }
        return faults;
    };
    let founders: Vec<&str> = listed("founders").collect();
    for pod in 0..process.workload.spec()["replicas"].as_u64().unwrap_or(1) {
        let own = template
            .replace("$(POD_NAME)", &format!("{}-{pod}", process.workload.name()))
            .replace("$(POD_NAMESPACE)", process.workload.namespace());
        if let Err(why) = leads(&own, process, overlays) {
            faults.push(format!("{ADVERTISE}: {own} {why}"));
        }
        if !founders.is_empty() && !founders.contains(&own.as_str()) {
            faults.push(format!("{own} is not among the founders"));
        }
    }
    faults
}

/// Is there a service of that name, headless, with such a pod behind it, and with such a port?
fn leads(address: &str, process: &Process<'_>, overlays: &[Overlay]) -> Result<(), String> {
    let (host, port) = address.rsplit_once(':').ok_or("has no port")?;
    let parts: Vec<&str> = host.split('.').collect();
    let here = process.workload.namespace();
    let (pod, service, namespace) = match parts.as_slice() {
        [pod, service] => (Some(*pod), *service, here),
        [service, namespace, "svc"] => (None, *service, *namespace),
        [pod, service, namespace, "svc"] => (Some(*pod), *service, *namespace),
        _ => return Err("is of no form that leads to a pod".to_owned()),
    };
    // An application's overlay has its agents, and collectors are in another.
    let own = overlays
        .iter()
        .filter(|overlay| overlay.name == process.overlay.name);
    let others = overlays
        .iter()
        .filter(|overlay| !makes(process.overlay, namespace) && makes(overlay, namespace));
    let found = own.chain(others).find_map(|overlay| {
        let is = |o: &&Object| o.kind() == "Service" && o.name() == service && o.namespace() == namespace;
        Some((overlay, overlay.objects.iter().find(is)?))
    });
    let (overlay, service) = found.ok_or("leads to no service")?;
    if service.spec()["clusterIP"] != "None" {
        return Err("leads to one address for all".to_owned());
    }
    let udp = |p: &Value| p["port"].as_u64() == port.parse().ok() && p["protocol"] == "UDP";
    if !items(&service.spec()["ports"]).any(udp) {
        return Err("leads to a port that is not for QUIC".to_owned());
    }
    match pod {
        None => Ok(()),
        Some(pod) => behind(pod, service, overlay),
    }
}

/// Has an overlay this namespace?
fn makes(overlay: &Overlay, namespace: &str) -> bool {
    overlay
        .objects
        .iter()
        .any(|o| o.kind() == "Namespace" && o.name() == namespace)
}

/// A pod of the set that the service gives names to.
fn behind(pod: &str, service: &Object, overlay: &Overlay) -> Result<(), String> {
    let sets = overlay
        .objects
        .iter()
        .filter(|o| o.kind() == "StatefulSet" && o.namespace() == service.namespace());
    let mut named = sets.filter(|set| set.spec()["serviceName"] == service.name());
    let number = |set: &Object| {
        pod.strip_prefix(set.name())?
            .strip_prefix('-')?
            .parse::<u64>()
            .ok()
    };
    let there =
        named.any(|set| number(set).is_some_and(|n| n < set.spec()["replicas"].as_u64().unwrap_or(1)));
    if there {
        Ok(())
    } else {
        Err("leads to a pod that is not there".to_owned())
    }
}
