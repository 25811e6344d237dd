//! The pure transition: a state, a command, the next state and what came of it.
//!
//! It checks everything first and changes afterwards, so that a refused command leaves no trace. The same commands in the
//! same order give the same state on every member; nothing else may be read here.

use std::sync::Arc;

use super::apply_member::{
    change_shard, first_shard_map, register_member, remove_member, set_replicas, set_weight,
};
use super::apply_node::{node_modules, node_seen};
use super::audit::audited;
use super::format::{finalize, forget_losses};
use super::limits::{REPLICAS_MAX, SHARDS_MAX, VERSIONS_MAX};
use super::{
    Cluster, Command, LoadedModule, Member, Module, Outcome, Refusal, SiteTable, State, USUAL_WEIGHT,
    Version, check,
};

/// Applies one command.
pub fn apply(state: &mut State, command: Command) -> Outcome {
    if let Err(refusal) = state.in_force(&command) {
        return Outcome::Refused(refusal);
    }
    let applied = match command {
        Command::InitCluster(cluster) => init_cluster(state, cluster),
        Command::RegisterMember {
            incarnation,
            name,
            addresses,
            roles,
            zone,
            raft,
            newest,
        } => register_member(
            state,
            Member {
                incarnation,
                name,
                addresses,
                roles,
                zone,
                raft,
                weight: USUAL_WEIGHT,
                removed: false,
                newest,
            },
        ),
        Command::FirstShardMap { holders } => first_shard_map(state, holders),
        Command::ChangeShard { shard, change } => change_shard(state, shard, change),
        Command::SetReplicas { replicas } => set_replicas(state, replicas),
        Command::SetWeight { member, weight } => set_weight(state, member, weight),
        Command::RemoveMember {
            member,
            lost,
            accept_loss,
        } => remove_member(state, member, lost, accept_loss),
        Command::Finalize { format } => Ok(finalize(state, format)),
        Command::ForgetLosses { shard } => Ok(forget_losses(state, shard)),
        Command::Audited {
            who,
            at_unix_ms,
            command,
            once,
        } => audited(state, &who, at_unix_ms, *command, once),
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
        ("number of replicas", u32::from(cluster.replicas)),
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
    check::at_most(
        "number of replicas",
        usize::from(cluster.replicas),
        usize::from(REPLICAS_MAX),
    )?;
    state.cluster = Some(cluster);
    Ok(Outcome::Done)
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
