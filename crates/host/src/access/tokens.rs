//! The set of tokens: who is who. Pure: text and time in, decisions out.
//!
//! As a text it is TOML, a `[[token]]` each with `name`, `role`, `sha256`, `created`, and `expires` if it does. Keys that are not known
//! are refused, so that a misspelt `expires` is no token for ever.

use serde::{Deserialize, Serialize};

use super::role::{Role, UnknownRole};
use super::time::{of_rfc3339, rfc3339};
use super::token::{Digest, Token};

/// Tokens in one set; each request is compared with all of them.
pub const TOKENS_MAX: usize = 1_024;
/// Bytes of a token's name.
pub const NAME_BYTES_MAX: usize = 64;

/// First lines of the text.
const HEAD: &str = "# Tokens of ElixirScope's doors: hashes only, the tokens themselves are not kept. `elixirscope token` writes this file.\n";

/// A token that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// For people and logs; unique.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// By what it is known.
    pub digest: Digest,
    /// Unix seconds.
    pub created_s: u64,
    /// Unix seconds from which on it is refused; `None` = never.
    pub expires_s: Option<u64>,
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Name of the token.
    pub name: String,
    /// Its role.
    pub role: Role,
}

/// All tokens, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(Vec<Entry>);

/// A set that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// Not TOML, or not of this shape.
    #[error("{0}")]
    Syntax(String),
    /// A name that is none.
    #[error("token name '{0}': expected 1 to {NAME_BYTES_MAX} of a-z, A-Z, 0-9, '.', '_', '-'")]
    Name(String),
    /// Two of a name.
    #[error("there are two tokens of the name '{0}'")]
    Twice(String),
    /// No such token.
    #[error("there is no token of the name '{0}'")]
    Absent(String),
    /// A role that is none.
    #[error("token '{0}': {1}")]
    Role(String, UnknownRole),
    /// A hash that is none.
    #[error("token '{0}': sha256 is not 64 lower-case hexadecimal digits")]
    Digest(String),
    /// A time that is none.
    #[error("token '{0}': {1} is not a time such as 2026-11-23T00:00:00Z")]
    Time(String, &'static str),
    /// Too many.
    #[error("{0} tokens exceed the limit of {TOKENS_MAX}")]
    TooMany(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    token: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    role: String,
    sha256: String,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

impl Tokens {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, TokensError> {
        let text: Text = toml::from_str(text).map_err(|e| TokensError::Syntax(e.to_string()))?;
        let mut tokens = Self::default();
        for row in text.token {
            tokens.add(row.entry()?)?;
        }
        Ok(tokens)
    }

    /// Writes it.
    pub fn text(&self) -> Result<String, TokensError> {
        let token = self.0.iter().map(Row::of).collect();
        let body = toml::to_string(&Text { token }).map_err(|e| TokensError::Syntax(e.to_string()))?;
        Ok(format!("{HEAD}\n{body}"))
    }

    /// Adds one.
    pub fn add(&mut self, entry: Entry) -> Result<(), TokensError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        if !(1..=NAME_BYTES_MAX).contains(&entry.name.len()) || !entry.name.bytes().all(plain) {
            return Err(TokensError::Name(entry.name));
        }
        if self.0.len() >= TOKENS_MAX {
            return Err(TokensError::TooMany(self.0.len() + 1));
        }
        match self.0.binary_search_by(|other| other.name.cmp(&entry.name)) {
            Ok(_) => Err(TokensError::Twice(entry.name)),
            Err(at) => {
                self.0.insert(at, entry);
                Ok(())
            }
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) -> Result<Entry, TokensError> {
        match self.0.binary_search_by(|other| other.name.as_str().cmp(name)) {
            Ok(at) => Ok(self.0.remove(at)),
            Err(_) => Err(TokensError::Absent(name.to_owned())),
        }
    }

    /// All of them, by name.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Whose token it is, and whether it still holds; `None` if it is nobody's. Always compares with all of them.
    pub fn find(&self, token: &Token, now_s: u64) -> Option<(Grant, bool)> {
        let digest = token.digest();
        let mut found = None;
        for entry in &self.0 {
            if entry.digest.same(&digest) {
                found = Some(entry);
            }
        }
        let entry = found?;
        let grant = Grant {
            name: entry.name.clone(),
            role: entry.role,
        };
        Some((grant, entry.expires_s.is_none_or(|expires| now_s < expires)))
    }
}

impl Row {
    fn of(entry: &Entry) -> Self {
        Self {
            name: entry.name.clone(),
            role: entry.role.to_string(),
            sha256: entry.digest.to_string(),
            created: rfc3339(entry.created_s),
            expires: entry.expires_s.map(rfc3339),
        }
    }

    fn entry(self) -> Result<Entry, TokensError> {
        let time =
            |text: &str, which| of_rfc3339(text).ok_or_else(|| TokensError::Time(self.name.clone(), which));
        let role = self.role.parse();
        Ok(Entry {
            role: role.map_err(|error| TokensError::Role(self.name.clone(), error))?,
            digest: self
                .sha256
                .parse()
                .map_err(|_| TokensError::Digest(self.name.clone()))?,
            created_s: time(&self.created, "created")?,
            expires_s: self
                .expires
                .as_deref()
                .map(|text| time(text, "expires"))
                .transpose()?,
            name: self.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, secret: u8, role: Role, expires_s: Option<u64>) -> Entry {
        Entry {
            name: name.to_owned(),
            role,
            digest: Token::new([secret; 32]).digest(),
            created_s: 1_790_000_000,
            expires_s,
        }
    }

    /// Scenario: a set is made, written, read. Guarantee: it is the same; the text holds hashes and no token; names are unique.
    #[test]
    fn there_and_back() {
        let mut tokens = Tokens::default();
        tokens.add(entry("grafana", 1, Role::Viewer, None)).unwrap();
        tokens
            .add(entry("ci", 2, Role::Writer, Some(1_790_000_100)))
            .unwrap();
        let text = tokens.text().unwrap();
        assert_eq!(Tokens::parse(&text).unwrap(), tokens);
        assert!(!text.contains("escope_"), "{text}");
        assert!(text.contains("expires = \"2026-09-21T14:15:00Z\""), "{text}");
        let twice = tokens.add(entry("ci", 3, Role::Viewer, None));
        assert_eq!(twice, Err(TokensError::Twice("ci".to_owned())));
        assert_eq!(tokens.remove("ci").unwrap().role, Role::Writer);
        assert_eq!(tokens.remove("ci"), Err(TokensError::Absent("ci".to_owned())));
    }

    /// Scenario: known tokens before and at their expiry, a revoked one, an unknown one. Guarantee: the name and role, and whether it holds.
    #[test]
    fn whose_it_is() {
        let mut tokens = Tokens::default();
        tokens.add(entry("a", 1, Role::Viewer, Some(100))).unwrap();
        tokens.add(entry("b", 2, Role::Operator, None)).unwrap();
        let grant = |secret: u8, now_s: u64, tokens: &Tokens| {
            let found = tokens.find(&Token::new([secret; 32]), now_s);
            found.map(|(grant, holds)| (grant.name, grant.role, holds))
        };
        assert_eq!(grant(1, 99, &tokens), Some(("a".to_owned(), Role::Viewer, true)));
        assert_eq!(
            grant(1, 100, &tokens),
            Some(("a".to_owned(), Role::Viewer, false))
        );
        assert_eq!(
            grant(2, u64::MAX, &tokens),
            Some(("b".to_owned(), Role::Operator, true))
        );
        assert_eq!(grant(3, 0, &tokens), None);
        tokens.remove("b").unwrap();
        assert_eq!(grant(2, 0, &tokens), None);
    }

    /// Scenario: texts with a misspelt key, a role, a hash, a time, a name that is none. Guarantee: refused, and it says which.
    #[test]
    fn wrong_texts() {
        let row = |name: &str, role: &str, sha256: &str, created: &str, more: &str| {
            format!(
                "[[token]]\nname='{name}'\nrole='{role}'\nsha256='{sha256}'\ncreated='{created}'\n{more}\n"
            )
        };
        let (hash, time) = ("0".repeat(64), "2026-09-21T14:15:00Z");
        assert!(Tokens::parse(&row("a", "viewer", &hash, time, "")).is_ok());
        for (text, says) in [
            (row("a", "viewer", &hash, time, "expirs='x'"), "expirs"),
            (row("a", "admin", &hash, time, ""), "admin"),
            (row("a", "viewer", "00", time, ""), "sha256"),
            (row("a", "viewer", &hash, "today", ""), "created"),
            (row("a", "viewer", &hash, time, "expires='soon'"), "expires"),
            (row("a b", "viewer", &hash, time, ""), "a b"),
            (row("", "viewer", &hash, time, ""), "name"),
            ("token = 3".to_owned(), "token"),
        ] {
            let error = Tokens::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
