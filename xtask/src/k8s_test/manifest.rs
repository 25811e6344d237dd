//! What the emulator reads out of rendered objects, as the control plane and the kubelet would.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::k8s::objects::{Object, Overlay, items};

/// Rendered objects, by kind and name.
pub struct Manifests {
    objects: Vec<Object>,
}

/// What a container is asked, and how often.
pub struct Probe {
    pub path: String,
    pub port: u16,
    pub period: Duration,
    pub timeout: Duration,
    pub failures: u32,
}

/// A workload whose pods are to run.
#[derive(Clone)]
pub struct Workload {
    pub object: Object,
    /// The container of ours in its pods.
    pub container: Value,
}

impl Manifests {
    pub fn new(overlays: Vec<Overlay>) -> Self {
        let objects = overlays.into_iter().flat_map(|overlay| overlay.objects);
        Self {
            objects: objects.collect(),
        }
    }

    /// All of a kind.
    pub fn of<'o>(&'o self, kind: &str) -> impl Iterator<Item = &'o Object> + use<'o> {
        let kind = kind.to_owned();
        self.objects.iter().filter(move |object| object.kind() == kind)
    }

    /// One object.
    pub fn one(&self, kind: &str, namespace: &str, name: &str) -> Result<&Object> {
        let mut found = self
            .of(kind)
            .filter(|o| o.name() == name && o.namespace() == namespace);
        found
            .next()
            .with_context(|| format!("no {kind} {namespace}/{name} is rendered"))
    }

    /// A workload, by kind and name.
    pub fn workload(&self, kind: &str, namespace: &str, name: &str) -> Result<Workload> {
        let object = self.one(kind, namespace, name)?.clone();
        let ours = |container: &&Value| {
            let image = container["image"].as_str().unwrap_or_default();
            image.starts_with("elixirscope:")
        };
        let container = object.containers().find(ours).cloned();
        Ok(Workload {
            container: container.with_context(|| format!("{name} has no container of ours"))?,
            object,
        })
    }
}

impl Workload {
    pub fn replicas(&self) -> usize {
        usize::try_from(self.object.spec()["replicas"].as_u64().unwrap_or(1)).unwrap_or(1)
    }

    /// Of the pod.
    pub fn spec(&self) -> &Value {
        &self.object.spec()["template"]["spec"]
    }

    /// The labels that its pods have.
    pub fn labels(&self) -> &Value {
        &self.object.spec()["template"]["metadata"]["labels"]
    }

    /// How long a pod must be ready to count as available.
    pub fn min_ready(&self) -> Duration {
        seconds(&self.object.spec()["minReadySeconds"], 0)
    }

    /// How long it may take to end.
    pub fn grace(&self) -> Duration {
        seconds(&self.spec()["terminationGracePeriodSeconds"], 30)
    }

    /// How long it waits before it is told to end. Only sleeping is known.
    pub fn pre_stop(&self) -> Result<Duration> {
        let hook = &self.container["lifecycle"]["preStop"];
        if !hook.is_null() && hook["sleep"].is_null() {
            bail!("a preStop that does not sleep: {hook}");
        }
        Ok(seconds(&hook["sleep"]["seconds"], 0))
    }

    /// A probe by its name, if there is one.
    pub fn probe(&self, name: &str) -> Result<Option<Probe>> {
        let probe = &self.container[name];
        if probe.is_null() {
            return Ok(None);
        }
        let path = probe["httpGet"]["path"]
            .as_str()
            .context("a probe without a path")?;
        Ok(Some(Probe {
            path: path.to_owned(),
            port: self.port(&probe["httpGet"]["port"])?,
            period: seconds(&probe["periodSeconds"], 10),
            timeout: seconds(&probe["timeoutSeconds"], 1),
            failures: u32::try_from(probe["failureThreshold"].as_u64().unwrap_or(3))?,
        }))
    }

    /// The number of a port, that may be named.
    fn port(&self, port: &Value) -> Result<u16> {
        let named = items(&self.container["ports"]).find(|p| p["name"] == *port);
        let number = named.map_or(port, |p| &p["containerPort"]).as_u64();
        Ok(u16::try_from(number.with_context(|| format!("no port {port}"))?)?)
    }

    /// A number of the security context: the container's goes before the pod's.
    pub fn security(&self, field: &str) -> &Value {
        match &self.container["securityContext"][field] {
            Value::Null => &self.spec()["securityContext"][field],
            value => value,
        }
    }

    /// The variables of one pod: fields of the pod filled in, then names of earlier variables.
    pub fn env(&self, fields: &BTreeMap<String, String>) -> Result<Vec<(String, String)>> {
        let mut env: Vec<(String, String)> = Vec::new();
        for variable in items(&self.container["env"]) {
            let name = variable["name"].as_str().context("a variable without a name")?;
            let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
                Some(field) => match fields.get(field) {
                    Some(value) => value.clone(),
                    // A label that is not there is empty.
                    None if field.starts_with("metadata.labels[") => String::new(),
                    None => bail!("{name}: the field {field} is not known"),
                },
                None if variable["valueFrom"].is_null() => {
                    let text = variable["value"].as_str().unwrap_or_default();
                    env.iter().fold(text.to_owned(), |text, (name, value)| {
                        text.replace(&format!("$({name})"), value)
                    })
                }
                None => bail!("{name}: {} is not known", variable["valueFrom"]),
            };
            env.push((name.to_owned(), value));
        }
        Ok(env)
    }
}

/// Does a selector of labels choose these?
pub fn selects(selector: &Value, labels: &Value) -> bool {
    selector
        .as_object()
        .is_some_and(|wanted| !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value))
}

fn seconds(value: &Value, default: u64) -> Duration {
    Duration::from_secs(value.as_u64().unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::k8s::objects::parse;

    const SET: &str = "
kind: StatefulSet
metadata: {name: s, namespace: ns}
spec:
  template:
    metadata: {labels: {a: b}}
    spec:
      securityContext: {runAsUser: 5, fsGroup: 6}
      containers:
        - name: c
          image: elixirscope:1
          securityContext: {runAsUser: 7}
          ports: [{name: http, containerPort: 7480}]
          readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}
          env:
            - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: ADDRESS, value: $(POD).peers:1}
            - {name: ZONE, valueFrom: {fieldRef: {fieldPath: 'metadata.labels[''zone'']'}}}
";

    /// Scenario: a set as it is rendered. Guarantee: fields and earlier variables are filled in, a label that is not there is empty, an unknown
    /// field is an error; the container's user goes before the pod's; a named port is a number.
    #[test]
    fn a_pod_is_read_as_kubernetes_reads_it() {
        let overlay = Overlay {
            name: "test".to_owned(),
            objects: parse(SET).unwrap(),
        };
        let workload = Manifests::new(vec![overlay])
            .workload("StatefulSet", "ns", "s")
            .unwrap();
        let fields = BTreeMap::from([("metadata.name".to_owned(), "s-0".to_owned())]);
        let env = workload.env(&fields).unwrap();
        let values: Vec<&str> = env.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["s-0", "s-0.peers:1", ""]);
        assert!(workload.env(&BTreeMap::new()).is_err());
        assert_eq!(workload.security("runAsUser").as_u64(), Some(7));
        assert_eq!(workload.security("fsGroup").as_u64(), Some(6));
        let probe = workload.probe("readinessProbe").unwrap().unwrap();
        assert_eq!((probe.port, probe.period.as_secs(), probe.failures), (7480, 5, 3));
        assert!(selects(&serde_json::json!({"a": "b"}), workload.labels()));
        assert!(!selects(&serde_json::json!({"a": "c"}), workload.labels()));
    }
}
