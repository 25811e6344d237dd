//! Clocks that disagree.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::{Shop, ShopOptions};

use crate::{bed, count, each_trace, items, settled, shop, sync, text};

/// Furthest that a node's own clock may be dragged beyond its physical time, microseconds (`max_offset`).
const MAX_OFFSET_US: u64 = 500_000;

/// Scenario: the clocks of the three nodes are five minutes apart (libfaketime) while orders cross them.
/// Guarantee: no event comes before its cause; no trace begins at a time further than `max_offset` beyond its node's
/// physical clock, whatever traces went through that node before; the clock error of each pair shows in the metrics.
#[test]
fn order_is_causal_with_clocks_five_minutes_apart() -> Result<()> {
    let orders = count("ELIXIRSCOPE_ORDERS", 500);
    let bed = bed()?;
    let _member = bed.up(true, &[])?;
    let shop = shop(&bed)?;
    sync(&bed, shop.project())?;
    let report = bed.path().join("report.json");
    let rate = 50;
    let seconds = (orders / rate).max(1);
    let web = ShopOptions {
        args: [
            "--rate",
            &rate.to_string(),
            "--seconds",
            &seconds.to_string(),
            "--report",
            &report.to_string_lossy(),
        ]
        .map(str::to_owned)
        .to_vec(),
        ..ShopOptions::default()
    };
    let at = |offset: &str| ShopOptions {
        clock_offset: offset.to_owned(),
        ..ShopOptions::default()
    };
    let _stock = shop.start(&bed, "stock", &at("+5m"))?;
    let _pay = shop.start(&bed, "pay", &at("-5m"))?;
    let mut web = shop.start(&bed, "web", &web)?;
    let report = Shop::report(&report, Duration::from_secs(60 + seconds * 2))?;
    assert_eq!(report["sent"], report["answered"], "{report}");
    for (from, to, expected) in [("web", "stock", 300.0), ("web", "pay", -300.0)] {
        let (from_label, to_label) = (format!("from=\"{from}-"), format!("to=\"{to}-"));
        let labels = [from_label.as_str(), to_label.as_str()];
        let error = bed.door().metric("elixirscope_clock_error_seconds", &labels)?;
        assert!(
            (error - expected).abs() < 5.0,
            "clock error of {to} against {from}: {error} s"
        );
    }
    web.child.wait(Duration::from_secs(30))?;
    settled(&bed.door())?;
    let mut crossing = 0;
    let traces = each_trace(&bed.door(), |trace| {
        crossing += u64::from(trace["nodes"].as_array().map_or(0, Vec::len) == 3);
        check(trace)
    })?;
    assert!(crossing >= orders / 4, "{crossing} traces cross three nodes");
    println!("{orders} orders, {traces} traces, {crossing} over three nodes, 0 inversions");
    Ok(())
}

/// No event before its cause, no beginning further ahead of its node than allowed.
fn check(trace: &Value) -> Result<()> {
    assert_eq!(trace["inversions"], 0, "{}", text(trace, "trace"));
    let root = items(trace).next().context("an empty trace")?;
    if text(root, "kind") == "root" {
        let physical = root["hlc"].as_u64().unwrap_or_default() / 1024 + 1_577_836_800_000_000;
        let own = root["time_unix_us"].as_u64().unwrap_or_default();
        assert!(
            physical <= own + MAX_OFFSET_US,
            "a trace began {} us ahead: {root:#}",
            physical - own
        );
    }
    Ok(())
}
