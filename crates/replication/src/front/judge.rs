//! When a section is acknowledged, when a holder is left behind, when a frame is let go.

use super::Front;
use super::pending::State;
use crate::action::Action;
use crate::bugs::Bug;
use crate::message::Ticket;
use crate::section::Section;
use placement::{MemberId, Written, written};
use std::time::Duration;

impl Front {
    /// Looks at a frame again, after a confirmation or after some time.
    pub(super) fn judge(&mut self, now: Duration, ticket: Ticket, actions: &mut Vec<Action>) {
        let Some(pending) = self.pending.get_mut(&ticket) else {
            return;
        };
        let age = now.saturating_sub(pending.started);
        let (zones, config, bugs, counts) = (&self.zones, &self.config, self.bugs, &mut self.counts);
        let zone_of = |m: MemberId| zones.get(&m).map_or("", String::as_str);
        let (mut acked, mut held): (Vec<Section>, bool) = (Vec::new(), false);
        for part in &mut pending.parts {
            let late = age >= config.hint_after;
            if bugs.has(Bug::HintCounts) && late && part.state == State::Open {
                for to in part.missing().collect::<Vec<_>>() {
                    let section = part.section;
                    actions.push(Action::Hint { to, section });
                    part.confirm(to);
                }
            }
            if part.state == State::Open {
                let verdict = match written(&part.holders, &part.synced, zone_of) {
                    Written::TooFew if bugs.has(Bug::OneIsEnough) && !part.synced.is_empty() => {
                        Written::InZones
                    }
                    verdict => verdict,
                };
                let enough = match verdict {
                    Written::TooFew => false,
                    Written::InZones => true,
                    Written::InOneZone => !config.require_zones && age >= config.zone_wait,
                };
                if enough {
                    counts.acked += 1;
                    counts.acked_one_zone += u64::from(verdict == Written::InOneZone);
                    acked.push(part.section);
                    part.state = State::Acked;
                    held = true;
                }
            }
            if part.state == State::Acked {
                if part.missing().next().is_none() {
                    part.state = State::Done;
                } else if late {
                    for to in part.missing() {
                        counts.behind += 1;
                        let section = part.section;
                        actions.push(Action::Hint { to, section });
                    }
                    part.state = State::Done;
                }
            }
            if part.state == State::Open && age >= config.timeout {
                counts.unknown += 1;
                part.state = State::Done;
            }
        }
        pending.waited |= age >= config.zone_wait;
        let (from, over) = (pending.from, pending.parts.iter().all(|p| p.state == State::Done));
        if !acked.is_empty() {
            let sections = acked;
            actions.push(Action::Ack { from, sections });
        }
        if over {
            self.release(ticket);
            actions.push(Action::Release { ticket });
        }
        if held && self.bugs.has(Bug::PrefixOfHeld) {
            self.acknowledge_held(actions);
        }
    }

    fn release(&mut self, ticket: Ticket) {
        if let Some(pending) = self.pending.remove(&ticket) {
            self.bytes = self.bytes.saturating_sub(pending.bytes);
        }
    }

    /// The mistake [`Bug::PrefixOfHeld`]: what is on this disk is acknowledged along with what is on enough of them.
    fn acknowledge_held(&mut self, actions: &mut Vec<Action>) {
        let me = self.me;
        for pending in self.pending.values_mut() {
            let mine = pending
                .parts
                .iter_mut()
                .filter(|p| p.state == State::Open && p.synced.contains(&me));
            let sections: Vec<Section> = mine
                .map(|p| {
                    p.state = State::Acked;
                    p.section
                })
                .collect();
            if !sections.is_empty() {
                let from = pending.from;
                actions.push(Action::Ack { from, sections });
            }
        }
    }
}
