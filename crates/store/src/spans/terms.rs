//! Which texts are in which blocks of a run: what a search for a rare value skips by.
//!
//! A term (`wire::spans::term`) is kept by 32 bits of it, with the blocks that have it as bits. Two terms that share 32 bits
//! share their blocks: a block too many is looked at, none is missed. Columns with nearly as many texts as rows are not in it.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use std::collections::{BTreeMap, BTreeSet};

/// Blocks of one chunk, each with a bit.
pub(super) const CHUNK_BLOCKS: usize = 32;

/// The terms of a chunk of a run's blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    blocks: BTreeMap<u32, u32>,
    /// Keys of attributes that are not in it.
    left_out: BTreeSet<String>,
}

/// What a block must have: one of the terms of each clause. An attribute in a clause whose texts are in no index makes it true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// All of these.
    pub clauses: Vec<Clause>,
}

/// One of these terms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    /// Terms.
    pub terms: Vec<u64>,
    /// Keys of attributes that they are about.
    pub keys: Vec<String>,
}

impl Terms {
    pub(crate) fn add(&mut self, block: usize, terms: &[u64], left_out: Vec<String>) {
        let bit = 1u32 << (block % CHUNK_BLOCKS);
        for term in terms {
            *self.blocks.entry(*term as u32).or_default() |= bit;
        }
        self.left_out.extend(left_out);
    }

    /// Could this block have what is needed?
    pub(crate) fn may_have(&self, block: usize, needs: &Needs) -> bool {
        let bit = 1u32 << (block % CHUNK_BLOCKS);
        let has = |term: &u64| {
            self.blocks
                .get(&(*term as u32))
                .is_some_and(|blocks| blocks & bit != 0)
        };
        needs.clauses.iter().all(|clause| {
            clause.terms.iter().any(has) || clause.keys.iter().any(|key| self.left_out.contains(key))
        })
    }

    /// Lists of term (by difference) and blocks.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.blocks.len() * 6 + 16);
        out.varint(self.left_out.len() as u64);
        for key in &self.left_out {
            out.text(key);
        }
        out.varint(self.blocks.len() as u64);
        let mut last = 0;
        for (term, blocks) in &self.blocks {
            out.varint(u64::from(term - last));
            out.varint(u64::from(*blocks));
            last = *term;
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(super::keys::TERMS, bytes);
        let n = r.count(1)?;
        let left_out = (0..n)
            .map(|_| Ok(r.text()?.to_owned()))
            .collect::<Result<_, Damage>>()?;
        let n = r.count(2)?;
        let mut blocks = BTreeMap::new();
        let mut last = 0u64;
        for _ in 0..n {
            last = last.wrapping_add(r.varint()?);
            blocks.insert(last as u32, r.varint()? as u32);
        }
        r.end()?;
        Ok(Self { blocks, left_out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: blocks of any terms. Guarantee: they come back, and each block may have each of its terms.
        #[test]
        fn round_trip(blocks in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..9), 0..33)) {
            let mut terms = Terms::default();
            for (block, of_block) in blocks.iter().enumerate() {
                terms.add(block, of_block, vec![format!("key{}", block % 3)]);
            }
            let read = Terms::decode(&terms.encode()).unwrap();
            prop_assert_eq!(&read, &terms);
            for (block, of_block) in blocks.iter().enumerate() {
                let clauses = of_block.iter().map(|term| Clause { terms: vec![*term], keys: Vec::new() });
                let needs = Needs { clauses: clauses.collect() };
                prop_assert!(read.may_have(block, &needs));
            }
        }

        /// Scenario: any bytes. Guarantee: terms or an error.
        #[test]
        fn total(bytes: Vec<u8>) {
            let _ = Terms::decode(&bytes);
        }
    }

    /// Scenario: a text that no block has; the same of a column that is not in the index. Guarantee: no; perhaps.
    #[test]
    fn absent_and_left_out() {
        let mut terms = Terms::default();
        terms.add(0, &[1, 2], vec!["request.id".to_owned()]);
        let needs = |key: &str| Needs {
            clauses: vec![Clause {
                terms: vec![3],
                keys: vec![key.to_owned()],
            }],
        };
        assert!(!terms.may_have(0, &needs("order.id")));
        assert!(terms.may_have(0, &needs("request.id")));
    }
}
