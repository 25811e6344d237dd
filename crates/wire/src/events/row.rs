//! A row: an event in numbers. Nodes, sites, shapes, linked traces and payloads are numbers of the dictionaries of whoever has it.

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) hlc: u64,
    pub(super) time: u64,
    pub(super) pid: u64,
    pub(super) parent: u64,
    pub(super) remote_time: u64,
    /// First byte of the payload in the heap.
    pub(super) payload: u64,
    pub(super) payload_len: u32,
    pub(super) ordinal: u32,
    /// Pair of module and site, 0 = none.
    pub(super) site: u32,
    /// Key of the node, from 1.
    pub(super) node: u32,
    /// Key of the parent's node, 0 = none.
    pub(super) remote: u32,
    /// Shape, 0 = none.
    pub(super) shape: u32,
    /// Linked trace, 0 = none.
    pub(super) linked: u32,
    /// How many rows before this one its parent is in the trace, 0 = it is not, or nobody knows.
    pub(super) up: u32,
    pub(super) kind: u8,
    pub(super) class: u8,
    pub(super) flags: u8,
}

impl Row {
    /// The key of the parent's node, if there is a parent.
    #[inline]
    pub(super) fn parent_node(&self) -> u32 {
        if self.remote == 0 { self.node } else { self.remote }
    }

    /// Is `other` the parent?
    #[inline]
    pub(super) fn is_child_of(&self, other: &Self) -> bool {
        other.id == self.parent && other.node == self.parent_node()
    }
}

/// Bits of an id that are the lane; the slot is above.
pub(super) const LANE_BITS: u32 = 10;

/// Slot and lane of an id (`docs/node-socket.md`, word 0).
#[inline]
pub(super) fn slot_and_lane(id: u64) -> (u64, u32) {
    (id >> LANE_BITS, (id & ((1 << LANE_BITS) - 1)) as u32)
}

/// The HLC that is expected at this time after this HLC: an HLC never goes back and is as near to the clock as it can be.
#[inline]
pub(super) fn expected_hlc(time: u64, before: Option<&Row>) -> u64 {
    let clock = time << 10;
    match before {
        Some(before) => clock.max(before.hlc.wrapping_add(1)),
        None => clock,
    }
}
