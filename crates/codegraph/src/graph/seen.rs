//! A set of nodes, one bit each.

/// A set of nodes, one bit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    words: Vec<u64>,
}

impl Seen {
    pub(super) fn new(nodes: u32) -> Self {
        Self {
            words: vec![0; (nodes as usize).div_ceil(64)],
        }
    }

    /// Room for more nodes.
    pub(super) fn grow(&mut self, nodes: u32) {
        self.words.resize((nodes as usize).div_ceil(64), 0);
    }

    /// Puts it in; false if it was, or if there is no such node.
    pub(super) fn insert(&mut self, node: u32) -> bool {
        let Some(word) = self.words.get_mut(node as usize / 64) else {
            return false;
        };
        let bit = 1 << (node % 64);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(super) fn has(&self, node: u32) -> bool {
        let word = self.words.get(node as usize / 64);
        word.is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// The set of these.
    pub(super) fn of(nodes: u32, members: &[u32]) -> Self {
        let mut seen = Self::new(nodes);
        for member in members {
            seen.insert(*member);
        }
        seen
    }
}
