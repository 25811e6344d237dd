//! Clients that read shards through some collector.

use super::{Happening, SECOND, World};
use crate::collector::Reading;
use crate::invariants::{complete_is_true, data_beats_gap, no_duplicates};
use crate::net::Packet;
use crate::oracle::Violation;
use crate::plant::Plant;
use event::Shard;
use placement::MemberId;
use replication::{Read, Reply, Section};
use std::collections::BTreeSet;
use std::sync::Arc;

impl World {
    /// A client asks.
    pub(super) fn read(&mut self) {
        let wait = self.chance.range(100_000, 400_000);
        self.after(wait, Happening::Read);
        let machine = self.chance.index(self.collectors.len());
        let shard = Shard(self.chance.range(0, u64::from(self.shards)) as u16);
        let Some(member) = &self.collectors[machine].member else {
            return;
        };
        let map = Arc::clone(member.replica().map());
        let Some(read) = Read::new(&map, shard, Plant::bugs(self.plant)) else {
            return;
        };
        self.reads += 1;
        let number = self.reads;
        let reading = Reading {
            read,
            asked: BTreeSet::new(),
            started: self.now,
        };
        let life = self.collectors[machine].life;
        self.collectors[machine].reads.insert(number, reading);
        self.came.insert(number, BTreeSet::new());
        self.ask_more(machine, number);
        self.after(SECOND / 5, Happening::ReadLook(machine, life, number, false));
        self.after(SECOND, Happening::ReadLook(machine, life, number, true));
    }

    fn ask_more(&mut self, machine: usize, number: u64) {
        let me = self.collectors[machine].id;
        let Some(reading) = self.collectors[machine].reads.get_mut(&number) else {
            return;
        };
        let (epoch, shard) = (reading.read.epoch(), reading.read.shard());
        let ask = reading.read.to_ask(&reading.asked, &[me]);
        reading.asked.extend(ask.iter().copied());
        for to in ask {
            if to == me {
                let rows = self.collectors[machine].rows(number, epoch, shard);
                if let Some(Packet::Rows(read, member, reply, sections)) = rows {
                    self.rows(machine, read, member, reply, sections);
                }
            } else if let Some(place) = self.machine_of.get(&to).copied() {
                self.send(machine, place, Packet::Read(number, epoch, shard, to));
            }
        }
    }

    /// A replica answered.
    pub(super) fn rows(
        &mut self,
        machine: usize,
        read: u64,
        member: MemberId,
        reply: Reply,
        sections: Vec<Section>,
    ) {
        if let Some(reading) = self.collectors[machine].reads.get_mut(&read) {
            self.came
                .entry(read)
                .or_default()
                .extend(sections.iter().copied());
            reading.read.answered(member, reply, sections);
        }
    }

    /// Time to ask others, or to answer.
    pub(super) fn look(
        &mut self,
        machine: usize,
        life: u64,
        number: u64,
        last: bool,
    ) -> Result<(), Violation> {
        if self.collectors[machine].life != life {
            self.came.remove(&number);
            return Ok(());
        }
        if !last {
            self.ask_more(machine, number);
            return Ok(());
        }
        let Some(reading) = self.collectors[machine].reads.remove(&number) else {
            return Ok(());
        };
        let came = self.came.remove(&number).unwrap_or_default();
        let (shard, started) = (reading.read.shard(), reading.started);
        let answer = reading.read.merged();
        self.oracle.reads[usize::from(!answer.complete)] += 1;
        no_duplicates::in_answer(&answer)?;
        data_beats_gap::of(shard, &came, self.policy_floor(), &answer)?;
        complete_is_true::of(self, shard, started, &answer)
    }
}
