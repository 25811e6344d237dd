//! Comparing two replicas of a shard and copying what is missing, both ways (anti-entropy).
//!
//! ```text
//! Buckets -> differing buckets -> Sources -> differing sources -> List -> what they have: Fetch, Data, written
//!         -> Gaps, if these differ                                     |      nothing came: FetchPart, Part, written, FetchPart ...
//!                                                                      -> what they lack: Copy
//! ```
//!
//! One question is under way at a time. When the last answer is written, this member holds everything that the peer held
//! when it gave its first answer: that is what a move counts ([`crate::Moves`]). Equal digests are equal sets: the sum of
//! 128-bit hashes of identity and content.

mod answer;
mod compare;
mod pull;

pub use answer::answer;
pub use compare::{Compare, Compared};

use compare::Came;
use pull::{Pull, Step};

use crate::action::Action;
use crate::bugs::{Bug, Bugs};
use crate::message::{Answer, Message, Question};
use crate::section::Section;
use event::Shard;
use placement::MemberId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Entries of one answer.
pub const LIST_MAX: usize = 4096;

/// Who says nothing for so long is not waited for where another one can be asked.
const SILENT: Duration = Duration::from_secs(2);

/// Bounds and waits.
#[derive(Clone, Copy, Debug)]
pub struct RepairConfig {
    /// Comparisons under way.
    pub at_once: usize,
    /// Of these, with one peer: one that does not answer must not stop those with others.
    pub at_once_with_one: usize,
    /// Bytes fetched by one question.
    pub fetch_bytes_max: u64,
    /// When an unanswered comparison is given up.
    pub timeout: Duration,
}

impl Default for RepairConfig {
    fn default() -> Self {
        Self {
            at_once: 16,
            at_once_with_one: 12,
            fetch_bytes_max: 512 << 10,
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
    /// Parts of batches that were too many for one answer, fetched.
    pub parts: u64,
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

/// A comparison that was handed out.
#[derive(Debug)]
struct Away {
    shard: Shard,
    peer: MemberId,
    since: Duration,
}

/// What comes after a look at the disk.
#[derive(Debug, Default)]
pub(crate) struct Next {
    pub(crate) actions: Vec<Action>,
    /// What the replica is to write, for which question.
    pub(crate) write: Option<(u64, Vec<Section>)>,
    pub(crate) pulled: Option<Pulled>,
}

/// Comparisons under way.
#[derive(Debug)]
pub struct Repair {
    config: RepairConfig,
    bugs: Bugs,
    last: u64,
    pulls: BTreeMap<u64, Pull>,
    /// What is being compared with the disk, by the question that was answered.
    away: BTreeMap<u64, Away>,
    /// When a comparison with a holder ended last.
    ended: BTreeMap<(Shard, MemberId), Duration>,
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
            away: BTreeMap::new(),
            ended: BTreeMap::new(),
            counts: RepairCounts::default(),
        }
    }

    /// What happened.
    pub fn counts(&self) -> RepairCounts {
        self.counts
    }

    /// When a shard was last compared with a peer to an end, in this life.
    pub(crate) fn ended(&self, shard: Shard, peer: MemberId) -> Option<Duration> {
        self.ended.get(&(shard, peer)).copied()
    }

    /// Forgets when others were compared with.
    pub(crate) fn keep_ended(&mut self, keep: impl Fn(Shard, MemberId) -> bool) {
        self.ended.retain(|(shard, peer), _| keep(*shard, *peer));
    }

    /// Compares a shard with a peer, unless that is under way, or too much is.
    pub fn start(&mut self, now: Duration, shard: Shard, peer: MemberId) -> Vec<Action> {
        let asked = self.pulls.values().any(|p| (p.shard, p.peer) == (shard, peer));
        let compared = self.away.values().any(|a| (a.shard, a.peer) == (shard, peer));
        if asked || compared || !self.has_room(peer) {
            return Vec::new();
        }
        let pull = Pull::new(now, shard, peer, self.config.fetch_bytes_max);
        vec![self.ask(pull, Question::Buckets)]
    }

    /// Is so much under way that nothing more begins?
    pub(crate) fn is_full(&self) -> bool {
        self.pulls.len() + self.away.len() >= self.config.at_once
    }

    /// Is a shard being compared with somebody who answered lately?
    pub(crate) fn goes_on(&self, now: Duration, shard: Shard) -> bool {
        let lately = |since: Duration| now.saturating_sub(since) < SILENT;
        self.pulls
            .values()
            .any(|p| p.shard == shard && lately(p.progress))
            || self.away.values().any(|a| a.shard == shard && lately(a.since))
    }

    /// May a comparison with this peer begin?
    pub(crate) fn has_room(&self, peer: MemberId) -> bool {
        let asked = self.pulls.values().filter(|p| p.peer == peer).count();
        let compared = self.away.values().filter(|a| a.peer == peer).count();
        !self.is_full() && asked + compared < self.config.at_once_with_one
    }

    fn ask(&mut self, pull: Pull, question: Question) -> Action {
        self.last += 1;
        let (to, shard, ask) = (pull.peer, pull.shard, self.last);
        self.pulls.insert(ask, pull);
        let message = Message::Ask { ask, shard, question };
        Action::Send { to, message }
    }

    /// An answer came: to be compared with what is held.
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        from: MemberId,
        ask: u64,
        answer: Answer,
    ) -> Option<Action> {
        let expected = self.pulls.get(&ask).is_some_and(|p| p.peer == from && !p.writing);
        expected.then(|| self.compare(now, ask, Came::Answer(answer)))?
    }

    /// What an answer brought is on disk.
    pub(crate) fn written(&mut self, now: Duration, ask: u64) -> Option<Action> {
        self.compare(now, ask, Came::Written)
    }

    /// Hands a comparison out until [`Self::compared`].
    fn compare(&mut self, now: Duration, ask: u64, came: Came) -> Option<Action> {
        let pull = self.pulls.remove(&ask)?;
        let away = Away {
            shard: pull.shard,
            peer: pull.peer,
            since: now,
        };
        self.away.insert(ask, away);
        let compare = Compare { ask, pull, came, now };
        Some(Action::Compare(Box::new(compare)))
    }

    /// It was compared. The sections are to be written for this question, by the replica; no sections: bytes that are no batch yet.
    pub(crate) fn compared(&mut self, now: Duration, map_epoch: u64, compared: Compared) -> Next {
        let mut next = Next::default();
        // It took too long, and was given up.
        if self.away.remove(&compared.ask).is_none() {
            return next;
        }
        let Compared { ask, mut pull, step } = compared;
        let give = std::mem::take(&mut pull.give);
        if !give.is_empty() {
            self.counts.given += give.len() as u64;
            let message = Message::Copy {
                copy: 0,
                epoch: map_epoch,
                sections: give,
            };
            next.actions.push(Action::Send {
                to: pull.peer,
                message,
            });
        }
        let write = match &step {
            Step::Write(sections) => Some(sections.clone()),
            Step::WritePart => Some(Vec::new()),
            Step::Ask(_) | Step::Done | Step::Failed => None,
        };
        if let Some(sections) = write {
            self.counts.fetched += sections.len() as u64;
            self.counts.parts += u64::from(sections.is_empty());
            next.write = Some((ask, sections));
            pull.writing = true;
            self.pulls.insert(ask, pull);
            if self.bugs.has(Bug::CopyBeforeSync) {
                next.actions.extend(self.compare(now, ask, Came::Written));
            }
            return next;
        }
        match step {
            Step::Ask(question) => next.actions.push(self.ask(pull, question)),
            Step::Done => next.pulled = Some(self.end(&pull)),
            Step::Failed | Step::Write(_) | Step::WritePart => self.counts.given_up += 1,
        }
        next
    }

    fn end(&mut self, pull: &Pull) -> Pulled {
        self.counts.compared += 1;
        self.counts.equal += u64::from(!pull.differed);
        self.ended.insert((pull.shard, pull.peer), pull.progress);
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
        let before = self.away.len();
        self.away.retain(|_, a| now.saturating_sub(a.since) < timeout);
        self.counts.given_up += (before - self.away.len()) as u64;
    }

    /// What cannot be written is given up.
    pub(crate) fn forget(&mut self, ask: u64) {
        self.counts.given_up += u64::from(self.pulls.remove(&ask).is_some());
    }
}
