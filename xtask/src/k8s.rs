//! `cargo xtask k8s`: the manifests of `k8s/`, rendered and checked as far as that goes without a cluster: schemas, references, pods, settings
//! with the real program, alerts, names of metrics. Each check by another's program is shown a planted mistake in the same run.

mod alerts;
mod checkov;
mod names;
pub mod objects;
mod planted;
mod pods;
mod references;
mod rule;
mod schemas;
mod selectors;
mod settings;
pub mod tools;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::{machine, report, run};
use objects::Overlay;
pub use rule::{check as check_rule, write as write_rule};

#[derive(clap::Args)]
pub struct Args {
    /// Without checkov, which takes a minute.
    #[arg(long)]
    short: bool,
    /// A program `elixirscope` that is built already; built otherwise.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl Args {
    /// What `cargo xtask test` runs.
    pub fn short(program: PathBuf) -> Self {
        Self {
            short: true,
            program: Some(program),
        }
    }
}

/// What was found wrong, by check.
#[derive(Default)]
struct Found {
    figures: Vec<Value>,
    faults: Vec<String>,
}

impl Found {
    /// A figure whose goal is none.
    fn none(&mut self, name: &str, faults: Vec<String>) {
        self.figures
            .push(json!({"name": name, "value": faults.len(), "unit": "faults", "goal": 0}));
        self.faults
            .extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
    }

    /// A figure that tells how much was looked at; less than `least` means that the check is blind.
    fn at_least(&mut self, name: &str, value: usize, unit: &str, least: usize) {
        self.figures
            .push(json!({"name": name, "value": value, "unit": unit, "goal": least, "at_least": true}));
        if value < least {
            self.faults
                .push(format!("{name}: {value} {unit}, at least {least} expected"));
        }
    }
}

/// Runs every check, also if one before it found something.
pub fn run(args: &Args) -> Result<()> {
    machine::for_k8s()?;
    let began = Instant::now();
    let program = settings::program(args.program.as_deref())?;
    let kubectl = tools::kubectl()?;
    let overlays = objects::render(&kubectl)?;
    let mut found = Found::default();

    schemas(&overlays, &mut found)?;
    found.none("references between objects", references::check(&overlays));
    found.none("pods", overlays.iter().flat_map(pods::check).collect());
    let checked = settings::check(&program, &overlays)?;
    found.none("settings refused by the program", checked.faults);
    found.at_least("settings shown by the program", checked.keys, "keys", 20);
    found.none(
        "planted: unknown settings taken",
        planted::in_settings(&program, &overlays)?,
    );
    alerts(&mut found)?;
    found.none("lines", tools::lint()?);
    if !args.short {
        found.none("checkov, without a reason", checkov::check(&overlays)?);
        found.none("planted: what checkov misses", planted::in_checkov(&overlays)?);
    }
    println!("in {:.1} s", began.elapsed().as_secs_f64());
    report::figures("k8s", found.figures)?;
    if !found.faults.is_empty() {
        bail!("{} faults:\n  {}", found.faults.len(), found.faults.join("\n  "));
    }
    Ok(())
}

/// Every object that is in an overlay, once, against all releases.
fn schemas(overlays: &[Overlay], found: &mut Found) -> Result<()> {
    let mut seen = BTreeSet::new();
    let all = overlays.iter().flat_map(|overlay| &overlay.objects);
    let objects: Vec<_> = all
        .filter(|o| seen.insert(o.value.to_string()))
        .cloned()
        .collect();
    found.none("schemas of 1.32 to 1.37, strictly", schemas::check(&objects)?);
    found.at_least("overlays and examples", overlays.len(), "overlays", 5);
    found.at_least("objects in them, each once", objects.len(), "objects", 40);
    found.none("planted: what schemas miss", planted::in_schemas(&objects)?);
    Ok(())
}

fn alerts(found: &mut Found) -> Result<()> {
    let prometheus = run::root().join("k8s/prometheus");
    for args in [
        ["check", "rules", "rules.yaml"],
        ["test", "rules", "rules_test.yaml"],
    ] {
        run::check(run::command("promtool", &args).current_dir(&prometheus))?;
    }
    let alerts = alerts::check()?;
    found.at_least("alerts", alerts.alerts, "alerts", 20);
    found.none(
        "alerts without a test that fires and one that does not",
        alerts.faults,
    );
    let names = names::check()?;
    found.at_least("metrics in rules and dashboards", names.metrics, "metrics", 50);
    found.none("metrics that nobody writes", names.faults);
    let mut faults = Vec::new();
    crate::dashboards::check(&mut faults)?;
    found.none("dashboards, runbooks, the operator's rule", faults);
    Ok(())
}
