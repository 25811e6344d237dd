//! The answering side: reads what is held, changes nothing. May run on another thread than the rest, over a snapshot.

use super::LIST_MAX;
use crate::held::Held;
use crate::message::{Answer, Question};
use crate::section::Section;
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
            let there = |s: &&Section| s.gap || held.has(s) && held.parts(s) <= 1;
            Answer::Data(wanted.iter().take(LIST_MAX).filter(there).copied().collect())
        }
        Question::FetchPart(wanted, from) => {
            let there: Vec<Section> = wanted
                .iter()
                .take(LIST_MAX)
                .filter(|s| held.has(s))
                .copied()
                .collect();
            let parts = there.iter().map(|s| held.parts(s)).max().unwrap_or(1);
            let next = from.saturating_add(1);
            if next < parts {
                Answer::Part(Vec::new(), next)
            } else {
                Answer::Part(there, 0)
            }
        }
    }
}
