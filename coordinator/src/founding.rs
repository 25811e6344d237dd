//! Who founds, where all members are started alike: each with the same list of founders, none told to be the first.
//!
//! A blank member (a data folder that was never in a cluster) asks all other founders what they are, again and again:
//!
//! - one is in a cluster: join that;
//! - all of them are reachable and blank, and have the same list: the first of the list founds, the others wait until it has;
//! - else wait: whoever cannot be reached may be in the cluster.
//!
//! So a founder whose disk was lost comes back into the cluster that is there, and founds no second one beside it, however many of the
//! others are away: it would have to hear from each that it is blank too. That takes the others' word; Consul's `bootstrap_expect` counts
//! servers in the same way, but asks only whether they have a Raft configuration.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Neighbours;
use crate::error::StartError;
use crate::participant::{decoded, encoded};
use crate::peers::{Answer, Call, Kind, PeerError, Peers};
use crate::raft::Identity;
use crate::state::Incarnation;

/// How long a blank member waits for the others.
const FOUND_WITHIN: Duration = Duration::from_mins(2);
/// One question.
const ASK_WITHIN: Duration = Duration::from_secs(3);
/// Between two rounds.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two lines in the log.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// What a member says of itself to a founder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// It was never in a cluster. The founders that it was started with, ascending.
    Blank(Vec<String>),
    /// It is in one.
    Member,
}

/// What a member that starts answers founders: nothing until it knows that it is blank.
#[derive(Debug, Default)]
pub(crate) struct Blank(OnceLock<Vec<String>>);

impl Blank {
    /// Answers a call that came before this member is in a cluster.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let standing = self.0.get().filter(|_| call.kind == Kind::Standing);
        let encoded = standing.map(|list| encoded(&Standing::Blank(list.clone())));
        match encoded {
            Some(Ok(body)) => Answer::Done(body),
            _ => Answer::Unavailable("this member is starting".to_owned()),
        }
    }
}

/// What a blank member is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Begin {
    /// Found the cluster.
    Found,
    /// Join the one that this member is in.
    Join(String),
}

/// One round of answers.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    Begin(Begin),
    /// Waits, and why.
    Wait(String),
    /// Others were started with another list.
    Differs(String),
}

/// Decides after a round. `own` is in `founders`, which are ascending.
fn decide(
    own: &str,
    founders: &[String],
    first: &str,
    answers: &[(&str, Result<Standing, String>)],
) -> Round {
    let in_one = answers
        .iter()
        .find(|(_, answer)| matches!(answer, Ok(Standing::Member)));
    if let Some((addr, _)) = in_one {
        return Round::Begin(Begin::Join((*addr).to_owned()));
    }
    for (addr, answer) in answers {
        if let Ok(Standing::Blank(theirs)) = answer
            && theirs != founders
        {
            return Round::Differs(format!(
                "{addr} was started with the founders {}, this member with {}: all need the same list",
                theirs.join(","),
                founders.join(",")
            ));
        }
    }
    let silent: Vec<String> = answers
        .iter()
        .filter_map(|(_, answer)| answer.as_ref().err().cloned())
        .collect();
    if !silent.is_empty() {
        return Round::Wait(silent.join("; "));
    }
    if own == first {
        return Round::Begin(Begin::Found);
    }
    Round::Wait(format!("{first} founds, and has not yet"))
}

/// Whom a member with a new folder asks to be taken in; `None`: it founds the cluster.
pub(crate) async fn way_in(
    peers: &Peers,
    identity: &Identity,
    neighbours: &Neighbours,
) -> Result<Option<Vec<String>>, StartError> {
    let (own, founders) = (&neighbours.advertise, &neighbours.founders);
    let others = founders.iter().filter(|founder| *founder != own).cloned();
    // It was registered and stopped before it was taken in: there is a cluster, which knows it.
    if identity.member.is_some() {
        return Ok(Some(others.collect()));
    }
    match begin(peers, identity.raft, own, founders, neighbours.calls.blank()).await? {
        Begin::Found => Ok(None),
        Begin::Join(at) => {
            let rest = others.filter(|other| *other != at);
            Ok(Some(std::iter::once(at.clone()).chain(rest).collect()))
        }
    }
}

/// Waits until this blank member knows whether it founds or joins. Answers others' questions meanwhile, through `blank`.
async fn begin(
    peers: &Peers,
    raft: u64,
    own: &str,
    founders: &[String],
    blank: &Arc<Blank>,
) -> Result<Begin, StartError> {
    let first = founders.first().cloned().unwrap_or_default();
    let mut sorted = founders.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if !sorted.iter().any(|founder| founder == own) {
        return Err(StartError::Join(format!(
            "this member says that it is reached at {own}, which is none of the founders {}",
            founders.join(",")
        )));
    }
    let _ = blank.0.set(sorted.clone());
    let others: Vec<&str> = sorted.iter().map(String::as_str).filter(|f| *f != own).collect();
    let until = Instant::now() + FOUND_WITHIN;
    let mut said = None::<Instant>;
    loop {
        let mut answers = Vec::new();
        for addr in &others {
            answers.push((*addr, ask(peers, raft, addr).await));
        }
        let why = match decide(own, &sorted, &first, &answers) {
            Round::Begin(begin) => return Ok(begin),
            Round::Differs(why) => return Err(StartError::Join(why)),
            Round::Wait(why) => why,
        };
        if Instant::now() >= until {
            return Err(StartError::Join(format!(
                "no cluster is there, and none can be founded until all founders are: {why}"
            )));
        }
        if said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            tracing::info!(why, "waits for the other founders");
            said = Some(Instant::now());
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn ask(peers: &Peers, raft: u64, addr: &str) -> Result<Standing, String> {
    let call = Call {
        kind: Kind::Standing,
        cluster: Incarnation::default(),
        from: raft,
        body: Bytes::new(),
    };
    let answer = peers.call(addr, &call, ASK_WITHIN).await;
    let answer = answer.map_err(|e: PeerError| e.to_string())?;
    decoded(&answer).map_err(|e| format!("{addr}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(of: &[&str]) -> Vec<String> {
        of.iter().map(|s| (*s).to_owned()).collect()
    }

    /// Scenario: the answers of two other founders, in all kinds. Guarantee: the first founds only when all others said that they are blank and
    /// have its list; nobody else ever founds; a cluster that is there is joined, whoever is silent.
    #[test]
    fn who_founds() {
        let all = list(&["a", "b", "c"]);
        let blank = || Ok(Standing::Blank(all.clone()));
        let silent = || Err("b: no answer".to_owned());
        let as_first = |answers: &[(&str, Result<Standing, String>)]| decide("a", &all, "a", answers);
        assert_eq!(
            as_first(&[("b", blank()), ("c", blank())]),
            Round::Begin(Begin::Found)
        );
        assert!(
            matches!(as_first(&[("b", silent()), ("c", blank())]), Round::Wait(why) if why.contains("no answer"))
        );
        let join = Round::Begin(Begin::Join("c".to_owned()));
        assert_eq!(as_first(&[("b", silent()), ("c", Ok(Standing::Member))]), join);
        assert_eq!(as_first(&[("b", blank()), ("c", Ok(Standing::Member))]), join);
        let other = Ok(Standing::Blank(list(&["a", "c"])));
        assert!(
            matches!(as_first(&[("b", blank()), ("c", other)]), Round::Differs(why) if why.contains("a,c"))
        );
        let second = decide("b", &all, "a", &[("a", blank()), ("c", blank())]);
        assert!(matches!(second, Round::Wait(why) if why.contains("a founds")));
    }

    /// Scenario: a founder list of one. Guarantee: it founds at once.
    #[test]
    fn alone() {
        assert_eq!(decide("a", &list(&["a"]), "a", &[]), Round::Begin(Begin::Found));
    }
}
