//! What happens to the cluster, step by step, while nodes send and somebody asks.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use super::ask::{until_equal, until_formed};
use super::clients::Clients;
use super::cluster::Cluster;
use super::manifest::Workload;
use super::operations::{address_lost, evictions, scaled, volume_lost};
use super::pod::{Pod, own};
use crate::faults::chance::Chance;
use crate::faults::{count, most, none, some};
use crate::image::confined::is_confined;

/// Longest waits: for pods, for shards, for what is late.
const READY: Duration = Duration::from_mins(3);
const EQUAL: Duration = Duration::from_mins(3);
/// Pods of the application, each with an agent and a node.
const AGENTS: usize = 2;
/// Events a second of each node.
const RATE: u32 = 2_000;
const COLLECTORS: usize = 3;

/// Installs, loads, rolls `runs` times, evicts, compares.
pub fn run(
    cluster: &mut Cluster,
    workloads: [Workload; 3],
    folder: &Path,
    token: &str,
    (runs, short): (u32, bool),
    seed: u64,
) -> Result<Vec<Value>> {
    let mut chance = Chance::new(seed);
    let began = Instant::now();
    let [coordinator, collector, application] = workloads;
    let names = [&coordinator, &collector].map(|workload| workload.object.name().to_owned());
    cluster.apply(coordinator, None);
    cluster.apply(collector, None);
    cluster.apply(application, Some(AGENTS));
    cluster.settle(READY)?;
    until_formed(cluster, token, READY)?;
    let installed = began.elapsed().as_secs_f64();
    println!("installed: all pods available and all shards held after {installed:.1} s");
    let mut confined = 0;
    for pod in cluster.sets.iter().take(2).flat_map(|set| set.pods.values()) {
        is_confined(pod.pid())?;
        confined += 1;
    }
    let sockets = sockets(cluster, folder);
    let clients = Clients::begin(sockets, RATE, &cluster.clients, token);
    cluster.pass(Duration::from_secs(2))?;

    let mut slowest = 0.0_f64;
    for done in 1..=runs {
        let rolled = Instant::now();
        for name in &names {
            cluster.set(name)?.revision += 1;
        }
        cluster.settle(READY)?;
        slowest = slowest.max(rolled.elapsed().as_secs_f64());
        println!(
            "{done} of {runs} rolling updates of six members, {:.1} s",
            rolled.elapsed().as_secs_f64()
        );
    }
    evictions(cluster, &names, &mut chance)?;
    address_lost(cluster, &names[1], token, &mut chance)?;
    if !short {
        volume_lost(cluster, &names[1], token, &mut chance)?;
        scaled(cluster, &names[1], token, folder)?;
    }

    let told = clients.end()?;
    // For each node that ended its agent says so, by one event.
    let events = told.stored + told.nodes;
    let (equal, held) = until_equal(cluster, token, COLLECTORS, events, EQUAL)?;
    let counts = &cluster.counts;
    let last = counts.ready.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        some("pods started", counts.started, 8 + 6 * u64::from(runs) + 2),
        some("members seen confined by the kernel", confined, 6),
        some("rolling updates of six members", runs.into(), runs.into()),
        most("the slowest of them", slowest, "s", READY.as_secs_f64()),
        most("installed after", installed, "s", READY.as_secs_f64()),
        most("a pod's start to ready, the slowest", last, "s", 30.0),
        none("processes that ended unasked", counts.restarted),
        none("processes that did not end in their grace", counts.killed),
        some("evictions", counts.evicted, 2),
        some(
            "evictions refused by the budget, one being down",
            counts.refused,
            2,
        ),
        count("nodes behind agents", told.nodes),
        some("events acknowledged", told.stored, 1),
        none("events not acknowledged", told.unconfirmed),
        none(
            "acknowledged events that a collector does not hold",
            events.abs_diff(held),
        ),
        most(
            "until all collectors held the same, after the load",
            equal,
            "s",
            EQUAL.as_secs_f64(),
        ),
        some("questions", told.questions, 1),
        none("questions not answered wholly", told.unwhole),
        count("questions asked again elsewhere", told.again),
    ])
}

/// Of agents, in the pods' volumes.
fn sockets(cluster: &Cluster, folder: &Path) -> Vec<std::path::PathBuf> {
    let pods = cluster.sets.iter().skip(2).flat_map(|set| set.pods.values());
    let own = |pod: &Pod| own(folder, &pod.name, &pod.host);
    pods.map(|pod| own(pod).join("elixirscope-run/elixirscope-agent.sock"))
        .collect()
}
