//! A small overlay whose settings fit, and each way in which they do not.

use serde_json::json;

use super::*;

fn overlay() -> Value {
    let mount =
        |name: &str, at: &str, read_only: bool| json!({"name": name, "mountPath": at, "readOnly": read_only});
    let service = |name: &str| {
        json!({"kind": "Service", "metadata": {"name": name, "namespace": "n"},
            "spec": {"clusterIP": "None", "ports": [{"port": 7481, "protocol": "UDP"}]}})
    };
    json!([
        {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"settings.toml": "x = 1"}},
        service("peers"),
        {"kind": "StatefulSet", "metadata": {"name": "set", "namespace": "n"}, "spec": {
            "replicas": 2, "serviceName": "peers",
            "template": {"spec": {
                "volumes": [{"name": "settings", "configMap": {"name": "c"}}],
                "containers": [{
                    "image": "elixirscope:1", "args": ["coordinator"],
                    "env": [{"name": "ELIXIRSCOPE_CONFIG", "value": "/etc/s/settings.toml"},
                        {"name": "ELIXIRSCOPE_ADVERTISE", "value": "$(POD_NAME).peers:7481"}],
                    "ports": [{"containerPort": 7480}, {"containerPort": 7481, "protocol": "UDP"}],
                    "volumeMounts": [mount("settings", "/etc/s", true), mount("data", "/data", false), mount("tls", "/tls", true)],
                }],
            }},
        }},
    ])
}

fn shown() -> Value {
    let set = |key: &str, values: Value| json!({"key": key, "values": values, "from": "file"});
    json!([
        set("http", json!(["0.0.0.0:7480"])),
        set("quic", json!(["0.0.0.0:7481"])),
        set("data", json!(["/data"])),
        set("tls", json!(["/tls"])),
        set("tokens", json!(["/tls/tokens.toml"])),
        set("founders", json!(["set-0.peers:7481", "set-1.peers:7481"])),
        set("join", json!(["peers.n.svc:7481", "set-1.peers.n.svc:7481"])),
    ])
}

fn faults_of(objects: &Value, shown: &Value) -> Vec<String> {
    let overlay = Overlay {
        name: "o".to_owned(),
        objects: items(objects)
            .map(|value| Object { value: value.clone() })
            .collect(),
    };
    let overlays = [overlay];
    let (processes, mut faults) = processes(&overlays[0]);
    let shown: Vec<Value> = items(shown).cloned().collect();
    for process in &processes {
        assert_eq!((process.role, process.text), ("coordinator", "x = 1"));
        faults.extend(fits::check(process, &shown));
        faults.extend(addresses::check(process, &shown, &overlays));
    }
    faults
}

/// Scenario: settings that fit, then each that does not. Guarantee: no fault, then some, of which one says it.
#[test]
fn settings_fit_their_pods() {
    assert_eq!(faults_of(&overlay(), &shown()), Vec::<String>::new());
    for (place, value, said) in [
        ("/0/values/0", "0.0.0.0:7484", "no such port"),
        ("/1/values/0", "0.0.0.0:7480", "no such port (UDP)"),
        ("/0/values/0", "127.0.0.1:7480", "nobody outside"),
        ("/2/values/0", "/other", "nothing is mounted"),
        ("/2/values/0", "/tls", "to be written"),
        ("/3/values/0", "/data", "to be written"),
        ("/3/key", "other", "tls is not set"),
        ("/5/values/0", "set-0.other:7481", "leads to no service"),
        ("/5/values/0", "set-0.peers.n.svc:7481", "not among the founders"),
        ("/5/values/0", "set-2.peers:7481", "a pod that is not there"),
        ("/6/values/0", "peers.m.svc:7481", "leads to no service"),
        ("/6/values/0", "peers.n.svc:7480", "not for QUIC"),
        ("/6/values/0", "peers:7481", "of no form"),
        ("/6/values/1", "set-x.peers.n.svc:7481", "a pod that is not there"),
    ] {
        let mut shown = shown();
        *shown.pointer_mut(place).unwrap() = json!(value);
        let faults = faults_of(&overlay(), &shown);
        assert!(
            faults.iter().any(|fault| fault.contains(said)),
            "{place} = {value}: {faults:?}"
        );
    }
    for (place, value, said) in [
        ("/0/metadata/name", json!("d"), "no ConfigMap"),
        ("/0/data", json!({"other.toml": ""}), "no settings.toml"),
        ("/1/spec/clusterIP", json!("10.0.0.1"), "one address for all"),
        ("/2/spec/replicas", json!(3), "not among the founders"),
        (
            "/2/spec/template/spec/containers/0/env/0/name",
            json!("OTHER"),
            "no ELIXIRSCOPE_CONFIG",
        ),
        (
            "/2/spec/template/spec/containers/0/env/1/name",
            json!("OTHER"),
            "no ELIXIRSCOPE_ADVERTISE",
        ),
    ] {
        let mut objects = overlay();
        *objects.pointer_mut(place).unwrap() = value;
        let faults = faults_of(&objects, &shown());
        assert!(
            faults.iter().any(|fault| fault.contains(said)),
            "{place}: {faults:?}"
        );
    }
}

/// Scenario: an agent in an application's overlay, whose collectors are in another; then in none. Guarantee: no fault, then one.
#[test]
fn collectors_may_be_in_another_overlay() {
    let namespace = |name: &str| json!({"kind": "Namespace", "metadata": {"name": name}});
    let named = |name: &str, objects: Vec<Value>| Overlay {
        name: name.to_owned(),
        objects: objects.into_iter().map(|value| Object { value }).collect(),
    };
    let mut cluster: Vec<Value> = items(&overlay()).cloned().collect();
    cluster.push(namespace("n"));
    let mut workload = cluster[2].clone();
    workload["metadata"]["namespace"] = json!("m");
    let overlays = [
        named("application", vec![namespace("m"), workload]),
        named("cluster", cluster),
    ];
    let process = Process {
        overlay: &overlays[0],
        workload: &overlays[0].objects[1],
        container: &json!({}),
        role: "agent",
        text: "",
    };
    let shown = [json!({"key": "collector", "values": ["peers.n.svc:7481"], "from": "file"})];
    assert_eq!(
        addresses::check(&process, &shown, &overlays),
        Vec::<String>::new()
    );
    let faults = addresses::check(&process, &shown, &overlays[..1]);
    assert!(
        faults.len() == 1 && faults[0].contains("no service"),
        "{faults:?}"
    );
}
