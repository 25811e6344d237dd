//! What holds of every tree that was lowered. The fuzz target `lower` compiles this file too.

use codegraph::quoted::{NodeId, Quoted};

/// What holds of every tree: kids before parents, subtrees next to one another, spans and symbols inside their bounds.
pub(super) fn check(quoted: &Quoted, source: &str) {
    let root = quoted.root().expect("every text has a root");
    assert_eq!(root.index() + 1, quoted.nodes().len());
    for index in 0..quoted.nodes().len() {
        let id = NodeId::new(index);
        let node = quoted.node(id);
        assert!(node.start <= node.end && node.end as usize <= source.len());
        assert!(source.is_char_boundary(node.start as usize) && source.is_char_boundary(node.end as usize));
        assert!(node.symbol.index() < quoted.symbols().len());
        assert_eq!(node.line == 0, node.column == 0);
        // The subtree is the kids' subtrees, one after the other, then the node.
        let mut at = quoted.subtree(id).start;
        for kid in quoted.kids(id) {
            assert_eq!(quoted.subtree(*kid).start, at);
            at = quoted.subtree(*kid).end;
        }
        assert_eq!(at, index);
    }
}
