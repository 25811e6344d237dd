//! `elixirscope cluster`: the members, who leads, who holds what; taking a member out.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{self, Member};

/// Arguments of `cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Members, leader, shards.
    Status {
        #[command(flatten)]
        member: Member,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a member that holds no shard out of the cluster for good. Its data folder is never let in again.
    Remove {
        /// Its id, as `status` shows it.
        id: u64,
        #[command(flatten)]
        member: Member,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What `GET /api/v1/cluster` says, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Status {
    cluster: Option<Settings>,
    this_member: u64,
    members: Vec<Listed>,
    group: Group,
    shard_map: Map,
}

#[derive(Debug, Deserialize)]
struct Settings {
    id: String,
    shards: u16,
    replicas: u8,
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: u64,
    name: String,
    addresses: Vec<String>,
    roles: Vec<String>,
    zone: String,
    removed: bool,
}

#[derive(Debug, Deserialize)]
struct Group {
    term: u64,
    applied_index: u64,
    leader: Option<u64>,
    voters: Vec<u64>,
    learners: Vec<u64>,
}

#[derive(Debug, Deserialize)]
struct Map {
    epoch: u64,
    holders: Vec<Vec<u64>>,
    moving: Vec<Value>,
}

/// Asks, or changes.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Status { member, json } => {
            let answer: Value = member.get("/api/v1/cluster", &[])?;
            if *json {
                client::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?))?;
            } else {
                client::print(&render(&serde_json::from_value(answer)?))?;
            }
        }
        What::Remove { id, member, json } => {
            let path = format!("/api/v1/cluster/members/{id}/remove");
            let answer: Value = member.post(&path)?;
            if *json {
                client::print(&format!("{answer}\n"))?;
            } else {
                client::print(&format!("member {id} is out of the cluster\n"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn render(status: &Status) -> String {
    let mut out = String::new();
    match &status.cluster {
        Some(c) => {
            let (id, shards, replicas) = (&c.id, c.shards, c.replicas);
            let _ = writeln!(out, "cluster  {id}, {shards} shards, {replicas} wanted of each");
        }
        None => out.push_str("cluster  not known yet\n"),
    }
    let group = &status.group;
    let leader = group
        .leader
        .map_or_else(|| "nobody".to_owned(), |id| format!("member {id}"));
    let voters = group.voters.len();
    let _ = writeln!(
        out,
        "group    {leader} leads {voters} voters in term {}, {} entries applied here",
        group.term, group.applied_index
    );
    let moving = status.shard_map.moving.len();
    let _ = writeln!(
        out,
        "map      epoch {}, {moving} shards moving\n",
        status.shard_map.epoch
    );
    let mut held: BTreeMap<u64, usize> = BTreeMap::new();
    for id in status.shard_map.holders.iter().flatten() {
        *held.entry(*id).or_default() += 1;
    }
    let mut rows = vec![
        [
            "id",
            "name",
            "zone",
            "roles",
            "in the group",
            "shards",
            "addresses",
        ]
        .map(str::to_owned),
    ];
    rows.extend(
        status
            .members
            .iter()
            .map(|m| row(m, status, held.get(&m.id).copied().unwrap_or(0))),
    );
    let width = |column: usize| {
        rows.iter()
            .filter_map(|r| r.get(column))
            .map(|c| c.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..7).map(width).collect();
    for row in &rows {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn row(m: &Listed, status: &Status, shards: usize) -> [String; 7] {
    let group = &status.group;
    let part = match m.id {
        _ if m.removed => "removed",
        id if group.leader == Some(id) => "leader",
        id if group.voters.contains(&id) => "voter",
        id if group.learners.contains(&id) => "follows",
        _ => "-",
    };
    let this = if m.id == status.this_member {
        " (asked)"
    } else {
        ""
    };
    let zone = if m.zone.is_empty() { "-" } else { &m.zone };
    [
        m.id.to_string(),
        format!("{}{this}", m.name),
        zone.to_owned(),
        m.roles.join(","),
        part.to_owned(),
        shards.to_string(),
        m.addresses.join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: three members, one removed, one in a zone. Guarantee: one line each, with its part in the group.
    #[test]
    fn members_are_lines_of_a_table() {
        let listed = |id: u64, removed: bool| {
            json!({"id": id, "name": format!("m{id}"), "addresses": ["quic://h:7481"], "roles": ["coordinator"],
                "zone": if id == 2 { "west" } else { "" }, "removed": removed})
        };
        let status = json!({
            "cluster": {"id": "ab", "shards": 64, "replicas": 3}, "this_member": 2,
            "members": [listed(1, true), listed(2, false), listed(3, false)],
            "group": {"term": 7, "applied_index": 90, "leader": 3, "voters": [2, 3], "learners": []},
            "shard_map": {"epoch": 1, "holders": [[3], [3, 2]], "moving": []},
        });
        let text = render(&serde_json::from_value(status).unwrap());
        let expected = "cluster  ab, 64 shards, 3 wanted of each
group    member 3 leads 2 voters in term 7, 90 entries applied here
map      epoch 1, 0 shards moving

id  name        zone  roles        in the group  shards  addresses
1   m1          -     coordinator  removed       0       quic://h:7481
2   m2 (asked)  west  coordinator  voter         1       quic://h:7481
3   m3          -     coordinator  leader        2       quic://h:7481
";
        assert_eq!(text, expected);
    }
}
