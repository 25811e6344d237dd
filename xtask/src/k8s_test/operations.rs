//! What docs/kubernetes.md tells an operator to do, done as it says.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use super::ask::{door, status, until_formed};
use super::clients::operator;
use super::cluster::Cluster;
use super::pod::claim;
use crate::faults::chance::Chance;

const LONG: Duration = Duration::from_mins(3);

/// "A machine is emptied": of each set one pod is evicted; while it is down the budget refuses every other.
pub fn evictions(cluster: &mut Cluster, names: &[String; 2], chance: &mut Chance) -> Result<()> {
    for name in names {
        let first = drawn(chance);
        ensure!(
            cluster.evict(name, first)?,
            "{name}-{first} was not evicted though all are well"
        );
        let other = (first + 1) % 3;
        ensure!(
            !cluster.evict(name, other)?,
            "{name}-{other} was evicted though {name}-{first} is down"
        );
        cluster.settle(LONG)?;
        println!("{name}-{first} evicted, {name}-{other} refused meanwhile");
    }
    Ok(())
}

/// "A volume is lost": claim and pod are deleted, the pod comes back as another member, the old one is removed.
pub fn volume_lost(cluster: &mut Cluster, set: &str, token: &str, chance: &mut Chance) -> Result<()> {
    let number = drawn(chance);
    let name = format!("{set}-{number}");
    let old = id_of(cluster, token, &name, &[])?;
    cluster.delete(set, number, true)?;
    cluster.settle(LONG)?;
    command(cluster, token, &["cluster", "remove", "--lost", &old])?;
    let new = id_of(cluster, token, &name, &[&old])?;
    until_formed(cluster, token, LONG)?;
    println!("{name} lost its volume: member {old} is now {new}");
    Ok(())
}

/// A pod's network is gone, nobody is told; the machine's pod is replaced by one with another address and the same claim.
pub fn address_lost(cluster: &mut Cluster, set: &str, token: &str, chance: &mut Chance) -> Result<()> {
    let number = drawn(chance);
    let pod = cluster.set(set)?.pods.get_mut(&number).context("a pod")?;
    let before = pod.host.address.clone();
    pod.host.cut()?;
    cluster.pass(Duration::from_secs(3))?;
    cluster.set(set)?.pods.get_mut(&number).context("a pod")?.fail()?;
    cluster.settle(LONG)?;
    let after = cluster.set(set)?.pods[&number].host.address.clone();
    ensure!(before != after, "{set}-{number} kept its address");
    until_formed(cluster, token, LONG)?;
    println!("{set}-{number} lost its address {before}, and has {after}");
    Ok(())
}

/// "More collectors", then "Fewer collectors".
pub fn scaled(cluster: &mut Cluster, set: &str, token: &str, folder: &Path) -> Result<()> {
    cluster.set(set)?.replicas = 5;
    cluster.settle(LONG)?;
    until_formed(cluster, token, LONG)?;
    for number in [4, 3] {
        let name = format!("{set}-{number}");
        let id = id_of(cluster, token, &name, &[])?;
        command(cluster, token, &["cluster", "drain", &id, "--wait"])?;
        command(cluster, token, &["cluster", "remove", &id])?;
        cluster.set(set)?.replicas = number;
        cluster.settle(LONG)?;
        fs::remove_dir_all(claim(folder, "data", &name))?;
    }
    until_formed(cluster, token, LONG)?;
    println!("{set} scaled from 3 to 5 and back");
    Ok(())
}

fn drawn(chance: &mut Chance) -> usize {
    usize::try_from(chance.within(0, 3)).unwrap_or_default()
}

/// The id of the member of this name, that is none of those.
fn id_of(cluster: &Cluster, token: &str, name: &str, not: &[&str]) -> Result<String> {
    let status = status(cluster, token)?;
    let members = status["members"].as_array().context("no members")?;
    let id = |member: &Value| match &member["id"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut found = members.iter().filter(|member| member["name"] == name).map(id);
    found
        .find(|id| !not.contains(&id.as_str()))
        .with_context(|| format!("no member {name} in {}", status["members"]))
}

/// A command of an operator; the cluster goes on meanwhile.
fn command(cluster: &mut Cluster, token: &str, words: &[&str]) -> Result<()> {
    let (door, token) = (door(cluster)?, token.to_owned());
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let thread = thread::spawn(move || {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        operator(&door, &token, &words)
    });
    cluster.until("an operator's command", LONG, |_| Ok(thread.is_finished()))?;
    thread
        .join()
        .map_err(|_| anyhow!("the operator's thread failed"))??;
    Ok(())
}
