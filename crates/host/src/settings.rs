//! Settings files: TOML, a `key = value` a line, values plain or lists of plain ones. Which keys there are, whoever reads the file knows.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// Longest settings file, bytes.
const SETTINGS_BYTES_MAX: u64 = 1 << 20;

/// One key of a settings file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// As it stands there.
    pub key: String,
    /// Its value as text; several of a list.
    pub values: Vec<String>,
    /// Is the value a list?
    pub list: bool,
    /// Line of the key, from 1.
    pub line: usize,
}

/// A settings file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It cannot be read.
    #[error("settings file {path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too long.
    #[error("settings file {path}: longer than {SETTINGS_BYTES_MAX} bytes", path = path.display())]
    Long {
        /// Which.
        path: PathBuf,
    },
    /// It is not TOML.
    #[error("settings file {path}: {reason}", path = path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A value that is a table or a date.
    #[error("{path}:{line}: {key} is {what}; expected a text, a number, true, false or a list of these", path = path.display())]
    Kind {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Which key.
        key: String,
        /// What its value is.
        what: &'static str,
    },
}

/// Reads a settings file, in the order of its lines.
pub fn read_settings(path: &Path) -> Result<Vec<Setting>, SettingsError> {
    let failed = |source| SettingsError::File {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut some = file.take(SETTINGS_BYTES_MAX + 1);
    some.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > SETTINGS_BYTES_MAX {
        return Err(SettingsError::Long {
            path: path.to_owned(),
        });
    }
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Setting>, SettingsError> {
    let table = DeTable::parse(text).map_err(|e| SettingsError::Syntax {
        path: path.to_owned(),
        reason: e.to_string().trim().to_owned(),
    })?;
    let mut settings = Vec::new();
    for (key, value) in table.get_ref() {
        let line = 1 + text
            .bytes()
            .take(key.span().start)
            .filter(|byte| *byte == b'\n')
            .count();
        let name = key.get_ref().to_string();
        let kind = |what| SettingsError::Kind {
            path: path.to_owned(),
            line,
            key: name.clone(),
            what,
        };
        let list = matches!(value.get_ref(), DeValue::Array(_));
        let values = match value.get_ref() {
            DeValue::Array(values) => values
                .iter()
                .map(|value| plain(value.get_ref()))
                .collect::<Result<_, _>>(),
            value => plain(value).map(|value| vec![value]),
        };
        settings.push(Setting {
            values: values.map_err(kind)?,
            key: name,
            list,
            line,
        });
    }
    settings.sort_by_key(|setting| setting.line);
    Ok(settings)
}

fn plain(value: &DeValue<'_>) -> Result<String, &'static str> {
    let mut text = String::new();
    let written = match value {
        DeValue::String(value) => write!(text, "{value}"),
        DeValue::Integer(value) => write!(text, "{value}"),
        DeValue::Float(value) => write!(text, "{value}"),
        DeValue::Boolean(value) => write!(text, "{value}"),
        DeValue::Datetime(_) => return Err("a date"),
        DeValue::Array(_) => return Err("a list in a list"),
        DeValue::Table(_) => return Err("a table"),
    };
    written.map(|()| text).map_err(|_| "not a text")
}

/// The nearest of some names: what was perhaps meant.
pub fn nearest<'a>(known: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    known.min_by_key(|known| distance(known, name))
}

/// Edit distance (Levenshtein 1966; one row of the table).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let best = (diagonal + usize::from(ca != *cb)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Setting>, String> {
        parse(Path::new("es.toml"), text).map_err(|e| e.to_string())
    }

    /// Guarantee: each plain value comes as the text that a flag would have, in the order of the lines.
    #[test]
    fn plain_values() {
        let text = "# comment\nzone = \"b\"\nmemory-mib = 512\n\nlog-json = true\njoin = [\"a:1\", \"b:2\"]\nx = 0.5\n";
        let setting = |key: &str, values: &[&str], list, line| Setting {
            key: key.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
            list,
            line,
        };
        let expected = vec![
            setting("zone", &["b"], false, 2),
            setting("memory-mib", &["512"], false, 3),
            setting("log-json", &["true"], false, 5),
            setting("join", &["a:1", "b:2"], true, 6),
            setting("x", &["0.5"], false, 7),
        ];
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(Vec::new()));
    }

    /// Guarantee: what is no settings file is refused, naming file, line and key.
    #[test]
    fn refusals() {
        let refused = |text: &str| read(text).unwrap_err();
        assert!(refused("a = 1\n[store]\nb = 2").starts_with("es.toml:2: store is a table"));
        assert!(refused("\nday = 2026-01-01").starts_with("es.toml:2: day is a date"));
        assert!(refused("a = [[1]]").contains("a list in a list"));
        for text in ["a = ", "= 1", "a = 1\na = 2", "a 1", "\u{0}"] {
            let error = refused(text);
            assert!(
                error.starts_with("settings file es.toml: ") && error.contains("line"),
                "{error}"
            );
        }
        let missing = read_settings(Path::new("/nowhere/es.toml"))
            .unwrap_err()
            .to_string();
        assert!(missing.contains("/nowhere/es.toml"), "{missing}");
    }

    proptest::proptest! {
        /// Guarantee: no text is a panic.
        #[test]
        fn total(text in "\\PC{0,80}", cut in 0_usize..80) {
            let _ = read(&text);
            let start: String = "join = [\"a\", 'b']\nx = 0x10\ny=-inf\nz = \"\"\"\nq\"\"\"".chars().take(cut).collect();
            let _ = read(&start);
        }
    }

    /// Guarantee: the nearest name is the one with the fewest edits.
    #[test]
    fn nearest_names() {
        let known = ["memory-mib", "disk-mib", "join"];
        assert_eq!(nearest(known.into_iter(), "memory-mb"), Some("memory-mib"));
        assert_eq!(nearest(known.into_iter(), "jion"), Some("join"));
        assert_eq!(nearest([].into_iter(), "x"), None);
    }
}
