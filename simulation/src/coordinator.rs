//! The coordinators' group as its users see it: one log of changes, applied in order to `placement::ShardMap`; without a quorum it
//! accepts none, and its map can still be read. It plans moves with `placement::assign`.

use event::Shard;
use placement::{Candidate, Change, MemberId, ShardMap, assign};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Moves that a member joins at once.
const AT_ONCE: usize = 2;

/// The control plane.
#[derive(Debug)]
pub struct Coordinator {
    /// The latest map.
    pub map: Arc<ShardMap>,
    /// Accepted changes, in order.
    pub log: Vec<(Shard, Change)>,
    /// All maps, by epoch from 1.
    pub history: Vec<Arc<ShardMap>>,
    /// Has it a quorum?
    pub quorum: bool,
    /// Members and their zones; never one again that was taken out.
    pub members: BTreeMap<MemberId, String>,
    /// Members whose disk is lost.
    pub lost: BTreeSet<MemberId>,
    /// Members that are drained.
    pub drained: BTreeSet<MemberId>,
    /// When the shard's move began, by shard, microseconds.
    begun: BTreeMap<Shard, u64>,
    /// Ended moves, and abandoned ones.
    pub ended: [u64; 2],
    /// Copies of each shard.
    pub replicas: u8,
    next_id: u64,
}

impl Coordinator {
    /// A cluster of these members.
    pub fn new(members: BTreeMap<MemberId, String>, shards: u16, replicas: u8) -> Self {
        let candidates: Vec<Candidate> = members.iter().map(|(id, zone)| candidate(*id, zone, 1)).collect();
        let holders = assign(&vec![Vec::new(); usize::from(shards)], replicas, &candidates);
        let map = Arc::new(ShardMap::new(holders));
        Self {
            history: vec![Arc::clone(&map)],
            map,
            log: Vec::new(),
            quorum: true,
            next_id: members.keys().map(|m| m.0).max().unwrap_or_default() + 1,
            members,
            replicas,
            lost: BTreeSet::new(),
            drained: BTreeSet::new(),
            begun: BTreeMap::new(),
            ended: [0; 2],
        }
    }

    /// A member for a machine whose disk was lost.
    pub fn register(&mut self, zone: String) -> MemberId {
        let id = MemberId(self.next_id);
        self.next_id += 1;
        self.members.insert(id, zone);
        id
    }

    /// A proposed change. Says whether the map changed.
    pub fn propose(&mut self, now: u64, shard: Shard, change: Change) -> bool {
        if !self.quorum {
            return false;
        }
        let mut map = ShardMap::clone(&self.map);
        if !matches!(map.change(shard, change.clone()), Ok(Some(_))) {
            return false;
        }
        match change {
            Change::Begin(_) => {
                self.begun.insert(shard, now);
            }
            Change::CutOver(_) => self.ended[0] += 1,
            Change::Abandon(_) => self.ended[1] += 1,
        }
        self.map = Arc::new(map);
        self.history.push(Arc::clone(&self.map));
        self.log.push((shard, change));
        true
    }

    /// Plans: what is drained or lost gives its shards away; moves to lost members are given up.
    pub fn plan(&mut self, now: u64) -> bool {
        let replicas = self.replicas;
        let mut changed = false;
        let moving: Vec<(Shard, u64, bool)> = (0u16..)
            .map(Shard)
            .zip(&self.map.shards)
            .filter_map(|(shard, h)| {
                let next = h.next.as_ref()?;
                Some((shard, h.since, next.iter().any(|m| self.lost.contains(m))))
            })
            .collect();
        for (shard, since, to_lost) in moving {
            let old = now.saturating_sub(self.begun.get(&shard).copied().unwrap_or(now)) > 20_000_000;
            if to_lost || old {
                changed |= self.propose(now, shard, Change::Abandon(since));
            }
        }
        let weight = |id: &MemberId| u32::from(!self.lost.contains(id) && !self.drained.contains(id));
        let candidates: Vec<Candidate> = self
            .members
            .iter()
            .map(|(id, zone)| candidate(*id, zone, weight(id)))
            .collect();
        // Fewer members than replicas for a while are no reason to hold less.
        if candidates.iter().filter(|c| c.weight > 0).count() < usize::from(replicas) {
            return changed;
        }
        let before: Vec<Vec<MemberId>> = self.map.shards.iter().map(|h| h.now.clone()).collect();
        let target = assign(&before, replicas, &candidates);
        for (shard, next) in self.map.moves_towards(&target, AT_ONCE) {
            changed |= self.propose(now, shard, Change::Begin(next));
        }
        changed
    }

    /// Does any shard move, or have a lost holder?
    pub fn is_settled(&self) -> bool {
        let settled =
            |h: &placement::Holders| h.next.is_none() && !h.now.iter().any(|m| self.lost.contains(m));
        self.map.shards.iter().all(settled)
    }
}

fn candidate(id: MemberId, zone: &str, weight: u32) -> Candidate {
    Candidate {
        id,
        zone: zone.to_owned(),
        weight,
    }
}
