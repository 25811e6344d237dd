//! What an alias stands for: `alias` directives and nested modules, by lexical scope.

/// Aliases of one scope, newest last: the short name and the full one, both without `Elixir.`.
#[derive(Debug, Default)]
pub(super) struct Aliases(Vec<(String, String)>);

impl Aliases {
    pub(super) fn add(&mut self, short: &str, full: &str) {
        self.0.push((short.to_owned(), full.to_owned()));
    }

    fn get(&self, short: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| name == short)
            .map(|(_, full)| full.as_str())
    }
}

/// The full name, without `Elixir.`, of an alias as it is written, in these scopes (innermost last).
pub(super) fn expand<'a>(scopes: impl DoubleEndedIterator<Item = &'a Aliases>, written: &str) -> String {
    let (first, rest) = written.split_once('.').unwrap_or((written, ""));
    if first == "Elixir" {
        return rest.to_owned();
    }
    match scopes.rev().find_map(|scope| scope.get(first)) {
        Some(full) if rest.is_empty() => full.to_owned(),
        Some(full) => format!("{full}.{rest}"),
        None => written.to_owned(),
    }
}

/// The last segment.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
