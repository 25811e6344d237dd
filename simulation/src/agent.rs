//! An agent: the index of the real agent's spool (what may be freed when), the core's choice of a holder, a modelled disk.

use crate::chance::Chance;
use crate::plant::Plant;
use crate::spool::index::{Index, Location, Part};
use crate::spool::ledger::AgentDrop;
use event::{Bucket, Epoch, Producer, Seq, Shard};
use placement::{MemberId, ShardMap};
use replication::{Route, Section, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use wire::control::AckRange;

/// Frames in a segment of the spool.
const SEGMENT_FRAMES: u64 = 6;
/// Bytes under way.
const WINDOW_BYTES: u64 = 64 << 10;
/// When an unanswered frame is sent again, elsewhere.
const ANSWER: Duration = Duration::from_secs(3);

type At = (u64, u64);

/// One agent.
#[derive(Debug)]
pub struct Agent {
    /// Its identity.
    pub producer: Producer,
    /// Its life.
    pub epoch: Epoch,
    /// Counts starts: what an old life's acknowledgements are told by.
    pub life: u64,
    /// Does it run?
    pub up: bool,
    /// What it knows of the cluster.
    pub map: Arc<ShardMap>,
    /// Batches to be made yet.
    pub to_emit: u64,
    next_seq: BTreeMap<Shard, u64>,
    index: Index,
    route: Route,
    disk: BTreeMap<At, Vec<Section>>,
    damaged: BTreeSet<At>,
    unsynced: Vec<Vec<Section>>,
    settle: Vec<u64>,
    segment: u64,
    offset: u64,
    sent: BTreeMap<At, (Duration, MemberId)>,
    not_before: Duration,
    /// Nobody answered: any of the addresses that it was given is to be asked for the map.
    pub wants_map: bool,
}

/// What left the spool.
#[derive(Debug, Default)]
pub struct Freed {
    /// Batches and gaps, gone from the disk.
    pub sections: Vec<Section>,
}

impl Agent {
    /// A new one.
    pub fn new(number: u64, map: Arc<ShardMap>, to_emit: u64) -> Self {
        Self {
            producer: Producer(u128::from(number) + 1),
            epoch: Epoch(1),
            life: 1,
            up: true,
            map,
            to_emit,
            next_seq: BTreeMap::new(),
            index: Index::default(),
            route: Route::default(),
            disk: BTreeMap::new(),
            damaged: BTreeSet::new(),
            unsynced: Vec::new(),
            settle: Vec::new(),
            segment: 1,
            offset: 0,
            sent: BTreeMap::new(),
            not_before: Duration::ZERO,
            wants_map: false,
        }
    }

    /// Makes a frame of some sections; it is on disk after [`Agent::synced`].
    pub fn flush(&mut self, chance: &mut Chance, shards: u16, bucket: Bucket) {
        let first = Shard(chance.range(0, u64::from(shards)) as u16);
        // A frame is for one replica set.
        let holders = self.map.holders(first).map(|h| h.now.clone());
        let same = |s: &Shard| self.map.holders(*s).map(|h| h.now.clone()) == holders;
        let of_set: Vec<Shard> = (0..shards).map(Shard).filter(same).collect();
        let mut chosen = BTreeSet::from([first]);
        for _ in 0..chance.range(0, 4) {
            if let Some(shard) = of_set.get(chance.index(of_set.len())) {
                chosen.insert(*shard);
            }
        }
        let mut sections = Vec::new();
        for shard in chosen {
            let seq = self.next_seq.entry(shard).or_insert(1);
            let content = if chance.per_mille(600) {
                chance.range(1, 3)
            } else {
                chance.draw()
            };
            let source = Source {
                producer: self.producer,
                epoch: self.epoch,
            };
            sections.push(Section {
                source,
                shard,
                first: Seq(*seq),
                last: Seq(*seq),
                gap: false,
                bucket,
                content,
                bytes: chance.range(200, 2000) as u32,
            });
            *seq += 1;
        }
        self.to_emit = self.to_emit.saturating_sub(sections.len() as u64);
        self.unsynced.push(sections);
    }

    /// The spool's sync. Returns what is on disk now.
    pub fn synced(&mut self) -> Vec<Section> {
        let mut all = Vec::new();
        for sections in std::mem::take(&mut self.unsynced) {
            if self.offset >= SEGMENT_FRAMES {
                (self.segment, self.offset) = (self.segment + 1, 0);
            }
            let at = (self.segment, self.offset);
            self.offset += 1;
            all.extend(sections.iter().copied());
            self.insert(at, &sections, true);
            self.disk.insert(at, sections);
        }
        for segment in std::mem::take(&mut self.settle) {
            self.index.settle(segment);
        }
        all
    }

    fn insert(&mut self, at: At, sections: &[Section], received: bool) {
        let bytes = sections.iter().map(|s| s.bytes).sum();
        let mut epochs: BTreeMap<Epoch, Vec<Part>> = BTreeMap::new();
        for s in sections {
            let rows = if s.gap { 0 } else { rows(s) };
            epochs.entry(s.source.epoch).or_default().push(Part {
                shard: s.shard,
                first: s.first,
                last: s.last,
                rows,
                gap: s.gap,
            });
        }
        let at = Location {
            segment: at.0,
            offset: at.1,
            bytes,
        };
        self.index.segment_bytes(at.segment, (at.offset + 1) * 4096);
        for (epoch, parts) in epochs {
            self.index.insert(at, epoch, &parts, received);
        }
    }

    /// Frames to be sent, each with its receiver.
    pub fn take(
        &mut self,
        now: Duration,
        plant: Option<Plant>,
        bucket: Bucket,
    ) -> Vec<(MemberId, Vec<Section>)> {
        let mut frames = Vec::new();
        if now < self.not_before {
            return frames;
        }
        self.give_up_late(now);
        let budget = WINDOW_BYTES
            .saturating_sub(self.index.in_flight_bytes())
            .min(8 << 10);
        if budget == 0 {
            return frames;
        }
        for location in self.index.take_unsent(budget, self.index.in_flight_bytes() == 0) {
            let at = (location.segment, location.offset);
            if self.damaged.contains(&at) {
                self.give_up(location, bucket);
                continue;
            }
            let Some(sections) = self.disk.get(&at).cloned() else {
                continue;
            };
            let shards: Vec<Shard> = sections.iter().map(|s| s.shard).collect();
            let Some(to) = self.route.pick(now, &self.map, &shards, self.producer.0 as u64) else {
                continue;
            };
            self.sent.insert(at, (now, to));
            if plant == Some(Plant::SpoolFreedBeforeAck) {
                for s in &sections {
                    self.index.ack(range_of(s));
                }
            }
            frames.push((to, sections));
        }
        frames
    }

    /// Looks whether the oldest frame under way is answered.
    fn give_up_late(&mut self, now: Duration) {
        let (under_way, _) = self.index.under_way();
        let Some(oldest) = under_way.first() else { return };
        let at = (oldest.segment, oldest.offset);
        let late = self
            .sent
            .get(&at)
            .is_none_or(|(when, _)| now.saturating_sub(*when) > ANSWER);
        if late {
            self.wants_map = true;
            if let Some((_, to)) = self.sent.get(&at) {
                self.route.failed(now, *to);
            }
            self.sent.clear();
            self.index.unsend_all();
        }
    }

    /// Told to wait.
    pub fn busy(&mut self, now: Duration) {
        self.not_before = now + Duration::from_millis(300);
    }

    /// Told of a later map: what is under way is sent again by it.
    pub fn learn(&mut self, map: &Arc<ShardMap>) {
        if map.epoch > self.map.epoch {
            self.map = Arc::clone(map);
        }
        self.sent.clear();
        self.index.unsend_all();
    }

    /// Told that these are on enough disks.
    pub fn acked(&mut self, by: MemberId, sections: &[Section]) {
        self.route.answered(by);
        for s in sections {
            self.index.ack(range_of(s));
        }
    }

    /// Told that a number is taken by other events.
    pub fn rejected(&mut self, section: &Section) {
        self.index.give_up(range_of(section), AgentDrop::Rejected, false);
    }

    /// Segments without anything that is wanted leave the disk.
    pub fn reap(&mut self) -> Freed {
        let mut freed = Freed::default();
        for segment in self.index.reap(self.segment) {
            let gone: Vec<At> = self
                .disk
                .range((segment, 0)..=(segment, u64::MAX))
                .map(|(at, _)| *at)
                .collect();
            for at in gone {
                freed.sections.extend(self.disk.remove(&at).unwrap_or_default());
                self.damaged.remove(&at);
            }
        }
        freed
    }

    /// A frame on the disk is damaged. Says whether there was one.
    pub fn damage(&mut self, chance: &mut Chance, bucket: Bucket) -> bool {
        let (under_way, _) = self.index.under_way();
        let Some(at) = under_way.get(chance.index(under_way.len())).copied() else {
            return false;
        };
        if self
            .disk
            .get(&(at.segment, at.offset))
            .is_none_or(|f| f.iter().any(|s| s.gap))
        {
            return false;
        }
        self.damaged.insert((at.segment, at.offset));
        self.give_up(at, bucket);
        true
    }

    /// A damaged frame is given up: gaps go the same way as data.
    fn give_up(&mut self, at: Location, bucket: Bucket) {
        let given = self.index.give_up_frame(at, AgentDrop::SpoolCorrupt);
        for g in given.into_iter().filter(|g| !g.part.gap) {
            let source = Source {
                producer: self.producer,
                epoch: g.epoch,
            };
            self.unsynced.push(vec![Section {
                source,
                shard: g.part.shard,
                first: g.part.first,
                last: g.part.last,
                gap: true,
                bucket,
                content: 0,
                bytes: 64,
            }]);
            self.settle.push(g.at.segment);
        }
    }

    /// The process ends; what was not synced is lost.
    pub fn crash(&mut self) {
        self.up = false;
        self.unsynced.clear();
        self.settle.clear();
        self.sent.clear();
    }

    /// It starts again, in a new epoch, with what is on its disk.
    pub fn restart(&mut self, plant: Option<Plant>) {
        self.up = true;
        self.life += 1;
        if plant != Some(Plant::SeqReused) {
            self.epoch = Epoch(self.epoch.0 + 1);
        }
        self.next_seq.clear();
        self.index = Index::default();
        self.route = Route::default();
        (self.segment, self.offset) = (self.segment + 1, 0);
        // A gap that is on disk closes what it names.
        let mut frames: Vec<(At, Vec<Section>)> = self.disk.iter().map(|(a, s)| (*a, s.clone())).collect();
        frames.sort_by_key(|(_, sections)| !sections.iter().any(|s| s.gap));
        for (at, sections) in frames {
            self.insert(at, &sections, false);
        }
    }

    /// Is everything acknowledged or given up?
    pub fn is_drained(&self) -> bool {
        self.to_emit == 0 && self.unsynced.is_empty() && self.index.frames() == 0
    }

    /// The real agent's books.
    pub fn is_balanced(&self) -> bool {
        self.index.ledger().is_balanced()
    }
}

/// Events of a batch.
fn rows(section: &Section) -> u32 {
    section.bytes / 50
}

fn range_of(section: &Section) -> AckRange {
    AckRange {
        epoch: section.source.epoch,
        shard: section.shard,
        first: section.first,
        last: section.last,
    }
}
