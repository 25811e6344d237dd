//! How much of each segment file is still wanted.

use std::collections::BTreeMap;

/// Segment files, by id.
#[derive(Debug, Default)]
pub(super) struct Segments(BTreeMap<u64, Usage>);

#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    bytes: u64,
    /// Frames, descriptions and holds.
    live: usize,
    live_bytes: u64,
}

impl Segments {
    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.0.values().map(|s| s.bytes).sum()
    }

    /// A file is `bytes` long.
    pub(super) fn set_bytes(&mut self, segment: u64, bytes: u64) {
        self.0.entry(segment).or_default().bytes = bytes;
    }

    /// Something of `bytes` in it is wanted; 0 = the file itself is to stay.
    pub(super) fn hold(&mut self, segment: u64, bytes: u64) {
        let usage = self.0.entry(segment).or_default();
        usage.live += 1;
        usage.live_bytes += bytes;
    }

    /// It is no more.
    pub(super) fn release(&mut self, segment: u64, bytes: u64) {
        if let Some(usage) = self.0.get_mut(&segment) {
            usage.live = usage.live.saturating_sub(1);
            usage.live_bytes = usage.live_bytes.saturating_sub(bytes);
        }
    }

    /// Is anything in it wanted?
    pub(super) fn is_alive(&self, segment: u64) -> bool {
        self.0.get(&segment).is_some_and(|s| s.live > 0)
    }

    /// Forgets the segments other than `current` in which nothing is wanted, and names them.
    pub(super) fn reap(&mut self, current: u64) -> Vec<u64> {
        let dead = |(id, s): (&u64, &Usage)| (*id != current && s.live == 0).then_some(*id);
        let dead: Vec<u64> = self.0.iter().filter_map(dead).collect();
        for id in &dead {
            self.0.remove(id);
        }
        dead
    }

    /// A segment of which a quarter or less is wanted, not `current`, the oldest first.
    pub(super) fn sparse(&self, current: u64) -> Option<u64> {
        let sparse = |s: &Usage| s.live_bytes > 0 && s.live_bytes * 4 <= s.bytes;
        self.0
            .iter()
            .find(|(id, s)| **id != current && sparse(s))
            .map(|(id, _)| *id)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
