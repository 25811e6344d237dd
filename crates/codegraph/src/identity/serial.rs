//! The canonical bytes of a subtree, which content ids are hashes of. Version 1:
//!
//! each node in post-order as `kind` (one byte, [`Kind`]'s number), number of children, length of the symbol's bytes,
//! these bytes; numbers in LEB128. Neither positions nor flags nor comments: layout, parentheses, `do:` against `do`,
//! and the delimiters of strings and sigils change nothing. A definition inside another is replaced by [`HOLE`] and its
//! content id, so that ids form a Merkle tree and each node is hashed once. In the `alpha` look a local is [`LOCAL`] and
//! its number, and the function's own name is [`SELF_NAME`].

use super::ContentId;
use crate::quoted::{Kind, NodeId, Quoted};

/// Stands for a definition inside: its content id follows.
const HOLE: u8 = 0xf0;
/// Stands for a local variable: its number follows.
const LOCAL: u8 = 0xe0;
/// Stands for the name of the function itself: number of children follows.
const SELF_NAME: u8 = 0xe1;

/// A subtree that is written as its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hole {
    /// Index of its first node.
    pub(crate) start: usize,
    /// Index after its last.
    pub(crate) end: usize,
    /// Its id.
    pub(crate) id: ContentId,
}

/// How a node is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// As it is.
    Plain,
    /// As the local of this number.
    Local(u32),
    /// As the function's own name.
    SelfName,
}

/// Appends a subtree. The holes lie in it, in order, and do not overlap.
pub(crate) fn write(
    tree: &Quoted,
    root: NodeId,
    holes: &[Hole],
    mut look: impl FnMut(usize) -> Look,
    out: &mut Vec<u8>,
) {
    let range = tree.subtree(root);
    let mut holes = holes.iter().peekable();
    let mut at = range.start;
    while at < range.end {
        if let Some(hole) = holes.next_if(|hole| hole.start <= at) {
            if hole.end > at {
                out.push(HOLE);
                out.extend_from_slice(&hole.id.0);
                at = hole.end;
            }
            continue;
        }
        let id = NodeId::new(at);
        let node = tree.node(id);
        match look(at) {
            Look::Plain => {
                out.push(kind_byte(node.kind));
                number(tree.kids(id).len(), out);
                let bytes = tree.symbols().bytes(node.symbol);
                number(bytes.len(), out);
                out.extend_from_slice(bytes);
            }
            Look::Local(local) => {
                out.push(LOCAL);
                number(local as usize, out);
            }
            Look::SelfName => {
                out.extend_from_slice(&[SELF_NAME, kind_byte(node.kind)]);
                number(tree.kids(id).len(), out);
            }
        }
        at += 1;
    }
}

/// Fixed by hand, so that a new kind of node changes no id.
pub(super) fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Atom => 1,
        Kind::Integer => 2,
        Kind::Float => 3,
        Kind::String => 4,
        Kind::Charlist => 5,
        Kind::List => 6,
        Kind::Pair => 7,
        Kind::Variable => 8,
        Kind::Call => 9,
        Kind::Apply => 10,
        Kind::Error => 11,
    }
}

fn number(mut value: usize, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
