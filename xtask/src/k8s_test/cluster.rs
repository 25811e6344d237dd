//! A control plane and a kubelet in one loop: sets are brought to what they should be, pods are asked whether they are ready, names follow.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::manifest::{Manifests, Workload, selects};
use super::network::Network;
use super::pod::{Ground, LOOK, Phase, Pod, Secrets, claim};

/// Waits of the manifests are divided by this; limits (grace, timeouts) are not.
pub const FASTER: u32 = 10;

/// A workload and its pods.
pub struct Set {
    pub workload: Workload,
    pub replicas: usize,
    pub revision: u32,
    pub pods: BTreeMap<usize, Pod>,
}

/// What happened.
#[derive(Default)]
pub struct Counts {
    pub started: u64,
    /// Processes that ended though nobody had told them.
    pub restarted: u64,
    /// That did not end in their grace.
    pub killed: u64,
    pub evicted: u64,
    pub refused: u64,
    /// Seconds from start to ready.
    pub ready: Vec<f64>,
}

/// Everything; its order is the order in which it goes.
pub struct Cluster {
    pub sets: Vec<Set>,
    pub counts: Counts,
    /// Addresses of the clients' service, for whoever asks.
    pub clients: Arc<Mutex<Vec<String>>>,
    pub manifests: Manifests,
    secrets: Secrets,
    roots: Vec<PathBuf>,
    network: Network,
    names: Vec<(String, String)>,
    folder: PathBuf,
}

impl Set {
    pub fn name(&self) -> &str {
        self.workload.object.name()
    }

    fn available(&self, pod: &Pod) -> bool {
        let wait = self.workload.min_ready() / FASTER;
        pod.runs() && pod.ready_since.is_some_and(|since| since.elapsed() >= wait)
    }

    /// As many pods as it should have, all available and of the newest revision.
    pub fn settled(&self) -> bool {
        let good = |pod: &Pod| self.available(pod) && pod.revision == self.revision;
        self.pods.len() == self.replicas && self.pods.values().all(good)
    }
}

impl Cluster {
    /// `roots`: file systems of the releases; revision after revision takes the next of them.
    pub fn new(manifests: Manifests, secrets: Secrets, roots: Vec<PathBuf>, folder: &Path) -> Result<Self> {
        Ok(Self {
            sets: Vec::new(),
            counts: Counts::default(),
            clients: Arc::default(),
            manifests,
            secrets,
            roots,
            network: Network::new(folder)?,
            names: Vec::new(),
            folder: folder.to_owned(),
        })
    }

    /// Applies a workload, with so many pods if that is not said in it.
    pub fn apply(&mut self, workload: Workload, replicas: Option<usize>) {
        self.sets.push(Set {
            replicas: replicas.unwrap_or_else(|| workload.replicas()),
            workload,
            revision: 0,
            pods: BTreeMap::new(),
        });
    }

    /// A set by its name.
    pub fn set(&mut self, name: &str) -> Result<&mut Set> {
        let found = self.sets.iter_mut().find(|set| set.name() == name);
        found.with_context(|| format!("no workload {name}"))
    }

    /// Goes on until that is so.
    pub fn until(&mut self, what: &str, limit: Duration, done: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        loop {
            self.tick()?;
            if done(self)? {
                return Ok(());
            }
            if began.elapsed() > limit {
                for pod in self.sets.iter().flat_map(|set| set.pods.values()) {
                    let state = (pod.runs(), pod.started, pod.ready_since.is_some());
                    eprintln!("{} (runs, started, ready) {state:?}:\n{}", pod.name, pod.said());
                }
                bail!("waited {limit:?} for {what}");
            }
            thread::sleep(LOOK);
        }
    }

    /// Until all sets are as they should be.
    pub fn settle(&mut self, limit: Duration) -> Result<()> {
        self.until("all pods to be available", limit, |cluster| {
            Ok(cluster.sets.iter().all(Set::settled))
        })
    }

    /// Lets it go on for a while.
    pub fn pass(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.tick()?;
            thread::sleep(LOOK);
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        for set in &mut self.sets {
            let mut gone = Vec::new();
            for (number, pod) in &mut set.pods {
                if look(pod, &set.workload, &mut self.counts)? {
                    gone.push(*number);
                }
            }
            for number in gone {
                let pod = set.pods.remove(&number).context("a pod")?;
                if pod.wipes {
                    fs::remove_dir_all(claim(&self.folder, "data", &pod.name))?;
                }
            }
            reconcile(set)?;
        }
        self.create()?;
        self.publish()
    }

    /// Starts the pods that are missing: all at once, as `podManagementPolicy: Parallel` says.
    fn create(&mut self) -> Result<()> {
        for set in &mut self.sets {
            let missing: Vec<usize> = (0..set.replicas).filter(|n| !set.pods.contains_key(n)).collect();
            for number in missing {
                let name = format!("{}-{number}", set.name());
                let ground = Ground {
                    manifests: &self.manifests,
                    secrets: &self.secrets,
                    root: &self.roots[set.revision as usize % self.roots.len()],
                    folder: &self.folder,
                    resolv_conf: self.network.resolv_conf(set.workload.object.namespace())?,
                };
                let host = self.network.host()?;
                let pod = Pod::start(&name, set.revision, &set.workload, &ground, host)?;
                self.counts.started += 1;
                set.pods.insert(number, pod);
            }
        }
        Ok(())
    }

    /// Names of headless services and of pods in them; addresses of the clients' service.
    fn publish(&mut self) -> Result<()> {
        let mut names = Vec::new();
        for service in self.manifests.of("Service") {
            let (spec, namespace) = (service.spec(), service.namespace());
            let all = spec["publishNotReadyAddresses"] == true;
            let mut addresses = Vec::new();
            for set in self
                .sets
                .iter()
                .filter(|set| set.workload.object.namespace() == namespace)
            {
                if !selects(&spec["selector"], set.workload.labels()) {
                    continue;
                }
                for pod in set.pods.values().filter(|pod| all || pod.serves()) {
                    let address = pod.host.address.clone();
                    if set.workload.object.spec()["serviceName"] == service.name() {
                        let name = format!("{}.{}.{namespace}.svc", pod.name, service.name());
                        names.push((name, address.clone()));
                    }
                    addresses.push(address);
                }
            }
            if spec["clusterIP"] == "None" {
                let name = format!("{}.{namespace}.svc", service.name());
                names.extend(addresses.into_iter().map(|address| (name.clone(), address)));
            } else if let Ok(mut clients) = self.clients.lock() {
                *clients = addresses;
            }
        }
        if names != self.names {
            self.network.publish(&names)?;
            self.names = names;
        }
        Ok(())
    }

    /// `kubectl delete pod`: with `wipe`, its claim too.
    pub fn delete(&mut self, set: &str, number: usize, wipe: bool) -> Result<()> {
        let set = self.set(set)?;
        let pre_stop = set.workload.pre_stop()? / FASTER;
        let pod = set.pods.get_mut(&number).context("no such pod")?;
        pod.wipes = wipe;
        pod.stop(pre_stop);
        Ok(())
    }

    /// The eviction API: is it allowed by the budget that selects the pod, it goes.
    pub fn evict(&mut self, set: &str, number: usize) -> Result<bool> {
        let of = self
            .sets
            .iter()
            .find(|s| s.name() == set)
            .context("no such set")?;
        let labels = of.workload.labels();
        let budget = self.manifests.of("PodDisruptionBudget").find(|budget| {
            budget.namespace() == of.workload.object.namespace()
                && selects(&budget.spec()["selector"]["matchLabels"], labels)
        });
        let spec = budget.with_context(|| format!("no budget for {set}"))?.spec();
        let most = spec["maxUnavailable"]
            .as_u64()
            .context("a budget without maxUnavailable")?;
        let wanted = (of.replicas as u64).saturating_sub(most);
        let healthy = of.pods.values().filter(|pod| pod.serves()).count() as u64;
        let pod = of.pods.get(&number).context("no such pod")?;
        let may = if pod.serves() {
            healthy > wanted
        } else {
            spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow" || healthy >= wanted
        };
        if may {
            self.delete(set, number, false)?;
            self.counts.evicted += 1;
        } else {
            self.counts.refused += 1;
        }
        Ok(may)
    }
}

/// Asks a pod what is due, and leads it to its end; is it gone?
fn look(pod: &mut Pod, workload: &Workload, counts: &mut Counts) -> Result<bool> {
    match pod.phase {
        Phase::Stops(until) => {
            if Instant::now() >= until {
                pod.terminate();
                pod.phase = Phase::Ends(Instant::now() + workload.grace());
            }
            return Ok(false);
        }
        Phase::Ends(deadline) => {
            if pod.ended()?.is_some() {
                return Ok(true);
            }
            if Instant::now() < deadline {
                return Ok(false);
            }
            counts.killed += 1;
            pod.kill()?;
            return Ok(true);
        }
        Phase::Runs => {}
    }
    if let Some(status) = pod.ended()? {
        eprintln!(
            "{} ended with {status}, though nobody had told it:\n{}",
            pod.name,
            pod.said()
        );
        counts.restarted += 1;
        return Ok(true);
    }
    let kind = if pod.started {
        "readinessProbe"
    } else {
        "startupProbe"
    };
    let Some(probe) = workload.probe(kind)? else {
        // Without a probe a pod is ready when it runs.
        pod.started = true;
        if workload.probe("readinessProbe")?.is_none() {
            pod.ready_since.get_or_insert_with(Instant::now);
        }
        return Ok(false);
    };
    if pod.asked.elapsed() < probe.period / FASTER {
        return Ok(false);
    }
    pod.asked = Instant::now();
    if pod.answers(&probe) {
        pod.failures = 0;
        if !pod.started {
            pod.started = true;
        } else if pod.ready_since.is_none() {
            pod.ready_since = Some(Instant::now());
            counts.ready.push(pod.began.elapsed().as_secs_f64());
        }
    } else {
        pod.failures += 1;
        if pod.started && pod.failures >= probe.failures {
            pod.ready_since = None;
        }
    }
    Ok(false)
}

/// A roll-out's next step: if all are available, the highest pod of an older revision goes. Pods above `replicas` go at once.
fn reconcile(set: &mut Set) -> Result<()> {
    let pre_stop = set.workload.pre_stop()? / FASTER;
    let replicas = set.replicas;
    for (_, pod) in set
        .pods
        .iter_mut()
        .filter(|(number, pod)| **number >= replicas && pod.runs())
    {
        pod.stop(pre_stop);
    }
    if set.pods.len() != replicas || !set.pods.values().all(|pod| set.available(pod)) {
        return Ok(());
    }
    let revision = set.revision;
    if let Some(pod) = set.pods.values_mut().rev().find(|pod| pod.revision != revision) {
        pod.stop(pre_stop);
    }
    Ok(())
}
