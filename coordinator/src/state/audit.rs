//! Who changed what: a bounded log in the state itself, so that every member shows the same.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::{AUDIT_MAX, REQUESTS_MAX};
use super::{Command, MemberId, Outcome, Refusal, Role, State, apply, check};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Changes before it, ever: entries that were forgotten leave a gap before the first.
    pub number: u64,
    /// When, by the clock of the member that was asked: Unix time in milliseconds.
    pub at_unix_ms: u64,
    /// Who asked for it: a token's name, a member.
    pub who: String,
    /// What was changed, in words.
    pub what: String,
}

/// Applies a change; if it changed something, writes that down.
pub(super) fn audited(
    state: &mut State,
    who: &str,
    at_unix_ms: u64,
    command: Command,
    once: u64,
) -> Result<Outcome, Refusal> {
    check::text("name of who asks", who)?;
    if matches!(command, Command::Audited { .. }) {
        return Err(Refusal::AuditedTwice);
    }
    if once != 0 && state.requests.contains(&once) {
        return Ok(Outcome::Unchanged);
    }
    let before = state.clone();
    let what = in_words(&before, &command);
    match apply(state, command) {
        Outcome::Refused(refusal) => Err(refusal),
        outcome => {
            if *state != before {
                date_losses(state, at_unix_ms);
                note(state, at_unix_ms, who, what);
            }
            if once != 0 {
                let requests = Arc::make_mut(&mut state.requests);
                requests.push_back(once);
                while requests.len() > REQUESTS_MAX {
                    requests.pop_front();
                }
            }
            Ok(outcome)
        }
    }
}

/// Losses that a command just made were accepted when it was asked for.
fn date_losses(state: &mut State, at_unix_ms: u64) {
    let undated = |losses: &Vec<super::Loss>| losses.iter().any(|loss| loss.at_unix_ms == 0);
    if at_unix_ms == 0 || !state.losses.values().any(undated) {
        return;
    }
    for loss in Arc::make_mut(&mut state.losses).values_mut().flatten() {
        if loss.at_unix_ms == 0 {
            loss.at_unix_ms = at_unix_ms;
        }
    }
}

/// Writes a change down.
pub(crate) fn note(state: &mut State, at_unix_ms: u64, who: &str, what: String) {
    let log = Arc::make_mut(&mut state.audit);
    let number = log.back().map_or(0, |last| last.number + 1);
    log.push_back(AuditEntry {
        number,
        at_unix_ms,
        who: who.to_owned(),
        what,
    });
    while log.len() > AUDIT_MAX {
        log.pop_front();
    }
}

fn in_words(before: &State, command: &Command) -> String {
    let named = |id: &MemberId| {
        let name = before.members.get(id).map_or("", |m| m.name.as_str());
        format!("member {id} ({name})")
    };
    match command {
        Command::InitCluster(cluster) => format!("cluster {} is made", cluster.id),
        Command::RegisterMember {
            incarnation,
            name,
            addresses,
            roles,
            zone,
            ..
        } => {
            let does = |role, what| if roles.contains(&role) { what } else { "" };
            let does = [
                does(Role::Coordinator, " coordinates"),
                does(Role::Collector, " collects"),
            ]
            .concat();
            let what = if before.by_incarnation(*incarnation).is_some() {
                "changed"
            } else {
                "joined"
            };
            format!(
                "member {name} {what}:{does}, zone {zone:?}, at {}",
                addresses.join(" ")
            )
        }
        Command::FirstShardMap { holders } => format!("first map of {} shards", holders.len()),
        Command::ChangeShard { shard, change } => format!("shard {shard}: {change:?}"),
        Command::SetReplicas { replicas } => {
            let old = before.cluster.as_ref().map_or(0, |c| c.replicas);
            format!("copies of each shard: {old} -> {replicas}")
        }
        Command::SetWeight { member, weight } => {
            let old = before.members.get(member).map_or(0, |m| m.weight);
            format!("{}: weight {old} -> {weight}", named(member))
        }
        Command::RemoveMember {
            member,
            lost,
            accept_loss,
        } => {
            let how = match (lost, accept_loss) {
                (false, _) => "",
                (true, false) => ", its disk is lost",
                (true, true) => ", its disk is lost and what only it had with it",
            };
            format!("{} is removed{how}", named(member))
        }
        Command::Finalize { format } => format!("format {} -> {format}", before.format),
        Command::ForgetLosses { shard: Some(shard) } => format!("losses of shard {shard} are forgotten"),
        Command::ForgetLosses { shard: None } => "losses are forgotten".to_owned(),
        Command::PublishVersion { project, version, .. } => format!("version {version} of {project}"),
        Command::PutSiteTable(table) => format!("site table of {}", table.module),
        Command::NodeSeen { node, .. } | Command::NodeModules { node, .. } => format!("node {node}"),
        Command::Audited { command, .. } => format!("{:?}", std::mem::discriminant(command.as_ref())),
    }
}
