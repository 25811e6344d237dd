//! What tracing costs the shop's requests: 99th percentiles in rounds of an uninstrumented build, a traced one, one that
//! captures values too, and that one with a dead agent. Open loop: latency runs from when a request was due.
//!
//! Two percentiles are taken from each load: of the usual mix, where 1 of 25 orders waits for a slow bank, and of the
//! orders that succeed at once, which wait for nothing but processors: some 3 ms with 260 events in them.
//!
//! Nodes, agent, collector and load share one machine: the virtual machines do not spin while they wait for work (as
//! advised where processors are shared), in any build.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{AgentOptions, Bed, Shop, ShopNode, ShopOptions, Variant, wait_for};

use std::time::Duration;

use crate::run;

/// Orders a second: well under a third of two cores, the agent and the servers included.
const RATE: u32 = 40;
/// Seconds of one measurement.
const SECONDS: u32 = 10;
/// Virtual machines that do not spin while they wait.
const NO_SPINNING: &str = "+sbwt none +sbwtdcpu none +sbwtdio none";

/// One measurement: 99th percentiles in microseconds.
#[derive(Clone, Copy, Default)]
struct Load {
    mix: f64,
    success: f64,
    busy: f64,
}

/// Ratios of the rounds: of the mix, and of the orders that succeed at once.
#[derive(Default)]
struct Ratios {
    mix: Vec<f64>,
    success: Vec<f64>,
}

impl Ratios {
    fn push(&mut self, above: Load, below: Load) {
        self.mix.push(above.mix / below.mix);
        self.success.push(above.success / below.success);
    }

    fn figures(mut self, name: &str) -> Vec<Value> {
        let mut figures = ratio(&format!("p99 of the mix, {name}"), &mut self.mix);
        figures.extend(ratio(
            &format!("p99 of orders that succeed at once, {name}"),
            &mut self.success,
        ));
        figures
    }
}

/// Measures `rounds` rounds: untraced, traced with values, traced without, traced with a dead agent.
pub fn figures(rounds: usize) -> Result<Vec<Value>> {
    run::check(&mut run::cargo(&["build", "--package", "elixirscope", "--bins"]))?;
    let bed = Bed::new(&run::target().join("debug/elixirscope"))?;
    let _member = bed.up(false, &[])?;
    let mut agent = bed.agent(&AgentOptions::default())?;
    let build = |name: &str, variant| Shop::build_variant(&run::root(), &bed.path().join(name), variant);
    let shops = [
        build("plain", Variant::Plain)?,
        build("values", Variant::Traced)?,
        build("calls", Variant::WithoutValues)?,
    ];
    let mut nodes = Vec::new();
    for shop in &shops {
        nodes.push(start(shop, &bed)?);
    }
    for shop in &shops {
        load(shop, SECONDS)?;
    }
    let [plain, values, calls] = &shops;
    let (mut with_values, mut without, mut dead) = (Ratios::default(), Ratios::default(), Ratios::default());
    let mut busy = 0.0_f64;
    for round in 0..rounds {
        // The order turns, so that a drift of the machine strikes all alike.
        let mut measured = [Load::default(); 3];
        for turn in 0..3 {
            let which = (round + turn) % 3;
            let seen = load([plain, values, calls][which], SECONDS)?;
            measured[which] = seen;
            busy = busy.max(seen.busy);
        }
        agent.kill()?;
        let alone = load(values, SECONDS)?;
        agent = bed.agent(&AgentOptions::default())?;
        let [untraced, traced, called] = measured;
        eprintln!(
            "round {round}: p99 us of the mix (of orders that succeed at once): untraced {} ({}), traced {} ({}), \
             with values {} ({}), agent dead {} ({})",
            untraced.mix,
            untraced.success,
            called.mix,
            called.success,
            traced.mix,
            traced.success,
            alone.mix,
            alone.success
        );
        without.push(called, untraced);
        with_values.push(traced, untraced);
        dead.push(alone, traced);
    }
    let mut figures = [
        with_values.figures("traced with values / untraced"),
        without.figures("traced without values / untraced"),
        dead.figures("agent dead / alive"),
    ]
    .concat();
    figures.push(json!({"name": "processors busy, most in one measurement", "value": busy, "unit": "share", "goal": 0.3}));
    Ok(figures)
}

fn start(shop: &Shop, bed: &Bed) -> Result<Vec<ShopNode>> {
    let options = ShopOptions {
        env: vec![("ERL_FLAGS".to_owned(), NO_SPINNING.to_owned())],
        ..ShopOptions::default()
    };
    let nodes = shop.start_all(bed, &options)?;
    wait_for("the shop's nodes", Duration::from_mins(1), || {
        Ok(shop.rpc("web", "Shop.Cluster.role()").ok())
    })?;
    wait_for("the shop to serve", Duration::from_mins(1), || {
        Ok(load(shop, 1).ok())
    })?;
    Ok(nodes)
}

fn load(shop: &Shop, seconds: u32) -> Result<Load> {
    let load = format!("Shop.Load.run(rate: {RATE}, seconds: {seconds})");
    let before = processors()?;
    let printed = shop.rpc("web", &format!("{load} |> elem(1) |> Shop.Load.Report.to_json()"))?;
    let after = processors()?;
    let text: String = serde_json::from_str(printed.trim()).context("the report is no string")?;
    let report: Value = serde_json::from_str(&text).context("the report is no JSON")?;
    if report["sent"] != report["answered"] {
        bail!("orders without an answer: {report}");
    }
    Ok(Load {
        mix: report["latency_us"]["p99"].as_f64().context("no p99")?,
        success: report["scenarios"]["success"]["p99"].as_f64().context("no p99")?,
        busy: 1.0 - (after.1 - before.1) / (after.0 - before.0),
    })
}

/// All processors' ticks since the machine started, and those of them that were idle (proc(5), `/proc/stat`).
fn processors() -> Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat").context("no /proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().filter_map(|t| t.parse().ok()).collect();
    let idle = ticks.iter().skip(3).take(2).sum();
    Ok((ticks.iter().take(8).sum(), idle))
}

/// Median, and the upper 95 % bound of the median by order statistics (binomial; no assumption on the distribution).
fn ratio(name: &str, ratios: &mut [f64]) -> Vec<Value> {
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    let median = f64::midpoint(ratios[(n - 1) / 2], ratios[n / 2]);
    let bound = ratios[upper_rank(n).min(n) - 1];
    vec![
        json!({"name": format!("{name}, median of {n}"), "value": median, "unit": "ratio"}),
        json!({"name": format!("{name}, upper 95 % bound of the median"), "value": bound, "unit": "ratio", "goal": 1.05}),
    ]
}

/// Least rank k with P(Binomial(n, 1/2) < k) >= 0.95: the k-th smallest is an upper 95 % bound of the median.
fn upper_rank(n: usize) -> usize {
    let mut probability = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut below = 0.0;
    for k in 0..=n {
        below += probability;
        if below >= 0.95 {
            return k + 1;
        }
        probability *= (n - k) as f64 / (k + 1) as f64;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::upper_rank;

    /// Scenario: 20 pairs. Guarantee: the 15th smallest ratio bounds the median (97.9 %; the 14th: 94.2 %).
    #[test]
    fn the_bound_of_twenty_pairs_is_the_fifteenth() {
        assert_eq!(upper_rank(20), 15);
    }
}
