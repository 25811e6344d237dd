//! What tracing costs the shop's requests: 99th percentiles of alternating pairs, agent dead against alive, and traced
//! against an uninstrumented build. Open loop: latency runs from when a request was due.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{AgentOptions, Bed, Shop, ShopNode, ShopOptions, wait_for};

use std::time::Duration;

use crate::run;

/// Orders a second: under a third of two cores, the agent and the servers included.
const RATE: u32 = 40;
/// Seconds of one half of a pair.
const SECONDS: u32 = 8;

/// Measures `pairs` pairs of each comparison.
pub fn figures(pairs: usize) -> Result<Vec<Value>> {
    run::check(&mut run::cargo(&["build", "--package", "elixirscope", "--bins"]))?;
    let bed = Bed::new(&run::target().join("debug/elixirscope"))?;
    let _member = bed.up(false, &[])?;
    let mut agent = bed.agent(&AgentOptions::default())?;
    let traced = Shop::build(&run::root(), &bed.path().join("traced"))?;
    let plain = Shop::build_plain(&run::root(), &bed.path().join("plain"))?;
    let _traced = start(&traced, &bed)?;
    let _plain = start(&plain, &bed)?;
    for shop in [&traced, &plain] {
        p99(shop)?;
    }
    let (mut against_plain, mut against_alive) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        // Alternating order, so that a drift of the machine strikes both sides alike.
        let (alive, untraced) = if pair % 2 == 0 {
            let alive = p99(&traced)?;
            (alive, p99(&plain)?)
        } else {
            let untraced = p99(&plain)?;
            (p99(&traced)?, untraced)
        };
        agent.kill()?;
        let dead = p99(&traced)?;
        agent = bed.agent(&AgentOptions::default())?;
        eprintln!("pair {pair}: p99 us: untraced {untraced}, traced {alive}, agent dead {dead}");
        against_plain.push(alive / untraced);
        against_alive.push(dead / alive);
    }
    Ok(vec![
        ratio("shop p99, traced / untraced", &mut against_plain),
        ratio("shop p99, agent dead / alive", &mut against_alive),
    ]
    .into_iter()
    .flatten()
    .collect())
}

fn start(shop: &Shop, bed: &Bed) -> Result<Vec<ShopNode>> {
    let nodes = shop.start_all(bed, &ShopOptions::default())?;
    wait_for("the shop's nodes", Duration::from_mins(1), || {
        Ok(shop.rpc("web", "Shop.Cluster.role()").ok())
    })?;
    wait_for("the shop to serve", Duration::from_mins(1), || {
        Ok(p99_of(shop, 1).ok())
    })?;
    Ok(nodes)
}

fn p99(shop: &Shop) -> Result<f64> {
    p99_of(shop, SECONDS)
}

fn p99_of(shop: &Shop, seconds: u32) -> Result<f64> {
    let load = format!("Shop.Load.run(rate: {RATE}, seconds: {seconds}, mix: [success: 1])");
    let printed = shop.rpc("web", &format!("{load} |> elem(1) |> Shop.Load.Report.to_json()"))?;
    let text: String = serde_json::from_str(printed.trim()).context("the report is no string")?;
    let report: Value = serde_json::from_str(&text).context("the report is no JSON")?;
    if report["sent"] != report["answered"] || report["unexpected"] != json!(0) {
        bail!("orders failed: {report}");
    }
    report["scenarios"]["success"]["p99"].as_f64().context("no p99")
}

/// Median, and the upper 95 % bound of the median by order statistics (binomial; no assumption on the distribution).
fn ratio(name: &str, ratios: &mut [f64]) -> Vec<Value> {
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    let median = f64::midpoint(ratios[(n - 1) / 2], ratios[n / 2]);
    let bound = ratios[upper_rank(n).min(n) - 1];
    vec![
        json!({"name": format!("{name}, median of {n} pairs"), "value": median, "unit": "ratio"}),
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
