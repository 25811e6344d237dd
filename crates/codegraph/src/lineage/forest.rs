//! All nodes of one side (the old version or the new) under one numbering, with what matching asks of them.

use super::SourceFile;
use crate::identity::{NodeHashes, Owner, owners};
use crate::quoted::{Kind, Node, NodeId};

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// What owns nodes: a file, a module or a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) file: u32,
    pub(super) owner: Owner,
}

/// One side. Nodes are numbered through all files: the file's offset plus the node's index.
#[derive(Debug)]
pub(super) struct Forest<'a> {
    pub(super) files: &'a [SourceFile<'a>],
    offsets: Vec<u32>,
    file_of: Vec<u32>,
    pub(super) label: Vec<u64>,
    pub(super) exact: Vec<u64>,
    pub(super) blind: Vec<u64>,
    parent: Vec<u32>,
    pub(super) partner: Vec<u32>,
    pub(super) units: Vec<Unit>,
    pub(super) unit_of: Vec<u32>,
    // The nodes of each unit, in order: `members[starts[u]..starts[u + 1]]`.
    members: Vec<u32>,
    starts: Vec<u32>,
    // The first unit of each file: the file itself, then its modules, then its functions.
    first_unit: Vec<u32>,
}

impl<'a> Forest<'a> {
    pub(super) fn new(files: &'a [SourceFile<'a>]) -> Self {
        let mut forest = Self {
            files,
            offsets: Vec::new(),
            file_of: Vec::new(),
            label: Vec::new(),
            exact: Vec::new(),
            blind: Vec::new(),
            parent: Vec::new(),
            partner: Vec::new(),
            units: Vec::new(),
            unit_of: Vec::new(),
            members: Vec::new(),
            starts: Vec::new(),
            first_unit: Vec::new(),
        };
        for (number, file) in files.iter().enumerate() {
            forest.add(number as u32, file);
        }
        forest.partner = vec![NONE; forest.label.len()];
        forest.group();
        forest
    }

    fn add(&mut self, number: u32, file: &SourceFile<'_>) {
        let offset = self.label.len() as u32;
        self.offsets.push(offset);
        let hashes = NodeHashes::of(file.tree);
        self.label.extend(hashes.label);
        self.exact.extend(hashes.exact);
        self.blind.extend(hashes.blind);
        let nodes = file.tree.nodes().len();
        self.file_of.extend(std::iter::repeat_n(number, nodes));
        let parents = file.tree.parents();
        self.parent.extend(
            parents
                .into_iter()
                .map(|parent| parent.map_or(NONE, |parent| offset + parent.index() as u32)),
        );
        let first = self.units.len() as u32;
        self.first_unit.push(first);
        let mut unit = |owner| self.units.push(Unit { file: number, owner });
        unit(Owner::File);
        (0..file.outline.modules.len()).for_each(|index| unit(Owner::Module(index as u32)));
        (0..file.outline.functions.len()).for_each(|index| unit(Owner::Function(index as u32)));
        let modules = file.outline.modules.len() as u32;
        let owners = owners(file.tree, file.outline);
        self.unit_of
            .extend(owners.into_iter().map(|owner| first + place(owner, modules)));
    }

    /// Sorts nodes by unit, keeping their order.
    fn group(&mut self) {
        let mut starts = vec![0u32; self.units.len() + 1];
        for unit in &self.unit_of {
            if let Some(slot) = starts.get_mut(*unit as usize + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut next = starts.clone();
        self.members = vec![0; self.unit_of.len()];
        for (node, unit) in self.unit_of.iter().enumerate() {
            if let Some(at) = next.get_mut(*unit as usize) {
                if let Some(slot) = self.members.get_mut(*at as usize) {
                    *slot = node as u32;
                }
                *at += 1;
            }
        }
        self.starts = starts;
    }

    /// The unit of a file, or of a module or function in it.
    pub(super) fn unit(&self, file: u32, owner: Owner) -> u32 {
        let first = self.first_unit.get(file as usize).copied().unwrap_or_default();
        let modules = self
            .files
            .get(file as usize)
            .map_or(0, |file| file.outline.modules.len());
        first + place(owner, modules as u32)
    }

    /// The nodes that a unit owns, in post-order.
    pub(super) fn members(&self, unit: u32) -> &[u32] {
        let start = self.starts.get(unit as usize).copied().unwrap_or_default();
        let end = self.starts.get(unit as usize + 1).copied().unwrap_or_default();
        self.members.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The number of a file's node.
    pub(super) fn number(&self, file: u32, node: NodeId) -> u32 {
        self.offsets.get(file as usize).copied().unwrap_or_default() + node.index() as u32
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> u32 {
        self.label.len() as u32
    }

    pub(super) fn node(&self, number: u32) -> Node {
        self.place(number)
            .map_or_else(Node::default, |(file, node)| *file.tree.node(node))
    }

    pub(super) fn kind(&self, number: u32) -> Kind {
        self.node(number).kind
    }

    pub(super) fn size(&self, number: u32) -> u32 {
        self.node(number).size
    }

    fn place(&self, number: u32) -> Option<(&'a SourceFile<'a>, NodeId)> {
        let file = *self.file_of.get(number as usize)?;
        let offset = *self.offsets.get(file as usize)?;
        Some((
            self.files.get(file as usize)?,
            NodeId::new((number - offset) as usize),
        ))
    }

    /// The file of a node, and the node there.
    pub(super) fn local(&self, number: u32) -> Option<(u32, NodeId)> {
        let file = *self.file_of.get(number as usize)?;
        Some((file, self.place(number)?.1))
    }

    /// Bytes of the node's symbol.
    pub(super) fn bytes(&self, number: u32) -> &'a [u8] {
        self.place(number)
            .map_or(&[], |(file, node)| file.tree.bytes(node))
    }

    /// The children's numbers.
    pub(super) fn kids(&self, number: u32) -> impl ExactSizeIterator<Item = u32> + Clone + 'a {
        let file = self.file_of.get(number as usize).copied().unwrap_or_default();
        let offset = self.offsets.get(file as usize).copied().unwrap_or_default();
        let kids = self
            .place(number)
            .map_or(&[][..], |(file, node)| file.tree.kids(node));
        kids.iter().map(move |kid| offset + kid.index() as u32)
    }

    /// The numbers of the node's subtree, itself last.
    pub(super) fn subtree(&self, number: u32) -> std::ops::Range<u32> {
        (number + 1).saturating_sub(self.size(number))..number + 1
    }

    pub(super) fn parent(&self, number: u32) -> Option<u32> {
        self.parent
            .get(number as usize)
            .copied()
            .filter(|parent| *parent != NONE)
    }

    pub(super) fn is_free(&self, number: u32) -> bool {
        self.partner.get(number as usize) == Some(&NONE)
    }

    pub(super) fn partner(&self, number: u32) -> Option<u32> {
        self.partner
            .get(number as usize)
            .copied()
            .filter(|partner| *partner != NONE)
    }

    pub(super) fn unit_at(&self, number: u32) -> u32 {
        self.unit_of.get(number as usize).copied().unwrap_or(NONE)
    }

    /// The labels of a subtree without its root, sorted; of a large one the first.
    pub(super) fn labels(&self, number: u32, most: usize) -> Vec<u64> {
        let mut range = self.subtree(number);
        range.end = number;
        let mut labels: Vec<u64> = range.take(most).map(|node| get(&self.label, node)).collect();
        labels.sort_unstable();
        labels
    }
}

/// A hash by node.
pub(super) fn get(hashes: &[u64], number: u32) -> u64 {
    hashes.get(number as usize).copied().unwrap_or_default()
}

fn place(owner: Owner, modules: u32) -> u32 {
    match owner {
        Owner::File => 0,
        Owner::Module(index) => 1 + index,
        Owner::Function(index) => 1 + modules + index,
    }
}
