//! What holders lack that were away: kept durably by the front, delivered when they are back. A hint acknowledges nothing.
//! It names batches; their bytes are in the front's own store. What exceeds the bounds is left to comparing, and counted.

use crate::action::Action;
use crate::bugs::{Bug, Bugs};
use crate::message::Message;
use crate::section::Section;
use placement::{MemberId, ShardMap};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Bounds and waits.
#[derive(Clone, Copy, Debug)]
pub struct HintsConfig {
    /// Bytes of batches that may wait for one member.
    pub target_bytes_max: u64,
    /// Bytes of batches in one delivery.
    pub delivery_bytes_max: u64,
    /// When a delivery that was not answered is sent again.
    pub retry: Duration,
}

impl Default for HintsConfig {
    fn default() -> Self {
        Self {
            target_bytes_max: 256 << 20,
            delivery_bytes_max: 2 << 20,
            retry: Duration::from_secs(1),
        }
    }
}

/// What happened, counted from the start of the process. `restored + kept = delivered + needless + waiting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HintCounts {
    /// Found on disk at the start.
    pub restored: u64,
    /// Made.
    pub kept: u64,
    /// Taken by their targets.
    pub delivered: u64,
    /// For members that do not hold the shard any more.
    pub needless: u64,
    /// Not made: too many.
    pub overflowed: u64,
}

#[derive(Debug, Default)]
struct Target {
    waiting: BTreeSet<Section>,
    bytes: u64,
    /// What was sent, and when.
    sent: Option<(u64, Vec<Section>)>,
    next: Duration,
    /// Since when it has taken nothing; none: nothing was offered yet.
    since: Option<Duration>,
}

/// Hints of one member.
#[derive(Debug)]
pub struct Hints {
    config: HintsConfig,
    bugs: Bugs,
    targets: BTreeMap<MemberId, Target>,
    last: u64,
    counts: HintCounts,
}

impl Hints {
    /// With what is on disk. `life` makes the numbers of deliveries differ from those of an earlier start.
    pub fn new(
        config: HintsConfig,
        life: u64,
        kept: impl IntoIterator<Item = (MemberId, Section)>,
        bugs: Bugs,
    ) -> Self {
        let mut hints = Self {
            config,
            bugs,
            targets: BTreeMap::new(),
            last: life,
            counts: HintCounts::default(),
        };
        for (to, section) in kept {
            let target = hints.targets.entry(to).or_default();
            if target.waiting.insert(section) {
                target.bytes += u64::from(section.bytes);
                hints.counts.restored += 1;
            }
        }
        hints
    }

    /// What happened.
    pub fn counts(&self) -> HintCounts {
        self.counts
    }

    /// Batches that wait.
    pub fn waiting(&self) -> usize {
        self.targets.values().map(|t| t.waiting.len()).sum()
    }

    /// For how long the target that has been waited for longest has taken nothing.
    pub fn stuck(&self, now: Duration) -> Duration {
        let since = self.targets.values().filter_map(|t| t.since).min();
        since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// A holder lacks it.
    pub fn add(&mut self, to: MemberId, section: Section) -> Option<Action> {
        let target = self.targets.entry(to).or_default();
        if target.waiting.contains(&section) {
            return None;
        }
        let bytes = target.bytes.saturating_add(u64::from(section.bytes));
        if bytes > self.config.target_bytes_max {
            self.counts.overflowed += 1;
            return None;
        }
        target.bytes = bytes;
        target.waiting.insert(section);
        self.counts.kept += 1;
        Some(Action::KeepHint { to, section })
    }

    /// Time passed: what is due is sent (again). Hints for members that do not hold the shard any more are dropped.
    pub fn tick(&mut self, now: Duration, map: &ShardMap) -> Vec<Action> {
        let mut actions = Vec::new();
        for (to, target) in &mut self.targets {
            if now < target.next {
                continue;
            }
            target.next = now + self.config.retry;
            target.since.get_or_insert(now);
            target.sent = None;
            let gone = |s: &Section| !map.holders(s.shard).is_some_and(|h| h.has(*to));
            let needless: Vec<Section> = target.waiting.iter().copied().filter(gone).collect();
            self.counts.needless += needless.len() as u64;
            target.drop(*to, &needless, &mut actions);
            let mut bytes = 0u64;
            let budget = self.config.delivery_bytes_max;
            let sections: Vec<Section> = target
                .waiting
                .iter()
                .copied()
                .take(crate::LIST_MAX)
                .take_while(|s| {
                    let first = bytes == 0;
                    bytes += u64::from(s.bytes);
                    first || bytes <= budget
                })
                .collect();
            if sections.is_empty() {
                continue;
            }
            self.last += 1;
            let (copy, epoch) = (self.last, map.epoch);
            let message = Message::Copy {
                copy,
                epoch,
                sections: sections.clone(),
            };
            actions.push(Action::Send { to: *to, message });
            if self.bugs.has(Bug::HintDropped) {
                target.drop(*to, &sections, &mut actions);
            } else {
                target.sent = Some((copy, sections));
            }
        }
        self.targets.retain(|_, t| !t.waiting.is_empty());
        actions
    }

    /// The target has what was sent, synced.
    pub fn copied(&mut self, now: Duration, from: MemberId, copy: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(target) = self.targets.get_mut(&from) else {
            return actions;
        };
        if let Some((_, sections)) = target.sent.take_if(|(sent, _)| *sent == copy) {
            self.counts.delivered += sections.len() as u64;
            target.drop(from, &sections, &mut actions);
            target.next = now;
            target.since = Some(now);
        }
        actions
    }
}

impl Target {
    fn drop(&mut self, to: MemberId, sections: &[Section], actions: &mut Vec<Action>) {
        for section in sections {
            if self.waiting.remove(section) {
                self.bytes = self.bytes.saturating_sub(u64::from(section.bytes));
                let section = *section;
                actions.push(Action::DropHint { to, section });
            }
        }
    }
}
