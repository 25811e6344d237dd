//! A small overlay in which all fits, and each reference broken once.

use serde_json::{Value, json};

use super::*;

fn sound() -> Value {
    let labels = json!({"app": "a"});
    let meta = |name: &str| json!({"name": name, "namespace": "n"});
    json!([
        {"kind": "Namespace", "metadata": {"name": "n"}},
        {"kind": "ServiceAccount", "metadata": meta("account")},
        {"kind": "ConfigMap", "metadata": meta("settings")},
        {"kind": "Service", "metadata": meta("peers"), "spec": {"clusterIP": "None", "selector": labels,
            "ports": [{"port": 1, "targetPort": "quic", "protocol": "UDP"}]}},
        {"kind": "StatefulSet", "metadata": meta("set"), "spec": {"serviceName": "peers", "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "serviceAccountName": "account",
                "topologySpreadConstraints": [{"labelSelector": {"matchLabels": labels}, "topologyKey": "zone"}],
                "containers": [{
                    "name": "c", "ports": [{"name": "quic", "containerPort": 1, "protocol": "UDP"}, {"name": "http", "containerPort": 2}],
                    "livenessProbe": {"httpGet": {"port": "http"}},
                    "envFrom": [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "made"}}],
                    "volumeMounts": [{"name": "settings"}, {"name": "tls"}],
                }],
                "volumes": [{"name": "settings", "configMap": {"name": "settings"}}, {"name": "tls", "secret": {"secretName": "made"}}],
            }}}},
        {"kind": "Certificate", "metadata": meta("certificate"), "spec": {"secretName": "made"}},
        {"kind": "PodDisruptionBudget", "metadata": meta("budget"), "spec": {"selector": {"matchLabels": labels}}},
        {"kind": "NetworkPolicy", "metadata": meta("nothing"), "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}},
        {"kind": "NetworkPolicy", "metadata": meta("opens"), "spec": {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {"matchLabels": labels}}], "ports": [{"port": 1, "protocol": "UDP"}]}]}},
        {"kind": "PodMonitor", "metadata": meta("monitor"), "spec": {"selector": {"matchLabels": labels}, "podMetricsEndpoints": [{"port": "http"}]}},
    ])
}

fn faults_of(objects: &Value) -> Vec<String> {
    let objects = items(objects).map(|value| Object { value: value.clone() });
    check(&[Overlay {
        name: "o".to_owned(),
        objects: objects.collect(),
    }])
}

/// Each broken once: the place, what is put there, and what must be said.
fn each(broken: &[(&str, Value, &str)]) {
    for (place, value, said) in broken {
        let mut objects = sound();
        let place = place.replace("{pod}", "/4/spec/template/spec");
        *objects
            .pointer_mut(&place.replace("{container}", "/4/spec/template/spec/containers/0"))
            .unwrap() = value.clone();
        let faults = faults_of(&objects);
        assert!(
            faults.iter().any(|fault| fault.contains(said)),
            "{place}: {faults:?}"
        );
    }
}

/// Scenario: an overlay in which all fits. Guarantee: no fault.
#[test]
fn what_fits_is_taken() {
    assert_eq!(faults_of(&sound()), Vec::<String>::new());
}

/// Scenario: each reference between objects broken once. Guarantee: a fault that says it.
#[test]
fn each_reference_between_objects_is_followed() {
    each(&[
        ("/1/metadata/namespace", json!("m"), "nothing makes its namespace"),
        ("/3/spec/selector/app", json!("b"), "chooses no pods"),
        ("/3/spec/selector", json!({}), "chooses no pods"),
        ("/3/spec/ports/0/targetPort", json!("other"), "has no port"),
        ("/3/spec/ports/0/protocol", json!("TCP"), "has no port"),
        ("/6/spec/selector/matchLabels/app", json!("b"), "or of none"),
        ("/7/spec/policyTypes", json!(["Ingress"]), "does not deny"),
        (
            "/7/spec/podSelector",
            json!({"matchLabels": {"app": "a"}}),
            "does not deny",
        ),
        (
            "/8/spec/podSelector/matchLabels/app",
            json!("b"),
            "opens: podSelector chooses no pods",
        ),
        (
            "/8/spec/ingress/0/from/0/podSelector/matchLabels/app",
            json!("b"),
            "opens: ingress 0 chooses no pods",
        ),
        ("/8/spec/ingress/0/ports/0/port", json!(3), "has not"),
        ("/8/spec/ingress/0/ports/0/protocol", json!("TCP"), "has not"),
        (
            "/9/spec/selector/matchLabels/app",
            json!("b"),
            "monitor chooses no pods",
        ),
        (
            "/9/spec/podMetricsEndpoints/0/port",
            json!("other"),
            "monitor chooses no pods",
        ),
    ]);
}

/// Scenario: each name in a workload's pods broken once. Guarantee: a fault that says it.
#[test]
fn each_name_in_pods_is_followed() {
    each(&[
        ("/1/metadata/name", json!("other"), "no account"),
        ("/2/metadata/name", json!("other"), "no ConfigMap"),
        ("/3/spec/clusterIP", json!("10.0.0.1"), "gives its pods names"),
        ("/4/spec/serviceName", json!("other"), "gives its pods names"),
        ("/4/spec/selector/matchLabels/app", json!("b"), "its own pods"),
        (
            "{pod}/topologySpreadConstraints/0/labelSelector/matchLabels/app",
            json!("b"),
            "spreads other pods",
        ),
        (
            "{container}/livenessProbe/httpGet/port",
            json!("other"),
            "livenessProbe",
        ),
        (
            "{container}/livenessProbe/httpGet/port",
            json!("quic"),
            "livenessProbe",
        ),
        ("{container}/volumeMounts/0/name", json!("other"), "not mounted"),
        (
            "{container}/envFrom/0/configMapRef/name",
            json!("other"),
            "no ConfigMap",
        ),
        (
            "{container}/envFrom/1/secretRef/name",
            json!("other"),
            "nobody makes the Secret",
        ),
        ("/5/spec/secretName", json!("other"), "nobody makes the Secret"),
    ]);
}
