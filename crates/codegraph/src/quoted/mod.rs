//! Elixir's quoted form (`Macro.t`) as an arena: what source text is lowered to, and what content ids, control flow,
//! data flow and patterns are computed from.
//!
//! One [`Quoted`] holds one file. Nodes lie in **post-order**: children before their parent, the nodes of a subtree next
//! to one another and its root last, so that a subtree is a range ([`Quoted::subtree`]) and a walk bottom-up is a loop.
//! Where Elixir writes `{name, meta, args}` there is a [`Kind::Call`] with the name as its symbol, or [`Kind::Apply`]
//! where the first element is itself a tree (`{{:., _, [..]}, _, args}`: the first child is the callee).

mod build;
mod node;
mod shape;
mod symbols;
mod text;

pub use build::{Builder, Place};
pub use node::{Flags, Kind, Node, NodeId};
pub use symbols::{Symbol, Symbols};

/// The quoted form of one source file, or of one piece of it.
#[derive(Clone, Debug, Default)]
pub struct Quoted {
    nodes: Vec<Node>,
    kids: Vec<NodeId>,
    symbols: Symbols,
    root: Option<NodeId>,
}

impl Quoted {
    /// All nodes, in post-order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The whole file's node; `None` of an empty one.
    #[must_use]
    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// A node. An id of another tree gives a node of this one, or the empty node: never a panic.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.index()).unwrap_or(&Node::EMPTY)
    }

    /// A node's children, in Elixir's order. Of a [`Kind::Apply`] the first is the callee, the rest are arguments.
    #[must_use]
    pub fn kids(&self, id: NodeId) -> &[NodeId] {
        let node = self.node(id);
        let first = node.first_kid as usize;
        self.kids
            .get(first..first.saturating_add(node.kid_count as usize))
            .unwrap_or_default()
    }

    /// A node's child by its place.
    #[must_use]
    pub fn kid(&self, id: NodeId, place: usize) -> Option<NodeId> {
        self.kids(id).get(place).copied()
    }

    /// The text of a node's symbol: a name, an atom's text, a string's bytes as text, a number's decimal digits.
    #[must_use]
    pub fn text(&self, id: NodeId) -> &str {
        self.symbols.text(self.node(id).symbol)
    }

    /// The bytes of a node's symbol: strings and charlists may hold bytes that are no UTF-8 (`"\xff"`).
    #[must_use]
    pub fn bytes(&self, id: NodeId) -> &[u8] {
        self.symbols.bytes(self.node(id).symbol)
    }

    /// The names and literals of this tree.
    #[must_use]
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// The nodes of the subtree that ends with `id`, itself last.
    #[must_use]
    pub fn subtree(&self, id: NodeId) -> std::ops::Range<usize> {
        let end = id.index().saturating_add(1).min(self.nodes.len());
        end.saturating_sub(self.node(id).size as usize)..end
    }

    /// Whether `inner` lies in the subtree of `outer` (also if they are the same).
    #[must_use]
    pub fn contains(&self, outer: NodeId, inner: NodeId) -> bool {
        self.subtree(outer).contains(&inner.index())
    }

    /// Whether the node is a call of this name with this many arguments (`Kind::Call`).
    #[must_use]
    pub fn is_call(&self, id: NodeId, name: &str, arity: usize) -> bool {
        let node = self.node(id);
        node.kind == Kind::Call && node.kid_count as usize == arity && self.text(id) == name
    }

    /// The parts of `module.function(args)`: module, function's name, arguments. `None` for all other nodes, also for
    /// `fun.(args)`.
    #[must_use]
    pub fn remote_call(&self, id: NodeId) -> Option<(NodeId, &str, &[NodeId])> {
        if self.node(id).kind != Kind::Apply {
            return None;
        }
        let (callee, args) = self.kids(id).split_first()?;
        if !self.is_call(*callee, ".", 2) {
            return None;
        }
        let [module, name] = self.kids(*callee) else {
            return None;
        };
        (self.node(*name).kind == Kind::Atom).then(|| (*module, self.text(*name), args))
    }

    /// The value under an atom key of a keyword list (`[do: x, else: y]`).
    #[must_use]
    pub fn keyword(&self, list: NodeId, key: &str) -> Option<NodeId> {
        if self.node(list).kind != Kind::List {
            return None;
        }
        self.kids(list)
            .iter()
            .find_map(|pair| match (self.node(*pair).kind, self.kids(*pair)) {
                (Kind::Pair, [name, value])
                    if self.node(*name).kind == Kind::Atom && self.text(*name) == key =>
                {
                    Some(*value)
                }
                _ => None,
            })
    }

    /// The parent of each node, by index; `None` for roots. One pass.
    #[must_use]
    pub fn parents(&self) -> Vec<Option<NodeId>> {
        let mut parents = vec![None; self.nodes.len()];
        for index in 0..self.nodes.len() {
            let id = NodeId::new(index);
            for kid in self.kids(id) {
                if let Some(slot) = parents.get_mut(kid.index()) {
                    *slot = Some(id);
                }
            }
        }
        parents
    }
}
