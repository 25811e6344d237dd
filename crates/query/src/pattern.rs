//! Functions by pattern, as people write them.

/// `Module.function/arity`, where `*` matches any run of characters, and function or arity may be left out;
/// `Module.*` is all functions of the module and of the modules below it.
pub(crate) struct Pattern {
    module: String,
    function: Option<String>,
    arity: Option<u8>,
}

impl Pattern {
    /// From what a person wrote; any text is a pattern.
    pub(crate) fn new(text: &str) -> Self {
        let text = text.strip_prefix("Elixir.").unwrap_or(text);
        let (name, arity) = match text.rsplit_once('/') {
            Some((name, arity)) => (name, arity.parse().ok()),
            None => (text, None),
        };
        match name.rsplit_once('.') {
            Some((module, function))
                if function.starts_with(|c: char| c.is_lowercase() || c == '_' || c == '*') =>
            {
                Self {
                    module: module.to_owned(),
                    function: Some(function.to_owned()),
                    arity,
                }
            }
            _ => Self {
                module: name.to_owned(),
                function: None,
                arity,
            },
        }
    }

    /// Is it this function?
    pub(crate) fn matches(&self, module: &str, function: &str, arity: u8) -> bool {
        let below = self.function.as_deref() == Some("*") && glob(&format!("{}.*", self.module), module);
        (below || glob(&self.module, module))
            && self.function.as_ref().is_none_or(|f| glob(f, function))
            && self.arity.is_none_or(|a| a == arity)
    }
}

/// Does `text` match `pattern`, in which `*` stands for any run of characters? Linear in practice: greedy with one
/// point of return.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last: Option<&str> = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = rest.get(at + before.len()..).unwrap_or_default();
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: patterns as people write them. Guarantee: they match what they say and nothing else.
    #[test]
    fn patterns_match_modules_functions_and_arities() {
        let matches = |p: &str, m, f, a| Pattern::new(p).matches(m, f, a);
        assert!(matches(
            "Shop.Stock.Warehouse.handle_call/3",
            "Shop.Stock.Warehouse",
            "handle_call",
            3
        ));
        assert!(!matches(
            "Shop.Stock.Warehouse.handle_call/3",
            "Shop.Stock.Warehouse",
            "handle_call",
            2
        ));
        assert!(matches("Shop.Stock.*", "Shop.Stock.Warehouse", "reserve", 2));
        assert!(matches("*.handle_call/3", "Shop.Pay.Gateway", "handle_call", 3));
        assert!(matches("Shop.Stock", "Shop.Stock", "x", 0));
        assert!(!matches("Shop.Stock", "Shop.Stock.Warehouse", "x", 0));
        assert!(matches("Elixir.Shop.*.re*ve", "Shop.Stock", "reserve", 2));
    }

    /// Scenario: stars in every position. Guarantee: the usual meaning.
    #[test]
    fn globs() {
        assert!(glob("a*c", "abc") && glob("*", "") && glob("a**", "ab") && glob("*b*", "abc"));
        assert!(!glob("a*c", "abd") && !glob("", "a") && !glob("ab*ba", "aba"));
    }
}
