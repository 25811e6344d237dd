//! Which of many ranges covers a place: made once, then asked by binary search.

use std::collections::BTreeSet;
use std::ops::Range;

/// No range.
const NONE: u32 = u32::MAX;

/// For each place the last of the ranges that cover it, "last" by their order when this was made. Of ranges that nest,
/// the outer first, that is the innermost one.
#[derive(Clone, Debug, Default)]
pub(super) struct Cover {
    /// Where the answer changes, ascending.
    starts: Vec<u32>,
    /// The answer from there on.
    answers: Vec<u32>,
}

impl Cover {
    /// Of these ranges, in `n log n`.
    pub(super) fn of(ranges: impl Iterator<Item = Range<usize>>) -> Self {
        let mut changes: Vec<(u32, u32, bool)> = Vec::new();
        for (index, range) in ranges.enumerate() {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            if range.start < range.end {
                changes.push((place(range.start), place(index), true));
                changes.push((place(range.end), place(index), false));
            }
        }
        changes.sort_unstable();
        let (mut cover, mut open) = (Self::default(), BTreeSet::new());
        let mut changes = changes.into_iter().peekable();
        while let Some((at, index, opens)) = changes.next() {
            if opens {
                open.insert(index);
            } else {
                open.remove(&index);
            }
            let answer = open.last().copied().unwrap_or(NONE);
            let settled = changes.peek().is_none_or(|(next, ..)| *next > at);
            if settled && cover.answers.last().copied().unwrap_or(NONE) != answer {
                cover.starts.push(at);
                cover.answers.push(answer);
            }
        }
        cover
    }

    /// The last range that covers a place.
    pub(super) fn last_at(&self, place: usize) -> Option<u32> {
        let after = self.starts.partition_point(|start| *start as usize <= place);
        let answer = *self.answers.get(after.checked_sub(1)?)?;
        (answer != NONE).then_some(answer)
    }
}
