//! The pure transition: a state, a command, the next state and what came of it.
//!
//! It checks everything first and changes afterwards, so that a refused command leaves no trace. The same commands in the
//! same order give the same state on every member; nothing else may be read here.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::apply_node::{node_modules, node_seen};
use super::limits::{ADDRESSES_MAX, MEMBERS_MAX, REPLICAS_MAX, SHARDS_MAX, VERSIONS_MAX};
use super::{
    Cluster, Command, LoadedModule, Member, MemberId, Module, Outcome, Refusal, ShardMap, SiteTable, State,
    Version, check,
};

/// Applies one command.
pub fn apply(state: &mut State, command: Command) -> Outcome {
    let applied = match command {
        Command::InitCluster(cluster) => init_cluster(state, cluster),
        Command::RegisterMember {
            incarnation,
            name,
            addresses,
            roles,
            zone,
        } => register_member(
            state,
            Member {
                incarnation,
                name,
                addresses,
                roles,
                zone,
            },
        ),
        Command::SetShardMap { replicas, holders } => set_shard_map(state, replicas, holders),
        Command::PublishVersion {
            project,
            version,
            files,
            bytes,
        } => publish_version(
            state,
            version,
            Version {
                project,
                ordinal: state.versions.len() as u64,
                files,
                bytes,
            },
        ),
        Command::PutSiteTable(table) => put_site_table(state, table),
        Command::NodeSeen { node, info } => node_seen(state, node, info),
        Command::NodeModules {
            node,
            op,
            time,
            modules,
        } => node_modules(state, node, op, time, modules),
    };
    applied.unwrap_or_else(Outcome::Refused)
}

fn init_cluster(state: &mut State, cluster: Cluster) -> Result<Outcome, Refusal> {
    if let Some(existing) = &state.cluster {
        if *existing == cluster {
            return Ok(Outcome::Unchanged);
        }
        return Err(Refusal::OtherCluster {
            existing: existing.id.to_string(),
            got: cluster.id.to_string(),
        });
    }
    for (what, value) in [
        ("shards", u32::from(cluster.shards)),
        ("bucket seconds", cluster.bucket_seconds),
    ] {
        if value == 0 {
            return Err(Refusal::Empty {
                what: what.to_owned(),
            });
        }
    }
    check::at_most(
        "number of shards",
        usize::from(cluster.shards),
        usize::from(SHARDS_MAX),
    )?;
    state.cluster = Some(cluster);
    Ok(Outcome::Done)
}

fn register_member(state: &mut State, member: Member) -> Result<Outcome, Refusal> {
    check::name("member name", &member.name)?;
    check::text("zone", &member.zone)?;
    check::at_most("list of addresses", member.addresses.len(), ADDRESSES_MAX)?;
    member
        .addresses
        .iter()
        .try_for_each(|address| check::name("address", address))?;
    let known = state
        .members
        .iter()
        .find(|(_, known)| known.incarnation == member.incarnation)
        .map(|(id, _)| *id);
    let id = if let Some(id) = known {
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

fn set_shard_map(state: &mut State, replicas: u8, holders: Vec<Vec<MemberId>>) -> Result<Outcome, Refusal> {
    let shards = state.cluster.as_ref().ok_or(Refusal::NoCluster)?.shards;
    check::at_most(
        "number of replicas",
        usize::from(replicas),
        usize::from(REPLICAS_MAX),
    )?;
    if holders.len() != usize::from(shards) {
        return Err(Refusal::WrongShards {
            expected: shards,
            got: holders.len() as u64,
        });
    }
    for (shard, members) in (0_u16..).zip(&holders) {
        let different = members.iter().collect::<BTreeSet<_>>().len();
        if different == 0 || different != members.len() || different > usize::from(replicas) {
            let (got, listed) = (different as u64, members.len() as u64);
            return Err(Refusal::WrongHolders {
                shard,
                got,
                listed,
                replicas,
            });
        }
        if let Some(unknown) = members.iter().find(|id| !state.members.contains_key(id)) {
            return Err(Refusal::UnknownMember(*unknown));
        }
    }
    let map = &state.shard_map;
    if map.epoch > 0 && map.replicas == replicas && map.holders == holders {
        return Ok(Outcome::Unchanged);
    }
    let epoch = map.epoch.saturating_add(1);
    state.shard_map = Arc::new(ShardMap {
        epoch,
        replicas,
        holders,
    });
    Ok(Outcome::Epoch(epoch))
}

fn publish_version(
    state: &mut State,
    id: codegraph::ContentHash,
    version: Version,
) -> Result<Outcome, Refusal> {
    check::name("project name", &version.project)?;
    if let Some(known) = state.versions.get(&id) {
        if (&known.project, known.files, known.bytes) == (&version.project, version.files, version.bytes) {
            return Ok(Outcome::Unchanged);
        }
        return Err(Refusal::OtherVersion {
            project: known.project.clone(),
            version: id,
        });
    }
    check::room("versions", state.versions.len(), VERSIONS_MAX)?;
    Arc::make_mut(&mut state.versions).insert(id, version);
    Ok(Outcome::Done)
}

fn put_site_table(state: &mut State, table: SiteTable) -> Result<Outcome, Refusal> {
    let (version, key) = (table.version, table.version.key());
    if table.key != key {
        return Err(Refusal::WrongKey {
            version,
            expected: key,
            got: table.key,
        });
    }
    check::text("application name", &table.app)?;
    let module = [LoadedModule {
        version,
        module: table.module.clone(),
    }];
    check::modules(state, &module)?;
    match state.site_tables.get(&key) {
        Some(known) if known.blob == table.blob => return Ok(Outcome::Unchanged),
        Some(known) => {
            return Err(Refusal::OtherSiteTable {
                version,
                existing: known.blob,
                got: table.blob,
            });
        }
        None => {}
    }
    learn_modules(state, &module);
    Arc::make_mut(&mut state.site_tables).insert(key, Arc::new(table));
    Ok(Outcome::Done)
}

/// Registers module versions that were checked.
pub(super) fn learn_modules(state: &mut State, modules: &[LoadedModule]) {
    for LoadedModule { version, module } in modules {
        if !state.modules.contains_key(&version.key()) {
            let module = Module {
                version: *version,
                name: module.clone(),
            };
            Arc::make_mut(&mut state.modules).insert(version.key(), module);
        }
    }
}
