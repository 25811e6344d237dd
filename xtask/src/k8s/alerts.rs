//! Alerts and their unit tests: each alert must be asked for at a time when it fires and at one when it does not. That the answers are right,
//! `promtool` says; runbooks and links are looked at in `dashboards`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::objects::items;
use crate::run;

pub struct Alerts {
    pub alerts: usize,
    pub faults: Vec<String>,
}

pub fn check() -> Result<Alerts> {
    let folder = run::root().join("k8s/prometheus");
    let read = |file: &str| -> Result<Value> {
        let text = fs::read_to_string(folder.join(file)).with_context(|| file.to_owned())?;
        serde_saphyr::from_str(&text).with_context(|| file.to_owned())
    };
    let (rules, tests) = (read("rules.yaml")?, read("rules_test.yaml")?);
    let faults = untested(&rules, &tests);
    let alerts = items(&rules["groups"]).flat_map(|group| items(&group["rules"]));
    let alerts = alerts.filter(|rule| rule["alert"].is_string()).count();
    Ok(Alerts { alerts, faults })
}

/// Alerts of `rules` that `tests` do not see fire, or do not see silent.
fn untested(rules: &Value, tests: &Value) -> Vec<String> {
    let mut seen: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for test in items(&tests["tests"]).flat_map(|test| items(&test["alert_rule_test"])) {
        let Some(alert) = test["alertname"].as_str() else {
            continue;
        };
        let (fires, silent) = seen.entry(alert).or_default();
        *(if items(&test["exp_alerts"]).next().is_some() {
            fires
        } else {
            silent
        }) = true;
    }
    let mut faults = Vec::new();
    for rule in items(&rules["groups"]).flat_map(|group| items(&group["rules"])) {
        let Some(alert) = rule["alert"].as_str() else {
            continue;
        };
        let (fires, silent) = seen.get(alert).copied().unwrap_or_default();
        if !fires {
            faults.push(format!("no test sees {alert} fire"));
        }
        if !silent {
            faults.push(format!("no test sees {alert} silent"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::untested;
    use serde_json::json;

    /// Scenario: an alert that is tested both ways, one that is only seen to fire, one that is not tested. Guarantee: what is missing is said.
    #[test]
    fn both_sides_are_asked_for() {
        let rules =
            json!({"groups": [{"rules": [{"record": "r"}, {"alert": "A"}, {"alert": "B"}, {"alert": "C"}]}]});
        let test = |alert: &str, fires: bool| {
            let expected = if fires { json!([{}]) } else { json!([]) };
            json!({"alert_rule_test": [{"alertname": alert, "exp_alerts": expected}]})
        };
        let tests = json!({"tests": [test("A", true), test("A", false), test("B", true)]});
        let faults = untested(&rules, &tests);
        assert_eq!(
            faults,
            [
                "no test sees B silent",
                "no test sees C fire",
                "no test sees C silent"
            ]
        );
    }
}
