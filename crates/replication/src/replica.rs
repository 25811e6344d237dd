//! What a member does with what others want written: is the writer's map good for the shard, write, confirm after the sync.
//!
//! The map that counts is the one that this member has *durably adopted*. It is looked at twice, before the write and after
//! the sync: a write that the disk finished after the next map was adopted is not confirmed under the old one. So whoever
//! copies from this member later misses nothing that the old map can still acknowledge.

use crate::action::Action;
use crate::bugs::{Bug, Bugs};
use crate::marker::Disk;
use crate::message::{Message, Ticket, Verdict};
use crate::section::Section;
use event::Shard;
use placement::{MemberId, ShardMap, Standing};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the disk says of one section, when everything that it says is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there, now or since before; or its bucket is dropped, which counts as done.
    Held,
    /// Its number is taken by other events.
    Conflict,
    /// Too many holes; try again.
    Later,
}

/// Why something is written.
#[derive(Clone, Debug)]
enum Job {
    Append {
        from: MemberId,
        ticket: Ticket,
        epoch: u64,
        sections: Vec<(u16, Section)>,
    },
    Copy {
        from: MemberId,
        copy: u64,
    },
    /// Copied by comparing: which question fetched it.
    Pull {
        ask: u64,
    },
}

/// What became of a job.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    pub(crate) reply: Option<(MemberId, Message)>,
    /// A pull goes on, or ends: was all of it written?
    pub(crate) pulled: Option<(u64, bool)>,
}

/// The writing side of a member.
#[derive(Debug)]
pub struct Replica {
    me: MemberId,
    bugs: Bugs,
    map: Arc<ShardMap>,
    newer: Option<Arc<ShardMap>>,
    disk: Disk,
    stopped: bool,
    last_job: u64,
    jobs: BTreeMap<u64, Job>,
    waiting_bytes: u64,
    waiting_bytes_max: u64,
    bytes_of: BTreeMap<u64, u64>,
}

impl Replica {
    /// Of a member that starts with the map that it adopted last.
    pub fn new(me: MemberId, disk: Disk, map: Arc<ShardMap>, waiting_bytes_max: u64, bugs: Bugs) -> Self {
        let disk = if bugs.has(Bug::MemberIdReused) {
            Disk::Whole
        } else {
            disk
        };
        Self {
            me,
            bugs,
            map,
            newer: None,
            disk,
            stopped: false,
            last_job: 0,
            jobs: BTreeMap::new(),
            waiting_bytes: 0,
            waiting_bytes_max,
            bytes_of: BTreeMap::new(),
        }
    }

    /// The map that is durably adopted.
    pub fn map(&self) -> &Arc<ShardMap> {
        &self.map
    }

    /// May this member count: as one that confirms, as a source, as an answer?
    pub fn is_authoritative(&self) -> bool {
        self.disk == Disk::Whole
    }

    /// Did a sync fail? Nothing is written until a restart.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Bytes that wait for the disk.
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// How a reader with a map of this epoch stands: what it may count the answer of this member for.
    pub fn standing(&self, shard: Shard, epoch: u64) -> Standing {
        self.map.standing(shard, epoch)
    }

    /// A map was learned; it counts when it is kept.
    pub fn learn(&mut self, map: Arc<ShardMap>) -> Option<Action> {
        let known = self.newer.as_ref().map_or(self.map.epoch, |m| m.epoch);
        if map.epoch <= known || self.stopped {
            return None;
        }
        self.newer = Some(Arc::clone(&map));
        Some(Action::KeepMap(map))
    }

    /// A map is kept, synced. Says whether it is a later one.
    pub fn map_kept(&mut self, epoch: u64) -> bool {
        match self.newer.take() {
            Some(map) if map.epoch == epoch => {
                self.map = map;
                true
            }
            newer => {
                self.newer = newer;
                false
            }
        }
    }

    /// What a writer wants written.
    pub fn append(
        &mut self,
        from: MemberId,
        ticket: Ticket,
        epoch: u64,
        sections: Vec<(u16, Section)>,
    ) -> Vec<Action> {
        let (mut refused, mut good) = (Vec::new(), Vec::new());
        let mut actions = Vec::new();
        let bytes: u64 = sections.iter().map(|(_, s)| u64::from(s.bytes)).sum();
        let full = self.waiting_bytes.saturating_add(bytes) > self.waiting_bytes_max;
        for (at, section) in sections {
            let verdict = match self.map.standing(section.shard, epoch) {
                _ if self.stopped || !self.is_authoritative() => Some(Verdict::Stopped),
                Standing::Stale(now) if !self.bugs.has(Bug::StaleMapCounts) => Some(Verdict::Stale(now)),
                Standing::Ahead => Some(Verdict::Behind),
                Standing::Current | Standing::Stale(_) if full => Some(Verdict::Later),
                Standing::Current | Standing::Stale(_) => None,
            };
            match verdict {
                Some(verdict) => refused.push((at, verdict)),
                None => good.push((at, section)),
            }
        }
        if epoch > self.map.epoch {
            actions.push(Action::FetchMap(epoch));
        }
        let reply = |verdicts| {
            let message = Message::Appended {
                ticket,
                epoch,
                verdicts,
            };
            Action::Send { to: from, message }
        };
        if self.bugs.has(Bug::AckBeforeSync) && !good.is_empty() {
            actions.push(reply(good.iter().map(|(at, _)| (*at, Verdict::Synced)).collect()));
        }
        if !refused.is_empty() {
            actions.push(reply(refused));
        }
        if !good.is_empty() {
            let written = good.iter().map(|(_, s)| *s).collect();
            let job = Job::Append {
                from,
                ticket,
                epoch,
                sections: good,
            };
            actions.push(self.write(job, written));
        }
        actions
    }

    /// What another member found that this one lacks. Taken for shards that it holds, or may hold by a map that it has yet to learn.
    pub fn copy(
        &mut self,
        from: MemberId,
        copy: u64,
        epoch: u64,
        mut sections: Vec<Section>,
    ) -> Option<Action> {
        if self.stopped {
            return None;
        }
        let newer = epoch > self.map.epoch;
        sections.retain(|s| newer || self.map.holders(s.shard).is_some_and(|h| h.has(self.me)));
        if sections.is_empty() {
            let message = Message::Copied { copy };
            return (copy != 0).then_some(Action::Send { to: from, message });
        }
        let bytes: u64 = sections.iter().map(|s| u64::from(s.bytes)).sum();
        if self.waiting_bytes.saturating_add(bytes) > self.waiting_bytes_max {
            return None;
        }
        Some(self.write(Job::Copy { from, copy }, sections))
    }

    /// What this member fetched itself; no sections: bytes that are no batch yet. `None`: not now.
    pub(crate) fn pull(&mut self, ask: u64, sections: Vec<Section>) -> Option<Action> {
        let is_part = sections.is_empty();
        let write = (!self.stopped).then(|| self.write(Job::Pull { ask }, sections));
        match write {
            Some(Action::Write { job, .. }) if is_part => Some(Action::WritePart { job }),
            write => write,
        }
    }

    fn write(&mut self, job: Job, sections: Vec<Section>) -> Action {
        self.last_job += 1;
        let bytes = sections.iter().map(|s| u64::from(s.bytes)).sum();
        self.waiting_bytes += bytes;
        self.bytes_of.insert(self.last_job, bytes);
        let frame = match &job {
            Job::Append {
                from, ticket, epoch, ..
            } => Some((*from, *ticket, *epoch)),
            Job::Copy { .. } | Job::Pull { .. } => None,
        };
        self.jobs.insert(self.last_job, job);
        Action::Write {
            job: self.last_job,
            frame,
            sections,
        }
    }

    /// A job is done, synced; an outcome for each section, in their order.
    pub(crate) fn written(&mut self, job: u64, outcomes: &[Outcome]) -> Finished {
        let bytes = self.bytes_of.remove(&job).unwrap_or_default();
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        let mut finished = Finished::default();
        // What the disk did not take is no copy.
        let later = outcomes.contains(&Outcome::Later);
        match self.jobs.remove(&job) {
            None => {}
            Some(Job::Pull { ask }) => finished.pulled = Some((ask, !later)),
            Some(Job::Copy { from, copy }) => {
                let answer = Message::Copied { copy };
                finished.reply = (copy != 0 && !later).then_some((from, answer));
            }
            Some(Job::Append {
                from,
                ticket,
                epoch,
                sections,
            }) => {
                let late_counts = self.bugs.has(Bug::StaleMapCounts) || self.bugs.has(Bug::NoSecondLook);
                let verdict = |((at, section), outcome): (&(u16, Section), &Outcome)| {
                    let verdict = match (self.map.standing(section.shard, epoch), outcome) {
                        (Standing::Stale(now), _) if !late_counts => Verdict::Stale(now),
                        (_, Outcome::Held) => Verdict::Synced,
                        (_, Outcome::Conflict) => Verdict::Conflict,
                        (_, Outcome::Later) => Verdict::Later,
                    };
                    (*at, verdict)
                };
                let verdicts = sections.iter().zip(outcomes).map(verdict).collect();
                let message = Message::Appended {
                    ticket,
                    epoch,
                    verdicts,
                };
                finished.reply = Some((from, message));
            }
        }
        finished
    }

    /// A write or its sync failed: nothing that waits is confirmed, now or later, and nothing more is written.
    pub(crate) fn write_failed(&mut self, job: u64) -> Finished {
        if self.bugs.has(Bug::FsyncErrorIgnored) {
            let outcomes = match self.jobs.get(&job) {
                Some(Job::Append { sections, .. }) => vec![Outcome::Held; sections.len()],
                _ => Vec::new(),
            };
            return self.written(job, &outcomes);
        }
        self.stopped = true;
        self.jobs.clear();
        self.bytes_of.clear();
        self.waiting_bytes = 0;
        Finished::default()
    }
}
