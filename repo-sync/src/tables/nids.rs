//! Node ids as text: neighbours are of one entity, whose digits are made once.

use std::fmt::Write as _;

use codegraph::identity::{EntityId, Nid};

/// Writes nids.
#[derive(Debug, Default)]
pub(super) struct NidText {
    entity: Option<EntityId>,
    // The entity's digits and a colon, then the number of the last nid.
    text: String,
    digits: usize,
}

impl NidText {
    /// `32 hexadecimal digits:number`.
    pub(super) fn of(&mut self, nid: Nid) -> &str {
        if self.entity != Some(nid.entity) {
            self.entity = Some(nid.entity);
            self.text.clear();
            let _ = write!(self.text, "{}:", nid.entity);
            self.digits = self.text.len();
        }
        self.text.truncate(self.digits);
        let _ = write!(self.text, "{}", nid.ordinal);
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: nids of two entities in turn. Guarantee: each text is what the nid itself prints.
    #[test]
    fn a_nid_is_written_as_it_prints() {
        let mut text = NidText::default();
        for (entity, ordinal) in [(1, 7), (1, 12_345), (2, 0), (1, u32::MAX), (1, 1)] {
            let nid = Nid {
                entity: EntityId([entity; 16]),
                ordinal,
            };
            assert_eq!(text.of(nid), nid.to_string());
        }
    }
}
