//! Settings: defaults, then a TOML file, then `ELIXIRSCOPE_*` of the environment, then overrides of the command line.
//! A key that nobody knows is refused, naming the nearest one that exists.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// Prefix of variables of the environment; `collector.listen` is `ELIXIRSCOPE_COLLECTOR_LISTEN`.
const ENV_PREFIX: &str = "ELIXIRSCOPE_";

/// A settings type. Its keys are those of its serialized default.
pub trait Settings: Serialize + DeserializeOwned + Default {
    /// Keys (`table.key`) whose default is `None`, and which a serialized default therefore lacks. They are strings.
    const OPTIONAL: &'static [&'static str] = &[];
    /// Variables with our prefix that are somebody else's, without the prefix.
    const FOREIGN_ENV: &'static [&'static str] = &[];
}

/// Where settings come from, the later the stronger.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A TOML file that must exist.
    pub file: Option<PathBuf>,
    /// The environment: [`Sources::with_env`].
    pub env: Vec<(String, String)>,
    /// `table.key` and its value.
    pub overrides: Vec<(String, String)>,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("settings file {path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("settings file {path}: {reason}", path = path.display())]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{source_name}: unknown key {key:?}; the nearest known key is {nearest:?}")]
    UnknownKey {
        /// Where it stands.
        source_name: String,
        /// As given.
        key: String,
        /// Perhaps this was meant.
        nearest: String,
    },
    /// A value of the wrong type.
    #[error("{source_name}: {key} = {value:?} is not {wanted}")]
    WrongType {
        /// Where it stands.
        source_name: String,
        /// Which key.
        key: String,
        /// As given.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A value that the type refuses.
    #[error("settings: {0}")]
    Value(String),
}

impl Sources {
    /// With the process's environment.
    #[must_use]
    pub fn with_env(mut self) -> Self {
        self.env = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        self
    }

    /// The settings.
    pub fn load<T: Settings>(&self) -> Result<T, SettingsError> {
        let mut known = Table::try_from(T::default()).map_err(|e| SettingsError::Value(e.to_string()))?;
        for key in T::OPTIONAL {
            set(&mut known, key, Value::String(String::new()));
        }
        let mut keys = Vec::new();
        flatten(&known, "", &mut keys);
        let mut table = Table::try_from(T::default()).map_err(|e| SettingsError::Value(e.to_string()))?;
        if let Some(path) = &self.file {
            let given = read(path)?;
            let name = format!("settings file {}", path.display());
            let mut leaves = Vec::new();
            leaves_of(&given, "", &keys, &mut leaves);
            for (key, value) in leaves {
                lookup(&keys, &key, &name)?;
                set(&mut table, &key, value);
            }
        }
        for (variable, value) in &self.env {
            let Some(rest) = variable.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            if T::FOREIGN_ENV.contains(&rest) {
                continue;
            }
            let key = keys.iter().find(|(key, _)| env_name(key) == rest).map_or_else(
                || rest.to_ascii_lowercase().replace("__", "."),
                |(key, _)| key.clone(),
            );
            assign(
                &mut table,
                &keys,
                &key,
                value,
                &format!("environment variable {variable}"),
            )?;
        }
        for (key, value) in &self.overrides {
            assign(&mut table, &keys, key, value, "command line")?;
        }
        T::deserialize(table).map_err(|e| SettingsError::Value(e.to_string().trim().to_owned()))
    }
}

fn read(path: &Path) -> Result<Table, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File {
        path: path.to_owned(),
        source,
    })?;
    text.parse::<Table>().map_err(|e| SettingsError::Syntax {
        path: path.to_owned(),
        reason: e.to_string(),
    })
}

fn env_name(key: &str) -> String {
    key.to_ascii_uppercase().replace(['.', '-'], "_")
}

/// All keys with a value that shows their type.
fn flatten(table: &Table, prefix: &str, out: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(inner) if !inner.is_empty() => flatten(inner, &path, out),
            other => out.push((path, other.clone())),
        }
    }
}

/// Like [`flatten`], but a known key is a leaf even if its value is a table.
fn leaves_of(table: &Table, prefix: &str, known: &[(String, Value)], out: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(inner) if !known.iter().any(|(k, _)| *k == path) => {
                leaves_of(inner, &path, known, out);
            }
            other => out.push((path, other.clone())),
        }
    }
}

fn lookup<'a>(keys: &'a [(String, Value)], key: &str, source_name: &str) -> Result<&'a Value, SettingsError> {
    keys.iter()
        .find(|(k, _)| k == key)
        .map(|(_, v)| v)
        .ok_or_else(|| SettingsError::UnknownKey {
            source_name: source_name.to_owned(),
            key: key.to_owned(),
            nearest: nearest(keys.iter().map(|(k, _)| k.as_str()), key).to_owned(),
        })
}

fn assign(
    table: &mut Table,
    keys: &[(String, Value)],
    key: &str,
    text: &str,
    source_name: &str,
) -> Result<(), SettingsError> {
    let (parsed, wanted) = match lookup(keys, key, source_name)? {
        Value::String(_) => (Some(Value::String(text.to_owned())), "a text"),
        Value::Integer(_) => (text.parse().ok().map(Value::Integer), "a whole number"),
        Value::Float(_) => (text.parse().ok().map(Value::Float), "a number"),
        Value::Boolean(_) => (text.parse().ok().map(Value::Boolean), "true or false"),
        _ => (
            format!("v = {text}")
                .parse::<Table>()
                .ok()
                .and_then(|mut t| t.remove("v")),
            "a TOML value",
        ),
    };
    let value = parsed.ok_or_else(|| SettingsError::WrongType {
        source_name: source_name.to_owned(),
        key: key.to_owned(),
        value: text.to_owned(),
        wanted,
    })?;
    set(table, key, value);
    Ok(())
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn nearest<'a>(known: impl Iterator<Item = &'a str>, key: &str) -> &'a str {
    known.min_by_key(|k| distance(k, key)).unwrap_or("")
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
