//! The collector and the agent killed at random moments under load.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use testbed::{AgentOptions, Bed, Child, Shop, ShopOptions};

use crate::{bed, conserved, count, dropped, shop};

/// A small generator, so that a failure's seed says everything (xorshift64*).
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |d| d.subsec_nanos().into());
        let seed = count("ELIXIRSCOPE_SEED", now) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    fn within(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        Duration::from_millis(least_ms + random % (most_ms - least_ms))
    }
}

/// Scenario: under load the collector is killed (SIGKILL) again and again at random moments, and started again.
/// Guarantee: every event that the agent took is stored exactly once; every order is answered.
#[test]
fn nothing_acknowledged_is_lost_when_the_collector_is_killed() -> Result<()> {
    let kills = count("ELIXIRSCOPE_KILLS", 5);
    let mut moments = Moments::new();
    let bed = bed()?;
    let mut member = bed.up(false, &[])?;
    let _agent = bed.agent(&AgentOptions::default())?;
    under_load(&bed, kills, |_| {
        thread::sleep(moments.within(300, 2_500));
        member.kill()?;
        thread::sleep(moments.within(0, 300));
        member = bed.up(false, &[])?;
        Ok(())
    })
}

/// Scenario: under load the agent is killed (SIGKILL) again and again at random moments, and started again.
/// Guarantee: every event is stored exactly once or counted by its node (`agent_lost`, `agent_absent`); every order is answered.
#[test]
fn what_goes_with_a_killed_agent_is_counted_by_the_node() -> Result<()> {
    let kills = count("ELIXIRSCOPE_KILLS", 5);
    let mut moments = Moments::new();
    let bed = bed()?;
    let _member = bed.up(false, &[])?;
    let mut agent: Child = bed.agent(&AgentOptions::default())?;
    under_load(&bed, kills, |_| {
        thread::sleep(moments.within(300, 2_500));
        agent.kill()?;
        thread::sleep(moments.within(0, 300));
        agent = bed.agent(&AgentOptions::default())?;
        Ok(())
    })
}

/// Runs the shop while `fault` strikes `kills` times, then compares what the nodes say with what is stored.
fn under_load(bed: &Bed, kills: u64, mut fault: impl FnMut(u64) -> Result<()>) -> Result<()> {
    let shop = shop(bed)?;
    let report = bed.path().join("report.json");
    let seconds = 8 + kills * 4;
    let args = [
        "--rate",
        "40",
        "--seconds",
        &seconds.to_string(),
        "--report",
        &report.to_string_lossy(),
    ];
    let web = ShopOptions {
        args: args.map(str::to_owned).to_vec(),
        ..ShopOptions::default()
    };
    let _nodes = shop.start_all(bed, &web)?;
    for kill in 0..kills {
        fault(kill).with_context(|| format!("kill {kill}"))?;
    }
    let report = Shop::report(&report, Duration::from_secs(seconds * 2 + 60))?;
    assert_eq!(
        report["sent"], report["answered"],
        "an order was not answered: {report}"
    );
    let conserved = conserved(bed, &shop, &["stock", "pay"])?;
    for (role, stats) in &conserved.stats {
        let (stored, dropped) = (conserved.stored[role], dropped(stats));
        println!("{role}: {stored} events stored once after {kills} kills, {dropped} dropped and counted");
    }
    Ok(())
}
