//! The pieces of code that are compared: functions of several clauses, clauses, and blocks.

use super::normal::Normal;
use crate::definitions::Outline;
use crate::identity::{NodeHashes, mix};
use crate::quoted::{Flags, Kind, NodeId, Quoted};

/// What kind of piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FragmentKind {
    /// All clauses of a function that has several.
    Function,
    /// A clause of a function.
    Clause,
    /// What stands in `do`, `else`, ..., after `->`.
    Block,
}

/// A piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Index of its file.
    pub file: u32,
    /// What kind.
    pub kind: FragmentKind,
    /// Its topmost nodes: the clauses of a function, or one node.
    pub roots: Vec<NodeId>,
    /// How many nodes it has.
    pub nodes: u32,
    /// Index of its module in the file's outline.
    pub module: Option<u32>,
    /// Index of its function; `None` of blocks outside of functions.
    pub function: Option<u32>,
    /// Index of the innermost piece around it.
    pub parent: Option<u32>,
    /// Whether it uses `__MODULE__` or `__ENV__`.
    pub module_dependent: bool,
    pub(super) exact: u64,
    pub(super) loose: u64,
}

/// Words whose first argument's name is no part of what is compared.
fn fold(hashes: impl Iterator<Item = u64>) -> u64 {
    hashes.fold(0x6372_6573, |all, hash| mix(all, hash.rotate_left(17)))
}

/// The pieces of a file, outer before inner.
pub(super) fn fragments(
    file: u32,
    normal: &Normal<'_>,
    outline: &Outline,
    hashes: &NodeHashes,
    nodes_min: u32,
) -> Vec<Fragment> {
    let tree = normal.tree();
    let mut found: Vec<Fragment> = Vec::new();
    let exact = |id: NodeId| hashes.exact.get(id.index()).copied().unwrap_or_default();
    let module_words: Vec<_> = ["__MODULE__", "__ENV__", "__CALLER__"]
        .iter()
        .filter_map(|word| tree.symbols().find(word.as_bytes()))
        .collect();
    // How many nodes before each depend on the module.
    let mut dependent = vec![0u32; tree.nodes().len() + 1];
    let mut sum = 0;
    for (index, node) in tree.nodes().iter().enumerate() {
        sum += u32::from(node.kind == Kind::Variable && module_words.contains(&node.symbol));
        if let Some(slot) = dependent.get_mut(index + 1) {
            *slot = sum;
        }
    }
    let depends = |id: NodeId| {
        let range = tree.subtree(id);
        dependent.get(range.start) != dependent.get(range.end)
    };
    let mut add = |kind, roots: Vec<NodeId>, function: Option<u32>, module, loose: u64| {
        let nodes = roots.iter().map(|root| tree.node(*root).size).sum();
        let damaged = roots
            .iter()
            .any(|root| tree.node(*root).flags.has(Flags::DAMAGED));
        if nodes < nodes_min || damaged {
            return;
        }
        found.push(Fragment {
            file,
            kind,
            nodes,
            module,
            function,
            parent: None,
            module_dependent: roots.iter().any(|root| depends(*root)),
            exact: fold(roots.iter().map(|root| exact(*root))),
            loose,
            roots,
        });
    };
    // `def` and `defp` are one here; the rest of a clause is its children.
    let clause_loose = |node: NodeId| fold(tree.kids(node).iter().map(|kid| normal.hash(*kid)));
    for (index, function) in outline.functions.iter().enumerate() {
        let roots: Vec<NodeId> = function
            .clauses
            .iter()
            .filter_map(|clause| Some(outline.clauses.get(*clause as usize)?.node))
            .collect();
        let number = Some(index as u32);
        if roots.len() > 1 {
            let loose = fold(roots.iter().map(|root| clause_loose(*root)));
            add(
                FragmentKind::Function,
                roots.clone(),
                number,
                function.module,
                loose,
            );
        }
        for root in roots {
            add(
                FragmentKind::Clause,
                vec![root],
                number,
                function.module,
                clause_loose(root),
            );
        }
    }
    for block in blocks(tree) {
        let clause = outline
            .clause_at(tree, block)
            .and_then(|clause| outline.clauses.get(clause as usize));
        // The body of a module is no piece of code.
        let is_module = outline.modules.iter().any(|module| module.body == Some(block));
        if !is_module {
            let function = clause.map(|clause| clause.function);
            let module = outline.module_at(tree, block);
            add(
                FragmentKind::Block,
                vec![block],
                function,
                module,
                normal.hash(block),
            );
        }
    }
    nest(tree, &mut found);
    found
}

/// The values of `do`, `else`, ... and what follows `->`.
fn blocks(tree: &Quoted) -> Vec<NodeId> {
    let mut blocks = Vec::new();
    let stab = tree.symbols().find(b"->");
    for (index, node) in tree.nodes().iter().enumerate() {
        let id = NodeId::new(index);
        match (node.kind, tree.kids(id)) {
            (Kind::Pair, [key, value]) if tree.node(*key).kind == Kind::Atom => {
                if matches!(tree.text(*key), "do" | "else" | "rescue" | "catch" | "after") {
                    blocks.push(*value);
                }
            }
            (Kind::Call, [_, value]) if Some(node.symbol) == stab => blocks.push(*value),
            _ => {}
        }
    }
    blocks
}

/// Sorts by place, and finds what lies in what.
fn nest(tree: &Quoted, found: &mut [Fragment]) {
    let range = |fragment: &Fragment| {
        let ranges = fragment.roots.iter().map(|root| tree.subtree(*root));
        ranges.fold((usize::MAX, 0), |(start, end), range| {
            (start.min(range.start), end.max(range.end))
        })
    };
    found.sort_by_key(|fragment| {
        (
            range(fragment).0,
            std::cmp::Reverse(fragment.nodes),
            fragment.kind,
        )
    });
    let mut around: Vec<(u32, usize)> = Vec::new();
    for index in 0..found.len() {
        let Some(fragment) = found.get(index) else {
            continue;
        };
        let (start, end) = range(fragment);
        while around.last().is_some_and(|(_, end)| *end <= start) {
            around.pop();
        }
        let inside = |outer: &Fragment| {
            let holds = |root: &NodeId| outer.roots.iter().any(|outer| tree.contains(*outer, *root));
            fragment.roots.iter().all(holds)
        };
        let parent = around.iter().rev().map(|(outer, _)| *outer);
        let parent = parent
            .into_iter()
            .find(|outer| found.get(*outer as usize).is_some_and(inside));
        if let Some(fragment) = found.get_mut(index) {
            fragment.parent = parent;
        }
        around.push((index as u32, end));
    }
}
