//! What the harness asks the cluster itself: is each shard with all its holders, and what does each collector hold.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::clients::get;
use super::cluster::Cluster;
use crate::faults::ensemble::{all_hold, any_twice, formed, told};

/// Between two comparisons: each reads everything.
const LOOK: Duration = Duration::from_secs(1);
/// Copies of each shard, in the coordinators' settings.
const COPIES: usize = 3;

/// An address of the clients' service.
pub fn door(cluster: &Cluster) -> Result<String> {
    let all = cluster.clients.lock().ok().and_then(|all| all.first().cloned());
    all.context("no collector is ready")
}

/// What coordinators agreed.
pub fn status(cluster: &Cluster, token: &str) -> Result<Value> {
    get(&door(cluster)?, "/api/v1/cluster", token)
}

/// Goes on until each shard has all its copies and none moves.
pub fn until_formed(cluster: &mut Cluster, token: &str, limit: Duration) -> Result<()> {
    cluster.until("all copies of each shard", limit, |cluster| {
        Ok(status(cluster, token).is_ok_and(|status| formed(&status, COPIES)))
    })
}

/// Goes on until each of so many collectors holds `events`, each once, and all the same; seconds, and what the one with the fewest holds.
pub fn until_equal(
    cluster: &mut Cluster,
    token: &str,
    collectors: usize,
    events: u64,
    limit: Duration,
) -> Result<(f64, u64)> {
    let began = Instant::now();
    let mut last = String::new();
    loop {
        let audits = audits(cluster, token);
        // What still differs, whenever it changes: a comparison that hangs says where.
        let now = match &audits {
            Ok(all) => all.iter().map(told).collect::<Vec<_>>().join("\n  "),
            Err(error) => format!("{error:#}"),
        };
        if now != last {
            println!(
                "{:.0} s after the load, {events} events acknowledged:\n  {now}",
                began.elapsed().as_secs_f64()
            );
            last = now;
        }
        if let Ok(all) = audits.as_ref()
            && all.len() == collectors
            && all_hold(all, events)
        {
            let fewest = all.iter().filter_map(|audit| audit["events"].as_u64()).min();
            return Ok((began.elapsed().as_secs_f64(), fewest.unwrap_or_default()));
        }
        let broken = audits.as_ref().is_ok_and(|audits| any_twice(audits));
        if broken || began.elapsed() > limit {
            for audit in audits? {
                eprintln!("a collector: {}", told(&audit));
            }
            bail!(
                "{collectors} collectors do not hold the {events} acknowledged events, each once, after {limit:?}"
            );
        }
        cluster.pass(LOOK)?;
    }
}

/// What each collector holds itself: the one that is asked asks the others.
fn audits(cluster: &Cluster, token: &str) -> Result<Vec<Value>> {
    let own = get(&door(cluster)?, "/api/v1/audit", token)?;
    let others = own["others"].as_array().cloned().unwrap_or_default();
    Ok(std::iter::once(own).chain(others).collect())
}
