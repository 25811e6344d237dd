//! Dashboards and alerts as files: what can be checked of them without Grafana or Prometheus. Expressions are
//! evaluated by a real Prometheus in `cargo xtask test --metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{k8s, run};

/// Panels without queries of their own.
const WITHOUT_QUERIES: &[&str] = &["row", "text"];

/// Adds what is wrong to `faults`.
pub fn check(faults: &mut Vec<String>) -> Result<()> {
    check_dashboards(&run::root().join("k8s/grafana/dashboards"), faults)?;
    let rules = run::root().join("k8s/prometheus/rules.yaml");
    let rules = fs::read_to_string(&rules).with_context(|| format!("cannot read {}", rules.display()))?;
    let runbooks = fs::read_to_string(run::root().join("docs/runbooks.md"))?;
    let tests = fs::read_to_string(run::root().join("k8s/prometheus/rules_test.yaml"))?;
    check_alerts(&rules, &runbooks, &tests, faults);
    k8s::check_rule(faults)
}

/// Every file is JSON with a uid that no other has, and keeps the conventions of `docs/grafana.md`.
fn check_dashboards(folder: &Path, faults: &mut Vec<String>) -> Result<()> {
    let mut uids: BTreeMap<String, String> = BTreeMap::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    if paths.is_empty() {
        faults.push(format!("{}: no dashboards", folder.display()));
    }
    for path in paths {
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path)?;
        match serde_json::from_str(&text) {
            Ok(dashboard) => check_dashboard(&file, &dashboard, &mut uids, faults),
            Err(error) => faults.push(format!("{file}: not JSON: {error}")),
        }
    }
    Ok(())
}

fn check_dashboard(
    file: &str,
    dashboard: &Value,
    uids: &mut BTreeMap<String, String>,
    faults: &mut Vec<String>,
) {
    let mut fault = |what: String| faults.push(format!("{file}: {what}"));
    match dashboard["uid"].as_str() {
        Some(uid) if uid.starts_with("elixirscope-") && uid.len() <= 40 => {
            if let Some(other) = uids.insert(uid.to_owned(), file.to_owned()) {
                fault(format!("uid {uid} is that of {other} too"));
            }
        }
        uid => fault(format!(
            "uid {uid:?}: a stable one, elixirscope-..., at most 40 characters"
        )),
    }
    if dashboard["title"].as_str().is_none_or(str::is_empty) || !dashboard["schemaVersion"].is_u64() {
        fault("no title, or no schemaVersion".to_owned());
    }
    if !dashboard["id"].is_null() {
        fault("has the id of one Grafana".to_owned());
    }
    let variables = dashboard["templating"]["list"].as_array().into_iter().flatten();
    let sources: BTreeSet<String> = variables
        .filter(|v| v["type"] == "datasource")
        .filter_map(|v| Some(format!("${{{}}}", v["name"].as_str()?)))
        .collect();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().unwrap_or_default();
        if !ids.insert(panel["id"].to_string()) {
            fault(format!("panel id {} occurs twice", panel["id"]));
        }
        if panel["type"]
            .as_str()
            .is_some_and(|t| WITHOUT_QUERIES.contains(&t))
        {
            continue;
        }
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        if targets.is_empty() {
            fault(format!("panel {title:?} asks nothing"));
        }
        for asked in targets.iter().chain([panel]) {
            let uid = asked["datasource"]["uid"].as_str().unwrap_or_default();
            if !sources.contains(uid) {
                fault(format!(
                    "panel {title:?}: data source {uid:?} is no variable of the dashboard"
                ));
            }
        }
        for expr in targets.iter().filter_map(|t| t["expr"].as_str()) {
            if ["rate(", "increase("].iter().any(|f| expr.contains(f)) && !expr.contains("[$__rate_interval]")
            {
                fault(format!("panel {title:?}: a rate without $__rate_interval"));
            }
        }
    }
}

/// Every alert has a runbook section, a link to it, and a test.
fn check_alerts(rules: &str, runbooks: &str, tests: &str, faults: &mut Vec<String>) {
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    if alerts.is_empty() {
        faults.push("rules.yaml: no alerts".to_owned());
    }
    let sections: BTreeSet<&str> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    for alert in &alerts {
        let link = format!("runbook_url: docs/runbooks.md#{}", alert.to_lowercase());
        if !sections.contains(alert) {
            faults.push(format!("alert {alert} has no section in docs/runbooks.md"));
        }
        if !rules.lines().any(|line| line.trim() == link) {
            faults.push(format!("alert {alert} has no `{link}`"));
        }
        if !tests.contains(&format!("alertname: {alert}\n")) {
            faults.push(format!("alert {alert} has no test in rules_test.yaml"));
        }
    }
    for section in sections.iter().filter(|section| !alerts.contains(section)) {
        faults.push(format!("docs/runbooks.md: {section} is no alert"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults_of(dashboard: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        check_dashboard("one.json", dashboard, &mut BTreeMap::new(), &mut faults);
        faults
    }

    /// Scenario: a sound dashboard, then each rule broken once. Guarantee: none, then just that fault.
    #[test]
    fn each_rule_of_dashboards_is_checked() {
        let source = json!({"type": "prometheus", "uid": "${datasource}"});
        let sound = json!({
            "uid": "elixirscope-a", "title": "a", "schemaVersion": 39,
            "templating": {"list": [{"name": "datasource", "type": "datasource"}]},
            "panels": [{"id": 1, "type": "stat", "title": "p", "datasource": source,
                "targets": [{"datasource": source, "expr": "rate(a[$__rate_interval])"}]}],
        });
        assert_eq!(faults_of(&sound), Vec::<String>::new());
        let twice = sound["panels"][0].clone();
        let broken = [
            ("/uid", json!("other"), "stable"),
            ("/title", json!(""), "no title"),
            ("/panels/0/datasource/uid", json!("one-grafana"), "no variable"),
            (
                "/panels/0/targets/0/expr",
                json!("rate(a[1m])"),
                "$__rate_interval",
            ),
            ("/panels/0/targets", json!([]), "asks nothing"),
            ("/panels", json!([twice, twice]), "occurs twice"),
        ];
        for (place, value, said) in broken {
            let mut dashboard = sound.clone();
            *dashboard.pointer_mut(place).unwrap() = value;
            let faults = faults_of(&dashboard);
            assert!(
                faults.len() == 1 && faults[0].contains(said),
                "{place}: {faults:?}"
            );
        }
    }

    /// Scenario: two dashboards of one uid. Guarantee: a fault that names both.
    #[test]
    fn uids_are_unique() {
        let (mut uids, mut faults) = (BTreeMap::new(), Vec::new());
        let dashboard = json!({"uid": "elixirscope-a", "title": "a", "schemaVersion": 39});
        check_dashboard("one.json", &dashboard, &mut uids, &mut faults);
        check_dashboard("two.json", &dashboard, &mut uids, &mut faults);
        assert_eq!(faults, ["two.json: uid elixirscope-a is that of one.json too"]);
    }

    /// Scenario: an alert without section, link and test; a section without alert. Guarantee: four faults.
    #[test]
    fn alerts_have_runbooks_links_and_tests() {
        let mut faults = Vec::new();
        check_alerts("  - alert: Broken\n", "# Runbooks\n\n## Gone\n", "", &mut faults);
        assert_eq!(faults.len(), 4, "{faults:?}");
        let rules = "- alert: Whole\n  runbook_url: docs/runbooks.md#whole\n";
        faults.clear();
        check_alerts(rules, "## Whole\n", "alertname: Whole\n", &mut faults);
        assert_eq!(faults, Vec::<String>::new());
    }

    /// Scenario: the files of this repository. Guarantee: nothing is wrong with them.
    #[test]
    fn the_files_keep_the_rules() {
        let mut faults = Vec::new();
        check(&mut faults).unwrap();
        assert_eq!(faults, Vec::<String>::new());
    }
}
