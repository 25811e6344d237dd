//! Which variables are locals, and their numbers.
//!
//! A local is a name that some pattern of the definition binds: a parameter, the left side of `=`, `<-` or `->`. Locals
//! are numbered in the order of their first node. Names are told apart, not scopes: two definitions of equal numbering
//! differ in a one-to-one renaming, so equality is never wrong; but `fn x -> x end` inside a function that has another
//! `x` differs from `fn y -> y end` there. A name that nothing binds keeps its name: it may be a call without
//! parentheses. `@name` and `&name/1` are no locals.

use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// The locals of one definition after another of the same tree.
#[derive(Debug)]
pub(crate) struct Locals {
    words: Words,
    // By symbol: the epoch in which it was bound, the epoch in which it was numbered, its number.
    bound: Vec<u32>,
    numbered: Vec<(u32, u32)>,
    epoch: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Words {
    equals: Option<Symbol>,
    arrow: Option<Symbol>,
    stab: Option<Symbol>,
    at: Option<Symbol>,
    slash: Option<Symbol>,
    capture: Option<Symbol>,
    any: Option<Symbol>,
}

impl Locals {
    pub(crate) fn new(tree: &Quoted) -> Self {
        let find = |text: &str| tree.symbols().find(text.as_bytes());
        let words = Words {
            equals: find("="),
            arrow: find("<-"),
            stab: find("->"),
            at: find("@"),
            slash: find("/"),
            capture: find("&"),
            any: find("_"),
        };
        let count = tree.symbols().len();
        Self {
            words,
            bound: vec![0; count],
            numbered: vec![(0, 0); count],
            epoch: 0,
            next: 0,
        }
    }

    /// Begins with another definition: what `parameters` and its patterns bind.
    pub(crate) fn enter(&mut self, tree: &Quoted, root: NodeId, parameters: &[NodeId]) {
        self.epoch += 1;
        self.next = 0;
        for parameter in parameters {
            self.bind(tree, tree.subtree(*parameter));
        }
        // Post-order: the left side of a nested pattern lies within the outer one's, or before it. `bound_to` keeps
        // nested left sides from being walked again for each level.
        let mut pending: Vec<std::ops::Range<usize>> = Vec::new();
        for index in tree.subtree(root) {
            let id = NodeId::new(index);
            let node = tree.node(id);
            if node.kind != Kind::Call {
                continue;
            }
            let symbol = Some(node.symbol);
            let is_pattern = symbol == self.words.stab
                || (symbol == self.words.equals || symbol == self.words.arrow) && tree.kids(id).len() == 2;
            if !is_pattern {
                continue;
            }
            let Some(left) = tree.kid(id, 0).map(|left| tree.subtree(left)) else {
                continue;
            };
            while pending.last().is_some_and(|last| last.start >= left.start) {
                pending.pop();
            }
            pending.push(left);
        }
        for range in pending {
            self.bind(tree, range);
        }
    }

    fn bind(&mut self, tree: &Quoted, range: std::ops::Range<usize>) {
        for index in range {
            let node = tree.node(NodeId::new(index));
            if node.kind == Kind::Variable
                && !self.is_named(tree, index)
                && !is_special(tree.symbols().bytes(node.symbol))
                && let Some(bound) = self.bound.get_mut(node.symbol.index())
            {
                *bound = self.epoch;
            }
        }
    }

    /// `@name`, `&name/1` and `_`: no locals, whatever is bound.
    fn is_named(&self, tree: &Quoted, index: usize) -> bool {
        let symbol = Some(tree.node(NodeId::new(index)).symbol);
        if symbol == self.words.any {
            return true;
        }
        let next = tree.node(NodeId::new(index + 1));
        if next.kind == Kind::Call && next.size == 2 && Some(next.symbol) == self.words.at {
            return true;
        }
        self.is_captured(tree, index)
    }

    /// The `name` of `&name/1`.
    pub(crate) fn is_captured(&self, tree: &Quoted, index: usize) -> bool {
        let (slash, capture) = (
            tree.node(NodeId::new(index + 2)),
            tree.node(NodeId::new(index + 3)),
        );
        slash.kind == Kind::Call
            && slash.size == 3
            && Some(slash.symbol) == self.words.slash
            && capture.kind == Kind::Call
            && capture.size == 4
            && Some(capture.symbol) == self.words.capture
    }

    /// The number of the local at this node, if it is one. Asked in the order of the nodes.
    pub(crate) fn number(&mut self, tree: &Quoted, index: usize) -> Option<u32> {
        let node = tree.node(NodeId::new(index));
        if node.kind != Kind::Variable
            || self.bound.get(node.symbol.index()) != Some(&self.epoch)
            || self.is_named(tree, index)
        {
            return None;
        }
        let slot = self.numbered.get_mut(node.symbol.index())?;
        if slot.0 != self.epoch {
            *slot = (self.epoch, self.next);
            self.next += 1;
        }
        Some(slot.1)
    }

    /// Whether this variable may be a local of some definition: not `@name`, `&name/1`, `_` or `__MODULE__`.
    pub(crate) fn may_be_local(&self, tree: &Quoted, index: usize) -> bool {
        !self.is_named(tree, index) && !is_special(tree.bytes(NodeId::new(index)))
    }
}

fn is_special(name: &[u8]) -> bool {
    name.starts_with(b"__") && name.ends_with(b"__")
}
