//! A tree without its places.

use super::{Flags, Quoted};
use crate::identity::ContentId;

/// What facts read of how something was written.
const SEEN: u16 = Flags::DAMAGED.0 | Flags::FROM_BRACKETS.0 | Flags::NO_PARENS.0;

impl Quoted {
    /// The hash of the nodes and names without places: trees of equal shape have equal nodes under equal numbers, and
    /// differ in lines, columns and bytes alone. So a fact that names nodes by number holds for both.
    #[must_use]
    pub fn shape(&self) -> ContentId {
        let mut bytes = Vec::with_capacity(self.nodes.len() * 11 + 64);
        for node in &self.nodes {
            bytes.push(node.kind as u8);
            bytes.extend_from_slice(&(node.flags.0 & SEEN).to_le_bytes());
            bytes.extend_from_slice(&(node.symbol.index() as u32).to_le_bytes());
            bytes.extend_from_slice(&node.kid_count.to_le_bytes());
        }
        for index in 0..self.symbols.len() {
            let text = self.symbols.at(index);
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        ContentId::of("shape", &bytes)
    }
}
