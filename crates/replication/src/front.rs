//! A member that got a frame from an agent: has every holder write it, and acknowledges what it *saw* synced on enough of them.
//!
//! Each section counts for itself: it is acknowledged when W of its holders (while it moves: of both sets) said that they
//! synced it under one and the same map. A confirmation of another map, of a ticket that is not under way, or of a hint is none.
//! When time is over the outcome is *unknown*: the agent is told nothing and sends again.

mod judge;
mod pending;

use crate::action::Action;
use crate::bugs::{Bug, Bugs};
use crate::message::{Message, Ticket, Verdict};
use crate::section::Section;
use pending::{Part, Pending, State};
use placement::{MemberId, ShardMap, Standing};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Bounds and waits.
#[derive(Clone, Copy, Debug)]
pub struct FrontConfig {
    /// Bytes of frames under way, beyond which agents are put off.
    pub in_flight_bytes_max: u64,
    /// How long a second zone is waited for.
    pub zone_wait: Duration,
    /// Never acknowledge in one zone while a shard has holders in several.
    pub require_zones: bool,
    /// When what is not confirmed is sent again.
    pub retry: Duration,
    /// When a holder that has not confirmed what is acknowledged gets a hint.
    pub hint_after: Duration,
    /// When a frame's outcome is unknown.
    pub timeout: Duration,
}

impl Default for FrontConfig {
    fn default() -> Self {
        Self {
            in_flight_bytes_max: 64 << 20,
            zone_wait: Duration::from_millis(200),
            require_zones: false,
            retry: Duration::from_millis(500),
            hint_after: Duration::from_secs(2),
            timeout: Duration::from_secs(10),
        }
    }
}

/// What happened, counted from the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontCounts {
    /// Sections acknowledged.
    pub acked: u64,
    /// Of these, in one zone although the shard has several.
    pub acked_one_zone: u64,
    /// Sections whose time was over.
    pub unknown: u64,
    /// Frames refused: nothing in them is held here.
    pub stale: u64,
    /// Frames put off: too much under way.
    pub busy: u64,
    /// Confirmations of another map, refused.
    pub stale_verdicts: u64,
    /// Sections whose number is taken by other events.
    pub conflicts: u64,
    /// Holders that were left behind: hints, or left to comparing.
    pub behind: u64,
}

/// Frames under way.
#[derive(Debug)]
pub struct Front {
    me: MemberId,
    life: u64,
    config: FrontConfig,
    bugs: Bugs,
    map: Arc<ShardMap>,
    zones: BTreeMap<MemberId, String>,
    last: u64,
    pending: BTreeMap<Ticket, Pending>,
    bytes: u64,
    counts: FrontCounts,
}

impl Front {
    /// Of one start of a process: `life` is never the same twice for one member.
    pub fn new(me: MemberId, life: u64, config: FrontConfig, bugs: Bugs) -> Self {
        Self {
            me,
            life,
            config,
            bugs,
            map: Arc::default(),
            zones: BTreeMap::new(),
            last: 0,
            pending: BTreeMap::new(),
            bytes: 0,
            counts: FrontCounts::default(),
        }
    }

    /// What happened.
    pub fn counts(&self) -> FrontCounts {
        self.counts
    }

    /// Bytes under way.
    pub fn in_flight_bytes(&self) -> u64 {
        self.bytes
    }

    /// Whose zone is which. Members without one are in the zone of the empty name.
    pub fn set_zones(&mut self, zones: BTreeMap<MemberId, String>) {
        self.zones = zones;
    }

    /// A frame that an agent with a map of this epoch sent over the connection `from`.
    pub fn accept(&mut self, now: Duration, from: u64, epoch: u64, sections: Vec<Section>) -> Vec<Action> {
        if epoch > self.map.epoch {
            self.counts.busy += 1;
            return vec![Action::FetchMap(epoch), Action::Busy { from }];
        }
        let parts: Option<Vec<Part>> = sections
            .into_iter()
            .map(|section| {
                let holders = self.map.holders(section.shard)?;
                Some(Part::new(section, holders.clone(), self.map.epoch))
            })
            .collect();
        let parts = match parts {
            Some(parts) if parts.iter().any(|p| p.holders.has(self.me)) => parts,
            _ => {
                self.counts.stale += 1;
                let epoch = self.map.epoch;
                return vec![Action::Stale { from, epoch }];
            }
        };
        let bytes = parts.iter().map(|p| u64::from(p.section.bytes)).sum();
        if self.bytes.saturating_add(bytes) > self.config.in_flight_bytes_max {
            self.counts.busy += 1;
            return vec![Action::Busy { from }];
        }
        self.last += 1;
        let ticket = Ticket {
            life: self.life,
            number: self.last,
        };
        self.bytes += bytes;
        let pending = Pending::new(now, from, bytes, parts);
        let mut actions = vec![Action::Keep { ticket, from }];
        actions.extend(pending.appends(ticket));
        self.pending.insert(ticket, pending);
        actions
    }

    /// What a holder says of a frame.
    pub fn appended(
        &mut self,
        now: Duration,
        from: MemberId,
        ticket: Ticket,
        epoch: u64,
        verdicts: &[(u16, Verdict)],
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(pending) = self.pending.get_mut(&ticket) else {
            return actions;
        };
        let stale_counts = self.bugs.has(Bug::StaleMapCounts);
        for (at, verdict) in verdicts {
            let Some(part) = pending.parts.get_mut(usize::from(*at)) else {
                continue;
            };
            if part.epoch != epoch && !stale_counts {
                self.counts.stale_verdicts += 1;
                continue;
            }
            match verdict {
                Verdict::Synced => part.confirm(from),
                Verdict::Stale(_) if stale_counts => part.confirm(from),
                Verdict::Stale(epoch) => {
                    self.counts.stale_verdicts += 1;
                    actions.push(Action::FetchMap(*epoch));
                }
                Verdict::Conflict if part.state == State::Open => {
                    part.state = State::Done;
                    self.counts.conflicts += 1;
                    actions.push(Action::Conflict {
                        from: pending.from,
                        section: part.section,
                    });
                }
                Verdict::Conflict | Verdict::Behind | Verdict::Later | Verdict::Stopped => {}
            }
        }
        self.judge(now, ticket, &mut actions);
        actions
    }

    /// A later map, durably adopted by this member. What is under way for shards that changed hands starts again under it.
    pub fn set_map(&mut self, now: Duration, map: &Arc<ShardMap>) -> Vec<Action> {
        if map.epoch <= self.map.epoch {
            return Vec::new();
        }
        self.map = Arc::clone(map);
        let mut actions = Vec::new();
        for (ticket, pending) in &mut self.pending {
            let mut replanned = false;
            for part in &mut pending.parts {
                let Some(holders) = map.holders(part.section.shard) else {
                    continue;
                };
                if matches!(map.standing(part.section.shard, part.epoch), Standing::Stale(_)) {
                    if part.state == State::Open {
                        *part = Part::new(part.section, holders.clone(), map.epoch);
                        replanned = true;
                    } else {
                        part.state = State::Done;
                    }
                }
            }
            if replanned {
                pending.sent = now;
                actions.extend(pending.appends(*ticket));
            }
        }
        actions
    }

    /// Time passed.
    pub fn tick(&mut self, now: Duration) -> Vec<Action> {
        let mut actions = Vec::new();
        let tickets: Vec<Ticket> = self.pending.keys().copied().collect();
        for ticket in tickets {
            self.judge(now, ticket, &mut actions);
            let Some(pending) = self.pending.get_mut(&ticket) else {
                continue;
            };
            if now.saturating_sub(pending.sent) >= self.config.retry {
                pending.sent = now;
                actions.extend(pending.appends(ticket));
            }
        }
        actions
    }

    /// The process is about to stop: who has not confirmed what is acknowledged is left behind now.
    pub fn leave(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let parts = self.pending.values_mut().flat_map(|pending| &mut pending.parts);
        for part in parts.filter(|part| part.state == State::Acked) {
            for to in part.missing() {
                self.counts.behind += 1;
                let section = part.section;
                actions.push(Action::Hint { to, section });
            }
            part.state = State::Done;
        }
        actions
    }

    /// When [`Front::tick`] has something to do at the latest.
    pub fn wake_at(&self) -> Option<Duration> {
        let of = |p: &Pending| {
            let retry = p.sent + self.config.retry;
            if p.waited {
                retry
            } else {
                retry.min(p.started + self.config.zone_wait)
            }
        };
        self.pending.values().map(of).min()
    }
}

/// Does the message carry bytes of this ticket's frame?
pub(crate) fn append(to: MemberId, ticket: Ticket, epoch: u64, sections: Vec<(u16, Section)>) -> Action {
    Action::Send {
        to,
        message: Message::Append {
            ticket,
            epoch,
            sections,
        },
    }
}
