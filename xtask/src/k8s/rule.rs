//! The rules as the Prometheus operator takes them: the same groups in an object. kustomize cannot put a file into a field, so the object is
//! written by `cargo xtask fix` and compared here.

use std::fs;

use anyhow::{Context, Result};

use crate::run;

const RULES: &str = "k8s/prometheus/rules.yaml";
const OBJECT: &str = "k8s/components/monitoring/prometheus-rule.yaml";
const HEAD: &str = "# Written by `cargo xtask fix` from k8s/prometheus/rules.yaml: change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: elixirscope
  namespace: elixirscope
spec:
";

/// The object of a text of rules.
fn object(rules: &str) -> Result<String> {
    let groups = rules.find("\ngroups:").context("rules.yaml has no groups")? + 1;
    let mut object = HEAD.to_owned();
    for line in rules[groups..].lines() {
        if !line.is_empty() {
            object.push_str("  ");
        }
        object.push_str(line);
        object.push('\n');
    }
    Ok(object)
}

fn wanted() -> Result<String> {
    object(&fs::read_to_string(run::root().join(RULES)).context(RULES)?)
}

/// Adds a fault if the object is not what the rules make.
pub fn check(faults: &mut Vec<String>) -> Result<()> {
    if fs::read_to_string(run::root().join(OBJECT)).context(OBJECT)? != wanted()? {
        faults.push(format!(
            "{OBJECT} is not what {RULES} makes: run `cargo xtask fix`"
        ));
    }
    Ok(())
}

/// Writes the object.
pub fn write() -> Result<()> {
    Ok(fs::write(run::root().join(OBJECT), wanted()?)?)
}

#[cfg(test)]
mod tests {
    use super::object;

    /// Scenario: rules below a comment, with an empty line. Guarantee: the groups are in the spec, nothing else of the file is.
    #[test]
    fn rules_become_an_object() {
        let object = object("# head\ngroups:\n  - name: a\n\n    rules: []\n").unwrap();
        assert!(
            object.ends_with("spec:\n  groups:\n    - name: a\n\n      rules: []\n"),
            "{object}"
        );
        assert!(!object.contains("head"));
    }
}
