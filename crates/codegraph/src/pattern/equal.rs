//! Whether two subtrees say the same.

use crate::quoted::{NodeId, Quoted};

/// Whether the subtrees are the same code: kinds, names and literals, in order; positions do not matter. They may be of
/// different trees. One pass over both, which the post-order of the arena allows.
#[must_use]
pub fn equal(left: &Quoted, a: NodeId, right: &Quoted, b: NodeId) -> bool {
    let (a, b) = (left.subtree(a), right.subtree(b));
    let same = |x: usize, y: usize| {
        let (x, y) = (NodeId::new(x), NodeId::new(y));
        left.node(x).kind == right.node(y).kind
            && left.kids(x).len() == right.kids(y).len()
            && left.bytes(x) == right.bytes(y)
    };
    a.len() == b.len() && a.zip(b).all(|(x, y)| same(x, y))
}
