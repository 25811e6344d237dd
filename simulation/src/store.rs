//! A model of the store (`crates/store`, which needs RocksDB): what is synced on one disk. Batches by bucket, open and in sealed
//! blocks; numbers held, so that a batch that comes again is recognised, before and after sealing; digests; retention.

use crate::plant::Plant;
use event::{Bucket, Seq, Shard};
use placement::IntervalSet;
use replication::{Held, Outcome, Section, Source};
use std::collections::{BTreeMap, BTreeSet};

/// One bucket of one shard.
#[derive(Clone, Debug, Default)]
struct Slice {
    /// Not sealed, in order of arrival.
    open: Vec<Section>,
    /// What was sealed at one time each.
    blocks: Vec<Vec<Section>>,
    /// The sum of the digests of all.
    sum: u128,
}

impl Slice {
    fn all(&self) -> impl Iterator<Item = &Section> {
        self.blocks.iter().flatten().chain(&self.open)
    }
}

/// What is synced.
#[derive(Clone, Debug, Default)]
pub struct Store {
    plant: Option<Plant>,
    slices: BTreeMap<(Shard, Bucket), Slice>,
    /// Numbers held; an entry stays when its bucket is dropped.
    held: BTreeMap<(Shard, Source, Seq), (Bucket, u64)>,
    gaps: BTreeMap<(Shard, Source), Vec<Section>>,
    floor: Bucket,
    sealed: BTreeSet<Bucket>,
    /// Batches that are there twice.
    pub twice: u64,
}

impl Store {
    /// An empty one.
    pub fn new(plant: Option<Plant>) -> Self {
        Self {
            plant,
            ..Self::default()
        }
    }

    /// Stores what is new.
    pub fn put(&mut self, section: &Section) -> Outcome {
        if section.bucket < self.floor {
            return Outcome::Held;
        }
        if section.gap {
            let gaps = self.gaps.entry((section.shard, section.source)).or_default();
            if !gaps.iter().any(|g| g.is_same(section)) {
                gaps.push(*section);
            }
            return Outcome::Held;
        }
        let id = (section.shard, section.source, section.first);
        match self.held.get(&id) {
            Some((bucket, content)) if (*bucket, *content) == (section.bucket, section.content) => {
                return Outcome::Held;
            }
            Some(_) => return Outcome::Conflict,
            None => {}
        }
        self.held.insert(id, (section.bucket, section.content));
        let part = self.part(section);
        let slice = self.slices.entry((section.shard, section.bucket)).or_default();
        self.twice += u64::from(slice.all().any(|s| s.is_same(section)));
        slice.open.push(*section);
        slice.sum = slice.sum.wrapping_add(part);
        Outcome::Held
    }

    fn part(&self, section: &Section) -> u128 {
        if self.plant == Some(Plant::DigestIgnoresField) {
            let mut section = *section;
            section.first = Seq(0);
            return section.digest();
        }
        section.digest()
    }

    /// Merges what is open of buckets before `end`. Says how many slices it sealed.
    pub fn seal(&mut self, end: Bucket) -> u64 {
        let mut sealed = 0;
        for ((shard, bucket), slice) in &mut self.slices {
            if *bucket >= end || slice.open.is_empty() {
                continue;
            }
            sealed += 1;
            let mut block = std::mem::take(&mut slice.open);
            if self.plant == Some(Plant::LateBatchLost) && !slice.blocks.is_empty() {
                for lost in &block {
                    slice.sum = slice.sum.wrapping_sub(lost.digest());
                }
                continue;
            }
            if self.plant == Some(Plant::DedupeLostAfterSeal) {
                for s in &block {
                    self.held.remove(&(*shard, s.source, s.first));
                }
            }
            block.sort_unstable();
            slice.blocks.push(block);
            self.sealed.insert(*bucket);
        }
        sealed
    }

    /// Drops buckets before `floor`.
    pub fn retain(&mut self, floor: Bucket) {
        let open = self.slices.keys().map(|(_, b)| *b).max();
        let floor = match open {
            Some(open) if self.plant == Some(Plant::OpenBucketDropped) && floor > Bucket(0) => open,
            _ => floor,
        };
        self.floor = self.floor.max(floor);
        self.slices.retain(|(_, bucket), _| *bucket >= self.floor);
    }

    /// Forgets shards.
    pub fn keep_shards(&mut self, keep: impl Fn(Shard) -> bool) {
        self.slices.retain(|(s, _), _| keep(*s));
        self.held.retain(|(s, _, _), _| keep(*s));
        self.gaps.retain(|(s, _), _| keep(*s));
    }

    /// Everything of a shard: batches as they lie there, and gaps.
    pub fn all(&self, shard: Shard) -> Vec<Section> {
        let slices = self.slices.range((shard, Bucket(0))..=(shard, Bucket(u32::MAX)));
        let batches = slices.flat_map(|(_, slice)| slice.all()).copied();
        let gaps = self.gaps.iter().filter(|((s, _), _)| *s == shard);
        batches.chain(gaps.flat_map(|(_, g)| g).copied()).collect()
    }

    /// Is this batch there, in a bucket that is kept?
    pub fn holds(&self, section: &Section) -> bool {
        self.slices
            .get(&(section.shard, section.bucket))
            .is_some_and(|slice| {
                slice
                    .all()
                    .any(|s| s.is_same(section) && s.content == section.content)
            })
    }

    /// Is this number given up, or held?
    pub fn is_done(&self, section: &Section) -> bool {
        let gaps = self.gaps.get(&(section.shard, section.source));
        gaps.is_some_and(|g| {
            g.iter()
                .any(|g| g.first <= section.first && section.last <= g.last)
        })
    }
}

impl Held for Store {
    fn floor(&self) -> Bucket {
        self.floor
    }

    fn buckets(&self, shard: Shard) -> Vec<(Bucket, u128)> {
        let slices = self.slices.range((shard, Bucket(0))..=(shard, Bucket(u32::MAX)));
        let over_blocks = |slice: &Slice| {
            let chain = |block: &Vec<Section>| {
                let link = |sum: u128, s: &Section| sum.rotate_left(7).wrapping_add(s.digest());
                block.iter().fold(0u128, link)
            };
            let blocks = slice.blocks.iter().map(chain);
            blocks.fold(chain(&slice.open), u128::wrapping_add)
        };
        let sum = |slice: &Slice| match self.plant {
            Some(Plant::DigestOverBlocks) => over_blocks(slice),
            _ => slice.sum,
        };
        slices.map(|((_, bucket), slice)| (*bucket, sum(slice))).collect()
    }

    fn sources(&self, shard: Shard, bucket: Bucket) -> Vec<(Source, u128)> {
        let mut sums: BTreeMap<Source, u128> = BTreeMap::new();
        for section in self.slices.get(&(shard, bucket)).into_iter().flat_map(Slice::all) {
            let sum = sums.entry(section.source).or_default();
            *sum = sum.wrapping_add(self.part(section));
        }
        sums.into_iter().collect()
    }

    fn list(&self, shard: Shard, bucket: Bucket, source: Source, after: Seq, max: usize) -> Vec<Section> {
        let all = self.slices.get(&(shard, bucket)).into_iter().flat_map(Slice::all);
        let of = all.filter(|s| s.source == source && s.first > after).copied();
        let mut list: Vec<Section> = of.collect();
        list.sort_unstable_by_key(|s| s.first);
        list.dedup_by_key(|s| s.first);
        list.truncate(max);
        list
    }

    fn gaps(&self, shard: Shard) -> Vec<Section> {
        let mut left = Vec::new();
        for ((of, source), gaps) in &self.gaps {
            if *of != shard {
                continue;
            }
            let set: IntervalSet = gaps
                .iter()
                .filter(|g| g.bucket >= self.floor)
                .map(|g| placement::Interval {
                    first: g.first.0,
                    last: g.last.0,
                })
                .collect();
            let mut held = IntervalSet::new();
            for (_, _, seq) in self
                .held
                .range((shard, *source, Seq(0))..=(shard, *source, Seq(u64::MAX)))
                .map(|(k, _)| k)
            {
                held.insert(seq.0);
            }
            for part in set.iter().flat_map(|p| held.gaps(p.first, p.last)) {
                let covering = gaps
                    .iter()
                    .find(|g| g.first.0 <= part.first && part.first <= g.last.0);
                left.push(Section {
                    source: *source,
                    shard,
                    first: Seq(part.first),
                    last: Seq(part.last),
                    gap: true,
                    bucket: covering.map(|g| g.bucket).unwrap_or_default(),
                    content: 0,
                    bytes: 32,
                });
            }
        }
        left
    }

    fn has(&self, section: &Section) -> bool {
        let id = (section.shard, section.source, section.first);
        self.held.contains_key(&id) && section.bucket >= self.floor
            || (self.plant == Some(Plant::DedupeLostAfterSeal) && self.holds(section))
    }

    /// What some producers cut is merged when it is sealed, as spans are: it comes in several parts.
    fn parts(&self, section: &Section) -> u64 {
        let sealed = self.sealed.contains(&section.bucket);
        if sealed && section.source.producer.0.is_multiple_of(2) {
            3
        } else {
            1
        }
    }
}
