//! How a member comes into its group: it founds one, joins one, or comes back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use store::raft_log::RaftLog;
use tokio::time::Instant;

use crate::config::CoordinatorConfig;
use crate::error::{ProposeError, StartError};
use crate::participant::{Admit, Joined, Participant, decoded, encoded, in_own_name};
use crate::peers::{Call, Kind, PeerError, Peers};
use crate::raft::Identity;
use crate::state::{Cluster, Command, Format, Incarnation, MemberId, Outcome, RaftId, Refusal, Role, State};

/// How long a new member looks for a member that takes it in.
const JOIN_WITHIN: Duration = Duration::from_mins(2);
/// A call that joins: the group commits, and for the last one has caught the new member up.
const CALL_WITHIN: Duration = Duration::from_mins(1);
/// Between two rounds through the members that were named.
const AGAIN: Duration = Duration::from_millis(500);

/// The command that registers this member.
pub(crate) fn registration(config: &CoordinatorConfig, identity: &Identity) -> Command {
    let member = config.member.clone();
    Command::RegisterMember {
        incarnation: identity.incarnation,
        name: member.name,
        addresses: member.addresses,
        roles: member.roles,
        zone: member.zone,
        raft: RaftId(identity.raft),
        newest: config.newest,
    }
}

/// Registers a member that has no log yet with the cluster that `join` names. What it learns is kept before it is used.
pub(crate) async fn register(
    config: &CoordinatorConfig,
    identity: &mut Identity,
    log: &RaftLog,
    peers: &Peers,
    join: &[String],
) -> Result<Incarnation, StartError> {
    let call = Call {
        kind: Kind::Join,
        cluster: Incarnation::default(),
        from: identity.raft,
        body: encoded(&registration(config, identity))?,
    };
    let answer = ask_any(peers, join, &call).await?;
    let joined: Joined = decoded(&answer)?;
    identity.is_member(log, joined.member)?;
    Ok(joined.cluster)
}

/// Takes a registered member into the group; it must answer calls already.
pub(crate) async fn admit(
    participant: &Participant,
    advertise: &str,
    join: &[String],
) -> Result<(), StartError> {
    let admit = Admit {
        raft: participant.identity.raft,
        addr: advertise.to_owned(),
        forwarded: false,
    };
    let call = participant.call(Kind::Admit, encoded(&admit)?);
    ask_any(&participant.peers, join, &call).await?;
    let mut state = participant.state.clone();
    let known = state.wait_for(|s| s.by_incarnation(participant.identity.incarnation).is_some());
    match tokio::time::timeout(CALL_WITHIN, known).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(StartError::Join(
            "the group took this member in and sent it nothing".to_owned(),
        )),
    }
}

/// Asks one member after the other, until one does it, one refuses, or it takes too long.
async fn ask_any(peers: &Peers, join: &[String], call: &Call) -> Result<bytes::Bytes, StartError> {
    let until = Instant::now() + JOIN_WITHIN;
    loop {
        let mut reasons = Vec::new();
        for addr in join {
            match peers.call(addr, call, CALL_WITHIN).await {
                Ok(answer) => return Ok(answer),
                Err(refused @ PeerError::Refused { .. }) => {
                    return Err(StartError::Join(refused.to_string()));
                }
                Err(error) => reasons.push(error.to_string()),
            }
        }
        let reasons = reasons.join("; ");
        if Instant::now() >= until {
            return Err(StartError::Join(reasons));
        }
        tracing::warn!(reasons, "no member takes this one in yet, trying again");
        tokio::time::sleep(AGAIN).await;
    }
}

/// Gives a new cluster its identity and its shard map, and registers this member, anew after a restart.
pub(crate) async fn settle(
    participant: &Arc<Participant>,
    config: &CoordinatorConfig,
) -> Result<MemberId, StartError> {
    let now = Arc::clone(&participant.state.borrow());
    let mut commands = Vec::new();
    let mut registration = participant.as_known(registration(config, &participant.identity));
    if now.cluster.is_none() {
        commands.push(Command::InitCluster(Cluster {
            id: Incarnation(rand::random()),
            shards: config.shards,
            bucket_seconds: config.bucket_seconds,
            max_offset_ms: config.max_offset_ms,
            replicas: config.replicas,
        }));
        // Nobody is older in a cluster of one.
        if config.newest > Format::FIRST {
            let format = config.newest;
            commands.push(Command::Finalize { format });
            registration = self::registration(config, &participant.identity);
        }
    }
    commands.push(in_own_name(registration));
    let id = member_of(participant.write(commands).await?)?;
    let now = Arc::clone(&participant.state.borrow());
    let shards = now.cluster.as_ref().map_or(0, |cluster| cluster.shards);
    if now.shard_map.epoch == 0 {
        // A coordinator alone holds nothing: the first that collects has all.
        let collects = config.member.roles.contains(&Role::Collector);
        let first: Vec<_> = collects.then_some(id).into_iter().collect();
        let holders = vec![first; usize::from(shards)];
        let outcomes = participant
            .write(vec![Command::FirstShardMap { holders }])
            .await?;
        if let Some(Outcome::Refused(refusal)) = outcomes.into_iter().next() {
            return Err(refusal.into());
        }
    }
    Ok(id)
}

/// Once the cluster's format has room for it, has the state say what this member can write.
pub(crate) async fn announce(participant: Weak<Participant>, command: Command) {
    loop {
        let Some(member) = participant.upgrade() else {
            return;
        };
        let mut state = member.state.clone();
        let own = member.identity.incarnation;
        drop(member);
        let newest = command_newest(&command);
        let unsaid = |s: &Arc<State>| {
            s.format >= Format::SECOND && s.by_incarnation(own).is_some_and(|(_, m)| m.newest != newest)
        };
        if state.wait_for(unsaid).await.is_err() {
            return;
        }
        drop(state);
        let Some(member) = participant.upgrade() else {
            return;
        };
        if let Err(error) = member.write(vec![command.clone()]).await {
            tracing::debug!(%error, "what this member can write is not said yet");
            if matches!(error, ProposeError::ShuttingDown | ProposeError::Stopped(_)) {
                return;
            }
        }
        drop(member);
        tokio::time::sleep(AGAIN).await;
    }
}

fn command_newest(command: &Command) -> Format {
    match command {
        Command::RegisterMember { newest, .. } => *newest,
        _ => Format::FIRST,
    }
}

/// Registers a member that came back, as soon as the group has a leader: its addresses may be new.
pub(crate) async fn come_back(participant: Arc<Participant>, command: Command) {
    loop {
        let registration = participant.as_known(command.clone());
        match participant.write(vec![in_own_name(registration)]).await {
            Ok(outcomes) => {
                // It was away when the format was raised, did not know that, and does now.
                let raised = |refusal: &Refusal| matches!(refusal, Refusal::TooOld { in_force, .. } if command_newest(&command) >= *in_force);
                if let Some(Outcome::Refused(refusal)) = outcomes.first() {
                    if raised(refusal) {
                        continue;
                    }
                    tracing::error!(%refusal, "the cluster does not take this member back");
                }
                return;
            }
            Err(ProposeError::ShuttingDown | ProposeError::Stopped(_)) => return,
            Err(ProposeError::Members(reason)) => {
                tracing::error!(reason, "the cluster does not take this member back");
                return;
            }
            Err(error) => tracing::warn!(%error, "not registered again yet"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn member_of(outcomes: Vec<Outcome>) -> Result<MemberId, StartError> {
    let mut id = None;
    for outcome in outcomes {
        match outcome {
            Outcome::Member(member) => id = Some(member),
            Outcome::Refused(refusal) => return Err(refusal.into()),
            Outcome::Done | Outcome::Unchanged | Outcome::Epoch(_) => {}
        }
    }
    id.ok_or_else(|| StartError::Consensus("registering gave no member id".to_owned()))
}
