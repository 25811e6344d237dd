//! Two releases at once, hot code loads, and lines that only move: every event resolves to the code that emitted it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::{Bed, Shop, ShopOptions};

use crate::{bed, items, settled, shop, sync, text, traces, values};

const RELEASE: &str = "lib/shop/stock/release.ex";

/// Scenario: while orders run, `stock` restarts from a project with another literal; then a third literal is loaded hot,
/// then the same literal with all lines moved. Guarantee: in every trace the source that a captured literal resolves to
/// contains that literal, at the line where the file of that version has it; none is attributed to another version.
#[test]
fn events_resolve_to_the_release_that_emitted_them() -> Result<()> {
    let bed = bed()?;
    let _member = bed.up(true, &[])?;
    let shop = shop(&bed)?;
    let second = edited(&shop, "release-2", "stock-release-1", "stock-release-2", "")?;
    let third = edited(&shop, "release-3", "stock-release-1", "stock-release-3", "")?;
    let moved = edited(
        &shop,
        "release-4",
        "stock-release-1",
        "stock-release-3",
        "  # one\n  # two\n  # three\n",
    )?;
    for project in [shop.project(), second.as_path(), third.as_path(), moved.as_path()] {
        sync(&bed, project)?;
    }
    let report = bed.path().join("report.json");
    let load = [
        "--rate",
        "20",
        "--seconds",
        "24",
        "--report",
        &report.to_string_lossy(),
    ]
    .map(str::to_owned)
    .to_vec();
    let mut stock = shop.start(&bed, "stock", &ShopOptions::default())?;
    let _pay = shop.start(&bed, "pay", &ShopOptions::default())?;
    let _web = shop.start(
        &bed,
        "web",
        &ShopOptions {
            args: load,
            ..ShopOptions::default()
        },
    )?;
    wait_for_literal(&bed, "stock-release-1")?;
    stock.child.stop()?;
    let _stock = shop.start(
        &bed,
        "stock",
        &ShopOptions {
            project: Some(second),
            ..ShopOptions::default()
        },
    )?;
    wait_for_literal(&bed, "stock-release-2")?;
    shop.load("stock", &beam(&third))?;
    wait_for_literal(&bed, "stock-release-3")?;
    shop.load("stock", &beam(&moved))?;
    let report = Shop::report(&report, Duration::from_mins(2))?;
    assert_eq!(report["sent"], report["answered"], "{report}");
    settled(&bed.door())?;
    let mut sources = BTreeMap::new();
    let mut counts: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for trace in traces(&bed.door())? {
        for item in items(&trace) {
            check(&bed, item, &mut sources, &mut counts)?;
        }
    }
    println!("captured literals by (literal, line): {counts:?}");
    let seen: std::collections::BTreeSet<&str> = counts.keys().map(|(literal, _)| literal.as_str()).collect();
    assert_eq!(seen.len(), 3, "{counts:?}");
    let lines = counts
        .keys()
        .filter(|(literal, _)| literal.contains("release-3"))
        .count();
    assert_eq!(lines, 2, "the moved lines are a version of their own: {counts:?}");
    Ok(())
}

/// A copy of the shop in which the release's literal is another, and `lines` come before its function.
fn edited(shop: &Shop, name: &str, from: &str, to: &str, lines: &str) -> Result<std::path::PathBuf> {
    let project = shop.copy(name)?;
    let file = project.join(RELEASE);
    let source =
        fs::read_to_string(&file)?
            .replace(from, to)
            .replacen("  @doc", &format!("{lines}  @doc"), 1);
    fs::write(&file, source)?;
    shop.compile(&project)?;
    Ok(project)
}

fn beam(project: &Path) -> std::path::PathBuf {
    project.join("_build/prod/lib/shop/ebin/Elixir.Shop.Stock.Release.beam")
}

fn wait_for_literal(bed: &Bed, literal: &str) -> Result<()> {
    testbed::wait_for(&format!("a trace with {literal}"), Duration::from_mins(1), || {
        let listing = bed
            .door()
            .json("/api/v1/traces?since_s=5&limit=20&mfa=Shop.Stock.Release.literal/0")?;
        for row in listing["traces"].as_array().into_iter().flatten() {
            let trace = bed
                .door()
                .json(&format!("/api/v1/traces/{}", text(row, "trace")))?;
            if items(&trace).flat_map(values).any(|(_, v)| v.contains(literal)) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
}

fn check(
    bed: &Bed,
    item: &Value,
    sources: &mut BTreeMap<String, String>,
    counts: &mut BTreeMap<(String, u64), usize>,
) -> Result<()> {
    if text(item, "name") != "Shop.Stock.Release.literal/0" {
        return Ok(());
    }
    let captured = values(item)
        .find(|(_, v)| v.contains("stock-release-"))
        .map(|(_, v)| v.trim_matches('"').to_owned());
    let Some(captured) = captured else { return Ok(()) };
    let place = &item["place"];
    assert!(place["unmapped"].is_null(), "{item:#}");
    let hash = text(place, "source").to_owned();
    if !sources.contains_key(&hash) {
        sources.insert(hash.clone(), bed.door().text(&format!("/api/v1/sources/{hash}"))?);
    }
    let source = &sources[&hash];
    let line = place["line"].as_u64().context("no line")?;
    let shown = source.lines().nth(line as usize - 1).unwrap_or_default();
    assert!(
        shown.contains(&captured),
        "{captured} resolves to `{shown}`: {item:#}"
    );
    assert_eq!(shown.trim(), text(place, "source_line").trim());
    *counts.entry((captured, line)).or_default() += 1;
    Ok(())
}
