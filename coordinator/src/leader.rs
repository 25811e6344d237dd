//! What the leader does by itself: proposes what the planner decides, and lets followers vote where voters are missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use placement::Change;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::participant::Participant;
use crate::planner::{Planner, Silence};
use crate::state::{Command, MemberId, Outcome, Role, State};

/// Between two looks when nothing changed: silence has no event.
const LOOK: Duration = Duration::from_secs(1);
/// Who follows for so long is not being taken in any more.
const FOLLOWS: Duration = Duration::from_secs(30);
/// Each follower is asked for a sign of life at every look, and has so long to give it.
const SIGN_WITHIN: Duration = Duration::from_secs(2);
/// Who gave none for so long is silent.
const ANSWERS: Duration = Duration::from_millis(3_500);
/// After a change, so that several are looked at together.
const SETTLE: Duration = Duration::from_millis(100);

/// Who does not follow the log, or does not answer while there is nothing to follow; since when.
#[derive(Debug, Default)]
struct Followers {
    /// The log's last index one look ago: who follows has that by now.
    before: u64,
    silent_since: BTreeMap<u64, Instant>,
    /// Since when each follows, as far as this leader knows.
    seen: BTreeMap<u64, Instant>,
    /// When each last answered a call.
    heard: BTreeMap<u64, Instant>,
}

impl Followers {
    /// Looks at how far each follower has the log; at most once a [`LOOK`].
    fn look(&mut self, now: Instant, last_index: u64, matched: &BTreeMap<u64, u64>) {
        self.silent_since.retain(|id, _| matched.contains_key(id));
        self.seen.retain(|id, _| matched.contains_key(id));
        self.heard.retain(|id, _| matched.contains_key(id));
        for (id, index) in matched {
            self.seen.entry(*id).or_insert(now);
            // Nothing heard of it yet, and it has just come: that is no silence.
            let heard = self.heard.get(id).or_else(|| self.seen.get(id));
            let answers = heard.is_some_and(|t| now.saturating_duration_since(*t) < ANSWERS);
            if *index >= self.before && answers {
                self.silent_since.remove(id);
            } else {
                self.silent_since.entry(*id).or_insert(now);
            }
        }
        self.before = last_index;
    }

    fn silence(&self, now: Instant, state: &State) -> Silence {
        let silent = self.silent_since.iter();
        silent
            .filter_map(|(raft, since)| {
                Some((state.by_raft(*raft)?.0, now.saturating_duration_since(*since)))
            })
            .collect()
    }
}

/// Works while this member leads, for as long as there is that member.
pub(crate) async fn lead(member: Weak<Participant>, mut state: watch::Receiver<Arc<State>>) {
    let (mut planner, mut followers) = (Planner::default(), Followers::default());
    let mut looked = Instant::now();
    let mut signs = Signs::default();
    loop {
        let changed = tokio::time::timeout(LOOK, state.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return;
        }
        tokio::time::sleep(SETTLE).await;
        let Some(member) = member.upgrade() else {
            return;
        };
        let now = Arc::clone(&state.borrow_and_update());
        let Some(matched) = member.group.followers() else {
            (planner, followers) = (Planner::default(), Followers::default());
            continue;
        };
        let at = Instant::now();
        for raft in signs.given() {
            followers.heard.insert(raft, at);
        }
        if at.duration_since(looked) >= LOOK {
            signs.ask(&member, matched.keys());
            followers.look(at, member.group.status().last_log_index, &matched);
            looked = at;
        }
        let silent = followers.silence(at, &now);
        let settled = |raft: u64| {
            followers
                .seen
                .get(&raft)
                .is_some_and(|t| at.duration_since(*t) >= FOLLOWS)
        };
        if let Some(raft) = next_voter(&now, &member, &silent, settled) {
            match member.group.promote(raft).await {
                Ok(()) => tracing::info!(raft_id = format!("{raft:016x}"), "a follower votes from now on"),
                Err(error) => tracing::debug!(%error, "a follower does not vote yet"),
            }
        }
        let plan = move || {
            let commands = planner.decide(&now, &silent);
            (planner, commands)
        };
        let Ok((kept, commands)) = tokio::task::spawn_blocking(plan).await else {
            tracing::error!("the planner panicked");
            return;
        };
        planner = kept;
        if !commands.is_empty() {
            propose(&member, commands).await;
        }
    }
}

/// Signs of life that were asked for. The log alone would not tell: a dead follower of a group that writes nothing has all of it.
#[derive(Debug, Default)]
struct Signs {
    asked: BTreeSet<u64>,
    answers: JoinSet<(u64, bool)>,
}

impl Signs {
    /// Asks those that have none to give yet.
    fn ask<'a>(&mut self, member: &Arc<Participant>, followers: impl Iterator<Item = &'a u64>) {
        for raft in followers.copied() {
            if !self.asked.insert(raft) {
                continue;
            }
            let member = Arc::clone(member);
            self.answers
                .spawn(async move { (raft, member.gives_sign(raft, SIGN_WITHIN).await) });
        }
    }

    /// Who gave one since the last look.
    fn given(&mut self) -> Vec<u64> {
        let mut given = Vec::new();
        while let Some(answer) = self.answers.try_join_next() {
            if let Ok((raft, sign)) = answer {
                self.asked.remove(&raft);
                given.extend(sign.then_some(raft));
            }
        }
        given
    }
}

async fn propose(member: &Participant, commands: Vec<Command>) {
    let begins = |c: &Command| {
        matches!(
            c,
            Command::ChangeShard {
                change: Change::Begin(_),
                ..
            }
        )
    };
    let begin = commands.iter().filter(|c| begins(c)).count();
    let given_up = commands.len() - begin;
    match member.group.write(commands).await {
        Ok((_, outcomes)) => {
            let refused = outcomes.iter().find_map(|o| match o {
                Outcome::Refused(refusal) => Some(refusal.to_string()),
                _ => None,
            });
            tracing::info!(begin, given_up, refused, "shards move");
        }
        Err(error) => tracing::debug!(%error, "moves of shards were not proposed"),
    }
}

/// A coordinator that only follows, though there is room among the voters: another one was taken out, or it came while there was none.
fn next_voter(
    state: &State,
    member: &Participant,
    silent: &Silence,
    settled: impl Fn(u64) -> bool,
) -> Option<u64> {
    let status = member.group.status();
    let voters: BTreeSet<MemberId> = status
        .voters
        .iter()
        .filter_map(|r| state.by_raft(*r).map(|m| m.0))
        .collect();
    if status.voters.len() >= crate::raft::VOTERS_MAX {
        return None;
    }
    let mut waiting = state.members.iter().filter(|(id, m)| {
        let follows = status.learners.contains(&m.raft.0) && !voters.contains(id);
        follows
            && !m.removed
            && m.roles.contains(&Role::Coordinator)
            && !silent.contains_key(id)
            && settled(m.raft.0)
    });
    waiting.next().map(|(_, m)| m.raft.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: two follow; one stops while nothing is written, then something is, then it comes back; one is taken out. Guarantee: silence is
    /// noticed once there was something to say, lasts from then, and ends; who is no follower is not silent.
    #[test]
    fn silence_is_not_having_the_log() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let of = |a, b| BTreeMap::from([(1, a), (2, b)]);
        let mut f = Followers::default();
        let hears = |f: &mut Followers, s| f.heard = [(1, at(s)), (2, at(s))].into();
        hears(&mut f, 6);
        f.look(at(0), 10, &of(10, 9));
        f.look(at(1), 10, &of(10, 10));
        assert!(f.silent_since.is_empty());
        f.look(at(2), 11, &of(10, 10));
        assert!(f.silent_since.is_empty(), "this second's entry may be under way");
        f.look(at(3), 11, &of(11, 10));
        f.look(at(5), 30, &of(11, 10));
        assert_eq!(f.silent_since, BTreeMap::from([(2, at(3))]));
        f.look(at(6), 30, &of(30, 30));
        assert!(f.silent_since.is_empty());
        f.look(at(7), 30, &BTreeMap::from([(1, 0)]));
        f.look(at(8), 30, &BTreeMap::new());
        assert!(f.silent_since.is_empty());
    }

    /// Scenario: two follow and have all there is; one answers no more while nothing is written, and comes back. Guarantee: it is silent a few
    /// seconds after its last sign of life, from then on, until the next; the other never is, nor is one that has just come.
    #[test]
    fn silence_is_giving_no_sign_of_life() {
        let start = Instant::now();
        let at = |s| start + Duration::from_secs(s);
        let of = BTreeMap::from([(1, 10), (2, 10)]);
        let mut f = Followers::default();
        f.look(at(0), 10, &of);
        assert!(f.silent_since.is_empty(), "they have just come");
        for s in 1..10 {
            f.heard.insert(1, at(s));
            if s < 3 {
                f.heard.insert(2, at(s));
            }
            f.look(at(s), 10, &of);
        }
        assert_eq!(f.silent_since, BTreeMap::from([(2, at(6))]));
        f.heard.insert(1, at(10));
        f.heard.insert(2, at(10));
        f.look(at(10), 10, &of);
        assert!(f.silent_since.is_empty());
    }
}
