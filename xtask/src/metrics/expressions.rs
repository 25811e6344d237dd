//! What of a PromQL expression the test needs: variables replaced, and the selectors in it. Prometheus itself says whether it is right.

/// As Grafana does with everything chosen. The interval is that of a scrape each second, with room for a busy machine.
pub fn evaluable(expression: &str) -> String {
    let mut out = expression.replace("$__rate_interval", "30s");
    for variable in ["$job", "$instance", "$node", "$service", "$operation"] {
        out = out.replace(variable, ".*");
    }
    out
}

/// Words that are no metric where one could stand.
const WORDS: &[&str] = &[
    "and", "or", "unless", "bool", "offset", "inf", "nan", "Inf", "NaN",
];
/// Words before a list of labels in parentheses.
const BEFORE_LABELS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The selectors of an expression that Prometheus accepts: a metric's name, with its matchers if it has any.
pub fn selectors(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let len = match c {
            '"' | '\'' => quoted(rest),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            '0'..='9' => rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
                .unwrap_or(rest.len()),
            'a'..='z' | 'A'..='Z' | '_' | ':' => {
                let end = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
                    .unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                let next = after.trim_start();
                let gap = after.len() - next.len();
                if BEFORE_LABELS.contains(&word) {
                    end + if next.starts_with('(') {
                        gap + next.find(')').map_or(next.len(), |e| e + 1)
                    } else {
                        0
                    }
                } else if WORDS.contains(&word) || next.starts_with('(') || grouped(next) {
                    end
                } else {
                    let end = end
                        + if after.starts_with('{') {
                            matchers(after)
                        } else {
                            0
                        };
                    found.push(rest[..end].to_owned());
                    end
                }
            }
            _ => c.len_utf8(),
        };
        rest = &rest[len..];
    }
    found
}

/// Does `by (...)` or `without (...)` follow? Then the word before is an aggregation.
fn grouped(next: &str) -> bool {
    let mut words = ["by", "without"].iter();
    words.any(|word| {
        next.strip_prefix(word)
            .is_some_and(|rest| rest.trim_start().starts_with('('))
    })
}

/// Bytes of the quoted text at the beginning.
fn quoted(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else { return 0 };
    let mut escaped = false;
    for (at, c) in chars {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Bytes of the matchers at the beginning, with their braces.
fn matchers(text: &str) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '}' => return at + 1,
            '"' | '\'' => at += quoted(&text[at..]),
            _ => at += c.len_utf8(),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{evaluable, selectors};

    /// Scenario: functions, aggregations with label lists before and after, matchers with braces and quotes in them, ranges, numbers,
    /// operators. Guarantee: the metrics with their matchers, nothing else.
    #[test]
    fn selectors_are_found() {
        let cases: [(&str, &[&str]); 7] = [
            ("up == 0", &["up"]),
            ("max by (job) (abs(by_hand))", &["by_hand"]),
            (
                "sum by (le, instance) (rate(a_bucket{x=~\"{}|\\\"b\"}[5m]))",
                &["a_bucket{x=~\"{}|\\\"b\"}"],
            ),
            ("a / on (job) group_left b{c='d'} > 1e6", &["a", "b{c='d'}"]),
            ("x unless x offset 5m or vector(0)", &["x", "x"]),
            ("sum(q:r:rate5m) without (le) > bool 64 * 1024", &["q:r:rate5m"]),
            ("histogram_quantile(0.99, z)", &["z"]),
        ];
        for (expression, expected) in cases {
            assert_eq!(selectors(expression), expected, "{expression}");
        }
    }

    /// Scenario: every variable of the dashboards. Guarantee: none is left.
    #[test]
    fn variables_are_replaced() {
        let text = "rate(a{job=~\"$job\",instance=~\"$instance\",node=~\"$node\",service=~\"$service\"}[$__rate_interval])";
        assert!(!evaluable(text).contains('$'));
    }
}
