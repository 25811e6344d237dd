//! What a core wants is done: the part of a collector's shell.

use super::{Happening, World};
use crate::collector::Op;
use crate::invariants::{acked_is_durable, epochs, hints_are_kept};
use crate::net::{AGENTS, COORDINATOR, Packet};
use crate::oracle::{Violation, id};
use placement::ShardMap;
use replication::{Action, Message};
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
            Action::WritePart { job } => self.write(machine, Op::Part(job)),
            Action::Write { job, sections, .. } => self.write(machine, Op::Write(job, sections)),
            Action::Compare(compare) => {
                let (life, wait) = (self.collectors[machine].life, self.chance.range(50, 3_000));
                self.after(wait, Happening::Compare(machine, life, compare));
            }
            Action::Answer {
                to,
                ask,
                shard,
                question,
                epoch,
                whole,
            } => {
                let held = &self.collectors[machine].durable.store;
                let answer = replication::answer(held, shard, &question, epoch, whole);
                let message = Message::Answer { ask, shard, answer };
                return self.act(machine, Action::Send { to, message });
            }
            Action::KeepMap(map) => self.keep(machine, map),
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

    /// As the shell does: a synced write of its own, beside the batches that wait for theirs.
    fn keep(&mut self, machine: usize, map: Arc<ShardMap>) {
        let collector = &mut self.collectors[machine];
        let (life, most) = (collector.life, collector.sync_us);
        collector.keeping = Some(map);
        let wait = self.chance.range(most / 10, most);
        self.after(wait, Happening::MapSynced(machine, life));
    }

    fn write(&mut self, machine: usize, op: Op) {
        self.collectors[machine].waiting.push(op);
        self.sync(machine);
    }
}
