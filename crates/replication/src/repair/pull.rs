//! One comparison, from the side that asks.

use super::LIST_MAX;
use crate::held::Held;
use crate::message::{Answer, Question};
use crate::section::{Section, Source};
use event::{Bucket, Seq, Shard};
use placement::MemberId;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What comes next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Ask(Question),
    /// Write these; then [`Pull::written`].
    Write(Vec<Section>),
    /// Write the bytes that came, which are no batch yet; then [`Pull::written`].
    WritePart,
    Done,
    /// The peer dropped what it had listed: begin again some time.
    Failed,
}

/// A comparison with one peer.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub(crate) shard: Shard,
    pub(crate) peer: MemberId,
    pub(crate) progress: Duration,
    pub(crate) epoch: u64,
    pub(crate) whole: bool,
    pub(crate) differed: bool,
    /// What the peer lacks.
    pub(crate) give: Vec<Section>,
    fetch_bytes_max: u64,
    floor: Bucket,
    /// Questions about gaps to be asked: one or none.
    gaps: Option<Question>,
    buckets: VecDeque<Bucket>,
    lists: VecDeque<(Bucket, Source, Seq)>,
    want: VecDeque<Section>,
    asked: Vec<Section>,
    /// What was asked for comes in parts: where the next one begins.
    part: Option<u64>,
    /// The disk has what came: an answer that comes twice is none.
    pub(crate) writing: bool,
}

impl Pull {
    pub(crate) fn new(now: Duration, shard: Shard, peer: MemberId, fetch_bytes_max: u64) -> Self {
        Self {
            shard,
            peer,
            progress: now,
            epoch: 0,
            whole: false,
            differed: false,
            give: Vec::new(),
            fetch_bytes_max,
            floor: Bucket(0),
            gaps: None,
            buckets: VecDeque::new(),
            lists: VecDeque::new(),
            want: VecDeque::new(),
            asked: Vec::new(),
            part: None,
            writing: false,
        }
    }

    pub(crate) fn answered(&mut self, now: Duration, answer: Answer, held: &dyn Held) -> Step {
        self.progress = now;
        match answer {
            Answer::Buckets {
                epoch,
                whole,
                floor,
                digests,
                gaps,
            } => {
                (self.epoch, self.whole) = (epoch, whole);
                self.floor = floor.max(held.floor());
                let theirs: BTreeMap<Bucket, u128> = digests.into_iter().collect();
                let ours: BTreeMap<Bucket, u128> = held.buckets(self.shard).into_iter().collect();
                let own_gaps = held.gaps(self.shard);
                let own_gaps = own_gaps.iter().fold(0u128, |sum, g| sum.wrapping_add(g.digest()));
                self.gaps = (gaps != own_gaps).then_some(Question::Gaps);
                self.buckets = differing(&theirs, &ours).filter(|b| *b >= self.floor).collect();
                self.differed = self.gaps.is_some() || !self.buckets.is_empty();
            }
            Answer::Gaps(gaps) => {
                let ours = held.gaps(self.shard);
                let lacking = |of: &[Section], all: &[Section]| -> Vec<Section> {
                    let absent = |g: &&Section| !all.iter().any(|o| o.is_same(g));
                    of.iter().filter(absent).copied().collect()
                };
                self.want.extend(lacking(&gaps, &ours));
                self.give.extend(lacking(&ours, &gaps));
            }
            Answer::Sources(bucket, theirs) => {
                let theirs: BTreeMap<Source, u128> = theirs.into_iter().collect();
                let ours: BTreeMap<Source, u128> = held.sources(self.shard, bucket).into_iter().collect();
                let lists = differing(&theirs, &ours).map(|source| (bucket, source, Seq(0)));
                self.lists.extend(lists);
            }
            Answer::List(bucket, source, theirs) => self.compare(bucket, source, &theirs, held),
            Answer::Data(sections) => {
                if let Some(step) = self.came(&sections, held) {
                    return step;
                }
            }
            Answer::Part(_, next) if next > 0 => {
                // Always further, so that it ends.
                if self.part.is_none_or(|from| next <= from) {
                    return Step::Failed;
                }
                self.part = Some(next);
                self.writing = true;
                return Step::WritePart;
            }
            Answer::Part(sections, _) => {
                if self.part.is_none() {
                    return Step::Failed;
                }
                if let Some(step) = self.came(&sections, held) {
                    return step;
                }
            }
        }
        self.next(held)
    }

    /// What came is what was asked for. What did not come was dropped with its bucket, or had no room: then it is asked for again. If
    /// nothing came at all, it may come in parts.
    fn came(&mut self, sections: &[Section], held: &dyn Held) -> Option<Step> {
        let asked = std::mem::take(&mut self.asked);
        let in_parts = self.part.take().is_some();
        let (came, left): (Vec<Section>, Vec<Section>) =
            asked.into_iter().partition(|s| sections.contains(s));
        let floor = self.floor.max(held.floor());
        let left: Vec<Section> = left.into_iter().filter(|s| s.bucket >= floor).collect();
        if came.is_empty() {
            let first = left.first()?;
            let together = left.iter().all(|s| !s.gap && s.bucket == first.bucket);
            if in_parts || !together {
                return Some(Step::Failed);
            }
            self.asked = left;
            self.part = Some(0);
            return None;
        }
        for section in left.into_iter().rev() {
            self.want.push_front(section);
        }
        self.writing = true;
        Some(Step::Write(came))
    }

    pub(crate) fn written(&mut self, now: Duration, held: &dyn Held) -> Step {
        self.progress = now;
        self.writing = false;
        self.next(held)
    }

    /// One page of a source's batches against ours.
    fn compare(&mut self, bucket: Bucket, source: Source, theirs: &[Section], held: &dyn Held) {
        let after = match self.lists.front() {
            Some((b, s, after)) if (*b, *s) == (bucket, source) => *after,
            _ => return,
        };
        self.lists.pop_front();
        let full = theirs.len() >= LIST_MAX;
        let end = theirs.last().filter(|_| full).map(|s| s.first);
        self.want.extend(theirs.iter().filter(|s| !held.has(s)).copied());
        let ours = held.list(self.shard, bucket, source, after, LIST_MAX);
        let in_page = |s: &&Section| end.is_none_or(|end| s.first <= end);
        let lacks = |s: &&Section| !theirs.iter().any(|t| t.is_same(s));
        self.give
            .extend(ours.iter().filter(in_page).filter(lacks).copied());
        if let Some(end) = end {
            self.lists.push_front((bucket, source, end));
        }
    }

    fn next(&mut self, held: &dyn Held) -> Step {
        if let Some(question) = self.gaps.take() {
            return Step::Ask(question);
        }
        if let Some(from) = self.part {
            return Step::Ask(Question::FetchPart(self.asked.clone(), from));
        }
        // All lists of a bucket, if they are not too long, before anything is fetched: what comes in parts comes for all its sources
        // together.
        if let Some((bucket, source, after)) = self.lists.front().filter(|_| self.want.len() < LIST_MAX) {
            return Step::Ask(Question::List(*bucket, *source, *after));
        }
        let floor = self.floor.max(held.floor());
        let mut bytes = 0u64;
        while let Some(section) = self.want.front() {
            bytes += u64::from(section.bytes);
            if self.asked.len() >= LIST_MAX || (bytes > self.fetch_bytes_max && !self.asked.is_empty()) {
                break;
            }
            let section = self.want.pop_front().unwrap_or_default();
            if section.gap || (section.bucket >= floor && !held.has(&section)) {
                self.asked.push(section);
            }
        }
        if !self.asked.is_empty() {
            return Step::Ask(Question::Fetch(self.asked.clone()));
        }
        if !self.lists.is_empty() {
            // All that was wanted came meanwhile another way.
            return self.next(held);
        }
        match self.buckets.pop_front() {
            Some(bucket) => Step::Ask(Question::Sources(bucket)),
            None => Step::Done,
        }
    }
}

/// Keys with different values, or on one side only.
fn differing<K: Ord + Copy>(a: &BTreeMap<K, u128>, b: &BTreeMap<K, u128>) -> impl Iterator<Item = K> {
    let keys: std::collections::BTreeSet<K> = a.keys().chain(b.keys()).copied().collect();
    let different: Vec<K> = keys.into_iter().filter(|k| a.get(k) != b.get(k)).collect();
    different.into_iter()
}
