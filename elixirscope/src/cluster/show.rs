//! What is shown of a cluster: members, the map, the audit log.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::Asked;
use crate::code::table::Table;

/// What `GET /api/v1/cluster` says, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Status {
    cluster: Option<Settings>,
    this_member: u64,
    members: Vec<Listed>,
    group: Group,
    shard_map: Placed,
    /// Releases without formats say nothing of them.
    #[serde(default)]
    format: Formats,
    #[serde(default)]
    losses: BTreeMap<u16, Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Formats {
    in_force: u32,
    newest: u32,
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
    weight: u32,
    /// Of the asked member itself, of removed ones and by older releases it is not said.
    answers: Option<bool>,
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
struct Placed {
    epoch: u64,
    holders: Vec<Vec<u64>>,
    moving: Vec<Value>,
}

/// Members, leader, shards.
pub(super) fn status(asked: &Asked) -> Result<()> {
    let answer: Value = asked
        .member
        .get("/api/v1/cluster", &[("answers", "true".to_owned())])?;
    asked.show(&answer, || Ok(render(&serde_json::from_value(answer.clone())?)))
}

/// What `GET /api/v1/cluster/map` says.
#[derive(Debug, Deserialize)]
pub(super) struct Map {
    epoch: u64,
    shards: Vec<Held>,
}

#[derive(Debug, Deserialize)]
struct Held {
    shard: u16,
    holders: Vec<u64>,
    next: Option<Vec<u64>>,
    since: u64,
}

impl Map {
    /// Shards that a member holds or is about to, and those of them that move.
    pub(super) fn held_by(&self, member: u64) -> (usize, usize) {
        let has = |h: &&Held| h.holders.contains(&member) || h.next.iter().flatten().any(|m| *m == member);
        let held: Vec<&Held> = self.shards.iter().filter(has).collect();
        (held.len(), held.iter().filter(|h| h.next.is_some()).count())
    }
}

/// Who holds what.
pub(super) fn map(asked: &Asked) -> Result<()> {
    let answer: Value = asked.member.get("/api/v1/cluster/map", &[])?;
    asked.show(&answer, || {
        let map: Map = serde_json::from_value(answer.clone())?;
        let mut table = Table::new(&[">shard", "holders", "moves to", ">since epoch"]);
        for h in &map.shards {
            let next = h.next.as_deref().map_or_else(|| "-".to_owned(), ids);
            table.row([h.shard.to_string(), ids(&h.holders), next, h.since.to_string()]);
        }
        Ok(format!("epoch {}\n\n{}", map.epoch, table.text()))
    })
}

fn ids(of: &[u64]) -> String {
    if of.is_empty() {
        return "nobody".to_owned();
    }
    of.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

#[derive(Debug, Deserialize)]
struct Audit {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    number: u64,
    at_unix_ms: u64,
    who: String,
    what: String,
}

/// Who changed what.
pub(super) fn audit(asked: &Asked) -> Result<()> {
    let answer: Value = asked.member.get("/api/v1/cluster/audit", &[])?;
    asked.show(&answer, || {
        let audit: Audit = serde_json::from_value(answer.clone())?;
        let mut table = Table::new(&[">number", "when", "who", "what"]);
        for entry in audit.entries {
            let when = host::access::rfc3339(entry.at_unix_ms / 1_000);
            table.row([entry.number.to_string(), when, entry.who, entry.what]);
        }
        Ok(table.text())
    })
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
    let Formats { in_force, newest } = status.format;
    if newest > in_force {
        let _ = writeln!(
            out,
            "format   {in_force} in force, this member writes up to {newest}: `cluster finalize` raises it"
        );
    } else {
        let _ = writeln!(out, "format   {in_force} in force");
    }
    if !status.losses.is_empty() {
        let shards = status.losses.len();
        let _ = writeln!(
            out,
            "lost     of {shards} shards with a disk, as was accepted: `cluster forget-losses` when answers need not say so"
        );
    }
    let map = &status.shard_map;
    let copies = map.holders.iter().map(Vec::len);
    let copies = match (copies.clone().min(), copies.max()) {
        (Some(least), Some(most)) if least == most => format!("{least} copies of each shard"),
        (Some(least), Some(most)) => format!("{least} to {most} copies of each shard"),
        _ => "no shards".to_owned(),
    };
    let _ = writeln!(
        out,
        "map      epoch {}, {copies}, {} shards moving\n",
        map.epoch,
        map.moving.len()
    );
    let mut held: BTreeMap<u64, usize> = BTreeMap::new();
    for id in map.holders.iter().flatten() {
        *held.entry(*id).or_default() += 1;
    }
    let mut table = Table::new(&[
        "id",
        "name",
        "zone",
        "roles",
        "in the group",
        "answers",
        "shards",
        "weight",
        "addresses",
    ]);
    for m in &status.members {
        table.row(row(m, status, held.get(&m.id).copied().unwrap_or(0)));
    }
    out + &table.text()
}

fn row(m: &Listed, status: &Status, shards: usize) -> [String; 9] {
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
    let answers = match m.answers {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    };
    let zone = if m.zone.is_empty() { "-" } else { &m.zone };
    [
        m.id.to_string(),
        format!("{}{this}", m.name),
        zone.to_owned(),
        m.roles.join(","),
        part.to_owned(),
        answers.to_owned(),
        shards.to_string(),
        m.weight.to_string(),
        m.addresses.join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Scenario: three members, one removed, one in a zone. Guarantee: one line each, with its part in the group and whether it answers.
    #[test]
    fn members_are_lines_of_a_table() {
        let listed = |id: u64, removed: bool| {
            json!({"id": id, "name": format!("m{id}"), "addresses": ["quic://h:7481"], "roles": ["coordinator"],
                "zone": if id == 2 { "west" } else { "" }, "removed": removed, "weight": id * 100, "answers": (id == 3).then_some(false)})
        };
        let status = json!({
            "cluster": {"id": "ab", "shards": 64, "replicas": 3}, "this_member": 2,
            "members": [listed(1, true), listed(2, false), listed(3, false)],
            "group": {"term": 7, "applied_index": 90, "leader": 3, "voters": [2, 3], "learners": []},
            "shard_map": {"epoch": 1, "holders": [[3], [3, 2]], "moving": []},
            "format": {"in_force": 1, "newest": 2}, "losses": {"3": [{"member": 1, "at_unix_ms": 5}]},
        });
        let text = render(&serde_json::from_value(status).unwrap());
        let expected = "cluster  ab, 64 shards, 3 wanted of each
group    member 3 leads 2 voters in term 7, 90 entries applied here
format   1 in force, this member writes up to 2: `cluster finalize` raises it
lost     of 1 shards with a disk, as was accepted: `cluster forget-losses` when answers need not say so
map      epoch 1, 1 to 2 copies of each shard, 0 shards moving

id  name        zone  roles        in the group  answers  shards  weight  addresses
1   m1          -     coordinator  removed       -        0       100     quic://h:7481
2   m2 (asked)  west  coordinator  voter         -        1       200     quic://h:7481
3   m3          -     coordinator  leader        no       2       300     quic://h:7481
";
        assert_eq!(text, expected);
    }
}
