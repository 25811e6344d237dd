//! A sound pod, and each rule broken once.

use serde_json::{Value, json};

use super::*;

fn overlay(set: Value) -> Overlay {
    let namespace =
        json!({"kind": "Namespace", "metadata": {"name": "n", "labels": {STANDARD: "restricted"}}});
    let objects = [namespace, set].map(|value| Object { value });
    Overlay {
        name: "o".to_owned(),
        objects: objects.into(),
    }
}

fn sound() -> Value {
    json!({
        "kind": "StatefulSet", "metadata": {"name": "s", "namespace": "n"},
        "spec": {
            "minReadySeconds": 30, "podManagementPolicy": "Parallel",
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "template": {"spec": {
                "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 120,
                "securityContext": {"runAsNonRoot": true, "runAsUser": 7, "fsGroup": 7, "seccompProfile": {"type": "RuntimeDefault"}},
                "volumes": [{"name": "t", "secret": {"secretName": "t"}}],
                "containers": [{
                    "name": "c", "image": "a:5000/elixirscope:1", "ports": [{"containerPort": 1}],
                    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
                    "securityContext": {"readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "livenessProbe": {}, "startupProbe": {}, "lifecycle": {"preStop": {}},
                }],
            }},
        },
    })
}

/// Scenario: a sound set, then each rule broken once. Guarantee: no fault, then one, which says it.
#[test]
fn each_rule_of_pods_is_checked() {
    assert_eq!(check(&overlay(sound())), Vec::<String>::new());
    let (pod, container) = ("/spec/template/spec", "/spec/template/spec/containers/0");
    let broken = [
        (format!("{pod}/hostNetwork"), json!(true), "hostNetwork"),
        (
            format!("{pod}/volumes/0"),
            json!({"name": "t", "hostPath": {}}),
            "hostPath",
        ),
        (
            format!("{pod}/securityContext/runAsNonRoot"),
            json!(false),
            "root",
        ),
        (format!("{pod}/securityContext/runAsUser"), json!(0), "root"),
        (
            format!("{pod}/securityContext/seccompProfile"),
            json!({}),
            "seccomp",
        ),
        (format!("{pod}/securityContext/fsGroup"), Value::Null, "fsGroup"),
        (
            format!("{container}/securityContext/privileged"),
            json!(true),
            "privileged",
        ),
        (
            format!("{container}/ports/0/hostPort"),
            json!(1),
            "port of the machine",
        ),
        (
            format!("{pod}/automountServiceAccountToken"),
            json!(true),
            "token",
        ),
        (format!("{pod}/terminationGracePeriodSeconds"), json!(30), "60 s"),
        (
            "/spec/persistentVolumeClaimRetentionPolicy/whenScaled".to_owned(),
            json!("Delete"),
            "claims",
        ),
        ("/spec/minReadySeconds".to_owned(), json!(0), "30 s"),
        (
            "/spec/podManagementPolicy".to_owned(),
            json!("OrderedReady"),
            "start together",
        ),
        (
            format!("{container}/securityContext/readOnlyRootFilesystem"),
            json!(false),
            "root file system",
        ),
        (
            format!("{container}/securityContext/allowPrivilegeEscalation"),
            Value::Null,
            "more rights",
        ),
        (
            format!("{container}/securityContext/capabilities/add"),
            json!(["NET_RAW"]),
            "capabilities",
        ),
        (format!("{container}/image"), json!("a:5000/elixirscope"), "tag"),
        (format!("{container}/image"), json!("elixirscope:latest"), "tag"),
        (
            format!("{container}/resources/limits"),
            json!({}),
            "bound of the memory",
        ),
        (format!("{container}/livenessProbe"), Value::Null, "lives"),
        (format!("{container}/startupProbe"), Value::Null, "startup probe"),
    ];
    for (place, value, said) in broken {
        let mut set = sound();
        let (parent, field) = place.rsplit_once('/').unwrap();
        let parent = set.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
            parent => parent[field] = value,
        }
        let faults = check(&overlay(set));
        assert!(
            faults.len() == 1 && faults[0].contains(said),
            "{place}: {faults:?}"
        );
    }
}

/// Scenario: a namespace that enforces no standard. Guarantee: a fault for what runs there.
#[test]
fn a_namespace_enforces_a_standard() {
    let mut overlay = overlay(sound());
    overlay.objects[0].value["metadata"]["labels"] = json!({});
    let faults = check(&overlay);
    assert!(faults.len() == 1 && faults[0].contains("enforces"), "{faults:?}");
}
