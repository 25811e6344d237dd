//! How a group is, and its gauges.

use std::collections::BTreeSet;
use std::time::Duration;

use super::group::Group;
use crate::metrics::Metrics;

/// How the group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) term: u64,
    pub(crate) last_log_index: u64,
    pub(crate) applied_index: u64,
    pub(crate) leader: Option<u64>,
    pub(crate) is_leader: bool,
    /// Raft ids of those that vote, and of those that only follow.
    pub(crate) voters: BTreeSet<u64>,
    pub(crate) learners: BTreeSet<u64>,
    /// For how long the leader of several voters has heard of no majority.
    pub(crate) alone_for: Option<Duration>,
    /// Why consensus stopped, if it did.
    pub(crate) stopped: Option<String>,
}

impl Group {
    /// How the group is now.
    pub(crate) fn status(&self) -> Status {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let voters: BTreeSet<u64> = metrics.membership_config.membership().voter_ids().collect();
        let leads = metrics.current_leader == Some(self.id) && voters.len() > 1;
        let heard = metrics.millis_since_quorum_ack.filter(|_| leads);
        Status {
            term: metrics.current_term,
            last_log_index: metrics.last_log_index.unwrap_or(0),
            applied_index: metrics.last_applied.map_or(0, |id| id.index),
            leader: metrics.current_leader,
            is_leader: metrics.current_leader == Some(self.id),
            voters,
            alone_for: heard.map(Duration::from_millis),
            learners: metrics.membership_config.membership().learner_ids().collect(),
            stopped: metrics.running_state.as_ref().err().map(ToString::to_string),
        }
    }

    /// Keeps the gauges up to date until the group stops.
    pub(crate) fn report(&self, to: Metrics) {
        let (mut metrics, id) = (self.raft.metrics(), self.id);
        tokio::spawn(async move {
            loop {
                {
                    let now = metrics.borrow_and_update();
                    to.term.set(now.current_term as i64);
                    to.last_log_index.set(now.last_log_index.unwrap_or(0) as i64);
                    to.applied_index
                        .set(now.last_applied.map_or(0, |applied| applied.index) as i64);
                    to.is_leader.set(i64::from(
                        now.current_leader == Some(id) && now.running_state.is_ok(),
                    ));
                }
                if metrics.changed().await.is_err() {
                    break;
                }
            }
            to.is_leader.set(0);
        });
    }
}
