//! Hashes of subtrees in which what means the same is the same.
//!
//! Locals are all alike, literals alike by kind, a function's own name has no name; `a |> f(b)` is `f(a, b)`; the order
//! of keywords and of a map's keys does not count, nor that of the operands of `and`, `or`, `&&` and `||`, of which the
//! words and the signs are one; so are `not` and `!`.

use std::collections::HashSet;

use crate::definitions::Outline;
use crate::identity::{Locals, mix, symbol_hashes};
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

const LOCAL: u64 = 0x4c4f_4341;
const SELF_NAME: u64 = 0x5345_4c46;
const LITERAL: u64 = 0x4c49_5445;

#[derive(Clone, Copy, Debug)]
struct Words {
    pipe: Option<Symbol>,
    map: Option<Symbol>,
    booleans: [Option<Symbol>; 6],
}

/// The hashes of a tree, by node index.
#[derive(Debug)]
pub(super) struct Normal<'a> {
    tree: &'a Quoted,
    words: Words,
    symbols: Vec<u64>,
    locals: Locals,
    own: HashSet<usize>,
    // Keys of keywords and maps, parts of aliases, names after a dot: atoms that are no literals.
    names: Vec<bool>,
    pub(super) loose: Vec<u64>,
}

impl<'a> Normal<'a> {
    pub(super) fn new(tree: &'a Quoted, outline: &Outline) -> Self {
        let find = |text: &str| tree.symbols().find(text.as_bytes());
        let mut normal = Self {
            tree,
            words: Words {
                pipe: find("|>"),
                map: find("%{}"),
                booleans: [
                    find("and"),
                    find("&&"),
                    find("or"),
                    find("||"),
                    find("not"),
                    find("!"),
                ],
            },
            symbols: symbol_hashes(tree),
            locals: Locals::new(tree),
            own: own_names(tree, outline),
            names: names(tree),
            loose: Vec::with_capacity(tree.nodes().len()),
        };
        let mut kids = Vec::new();
        for index in 0..tree.nodes().len() {
            let id = NodeId::new(index);
            let label = normal.parts(id, &mut kids);
            let hash = kids.iter().fold(mix(label, kids.len() as u64), |hash, kid| {
                mix(hash, normal.hash(*kid).rotate_left(17))
            });
            normal.loose.push(hash);
        }
        normal
    }

    pub(super) fn hash(&self, id: NodeId) -> u64 {
        self.loose.get(id.index()).copied().unwrap_or_default()
    }

    pub(super) fn tree(&self) -> &'a Quoted {
        self.tree
    }

    /// Whether the node is a variable that may be a local.
    pub(super) fn is_local(&self, id: NodeId) -> bool {
        self.tree.node(id).kind == Kind::Variable && self.locals.may_be_local(self.tree, id.index())
    }

    /// The label of a node in normal form, and its children there.
    pub(super) fn parts(&self, id: NodeId, kids: &mut Vec<NodeId>) -> u64 {
        let (tree, node) = (self.tree, self.tree.node(id));
        kids.clear();
        kids.extend_from_slice(tree.kids(id));
        match node.kind {
            Kind::Call if Some(node.symbol) == self.words.pipe => {
                if let [left, right] = tree.kids(id) {
                    return self.piped(*left, *right, kids);
                }
            }
            Kind::Call if Some(node.symbol) == self.words.map => self.sort_pairs(kids),
            Kind::List if !kids.is_empty() => self.sort_pairs(kids),
            Kind::Call => {
                let place = self
                    .words
                    .booleans
                    .iter()
                    .position(|word| *word == Some(node.symbol));
                if let Some(place) = place.filter(|place| kids.len() == if *place < 4 { 2 } else { 1 }) {
                    kids.sort_by_key(|kid| self.hash(*kid));
                    return mix(LITERAL, 100 + place as u64 / 2);
                }
            }
            _ => {}
        }
        self.label(id)
    }

    /// `left |> right`: the right call, with one argument more.
    fn piped(&self, left: NodeId, right: NodeId, kids: &mut Vec<NodeId>) -> u64 {
        kids.clear();
        let arguments = self.tree.kids(right);
        let is_pipe = Some(self.tree.node(right).symbol) == self.words.pipe;
        match self.tree.node(right).kind {
            Kind::Apply => {
                kids.extend(arguments.first());
                kids.push(left);
                kids.extend(arguments.get(1..).unwrap_or_default());
            }
            Kind::Call if !is_pipe => {
                kids.push(left);
                kids.extend(arguments);
            }
            _ => {
                kids.extend([left, right]);
                return mix(LITERAL, 99);
            }
        }
        self.label(right)
    }

    /// Keywords and maps: pairs whose keys are atoms, in the order of their hashes.
    fn sort_pairs(&self, kids: &mut [NodeId]) {
        let keyed = |kid: &NodeId| {
            let key = self.tree.kid(*kid, 0);
            self.tree.node(*kid).kind == Kind::Pair
                && key.is_some_and(|key| self.tree.node(key).kind == Kind::Atom)
        };
        if kids.iter().all(keyed) {
            kids.sort_by_key(|kid| self.hash(*kid));
        }
    }

    fn label(&self, id: NodeId) -> u64 {
        let node = self.tree.node(id);
        let kind = node.kind as u64;
        let symbol = self.symbols.get(node.symbol.index()).copied().unwrap_or_default();
        let is_name = self.names.get(id.index()).copied().unwrap_or_default();
        match node.kind {
            _ if self.own.contains(&id.index()) => mix(SELF_NAME, kind),
            Kind::Variable if self.is_local(id) => mix(LOCAL, kind),
            Kind::Integer | Kind::Float | Kind::String | Kind::Charlist => mix(LITERAL, kind),
            Kind::Atom if !is_name && !matches!(self.tree.text(id), "true" | "false" | "nil") => {
                mix(LITERAL, kind)
            }
            _ => mix(symbol, kind),
        }
    }
}

fn names(tree: &Quoted) -> Vec<bool> {
    let mut names = vec![false; tree.nodes().len()];
    let mut name = |id: &NodeId| {
        if let Some(slot) = names.get_mut(id.index()) {
            *slot = true;
        }
    };
    let (alias, dot) = (tree.symbols().find(b"__aliases__"), tree.symbols().find(b"."));
    for (index, node) in tree.nodes().iter().enumerate() {
        let kids = tree.kids(NodeId::new(index));
        match node.kind {
            Kind::Pair => kids.first().into_iter().for_each(&mut name),
            Kind::Call if Some(node.symbol) == alias => kids.iter().for_each(&mut name),
            Kind::Call if Some(node.symbol) == dot => kids.get(1).into_iter().for_each(&mut name),
            _ => {}
        }
    }
    names
}

/// The nodes that name the function that they stand in: heads, and calls of the same name.
fn own_names(tree: &Quoted, outline: &Outline) -> HashSet<usize> {
    let mut own = HashSet::new();
    for clause in &outline.clauses {
        let Some(function) = outline.functions.get(clause.function as usize) else {
            continue;
        };
        if function.name == Symbol::NONE {
            continue;
        }
        for index in tree.subtree(clause.node) {
            let node = tree.node(NodeId::new(index));
            if node.symbol == function.name && node.kind == Kind::Call || index == clause.head.index() {
                own.insert(index);
            }
        }
    }
    own
}
