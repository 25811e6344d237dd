//! Overlays as kustomize renders them, and what the checks ask of an object.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run;

/// One overlay, or an example of an application's own, rendered.
pub struct Overlay {
    pub name: String,
    pub objects: Vec<Object>,
}

/// One object of Kubernetes.
#[derive(Clone)]
pub struct Object {
    pub value: Value,
}

/// Renders every folder of `k8s/overlays` and `k8s/examples`.
pub fn render(kubectl: &Path) -> Result<Vec<Overlay>> {
    let mut paths = Vec::new();
    for folder in ["k8s/overlays", "k8s/examples"] {
        let entries =
            fs::read_dir(run::root().join(folder)).with_context(|| format!("cannot read {folder}"))?;
        paths.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    paths.retain(|path| path.join("kustomization.yaml").is_file());
    paths.sort();
    let mut overlays = Vec::new();
    for path in paths {
        overlays.push(render_one(kubectl, &path)?);
    }
    Ok(overlays)
}

/// Renders one folder.
pub fn render_one(kubectl: &Path, path: &Path) -> Result<Overlay> {
    let mut command = run::command(&kubectl.to_string_lossy(), &["kustomize"]);
    let yaml = run::output(command.arg(path))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Overlay {
        objects: parse(&yaml).with_context(|| format!("overlay {name}"))?,
        name: name.into_owned(),
    })
}

/// The objects of a text of several documents.
pub fn parse(yaml: &str) -> Result<Vec<Object>> {
    let values: Vec<Value> = serde_saphyr::from_multiple(yaml)?;
    let objects: Vec<_> = values.into_iter().map(|value| Object { value }).collect();
    if let Some(object) = objects
        .iter()
        .find(|o| o.kind().is_empty() || o.name().is_empty())
    {
        bail!("an object without kind or name: {}", object.value);
    }
    Ok(objects)
}

impl Object {
    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Empty for what is in none.
    pub fn namespace(&self) -> &str {
        self.value["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    pub fn spec(&self) -> &Value {
        &self.value["spec"]
    }

    /// `StatefulSet elixirscope/elixirscope-collector`.
    pub fn id(&self) -> String {
        format!("{} {}/{}", self.kind(), self.namespace(), self.name())
    }

    /// The template of its pods, if it has some.
    pub fn template(&self) -> Option<&Value> {
        let template = &self.value["spec"]["template"];
        template.is_object().then_some(template)
    }

    /// Containers of its pods, those that run first among them.
    pub fn containers(&self) -> impl Iterator<Item = &Value> {
        let spec = &self.value["spec"]["template"]["spec"];
        ["initContainers", "containers"]
            .into_iter()
            .flat_map(move |list| items(&spec[list]))
    }
}

/// The elements of a list; none of what is no list.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The `name` of each element of a list.
pub fn names(list: &Value) -> impl Iterator<Item = &str> {
    items(list).filter_map(|item| item["name"].as_str())
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// Scenario: two documents, with what YAML reads in two ways. Guarantee: texts stay texts; what is no object is refused.
    #[test]
    fn documents_are_objects() {
        let objects =
            parse("kind: A\nmetadata: {name: a}\nv: \"1\"\n---\nkind: B\nmetadata: {name: b}\nv: 1\n");
        let objects = objects.unwrap();
        assert_eq!(
            (objects[0].value["v"].as_str(), objects[1].value["v"].as_u64()),
            (Some("1"), Some(1))
        );
        assert!(parse("kind: A\n").is_err());
    }
}
