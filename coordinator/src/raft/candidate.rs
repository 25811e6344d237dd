//! Makes a member stand when [`Election`] says so and a majority would vote for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use openraft::metrics::RaftMetrics;
use openraft::{BasicNode, Raft, RaftNetworkFactory, ServerState};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::election::{Election, LEASE, would_vote};
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

type Metrics = RaftMetrics<u64, BasicNode>;

/// Does it lead, as far as it knows, with a majority that listens?
fn leads(metrics: &Metrics) -> bool {
    let heard_within = |ms| Duration::from_millis(ms) <= LEASE;
    metrics.state == ServerState::Leader && metrics.millis_since_quorum_ack.is_none_or(heard_within)
}

/// Would this member vote for one whose log ends there?
pub(super) async fn answer(raft: &Raft<TypeConfig>, heard: &Heard, candidate: Option<LogId>) -> bool {
    if leads(&raft.metrics().borrow()) {
        return false;
    }
    let own = raft.with_raft_state(|state| state.last_log_id().copied()).await;
    own.is_ok_and(|own| would_vote(own, candidate, heard.silent()))
}

/// Asks all others that vote; `true` as soon as a majority would, this member included.
async fn would_win(raft: &Raft<TypeConfig>, mut network: Network) -> bool {
    let Ok(own) = raft.with_raft_state(|state| state.last_log_id().copied()).await else {
        return false;
    };
    let membership = Arc::clone(&raft.metrics().borrow().membership_config);
    let voters = membership.voter_ids().count();
    let (mut asked, mut for_it) = (JoinSet::new(), 1);
    for (id, node) in membership.nodes() {
        if *id != network.own && membership.voter_ids().any(|voter| voter == *id) {
            let peer = network.new_client(*id, node).await;
            asked.spawn(async move { peer.would_vote(own, ASKED_WITHIN).await });
        }
    }
    let enough = async {
        while for_it * 2 <= voters {
            match asked.join_next().await {
                Some(answer) => for_it += usize::from(matches!(answer, Ok(true))),
                None => return false,
            }
        }
        true
    };
    timeout(ASKED_WITHIN, enough).await.unwrap_or(false)
}

/// Stands when it is time, until the member's Raft has ended.
pub(super) async fn stand(raft: Raft<TypeConfig>, network: Network, heard: Heard) {
    let own = network.own;
    let now = || heard.began.elapsed();
    let mut election = Election::default();
    let mut known = heard.leader.load(Ordering::Relaxed);
    election.heard(now(), 0);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let (state, votes, turn) = {
            let metrics = raft.metrics();
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
            let stands = would_win(&raft, network.clone()).await;
            election.asked(now(), stands, rand::random());
            if stands && raft.trigger().elect().await.is_err() {
                return;
            }
        }
    }
}
