//! Faults: which, whom, for how long.

use super::{Happening, Mend, SECOND, TROUBLE_END, World};
use crate::chance::Chance;
use crate::faults::{FAULTS, Fault};
use crate::net::{AGENTS, COORDINATOR};

/// Kinds of a seed that does not have all, besides those that make shards move.
const SOME_KINDS: usize = 4;

/// Which kinds of fault a seed has: all, or in every other seed a few, which then come together more often than among all ("Swarm
/// Testing", Groce et al., ISSTA 2012). Members are drained, and disks lost, in each, so that shards move.
pub(super) fn kinds_of(chance: &mut Chance) -> Vec<Fault> {
    let mut kinds: Vec<Fault> = FAULTS.iter().map(|(fault, _)| *fault).collect();
    if chance.per_mille(500) {
        return kinds;
    }
    let mut some = vec![Fault::Drain, Fault::Wipe];
    kinds.retain(|kind| !some.contains(kind));
    for _ in 0..SOME_KINDS {
        some.push(kinds.swap_remove(chance.index(kinds.len())));
    }
    some
}

impl World {
    /// Something breaks, and something else soon.
    pub(super) fn break_something(&mut self) {
        if self.healed || self.now + SECOND > TROUBLE_END {
            return;
        }
        let next = self.chance.range(SECOND / 4, 2 * SECOND);
        self.after(next, Happening::Break);
        let fault = self.kinds[self.chance.index(self.kinds.len())];
        let machine = self.chance.index(self.collectors.len());
        let lasts = self.chance.range(SECOND / 5, 5 * SECOND);
        self.note(fault as u64, machine as u64);
        self.say(|| format!("{fault:?} at machine {machine} for {lasts}"));
        self.break_at(fault, machine, lasts);
    }

    fn break_at(&mut self, fault: Fault, machine: usize, lasts: u64) {
        let up = self.collectors[machine].member.is_some();
        match fault {
            Fault::Kill | Fault::PowerLoss if up => {
                self.collectors[machine].stop(fault == Fault::PowerLoss);
                self.after(lasts, Happening::Start(machine));
                self.fired.count(fault);
                self.sweep_due = true;
            }
            Fault::PowerLossOfAll => self.all_lose_power(),
            Fault::Wipe if up && self.may_lose_a_disk(machine) => {
                let id = self.collectors[machine].id;
                self.lost.insert(id);
                self.collectors[machine].wipe(self.plant);
                self.after(lasts, Happening::Start(machine));
                self.after(lasts + SECOND, Happening::Register(machine));
                self.fired.count(fault);
                self.sweep_due = true;
            }
            Fault::SyncFails if up => self.collectors[machine].sync_fails = true,
            Fault::SlowDisk => {
                self.collectors[machine].sync_us = SECOND;
                self.after(lasts, Happening::Mend(Mend::Quick(machine)));
            }
            Fault::FullDisk => {
                self.collectors[machine].full = true;
                self.after(lasts, Happening::Mend(Mend::Room(machine)));
            }
            Fault::CutLink | Fault::Isolated => self.cut(fault, machine, lasts),
            Fault::Loss | Fault::Delay => {
                let before = (self.net.loss, self.net.delay, self.net.jitter);
                if fault == Fault::Loss {
                    self.net.loss = self.chance.range(100, 400);
                } else {
                    self.net.delay = self.chance.range(5_000, 50_000);
                    self.net.jitter = self.chance.range(20_000, 400_000);
                }
                self.after(
                    lasts,
                    Happening::Mend(Mend::Net(
                        before.0.min(20),
                        before.1.min(1000),
                        before.2.min(8000),
                    )),
                );
                self.fired.count(fault);
            }
            Fault::Pause if up => {
                self.collectors[machine].paused_until = self.now + lasts;
                self.fired.count(fault);
            }
            Fault::NoQuorum if self.coordinator.quorum => {
                self.coordinator.quorum = false;
                self.after(2 * lasts, Happening::Mend(Mend::Quorum));
                self.fired.count(fault);
            }
            Fault::AgentCrash => {
                let agent = self.chance.index(self.agents.len());
                if self.agents[agent].up {
                    self.agents[agent].crash();
                    self.after(lasts, Happening::AgentStart(agent));
                    self.fired.count(fault);
                }
            }
            Fault::SpoolDamage => {
                let bucket = Self::bucket(self.now);
                for agent in 0..self.agents.len() {
                    if self.agents[agent].up && self.agents[agent].damage(&mut self.chance, bucket) {
                        self.spool(agent);
                        self.fired.count(fault);
                        break;
                    }
                }
            }
            Fault::Drain => {
                let id = self.collectors[machine].id;
                let free = self.coordinator.members.len() - self.coordinator.lost.len();
                if free > usize::from(self.coordinator.replicas)
                    && self.coordinator.drained.is_empty()
                    && !self.coordinator.lost.contains(&id)
                {
                    self.coordinator.drained.insert(id);
                    self.after(3 * lasts, Happening::Mend(Mend::Drained(id)));
                    self.fired.count(fault);
                }
            }
            Fault::Kill
            | Fault::PowerLoss
            | Fault::Wipe
            | Fault::SyncFails
            | Fault::Pause
            | Fault::NoQuorum => {}
        }
    }

    fn all_lose_power(&mut self) {
        for machine in 0..self.collectors.len() {
            if self.collectors[machine].member.is_some() {
                self.collectors[machine].stop(true);
                let wait = self.chance.range(0, SECOND);
                self.after(wait, Happening::Start(machine));
            }
        }
        self.fired.count(Fault::PowerLossOfAll);
        self.sweep_due = true;
    }

    /// At most one disk of a replica set is lost at a time, and none before the one lost before is replaced.
    fn may_lose_a_disk(&self, machine: usize) -> bool {
        let id = self.collectors[machine].id;
        let replaced =
            |m| self.coordinator.lost.contains(m) && !self.coordinator.map.shards.iter().any(|h| h.has(*m));
        self.lost.iter().all(replaced) && !self.lost.contains(&id)
    }

    fn cut(&mut self, fault: Fault, machine: usize, lasts: u64) {
        let mut links = Vec::new();
        let agents = (0..self.agents.len()).map(|a| AGENTS + a);
        if fault == Fault::Isolated {
            for other in self.servers().into_iter().chain(agents) {
                links.extend([(machine, other), (other, machine)]);
            }
        } else {
            let others: Vec<usize> = self
                .servers()
                .into_iter()
                .chain(agents)
                .filter(|o| *o != machine)
                .collect();
            for _ in 0..self.chance.range(1, 4) {
                let other = if self.chance.per_mille(300) {
                    COORDINATOR
                } else {
                    others[self.chance.index(others.len())]
                };
                let out = self.chance.per_mille(500);
                links.push(if out { (machine, other) } else { (other, machine) });
            }
        }
        links.retain(|link| self.net.cut.insert(*link));
        if !links.is_empty() {
            self.fired.count(fault);
            self.after(lasts, Happening::Mend(Mend::Links(links)));
        }
    }
}
