//! `cargo xtask bench agent`: what an agent takes of the machine that its nodes run on: beside one node that does nothing, and
//! beside the shop under its usual load. The collector is another process and not counted.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testbed::{AgentOptions, Bed, Child, Shop, ShopOptions, wait_for};

use crate::usage::{processor_seconds, resident_mib, wakes};
use crate::{report, run};

/// Orders a second of the shop, each of some 260 events: as in `bench shop`.
const RATE: u32 = 40;
/// Until the agent has begun: its connection, its certificates, the node's first messages.
const SETTLE: Duration = Duration::from_secs(10);
/// Until nodes are there.
const LIMIT: Duration = Duration::from_mins(1);

/// So many seconds each. `built`: a folder of programs that are there.
pub fn run(seconds: u16, built: Option<&Path>) -> Result<()> {
    if built.is_none() {
        super::load::build()?;
    }
    let programs = built.map_or_else(|| run::target().join("debug"), Path::to_path_buf);
    let bed = Bed::new(&programs.join("elixirscope"))?;
    let _member = bed.up(false, &[])?;
    let mut figures = Vec::new();
    let shop = Shop::build(&run::root(), bed.path())?;

    let mut agent = bed.agent(&AgentOptions::default())?;
    let mut node = idle_node(&bed, &shop)?;
    wait_for("the node at the agent", LIMIT, || {
        Ok((bed.agent_door().metric("elixirscope_agent_nodes", &[])? > 0.0).then_some(()))
    })?;
    thread::sleep(SETTLE);
    let idle = Taken::over(&agent, || {
        thread::sleep(Duration::from_secs(seconds.into()));
        Ok(())
    })?;
    figures.extend(idle.figures("one idle node", Some((0.5, 32.0))));
    node.stop()?;
    agent.stop()?;

    // An agent of its own, so that its peak is of this load.
    let agent = bed.agent(&AgentOptions::default())?;
    let nodes = shop.start_all(&bed, &ShopOptions::default())?;
    let orders = |seconds: u16| shop.rpc("web", &format!("Shop.Load.run(rate: {RATE}, seconds: {seconds})"));
    wait_for("the shop to serve", LIMIT, || Ok(orders(1).ok()))?;
    let received = || {
        bed.agent_door()
            .metric("elixirscope_agent_events_total", &["state=\"received\""])
    };
    let before = received()?;
    let loaded = Taken::over(&agent, || orders(seconds).map(|_| ()))?;
    let rate = (received()? - before) / loaded.seconds;
    figures.extend(loaded.figures("three nodes of the shop under load", None));
    figures.push(json!({"name": "events of these", "value": rate, "unit": "/s"}));
    drop(nodes);
    report::figures("agent", figures)
}

/// A node that runs the library and nothing else.
fn idle_node(bed: &Bed, shop: &Shop) -> Result<Child> {
    let modules = shop.project().join("_build/prod/lib/*/ebin");
    let mut command = Command::new("elixir");
    command
        .args(["--no-halt", "-pa"])
        .arg(modules)
        .args(["-e", "{:ok, _} = Application.ensure_all_started(:elixir_scope)"])
        .env("ELIXIRSCOPE_SOCKET", bed.socket());
    Child::start("idle node", &mut command, &bed.path().join("idle.log"))
}

/// What a process took while something else went on.
struct Taken {
    seconds: f64,
    processor_seconds: f64,
    wakes: u64,
    peak_mib: f64,
    own_mib: f64,
}

impl Taken {
    fn over(process: &Child, meanwhile: impl FnOnce() -> Result<()>) -> Result<Self> {
        let pid = process.pid();
        let (began, before, woken) = (Instant::now(), processor_seconds(pid)?, wakes(pid)?);
        meanwhile()?;
        let seconds = began.elapsed().as_secs_f64();
        Ok(Self {
            seconds,
            processor_seconds: processor_seconds(pid).context("the agent ended")? - before,
            wakes: wakes(pid)?.saturating_sub(woken),
            peak_mib: resident_mib(pid, "VmHWM")?,
            own_mib: resident_mib(pid, "RssAnon")?,
        })
    }

    /// Goals: percent of a core, MiB.
    fn figures(&self, beside: &str, goals: Option<(f64, f64)>) -> Vec<Value> {
        let mut share = json!({
            "name": format!("agent beside {beside}: processor"),
            "value": 100.0 * self.processor_seconds / self.seconds, "unit": "% of a core"
        });
        let mut peak = json!({
            "name": format!("agent beside {beside}: peak resident memory"), "value": self.peak_mib, "unit": "MiB"
        });
        if let Some((percent, mib)) = goals {
            share["goal"] = json!(percent);
            peak["goal"] = json!(mib);
        }
        let own = json!({"name": "of it now its own, not of files", "value": self.own_mib, "unit": "MiB"});
        let wakes = json!({"name": "threads woken", "value": self.wakes as f64 / self.seconds, "unit": "/s"});
        vec![share, peak, own, wakes]
    }
}
