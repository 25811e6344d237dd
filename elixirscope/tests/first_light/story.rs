//! The shop under load, read back: scenarios, places, values, conservation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::{Shop, ShopOptions};

use crate::{bed, conserved, dropped, items, run, shop, sync, text, traces, values};

/// Scenario: the shop serves every kind of order on three nodes while traced; then each trace is read back.
/// Guarantee: every order was answered; an order's trace has three nodes and at least 12 calls; order 123 and the nil
/// divisor show their values; every site of every event resolves to its token in the source; causal order holds;
/// what the nodes emitted is stored exactly once or counted as dropped.
#[test]
fn an_order_is_one_trace_over_three_nodes() -> Result<()> {
    let bed = bed()?;
    let _member = bed.up(true, &[])?;
    let shop = shop(&bed)?;
    sync(&bed, shop.project())?;
    let report = bed.path().join("report.json");
    let options = ShopOptions {
        args: [
            "--rate",
            "20",
            "--seconds",
            "12",
            "--first-id",
            "100",
            "--report",
            &report.to_string_lossy(),
        ]
        .map(str::to_owned)
        .to_vec(),
        ..ShopOptions::default()
    };
    let mut nodes = shop.start_all(&bed, &options)?;
    let report = Shop::report(&report, Duration::from_mins(2))?;
    assert_eq!(
        report["sent"], report["answered"],
        "an order was not answered: {report}"
    );
    nodes
        .pop()
        .context("no web node")?
        .child
        .wait(Duration::from_secs(30))?;
    let conserved = conserved(&bed, &shop, &["stock", "pay"])?;
    println!("stored of what was emitted: {:?}", conserved.stored);
    assert!(
        conserved.stats.values().all(|s| dropped(s) == 0),
        "{:#?}",
        conserved.stats
    );
    let traces = traces(&bed.door())?;

    orders(&traces);
    places(&traces, shop.project())?;
    commands(&bed)?;
    Ok(())
}

fn orders(traces: &[Value]) {
    let placed = traces
        .iter()
        .filter(|t| text(&t["items"][0], "name") == "POST /orders");
    let placed: Vec<&Value> = placed.collect();
    assert!(placed.len() >= 200, "{} orders traced", placed.len());
    let inversions: u64 = traces.iter().map(|t| t["inversions"].as_u64().unwrap_or(1)).sum();
    assert_eq!(inversions, 0, "events before their causes");
    let whole = placed.iter().filter(|t| {
        let ok = text(&t["items"][0]["frame"], "result").starts_with("{:ok");
        ok && t["nodes"].as_array().map_or(0, Vec::len) == 3
            && t["calls"].as_u64() >= Some(12)
            && t["complete"] == true
    });
    assert!(whole.count() >= 50, "too few whole orders");
    let stock = placed
        .iter()
        .find(|t| has_value(t, "attributes", "order: 123"))
        .expect("order 123 is traced");
    assert!(
        items(stock)
            .flat_map(values)
            .any(|(_, v)| v.contains(":insufficient_stock")),
        "{stock:#}"
    );
    assert!(
        items(stock)
            .flat_map(values)
            .any(|(_, v)| v.contains("quantity: 10")),
        "{stock:#}"
    );
    let nil = placed
        .iter()
        .find(|t| has_value(t, "divisor", "nil"))
        .expect("a nil divisor is traced");
    let error = items(nil)
        .find(|i| i["error"]["exception"] == "ArithmeticError")
        .expect("its error");
    assert!(
        text(&error["error"], "message").contains("bad argument in arithmetic"),
        "{error:#}"
    );
}

fn has_value(trace: &Value, name: &str, part: &str) -> bool {
    items(trace)
        .flat_map(values)
        .any(|(n, v)| n == name && v.contains(part))
}

/// Every place is compared with the file on disk, not with what the server says of itself.
fn places(traces: &[Value], project: &Path) -> Result<()> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut resolved = 0;
    for item in traces
        .iter()
        .flat_map(items)
        .filter(|i| i["site"].as_u64() > Some(0))
    {
        let place = &item["place"];
        assert!(place["unmapped"].is_null(), "unmapped: {item:#}");
        let file = text(place, "file").to_owned();
        if !files.contains_key(&file) {
            let source = fs::read_to_string(project.join(&file)).with_context(|| file.clone())?;
            files.insert(file.clone(), source.lines().map(str::to_owned).collect());
        }
        let line = place["line"].as_u64().context("no line")? as usize;
        let column = place["column"].as_u64().context("no column")? as usize;
        let source = &files[&file][line - 1];
        let token = text(place, "token");
        let from: String = source.chars().skip(column.saturating_sub(1)).collect();
        assert!(
            column > 0 && from.starts_with(token),
            "{file}:{line}:{column} is not {token}: {source}"
        );
        assert_eq!(source.trim(), text(place, "source_line").trim());
        resolved += 1;
    }
    assert!(resolved > 5_000, "only {resolved} places");
    Ok(())
}

fn commands(bed: &testbed::Bed) -> Result<()> {
    let listed = run(&mut bed.program(&["traces", "--errors", "--limit", "5"]))?;
    assert!(listed.contains("POST /orders"), "{listed}");
    let by_mfa = run(&mut bed.program(&[
        "traces",
        "--mfa",
        "Shop.Stock.Warehouse.handle_call/3",
        "--limit",
        "5",
    ]))?;
    assert!(by_mfa.contains("POST /orders"), "{by_mfa}");
    let none = run(&mut bed.program(&["traces", "--mfa", "No.Such.function/1"]))?;
    assert!(none.contains("no traces match"), "{none}");
    let id = listed.split_whitespace().next().context("no trace listed")?;
    let shown = run(&mut bed.program(&["trace", id]))?;
    assert!(
        shown.contains("Shop.Web.Orders.place/1") && shown.contains("lib/shop/web/orders.ex:"),
        "{shown}"
    );
    let doctor = run(&mut bed.program(&["doctor"]))?;
    assert!(doctor.contains("ok"), "{doctor}");
    let metrics = bed.door().text("/metrics")?;
    for name in [
        "elixirscope_clock_error_seconds",
        "elixirscope_agent_events_total",
        "elixirscope_collector_",
    ] {
        assert!(metrics.contains(name), "{name} is not in /metrics");
    }
    Ok(())
}
