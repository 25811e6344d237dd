//! What the state holds, as JSON. Ids are hexadecimal; times are microseconds since 2020-01-01 UTC.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Extract};
use event::{ModuleKey, ModuleVersion, NodeKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::Fault;
use crate::Coordinator;
use crate::state::Node;

/// Most items of one page, and their number if none is asked for.
const PAGE_MAX: usize = 1_000;

/// A page of a long list: the items after a key.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    after: Option<String>,
    limit: Option<usize>,
}

impl Page {
    fn limit(&self) -> usize {
        self.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX)
    }
}

/// `at`: microseconds since 2020; without it, now.
#[derive(Debug, Deserialize)]
pub(super) struct At {
    at: Option<u64>,
}

/// With `current`: what the group has agreed by now, not what this member has applied so far. Needs a quorum. With `answers`: of each other member,
/// whether it answers this one now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    current: bool,
    answers: bool,
}

pub(super) async fn cluster(
    Extract(coordinator): Extract<Coordinator>,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(Which { current, answers }) = which?;
    let state = if current {
        coordinator.read().await?
    } else {
        coordinator.watch()
    };
    let answers = if answers {
        coordinator.who_answers().await
    } else {
        BTreeMap::new()
    };
    let members: Vec<Value> = state
        .members
        .iter()
        .map(|(id, m)| {
            let mut member = json!({"id": id, "name": m.name, "incarnation": m.incarnation.to_string(), "addresses": m.addresses,
                "roles": m.roles, "zone": m.zone, "raft": m.raft.to_string(), "weight": m.weight, "removed": m.removed, "newest": m.newest});
            if let Some(answers) = answers.get(id) {
                member["answers"] = json!(answers);
            }
            member
        })
        .collect();
    let map = &state.shard_map;
    Ok(Json(json!({
        "cluster": state.cluster, "this_member": coordinator.member(), "members": members,
        "group": coordinator.group(),
        "format": {"in_force": state.format, "newest": coordinator.newest()},
        "losses": state.losses,
        "shard_map": {"epoch": map.epoch, "holders": map.shards.iter().map(|h| &h.now).collect::<Vec<_>>(),
            "moving": map.shards.iter().enumerate().filter_map(|(shard, h)| h.next.as_ref().map(|next|
                json!({"shard": shard, "since": h.since, "next": next}))).collect::<Vec<_>>()},
        "counts": {"nodes": state.nodes.len(), "nodes_forgotten": state.nodes_forgotten, "modules": state.modules.len(),
            "site_tables": state.site_tables.len(), "versions": state.versions.len()},
    })))
}

pub(super) async fn nodes(
    Extract(coordinator): Extract<Coordinator>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(page) = page?;
    let state = coordinator.watch();
    let after: Option<NodeKey> = page.after.as_deref().map(node_key).transpose()?;
    let rest = state
        .nodes
        .iter()
        .filter(|(key, _)| after.is_none_or(|after| **key > after));
    let nodes: Vec<Value> = rest
        .take(page.limit())
        .map(|(key, node)| node_json(*key, node))
        .collect();
    Ok(Json(json!({ "nodes": nodes, "total": state.nodes.len() })))
}

fn node_json(key: NodeKey, node: &Node) -> Value {
    let current = node.current.iter();
    let current =
        current.map(|(name, c)| json!({"module": name, "version": c.version.to_string(), "from": c.from}));
    let history = node.history.iter().rev().take(PAGE_MAX);
    json!({
        "key": key.to_string(), "name": node.info.name, "creation": node.info.creation, "vm_start": node.info.vm_start,
        "otp": node.info.otp, "elixir": node.info.elixir, "agent": node.info.agent,
        "as_of": node.as_of, "ended": node.ended, "clamped": node.clamped,
        "current": current.collect::<Vec<_>>(),
        "history": history.collect::<Vec<_>>(), "history_total": node.history.len(),
        "forgotten": node.forgotten, "forgotten_to": node.forgotten_to,
    })
}

pub(super) async fn node_modules(
    Extract(coordinator): Extract<Coordinator>,
    Path(key): Path<String>,
    at: Result<Query<At>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(At { at }) = at?;
    let node = node_key(&key)?;
    let state = coordinator.watch();
    // Without a time: after everything that is known, unless the node has ended.
    let ran = state
        .what_ran(node, at.unwrap_or(u64::MAX))
        .ok_or_else(|| Fault::not_found("node", key))?;
    let modules = ran.modules.iter().map(|(name, version)| {
        let table = state
            .site_table(version.key())
            .map(|table| table.blob.to_string());
        json!({"module": name, "version": version.to_string(), "site_table": table})
    });
    Ok(Json(json!({
        "node": node.to_string(), "at": at, "complete": ran.complete, "modules": modules.collect::<Vec<_>>(),
    })))
}

pub(super) async fn module_nodes(
    Extract(coordinator): Extract<Coordinator>,
    Path(version): Path<String>,
) -> Result<Json<Value>, Fault> {
    let parsed = id::<ModuleVersion>(&version, 32)?;
    let state = coordinator.watch();
    let ran = state.where_ran(parsed).into_iter().map(|(node, span)| {
        let name = state.nodes.get(&node).map(|n| n.info.name.clone());
        json!({"node": node.to_string(), "name": name, "from": span.from, "to": span.to})
    });
    Ok(Json(
        json!({ "version": version, "ran": ran.collect::<Vec<_>>() }),
    ))
}

pub(super) async fn versions(
    Extract(coordinator): Extract<Coordinator>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(page) = page?;
    let state = coordinator.watch();
    let after: Option<u64> = page
        .after
        .as_deref()
        .map(|text| {
            text.parse()
                .map_err(|_| Fault::bad("after is no ordinal", "a number", text))
        })
        .transpose()?;
    let mut all: Vec<_> = state
        .versions
        .iter()
        .filter(|(_, v)| after.is_none_or(|after| v.ordinal > after))
        .collect();
    all.sort_by_key(|(_, version)| version.ordinal);
    let versions = all.into_iter().take(page.limit()).map(|(id, v)| {
        json!({"version": id.to_string(), "project": v.project, "ordinal": v.ordinal, "files": v.files, "bytes": v.bytes})
    });
    Ok(Json(
        json!({ "versions": versions.collect::<Vec<_>>(), "total": state.versions.len() }),
    ))
}

pub(super) async fn site_tables(
    Extract(coordinator): Extract<Coordinator>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Fault> {
    let Query(page) = page?;
    let state = coordinator.watch();
    let after: Option<ModuleKey> = page.after.as_deref().map(|text| id(text, 16)).transpose()?;
    let rest = state
        .site_tables
        .iter()
        .filter(|(key, _)| after.is_none_or(|after| **key > after));
    let tables: Vec<_> = rest.take(page.limit()).map(|(_, table)| table.as_ref()).collect();
    Ok(Json(
        json!({ "site_tables": tables, "total": state.site_tables.len() }),
    ))
}

fn node_key(text: &str) -> Result<NodeKey, Fault> {
    id(text, 16)
}

fn id<T: std::str::FromStr>(text: &str, digits_max: usize) -> Result<T, Fault> {
    let hex = !text.is_empty() && text.len() <= digits_max && text.bytes().all(|c| c.is_ascii_hexdigit());
    let parsed = if hex { text.parse().ok() } else { None };
    parsed.ok_or_else(|| {
        Fault::bad(
            "malformed id",
            format!("1 to {digits_max} hexadecimal digits"),
            text,
        )
    })
}
