//! What a core wants is done: the part of a collector's shell.

use super::World;
use crate::collector::Op;
use crate::invariants::{acked_is_durable, epochs, hints_are_kept};
use crate::net::{AGENTS, COORDINATOR, Packet};
use crate::oracle::{Violation, id};
use replication::Action;
use std::sync::Arc;

/// A map is asked for at most so often.
const ASK: u64 = 100_000;

impl World {
    pub(super) fn act(&mut self, machine: usize, action: Action) -> Result<(), Violation> {
        let from = self.collectors[machine].id;
        let agent = |token: u64| (token & 0xffff) as usize;
        match action {
            Action::Send { to, message } => {
                epochs::said(self, from, &message)?;
                self.say(|| {
                    let mut words = format!("{from} to {to}: {message:?}");
                    words.truncate(400);
                    words
                });
                if let Some(place) = self.machine_of.get(&to).copied() {
                    self.send(machine, place, Packet::Member { from, to, message });
                }
            }
            Action::Keep { .. } | Action::Release { .. } | Action::Hint { .. } => {}
            Action::Write { job, sections, .. } => self.write(machine, Op::Write(job, sections)),
            Action::KeepMap(map) => self.write(machine, Op::Map(map)),
            Action::KeepHint { to, section } => {
                let member = self.collectors[machine].member.as_ref();
                let epoch = member.map_or(0, |m| m.replica().map().epoch);
                self.hinted.insert((machine, to, section), epoch);
                self.write(machine, Op::Hint(to, section));
            }
            Action::DropHint { to, section } => {
                hints_are_kept::forgotten(self, machine, to, &section)?;
                self.hinted.remove(&(machine, to, section));
                self.write(machine, Op::NoHint(to, section));
            }
            Action::Ack { from, sections } => {
                let floor = self.policy_floor();
                for section in &sections {
                    self.say(|| format!("machine {machine} acknowledges {section:?}"));
                    let (now, id) = (self.now, id(section));
                    if section.gap {
                        self.oracle.acked_gaps.insert(id, *section);
                    } else {
                        self.oracle.acked.entry(id).or_insert((now, *section));
                    }
                    if !section.gap || !self.is_held_somewhere(section) {
                        acked_is_durable::of(self, section, floor)?;
                    }
                }
                self.send(machine, AGENTS + agent(from), Packet::Acked(from >> 16, sections));
            }
            Action::Stale { from, .. } => {
                let map = self.collectors[machine]
                    .member
                    .as_ref()
                    .map(|m| Arc::clone(m.replica().map()));
                if let Some(map) = map {
                    self.send(machine, AGENTS + agent(from), Packet::StaleMap(map));
                }
            }
            Action::Busy { from } => self.send(machine, AGENTS + agent(from), Packet::Busy),
            Action::Conflict { from, section } => {
                self.send(
                    machine,
                    AGENTS + agent(from),
                    Packet::Conflict(from >> 16, section),
                );
            }
            Action::FetchMap(_) => {
                if self.now >= self.collectors[machine].asked_map + ASK {
                    self.collectors[machine].asked_map = self.now;
                    self.send(machine, COORDINATOR, Packet::AskMap);
                }
            }
            Action::Propose { shard, change } => {
                self.send(machine, COORDINATOR, Packet::Propose(shard, change));
            }
        }
        Ok(())
    }

    fn write(&mut self, machine: usize, op: Op) {
        self.collectors[machine].waiting.push(op);
        self.sync(machine);
    }
}
