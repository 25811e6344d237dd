//! A node incarnation and its timeline: which module version was the current one of each module, from when to when.
//!
//! Intervals are `[from, to)`, in microseconds since 2020 by the node's own clock. A load ends the interval of the same
//! module's version before it; processes may run that old code for a while, and their events say so themselves.
//!
//! Operations come in the node's order, but may come twice (an agent repeats what was not confirmed): the last
//! [`NODE_RECENT_MAX`] are remembered by a digest and skipped. A clock that stepped back does not reorder: such an
//! operation counts as of the latest time known, and is counted in `clamped`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use event::ModuleVersion;
use serde::{Deserialize, Serialize};

use super::limits::{NODE_HISTORY_MAX, NODE_MODULES_MAX, NODE_RECENT_MAX};
use super::{LoadedModule, ModulesOp, NodeDescription, Refusal, check, hex};

/// A module version that is current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Current {
    /// The version.
    #[serde(with = "hex")]
    pub version: ModuleVersion,
    /// Since when.
    pub from: u64,
}

/// A module version that was current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The module.
    pub module: String,
    /// The version.
    #[serde(with = "hex")]
    pub version: ModuleVersion,
    /// Since when.
    pub from: u64,
    /// Until when, exclusive.
    pub to: u64,
}

/// When a module version ran; `to` is `None` while it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Since when, microseconds since 2020.
    pub from: u64,
    /// Until when, exclusive.
    pub to: Option<u64>,
}

/// An answer to "what ran then".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhatRan {
    /// Module versions by module name.
    pub modules: BTreeMap<String, ModuleVersion>,
    /// False if intervals of that time were forgotten for lack of room.
    pub complete: bool,
}

/// A node incarnation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What it says of itself.
    pub info: NodeDescription,
    /// Number of the last change to it, among all nodes.
    pub changed: u64,
    /// The latest operation's time, microseconds since 2020.
    pub as_of: u64,
    /// When it ended, if a later incarnation of the same name was seen and this one was silent since.
    pub ended: Option<u64>,
    /// Operations whose time lay before an earlier one's.
    pub clamped: u64,
    /// Current module versions, by module.
    pub current: BTreeMap<String, Current>,
    /// Ended intervals, in the order in which they ended.
    pub history: VecDeque<Ran>,
    /// Ended intervals that were forgotten.
    pub forgotten: u64,
    /// The latest end of a forgotten interval; answers for earlier times are not complete.
    pub forgotten_to: u64,
    /// Digests of the last operations.
    recent: VecDeque<u64>,
}

impl Node {
    /// A node of which nothing is known but what it says.
    pub(super) fn new(info: NodeDescription) -> Self {
        Self {
            info,
            ..Self::default()
        }
    }

    /// Whether this operation was applied before.
    pub(super) fn has_seen(&self, digest: u64) -> bool {
        self.recent.contains(&digest)
    }

    /// Refuses an operation that would make the node run too many modules.
    pub(super) fn check_room(&self, op: ModulesOp, modules: &[LoadedModule]) -> Result<(), Refusal> {
        if op == ModulesOp::Loaded {
            let new = modules
                .iter()
                .filter(|m| !self.current.contains_key(&m.module))
                .count();
            check::at_most(
                "modules of a node",
                self.current.len().saturating_add(new),
                NODE_MODULES_MAX,
            )?;
        }
        Ok(())
    }

    /// Applies an operation that was checked.
    pub(super) fn operate(&mut self, op: ModulesOp, time: u64, modules: Vec<LoadedModule>, digest: u64) {
        if time < self.as_of {
            self.clamped = self.clamped.saturating_add(1);
        }
        let time = time.max(self.as_of);
        self.as_of = time;
        self.ended = None;
        if self.recent.len() >= NODE_RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(digest);
        match op {
            ModulesOp::Loaded => modules.into_iter().for_each(|m| self.load(m, time)),
            ModulesOp::Removed => {
                for m in modules {
                    if self
                        .current
                        .get(&m.module)
                        .is_some_and(|current| current.version == m.version)
                    {
                        self.end(&m.module, time);
                    }
                }
            }
            ModulesOp::Snapshot => {
                let names: BTreeSet<&str> = modules.iter().map(|m| m.module.as_str()).collect();
                let gone: Vec<String> = self
                    .current
                    .keys()
                    .filter(|name| !names.contains(name.as_str()))
                    .cloned()
                    .collect();
                for name in &gone {
                    self.end(name, time);
                }
                for m in modules {
                    self.load(m, time);
                }
            }
        }
    }

    fn load(&mut self, loaded: LoadedModule, time: u64) {
        if self
            .current
            .get(&loaded.module)
            .is_some_and(|current| current.version == loaded.version)
        {
            return;
        }
        self.end(&loaded.module, time);
        self.current.insert(
            loaded.module,
            Current {
                version: loaded.version,
                from: time,
            },
        );
    }

    fn end(&mut self, module: &str, time: u64) {
        let Some((module, Current { version, from })) = self.current.remove_entry(module) else {
            return;
        };
        if from >= time {
            return; // it was current at no time
        }
        if self.history.len() >= NODE_HISTORY_MAX
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = self.forgotten.saturating_add(1);
            self.forgotten_to = self.forgotten_to.max(oldest.to);
        }
        self.history.push_back(Ran {
            module,
            version,
            from,
            to: time,
        });
    }

    /// The module versions that were current at `time`.
    pub fn what_ran(&self, time: u64) -> WhatRan {
        let mut ran = WhatRan {
            modules: BTreeMap::new(),
            complete: time >= self.forgotten_to,
        };
        let current = self
            .current
            .iter()
            .filter(|(_, c)| c.from <= time && self.ended.is_none_or(|end| time < end));
        ran.modules
            .extend(current.map(|(name, c)| (name.clone(), c.version)));
        let past = self.history.iter().filter(|r| r.from <= time && time < r.to);
        ran.modules.extend(past.map(|r| (r.module.clone(), r.version)));
        ran
    }

    /// When a module version was current.
    pub fn spans_of(&self, version: ModuleVersion) -> impl Iterator<Item = Span> + '_ {
        let past = self.history.iter().filter(move |r| r.version == version);
        let past = past.map(|r| Span {
            from: r.from,
            to: Some(r.to),
        });
        let current = self.current.values().filter(move |c| c.version == version);
        past.chain(current.map(|c| Span {
            from: c.from,
            to: self.ended,
        }))
    }
}
