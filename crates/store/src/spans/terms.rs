//! Which texts are in which blocks of a run: what a search for a rare value skips by.
//!
//! A term (`wire::spans::Term`) is kept by 32 bits of it, with the blocks that have it as bits. Two terms that share 32 bits
//! share their blocks: a block too many is looked at, none is missed. Columns with nearly as many texts as rows are not in it.
//! Questions search the stored bytes: a question of a hundred million spans asks hundreds of chunks.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use std::collections::{BTreeMap, BTreeSet};
use wire::spans::{FrameTerms, LeftOut, Term};

/// Blocks of one chunk, each with a bit.
pub(super) const CHUNK_BLOCKS: usize = 32;
/// Bytes of a term, and of its blocks.
const WORD: usize = 4;

/// The terms of a chunk of a run's blocks, while they are gathered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    blocks: BTreeMap<u32, u32>,
    left_out: BTreeSet<LeftOut>,
}

/// What a block must have: one of the terms of each clause. Something in a clause that is in no index makes it true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// All of these.
    pub clauses: Vec<Clause>,
}

/// One of these terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    /// Terms.
    pub terms: Vec<Term>,
    /// What, if a block leaves it out, hides them.
    pub hidden_by: Vec<LeftOut>,
}

impl Terms {
    pub(crate) fn add(&mut self, block: usize, of_block: FrameTerms) {
        let bit = 1u32 << (block % CHUNK_BLOCKS);
        for term in of_block.terms {
            *self.blocks.entry(short(term)).or_default() |= bit;
        }
        self.left_out.extend(of_block.left_out);
    }

    /// What is left out; then terms, ascending, and their blocks, each a list of u32 (big-endian).
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() * 2 * WORD + 64);
        out.varint(self.left_out.len() as u64);
        for left_out in &self.left_out {
            let (kind, key) = code(left_out);
            out.u8(kind);
            out.text(key);
        }
        out.varint(self.blocks.len() as u64);
        for term in self.blocks.keys() {
            out.u32_be(*term);
        }
        for blocks in self.blocks.values() {
            out.u32_be(*blocks);
        }
        out
    }
}

/// The stored terms of a chunk.
#[derive(Debug)]
pub(crate) struct StoredTerms {
    bytes: Vec<u8>,
    left_out: BTreeSet<LeftOut>,
    /// Where the terms begin, and how many they are.
    at: usize,
    count: usize,
}

impl StoredTerms {
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self, Damage> {
        let mut r = Reader::new(super::keys::TERMS, &bytes);
        let n = r.count(2)?;
        let mut left_out = BTreeSet::new();
        for _ in 0..n {
            let kind = r.u8()?;
            let key = r.text()?;
            left_out.insert(decoded(kind, key).ok_or_else(|| r.damage("what terms leave out"))?);
        }
        let count = r.count(2 * WORD)?;
        let terms = r.take(count * 2 * WORD)?.len();
        r.end()?;
        Ok(Self {
            at: bytes.len() - terms,
            bytes,
            left_out,
            count,
        })
    }

    /// Which of the blocks (bits) could have what is needed?
    pub(crate) fn blocks_with(&self, needs: &Needs) -> u32 {
        let of_clause = |clause: &Clause| {
            if clause.hidden_by.iter().any(|what| self.left_out.contains(what)) {
                return u32::MAX;
            }
            clause
                .terms
                .iter()
                .fold(0, |blocks, term| blocks | self.blocks(short(*term)))
        };
        needs.clauses.iter().fold(u32::MAX, |blocks, clause| {
            if blocks == 0 {
                0
            } else {
                blocks & of_clause(clause)
            }
        })
    }

    /// The blocks that have a term.
    fn blocks(&self, term: u32) -> u32 {
        let words = self.bytes.get(self.at..).unwrap_or_default();
        let (words, _) = words.as_chunks::<WORD>();
        let (terms, blocks) = words.split_at_checked(self.count).unwrap_or_default();
        let found = terms.binary_search_by(|word| u32::from_be_bytes(*word).cmp(&term));
        let blocks = found.ok().and_then(|place| blocks.get(place));
        blocks.map_or(0, |word| u32::from_be_bytes(*word))
    }
}

/// The 32 bits that are kept of a term.
fn short(term: Term) -> u32 {
    term.0 as u32
}

fn code(left_out: &LeftOut) -> (u8, &str) {
    match left_out {
        LeftOut::Attribute(key) => (0, key),
        LeftOut::OtherAttributes => (1, ""),
        LeftOut::AttributePairs(key) => (2, key),
        LeftOut::OtherPairs => (3, ""),
    }
}

fn decoded(kind: u8, key: &str) -> Option<LeftOut> {
    Some(match kind {
        0 => LeftOut::Attribute(key.to_owned()),
        1 => LeftOut::OtherAttributes,
        2 => LeftOut::AttributePairs(key.to_owned()),
        3 => LeftOut::OtherPairs,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clause(terms: &[u64], hidden_by: Vec<LeftOut>) -> Needs {
        let terms = terms.iter().map(|term| Term(*term)).collect();
        Needs {
            clauses: vec![Clause { terms, hidden_by }],
        }
    }

    proptest! {
        /// Scenario: blocks of any terms. Guarantee: each block may have each of its terms, and only blocks with a term have one
        /// whose 32 bits no other has.
        #[test]
        fn round_trip(blocks in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..9), 0..33)) {
            let mut terms = Terms::default();
            for (block, of_block) in blocks.iter().enumerate() {
                terms.add(block, FrameTerms {
                    terms: of_block.iter().map(|term| Term(*term)).collect(),
                    left_out: vec![LeftOut::Attribute(format!("key{}", block % 3))],
                });
            }
            let read = StoredTerms::open(terms.encode()).unwrap();
            prop_assert_eq!(&read.left_out, &terms.left_out);
            for term in blocks.iter().flatten() {
                let has = |of_block: &Vec<u64>| of_block.iter().any(|one| *one as u32 == *term as u32);
                let expected = blocks.iter().enumerate().filter(|(_, of_block)| has(of_block)).fold(0, |bits, (at, _)| bits | 1 << at);
                prop_assert_eq!(read.blocks_with(&clause(&[*term], Vec::new())), expected);
            }
        }

        /// Scenario: any bytes. Guarantee: terms or an error.
        #[test]
        fn total(bytes: Vec<u8>) {
            if let Ok(terms) = StoredTerms::open(bytes) {
                let _ = terms.blocks_with(&clause(&[7], Vec::new()));
            }
        }
    }

    /// Scenario: a text that no block has; the same of a column that is not in the index. Guarantee: none; perhaps all.
    #[test]
    fn absent_and_left_out() {
        let mut terms = Terms::default();
        terms.add(
            0,
            FrameTerms {
                terms: vec![Term(1), Term(2)],
                left_out: vec![LeftOut::Attribute("request.id".to_owned())],
            },
        );
        let read = StoredTerms::open(terms.encode()).unwrap();
        let of = |key: &str| vec![LeftOut::Attribute(key.to_owned())];
        assert_eq!(read.blocks_with(&clause(&[3], of("order.id"))), 0);
        assert_eq!(read.blocks_with(&clause(&[3], of("request.id"))), u32::MAX);
        assert_eq!(read.blocks_with(&clause(&[3, 2], Vec::new())), 1);
    }
}
