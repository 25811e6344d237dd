//! What a measurement leaves behind: a table on the terminal and `target/report/<name>.json`. A figure is
//! `{"name", "value", "unit", "goal"}`; it holds if its value is no greater than its goal, or, with `"at_least": true`, no less.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::run;

/// Reports the figures among the lines that a measurement printed, one JSON object a line.
pub fn printed(name: &str, printed: &str) -> Result<()> {
    let found = printed
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()?;
    if found.is_empty() {
        bail!("{name} printed no figures:\n{printed}");
    }
    figures(name, found)
}

/// Prints the figures and writes them.
pub fn figures(name: &str, figures: Vec<Value>) -> Result<()> {
    println!(
        "{:<56} {:>12} {:<10} {:>10}  holds",
        "figure", "value", "unit", "goal"
    );
    for figure in &figures {
        let value = figure["value"].as_f64().context("a figure without a value")?;
        let decimals = if value.abs() < 10.0 { 3 } else { 1 };
        println!(
            "{:<56} {value:>12.decimals$} {:<10} {:>10}  {}",
            figure["name"].as_str().unwrap_or_default(),
            figure["unit"].as_str().unwrap_or_default(),
            figure["goal"]
                .as_f64()
                .map(|g| format!("{g:.1}"))
                .unwrap_or_default(),
            holds(figure)
                .map(|h| if h { "yes" } else { "NO" })
                .unwrap_or_default()
        );
    }
    write(name, figures)
}

/// Writes the figures to `target/report/<name>.json`, with the commit, the machine and whether each holds.
pub fn write(name: &str, mut figures: Vec<Value>) -> Result<()> {
    for figure in &mut figures {
        figure["holds"] = json!(holds(figure));
    }
    let machine = run::output(&mut run::command("uname", &["-srm"]))?;
    let report = json!({"commit": commit()?, "machine": machine.trim(), "figures": figures});
    let path = run::target().join("report").join(format!("{name}.json"));
    fs::create_dir_all(path.parent().context("no folder")?)?;
    fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    println!("written to {}", path.display());
    Ok(())
}

/// The commit that is checked out, in short.
pub fn commit() -> Result<String> {
    let commit = run::output(&mut run::command("git", &["rev-parse", "--short", "HEAD"]))?;
    Ok(commit.trim().to_owned())
}

/// An error that names the figures that do not keep to their goals.
pub fn all_hold(figures: &[Value]) -> Result<()> {
    let broken = figures.iter().filter(|figure| holds(figure) == Some(false));
    let names: Vec<_> = broken.filter_map(|figure| figure["name"].as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    bail!("beyond its goal: {}", names.join(", "))
}

/// Does a figure keep to its goal? `None` without one.
pub fn holds(figure: &Value) -> Option<bool> {
    let (value, goal) = (figure["value"].as_f64()?, figure["goal"].as_f64()?);
    Some(if figure["at_least"] == true {
        value >= goal
    } else {
        value <= goal
    })
}
