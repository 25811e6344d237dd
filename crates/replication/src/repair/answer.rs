//! The answering side: reads what is held, changes nothing. May run on another thread than the rest, over a snapshot.

use super::LIST_MAX;
use crate::held::Held;
use crate::message::{Answer, Question};
use event::Shard;

/// Answers for a shard. `epoch` is the map that this member has durably adopted *before* `held` was looked at; `whole`: its
/// disk never lost what it held.
pub fn answer(held: &dyn Held, shard: Shard, question: &Question, epoch: u64, whole: bool) -> Answer {
    match question {
        Question::Buckets => Answer::Buckets {
            epoch,
            whole,
            floor: held.floor(),
            digests: held.buckets(shard),
            gaps: held
                .gaps(shard)
                .iter()
                .fold(0, |sum, gap| sum.wrapping_add(gap.digest())),
        },
        Question::Gaps => {
            let mut gaps = held.gaps(shard);
            gaps.truncate(LIST_MAX);
            Answer::Gaps(gaps)
        }
        Question::Sources(bucket) => Answer::Sources(*bucket, held.sources(shard, *bucket)),
        Question::List(bucket, source, after) => {
            let list = held.list(shard, *bucket, *source, *after, LIST_MAX);
            Answer::List(*bucket, *source, list)
        }
        Question::Fetch(wanted) => {
            let there = wanted.iter().take(LIST_MAX).filter(|s| s.gap || held.has(s));
            Answer::Data(there.copied().collect())
        }
    }
}
