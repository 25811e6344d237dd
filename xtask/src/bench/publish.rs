//! `cargo xtask bench publish`: what it costs to publish a one-line change of a large project to a member that has the version before.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::faults::ensemble::Ensemble;
use crate::report;

/// Files of the project, and functions of each.
const FILES: usize = 1_000;
const FUNCTIONS: usize = 25;
/// What the project has at least.
const LINES: usize = 400_000;
/// One-line changes, each published.
const CHANGES: usize = 5;

pub fn run() -> Result<()> {
    super::load::build()?;
    let folder = tempfile::tempdir()?;
    let lines = write(folder.path())?;
    ensure!(lines >= LINES, "the project has only {lines} lines");
    let cluster = Ensemble::of(1, &["--log", "warn"])?;
    let project = folder.path().display().to_string();
    let publish = || cluster.members[0].command(&["sync", &project]);
    let began = Instant::now();
    let first = publish()?;
    let first_seconds = began.elapsed().as_secs_f64();
    let (mut worst, mut sent, mut objects, mut slowest) = (0.0_f64, 0, 0, 0.0_f64);
    for change in 1..=CHANGES {
        let file = folder.path().join(name(change * FILES / (CHANGES + 1)));
        let text = fs::read_to_string(&file)?;
        fs::write(
            &file,
            text.replacen("rate = 3", &format!("rate = {}", 100 + change), 1),
        )?;
        let began = Instant::now();
        let published = publish()?;
        slowest = slowest.max(began.elapsed().as_secs_f64());
        let missing = counted(&published, "sent_bytes")?;
        let all = missing + counted(&published, "manifest_bytes")?;
        ensure!(missing > 0, "nothing was missing: {published}");
        if all as f64 / missing as f64 > worst {
            worst = all as f64 / missing as f64;
            (sent, objects) = (all, missing);
        }
    }
    cluster.stop()?;
    let figure = |name: &str, value: f64, unit: &str| json!({"name": name, "value": value, "unit": unit});
    let mut goal = figure(
        "bytes sent for a one-line change, against the objects missing",
        worst,
        "x",
    );
    goal["goal"] = json!(1.3);
    report::figures(
        "publish",
        vec![
            figure("lines of the project", lines as f64, "1"),
            figure("published first", first_seconds, "s"),
            figure("bytes sent then, the manifest too", all_of(&first)? as f64, "B"),
            figure("a one-line change published, slowest", slowest, "s"),
            figure("bytes of the objects missing", objects as f64, "B"),
            figure("bytes sent, the manifest's change too", sent as f64, "B"),
            goal,
        ],
    )
}

fn counted(published: &Value, what: &str) -> Result<u64> {
    published[what]
        .as_u64()
        .with_context(|| format!("no {what} in {published}"))
}

fn all_of(published: &Value) -> Result<u64> {
    Ok(counted(published, "sent_bytes")? + counted(published, "manifest_bytes")?)
}

fn name(number: usize) -> String {
    format!("lib/part{}/module{number}.ex", number % 40)
}

/// A project of modules that call each other; its lines.
fn write(root: &Path) -> Result<usize> {
    fs::write(
        root.join("mix.exs"),
        "defmodule Large.MixProject do\n  use Mix.Project\n  def project, do: [app: :large, version: \"0.1.0\"]\nend\n",
    )?;
    let mut lines = 0;
    for number in 0..FILES {
        let mut text =
            format!("defmodule Large.Module{number} do\n  @moduledoc \"Prices of region {number}.\"\n\n");
        for function in 0..FUNCTIONS {
            let other = (number * 7 + function * 13 + 1) % FILES;
            write!(
                text,
                "  @doc \"The price of an order, step {function}.\"
  def step{function}(%{{id: id, items: items}} = order, options) when is_list(items) do
    rate = 3
    discount = Keyword.get(options, :discount, {function})

    total =
      items
      |> Enum.map(fn item -> item.count * item.price - discount end)
      |> Enum.sum()

    case total do
      0 -> {{:error, {{:empty, id, {number}}}}}
      sum when sum > {limit} -> {{:ok, Large.Module{other}.step{function}(%{{order | items: tl(items)}}, options)}}
      sum -> {{:ok, sum * rate + {function}}}
    end
  end

",
                limit = 1000 + function
            )?;
        }
        text.push_str("end\n");
        lines += text.lines().count();
        let file = root.join(name(number));
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, text)?;
    }
    Ok(lines)
}
