//! A frame under way: what each section waits for.

use crate::action::Action;
use crate::front::append;
use crate::message::Ticket;
use crate::section::Section;
use placement::{Holders, MemberId};
use std::collections::BTreeMap;
use std::time::Duration;

/// How far a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not acknowledged.
    Open,
    /// Acknowledged; some holders have not confirmed.
    Acked,
    /// Nothing is waited for.
    Done,
}

/// A section, under the map that it is written under.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) section: Section,
    pub(super) holders: Holders,
    pub(super) epoch: u64,
    pub(super) synced: Vec<MemberId>,
    pub(super) state: State,
}

impl Part {
    pub(super) fn new(section: Section, holders: Holders, epoch: u64) -> Self {
        Self {
            section,
            holders,
            epoch,
            synced: Vec::new(),
            state: State::Open,
        }
    }

    /// A holder has it on disk.
    pub(super) fn confirm(&mut self, member: MemberId) {
        if self.holders.has(member) && !self.synced.contains(&member) {
            self.synced.push(member);
        }
    }

    /// Holders that have not confirmed.
    pub(super) fn missing(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.holders.all().filter(|m| !self.synced.contains(m))
    }
}

/// A frame.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) started: Duration,
    /// When it was sent last.
    pub(super) sent: Duration,
    /// Was a second zone waited for?
    pub(super) waited: bool,
    pub(super) from: u64,
    pub(super) bytes: u64,
    pub(super) parts: Vec<Part>,
}

impl Pending {
    pub(super) fn new(now: Duration, from: u64, bytes: u64, parts: Vec<Part>) -> Self {
        Self {
            started: now,
            sent: now,
            waited: false,
            from,
            bytes,
            parts,
        }
    }

    /// To each holder what it has not confirmed: one message a member and map.
    pub(super) fn appends(&self, ticket: Ticket) -> Vec<Action> {
        let mut by_member: BTreeMap<(MemberId, u64), Vec<(u16, Section)>> = BTreeMap::new();
        for (at, part) in (0u16..).zip(&self.parts) {
            if part.state == State::Done {
                continue;
            }
            for member in part.missing() {
                by_member
                    .entry((member, part.epoch))
                    .or_default()
                    .push((at, part.section));
            }
        }
        let send = |((to, epoch), sections)| append(to, ticket, epoch, sections);
        by_member.into_iter().map(send).collect()
    }
}
