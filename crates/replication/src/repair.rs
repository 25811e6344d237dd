//! Comparing two replicas of a shard and copying what is missing, both ways (anti-entropy).
//!
//! ```text
//! Buckets -> differing buckets -> Sources -> differing sources -> List -> what they have: Fetch, Data, written
//!         -> Gaps, if these differ                                     -> what they lack: Copy
//! ```
//!
//! One question is under way at a time. When the last answer is written, this member holds everything that the peer held
//! when it gave its first answer: that is what a move counts ([`crate::Moves`]). Equal digests are equal sets: the sum of
//! 128-bit hashes of identity and content.

mod answer;
mod pull;

pub use answer::answer;
pub(crate) use pull::{Pull, Step};

use crate::action::Action;
use crate::bugs::{Bug, Bugs};
use crate::held::Held;
use crate::message::{Answer, Message, Question};
use crate::section::Section;
use event::Shard;
use placement::MemberId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Entries of one answer.
pub const LIST_MAX: usize = 4096;

/// Bounds and waits.
#[derive(Clone, Copy, Debug)]
pub struct RepairConfig {
    /// Comparisons under way.
    pub at_once: usize,
    /// Bytes fetched by one question.
    pub fetch_bytes_max: u64,
    /// When an unanswered comparison is given up.
    pub timeout: Duration,
}

impl Default for RepairConfig {
    fn default() -> Self {
        Self {
            at_once: 16,
            fetch_bytes_max: 2 << 20,
            timeout: Duration::from_secs(10),
        }
    }
}

/// What happened, counted from the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepairCounts {
    /// Comparisons that ended.
    pub compared: u64,
    /// Of these, those that found nothing to copy.
    pub equal: u64,
    /// Comparisons that were given up.
    pub given_up: u64,
    /// Batches and gaps fetched.
    pub fetched: u64,
    /// Batches and gaps given.
    pub given: u64,
}

/// A comparison that ended: this member now holds, synced, all that `peer` held after it had adopted the map `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Of which shard.
    pub shard: Shard,
    /// With whom.
    pub peer: MemberId,
    /// The map that the peer had durably adopted before.
    pub epoch: u64,
    /// The peer's disk never lost what it held.
    pub whole: bool,
}

/// Comparisons under way.
#[derive(Debug)]
pub struct Repair {
    config: RepairConfig,
    bugs: Bugs,
    last: u64,
    pulls: BTreeMap<u64, Pull>,
    counts: RepairCounts,
}

impl Repair {
    /// `life` makes the numbers of questions differ from those of an earlier start.
    pub fn new(config: RepairConfig, life: u64, bugs: Bugs) -> Self {
        Self {
            config,
            bugs,
            last: life,
            pulls: BTreeMap::new(),
            counts: RepairCounts::default(),
        }
    }

    /// What happened.
    pub fn counts(&self) -> RepairCounts {
        self.counts
    }

    /// Compares a shard with a peer, unless that is under way, or too much is.
    pub fn start(&mut self, now: Duration, shard: Shard, peer: MemberId) -> Vec<Action> {
        let under_way = self.pulls.values().any(|p| (p.shard, p.peer) == (shard, peer));
        if under_way || self.is_full() {
            return Vec::new();
        }
        let pull = Pull::new(now, shard, peer, self.config.fetch_bytes_max);
        vec![self.ask(pull, Question::Buckets)]
    }

    /// Is so much under way that nothing more begins?
    pub(crate) fn is_full(&self) -> bool {
        self.pulls.len() >= self.config.at_once
    }

    fn ask(&mut self, pull: Pull, question: Question) -> Action {
        self.last += 1;
        let (to, shard, ask) = (pull.peer, pull.shard, self.last);
        self.pulls.insert(ask, pull);
        let message = Message::Ask { ask, shard, question };
        Action::Send { to, message }
    }

    /// An answer came. The sections are to be written for this question, by the replica.
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        from: MemberId,
        ask: u64,
        map_epoch: u64,
        answer: Answer,
        held: &dyn Held,
    ) -> (Vec<Action>, Vec<Section>, Option<Pulled>) {
        let expected = self.pulls.get(&ask).is_some_and(|p| p.peer == from && !p.writing);
        if !expected {
            return Default::default();
        }
        let Some(mut pull) = self.pulls.remove(&ask) else {
            return Default::default();
        };
        let step = pull.answered(now, answer, held);
        let mut actions = Vec::new();
        let give = std::mem::take(&mut pull.give);
        if !give.is_empty() {
            self.counts.given += give.len() as u64;
            let message = Message::Copy {
                copy: 0,
                epoch: map_epoch,
                sections: give,
            };
            actions.push(Action::Send { to: from, message });
        }
        let (mut write, mut pulled) = (Vec::new(), None);
        match step {
            Step::Ask(question) => actions.push(self.ask(pull, question)),
            Step::Write(sections) => {
                self.counts.fetched += sections.len() as u64;
                write = sections;
                if self.bugs.has(Bug::CopyBeforeSync) {
                    let step = pull.written(now, held);
                    match step {
                        Step::Ask(question) => actions.push(self.ask(pull, question)),
                        _ => pulled = Some(self.end(&pull)),
                    }
                } else {
                    self.pulls.insert(ask, pull);
                }
            }
            Step::Done => pulled = Some(self.end(&pull)),
            Step::Failed => self.counts.given_up += 1,
        }
        (actions, write, pulled)
    }

    /// What an answer brought is on disk.
    pub(crate) fn written(
        &mut self,
        now: Duration,
        ask: u64,
        held: &dyn Held,
    ) -> (Vec<Action>, Option<Pulled>) {
        let Some(mut pull) = self.pulls.remove(&ask) else {
            return Default::default();
        };
        match pull.written(now, held) {
            Step::Ask(question) => (vec![self.ask(pull, question)], None),
            Step::Done => (Vec::new(), Some(self.end(&pull))),
            Step::Write(_) | Step::Failed => {
                self.counts.given_up += 1;
                Default::default()
            }
        }
    }

    fn end(&mut self, pull: &Pull) -> Pulled {
        self.counts.compared += 1;
        self.counts.equal += u64::from(!pull.differed);
        Pulled {
            shard: pull.shard,
            peer: pull.peer,
            epoch: pull.epoch,
            whole: pull.whole,
        }
    }

    /// Gives up what makes no progress.
    pub fn tick(&mut self, now: Duration) {
        let before = self.pulls.len();
        let timeout = self.config.timeout;
        self.pulls.retain(|_, p| now.saturating_sub(p.progress) < timeout);
        self.counts.given_up += (before - self.pulls.len()) as u64;
    }

    /// What cannot be written is given up.
    pub(crate) fn forget(&mut self, ask: u64) {
        self.counts.given_up += u64::from(self.pulls.remove(&ask).is_some());
    }
}
