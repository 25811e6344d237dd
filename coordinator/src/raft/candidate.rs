//! Makes a member stand when [`Election`] says so and a majority would vote for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use openraft::network::RaftNetworkFactory;
use openraft::storage::RaftLogStorage;
use openraft::{Raft, ServerState};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::election::{Election, LEASE, would_vote};
use super::log_store::LogStore;
use super::network::Network;
use super::{LogId, TypeConfig};

/// A member looks so often.
const LOOK: Duration = Duration::from_millis(25);
/// Whether others would vote is asked for so long.
const ASKED_WITHIN: Duration = Duration::from_millis(300);

/// What others told this member, and when.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    began: Instant,
    /// Milliseconds since it began until a leader called last. Who starts takes it that one just did.
    leader: Arc<AtomicU64>,
    voted: Arc<AtomicBool>,
}

impl Heard {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            leader: Arc::default(),
            voted: Arc::default(),
        }
    }

    /// A leader called.
    pub(super) fn leader(&self) {
        let now = self.began.elapsed().as_millis() as u64;
        self.leader.fetch_max(now, Ordering::Relaxed);
    }

    /// A candidate got this member's vote.
    pub(super) fn voted(&self) {
        self.voted.store(true, Ordering::Relaxed);
    }

    fn silent(&self) -> Duration {
        let last = Duration::from_millis(self.leader.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last)
    }
}

/// A member as those see it who may vote for it, and for whom it may vote.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) raft: Raft<TypeConfig>,
    pub(super) log: LogStore,
    pub(super) network: Network,
    pub(super) heard: Heard,
}

impl Candidate {
    /// Where its log ends; the outer value is `None` if that cannot be read.
    async fn log_end(&self) -> Option<Option<LogId>> {
        let state = self.log.clone().get_log_state().await.ok()?;
        Some(state.last_log_id)
    }

    /// Does it lead, as far as it knows, a majority that listens?
    fn leads(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let listens = |ms| Duration::from_millis(ms) <= LEASE;
        metrics.state == ServerState::Leader && metrics.millis_since_quorum_ack.is_none_or(listens)
    }

    /// Would it vote for one whose log ends there?
    pub(super) async fn answer(&self, candidate: Option<LogId>) -> bool {
        let own = self.log_end().await;
        !self.leads() && own.is_some_and(|own| would_vote(own, candidate, self.heard.silent()))
    }

    /// Asks all others that vote; `true` as soon as a majority would, this member included.
    async fn would_win(&self) -> bool {
        let Some(own) = self.log_end().await else {
            return false;
        };
        let membership = Arc::clone(&self.raft.metrics().borrow().membership_config);
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        let (mut asked, mut for_it) = (JoinSet::new(), 1);
        for (id, node) in membership.nodes() {
            if *id != self.network.own && voters.contains(id) {
                let peer = self.network.clone().new_client(*id, node).await;
                asked.spawn(async move { peer.would_vote(own, ASKED_WITHIN).await });
            }
        }
        while for_it * 2 <= voters.len() {
            match asked.join_next().await {
                Some(answer) => for_it += usize::from(matches!(answer, Ok(true))),
                None => return false,
            }
        }
        true
    }

    /// Stands when it is time, until its Raft has ended.
    pub(super) async fn stand(self) {
        let (own, heard) = (self.network.own, &self.heard);
        let now = || heard.began.elapsed();
        let mut election = Election::default();
        let mut known = heard.leader.load(Ordering::Relaxed);
        election.heard(now(), 0);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let (state, votes, turn) = {
                let metrics = self.raft.metrics();
                let metrics = metrics.borrow();
                let voters = || metrics.membership_config.voter_ids();
                let turn = voters().filter(|voter| *voter < own).count() as u32;
                (metrics.state, voters().any(|voter| voter == own), turn)
            };
            if state == ServerState::Shutdown {
                return;
            }
            let called = heard.leader.load(Ordering::Relaxed);
            let voted = heard.voted.swap(false, Ordering::Relaxed);
            if called != known || voted || state == ServerState::Leader || !votes {
                known = called;
                election.heard(now(), turn);
            }
            if election.look(now(), turn) {
                let stands = self.would_win().await;
                election.asked(now(), stands, rand::random());
                if stands && self.raft.trigger().elect().await.is_err() {
                    return;
                }
            }
        }
    }
}
