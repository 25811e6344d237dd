//! One happening after the other.

use super::{BUCKET, Happening, LATENESS, Mend, SECOND, World};
use crate::collector::Op;
use crate::faults::Fault;
use crate::invariants::{acked_is_durable, conservation, epochs, no_duplicates, no_phantoms, spool_freed};
use crate::net::{AGENTS, COORDINATOR, Packet, Place};
use crate::oracle::{Violation, id};
use crate::plant::Plant;
use replication::{Bug, Input, Member, Start};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A collector's time passes so often.
const TICK: u64 = 50_000;

impl World {
    pub(super) fn happens(&mut self, happening: Happening) -> Result<(), Violation> {
        match happening {
            Happening::Arrive(from, to, packet) => self.arrive(from, to, packet)?,
            Happening::Tick(machine) => {
                let life = self.collectors[machine].life;
                if self.collectors[machine].member.is_some() {
                    self.input(machine, Input::Tick)?;
                    if self.collectors[machine].life == life {
                        self.after(TICK, Happening::Tick(machine));
                    }
                }
            }
            Happening::Synced(machine, life) => self.synced(machine, life)?,
            Happening::MapSynced(machine, life) => self.map_synced(machine, life)?,
            Happening::Compare(machine, life, compare) => {
                let collector = &self.collectors[machine];
                if collector.life == life && collector.member.is_some() {
                    let compared = compare.run(&collector.durable.store);
                    self.input(machine, Input::Compared(Box::new(compared)))?;
                }
            }
            Happening::Start(machine) => self.start(machine)?,
            Happening::Register(machine) => self.register(machine)?,
            Happening::Flush(agent) => self.flush(agent),
            Happening::SpoolSynced(agent, life) => self.spool_synced(agent, life)?,
            Happening::AgentTick(agent) => self.agent_tick(agent)?,
            Happening::AgentStart(agent) => {
                if !self.agents[agent].up {
                    self.agents[agent].restart(self.plant);
                    self.say(|| format!("agent {agent} starts"));
                }
            }
            Happening::Chores => self.chores()?,
            Happening::Break => self.break_something(),
            Happening::Mend(mend) => self.mend(mend),
            Happening::Read => self.read(),
            Happening::ReadLook(machine, life, read, last) => self.look(machine, life, read, last)?,
            Happening::Heal => self.heal(),
        }
        if std::mem::take(&mut self.sweep_due) {
            self.sweep()?;
        }
        Ok(())
    }

    /// Everything.
    pub fn sweep(&self) -> Result<(), Violation> {
        acked_is_durable::sweep(self)?;
        no_duplicates::on_disks(self)?;
        conservation::books(self)
    }

    fn arrive(&mut self, from: Place, to: Place, packet: Packet) -> Result<(), Violation> {
        if let Some(agent) = Self::agent_at(to) {
            self.tell_agent(agent, from, packet);
            return Ok(());
        }
        if to == COORDINATOR {
            match packet {
                Packet::AskMap => {
                    let map = Arc::clone(&self.coordinator.map);
                    self.send(COORDINATOR, from, Packet::Map(map));
                }
                Packet::Propose(shard, change) => {
                    self.say(|| format!("proposed by {from}: {shard} {change:?}"));
                    self.sweep_due |= self.coordinator.propose(self.now, shard, change);
                }
                _ => {}
            }
            return Ok(());
        }
        let paused = self.collectors[to].paused_until;
        if paused > self.now {
            self.at(paused, Happening::Arrive(from, to, packet));
            return Ok(());
        }
        if self.collectors[to].member.is_none() {
            return Ok(());
        }
        match packet {
            Packet::Member {
                from,
                to: id,
                message,
            } if self.collectors[to].id == id => self.input(to, Input::Message { from, message })?,
            Packet::Frame(token, epoch, sections) => {
                let from = token;
                self.input(
                    to,
                    Input::Frame {
                        from,
                        epoch,
                        sections,
                    },
                )?;
            }
            Packet::Map(map) => {
                let zones = self.coordinator.members.clone();
                if let Some(member) = &mut self.collectors[to].member {
                    member.set_zones(zones);
                    member.set_gone(self.coordinator.lost.clone());
                }
                self.input(to, Input::Map(map))?;
            }
            Packet::AskMap => {
                if let Some(member) = &self.collectors[to].member {
                    let map = Arc::clone(member.replica().map());
                    self.send(to, from, Packet::Map(map));
                }
            }
            Packet::Read(read, epoch, shard, id) => {
                if self.collectors[to].id == id
                    && let Some(rows) = self.collectors[to].rows(read, epoch, shard)
                {
                    self.send(to, from, rows);
                }
            }
            Packet::Rows(read, member, reply, sections) => self.rows(to, read, member, reply, sections),
            _ => {}
        }
        Ok(())
    }

    fn tell_agent(&mut self, agent: usize, from: Place, packet: Packet) {
        let (now, by) = (self.duration(), self.collectors[from].id);
        let a = &mut self.agents[agent];
        if !a.up {
            return;
        }
        match packet {
            Packet::Acked(_, sections) => a.acked(by, &sections),
            Packet::StaleMap(map) => a.learn(&map),
            Packet::Map(map) if map.epoch > a.map.epoch => a.learn(&map),
            Packet::Busy => a.busy(now),
            Packet::Conflict(_, section) => a.rejected(&section),
            _ => {}
        }
    }

    /// A core hears something, and what it wants is done.
    pub(super) fn input(&mut self, machine: usize, input: Input) -> Result<(), Violation> {
        let now = self.duration();
        let actions = self.collectors[machine].handle(now, input);
        for action in actions {
            self.act(machine, action)?;
        }
        Ok(())
    }

    fn synced(&mut self, machine: usize, life: u64) -> Result<(), Violation> {
        if self.collectors[machine].life != life || self.collectors[machine].member.is_none() {
            return Ok(());
        }
        let collector = &mut self.collectors[machine];
        let failed = std::mem::take(&mut collector.sync_fails);
        let (inputs, full) = if failed {
            (collector.sync_failed(), false)
        } else {
            let full = collector.full && collector.syncing.iter().any(|op| matches!(op, Op::Write(..)));
            (collector.synced(), full)
        };
        if failed {
            self.fired.count(Fault::SyncFails);
            self.say(|| format!("machine {machine}: sync failed"));
            let wait = self.chance.range(SECOND, 4 * SECOND);
            if self.plant != Some(Plant::Core(Bug::FsyncErrorIgnored)) {
                self.after(wait, Happening::Start(machine));
            }
        }
        if full {
            self.fired.count(Fault::FullDisk);
        }
        for input in inputs {
            self.input(machine, input)?;
        }
        self.sync(machine);
        Ok(())
    }

    fn map_synced(&mut self, machine: usize, life: u64) -> Result<(), Violation> {
        if self.collectors[machine].life != life || self.collectors[machine].member.is_none() {
            return Ok(());
        }
        let before = self.collectors[machine].durable.map.epoch;
        let kept = self.collectors[machine].map_synced();
        epochs::adopted(self, machine, before)?;
        if let Some(kept) = kept {
            self.input(machine, kept)?;
            let collector = &mut self.collectors[machine];
            let (map, me) = (Arc::clone(&collector.durable.map), collector.id);
            collector
                .durable
                .store
                .keep_shards(|s| map.holders(s).is_some_and(|h| h.has(me)));
            self.sweep_due = true;
        }
        Ok(())
    }

    /// Begins a sync if something waits and none is under way.
    pub(super) fn sync(&mut self, machine: usize) {
        let collector = &mut self.collectors[machine];
        if collector.member.is_none() || !collector.syncing.is_empty() || collector.waiting.is_empty() {
            return;
        }
        collector.syncing = std::mem::take(&mut collector.waiting);
        let (life, most) = (collector.life, collector.sync_us);
        if most > 100_000 {
            self.fired.count(Fault::SlowDisk);
        }
        let wait = most / 2 + self.chance.range(0, most);
        self.after(wait, Happening::Synced(machine, life));
    }

    fn start(&mut self, machine: usize) -> Result<(), Violation> {
        self.lives += 1;
        let collector = &mut self.collectors[machine];
        let before = collector.durable.map.epoch;
        collector.stop(false);
        collector.life = self.lives;
        collector.sync_fails = false;
        let start = Start {
            me: collector.id,
            life: self.lives << 32,
            disk: collector.disk(),
            map: Arc::clone(&collector.durable.map),
            hints: collector.durable.hints.iter().copied().collect(),
            zones: self.coordinator.members.clone(),
            gone: self.coordinator.lost.clone(),
        };
        let disk = start.disk;
        let now = self.duration();
        let bugs = Plant::bugs(self.plant);
        self.collectors[machine].member = Some(Member::new(now, start, self.config, bugs));
        self.say(|| format!("machine {machine} starts, disk {disk:?}"));
        epochs::adopted(self, machine, before)?;
        let first = self.chance.range(0, TICK);
        self.after(first, Happening::Tick(machine));
        self.send(machine, COORDINATOR, Packet::AskMap);
        self.sweep_due = true;
        Ok(())
    }

    fn register(&mut self, machine: usize) -> Result<(), Violation> {
        if !self.coordinator.quorum {
            self.after(SECOND, Happening::Register(machine));
            return Ok(());
        }
        let old = self.collectors[machine].id;
        if self.plant == Some(Plant::Core(Bug::MemberIdReused)) {
            self.collectors[machine].durable.marker = Some(old);
            return Ok(());
        }
        self.coordinator.lost.insert(old);
        let zone = self.collectors[machine].zone.clone();
        let new = self.coordinator.register(zone);
        self.machine_of.insert(new, machine);
        let collector = &mut self.collectors[machine];
        collector.stop(true);
        collector.id = new;
        collector.durable.marker = Some(new);
        self.say(|| format!("machine {machine}, once {old}, is member {new}"));
        self.start(machine)
    }

    fn flush(&mut self, agent: usize) {
        if self.agents[agent].to_emit == 0 {
            return;
        }
        let wait = self.flush_us / 2 + self.chance.range(0, self.flush_us);
        self.after(wait, Happening::Flush(agent));
        if !self.agents[agent].up {
            return;
        }
        let bucket = Self::bucket(self.now);
        self.agents[agent].flush(&mut self.chance, self.shards, bucket);
        self.spool(agent);
    }

    pub(super) fn spool(&mut self, agent: usize) {
        let (wait, life) = (self.chance.range(500, 5_000), self.agents[agent].life);
        self.after(wait, Happening::SpoolSynced(agent, life));
    }

    fn spool_synced(&mut self, agent: usize, life: u64) -> Result<(), Violation> {
        if !self.agents[agent].up || self.agents[agent].life != life {
            return Ok(());
        }
        for section in self.agents[agent].synced() {
            if section.gap {
                self.oracle.given_up.insert(id(&section), section);
            } else {
                no_phantoms::emitted(self, &section)?;
                self.oracle.emitted.insert(id(&section), section);
            }
        }
        conservation::books(self)
    }

    fn agent_tick(&mut self, agent: usize) -> Result<(), Violation> {
        let wait = self.chance.range(20_000, 60_000);
        self.after(wait, Happening::AgentTick(agent));
        if !self.agents[agent].up {
            return Ok(());
        }
        let (now, bucket) = (self.duration(), Self::bucket(self.now));
        let frames = self.agents[agent].take(now, self.plant, bucket);
        let (epoch, life) = (self.agents[agent].map.epoch, self.agents[agent].life);
        for (to, sections) in frames {
            let token = (life << 16) | agent as u64;
            if let Some(machine) = self.machine_of.get(&to).copied()
                && self.collectors[machine].id == to
            {
                self.send(AGENTS + agent, machine, Packet::Frame(token, epoch, sections));
            }
        }
        if std::mem::take(&mut self.agents[agent].wants_map) {
            let any = self.chance.index(self.collectors.len());
            self.send(AGENTS + agent, any, Packet::AskMap);
        }
        self.spool(agent);
        let freed = self.agents[agent].reap();
        spool_freed::of(self, &freed)?;
        conservation::books(self)
    }

    fn chores(&mut self) -> Result<(), Violation> {
        self.after(SECOND, Happening::Chores);
        let floor = self.policy_floor();
        for machine in 0..self.collectors.len() {
            if self.collectors[machine].member.is_none() {
                continue;
            }
            if self.chance.per_mille(400) {
                self.send(machine, COORDINATOR, Packet::AskMap);
            }
            if self.chance.per_mille(400) {
                let end = Self::bucket(self.now.saturating_sub(LATENESS) / BUCKET * BUCKET);
                let store = &mut self.collectors[machine].durable.store;
                self.oracle.sealed += store.seal(end);
                store.retain(floor);
            }
        }
        if self.coordinator.quorum {
            self.coordinator.plan(self.now);
        }
        self.sweep()
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Quick(machine) => self.collectors[machine].sync_us = 2_000,
            Mend::Room(machine) => self.collectors[machine].full = false,
            Mend::Links(links) => links.iter().for_each(|link| {
                self.net.cut.remove(link);
            }),
            Mend::Net(loss, delay, jitter) => {
                (self.net.loss, self.net.delay, self.net.jitter) = (loss, delay, jitter);
            }
            Mend::Quorum => self.coordinator.quorum = true,
            Mend::Drained(member) => {
                self.coordinator.drained.remove(&member);
            }
        }
    }

    /// Everything works again, for good.
    fn heal(&mut self) {
        self.healed = true;
        self.say(|| "healed".to_owned());
        self.net.cut.clear();
        (self.net.loss, self.net.twice, self.net.delay, self.net.jitter) = (0, 0, 500, 500);
        self.coordinator.quorum = true;
        self.coordinator.drained.clear();
        for machine in 0..self.collectors.len() {
            let c = &mut self.collectors[machine];
            (c.full, c.sync_us, c.sync_fails) = (false, 2_000, false);
            if c.member.as_ref().is_none_or(|m| m.replica().is_stopped()) {
                self.after(SECOND / 2, Happening::Start(machine));
            }
        }
        for agent in 0..self.agents.len() {
            if !self.agents[agent].up {
                self.after(SECOND / 2, Happening::AgentStart(agent));
            }
        }
    }

    /// What is known of how often what was counted, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        let mut add = |name, n: u64| *counts.entry(name).or_default() += n;
        for member in self.collectors.iter().filter_map(|c| c.member.as_ref()) {
            let (front, hints, repair) = (
                member.front().counts(),
                member.hints().counts(),
                member.repair().counts(),
            );
            add("acknowledged in one zone", front.acked_one_zone);
            add("unknown outcomes", front.unknown);
            add("stale confirmations refused", front.stale_verdicts);
            add("hints kept", hints.kept);
            add("hints delivered", hints.delivered);
            add("hints overflowed", hints.overflowed);
            add("comparisons", repair.compared);
            add("batches fetched", repair.fetched);
        }
        counts
    }
}
