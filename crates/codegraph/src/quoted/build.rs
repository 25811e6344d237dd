//! Making a quoted form, bottom-up.

use super::{Flags, Kind, Node, NodeId, Quoted, Symbol};

/// Where a node stands in the source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// Elixir's line, from 1; 0: none.
    pub line: u32,
    /// Elixir's column, from 1; 0: none.
    pub column: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

/// Makes a [`Quoted`]: each node after its children, the children of a node in order and with nothing between their
/// subtrees that is not part of one of them.
#[derive(Debug, Default)]
pub struct Builder {
    tree: Quoted,
}

impl Builder {
    /// A builder of an empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of a name or literal.
    pub fn symbol(&mut self, text: &[u8]) -> Symbol {
        self.tree.symbols.intern(text)
    }

    /// Adds a node over children that were added before.
    pub fn add(&mut self, kind: Kind, symbol: Symbol, flags: Flags, place: Place, kids: &[NodeId]) -> NodeId {
        let id = NodeId::new(self.tree.nodes.len());
        let first_kid = u32::try_from(self.tree.kids.len()).unwrap_or(u32::MAX);
        let mut size = 1u32;
        let mut damaged = kind == Kind::Error;
        for kid in kids {
            let kid = self.tree.node(*kid);
            size = size.saturating_add(kid.size);
            damaged |= kid.flags.has(Flags::DAMAGED);
        }
        self.tree.kids.extend_from_slice(kids);
        self.tree.nodes.push(Node {
            kind,
            flags: if damaged {
                flags.with(Flags::DAMAGED)
            } else {
                flags
            },
            symbol,
            line: place.line,
            column: place.column,
            start: place.start,
            end: place.end,
            size,
            first_kid,
            kid_count: u32::try_from(kids.len()).unwrap_or(u32::MAX),
        });
        id
    }

    /// [`Builder::add`] by the symbol's text.
    pub fn named(&mut self, kind: Kind, text: &str, flags: Flags, place: Place, kids: &[NodeId]) -> NodeId {
        let symbol = self.symbol(text.as_bytes());
        self.add(kind, symbol, flags, place, kids)
    }

    /// Gives a node that was added without a position the one that its parentheses have.
    pub fn set_position(&mut self, id: NodeId, line: u32, column: u32) {
        if let Some(node) = self.tree.nodes.get_mut(id.index()) {
            (node.line, node.column) = (line, column);
        }
    }

    /// The tree so far, to look at what was added.
    #[must_use]
    pub fn tree(&self) -> &Quoted {
        &self.tree
    }

    /// The tree; its root is `root`.
    #[must_use]
    pub fn finish(mut self, root: Option<NodeId>) -> Quoted {
        self.tree.root = root;
        self.tree
    }
}

#[cfg(test)]
mod tests {
    use super::{Builder, Flags, Kind, Place};

    /// Scenario: a block gets the position of its parentheses. Guarantee: nothing else of it changes.
    #[test]
    fn a_position_is_set_later() {
        let mut builder = Builder::new();
        let span = Place {
            start: 3,
            end: 5,
            ..Place::default()
        };
        let id = builder.named(Kind::Call, "__block__", Flags::default(), span, &[]);
        builder.set_position(id, 2, 7);
        let node = *builder.tree().node(id);
        assert_eq!((node.line, node.column, node.start, node.end), (2, 7, 3, 5));
    }
}
