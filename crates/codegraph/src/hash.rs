//! Hashes by which sources, documents and versions are named.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A text that is not 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hexadecimal digits, not {chars} characters like {start:?}")]
pub struct HashText {
    chars: usize,
    start: String,
}

macro_rules! hashes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
        impl FromStr for $name {
            type Err = HashText;
            fn from_str(text: &str) -> Result<Self, HashText> {
                parse(text).map(Self)
            }
        }
    )*};
}

hashes! {
    /// BLAKE3-256 of a blob: how it is stored and asked for.
    ContentHash;
    /// SHA-256 of a source file's bytes, as the BEAM library puts it into site tables. Zeros = not known.
    SourceHash;
}

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl SourceHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Is there a hash at all?
    pub fn is_known(&self) -> bool {
        self.0 != [0; 32]
    }
}

fn parse(text: &str) -> Result<[u8; 32], HashText> {
    let fault = || HashText {
        chars: text.chars().count(),
        start: text.chars().take(16).collect(),
    };
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return Err(fault());
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16).ok_or_else(fault)?;
            *byte = *byte << 4 | value as u8;
        }
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_functions() {
        let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(ContentHash::of(b"").to_string(), empty);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(SourceHash::of(b"abc").to_string(), abc);
        assert_eq!(abc.parse::<SourceHash>().unwrap(), SourceHash::of(b"abc"));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in ["", "ab", "zz", &"g".repeat(64), &"é".repeat(32), &"a".repeat(65)] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
    }
}
