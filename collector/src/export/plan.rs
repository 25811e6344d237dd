//! Which bucket is next. Pure: what is held and what was copied come in.

use std::collections::BTreeMap;
use std::time::Duration;

use event::Bucket;
use store::{BucketMark, BucketState};

use super::progress::Copied;

/// What is known of the buckets.
#[derive(Debug, Default)]
pub(super) struct Plan {
    target: String,
    /// A bucket that was exported is exported again for late data when no more came for so long.
    settle: Duration,
    copied: BTreeMap<Bucket, Copied>,
    /// Changed since they were copied: what they hold, and since when.
    late: BTreeMap<Bucket, (BucketMark, Duration)>,
    /// Held at the last look and not copied as they were.
    owed: BTreeMap<Bucket, BucketMark>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) bucket: Bucket,
    pub(super) mark: BucketMark,
    pub(super) generation: u32,
}

/// What a look found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// The oldest bucket that can be copied now.
    pub(super) next: Option<Next>,
    /// Closed buckets that are not copied as they are.
    pub(super) waiting: usize,
    /// The oldest of them.
    pub(super) oldest: Option<Bucket>,
    /// The oldest that is not copied as it is, closed or not.
    pub(super) keep_from: Option<Bucket>,
    /// Buckets that went before they were copied as they were.
    pub(super) missed: u64,
}

impl Plan {
    /// With what the store remembers.
    pub(super) fn new(target: &str, settle: Duration, exports: Vec<(Bucket, Box<[u8]>)>) -> Self {
        let copied = |(bucket, said): (Bucket, Box<[u8]>)| Some((bucket, Copied::decode(&said)?));
        Self {
            target: target.to_owned(),
            settle,
            copied: exports.into_iter().filter_map(copied).collect(),
            ..Self::default()
        }
    }

    /// Remembers a copy.
    pub(super) fn did(&mut self, bucket: Bucket, copied: Copied) {
        self.late.remove(&bucket);
        self.owed.remove(&bucket);
        self.copied.insert(bucket, copied);
    }

    /// Looks at the buckets, at a time that only grows.
    pub(super) fn look(&mut self, states: &[BucketState], now: Duration) -> Look {
        let mut look = Look::default();
        let mut owed = BTreeMap::new();
        for state in states {
            let known = self
                .copied
                .get(&state.bucket)
                .filter(|copied| copied.target == self.target);
            // What came late and is not sealed is in no number yet.
            if state.closed && known.is_some_and(|copied| copied.is_of(state.mark)) {
                self.late.remove(&state.bucket);
                continue;
            }
            look.keep_from = look.keep_from.or(Some(state.bucket));
            owed.insert(state.bucket, state.mark);
            if !state.closed {
                continue;
            }
            look.waiting += 1;
            look.oldest = look.oldest.or(Some(state.bucket));
            let generation = known.map_or(1, |copied| copied.generation + 1);
            let is_settled = known.is_none() || {
                let since = self.late.entry(state.bucket).or_insert((state.mark, now));
                if since.0 != state.mark {
                    *since = (state.mark, now);
                }
                now.saturating_sub(since.1) >= self.settle
            };
            if is_settled && look.next.is_none() {
                look.next = Some(Next {
                    bucket: state.bucket,
                    mark: state.mark,
                    generation,
                });
            }
        }
        let is_held = |bucket: &Bucket| states.iter().any(|state| state.bucket == *bucket);
        look.missed = self.owed.keys().filter(|bucket| !is_held(bucket)).count() as u64;
        self.owed = owed;
        self.copied.retain(|bucket, _| is_held(bucket));
        self.late.retain(|bucket, _| is_held(bucket));
        look
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_mins(2);

    fn state(bucket: u32, spans: u64, closed: bool) -> BucketState {
        BucketState {
            bucket: Bucket(bucket),
            mark: BucketMark {
                spans,
                ..BucketMark::default()
            },
            closed,
        }
    }

    fn next(plan: &mut Plan, states: &[BucketState], seconds: u64) -> Option<(u32, u32)> {
        let look = plan.look(states, Duration::from_secs(seconds));
        look.next.map(|next| (next.bucket.0, next.generation))
    }

    /// Scenario: buckets close; one gets late data, twice. Guarantee: the oldest closed one is next, each once; the late one
    /// again when nothing came for the time to settle, as the next generation.
    #[test]
    fn oldest_first_and_late_ones_again() {
        let mut plan = Plan::new("here", SETTLE, Vec::new());
        let mut states = vec![state(1, 1, true), state(2, 1, true), state(3, 0, false)];
        assert_eq!(next(&mut plan, &states, 0), Some((1, 1)));
        plan.did(Bucket(1), Copied::new("here", 1, states[0].mark));
        assert_eq!(next(&mut plan, &states, 1), Some((2, 1)));
        plan.did(Bucket(2), Copied::new("here", 1, states[1].mark));
        assert_eq!(next(&mut plan, &states, 2), None);
        states[0] = state(1, 2, true);
        assert_eq!(next(&mut plan, &states, 10), None);
        states[0] = state(1, 3, true);
        assert_eq!(next(&mut plan, &states, 100), None);
        assert_eq!(next(&mut plan, &states, 219), None);
        assert_eq!(next(&mut plan, &states, 220), Some((1, 2)));
        let look = plan.look(&states, Duration::from_secs(221));
        assert_eq!(
            (look.waiting, look.oldest, look.keep_from),
            (1, Some(Bucket(1)), Some(Bucket(1)))
        );
    }

    /// Scenario: a restart with the store's notes; another target; a note that cannot be read. Guarantee: what was copied there
    /// is not copied again, all else is.
    #[test]
    fn notes_survive_and_belong_to_a_target() {
        let states = [state(1, 1, true), state(2, 1, true)];
        let notes = || {
            let said = Copied::new("here", 4, states[0].mark).encode();
            vec![(Bucket(1), said.into()), (Bucket(2), Box::from(&b"?"[..]))]
        };
        assert_eq!(
            next(&mut Plan::new("here", SETTLE, notes()), &states, 0),
            Some((2, 1))
        );
        assert_eq!(
            next(&mut Plan::new("there", SETTLE, notes()), &states, 0),
            Some((1, 1))
        );
    }

    /// Scenario: buckets are dropped, one copied, one not. Guarantee: the one that was not is counted, once.
    #[test]
    fn what_went_uncopied_is_counted() {
        let mut plan = Plan::new("here", SETTLE, Vec::new());
        let states = [state(1, 1, true), state(2, 1, true), state(3, 1, false)];
        plan.look(&states, Duration::ZERO);
        plan.did(Bucket(1), Copied::new("here", 1, states[0].mark));
        assert_eq!(plan.look(&states[2..], Duration::ZERO).missed, 1);
        assert_eq!(plan.look(&states[2..], Duration::ZERO).missed, 0);
    }
}
