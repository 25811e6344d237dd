//! Which members should hold which shard: balanced by weight, copies in different zones, as little moved as possible.
//!
//! It is the cheapest flow from shards, through the zones in which their copies may lie, to members. A member's share is a
//! bound with a little play ([`PLAY_PER_CENT`]); filling shares comes before not moving, not moving before what rendezvous
//! hashing prefers. So the movement is the least that any placement with this balance has.

mod flow;
mod rendezvous;
mod share;
#[cfg(test)]
mod tests;

use crate::member::{Candidate, MemberId};
use flow::Network;
use share::Shares;
use std::collections::BTreeMap;

/// How far a member's number of replicas may be from its share before something is moved for balance alone, per cent.
pub const PLAY_PER_CENT: u32 = 5;

/// Cost of a replica that its member does not hold yet: more than all preferences of all shards together.
const MOVED: i64 = 1 << 24;
/// Cost of a replica above the lower bound of a member's share: more than all movement together.
const ABOVE: i64 = 1 << 44;

/// The holders of each shard, `before.len()` shards long, each ascending. `before` says who holds them now (nobody, in a new
/// cluster). A shard gets `replicas` holders, or as many as there are members with a weight. Ids of `candidates` differ.
pub fn assign(before: &[Vec<MemberId>], replicas: u8, candidates: &[Candidate]) -> Vec<Vec<MemberId>> {
    let shards = before.len();
    let shares = Shares::new(candidates, shards, usize::from(replicas));
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    for c in candidates {
        let next = zones.len();
        zones.entry(&c.zone).or_insert(next);
    }
    let (source, sink) = (0, 1);
    let shard_node = |s: usize| 2 + s;
    let zone_node = |s: usize, zone: usize| 2 + shards + s * zones.len() + zone;
    let member_node = |i: usize| 2 + shards * (1 + zones.len()) + i;
    let mut network = Network::new(2 + shards * (1 + zones.len()) + candidates.len());
    for (i, share) in shares.of.iter().enumerate() {
        let (low, high) = bounds(*share, shards);
        network.edge(member_node(i), sink, low, 0);
        network.edge(member_node(i), sink, high - low, ABOVE);
    }
    let mut ways = Vec::new();
    for (s, held) in before.iter().enumerate() {
        network.edge(source, shard_node(s), shares.copies as u32, 0);
        for zone in zones.values() {
            network.edge(shard_node(s), zone_node(s, *zone), shares.in_one_zone as u32, 0);
        }
        for (rank, i) in rendezvous::ranking(s as u16, candidates).into_iter().enumerate() {
            let c = &candidates[i];
            let moved = if held.contains(&c.id) { 0 } else { MOVED };
            let zone = zones.get(c.zone.as_str()).copied().unwrap_or(0);
            let way = network.edge(zone_node(s, zone), member_node(i), 1, moved + rank as i64);
            ways.push((s, c.id, way));
        }
    }
    network.send(source, sink);
    let mut holders = vec![Vec::new(); shards];
    for (shard, member, way) in ways {
        if network.flow(way) > 0 {
            holders[shard].push(member);
        }
    }
    for h in &mut holders {
        h.sort_unstable();
    }
    holders
}

/// Least and greatest number of replicas for a share. Never more than a replica of each shard.
fn bounds(share: f64, shards: usize) -> (u32, u32) {
    let play = (share * f64::from(PLAY_PER_CENT) / 100.0).floor();
    // A share that is whole but for the error of its computation is whole.
    let low = (share + 1e-6).floor() - play;
    let high = ((share - 1e-6).ceil() + play).min(shards as f64);
    (low.max(0.0) as u32, high.max(0.0) as u32)
}
