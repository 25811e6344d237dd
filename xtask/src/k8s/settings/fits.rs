//! Do the settings of a process fit its container? Doors are ports, folders are mounted, those that are written may be written.

use serde_json::Value;

use super::Process;
use crate::k8s::objects::items;

/// Settings that are a door's address, and the protocol.
const DOORS: &[(&str, &str)] = &[
    ("http", "TCP"),
    ("quic", "UDP"),
    ("otlp-grpc", "TCP"),
    ("otlp-http", "TCP"),
];
/// Settings that are a file or folder, and whether it is written.
const PLACES: &[(&str, bool)] = &[
    ("data", true),
    ("socket", true),
    ("tls", false),
    ("tokens", false),
];

/// The first value of a setting, if it has one.
pub fn value<'s>(shown: &'s [Value], key: &str) -> Option<&'s str> {
    let setting = shown.iter().find(|setting| setting["key"] == key)?;
    setting["values"][0].as_str()
}

pub fn check(process: &Process<'_>, shown: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    for (door, protocol) in DOORS {
        let Some(address) = value(shown, door) else {
            continue;
        };
        let port = address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse::<u64>().ok());
        let mut ports = items(&process.container["ports"]);
        let there = ports.any(|p| {
            p["containerPort"].as_u64() == port && p["protocol"].as_str().unwrap_or("TCP") == *protocol
        });
        if !there {
            faults.push(format!(
                "{door} = {address}: the container has no such port ({protocol})"
            ));
        }
        if !address.starts_with("0.0.0.0:") && !address.starts_with("[::]:") {
            faults.push(format!("{door} = {address}: nobody outside the pod reaches it"));
        }
    }
    for (place, written) in PLACES {
        let Some(path) = value(shown, place) else {
            if *place != "socket" {
                faults.push(format!("{place} is not set"));
            }
            continue;
        };
        let mounts = items(&process.container["volumeMounts"]);
        let mut over = mounts.filter(|m| {
            m["mountPath"]
                .as_str()
                .is_some_and(|at| path == at || path.starts_with(&format!("{at}/")))
        });
        match over.next() {
            None => faults.push(format!("{place} = {path}: nothing is mounted there")),
            Some(mount) if *written == (mount["readOnly"] == true) => {
                faults.push(format!(
                    "{place} = {path}: to be written is {written}, and so is not the mount"
                ));
            }
            Some(_) => {}
        }
    }
    faults
}
