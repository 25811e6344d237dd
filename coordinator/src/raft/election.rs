//! When a member stands for leader: after a silence with chance in it (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 5.2), and only if
//! a majority says before that it would vote for it (Ongaro, "Consensus: Bridging Theory and Practice", 9.6): one that is cut off, or behind, ends no leader's term.
//!
//! openraft 0.9 has no such question, draws its timeout once a process, adds the leader's lease each time, and a member whose log was the shorter one when it stood
//! last waits twice as long again, however long ago that was; where leaders died one after the other, the next was followed after 2 to 5 s.

use std::time::Duration;

use super::LogId;

/// For so long after a leader's last call a member votes for no other: openraft's lease.
pub(super) const LEASE: Duration = Duration::from_millis(500);
/// Silence after which the member whose turn is first stands. Beyond the lease, so that others have ceased to wait for the leader too.
const PATIENCE: Duration = Duration::from_millis(650);
/// The turns of others are later by so much each: one that stands has won before the next would.
const TURN: Duration = Duration::from_millis(100);
/// Until a member that no majority would have voted for asks again, or up to twice as long.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Until one whose election came to nothing stands again: at first so long or up to twice, then longer each time. Two that stood together hardly do twice,
/// and votes come through slow disks and lines in the end.
const STAND_AGAIN: Duration = Duration::from_millis(300);
const DOUBLED: u32 = 3;
/// A member that did not look for so long was itself stopped: it listens first.
const STOPPED: Duration = Duration::from_millis(250);

/// When one member stands. Times are since some fixed moment; `turn` is its place among those that vote, `chance` any number, another one each time.
#[derive(Debug, Default)]
pub(super) struct Election {
    looked: Duration,
    ask: Duration,
    tries: u32,
}

impl Election {
    /// There is a leader, or a candidate that got this member's vote.
    pub(super) fn heard(&mut self, now: Duration, turn: u32) {
        self.tries = 0;
        self.ask = now + PATIENCE + TURN * turn;
    }

    /// Shall it ask the others now whether they would vote for it?
    pub(super) fn look(&mut self, now: Duration, turn: u32) -> bool {
        if now.saturating_sub(self.looked) > STOPPED {
            self.ask = self.ask.max(now + PATIENCE + TURN * turn);
        }
        self.looked = now;
        now >= self.ask
    }

    /// It asked; if a majority would, it stands.
    pub(super) fn asked(&mut self, now: Duration, stands: bool, chance: u32) {
        let again = if stands {
            STAND_AGAIN * 2_u32.pow(self.tries.min(DOUBLED))
        } else {
            ASK_AGAIN
        };
        self.tries += u32::from(stands);
        self.looked = now;
        self.ask = now + again + again * (chance % 1_000) / 1_000;
    }
}

/// Would a member vote for another one? `silent` says for how long it has heard no leader.
pub(super) fn would_vote(own: Option<LogId>, candidate: Option<LogId>, silent: Duration) -> bool {
    silent > LEASE && candidate >= own
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_millis(1);
    const LOOK: Duration = Duration::from_millis(25);

    /// When it asks next, looked at every 25 ms from `from` on.
    fn next(election: &mut Election, from: Duration, turn: u32) -> Duration {
        let mut now = from;
        while !election.look(now, turn) {
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
                assert!(!election.look(now, 0));
                now += LOOK;
            }
        }
        election.heard(now, 0);
        assert!(next(&mut election, now, 0) > now + LEASE);
    }

    /// Guarantee: a process that was stopped listens before it stands.
    #[test]
    fn who_was_stopped_listens_first() {
        let mut election = Election::default();
        election.heard(Duration::ZERO, 2);
        assert!(!election.look(LOOK, 2));
        let back = Duration::from_mins(1);
        assert_eq!(next(&mut election, back, 2), back + PATIENCE + TURN * 2);
    }

    /// Guarantee: nobody would vote beside a leader, nor for a shorter log.
    #[test]
    fn votes_are_for_those_who_can_lead() {
        let log = |index| Some(LogId::new(openraft::CommittedLeaderId::new(3, 1), index));
        let silent = LEASE + STEP;
        assert!(
            would_vote(log(7), log(7), silent)
                && would_vote(None, None, silent)
                && would_vote(log(7), log(8), silent)
        );
        assert!(
            !would_vote(log(7), log(7), LEASE)
                && !would_vote(log(8), log(7), silent)
                && !would_vote(log(8), None, silent)
        );
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
            for member in &mut members {
                member.heard(Duration::ZERO, 0);
            }
            let mut stood: Vec<(Duration, usize)> = Vec::new();
            let mut now = Duration::ZERO;
            while now < Duration::from_secs(30) {
                for (at, member) in members.iter_mut().enumerate() {
                    if now.as_millis() % LOOK.as_millis() == at as u128 * 7 && member.look(now, 0) {
                        member.asked(now, true, chance());
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
            prop_assert!(stood[first].0 < Duration::from_secs(10), "alone at {:?} first", stood[first].0);
        }
    }
}
