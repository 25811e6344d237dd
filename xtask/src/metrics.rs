//! `cargo xtask test --metrics`: the real Prometheus scrapes a real member under load and is asked every expression of every
//! dashboard and rule. None may be an error, and every selector must find a series, so that no panel waits for a name that nobody writes.

mod expressions;
mod native;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testbed::{Bed, Child, Door, wait_for};

use crate::run;
use expressions::evaluable;
pub use expressions::selectors;
use server::{Server, encoded};

/// Selectors that need not find a series here, by their beginning, and why.
const BORN_LATER: &[(&str, &str)] = &[
    ("ALERTS{", "while an alert fires"),
    (
        "elixirscope_agent_refused_total",
        "with the first node that is refused",
    ),
    (
        "elixirscope_agent_spool_errors_total",
        "with the first failed write of a spool",
    ),
    (
        "elixirscope_clock_error_seconds",
        "with the first message between two nodes",
    ),
    (
        "elixirscope_collector_rejects_total",
        "with the first frame refused for ever",
    ),
    (
        "elixirscope_collector_session_ends_total",
        "with the first agent that goes",
    ),
    (
        "elixirscope_otlp_records_total{outcome=\"rejected\"}",
        "with the first record refused",
    ),
    ("elixirscope_task_panics_total", "with the first panic"),
    (
        "traces_service_graph_dropped_spans_total",
        "with the first side of a call for which there is no room",
    ),
    (
        "traces_service_graph_unpaired_spans_total",
        "ten seconds after the first side of a call without the other",
    ),
    (
        "traces_service_graph_request_server_seconds{",
        "where native histograms are scraped: that is `native`",
    ),
    ("traces_spanmetrics_latency{", "the same"),
    ("elixirscope:refused:rate5m", "with the first refusal"),
];

/// Bound of the member's disk, so that what is said of the bound has a value.
const DISK_MIB: &str = "512";
/// Longest wait for the rules' rates.
const RATES: Duration = Duration::from_secs(30);

/// Builds the programs, if they are not in a given folder, then runs everything.
pub fn run(built: Option<&Path>) -> Result<()> {
    let programs = built.map_or_else(|| run::target().join("debug"), Path::to_path_buf);
    if built.is_none() {
        // The whole workspace, as `cargo nextest` has it: a part would resolve other features, and RocksDB be built again.
        run::check(&mut run::cargo(&["build", "--workspace", "--bins"]))?;
    }
    let began = Instant::now();
    let rules = run::root().join("k8s/prometheus");
    for args in [
        ["check", "rules", "rules.yaml"],
        ["test", "rules", "rules_test.yaml"],
    ] {
        run::check(run::command("promtool", &args).current_dir(&rules))?;
    }
    let bed = Bed::new(&programs.join("elixirscope"))?;
    let lake = format!("file://{}", bed.path().join("lake").display());
    let member = bed.up(true, &["--disk-mib", DISK_MIB, "--export", &lake])?;
    let server = Server::start(&bed, &rules, "exemplar-storage")?;
    let otlp = otlp_door(&member.output()).context("the member does not say where its OTLP door is")?;
    native::check(&bed, &rules, &server, &otlp)?;
    let loads = load(&bed, &programs.join("loadtest"), &member)?;
    let asked = ask(&server)?;
    let traceql = ask_traces(&bed.door())?;
    for mut load in loads {
        let status = load.wait(Duration::from_mins(1))?;
        if !status.success() {
            bail!("the load failed: {}", load.output());
        }
    }
    eprintln!(
        "metrics: {} expressions and {traceql} TraceQL queries evaluated, {} selectors found, in {:.1} s",
        asked.expressions,
        asked.selectors,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A BEAM node's events through the agent, and spans through the OTLP door.
fn load(bed: &Bed, loadtest: &Path, member: &Child) -> Result<[Child; 2]> {
    let mut node = run::command(
        &loadtest.to_string_lossy(),
        &["node", "--rate", "2000", "--seconds", "15"],
    );
    node.arg("--socket").arg(bed.socket());
    let node = Child::start("loadtest node", &mut node, &bed.path().join("node.log"))?;
    let door = otlp_door(&member.output()).context("the member does not say where its OTLP door is")?;
    let args = [
        "otlp",
        "--rate",
        "2000",
        "--batch",
        "100",
        "--warmup",
        "0",
        "--seconds",
        "12",
    ];
    let mut spans = run::command(&loadtest.to_string_lossy(), &args);
    spans.arg("--endpoint").arg(format!("http://{door}/v1/traces"));
    let spans = Child::start("loadtest otlp", &mut spans, &bed.path().join("spans.log"))?;
    Ok([node, spans])
}

/// From the log line of the start: `otlp="127.0.0.1:4317 127.0.0.1:4318"`; gRPC first, then HTTP. Colours are left out.
fn otlp_door(log: &str) -> Option<String> {
    let mut plain = String::new();
    let mut parts = log.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    let (_, rest) = plain.split_once("otlp=\"")?;
    let (addresses, _) = rest.split_once('"')?;
    Some(addresses.split_once(' ')?.1.to_owned())
}

struct Asked {
    expressions: usize,
    selectors: usize,
}

/// Every expression of every dashboard and rule; the faults of all of them at once.
fn ask(server: &Server) -> Result<Asked> {
    let rates = "elixirscope:spans_commit_seconds:p99_rate5m >= 0 and on (instance) elixirscope:ack_seconds:p99_rate5m >= 0";
    wait_for("rates of both ways in", RATES, || {
        Ok((!server.query(rates)?.is_empty()).then_some(()))
    })
    .with_context(|| server.output())?;
    let found = targets("expr")?.into_iter();
    let mut expressions: BTreeMap<_, _> = found.map(|(text, place)| (evaluable(&text), place)).collect();
    let mut faults = Vec::new();
    for rule in server.rules()? {
        let name = rule["name"].as_str().unwrap_or_default();
        if rule["health"] != "ok" {
            faults.push(format!("rule {name}: {} {}", rule["health"], rule["lastError"]));
        }
        let query = rule["query"].as_str().unwrap_or_default();
        expressions.insert(query.to_owned(), format!("rule {name}"));
    }
    let mut found = BTreeMap::new();
    for (expression, place) in &expressions {
        if let Err(error) = server.query(expression) {
            faults.push(format!("{place}: {error:#}"));
        }
        for selector in selectors(expression) {
            found.entry(selector).or_insert(place);
        }
    }
    for (selector, place) in &found {
        let later = BORN_LATER.iter().any(|(start, _)| selector.starts_with(start));
        if !later && !server.has_series(selector)? {
            faults.push(format!("{place}: nothing is named {selector}"));
        }
    }
    if expressions.len() < 50 || found.len() < 50 {
        faults.push(format!(
            "only {} expressions, {} selectors",
            expressions.len(),
            found.len()
        ));
    }
    if !faults.is_empty() {
        bail!("{} faults:\n  {}", faults.len(), faults.join("\n  "));
    }
    Ok(Asked {
        expressions: expressions.len(),
        selectors: found.len(),
    })
}

/// Every TraceQL query of every dashboard, through the member's Tempo door, in the last five minutes. Returns how many.
fn ask_traces(door: &Door) -> Result<usize> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let queries = targets("query")?;
    for (query, place) in &queries {
        let query = query.replace("$service", ".*").replace("$operation", ".*");
        let call = if query.contains("} |") {
            "metrics/query_range?step=15s&"
        } else {
            "search?"
        };
        let window = format!("start={}&end={now}", now.saturating_sub(300));
        door.json(&format!("/tempo/api/{call}{window}&q={}", encoded(&query)))
            .with_context(|| format!("{place}: {query}"))?;
    }
    if queries.is_empty() {
        bail!("no TraceQL query in any dashboard");
    }
    Ok(queries.len())
}

/// What the targets of all dashboards have in `field`, to where it is.
pub fn targets(field: &str) -> Result<BTreeMap<String, String>> {
    let folder = run::root().join("k8s/grafana/dashboards");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let dashboard: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        for panel in dashboard["panels"].as_array().into_iter().flatten() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let Some(text) = target[field].as_str() else {
                    continue;
                };
                let place = format!("{}, panel {}", dashboard["title"], panel["title"]);
                found.insert(text.to_owned(), place);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::otlp_door;

    /// Scenario: the start's log line, plain and in colours. Guarantee: the second address, HTTP's.
    #[test]
    fn the_otlp_door_is_read_from_the_log() {
        let plain = "INFO up: member started http=127.0.0.1:1 otlp=\"127.0.0.1:2 127.0.0.1:3\"\n";
        let coloured =
            "\u{1b}[32mINFO\u{1b}[0m \u{1b}[3motlp\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"127.0.0.1:2 127.0.0.1:3\"\n";
        assert_eq!(otlp_door(plain).as_deref(), Some("127.0.0.1:3"));
        assert_eq!(otlp_door(coloured).as_deref(), Some("127.0.0.1:3"));
        assert_eq!(otlp_door("otlp=\"\""), None);
    }
}
