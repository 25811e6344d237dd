//! What a syntax node is to its parent, in the words of `ast_edge.role`.

use codegraph::quoted::{Kind, NodeId, Quoted};

use super::kinds::Kinds;

/// A tree seen from its nodes upwards.
#[derive(Debug)]
pub(super) struct Upward<'t> {
    pub(super) tree: &'t Quoted,
    pub(super) kinds: Kinds,
    pub(super) parents: Vec<Option<NodeId>>,
    // By node: its place among its parent's children.
    places: Vec<u32>,
}

impl<'t> Upward<'t> {
    pub(super) fn new(tree: &'t Quoted) -> Self {
        let mut places = vec![0; tree.nodes().len()];
        for index in 0..tree.nodes().len() {
            for (place, kid) in tree.kids(NodeId::new(index)).iter().enumerate() {
                if let Some(slot) = places.get_mut(kid.index()) {
                    *slot = place as u32;
                }
            }
        }
        Self {
            tree,
            kinds: Kinds::of(tree),
            parents: tree.parents(),
            places,
        }
    }

    pub(super) fn kind(&self, node: NodeId) -> &'static str {
        self.kinds.kind(self.tree, node)
    }

    pub(super) fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.parents.get(node.index()).copied().flatten()
    }

    pub(super) fn place(&self, node: NodeId) -> u32 {
        self.places.get(node.index()).copied().unwrap_or_default()
    }

    /// What a `case` looks at: its first argument, or what is piped into it.
    pub(super) fn subject(&self, node: NodeId) -> Option<NodeId> {
        match self.tree.kids(node) {
            [subject, _] => Some(*subject),
            [_] => {
                let pipe = self.parent(node)?;
                let is_piped = self.kind(pipe) == "pipe" && self.tree.kid(pipe, 1) == Some(node);
                is_piped.then(|| self.tree.kid(pipe, 0)).flatten()
            }
            _ => None,
        }
    }

    /// What a node is to its parent; a root is `body`, of its file.
    pub(super) fn role(&self, node: NodeId) -> &'static str {
        let Some(parent) = self.parent(node) else {
            return "body";
        };
        let tree = self.tree;
        let (place, kids) = (self.place(node), tree.kids(parent));
        let is_last = place as usize + 1 == kids.len();
        match self.kind(parent) {
            "list" => self.in_list(node, parent),
            "pair" => self.in_pair(parent, place),
            "remote_call" | "dynamic_call" if place == 0 => "callee",
            "callee" if place == 0 => "receiver",
            "callee" | "alias" => "name",
            "block" if is_last => "result",
            "block" => "statement",
            "clause" | "match" | "generator" if place == 0 => "pattern",
            "clause" => "result",
            "match" | "generator" => "matched",
            "guarded" if is_last => "guard",
            "guarded" => "guarded",
            "pipe" if place == 1 => "pipe_target",
            "pipe" => self.piped(parent),
            "capture" => "body",
            "pin" => "pinned",
            "attribute" => "value",
            "tuple" | "map" | "struct" | "update" | "binary" => "element",
            "segment" if place == 0 => "value",
            "segment" => "type",
            "and" | "or" if place == 0 => "condition",
            "operator" | "and" | "or" => "operand",
            "fn" => "clause",
            "case" if place == 0 && kids.len() == 2 => "subject",
            "if" | "unless" if place == 0 && kids.len() == 2 => "condition",
            "for" | "with" if self.kind(node) == "generator" => "generator",
            "for" if !self.is_keywords(node) => "condition",
            "with" if !self.is_keywords(node) => "statement",
            "case" | "if" | "unless" | "cond" | "receive" | "try" | "for" | "with" => "blocks",
            "definition" if place == 0 => "head",
            "module" if place == 0 => "name",
            _ if is_last && self.has_do(node) => "blocks",
            _ => "argument",
        }
    }

    fn piped(&self, pipe: NodeId) -> &'static str {
        let target = self.tree.kid(pipe, 1);
        let alone = target.is_some_and(|target| self.tree.kids(target).len() == 1);
        match target.map(|target| self.kind(target)) {
            Some("case") if alone => "subject",
            Some("if" | "unless") if alone => "condition",
            _ => "piped",
        }
    }

    fn in_list(&self, node: NodeId, list: NodeId) -> &'static str {
        let arrow = self.parent(list).filter(|arrow| self.kind(*arrow) == "clause");
        match arrow {
            Some(arrow) if self.place(list) == 0 => {
                if self.is_cond(arrow) {
                    "condition"
                } else {
                    "pattern"
                }
            }
            _ if self.kind(node) == "clause" => "clause",
            _ => "element",
        }
    }

    /// Whether a `->` is of a `cond`: it stands in a list, in the pair of `do`, in the list of pairs.
    fn is_cond(&self, arrow: NodeId) -> bool {
        let above = |node: Option<NodeId>| node.and_then(|node| self.parent(node));
        let cond = above(above(above(above(Some(arrow)))));
        cond.is_some_and(|cond| self.kind(cond) == "cond")
    }

    fn in_pair(&self, pair: NodeId, place: u32) -> &'static str {
        let key = self.tree.kid(pair, 0);
        let is_named = key.is_some_and(|key| self.tree.node(key).kind == Kind::Atom);
        let around = self.parent(pair).map(|around| self.kind(around));
        let is_entry = match around {
            Some("list") => is_named,
            Some("map") => true,
            Some("update") => self.place(pair) > 0,
            _ => false,
        };
        if !is_entry {
            return "element";
        }
        if place == 0 {
            return "key";
        }
        let is_section = self
            .parent(pair)
            .is_some_and(|list| self.kind(list) == "list" && self.has_do(list));
        match key.map(|key| self.tree.text(key)) {
            Some("do") if is_section => "body",
            Some("else") if is_section => "else",
            Some("rescue") if is_section => "rescue",
            Some("catch") if is_section => "catch",
            Some("after") if is_section => "after",
            _ => "value",
        }
    }

    /// A list whose every element is a pair with an atom for a key.
    fn is_keywords(&self, node: NodeId) -> bool {
        let tree = self.tree;
        let is_entry = |kid: &NodeId| {
            tree.node(*kid).kind == Kind::Pair
                && tree
                    .kid(*kid, 0)
                    .is_some_and(|key| tree.node(key).kind == Kind::Atom)
        };
        tree.node(node).kind == Kind::List
            && !tree.kids(node).is_empty()
            && tree.kids(node).iter().all(is_entry)
    }

    fn has_do(&self, node: NodeId) -> bool {
        self.tree.keyword(node, "do").is_some()
    }
}
