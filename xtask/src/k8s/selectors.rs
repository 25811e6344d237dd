//! Selectors of labels, as Kubernetes reads them.

use serde_json::Value;

use super::objects::items;

/// Does a selector of the form `{matchLabels, matchExpressions}` choose these labels? An empty one chooses all.
pub fn chooses(selector: &Value, labels: &Value) -> bool {
    has(&selector["matchLabels"], labels) && items(&selector["matchExpressions"]).all(|e| holds(e, labels))
}

/// Are all of `wanted` among the labels?
pub fn has(wanted: &Value, labels: &Value) -> bool {
    let empty = serde_json::Map::new();
    let wanted = wanted.as_object().unwrap_or(&empty);
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn holds(expression: &Value, labels: &Value) -> bool {
    let key = expression["key"].as_str().unwrap_or_default();
    let value = labels.get(key);
    let listed = value.is_some_and(|value| items(&expression["values"]).any(|v| v == value));
    match expression["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::chooses;
    use serde_json::json;

    /// Scenario: each kind of condition, once held and once not. Guarantee: as Kubernetes' documentation says; an unknown operator chooses nothing.
    #[test]
    fn each_condition() {
        let labels = json!({"a": "1", "b": "2"});
        let expression = |operator: &str, key: &str| json!({"matchExpressions": [{"key": key, "operator": operator, "values": ["1", "3"]}]});
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"a": "1"}}), true),
            (json!({"matchLabels": {"a": "2"}}), false),
            (json!({"matchLabels": {"c": "1"}}), false),
            (expression("In", "a"), true),
            (expression("In", "b"), false),
            (expression("NotIn", "b"), true),
            (expression("NotIn", "a"), false),
            (expression("Exists", "b"), true),
            (expression("Exists", "c"), false),
            (expression("DoesNotExist", "c"), true),
            (expression("DoesNotExist", "a"), false),
            (expression("Gt", "a"), false),
        ] {
            assert_eq!(chooses(&selector, &labels), expected, "{selector}");
        }
    }
}
