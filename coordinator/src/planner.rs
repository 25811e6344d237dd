//! Which moves of shards begin, and which are given up: the leader's decision, a pure function of the state and of who is silent.
//!
//! - Where at least as many members take shards as copies are wanted, the target is `placement::assign`'s.
//! - Where there are fewer, nothing is balanced or grown: two copies would make a shard need both to be written. Only what lies on members
//!   that are to hold nothing any more goes to the others.
//! - A move is given up when a member that joins is gone for good, or is silent and without it the shard cannot be written, or is silent
//!   for long. It begins again when it is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event::Shard;
use placement::{Candidate, Change, Holders, MemberId, assign, write_quorum};

use crate::state::{Command, State};

/// Moves under way at once that a member joins: each compares and copies.
const JOINING_AT_ONCE: usize = 8;
/// Commands of one decision.
const COMMANDS_MAX: usize = 256;
/// A member that follows the log this late is silent: nothing begins with it.
const SILENT: Duration = Duration::from_secs(5);
/// A member that is silent for so long is not waited for in moves that harm nobody.
const SILENT_LONG: Duration = Duration::from_mins(5);

/// How long members have been silent.
pub(crate) type Silence = BTreeMap<MemberId, Duration>;

/// Plans; remembers the target, which costs something to compute, until members or numbers change.
#[derive(Debug, Default)]
pub(crate) struct Planner {
    of: Option<(Vec<Candidate>, u8)>,
    target: Vec<Vec<MemberId>>,
}

impl Planner {
    /// What is to be proposed now; nothing if all is as it should be, or under way.
    pub(crate) fn decide(&mut self, state: &State, silent: &Silence) -> Vec<Command> {
        let Some(cluster) = &state.cluster else {
            return Vec::new();
        };
        let map = &state.shard_map;
        let mut commands = Vec::new();
        for (shard, holders) in (0_u16..).zip(&map.shards) {
            if is_hopeless(holders, state, silent) {
                let change = Change::Abandon(holders.since);
                commands.push(Command::ChangeShard { shard, change });
            }
        }
        let candidates = state.candidates();
        let takes = candidates.iter().filter(|c| c.weight > 0).count();
        if takes < usize::from(cluster.replicas) {
            self.of = None;
            self.target = evacuated(state, &candidates, takes);
        } else if self
            .of
            .as_ref()
            .is_none_or(|(c, r)| *c != candidates || *r != cluster.replicas)
        {
            self.target = assign(&before(state), cluster.replicas, &candidates);
            self.of = Some((candidates, cluster.replicas));
        }
        for (Shard(shard), next) in map.moves_towards(&self.target, JOINING_AT_ONCE) {
            let now = map.holders(Shard(shard)).map_or(&[][..], |h| &h.now);
            let mut joins = next.iter().filter(|m| !now.contains(m));
            if joins.any(|m| silent.get(m).is_some_and(|t| *t >= SILENT)) {
                continue;
            }
            let change = Change::Begin(next);
            commands.push(Command::ChangeShard { shard, change });
        }
        commands.truncate(COMMANDS_MAX);
        commands
    }
}

/// Is there no sense in waiting for the end of this move?
fn is_hopeless(holders: &Holders, state: &State, silent: &Silence) -> bool {
    let Some(next) = &holders.next else {
        return false;
    };
    let gone = |m: &MemberId| state.members.get(m).is_none_or(|known| known.removed);
    let quiet = |m: &MemberId, least: Duration| gone(m) || silent.get(m).is_some_and(|t| *t >= least);
    let writers = next.iter().filter(|m| !quiet(m, SILENT)).count();
    // Without the move it could be written.
    let blocks = writers < write_quorum(next.len())
        && holders.now.iter().filter(|m| !quiet(m, SILENT)).count() >= write_quorum(holders.now.len());
    let mut joining = holders.joining();
    next.iter().any(gone) || blocks || joining.any(|m| quiet(&m, SILENT_LONG))
}

/// Who holds what, or is about to.
fn before(state: &State) -> Vec<Vec<MemberId>> {
    let shards = state.shard_map.shards.iter();
    shards
        .map(|h| h.next.as_ref().unwrap_or(&h.now).clone())
        .collect()
}

/// The target where too few members take shards: all stays but for what lies on members that take none.
fn evacuated(state: &State, candidates: &[Candidate], takes: usize) -> Vec<Vec<MemberId>> {
    let mut target = before(state);
    let leaves = |m: &MemberId| !candidates.iter().any(|c| c.id == *m && c.weight > 0);
    let copies = |now: &[MemberId]| now.len().clamp(1, takes.max(1));
    let moving: BTreeSet<usize> = target
        .iter()
        .filter(|now| now.is_empty() || now.iter().any(leaves))
        .map(|now| copies(now))
        .collect();
    if takes == 0 {
        return target;
    }
    let now = target.clone();
    for copies_of in moving {
        let assigned = assign(&now, u8::try_from(copies_of).unwrap_or(u8::MAX), candidates);
        for ((now, next), assigned) in now.iter().zip(&mut target).zip(assigned) {
            if (now.is_empty() || now.iter().any(leaves)) && copies(now) == copies_of {
                *next = assigned;
            }
        }
    }
    target
}

#[cfg(test)]
mod tests;
