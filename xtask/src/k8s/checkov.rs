//! checkov over each overlay. What it finds must have a reason: in an object's annotation (`checkov.io/skip1`), or for all in `k8s/checkov.yaml`.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::objects::{Overlay, items};
use super::tools;
use crate::run;

/// Checks that are left out, from the text of `k8s/checkov.yaml`; one without a comment just before it is a fault.
fn skipped(text: &str) -> (BTreeSet<String>, Vec<String>) {
    let (mut checks, mut faults) = (BTreeSet::new(), Vec::new());
    let mut reason = false;
    for line in text.lines().map(str::trim) {
        if let Some(check) = line.strip_prefix("- ") {
            if !reason {
                faults.push(format!("k8s/checkov.yaml: {check} has no reason before it"));
            }
            checks.insert(check.to_owned());
        }
        reason = line.starts_with('#');
    }
    (checks, faults)
}

/// What fails without a reason, and reasons without a failure.
pub fn check(overlays: &[Overlay]) -> Result<Vec<String>> {
    let text = fs::read_to_string(run::root().join("k8s/checkov.yaml")).context("k8s/checkov.yaml")?;
    let (skipped, mut faults) = skipped(&text);
    let mut failed = BTreeSet::new();
    for overlay in overlays {
        let report = ask(overlay)?;
        failed.extend(
            failures(&report).map(|(check, what)| (check, format!("overlay {}: {what}", overlay.name))),
        );
        for unreasoned in items(&report["results"]["skipped_checks"]) {
            if unreasoned["check_result"]["suppress_comment"]
                .as_str()
                .is_none_or(str::is_empty)
            {
                faults.push(format!(
                    "{}: {} is skipped without a reason",
                    overlay.name, unreasoned["check_id"]
                ));
            }
        }
    }
    let idle = skipped
        .iter()
        .filter(|check| !failed.iter().any(|(id, _)| id == *check));
    faults.extend(idle.map(|check| format!("k8s/checkov.yaml: {check} holds everywhere; take it out")));
    let unexplained = failed.iter().filter(|(check, _)| !skipped.contains(check));
    faults.extend(unexplained.map(|(check, what)| format!("{what}: {check}")));
    Ok(faults)
}

/// The report of one overlay.
pub fn ask(overlay: &Overlay) -> Result<Value> {
    // Folders whose names begin with a dot are not looked at.
    let folder = tempfile::Builder::new().prefix("checkov").tempdir()?;
    for (index, object) in overlay.objects.iter().enumerate() {
        // JSON is YAML.
        fs::write(
            folder.path().join(format!("{index:03}.yaml")),
            object.value.to_string(),
        )?;
    }
    let mut checkov = run::command(
        &tools::checkov()?.to_string_lossy(),
        &["--framework", "kubernetes"],
    );
    checkov.args([
        "--output",
        "json",
        "--quiet",
        "--compact",
        "--soft-fail",
        "--skip-download",
    ]);
    let said = run::output(
        checkov
            .arg("--directory")
            .arg(folder.path())
            .env("LOG_LEVEL", "ERROR"),
    )?;
    let report: Value = serde_json::from_str(&said).context("checkov's report")?;
    if report["summary"]["passed"]
        .as_u64()
        .is_none_or(|passed| passed == 0)
    {
        bail!(
            "checkov looked at nothing of {}: {}",
            overlay.name,
            report["summary"]
        );
    }
    Ok(report)
}

/// Check and object of each failure in a report.
pub fn failures(report: &Value) -> impl Iterator<Item = (String, String)> {
    items(&report["results"]["failed_checks"]).map(|failed| {
        let text = |field: &str| failed[field].as_str().unwrap_or_default().to_owned();
        (
            text("check_id"),
            format!("{} ({})", text("resource"), text("check_name")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::skipped;

    /// Scenario: a check with a comment before it, and one without. Guarantee: the second is a fault.
    #[test]
    fn every_skip_has_a_reason() {
        let (checks, faults) = skipped("skip-check:\n  # because\n  - CKV_1\n  - CKV_2\n");
        assert_eq!(checks.len(), 2);
        assert!(faults.len() == 1 && faults[0].contains("CKV_2"), "{faults:?}");
    }
}
