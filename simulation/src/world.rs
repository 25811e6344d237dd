//! All of it at one moment, and what happens next.

mod break_things;
mod doing;
mod happens;
mod reading;

use crate::agent::Agent;
use crate::chance::Chance;
use crate::collector::Collector;
use crate::coordinator::Coordinator;
use crate::faults::{Fault, Fired};
use crate::net::{AGENTS, COORDINATOR, Net, Packet, Place};
use crate::oracle::{Oracle, Violation};
use crate::plant::Plant;
use crate::store::Store;
use event::Bucket;
use placement::MemberId;
use replication::{Compare, Config, FrontConfig, HintsConfig, RepairConfig, Section};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A second of virtual time.
pub const SECOND: u64 = 1_000_000;
/// Length of a bucket.
pub const BUCKET: u64 = 4 * SECOND;
/// How long a bucket is kept after its end.
pub const RETENTION: u64 = 28 * SECOND;
/// When a bucket is sealed after its end.
pub const LATENESS: u64 = SECOND;
/// Until when things break.
pub const TROUBLE_END: u64 = 40 * SECOND;
/// When all must be well again.
pub const HEALED_BY: u64 = 130 * SECOND;

/// What happens at a time.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A packet arrives.
    Arrive(Place, Place, Packet),
    /// A collector's time passes.
    Tick(usize),
    /// A sync of a process's life ends.
    Synced(usize, u64),
    /// A map that a process's life writes is synced.
    MapSynced(usize, u64),
    /// A comparison of a process's life reads the disk.
    Compare(usize, u64, Box<Compare>),
    /// A collector starts.
    Start(usize),
    /// A machine with a new disk gets a new id.
    Register(usize),
    /// An agent makes a frame.
    Flush(usize),
    /// An agent's spool is synced, in its life.
    SpoolSynced(usize, u64),
    /// An agent sends.
    AgentTick(usize),
    /// An agent starts.
    AgentStart(usize),
    /// Once a second: seals, retention, plans, maps, sweeps.
    Chores,
    /// Something breaks.
    Break,
    /// A fault ends.
    Mend(Mend),
    /// A client reads.
    Read,
    /// A read is looked at again: by machine, life, number; the last time or not.
    ReadLook(usize, u64, u64, bool),
    /// Everything is mended.
    Heal,
}

/// The end of a fault.
#[derive(Clone, Debug)]
pub enum Mend {
    /// A disk is quick again.
    Quick(usize),
    /// A disk has room.
    Room(usize),
    /// Links work.
    Links(Vec<(Place, Place)>),
    /// The network is as before: loss, delay.
    Net(u64, u64, u64),
    /// There is a quorum.
    Quorum,
    /// A member may hold shards again.
    Drained(MemberId),
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// Virtual time, microseconds.
    pub now: u64,
    /// The seed's numbers.
    pub chance: Chance,
    /// What is planted.
    pub plant: Option<Plant>,
    /// Shards of the cluster.
    pub shards: u16,
    /// Machines.
    pub collectors: Vec<Collector>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// The control plane.
    pub coordinator: Coordinator,
    /// The network.
    pub net: Net,
    /// The observer.
    pub oracle: Oracle,
    /// Faults that fired.
    pub fired: Fired,
    /// Ids whose disks were lost, for ever.
    pub lost: BTreeSet<MemberId>,
    /// Of each hint that a machine keeps, the epoch of its map when it was made.
    pub hinted: BTreeMap<(usize, MemberId, Section), u64>,
    /// Did trouble end?
    pub healed: bool,
    /// Happenings so far.
    pub steps: u64,
    /// A hash of all that happened.
    pub log: u64,
    /// What happened, in words, if wanted.
    pub words: Option<Vec<String>>,
    /// Is a sweep over all invariants due?
    pub(crate) sweep_due: bool,
    /// What may break.
    kinds: Vec<Fault>,
    config: Config,
    flush_us: u64,
    queue: BTreeMap<(u64, u64), Happening>,
    queued: u64,
    lives: u64,
    reads: u64,
    machine_of: BTreeMap<MemberId, usize>,
    came: BTreeMap<u64, BTreeSet<Section>>,
}

impl World {
    /// The world of a seed.
    pub fn new(seed: u64, plant: Option<Plant>) -> Self {
        let mut chance = Chance::new(seed);
        let machines = chance.range(3, 8);
        let zones = chance.range(1, 4);
        let agents = chance.range(2, 11);
        let shards = chance.range(3, 9) as u16;
        let batches = chance.range(1050, 1400);
        let replicas = match (chance.range(0, 10), machines) {
            (0, _) => 2,
            (1, 6..) => 5,
            _ => 3,
        };
        let zone = |m: u64| format!("z{}", m % zones);
        let members: BTreeMap<MemberId, String> = (0..machines).map(|m| (MemberId(m + 1), zone(m))).collect();
        let coordinator = Coordinator::new(members.clone(), shards, replicas);
        let new = |(id, zone): (&MemberId, &String)| Collector::new(*id, zone.clone(), plant);
        let collectors: Vec<Collector> = members.iter().map(new).collect();
        let map = &coordinator.map;
        let agents: Vec<Agent> = (0..agents)
            .map(|a| Agent::new(a, std::sync::Arc::clone(map), batches / agents + 1))
            .collect();
        let frames_of_one = batches / agents.len() as u64 / 2;
        let config = Config {
            front: FrontConfig {
                in_flight_bytes_max: 64 << 10,
                require_zones: chance.per_mille(100),
                retry: Duration::from_millis(400),
                hint_after: Duration::from_millis(chance.range(600, 2000)),
                timeout: Duration::from_secs(5),
                ..FrontConfig::default()
            },
            hints: HintsConfig {
                target_bytes_max: if chance.per_mille(200) { 8 << 10 } else { 1 << 20 },
                delivery_bytes_max: 16 << 10,
                retry: Duration::from_millis(700),
            },
            repair: RepairConfig {
                at_once: 8,
                at_once_with_one: 6,
                fetch_bytes_max: 32 << 10,
                timeout: Duration::from_secs(2),
            },
            repair_every: Duration::from_millis(chance.range(1000, 8000)),
            takeover_every: Duration::from_millis(300),
            waiting_bytes_max: 1 << 20,
        };
        let kinds = break_things::kinds_of(&mut chance);
        let mut world = Self {
            kinds,
            now: 0,
            plant,
            shards,
            machine_of: members.keys().copied().zip(0..).collect(),
            collectors,
            agents,
            coordinator,
            net: Net {
                loss: chance.range(0, 20),
                twice: chance.range(0, 40),
                delay: chance.range(100, 1000),
                jitter: chance.range(100, 8000),
                ..Net::default()
            },
            oracle: Oracle::default(),
            fired: Fired::default(),
            lost: BTreeSet::new(),
            hinted: BTreeMap::new(),
            healed: false,
            steps: 0,
            log: seed,
            words: None,
            sweep_due: false,
            config,
            flush_us: TROUBLE_END / frames_of_one.max(1),
            queue: BTreeMap::new(),
            queued: 0,
            lives: 0,
            reads: 0,
            came: BTreeMap::new(),
            chance,
        };
        for machine in 0..world.collectors.len() {
            world.at(0, Happening::Start(machine));
        }
        for agent in 0..world.agents.len() {
            let first = world.chance.range(0, world.flush_us);
            world.at(SECOND + first, Happening::Flush(agent));
            world.at(SECOND + first, Happening::AgentTick(agent));
        }
        world.at(SECOND, Happening::Chores);
        world.at(2 * SECOND, Happening::Read);
        world.at(3 * SECOND, Happening::Break);
        world.at(TROUBLE_END, Happening::Heal);
        world
    }

    /// Lets the next thing happen. `None`: nothing will.
    pub fn step(&mut self) -> Option<Result<(), Violation>> {
        let ((now, number), happening) = self.queue.pop_first()?;
        self.now = now;
        self.steps += 1;
        self.note(number, now);
        Some(self.happens(happening))
    }

    /// Has everything ended well?
    pub fn is_quiet(&self) -> bool {
        self.healed
            && self.lost.is_subset(&self.coordinator.lost)
            && self.coordinator.is_settled()
            && self.agents.iter().all(|a| a.up && a.is_drained())
            && self
                .collectors
                .iter()
                .all(|c| c.member.is_some() && !self.lost.contains(&c.id))
    }

    /// What is not quiet, in words.
    pub fn unrest(&self) -> String {
        let agents = self.agents.iter().filter(|a| !a.up || !a.is_drained()).count();
        let down = self
            .collectors
            .iter()
            .filter(|c| c.member.is_none() || self.lost.contains(&c.id))
            .count();
        let settled = self.coordinator.is_settled();
        format!("{agents} agents have batches left, {down} collectors are down, moves ended: {settled}")
    }

    /// Schedules.
    fn at(&mut self, time: u64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((time, self.queued), happening);
    }

    /// Schedules, from now.
    fn after(&mut self, wait: u64, happening: Happening) {
        self.at(self.now + wait, happening);
    }

    /// Into the log: FNV-1a over numbers.
    fn note(&mut self, a: u64, b: u64) {
        for n in [a, b] {
            self.log = (self.log ^ n).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
    }

    /// Into the log in words, if they are wanted.
    fn say(&mut self, words: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.words {
            lines.push(format!("{:>12} {}", self.now, words()));
        }
    }

    fn duration(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    /// The bucket of a time.
    fn bucket(time: u64) -> Bucket {
        Bucket((time / BUCKET) as u32)
    }

    /// Buckets before this may be dropped, and no others. When trouble has ended none is any more: what differs must be mended, not expire.
    pub fn policy_floor(&self) -> Bucket {
        Self::bucket(self.now.min(TROUBLE_END).saturating_sub(RETENTION))
    }

    /// The disk that is this member's, if it was not lost.
    pub fn disk_of(&self, member: MemberId) -> Option<&Store> {
        let collector = self.collectors.get(*self.machine_of.get(&member)?)?;
        (!self.lost.contains(&member) && collector.durable.marker == Some(member))
            .then_some(&collector.durable.store)
    }

    /// The map that this member has durably adopted.
    pub fn map_of(&self, member: MemberId) -> Option<&placement::ShardMap> {
        let collector = self.collectors.get(*self.machine_of.get(&member)?)?;
        (collector.id == member).then_some(&*collector.durable.map)
    }

    /// Does any disk hold data under the gap's first number?
    pub fn is_held_somewhere(&self, gap: &Section) -> bool {
        let id = crate::oracle::id(gap);
        let data = self.oracle.emitted.get(&id);
        data.is_some_and(|s| self.collectors.iter().any(|c| c.durable.store.holds(s)))
    }

    #[expect(clippy::needless_pass_by_value, reason = "packets are made to be sent")]
    fn send(&mut self, from: Place, to: Place, packet: Packet) {
        for wait in self.net.send(&mut self.chance, from, to) {
            self.note(from as u64, to as u64);
            self.after(wait, Happening::Arrive(from, to, packet.clone()));
        }
    }

    fn agent_at(place: Place) -> Option<usize> {
        (place >= AGENTS).then(|| place - AGENTS)
    }

    /// All places but agents.
    fn servers(&self) -> Vec<Place> {
        (0..self.collectors.len()).chain([COORDINATOR]).collect()
    }
}
