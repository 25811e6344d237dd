//! Span metrics of known spans, as a Prometheus takes them that asks for native histograms, and as one that does not: counts, quantiles
//! within the resolution, exemplars that name the traces sent, an edge of the service graph.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testbed::{Bed, Door, wait_for};

use super::server::Server;

/// Calls that are sent: the n-th takes n milliseconds.
const CALLS: u64 = 1_000;
/// Longest way from a span to a series.
const ARRIVAL: Duration = Duration::from_secs(20);
/// Labels of what is sent.
const KNOWN: &str = "{service=\"known\"}";

/// Sends spans and asks both servers. `classic` scrapes text.
pub fn check(bed: &Bed, rules: &Path, classic: &Server, otlp: &str) -> Result<()> {
    let native = Server::start(bed, rules, "exemplar-storage,native-histograms")?;
    let door = Door {
        url: format!("http://{otlp}"),
    };
    door.post_json("/v1/traces", &request()?)?;
    let calls = "traces_service_graph_request_total{client=\"known-front\",server=\"known\"}";
    for (server, name, count, quantile, resolution) in [
        (
            &native,
            "traces_spanmetrics_latency",
            "histogram_count(traces_spanmetrics_latency",
            "traces_spanmetrics_latency",
            2f64.powf(1.0 / 8.0),
        ),
        (
            classic,
            "traces_spanmetrics_latency_bucket",
            "(traces_spanmetrics_latency_count",
            "traces_spanmetrics_latency_bucket",
            2.0,
        ),
    ] {
        wait_for("known spans as metrics", ARRIVAL, || {
            let arrived = number(server, &format!("{count}{KNOWN})"))?;
            Ok((arrived == Some(CALLS as f64)).then_some(()))
        })
        .with_context(|| server.output())?;
        for rank in [0.1, 0.5, 0.9, 0.99] {
            let said = number(server, &format!("histogram_quantile({rank}, {quantile}{KNOWN})"))?;
            let truth = rank * CALLS as f64 / 1e3;
            let right = said.is_some_and(|said| said <= truth * resolution && said >= truth / resolution);
            if !right {
                bail!("the {rank} quantile of {name} is {said:?}, and {truth} in truth");
            }
        }
        if number(server, calls)? != Some(CALLS as f64) {
            bail!("{calls} is {:?}", number(server, calls)?);
        }
        let exemplars = server.exemplars(&format!("{name}{KNOWN}"))?;
        let ours = |exemplar: &Value| {
            let trace = exemplar["labels"]["trace_id"].as_str().unwrap_or_default();
            let value = exemplar["value"]
                .as_str()
                .and_then(|value| value.parse::<f64>().ok());
            u64::from_str_radix(trace, 16).ok().map(|n| n as f64 / 1e3) == value
        };
        if exemplars.is_empty() || !exemplars.iter().all(ours) {
            bail!("{name} has the exemplars {exemplars:?}");
        }
        eprintln!(
            "{name}: {} exemplars, quantiles within {resolution:.3}",
            exemplars.len()
        );
    }
    Ok(())
}

fn number(server: &Server, expression: &str) -> Result<Option<f64>> {
    let found = server.query(expression)?;
    let text = found.first().and_then(|series| series["value"][1].as_str());
    Ok(text.and_then(|text| text.parse().ok()))
}

/// The trace `n` takes `n` milliseconds: a call of one service by another.
fn request() -> Result<Value> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let span = |n: u64, id: u64, parent: u64, kind: u64| {
        let parent = if parent == 0 {
            String::new()
        } else {
            format!("{parent:016x}")
        };
        json!({
            "traceId": format!("{n:032x}"), "spanId": format!("{id:016x}"), "parentSpanId": parent, "name": "call", "kind": kind,
            "startTimeUnixNano": (now - n * 1_000_000).to_string(), "endTimeUnixNano": now.to_string(),
        })
    };
    let of = |service: &str, spans: Vec<Value>| {
        let name = json!({"key": "service.name", "value": {"stringValue": service}});
        json!({"resource": {"attributes": [name]}, "scopeSpans": [{"spans": spans}]})
    };
    let clients = (1..=CALLS).map(|n| span(n, 1, 0, 3)).collect();
    let servers = (1..=CALLS).map(|n| span(n, 2, 1, 2)).collect();
    Ok(json!({"resourceSpans": [of("known-front", clients), of("known", servers)]}))
}
