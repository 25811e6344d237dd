//! The search of before TraceQL: `tags` in logfmt, `minDuration`, `maxDuration`. Each tag is one that some span of the trace has, its
//! value a part of the span's, in any case.

use std::fmt::Write as _;

use traceql::Query;
use traceql::ast::{Field, Scope, Static};

use super::TempoError;

/// Most tags at once.
const TAGS_MAX: usize = 32;

/// The query that says the same.
pub fn query(tags: &str, min_ns: Option<u64>, max_ns: Option<u64>) -> Result<Query, TempoError> {
    let mut text = String::new();
    let mut and = |condition: &str| {
        let between = if text.is_empty() { "" } else { " && " };
        // Writing into a string does not fail.
        let _ = write!(text, "{between}{{ {condition} }}");
    };
    for (name, value) in pairs(tags)? {
        let field = match name.as_str() {
            "name" | "status" | "kind" => name.clone(),
            "root.name" => "rootName".to_owned(),
            "root.service.name" => "rootServiceName".to_owned(),
            _ => Field::attribute(Scope::Any, name.clone()).to_string(),
        };
        let quoted = |text: &str| Static::String(text.to_owned()).to_string();
        match name.as_str() {
            "status" | "status.code" => {
                and(&format!("status = {}", word(&value, &["error", "ok", "unset"])?));
            }
            "kind" => {
                let kinds = [
                    "server",
                    "client",
                    "internal",
                    "producer",
                    "consumer",
                    "unspecified",
                ];
                and(&format!("kind = {}", word(&value, &kinds)?));
            }
            "error" if value == "true" => and("status = error"),
            _ => {
                let part = quoted(&format!("(?is).*{}.*", escape(&value)));
                let mut condition = format!("{field} =~ {part}");
                // An attribute may be a number or a truth; intrinsics are text here.
                let number = value.parse::<i64>().map(|number| number.to_string()).ok();
                let truth = value.parse::<bool>().map(|truth| truth.to_string()).ok();
                if let Some(value) = number.or(truth).filter(|_| field.starts_with('.')) {
                    let _ = write!(condition, " || {field} = {value}");
                }
                and(&condition);
            }
        }
    }
    if let Some(min_ns) = min_ns {
        and(&format!("traceDuration >= {min_ns}ns"));
    }
    if let Some(max_ns) = max_ns {
        and(&format!("traceDuration <= {max_ns}ns"));
    }
    if text.is_empty() {
        text.push_str("{ }");
    }
    Ok(Query::new(&text)?)
}

fn word<'a>(value: &str, words: &[&'a str]) -> Result<&'a str, TempoError> {
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(value));
    found
        .copied()
        .ok_or_else(|| TempoError::parameter("tags", format!("expected one of {}", words.join(", "))))
}

/// The text as a regular expression that matches it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Pairs of logfmt: `key=value key="a value"`.
fn pairs(text: &str) -> Result<Vec<(String, String)>, TempoError> {
    let wrong = |why: &str| Err(TempoError::parameter("tags", why));
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if pairs.len() >= TAGS_MAX {
            return wrong(&format!("expected at most {TAGS_MAX} tags"));
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if name.is_empty() {
            return wrong("expected key=value");
        }
        let Some(value) = after.strip_prefix('=') else {
            return wrong("expected `=` after a key");
        };
        let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
            match unquoted(quoted) {
                Some(parts) => parts,
                None => return wrong("expected a closing quote"),
            }
        } else {
            let end = value.find(char::is_whitespace).unwrap_or(value.len());
            let (value, after) = value.split_at_checked(end).unwrap_or((value, ""));
            (value.to_owned(), after)
        };
        pairs.push((name.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// The text until the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: tags as older clients send them. Guarantee: the same in TraceQL.
    #[test]
    fn tags() {
        for (tags, min, max, expected) in [
            ("", None, None, "{ }"),
            (
                "service.name=cart http.url=\"a b\"",
                None,
                None,
                r#"{ .service.name =~ "(?is).*cart.*" } && { .http.url =~ "(?is).*a b.*" }"#,
            ),
            (
                "http.status_code=500",
                None,
                None,
                r#"{ .http.status_code =~ "(?is).*500.*" || .http.status_code = 500 }"#,
            ),
            ("error=true", None, None, "{ status = error }"),
            ("status.code=ERROR", None, None, "{ status = error }"),
            ("name=GET", None, None, r#"{ name =~ "(?is).*GET.*" }"#),
            ("x=a.b*", None, None, r#"{ .x =~ "(?is).*a\\.b\\*.*" }"#),
            (
                "",
                Some(1_000_000),
                Some(2_000_000_000),
                "{ traceDuration >= 1ms } && { traceDuration <= 2s }",
            ),
        ] {
            assert_eq!(
                query(tags, min, max).unwrap().ast().to_string(),
                expected,
                "{tags}"
            );
        }
        for wrong in ["novalue", "=x", "a=\"open", "status=bad"] {
            assert!(query(wrong, None, None).unwrap_err().is_invalid(), "{wrong}");
        }
    }
}
