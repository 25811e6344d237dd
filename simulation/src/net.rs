//! The network: every packet is lost, late, doubled or overtaken as the seed says; links are cut one way.

use crate::chance::Chance;
use event::Shard;
use placement::{Change, MemberId, ShardMap};
use replication::{Message, Reply, Section};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where a packet goes or comes from: machines from 0, agents from [`AGENTS`], and the coordinator.
pub type Place = usize;
/// The coordinator.
pub const COORDINATOR: Place = 50;
/// The first agent.
pub const AGENTS: Place = 100;

/// What is sent.
#[derive(Clone, Debug)]
pub enum Packet {
    /// Between members, by their ids.
    Member {
        /// Who sent it.
        from: MemberId,
        /// Whom it is for.
        to: MemberId,
        /// What.
        message: Message,
    },
    /// From an agent: its map's epoch, a frame.
    Frame(u64, u64, Vec<Section>),
    /// To an agent, in its life.
    Acked(u64, Vec<Section>),
    /// To an agent: its map is old; here is another.
    StaleMap(Arc<ShardMap>),
    /// To an agent: later.
    Busy,
    /// To an agent: the number is taken.
    Conflict(u64, Section),
    /// To the coordinator, or to a member: which map is the latest that you know?
    AskMap,
    /// The answer.
    Map(Arc<ShardMap>),
    /// To the coordinator.
    Propose(Shard, Change),
    /// A read of a shard, by a map of this epoch.
    Read(u64, u64, Shard, MemberId),
    /// Its answer.
    Rows(u64, MemberId, Reply, Vec<Section>),
}

/// How the network is.
#[derive(Clone, Debug, Default)]
pub struct Net {
    /// Packets lost of a thousand.
    pub loss: u64,
    /// Packets doubled of a thousand.
    pub twice: u64,
    /// Least delay, microseconds.
    pub delay: u64,
    /// What is added at random, microseconds: packets overtake each other.
    pub jitter: u64,
    /// Cut links, one way.
    pub cut: BTreeSet<(Place, Place)>,
    /// Packets lost, doubled, and stopped by a cut link.
    pub counts: [u64; 3],
}

impl Net {
    /// When copies of a packet arrive, microseconds from now: none, one or two.
    pub fn send(&mut self, chance: &mut Chance, from: Place, to: Place) -> Vec<u64> {
        if self.cut.contains(&(from, to)) {
            self.counts[2] += 1;
            return Vec::new();
        }
        if chance.per_mille(self.loss) {
            self.counts[0] += 1;
            return Vec::new();
        }
        let mut arrivals = vec![self.delay + chance.range(0, self.jitter)];
        if chance.per_mille(self.twice) {
            self.counts[1] += 1;
            arrivals.push(self.delay + chance.range(0, self.jitter * 20));
        }
        arrivals
    }
}
