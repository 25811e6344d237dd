//! Which collector the agent is connected to: chosen by the map that a collector said last, kept on disk; without one, or where all
//! that it names failed, one of the addresses that the agent was started with. Pure but for the file.

mod file;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use event::{Producer, Shard};
use placement::{MemberId, ShardMap};
use replication::Route;
use wire::control::CollectorMap;

pub(crate) use file::{load, store};

/// A connection that is not to the collector that should have it moves there after this time: who was away is back.
const SETTLE: Duration = Duration::from_mins(1);
/// The same at most, after it was in vain: the address that the map has cannot be reached from here.
const SETTLE_MAX: Duration = Duration::from_hours(1);

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `host:port`.
    pub(crate) address: String,
    /// Whose it is; of an address that the agent was started with it is not known.
    pub(crate) member: Option<MemberId>,
}

/// A map and what follows from it.
#[derive(Debug)]
struct Known {
    said: CollectorMap,
    holders: ShardMap,
    shards: Vec<Shard>,
    addresses: BTreeMap<MemberId, String>,
}

/// All that can be connected to.
#[derive(Debug)]
pub(crate) struct Targets {
    given: Vec<String>,
    next_given: usize,
    known: Option<Known>,
    route: Route,
    producer: u64,
    /// Connected to it, if it said who it is.
    current: Option<MemberId>,
    since: Duration,
    /// Attempts since a collector last answered.
    tries: usize,
    /// How long it stays where it should not be.
    settle: Duration,
    /// It left a collector that answered, and has not been answered since.
    left: bool,
}

impl Targets {
    /// With the addresses that the agent was started with, and the map that was kept.
    pub(crate) fn new(given: Vec<String>, producer: Producer, kept: Option<CollectorMap>) -> Self {
        Self {
            given,
            next_given: 0,
            known: kept.and_then(Known::of),
            route: Route::default(),
            producer: producer.0 as u64,
            current: None,
            since: Duration::ZERO,
            tries: 0,
            settle: SETTLE,
            left: false,
        }
    }

    /// How many there are to choose from.
    pub(crate) fn len(&self) -> usize {
        let known = self.known.as_ref().map_or(0, |known| known.addresses.len());
        known.max(self.given.len())
    }

    /// Has each been tried since one last answered?
    pub(crate) fn all_failed(&self) -> bool {
        self.tries >= self.len()
    }

    /// The next to try: those of the map, each once, then one of the addresses given, for all that the map names may be gone.
    pub(crate) fn choose(&mut self, now: Duration) -> Option<Target> {
        let turn = self.tries % (self.known.as_ref().map_or(0, |known| known.addresses.len()) + 1);
        self.tries += 1;
        self.current = None;
        let picked = self.known.as_ref().filter(|known| turn < known.addresses.len());
        let picked = picked.and_then(|known| {
            let member = self.preferred(now)?;
            Some(Target {
                address: known.addresses.get(&member)?.clone(),
                member: Some(member),
            })
        });
        picked.or_else(|| {
            let address = self.given.get(self.next_given % self.given.len().max(1))?.clone();
            self.next_given = self.next_given.wrapping_add(1);
            Some(Target {
                address,
                member: None,
            })
        })
    }

    /// It answered.
    pub(crate) fn connected(&mut self, now: Duration, target: &Target) {
        self.current = target.member;
        self.since = now;
        self.tries = 0;
        self.left = false;
        if let Some(member) = target.member {
            self.route.answered(member);
            self.settle = SETTLE;
        }
    }

    /// It did not answer, or no more.
    pub(crate) fn failed(&mut self, now: Duration, target: &Target) {
        if let Some(member) = self.current.or(target.member) {
            self.route.failed(now, member);
        }
        self.current = None;
        if std::mem::take(&mut self.left) {
            self.settle = (self.settle * 2).min(SETTLE_MAX);
        }
    }

    /// It is left for another one.
    pub(crate) fn leaving(&mut self) {
        self.left = true;
    }

    /// The connected collector said a map. `true`: it is news, to be kept.
    pub(crate) fn learn(&mut self, map: CollectorMap) -> bool {
        self.current = Some(MemberId(map.from));
        let is_news = |known: &Known| {
            let same = known.said.collectors == map.collectors && known.said.holders == map.holders;
            map.epoch >= known.said.epoch && !(same && map.epoch == known.said.epoch)
        };
        if !self.known.as_ref().is_none_or(is_news) {
            return false;
        }
        match Known::of(map) {
            Some(known) => self.known = Some(known),
            None => return false,
        }
        true
    }

    /// Why to go to another collector although this one answers.
    pub(crate) fn leave(&self, now: Duration) -> Option<&'static str> {
        let (known, current) = (self.known.as_ref()?, self.current?);
        let preferred = self.preferred(now).filter(|p| *p != current)?;
        if !known.addresses.contains_key(&preferred) {
            None
        } else if !known.holders.shards.iter().any(|shard| shard.has(current)) {
            Some("it holds no shard any more")
        } else {
            (now.saturating_sub(self.since) >= self.settle).then_some("another one is this agent's")
        }
    }

    fn preferred(&self, now: Duration) -> Option<MemberId> {
        let known = self.known.as_ref()?;
        self.route.pick(now, &known.holders, &known.shards, self.producer)
    }
}

impl Known {
    /// `None`: it names nobody who holds anything.
    fn of(said: CollectorMap) -> Option<Self> {
        let collectors = &said.collectors;
        let addresses: BTreeMap<MemberId, String> = collectors
            .iter()
            .map(|at| (MemberId(at.member), at.address.clone()))
            .collect();
        let holders: Vec<Vec<MemberId>> = said
            .holders
            .iter()
            .map(|places| {
                let at = places
                    .iter()
                    .filter_map(|place| collectors.get(usize::from(*place)));
                at.map(|at| MemberId(at.member)).collect()
            })
            .collect();
        if holders.iter().all(Vec::is_empty) {
            return None;
        }
        let shards = (0u16..).take(holders.len()).map(Shard).collect();
        Some(Self {
            said,
            holders: ShardMap::new(holders),
            shards,
            addresses,
        })
    }
}
