//! A machine with a collector: the production core over a modelled disk with a group commit.

use crate::net::Packet;
use crate::plant::Plant;
use crate::store::Store;
use placement::{MemberId, ShardMap};
use replication::{Action, Disk, Input, Member, Outcome, Read, Section};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What waits for the next sync.
#[derive(Clone, Debug)]
pub enum Op {
    /// Batches and gaps.
    Write(u64, Vec<Section>),
    /// Bytes that are no batch yet.
    Part(u64),
    /// A hint is remembered.
    Hint(MemberId, Section),
    /// A hint is forgotten.
    NoHint(MemberId, Section),
}

/// What is on the disk, synced.
#[derive(Debug, Default)]
pub struct Durable {
    /// Batches.
    pub store: Store,
    /// The map adopted last.
    pub map: Arc<ShardMap>,
    /// Hints.
    pub hints: BTreeSet<(MemberId, Section)>,
    /// The marker: whose disk it is.
    pub marker: Option<MemberId>,
}

/// A read that this collector answers for a client.
#[derive(Debug)]
pub struct Reading {
    /// The core's part.
    pub read: Read,
    /// Who was asked.
    pub asked: BTreeSet<MemberId>,
    /// When it began.
    pub started: u64,
}

/// A machine.
#[derive(Debug)]
pub struct Collector {
    /// Its member id now.
    pub id: MemberId,
    /// Its zone.
    pub zone: String,
    /// The core, while the process runs.
    pub member: Option<Member>,
    /// Start of the process.
    pub life: u64,
    /// The disk.
    pub durable: Durable,
    /// What was written and not synced: by the sync that is under way, and after it.
    pub syncing: Vec<Op>,
    /// Waits for the next sync.
    pub waiting: Vec<Op>,
    /// A map that is being written: a write of its own, which overtakes those of batches.
    pub keeping: Option<Arc<ShardMap>>,
    /// Until when it stands still.
    pub paused_until: u64,
    /// How long a sync takes, microseconds.
    pub sync_us: u64,
    /// The disk is full.
    pub full: bool,
    /// The next sync fails.
    pub sync_fails: bool,
    /// Since when the disk has lost what it held.
    pub lost: bool,
    /// Map asked for last.
    pub asked_map: u64,
    /// Reads of clients.
    pub reads: BTreeMap<u64, Reading>,
}

impl Collector {
    /// A new machine with an empty disk.
    pub fn new(id: MemberId, zone: String, plant: Option<Plant>) -> Self {
        let store = Store::new(plant);
        Self {
            id,
            zone,
            member: None,
            life: 0,
            durable: Durable {
                store,
                marker: Some(id),
                ..Durable::default()
            },
            syncing: Vec::new(),
            waiting: Vec::new(),
            keeping: None,
            paused_until: 0,
            sync_us: 2_000,
            full: false,
            sync_fails: false,
            lost: false,
            asked_map: 0,
            reads: BTreeMap::new(),
        }
    }

    /// Gives the core an input.
    pub fn handle(&mut self, now: Duration, input: Input) -> Vec<Action> {
        match &mut self.member {
            Some(member) => member.handle(now, input),
            None => Vec::new(),
        }
    }

    /// The sync that is under way ends well: what it wrote is on disk. What the core is to hear.
    pub fn synced(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for op in std::mem::take(&mut self.syncing) {
            match op {
                Op::Write(job, sections) => {
                    let full = self.full;
                    let store = &mut self.durable.store;
                    let put = |s: &Section| if full { Outcome::Later } else { store.put(s) };
                    let outcomes = sections.iter().map(put).collect();
                    inputs.push(Input::Written { job, outcomes });
                }
                Op::Part(job) => {
                    let outcomes = vec![if self.full { Outcome::Later } else { Outcome::Held }];
                    inputs.push(Input::Written { job, outcomes });
                }
                Op::Hint(to, section) => {
                    self.durable.hints.insert((to, section));
                }
                Op::NoHint(to, section) => {
                    self.durable.hints.remove(&(to, section));
                }
            }
        }
        inputs
    }

    /// The write of a map ends well. What the core is to hear.
    pub fn map_synced(&mut self) -> Option<Input> {
        let map = self.keeping.take()?;
        let kept = Input::MapKept(map.epoch);
        self.durable.map = map;
        Some(kept)
    }

    /// The sync fails: nothing of it is on disk.
    pub fn sync_failed(&mut self) -> Vec<Input> {
        let failed = |op: Op| match op {
            Op::Write(job, _) | Op::Part(job) => Some(Input::WriteFailed { job }),
            Op::Hint(..) | Op::NoHint(..) => None,
        };
        std::mem::take(&mut self.syncing)
            .into_iter()
            .filter_map(failed)
            .collect()
    }

    /// The process ends. After a power loss what was not synced is gone; after a kill the operating system writes it.
    pub fn stop(&mut self, power: bool) {
        self.member = None;
        self.reads.clear();
        let waiting = std::mem::take(&mut self.waiting);
        self.syncing.extend(waiting);
        let keeping = self.keeping.take();
        if power || self.sync_fails {
            self.syncing.clear();
        } else if let Some(map) = keeping {
            self.durable.map = map;
        }
        let _nobody_hears = self.synced();
    }

    /// A new, empty disk.
    pub fn wipe(&mut self, plant: Option<Plant>) {
        self.stop(true);
        self.durable = Durable {
            store: Store::new(plant),
            ..Durable::default()
        };
        self.lost = true;
    }

    /// What its disk is worth to the id that it has.
    pub fn disk(&self) -> Disk {
        let of = |member| replication::Marker { cluster: 1, member };
        Disk::of(self.durable.marker.map(of), of(self.id), true)
    }

    /// Its answer to a read.
    pub fn rows(&self, read: u64, epoch: u64, shard: event::Shard) -> Option<Packet> {
        let replica = self.member.as_ref()?.replica();
        let reply = replication::Reply {
            standing: replica.standing(shard, epoch),
            whole: replica.is_authoritative(),
            floor: replication::Held::floor(&self.durable.store),
        };
        Some(Packet::Rows(read, self.id, reply, self.durable.store.all(shard)))
    }
}
