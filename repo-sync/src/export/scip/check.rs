//! Whether an index holds together with the sources that it is of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use scip::symbol::parse_symbol;
use scip::types::descriptor::Suffix;
use scip::types::{Document, Index, Occurrence, SymbolRole};

/// Most faults that are listed.
const FAULTS_MAX: usize = 100;

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Occurrences that were looked at.
    pub occurrences: usize,
    /// Occurrences whose text is another than the last part of the symbol's name: a renamed alias, `defimpl` without
    /// `for:`, a name in quotes.
    pub renamed: usize,
    /// What is wrong; at most 100.
    pub faults: Vec<String>,
}

/// Looks at every occurrence: its range lies in its file, its symbol can be read, its text is the last part of the
/// name; no symbol is defined twice; every reference has a definition or an external symbol.
#[must_use]
pub fn check(index: &Index, root: &Path) -> Checked {
    let mut checked = Checked::default();
    let mut defined: BTreeMap<&str, &str> = BTreeMap::new();
    let external: BTreeSet<&str> = index
        .external_symbols
        .iter()
        .map(|one| one.symbol.as_str())
        .collect();
    let mut paths = BTreeSet::new();
    for document in &index.documents {
        let path = document.relative_path.as_str();
        if !paths.insert(path) {
            checked.fault(format!("{path}: two documents"));
        }
        let mut locals = BTreeSet::new();
        for occurrence in document.occurrences.iter().filter(|one| is_definition(one)) {
            let symbol = occurrence.symbol.as_str();
            let twice = if symbol.starts_with("local ") {
                !locals.insert(symbol)
            } else {
                defined.insert(symbol, path).is_some()
            };
            if twice {
                checked.fault(format!("{path}: {symbol} is defined twice"));
            }
        }
        for information in &document.symbols {
            let symbol = information.symbol.as_str();
            if !locals.contains(symbol) && defined.get(symbol) != Some(&path) {
                checked.fault(format!("{path}: {symbol} is described without a definition"));
            }
        }
    }
    for document in &index.documents {
        let known = |symbol: &str| defined.contains_key(symbol) || external.contains(symbol);
        checked.document(document, root, &known);
    }
    checked
}

fn is_definition(occurrence: &Occurrence) -> bool {
    occurrence.symbol_roles & SymbolRole::Definition as i32 != 0
}

impl Checked {
    fn fault(&mut self, text: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(text);
        }
    }

    fn document(&mut self, document: &Document, root: &Path, known: &dyn Fn(&str) -> bool) {
        let path = document.relative_path.as_str();
        let Ok(text) = std::fs::read_to_string(root.join(path)) else {
            return self.fault(format!("{path}: cannot be read"));
        };
        let lines: Vec<&str> = text.split('\n').collect();
        let mut locals: BTreeMap<&str, &str> = BTreeMap::new();
        for information in &document.symbols {
            if information.symbol.starts_with("local ") {
                locals.insert(&information.symbol, &information.display_name);
            }
        }
        for occurrence in &document.occurrences {
            self.occurrences += 1;
            let symbol = occurrence.symbol.as_str();
            let Some(written) = covered(&lines, &occurrence.range) else {
                self.fault(format!(
                    "{path}: {symbol} at {:?} is outside of the file",
                    occurrence.range
                ));
                continue;
            };
            if !occurrence.enclosing_range.is_empty()
                && covered(&lines, &occurrence.enclosing_range).is_none()
            {
                self.fault(format!("{path}: {symbol} has a wrong enclosing range"));
            }
            if symbol.starts_with("local ") {
                match locals.get(symbol) {
                    Some(name) if *name == written => {}
                    Some(name) => self.fault(format!("{path}: {written} is said to be {name}")),
                    None => self.fault(format!("{path}: {symbol} has no definition")),
                }
                continue;
            }
            if !known(symbol) {
                self.fault(format!("{path}: {symbol} has no definition"));
            }
            match last_part(symbol) {
                Some(name)
                    if written.rsplit('.').next().map(str::trim) == Some(name.as_str())
                        || written == name => {}
                Some(_) => self.renamed += 1,
                None => self.fault(format!("{path}: {symbol} is no symbol")),
            }
        }
    }
}

/// The text of a range.
fn covered(lines: &[&str], range: &[i32]) -> Option<String> {
    let (first, start, last, end) = match *range {
        [line, start, end] => (line, start, line, end),
        [line, start, last, end] => (line, start, last, end),
        _ => return None,
    };
    let number = |value: i32| usize::try_from(value).ok();
    let (first, start, last, end) = (number(first)?, number(start)?, number(last)?, number(end)?);
    if first == last {
        return lines
            .get(first)?
            .get(start..end)
            .filter(|text| !text.is_empty())
            .map(str::to_owned);
    }
    let mut text = lines.get(first)?.get(start..)?.to_owned();
    for line in lines.get(first + 1..last)? {
        text.push('\n');
        text.push_str(line);
    }
    text.push('\n');
    text.push_str(lines.get(last)?.get(..end)?);
    Some(text)
}

/// The last part of a symbol's name.
fn last_part(symbol: &str) -> Option<String> {
    let parsed = parse_symbol(symbol).ok()?;
    let is_name = |suffix: Suffix| suffix != Suffix::Meta;
    let named = parsed.descriptors.iter().rev();
    let last = named
        .clone()
        .find(|one| one.suffix.enum_value().is_ok_and(is_name))?;
    if last.suffix.enum_value() == Ok(Suffix::Namespace) {
        return last.name.rsplit('.').next().map(str::to_owned);
    }
    Some(last.name.clone())
}
