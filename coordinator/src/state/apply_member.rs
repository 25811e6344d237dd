//! Members and the shard map: the part of the transition that changes them.

use std::sync::Arc;

use event::Shard;
use placement::{Change, Holders, MemberId, ShardMap, read_quorum};

use super::limits::{ADDRESSES_MAX, MEMBERS_MAX, REPLICAS_MAX, WEIGHT_MAX};
use super::{Cluster, Format, Loss, Member, Outcome, Refusal, State, check};

pub(super) fn register_member(state: &mut State, mut member: Member) -> Result<Outcome, Refusal> {
    check::name("member name", &member.name)?;
    check::text("zone", &member.zone)?;
    check::at_most("list of addresses", member.addresses.len(), ADDRESSES_MAX)?;
    member
        .addresses
        .iter()
        .try_for_each(|address| check::name("address", address))?;
    if member.newest < state.format {
        let (newest, in_force) = (member.newest, state.format);
        return Err(Refusal::TooOld { newest, in_force });
    }
    let known = state.by_incarnation(member.incarnation);
    if let Some((id, _)) = known.filter(|(_, m)| m.removed) {
        return Err(Refusal::Removed(id));
    }
    let known = known.map(|(id, m)| (id, m.weight));
    if let Some((existing, other)) = state.by_raft(member.raft.0)
        && other.incarnation != member.incarnation
    {
        let raft = member.raft;
        return Err(Refusal::OtherRaft { raft, existing });
    }
    let id = if let Some((id, weight)) = known {
        member.weight = weight;
        id
    } else {
        check::room("members", state.members.len(), MEMBERS_MAX)?;
        // Members are never deleted, so the next id was never given.
        MemberId(
            state
                .members
                .keys()
                .next_back()
                .map_or(1, |last| last.0.saturating_add(1)),
        )
    };
    if state.members.get(&id) != Some(&member) {
        Arc::make_mut(&mut state.members).insert(id, member);
    }
    Ok(Outcome::Member(id))
}

pub(super) fn first_shard_map(state: &mut State, holders: Vec<Vec<MemberId>>) -> Result<Outcome, Refusal> {
    let shards = cluster(state)?.shards;
    if holders.len() != usize::from(shards) {
        return Err(Refusal::WrongShards {
            expected: shards,
            got: holders.len() as u64,
        });
    }
    for (shard, members) in (0_u16..).zip(&holders) {
        if !members.is_sorted_by(|a, b| a < b) {
            let error = placement::ChangeError::BadHolders;
            return Err(Refusal::Shard { shard, error });
        }
        check_holders(state, shard, members)?;
    }
    let map = ShardMap::new(holders);
    match state.shard_map.epoch {
        0 => state.shard_map = Arc::new(map),
        _ if *state.shard_map == map => return Ok(Outcome::Unchanged),
        epoch => return Err(Refusal::HasShardMap(epoch)),
    }
    Ok(Outcome::Epoch(1))
}

pub(super) fn change_shard(state: &mut State, shard: u16, change: Change) -> Result<Outcome, Refusal> {
    if let Change::Begin(next) = &change {
        check_holders(state, shard, next)?;
    }
    let mut map = (*state.shard_map).clone();
    match map.change(Shard(shard), change) {
        Ok(Some(epoch)) => {
            state.shard_map = Arc::new(map);
            Ok(Outcome::Epoch(epoch))
        }
        Ok(None) => Ok(Outcome::Unchanged),
        Err(error) => Err(Refusal::Shard { shard, error }),
    }
}

pub(super) fn set_replicas(state: &mut State, replicas: u8) -> Result<Outcome, Refusal> {
    check::at_most(
        "number of replicas",
        usize::from(replicas),
        usize::from(REPLICAS_MAX),
    )?;
    if replicas == 0 {
        let what = "number of replicas".to_owned();
        return Err(Refusal::Empty { what });
    }
    cluster(state)?;
    match &mut state.cluster {
        Some(cluster) if cluster.replicas != replicas => {
            cluster.replicas = replicas;
            Ok(Outcome::Done)
        }
        _ => Ok(Outcome::Unchanged),
    }
}

pub(super) fn set_weight(state: &mut State, member: MemberId, weight: u32) -> Result<Outcome, Refusal> {
    check::at_most("weight", weight as usize, WEIGHT_MAX as usize)?;
    change_member(state, member, |m| m.weight = weight)
}

pub(super) fn remove_member(
    state: &mut State,
    member: MemberId,
    lost: bool,
    accept_loss: bool,
) -> Result<Outcome, Refusal> {
    match state.members.get(&member) {
        None => return Err(Refusal::UnknownMember(member)),
        Some(known) if known.removed => return Ok(Outcome::Unchanged),
        Some(_) => {}
    }
    let shards = state.shard_map.shards.iter().filter(|h| h.has(member)).count() as u64;
    if shards > 0 && !lost {
        return Err(Refusal::HoldsShards { member, shards });
    }
    let bereft = state.bereft_by(member);
    if !bereft.is_empty() && !accept_loss {
        let shards = bereft.len() as u64;
        return Err(Refusal::Loses { member, shards });
    }
    change_member(state, member, |m| m.removed = true)?;
    if !bereft.is_empty() {
        let mut map = (*state.shard_map).clone();
        map.epoch += 1;
        for (shard, left) in bereft {
            if let Some(holders) = map.shards.get_mut(usize::from(shard)) {
                *holders = Holders {
                    now: left,
                    next: None,
                    since: map.epoch,
                };
            }
            // Older releases would not remember it.
            if state.format >= Format::SECOND {
                let lost = Loss {
                    member,
                    at_unix_ms: 0,
                };
                Arc::make_mut(&mut state.losses)
                    .entry(shard)
                    .or_default()
                    .push(lost);
            }
        }
        state.shard_map = Arc::new(map);
    }
    Ok(Outcome::Done)
}

/// Changes a member that is there and not removed.
fn change_member(state: &mut State, id: MemberId, change: impl Fn(&mut Member)) -> Result<Outcome, Refusal> {
    let known = state.members.get(&id).ok_or(Refusal::UnknownMember(id))?;
    if known.removed {
        return Err(Refusal::Removed(id));
    }
    let mut changed = known.clone();
    change(&mut changed);
    if changed == *known {
        return Ok(Outcome::Unchanged);
    }
    Arc::make_mut(&mut state.members).insert(id, changed);
    Ok(Outcome::Done)
}

impl State {
    /// Shards of which, once this member's disk is lost, too few holders are left to have all that was acknowledged (fewer than a read asks),
    /// and those that are left: of a shard that moves both sets, since each may have what the other lacks.
    pub fn bereft_by(&self, member: MemberId) -> Vec<(u16, Vec<MemberId>)> {
        let there = |m: &MemberId| *m != member && self.members.get(m).is_some_and(|known| !known.removed);
        let bereft = |(shard, h): (u16, &Holders)| {
            let left = h.now.iter().filter(|m| there(m)).count();
            let mut all: Vec<_> = h.all().filter(there).collect();
            all.sort_unstable();
            (h.now.contains(&member) && left < read_quorum(h.now.len())).then_some((shard, all))
        };
        (0_u16..).zip(&self.shard_map.shards).filter_map(bereft).collect()
    }
}

/// Refuses more holders than copies may be, unknown ones and removed ones.
fn check_holders(state: &State, shard: u16, members: &[MemberId]) -> Result<(), Refusal> {
    if members.len() > usize::from(REPLICAS_MAX) {
        return Err(Refusal::TooManyHolders {
            shard,
            got: members.len() as u64,
            limit: REPLICAS_MAX,
        });
    }
    for id in members {
        match state.members.get(id) {
            None => return Err(Refusal::UnknownMember(*id)),
            Some(member) if member.removed => return Err(Refusal::Removed(*id)),
            Some(_) => {}
        }
    }
    Ok(())
}

fn cluster(state: &State) -> Result<&Cluster, Refusal> {
    state.cluster.as_ref().ok_or(Refusal::NoCluster)
}
