//! Folds changes into batches. Pure: whoever calls says what time it is.
//!
//! A batch is ready when nothing was added for [`Limits::quiet`], and at the latest [`Limits::latest`] after its first
//! change, so that a file that is written again and again does not hold back the others for ever.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Batch, Why};

/// How long a batch waits, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Without a change for so long, the batch is ready.
    pub quiet: Duration,
    /// From its first change on it waits no longer than this.
    pub latest: Duration,
    /// Files in a batch; with more, everything is to be looked at.
    pub files_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(30),
            latest: Duration::from_millis(250),
            files_max: 512,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Waiting {
    first: Duration,
    last: Duration,
    files: BTreeSet<String>,
    everything: Option<Why>,
}

/// Changes that wait. Times are durations since one moment that the caller chose; one that goes back counts as the
/// latest seen.
#[derive(Clone, Debug)]
pub struct Debouncer {
    limits: Limits,
    waiting: Option<Waiting>,
}

impl Debouncer {
    /// Nothing waits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: None,
        }
    }

    /// A source may have changed.
    pub fn file(&mut self, now: Duration, path: String) {
        let files_max = self.limits.files_max;
        let waiting = self.touch(now);
        if waiting.everything.is_some() {
            return;
        }
        waiting.files.insert(path);
        if waiting.files.len() > files_max {
            waiting.say_everything(Why::Many);
        }
    }

    /// Anything may have changed. Of several reasons the first is told, except that a checked out branch explains
    /// the others.
    pub fn everything(&mut self, now: Duration, why: Why) {
        self.touch(now).say_everything(why);
    }

    /// When the batch is ready; `None`: nothing waits.
    #[must_use]
    pub fn ready_at(&self) -> Option<Duration> {
        let waiting = self.waiting.as_ref()?;
        let quiet = waiting.last.saturating_add(self.limits.quiet);
        Some(quiet.min(waiting.first.saturating_add(self.limits.latest)))
    }

    /// The batch, if it is ready.
    pub fn take(&mut self, now: Duration) -> Option<Batch> {
        if self.ready_at()? > now {
            return None;
        }
        let waiting = self.waiting.take()?;
        Some(match waiting.everything {
            Some(why) => Batch::Everything(why),
            None => Batch::Files(waiting.files.into_iter().collect()),
        })
    }

    /// Takes back a batch that could not be delivered: what comes later is added to it. It waits for quiet again.
    pub fn put_back(&mut self, now: Duration, batch: Batch) {
        match batch {
            Batch::Everything(why) => self.everything(now, why),
            Batch::Files(files) => files.into_iter().for_each(|file| self.file(now, file)),
        }
    }

    fn touch(&mut self, now: Duration) -> &mut Waiting {
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            first: now,
            last: now,
            ..Waiting::default()
        });
        waiting.last = waiting.last.max(now);
        waiting
    }
}

impl Waiting {
    fn say_everything(&mut self, why: Why) {
        self.files.clear();
        if self.everything.is_none() || why == Why::Branch {
            self.everything = Some(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        quiet: Duration::from_millis(30),
        latest: Duration::from_millis(250),
        files_max: 6,
    };

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A change: milliseconds after the one before, and a file, or `None` for everything.
    fn changes() -> impl Strategy<Value = Vec<(u64, Option<u8>)>> {
        let gap = prop_oneof![Just(0u64), 1..10u64, 25..35u64, 1..300u64];
        prop::collection::vec((gap, prop::option::weighted(0.95, 0u8..9)), 0..60)
    }

    proptest! {
        /// Scenario: any changes at any times, with the batch taken as soon as it is ready. Guarantee: batches are
        /// those of the rule told the other way round: cut where 30 ms passed without a change or 250 ms since the first;
        /// each is taken at exactly its time, holds each changed file of its stretch once, or says everything if and only if
        /// there were too many files or such a change.
        #[test]
        fn batches_are_those_of_the_rule(changes in changes()) {
            let mut debouncer = Debouncer::new(LIMITS);
            let mut seen: Vec<(Duration, Batch)> = Vec::new();
            let mut expected: Vec<(u64, u64, Vec<Option<u8>>)> = Vec::new();
            let mut now = 0;
            for (gap, change) in &changes {
                now += gap;
                while let Some(at) = debouncer.ready_at().filter(|at| *at <= ms(now)) {
                    prop_assert_eq!(debouncer.take(at.saturating_sub(Duration::from_nanos(1))), None);
                    seen.push((at, debouncer.take(at).unwrap()));
                }
                match change {
                    Some(file) => debouncer.file(ms(now), file.to_string()),
                    None => debouncer.everything(ms(now), Why::Folders),
                }
                match expected.last_mut() {
                    Some((first, last, of)) if now < (*last + 30).min(*first + 250) => {
                        *last = now;
                        of.push(*change);
                    }
                    _ => expected.push((now, now, vec![*change])),
                }
            }
            if let Some(at) = debouncer.ready_at() {
                seen.push((at, debouncer.take(at).unwrap()));
            }
            prop_assert_eq!(debouncer.ready_at(), None);
            prop_assert_eq!(debouncer.take(Duration::MAX), None);
            let expected: Vec<(Duration, Batch)> = expected
                .into_iter()
                .map(|(first, last, of)| {
                    let files: BTreeSet<String> = of.iter().flatten().map(ToString::to_string).collect();
                    let batch = if of.contains(&None) || files.len() > LIMITS.files_max {
                        Batch::Everything(Why::Folders)
                    } else {
                        Batch::Files(files.into_iter().collect())
                    };
                    (ms((last + 30).min(first + 250)), batch)
                })
                .collect();
            let seen: Vec<(Duration, Batch)> = seen
                .into_iter()
                .map(|(at, batch)| match batch {
                    Batch::Everything(Why::Many) => (at, Batch::Everything(Why::Folders)),
                    batch => (at, batch),
                })
                .collect();
            prop_assert_eq!(seen, expected);
        }

        /// Scenario: times in any order, batches taken late and sometimes put back. Guarantee: no change is lost, none is
        /// invented, no more files wait than the limit.
        #[test]
        fn nothing_is_lost(
            steps in prop::collection::vec((0u64..2000, 0u8..12, any::<bool>(), any::<bool>()), 0..80)
        ) {
            let mut debouncer = Debouncer::new(LIMITS);
            let mut owed: BTreeSet<String> = BTreeSet::new();
            for (now, file, take, refuse) in steps {
                debouncer.file(ms(now), file.to_string());
                owed.insert(file.to_string());
                let waiting = debouncer.waiting.as_ref().unwrap();
                prop_assert!(waiting.files.len() <= LIMITS.files_max);
                if !take {
                    continue;
                }
                match debouncer.take(ms(now)) {
                    Some(batch) if refuse => debouncer.put_back(ms(now), batch),
                    Some(Batch::Everything(_)) => owed.clear(),
                    Some(Batch::Files(files)) => {
                        prop_assert!(files.is_sorted());
                        for file in files {
                            prop_assert!(owed.remove(&file), "{file} was not owed");
                        }
                        prop_assert!(owed.is_empty(), "{owed:?} are missing");
                    }
                    None => {}
                }
            }
            match debouncer.take(Duration::MAX) {
                Some(Batch::Files(files)) => prop_assert_eq!(files, owed.into_iter().collect::<Vec<_>>()),
                Some(Batch::Everything(why)) => prop_assert_eq!(why, Why::Many),
                None => prop_assert!(owed.is_empty()),
            }
        }
    }

    /// Scenario: a folder and a branch in one batch, in both orders. Guarantee: the branch is told.
    #[test]
    fn a_branch_explains_the_rest() {
        for reasons in [[Why::Branch, Why::Folders], [Why::Folders, Why::Branch]] {
            let mut debouncer = Debouncer::new(LIMITS);
            debouncer.file(ms(0), "a".into());
            for why in reasons {
                debouncer.everything(ms(1), why);
            }
            debouncer.file(ms(2), "b".into());
            assert_eq!(debouncer.take(ms(40)), Some(Batch::Everything(Why::Branch)));
        }
    }
}
