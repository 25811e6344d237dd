//! Names and literals of one tree, each stored once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A name or literal of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

impl Symbol {
    /// The empty text.
    pub const NONE: Self = Self(0);

    /// The index among the tree's symbols; 0 is the empty text.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Symbols by number. Number 0 is the empty text.
#[derive(Clone, Debug)]
pub struct Symbols {
    bytes: Vec<u8>,
    // Where each symbol begins; one more than there are symbols.
    starts: Vec<u32>,
    // By hash of the bytes; a second symbol of the same hash lies in `more`.
    known: HashMap<u64, Symbol, BuildHasherDefault<Identity>>,
    more: HashMap<Vec<u8>, Symbol>,
}

impl Default for Symbols {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            starts: vec![0, 0],
            known: HashMap::default(),
            more: HashMap::new(),
        }
    }
}

impl Symbols {
    /// The number of this text, a new one if it was not met before.
    pub fn intern(&mut self, text: &[u8]) -> Symbol {
        if text.is_empty() {
            return Symbol::NONE;
        }
        let hash = fnv(text);
        match self.known.get(&hash) {
            Some(symbol) if self.bytes(*symbol) == text => return *symbol,
            Some(_) => {
                if let Some(symbol) = self.more.get(text) {
                    return *symbol;
                }
                let symbol = self.add(text);
                self.more.insert(text.to_vec(), symbol);
                return symbol;
            }
            None => {}
        }
        let symbol = self.add(text);
        self.known.insert(hash, symbol);
        symbol
    }

    fn add(&mut self, text: &[u8]) -> Symbol {
        let symbol = Symbol(u32::try_from(self.starts.len() - 1).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(text);
        self.starts
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        symbol
    }

    /// The number of a text that was met before.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Option<Symbol> {
        if text.is_empty() {
            return Some(Symbol::NONE);
        }
        let symbol = *self.known.get(&fnv(text))?;
        if self.bytes(symbol) == text {
            return Some(symbol);
        }
        self.more.get(text).copied()
    }

    /// A symbol's bytes; none of a symbol of another tree.
    #[must_use]
    pub fn bytes(&self, symbol: Symbol) -> &[u8] {
        let index = symbol.index();
        match (self.starts.get(index), self.starts.get(index + 1)) {
            (Some(start), Some(end)) => self.bytes.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The symbol of this index.
    #[must_use]
    pub fn symbol(&self, index: usize) -> Option<Symbol> {
        (index < self.len()).then(|| Symbol(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// The bytes of the symbol of this index.
    #[must_use]
    pub fn at(&self, index: usize) -> &[u8] {
        self.symbol(index).map_or(&[], |symbol| self.bytes(symbol))
    }

    /// A symbol's text; empty if its bytes are no UTF-8 (only string literals can be that).
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        std::str::from_utf8(self.bytes(symbol)).unwrap_or_default()
    }

    /// How many there are, the empty text included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is only the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() <= 1
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): texts are a few bytes long.
fn fnv(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The key is a hash already.
#[derive(Clone, Copy, Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = fnv(bytes);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::Symbols;

    /// Scenario: texts, one twice, and bytes that are no text. Guarantee: one number each, and the bytes come back.
    #[test]
    fn a_text_has_one_number() {
        let mut symbols = Symbols::default();
        let first = symbols.intern(b"reserve");
        let odd = symbols.intern(b"\xff");
        assert_eq!(first, symbols.intern(b"reserve"));
        assert_ne!(first, odd);
        assert_eq!(symbols.text(first), "reserve");
        assert_eq!((symbols.text(odd), symbols.bytes(odd)), ("", &b"\xff"[..]));
        assert_eq!(symbols.find(b"unknown"), None);
        let none = symbols.intern(b"");
        assert_eq!(symbols.text(none), "");
    }
}
