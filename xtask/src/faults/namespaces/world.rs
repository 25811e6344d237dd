//! One run: hosts, members, agents; faults come and go; then everything heals and is compared.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::Disk;

use super::plan::{Fault, Step, plan};
use crate::faults::chance::{Chance, derived};
use crate::faults::ensemble::{COPIES, Ensemble};
use crate::faults::load::{Load, Pace};
use crate::faults::member::{Doors, Kind};
use crate::faults::net::Net;
use crate::faults::trouble::{EIO, Trouble, library};

/// Hosts with agents.
const AGENTS: usize = 2;
/// Events a second of each.
const RATE: u32 = 4_000;
const PRODUCERS: u32 = 3;
/// Seconds of load: longer than any plan.
const SECONDS: u32 = 14;
/// Time for what is late when all is healed.
const RETRY_SECONDS: u32 = 180;
/// Size of a disk that gets full.
const DISK_MIB: u32 = 160;

/// What came of a run.
pub struct Outcome {
    /// Faults, and whether they happened.
    pub seen: Vec<(&'static str, bool)>,
    /// Of the loads.
    pub figures: Vec<Value>,
    /// Seconds until all held the same.
    pub equal: f64,
    /// Events.
    pub acked: u64,
}

/// A member's own file system and page of troubles.
struct Hurt {
    trouble: Trouble,
    /// Before anything happened.
    hits: (i64, i64),
    disk: Option<Disk>,
}

/// A run.
pub struct World {
    seed: u64,
    steps: Vec<Step>,
    hurts: Vec<Hurt>,
    // Processes end before their disks and networks.
    ensemble: Ensemble,
    net: Net,
}

impl World {
    /// Hosts and members, not started.
    pub fn new(seed: u64) -> Result<Self> {
        let steps = plan(&mut Chance::new(derived(seed, 0)));
        let net = Net::new(COPIES + AGENTS)?;
        let mut ensemble = Ensemble::new(&["--memory-mib", "64", "--log", "warn"])?;
        let library = library(ensemble.path())?;
        let mut hurts = Vec::new();
        for host in 0..COPIES {
            let doors = Doors {
                namespace: Some(net.name(host)),
                quic: format!("{}:7481", Net::address(host)),
                http: "127.0.0.1:7480".to_owned(),
            };
            let trouble = Trouble::new(&ensemble.path().join(format!("trouble-{host}")))?;
            let member = ensemble.add(Kind::Up, doors, &[])?;
            member.launch(trouble.launcher(&library));
            let gets_full = steps
                .iter()
                .any(|step| step.fault == Fault::Full && step.members.contains(&host));
            let disk = gets_full
                .then(|| Disk::in_memory(&member.data(), DISK_MIB << 10))
                .transpose()?;
            hurts.push(Hurt {
                trouble,
                hits: (0, 0),
                disk,
            });
        }
        Ok(Self {
            seed,
            steps,
            hurts,
            ensemble,
            net,
        })
    }

    /// What is planned.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Copies what members logged.
    pub fn keep_logs(&self, folder: &Path) -> Result<()> {
        self.ensemble.keep_logs(folder)
    }

    /// From the start to the comparison.
    pub fn run(&mut self, equal: Duration) -> Result<Outcome> {
        self.ensemble.start()?;
        let loads = (COPIES..COPIES + AGENTS)
            .map(|host| self.load(host))
            .collect::<Result<Vec<_>>>()?;
        self.ensemble.under_load()?;
        let happened = self.troubles()?;
        self.heal()?;
        let mut figures = Vec::new();
        let mut acked = 0;
        for load in loads {
            let report = load.report()?;
            acked += report.counted("acked")?;
            let seen = report.nothing_lost()?;
            if let Some(missed) = seen
                .iter()
                .find(|figure| crate::report::holds(figure) == Some(false))
            {
                anyhow::bail!("{}", crate::faults::told(missed));
            }
            crate::faults::kills::add(&mut figures, seen);
        }
        let equal = self.ensemble.until_equal(acked, equal)?;
        for member in &mut self.ensemble.members {
            member.alive()?;
            member.stop()?;
        }
        let names = self.steps.iter().map(|step| step.fault.name());
        Ok(Outcome {
            seen: names.zip(happened).collect(),
            figures,
            equal,
            acked,
        })
    }

    fn load(&self, host: usize) -> Result<Load> {
        let pace = Pace {
            rate: Some(RATE),
            seconds: SECONDS,
            retry_seconds: RETRY_SECONDS,
            seed: derived(self.seed, host as u64 + 1),
        };
        let (name, doors) = (self.net.name(host), self.ensemble.doors());
        let before = ["ip", "netns", "exec", &name];
        let more = [format!("--producers={PRODUCERS}")];
        Load::quic_to(&before, &doors, &self.ensemble.tls(), &pace, &more)
    }

    /// Lets each fault come and go; which of them happened.
    fn troubles(&mut self) -> Result<Vec<bool>> {
        let steps = self.steps.clone();
        let mut happened = vec![false; steps.len()];
        let mut moments: Vec<(f64, usize, bool)> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            moments.extend([(step.begin, at, true), (step.end, at, false)]);
        }
        moments.sort_by(|a, b| a.0.total_cmp(&b.0));
        let began = Instant::now();
        for (time, at, begins) in moments {
            thread::sleep(Duration::from_secs_f64(time).saturating_sub(began.elapsed()));
            let step = &steps[at];
            let did = if begins { self.begin(step) } else { self.end(step) };
            happened[at] |= did.with_context(|| {
                format!("{}, {}", step.fault.name(), if begins { "begin" } else { "end" })
            })?;
        }
        Ok(happened)
    }

    /// A fault comes; did it happen already?
    fn begin(&mut self, step: &Step) -> Result<bool> {
        let mut did = false;
        for host in step.members.iter().copied() {
            let (member, hurt) = (&mut self.ensemble.members[host], &mut self.hurts[host]);
            match step.fault {
                Fault::Kill => {
                    if member.runs() {
                        member.alive()?;
                        member.kill()?;
                        did = true;
                    }
                }
                Fault::Pause => did = member.runs() && member.pause()?,
                Fault::Net(_) => self
                    .net
                    .begin(host, step.packets.context("what happens to packets")?)?,
                Fault::Clock(seconds) => {
                    hurt.hits = hurt.trouble.hits()?;
                    hurt.trouble.clock(seconds)?;
                }
                Fault::Sync => {
                    hurt.hits = hurt.trouble.hits()?;
                    hurt.trouble.sync(EIO)?;
                }
                Fault::Full => {
                    let disk = hurt.disk.as_ref().context("a disk")?;
                    did = fill(disk.path())?;
                }
            }
        }
        Ok(did)
    }

    /// A fault goes; did it happen by then?
    fn end(&mut self, step: &Step) -> Result<bool> {
        let mut did = false;
        for host in step.members.iter().copied() {
            let (member, hurt) = (&mut self.ensemble.members[host], &mut self.hurts[host]);
            match step.fault {
                Fault::Kill => {
                    if !member.runs() {
                        member.start_soon()?;
                    }
                }
                Fault::Pause => {
                    if member.runs() {
                        member.resume()?;
                    }
                }
                Fault::Net(_) => {
                    did |= self
                        .net
                        .end(host, step.packets.context("what happens to packets")?)?
                        > 0;
                }
                Fault::Clock(_) => did = hurt.trouble.hits()?.0 > hurt.hits.0,
                Fault::Sync => {
                    did = hurt.trouble.hits()?.1 > hurt.hits.1;
                    member.kill()?;
                    hurt.trouble.sync(0)?;
                    member.start_soon()?;
                }
                Fault::Full => {
                    let disk = hurt.disk.as_ref().context("a disk")?;
                    fs::remove_dir_all(disk.path().join("filler"))?;
                }
            }
        }
        Ok(did)
    }

    /// Everything is as it should be, and all members are ready.
    fn heal(&mut self) -> Result<()> {
        for (host, member) in self.ensemble.members.iter_mut().enumerate() {
            self.hurts[host].trouble.clock(0)?;
            if !member.runs() {
                member.start_soon()?;
            }
        }
        for member in &mut self.ensemble.members {
            member.ready()?;
        }
        Ok(())
    }
}

/// Takes all that is free, again if somebody gave some back meanwhile; is nothing left?
fn fill(folder: &Path) -> Result<bool> {
    let filler = folder.join("filler");
    fs::create_dir_all(&filler)?;
    for pass in 0..5 {
        let mut taken = false;
        for kib in (2..=17).rev().map(|n| 1_u32 << n) {
            let (file, length) = (filler.join(format!("{pass}-{kib}")), format!("{kib}KiB"));
            let output = Command::new("fallocate")
                .args(["-l", &length])
                .arg(&file)
                .output()?;
            taken = output.status.success();
            if !taken {
                let _ = fs::remove_file(&file);
            }
        }
        if !taken {
            return Ok(true);
        }
    }
    Ok(false)
}
