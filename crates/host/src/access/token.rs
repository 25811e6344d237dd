//! A token: 256 random bits behind a prefix that scanners of leaked secrets can find, and the hash by which it is known.
//!
//! The hash is SHA-256 over a word of ours and the token. A slow or salted hash would protect words that people choose; of 256
//! random bits there is nothing to guess.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// Before the digits.
const PREFIX: &str = "escope_";
/// Random bytes.
const SECRET_BYTES: usize = 32;
/// What is hashed before the token, so that the hash is of no use elsewhere.
const DOMAIN: &[u8] = b"elixirscope token 1\n";

/// The secret itself. Shown once, when it is made; not by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// By what a token is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// A text that cannot be a token or a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not written as `elixirscope token create` writes it")]
pub struct NotAToken;

impl Token {
    /// Of random bytes, which the caller draws from the system's generator.
    pub fn new(secret: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", hex(&secret)))
    }

    /// The text that a client sends.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its hash.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(self.0.as_bytes());
        Digest(hash.finalize().into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl FromStr for Token {
    type Err = NotAToken;
    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotAToken)?;
        unhex(digits).ok_or(NotAToken)?;
        Ok(Self(text.to_owned()))
    }
}

impl Digest {
    /// Whether they are equal, in a time that does not depend on where they differ.
    pub fn same(&self, other: &Self) -> bool {
        let pairs = self.0.iter().zip(&other.0);
        // `black_box`: the compiler must not turn the fold into a search for the first difference.
        std::hint::black_box(pairs.fold(0, |differ, (a, b)| differ | (a ^ b))) == 0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = NotAToken;
    fn from_str(text: &str) -> Result<Self, NotAToken> {
        unhex(text).map(Self).ok_or(NotAToken)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// 32 bytes of 64 lower-case digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    if text.len() != 2 * out.len() {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair.first_chunk::<2>()?;
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a token of known bytes. Guarantee: its text, its hash (made with `printf 'elixirscope token 1\nescope_0707...' |
    /// sha256sum`), and that `Debug` keeps it.
    #[test]
    fn known_bytes() {
        let token = Token::new([7; 32]);
        assert_eq!(token.reveal(), format!("escope_{}", "07".repeat(32)));
        assert_eq!(token.reveal().parse(), Ok(token.clone()));
        assert_eq!(token.digest().to_string(), KNOWN);
        assert_eq!(token.digest().to_string().parse(), Ok(token.digest()));
        assert!(!format!("{token:?}").contains("07"));
        assert!(token.digest().same(&Token::new([7; 32]).digest()));
        let mut other = [7; 32];
        other[31] = 6;
        assert!(!token.digest().same(&Token::new(other).digest()));
    }

    /// Scenario: texts that are no tokens. Guarantee: refused, none panics.
    #[test]
    fn no_tokens() {
        let long = format!("escope_{}", "0".repeat(65));
        let upper = format!("escope_{}", "A".repeat(64));
        for wrong in ["", "escope_", "escope_07", &long, &upper, "07", "escope_\u{e9}"] {
            assert!(wrong.parse::<Token>().is_err(), "{wrong}");
        }
    }

    const KNOWN: &str = "c1d632eaffa7b261536e40a0eb2fa71698ea25216b03e5b30ec87e58e68870d1";
}
