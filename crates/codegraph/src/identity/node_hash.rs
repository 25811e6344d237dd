//! Fast hashes of all subtrees, for comparing trees with one another. Not ids: 64 bits, mixed by multiplication
//! (folded 128-bit products as in Wang Yi's wyhash), while content ids are 128 bits of BLAKE3 over whole definitions.
//! BLAKE3 of each inner node would cost some 70 ns; this costs a few. Equal on every machine; never stored.

use super::Locals;
use crate::quoted::{Kind, NodeId, Quoted};

const SEEDS: [u64; 3] = [
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
    0x8ebc_6af0_9c88_c6e3,
];

/// A hash of two numbers.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ SEEDS[0]) * u128::from(b ^ SEEDS[1]);
    (product as u64) ^ (product >> 64) as u64 ^ SEEDS[2]
}

/// Hashes of a tree's nodes and subtrees, by node index.
#[derive(Clone, Debug, Default)]
pub struct NodeHashes {
    /// Of the node itself: kind and symbol.
    pub label: Vec<u64>,
    /// Of the subtree.
    pub exact: Vec<u64>,
    /// Of the subtree, all locals alike.
    pub blind: Vec<u64>,
}

/// Hashes of the tree's symbols, by index: the first 64 bits of BLAKE3.
pub(crate) fn symbol_hashes(tree: &Quoted) -> Vec<u64> {
    let mut hashes = vec![0; tree.symbols().len()];
    let mut done = vec![false; hashes.len()];
    for node in tree.nodes() {
        let index = node.symbol.index();
        if let (Some(done), Some(hash)) = (done.get_mut(index), hashes.get_mut(index))
            && !*done
        {
            *done = true;
            let bytes = tree.symbols().bytes(node.symbol);
            let mut first = [0; 8];
            first.copy_from_slice(
                blake3::hash(bytes)
                    .as_bytes()
                    .first_chunk::<8>()
                    .unwrap_or(&[0; 8]),
            );
            *hash = u64::from_le_bytes(first);
        }
    }
    hashes
}

impl NodeHashes {
    /// Hashes all subtrees, in one pass.
    #[must_use]
    pub fn of(tree: &Quoted) -> Self {
        let symbols = symbol_hashes(tree);
        let locals = Locals::new(tree);
        let count = tree.nodes().len();
        let mut hashes = Self {
            label: Vec::with_capacity(count),
            exact: Vec::with_capacity(count),
            blind: Vec::with_capacity(count),
        };
        for (index, node) in tree.nodes().iter().enumerate() {
            let kind = u64::from(super::serial::kind_byte(node.kind));
            let symbol = symbols.get(node.symbol.index()).copied().unwrap_or_default();
            let label = mix(kind, symbol);
            let kids = tree.kids(NodeId::new(index));
            let (mut exact, mut blind) = (mix(label, kids.len() as u64), mix(label, kids.len() as u64));
            if node.kind == Kind::Variable && locals.may_be_local(tree, index) {
                blind = mix(kind, 0);
            }
            for kid in kids {
                exact = mix(exact, at(&hashes.exact, *kid).rotate_left(17));
                blind = mix(blind, at(&hashes.blind, *kid).rotate_left(17));
            }
            hashes.label.push(label);
            hashes.exact.push(exact);
            hashes.blind.push(blind);
        }
        hashes
    }
}

/// The hash of a node.
pub(crate) fn at(hashes: &[u64], node: NodeId) -> u64 {
    hashes.get(node.index()).copied().unwrap_or_default()
}
