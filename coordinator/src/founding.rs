//! Who founds, where all members are started alike: each with the same list of founders, none told to be the first.
//!
//! A blank member (a data folder that was never in a cluster) asks all other founders what they are, again and again:
//!
//! - one is in a cluster: join that;
//! - all of them are reachable, blank, different from each other and from this one, reached where they say they are, and have the same list:
//!   the first of the list (in the order of the alphabet, whatever order it was written in) founds, the others wait until it has;
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

/// One question.
const ASK_WITHIN: Duration = Duration::from_secs(3);
/// Between two rounds.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two lines in the log.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// What a member says of itself to a founder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// It was never in a cluster.
    Blank(Newcomer),
    /// It is in one.
    Member,
}

/// A member that was never in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Newcomer {
    /// Its Raft id, which its folder has alone.
    raft: u64,
    /// Where it says that it is reached.
    advertise: String,
    /// The founders that it was started with, ascending.
    founders: Vec<String>,
}

/// What a member that starts answers founders: nothing until it knows that it is blank.
#[derive(Debug, Default)]
pub(crate) struct Blank(OnceLock<Newcomer>);

impl Blank {
    /// Answers a call that came before this member is in a cluster.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let standing = self.0.get().filter(|_| call.kind == Kind::Standing);
        let encoded = standing.map(|own| encoded(&Standing::Blank(own.clone())));
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
    /// Somebody was started wrongly.
    Wrong(String),
}

/// Decides after a round of asking all others of `own.founders`.
fn decide(own: &Newcomer, answers: &[(&str, Result<Standing, String>)]) -> Round {
    let in_one = answers
        .iter()
        .find(|(_, answer)| matches!(answer, Ok(Standing::Member)));
    if let Some((addr, _)) = in_one {
        return Round::Begin(Begin::Join((*addr).to_owned()));
    }
    let mut known = vec![(own.raft, own.advertise.as_str())];
    for (addr, answer) in answers {
        let Ok(Standing::Blank(theirs)) = answer else {
            continue;
        };
        if let Some(why) = wrong(own, addr, theirs, &known) {
            return Round::Wrong(why);
        }
        known.push((theirs.raft, addr));
    }
    let silent: Vec<String> = answers
        .iter()
        .filter_map(|(_, answer)| answer.as_ref().err().cloned())
        .collect();
    if !silent.is_empty() {
        return Round::Wait(silent.join("; "));
    }
    match own.founders.first() {
        Some(first) if *first != own.advertise => Round::Wait(format!("{first} founds, and has not yet")),
        _ => Round::Begin(Begin::Found),
    }
}

/// Why a blank member is not what it should be. `known`: whoever answered before, and this one.
fn wrong(own: &Newcomer, addr: &str, theirs: &Newcomer, known: &[(u64, &str)]) -> Option<String> {
    if let Some((_, same)) = known.iter().find(|(raft, _)| *raft == theirs.raft) {
        return Some(format!("{addr} and {same} are one and the same member"));
    }
    if theirs.advertise != addr {
        let says = &theirs.advertise;
        return Some(format!("the member at {addr} says that it is reached at {says}"));
    }
    (theirs.founders != own.founders).then(|| {
        format!(
            "{addr} was started with the founders {}, this member with {}: all need the same list",
            theirs.founders.join(","),
            own.founders.join(",")
        )
    })
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
    let mut sorted = founders.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if !sorted.iter().any(|founder| founder == own) {
        return Err(StartError::Join(format!(
            "this member says that it is reached at {own}, which is none of the founders {}",
            founders.join(",")
        )));
    }
    let newcomer = Newcomer {
        raft,
        advertise: own.to_owned(),
        founders: sorted.clone(),
    };
    let _ = blank.0.set(newcomer.clone());
    let others: Vec<&str> = sorted.iter().map(String::as_str).filter(|f| *f != own).collect();
    let mut said = None::<Instant>;
    loop {
        let mut answers = Vec::new();
        for addr in &others {
            answers.push((*addr, ask(peers, raft, addr).await));
        }
        let why = match decide(&newcomer, &answers) {
            Round::Begin(begin) => return Ok(begin),
            Round::Wrong(why) => return Err(StartError::Join(why)),
            Round::Wait(why) => why,
        };
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

    fn newcomer(raft: u64, at: &str, founders: &[&str]) -> Newcomer {
        Newcomer {
            raft,
            advertise: at.to_owned(),
            founders: founders.iter().map(|s| (*s).to_owned()).collect(),
        }
    }

    fn blank(raft: u64, at: &str) -> Standing {
        Standing::Blank(newcomer(raft, at, &["a", "b", "c"]))
    }

    /// Scenario: the answers of two other founders, in all kinds. Guarantee: the first founds only when all others said that they are blank and
    /// have its list; nobody else ever founds; a cluster that is there is joined, whoever is silent.
    #[test]
    fn who_founds() {
        let silent = || Err("b: no answer".to_owned());
        let as_first = |answers: &[(&str, Result<Standing, String>)]| {
            decide(&newcomer(1, "a", &["a", "b", "c"]), answers)
        };
        let found = Round::Begin(Begin::Found);
        assert_eq!(
            as_first(&[("b", Ok(blank(2, "b"))), ("c", Ok(blank(3, "c")))]),
            found
        );
        let wait = as_first(&[("b", silent()), ("c", Ok(blank(3, "c")))]);
        assert!(matches!(wait, Round::Wait(why) if why.contains("no answer")));
        let join = Round::Begin(Begin::Join("c".to_owned()));
        assert_eq!(as_first(&[("b", silent()), ("c", Ok(Standing::Member))]), join);
        assert_eq!(
            as_first(&[("b", Ok(blank(2, "b"))), ("c", Ok(Standing::Member))]),
            join
        );
        let second = decide(
            &newcomer(2, "b", &["a", "b", "c"]),
            &[("a", Ok(blank(1, "a"))), ("c", Ok(blank(3, "c")))],
        );
        assert!(matches!(second, Round::Wait(why) if why.contains("a founds")));
        assert_eq!(decide(&newcomer(1, "a", &["a"]), &[]), found, "alone");
    }

    /// Scenario: another list; a member that says that it is reached elsewhere (one settings file for all, with one address); one address that
    /// leads back to oneself, or two that lead to one member. Guarantee: nobody founds, and each is named.
    #[test]
    fn who_was_started_wrongly_is_named() {
        let wrong = |answers: &[(&str, Result<Standing, String>)], what: &str| {
            let round = decide(&newcomer(1, "a", &["a", "b", "c"]), answers);
            assert!(
                matches!(&round, Round::Wrong(why) if why.contains(what)),
                "{round:?}"
            );
        };
        let other = Ok(Standing::Blank(newcomer(3, "c", &["a", "c"])));
        wrong(&[("b", Ok(blank(2, "b"))), ("c", other)], "a,c");
        wrong(
            &[("b", Ok(blank(2, "a"))), ("c", Ok(blank(3, "c")))],
            "reached at a",
        );
        wrong(
            &[("b", Ok(blank(1, "b"))), ("c", Ok(blank(3, "c")))],
            "one and the same",
        );
        wrong(
            &[("b", Ok(blank(2, "b"))), ("c", Ok(blank(2, "c")))],
            "b are one and the same",
        );
    }
}
