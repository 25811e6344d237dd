//! Two releases at once, hot code loads, and lines that only move: every event resolves to the code that emitted it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::{Bed, Shop, ShopOptions};

use crate::{bed, items, settled, shop, sync, text, traces, values};

const RELEASE: &str = "lib/shop/stock/release.ex";
const COURIER: &str = "lib/shop/stock/courier.ex";
/// Functions that return the literal of their version.
const LITERALS: [&str; 2] = ["Shop.Stock.Release.literal/0", "Shop.Stock.Courier.literal/0"];

/// Scenario: while orders run, `stock` restarts from a project with other literals; then third literals are loaded hot,
/// while the courier's process stays in its old code until it is told to move on; then a version in which lines only
/// moved. Guarantee: in every trace the source that a captured literal resolves to has that literal, at the line where
/// the file of that version has it; none is attributed to another version.
#[test]
fn events_resolve_to_the_release_that_emitted_them() -> Result<()> {
    let bed = bed()?;
    let _member = bed.up(true, &[])?;
    let shop = shop(&bed)?;
    let second = edited(&shop, "release-2", "-release-2", "")?;
    let third = edited(&shop, "release-3", "-release-3", "")?;
    let moved = edited(&shop, "release-4", "-release-3", "  # one\n  # two\n  # three\n")?;
    for project in [shop.project(), second.as_path(), third.as_path(), moved.as_path()] {
        sync(&bed, project)?;
    }
    let report = bed.path().join("report.json");
    let args = [
        "--rate",
        "20",
        "--seconds",
        "60",
        "--report",
        &report.to_string_lossy(),
    ];
    let load = ShopOptions {
        args: args.map(str::to_owned).to_vec(),
        ..ShopOptions::default()
    };
    let mut stock = shop.start(&bed, "stock", &ShopOptions::default())?;
    let _pay = shop.start(&bed, "pay", &ShopOptions::default())?;
    let _web = shop.start(&bed, "web", &load)?;
    wait_for_literal(&bed, LITERALS[0], "stock-release-1")?;
    stock.child.stop()?;
    let from_second = ShopOptions {
        project: Some(second),
        ..ShopOptions::default()
    };
    let _stock = shop.start(&bed, "stock", &from_second)?;
    wait_for_literal(&bed, LITERALS[0], "stock-release-2")?;
    shop.load("stock", &beam(&third, "Release"))?;
    shop.load("stock", &beam(&third, "Courier"))?;
    wait_for_literal(&bed, LITERALS[0], "stock-release-3")?;
    wait_for_literal(&bed, LITERALS[1], "courier-release-2")?;
    shop.rpc("stock", "Shop.Stock.Courier.upgrade()")?;
    wait_for_literal(&bed, LITERALS[1], "courier-release-3")?;
    shop.load("stock", &beam(&moved, "Release"))?;
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
    let seen: BTreeSet<&str> = counts.keys().map(|(literal, _)| literal.as_str()).collect();
    assert_eq!(seen.len(), 6, "{counts:?}");
    let lines = counts
        .keys()
        .filter(|(literal, _)| literal.contains("stock-release-3"))
        .count();
    assert_eq!(lines, 2, "the moved lines are a version of their own: {counts:?}");
    Ok(())
}

/// A copy of the shop whose literals end with `ending`, and in which `lines` come before the release's function.
fn edited(shop: &Shop, name: &str, ending: &str, lines: &str) -> Result<PathBuf> {
    let project = shop.copy(name)?;
    for file in [RELEASE, COURIER] {
        let file = project.join(file);
        let source = fs::read_to_string(&file)?.replace("-release-1", ending);
        let source = source.replacen("  @doc", &format!("{lines}  @doc"), 1);
        fs::write(&file, source)?;
    }
    shop.compile(&project)?;
    Ok(project)
}

fn beam(project: &Path, module: &str) -> PathBuf {
    project.join(format!(
        "_build/prod/lib/shop/ebin/Elixir.Shop.Stock.{module}.beam"
    ))
}

/// Waits for a trace whose last events are only seconds old and in which `mfa` returned `literal`.
fn wait_for_literal(bed: &Bed, mfa: &str, literal: &str) -> Result<()> {
    testbed::wait_for(&format!("a trace with {literal}"), Duration::from_mins(1), || {
        let listing = bed
            .door()
            .json(&format!("/api/v1/traces?since_s=2&limit=20&mfa={mfa}"))?;
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
    if !LITERALS.contains(&text(item, "name")) {
        return Ok(());
    }
    let captured = values(item)
        .find(|(_, v)| v.contains("-release-"))
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
