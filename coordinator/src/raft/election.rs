//! When a member stands for leader (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 5.2: a timeout with chance in it).
//!
//! openraft 0.9 does it worse than could be: it draws its timeout once a process, adds the leader's lease each time, and a member whose log was the shorter one
//! when it stood last waits twice as long again, however long ago that was; where leaders died one after the other, the next was followed after 2 to 5 s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::{Raft, ServerState};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::TypeConfig;

/// For so long after a leader's last call a member votes for no other: openraft's lease.
pub(super) const LEASE: Duration = Duration::from_millis(500);
/// Silence after which the member whose turn is first stands. Beyond the lease, so that others have ceased to wait for the leader too.
const PATIENCE: Duration = Duration::from_millis(650);
/// The turns of others are later by so much each: one that stands has won before the next would.
const TURN: Duration = Duration::from_millis(100);
/// Until a member whose election came to nothing stands again: at first so long or up to twice, then longer each time. Two that stood together hardly do twice,
/// and votes come through slow disks and lines in the end.
const AGAIN: Duration = Duration::from_millis(300);
const AGAIN_DOUBLED: u32 = 3;
/// A member looks so often.
const LOOK: Duration = Duration::from_millis(25);
/// One that did not look for so long was itself stopped: it listens first.
const STOPPED: Duration = Duration::from_millis(250);

/// When one member stands. Times are since some fixed moment; `turn` is its place among those that vote.
#[derive(Debug, Default)]
struct Election {
    looked: Duration,
    stand: Duration,
    tries: u32,
}

impl Election {
    /// There is a leader, or a candidate that got this member's vote.
    fn heard(&mut self, now: Duration, turn: u32) {
        self.tries = 0;
        self.stand = now + PATIENCE + TURN * turn;
    }

    /// Shall it stand now? `chance` is any number, another one each time.
    fn look(&mut self, now: Duration, turn: u32, chance: u32) -> bool {
        if now.saturating_sub(self.looked) > STOPPED {
            self.stand = self.stand.max(now + PATIENCE + TURN * turn);
        }
        self.looked = now;
        if now < self.stand {
            return false;
        }
        let again = AGAIN * 2_u32.pow(self.tries.min(AGAIN_DOUBLED));
        self.stand = now + again + again * (chance % 1_000) / 1_000;
        self.tries += 1;
        true
    }
}

/// That a leader called this member, or a candidate got its vote.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

impl Heard {
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Makes a member stand when its turn is, until its Raft has ended.
pub(super) async fn stand(raft: Raft<TypeConfig>, id: u64, heard: Heard) {
    let began = Instant::now();
    let mut election = Election::default();
    election.heard(Duration::ZERO, 0);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let now = began.elapsed();
        let (state, votes, turn) = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow();
            let voters = || metrics.membership_config.voter_ids();
            let turn = voters().filter(|voter| *voter < id).count() as u32;
            (metrics.state, voters().any(|voter| voter == id), turn)
        };
        if state == ServerState::Shutdown {
            return;
        }
        if heard.take() || state == ServerState::Leader || !votes {
            election.heard(now, turn);
        }
        if election.look(now, turn, rand::random()) && raft.trigger().elect().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    /// When it stands next, looked at every 25 ms from `from` on.
    fn next(election: &mut Election, from: Duration, turn: u32) -> Duration {
        let mut now = from;
        while !election.look(now, turn, 0) {
            now += LOOK;
        }
        now
    }

    /// Guarantee: who hears its leader never stands, and its silence is longer than any voter's lease.
    #[test]
    fn nobody_stands_beside_a_leader() {
        let mut election = Election::default();
        let mut now = Duration::ZERO;
        for _ in 0..1_000 {
            election.heard(now, 0);
            for _ in 0..20 {
                assert!(!election.look(now, 0, 0));
                now += LOOK;
            }
        }
        election.heard(now, 0);
        assert!(next(&mut election, now, 0) - now > LEASE);
    }

    /// Guarantee: a process that was stopped listens before it stands.
    #[test]
    fn who_was_stopped_listens_first() {
        let mut election = Election::default();
        election.heard(Duration::ZERO, 2);
        assert!(!election.look(LOOK, 2, 0));
        let back = Duration::from_secs(60);
        assert_eq!(next(&mut election, back, 2), back + PATIENCE + TURN * 2);
    }

    proptest! {
        /// Guarantee: members that hear nobody, and began with the same turn, do not stand together for ever.
        #[test]
        fn two_do_not_stand_together_for_ever(seed: u64) {
            let mut chances = seed;
            let mut chance = || {
                chances = chances.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (chances >> 33) as u32
            };
            let mut members = [(); 3].map(|()| Election::default());
            members.iter_mut().for_each(|member| member.heard(Duration::ZERO, 0));
            let mut stood: Vec<(Duration, usize)> = Vec::new();
            let mut now = Duration::ZERO;
            while now < Duration::from_secs(20) {
                for (at, member) in members.iter_mut().enumerate() {
                    if now.as_millis() % LOOK.as_millis() == at as u128 * 7 && member.look(now, 0, chance()) {
                        stood.push((now, at));
                    }
                }
                now += STEP;
            }
            let clear = |at: usize| {
                let apart = |other: usize| stood.get(other).is_none_or(|(t, _)| t.abs_diff(stood[at].0) > Duration::from_millis(60));
                apart(at + 1) && (at == 0 || apart(at - 1))
            };
            let first = (0..stood.len()).find(|at| clear(*at)).expect("one stands alone");
            prop_assert!(stood[first].0 < Duration::from_secs(3), "alone at {:?} first", stood[first].0);
        }
    }
}
