//! What a damaged segment must have held: its snapshot and the next one's say which seqs were between them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use event::{Epoch, Seq, Shard};
use placement::IntervalSet;
use wire::control::AckRange;

/// Seqs per epoch and shard.
pub(super) type Seqs = BTreeMap<(Epoch, Shard), IntervalSet>;

/// What one segment says of itself.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) id: u64,
    pub(super) damaged: bool,
    pub(super) epoch: Option<Epoch>,
    /// Next seqs when it was begun, if its snapshot is readable.
    pub(super) starts: Option<BTreeMap<Shard, u64>>,
    pub(super) found: Seqs,
}

/// Seqs that a damaged segment must have held, and that are nowhere.
pub(super) fn lost_in(segment: &Seen, next: Option<&Seen>, all: &Seqs, lost: &mut Vec<AckRange>) {
    let epochs: BTreeSet<Epoch> = segment
        .epoch
        .into_iter()
        .chain(segment.found.keys().map(|k| k.0))
        .collect();
    for epoch in epochs {
        let own = segment.epoch.is_none_or(|own| own == epoch);
        let end = next
            .filter(|n| n.epoch == Some(epoch))
            .and_then(|n| n.starts.as_ref())
            .filter(|_| own);
        let shards: BTreeSet<Shard> = (segment.found.keys().filter(|k| k.0 == epoch).map(|k| k.1))
            .chain(end.into_iter().flat_map(|e| e.keys().copied()))
            .collect();
        for shard in shards {
            let found = segment.found.get(&(epoch, shard));
            let seen_first = found.and_then(|f| f.iter().next()).map(|i| i.first);
            let seen_last = found.and_then(|f| f.iter().next_back()).map(|i| i.last);
            let first = match &segment.starts {
                Some(starts) if own => starts.get(&shard).copied().or(Some(1)),
                _ => seen_first,
            };
            let last = end
                .and_then(|e| e.get(&shard))
                .map(|next| next.saturating_sub(1))
                .max(seen_last);
            let (Some(first), Some(last)) = (first, last) else {
                continue;
            };
            let gaps = all
                .get(&(epoch, shard))
                .map_or_else(Vec::new, |a| a.gaps(first, last));
            lost.extend(gaps.into_iter().map(|g| AckRange {
                epoch,
                shard,
                first: Seq(g.first),
                last: Seq(g.last),
            }));
            if !all.contains_key(&(epoch, shard)) && first <= last {
                lost.push(AckRange {
                    epoch,
                    shard,
                    first: Seq(first),
                    last: Seq(last),
                });
            }
        }
    }
}
