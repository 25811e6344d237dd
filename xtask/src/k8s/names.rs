//! Names of metrics in dashboards, rules and data sources: each is written somewhere in the program's sources, or recorded by a rule. (That
//! the program really says them, with these labels, is `cargo xtask test --metrics`.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::objects::items;
use crate::metrics::{selectors, targets};
use crate::run;

/// What Prometheus itself writes.
const OF_PROMETHEUS: &[&str] = &["up", "ALERTS"];
/// What a histogram's name gets behind it.
const SUFFIXES: &[&str] = &["_bucket", "_count", "_sum"];

pub struct Names {
    pub metrics: usize,
    pub faults: Vec<String>,
}

pub fn check() -> Result<Names> {
    let rules = fs::read_to_string(run::root().join("k8s/prometheus/rules.yaml"))?;
    let rules: Value = serde_saphyr::from_str(&rules).context("rules.yaml")?;
    let mut used = BTreeMap::new();
    let mut recorded = BTreeSet::new();
    for rule in items(&rules["groups"]).flat_map(|group| items(&group["rules"])) {
        let name = rule["record"]
            .as_str()
            .or(rule["alert"].as_str())
            .unwrap_or_default();
        recorded.extend(rule["record"].as_str().map(str::to_owned));
        for selector in selectors(rule["expr"].as_str().unwrap_or_default()) {
            used.insert(metric(&selector), format!("rule {name}"));
        }
    }
    for (expression, place) in targets("expr")? {
        for selector in selectors(&expression) {
            used.insert(metric(&selector), place.clone());
        }
    }
    let mut sources = Vec::new();
    for part in ["agent", "collector", "coordinator", "crates", "elixirscope"] {
        read(&run::root().join(part), &mut sources)?;
    }
    let faults = unknown(&used, &recorded, &sources);
    Ok(Names {
        metrics: used.len(),
        faults,
    })
}

/// A selector's metric.
fn metric(selector: &str) -> String {
    selector.split('{').next().unwrap_or_default().to_owned()
}

/// Metrics that are neither recorded nor written in the sources, a text a file.
fn unknown(used: &BTreeMap<String, String>, recorded: &BTreeSet<String>, sources: &[String]) -> Vec<String> {
    let written = |name: &str| sources.iter().any(|source| writes(source, name));
    let known = |name: &str| {
        OF_PROMETHEUS.contains(&name)
            || recorded.contains(name)
            || written(name)
            || SUFFIXES
                .iter()
                .any(|suffix| name.strip_suffix(suffix).is_some_and(written))
    };
    let unknown = used.iter().filter(|(name, _)| !known(name));
    unknown.map(|(name, place)| format!("{place}: {name}")).collect()
}

/// Has a file a name in quotes, or, where its names have a beginning in common (`format!("beginning_{n}")`), the rest of it?
fn writes(source: &str, name: &str) -> bool {
    let quoted = |text: &str| source.contains(&format!("\"{text}\""));
    let mut ends = name.match_indices('_').map(|(at, _)| name.split_at(at + 1));
    quoted(name) || ends.any(|(beginning, rest)| source.contains(&format!("\"{beginning}{{")) && quoted(rest))
}

/// All Rust below a folder, but tests in files of their own.
fn read(folder: &Path, into: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "tests" && name != "target" {
            read(&path, into)?;
        } else if path.extension().is_some_and(|e| e == "rs") && name != "tests.rs" {
            into.push(fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::unknown;
    use std::collections::{BTreeMap, BTreeSet};

    /// Scenario: a metric that is written, one of its buckets, one whose file has a beginning for all, one that is recorded, Prometheus' own, and
    /// three that nobody writes: a beginning of one, one with something behind it, a beginning and a rest of two files.
    /// Guarantee: these three, with their places.
    #[test]
    fn who_writes_it() {
        let sources = [
            "counter(\"a_seconds\"); gauge(\"b_longer\")",
            "|n| format!(\"c_{n}\"); (\"ack_total\")",
        ];
        let used = [
            "a_seconds",
            "a_seconds_bucket",
            "c_ack_total",
            "a:b:rate",
            "up",
            "b_long",
            "b_longer_total",
            "c_b_longer",
        ];
        let used: BTreeMap<_, _> = used
            .into_iter()
            .map(|name| (name.to_owned(), "panel".to_owned()))
            .collect();
        let recorded = BTreeSet::from(["a:b:rate".to_owned()]);
        let faults = unknown(&used, &recorded, &sources.map(str::to_owned));
        assert_eq!(
            faults,
            ["panel: b_long", "panel: b_longer_total", "panel: c_b_longer"]
        );
    }
}
