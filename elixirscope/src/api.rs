//! Questions over HTTP. Thin: reads parameters, asks the shards and `query`, writes JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use codegraph::SourceHash;
use collector::Shards;
use event::{Micros, NodeInfo, NodeKey, TraceId};
use placement::MemberId;
use query::tempo::SourceError;
use query::{CodeIndex, CodeSource as _, Missing, Recorded, TraceListing, TraceRow};
use serde::Deserialize;
use serde_json::json;
use store::{Audit, LogFilter, Losses, TraceFilter};

use crate::checks::Checks;
use crate::code_blobs::CoordinatorBlobs;
use crate::lacks;

/// What the handlers work on.
#[derive(Clone)]
pub(crate) struct Api {
    /// Events and logs, of all members.
    pub(crate) shards: Shards,
    /// Sites and sources.
    pub(crate) code: Arc<CodeIndex>,
    /// Source files.
    pub(crate) blobs: Arc<CoordinatorBlobs>,
    /// The doctor's checks.
    pub(crate) checks: Arc<Checks>,
    /// Whether values are taken out of answers.
    pub(crate) redacts: bool,
}

impl Api {
    /// For those who see no values.
    pub(crate) fn redacted(&self) -> Self {
        Self {
            redacts: true,
            ..self.clone()
        }
    }
}

/// Traces listed at most in one answer.
const LIMIT_MAX: usize = 1_000;

/// An error answer.
struct Failure {
    status: StatusCode,
    error: String,
    expected: &'static str,
}

impl Failure {
    fn wrong(error: String, expected: &'static str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            expected,
        }
    }
    fn missing(error: String) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error,
            expected: "",
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = if self.expected.is_empty() {
            json!({"error": self.error})
        } else {
            json!({"error": self.error, "expected": self.expected})
        };
        (self.status, Json(body)).into_response()
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self {
            status: match error {
                SourceError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
                SourceError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
                SourceError::Forbidden(_) => StatusCode::FORBIDDEN,
            },
            error: error.to_string(),
            expected: "",
        }
    }
}

/// The routes under `/api/v1`.
pub(crate) fn router(api: Api) -> Router {
    Router::new()
        .route("/traces", get(traces))
        .route("/traces/{id}", get(trace))
        .route("/logs", get(logs))
        .route("/sources/{sha256}", get(source))
        .route("/audit", get(audit))
        .route("/doctor", get(doctor))
        .with_state(api)
}

/// Runs a question that reads the disk off the asynchronous threads.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => answer,
        Err(error) => {
            let error = format!("the question failed: {error}");
            Err(Failure {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                error,
                expected: "",
            })
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TracesQuery {
    since_s: Option<u64>,
    until_unix_us: Option<u64>,
    errors: Option<bool>,
    mfa: Option<String>,
    node: Option<String>,
    limit: Option<usize>,
}

async fn traces(
    State(api): State<Api>,
    query: Result<Query<TracesQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<TraceListing>, Failure> {
    let Query(query) = query.map_err(|e| {
        Failure::wrong(
            e.body_text(),
            "since_s, until_unix_us, errors=true|false, mfa, node, limit=1..1000",
        )
    })?;
    blocking(move || list(&api, query)).await.map(Json)
}

fn list(api: &Api, query: TracesQuery) -> Result<TraceListing, Failure> {
    let limit = query.limit.unwrap_or(20);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure::wrong(format!("limit {limit}"), "1..1000"));
    }
    let now = host::now();
    let since = Micros(
        now.0
            .saturating_sub(query.since_s.unwrap_or(3_600).saturating_mul(1_000_000)),
    );
    let until = query.until_unix_us.map(Micros::from_unix_us);
    let filter = TraceFilter {
        since: Some(since),
        until,
        errors: query.errors.unwrap_or_default(),
        sites: query.mfa.as_deref().map(|pattern| api.code.sites_of(pattern)),
        node: query.node,
        limit,
    };
    let nodes = api.shards.nodes()?;
    let traces = api.shards.traces(&filter)?;
    let losses = api.shards.losses(since, until.unwrap_or(now))?;
    let mut unheard = Unheard::default();
    unheard.add([nodes.missing, traces.missing, losses.missing]);
    let nodes = node_names(nodes.value);
    let row = |t: store::TraceSummary| TraceRow {
        trace: t.trace.to_string(),
        name: t.root.unwrap_or_default(),
        start_unix_us: t.start.to_unix_us(),
        hlc_unix_us: t.hlc_min.micros().to_unix_us(),
        duration_us: t.end.0.saturating_sub(t.start.0),
        events: t.events,
        errors: t.errors,
        nodes: t.nodes.iter().map(|key| name_of(*key, &nodes)).collect(),
    };
    let mut missing = missing(&losses.value, &nodes);
    missing.extend(unheard.said());
    let traces = traces.value.into_iter().map(row).collect();
    Ok(TraceListing {
        traces,
        complete: missing.is_empty(),
        missing,
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogsQuery {
    trace: Option<String>,
    since_s: Option<u64>,
    until_unix_us: Option<u64>,
    severity: Option<u8>,
    limit: Option<usize>,
}

/// Log records that came over OTLP, the newest first, as OTLP/JSON.
async fn logs(
    State(api): State<Api>,
    query: Result<Query<LogsQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Failure> {
    let expected = "trace, since_s, until_unix_us, severity=1..24, limit=1..1000";
    let Query(query) = query.map_err(|e| Failure::wrong(e.body_text(), expected))?;
    let trace = query.trace.map(|id| {
        let id: Result<TraceId, _> = id.parse();
        id.map_err(|e| Failure::wrong(format!("trace: {e}"), "up to 32 hex digits"))
    });
    let limit = query.limit.unwrap_or(100);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Failure::wrong(format!("limit {limit}"), "1..1000"));
    }
    let until = query.until_unix_us.unwrap_or_else(|| host::now().to_unix_us());
    let until_ns = until.saturating_mul(1_000);
    let filter = LogFilter {
        trace: trace.transpose()?,
        range: match query.since_s {
            Some(since) => (
                until_ns.saturating_sub(since.saturating_mul(1_000_000_000)),
                until_ns,
            ),
            None => (0, until_ns),
        },
        severity: query.severity.unwrap_or_default(),
        limit,
    };
    let found = blocking(move || {
        let mut found = api.shards.logs(&filter)?;
        if api.redacts {
            query::redact::logs(&mut found.value);
        }
        Ok(found)
    });
    let found = found.await?;
    let body = wire::otlp::logs_json(&found.value);
    let mut response = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    lacks::say(&found.missing, response.headers_mut());
    Ok(response)
}

async fn trace(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Failure> {
    let id: TraceId = id
        .parse()
        .map_err(|e| Failure::wrong(format!("'{id}' is no trace id: {e}"), "up to 32 hex digits"))?;
    blocking(move || whole(&api, id)).await
}

fn whole(api: &Api, id: TraceId) -> Result<Response, Failure> {
    let found = api.shards.trace_rows(id)?;
    let rows = found.value;
    let mut unheard = Unheard::default();
    unheard.add([found.missing]);
    if rows.events.is_empty() {
        let lacks = unheard.text();
        return Err(Failure::missing(format!(
            "no events of trace {id} are stored; it may be older than the retention{lacks}"
        )));
    }
    let nodes = node_names(rows.nodes);
    let recorded: Vec<Recorded> = rows
        .events
        .into_iter()
        .map(|(identity, event)| Recorded { identity, event })
        .collect();
    let micros = |r: &Recorded| r.event.hlc.micros();
    let since = recorded.iter().map(micros).min().unwrap_or_default();
    let until = recorded.iter().map(micros).max().unwrap_or_default();
    let losses = api.shards.losses(since, until)?;
    unheard.add([losses.missing]);
    let mut missing = missing(&losses.value, &nodes);
    missing.extend(unheard.said());
    if rows.damaged > 0 {
        missing.push(said(
            "damage",
            format!("{} stored frames cannot be read", rows.damaged),
        ));
    }
    if rows.cut {
        missing.push(said("cut", format!("only {} events are shown", recorded.len())));
    }
    let mut answer = query::assemble(id, &recorded, &nodes, api.code.as_ref(), missing);
    if api.redacts {
        query::redact::trace_answer(&mut answer);
    }
    Ok(Json(answer).into_response())
}

/// What members did not say, each once.
#[derive(Debug, Default)]
struct Unheard(Vec<String>);

impl Unheard {
    fn add(&mut self, texts: impl IntoIterator<Item = Vec<String>>) {
        for text in texts.into_iter().flatten() {
            if !self.0.contains(&text) {
                self.0.push(text);
            }
        }
    }

    fn said(self) -> impl Iterator<Item = Missing> {
        self.0.into_iter().map(|text| said("member", text))
    }

    /// For the end of a sentence.
    fn text(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        format!("; {}", self.0.join("; "))
    }
}

fn said(kind: &str, text: String) -> Missing {
    Missing {
        kind: kind.to_owned(),
        text,
    }
}

fn missing(losses: &Losses, nodes: &BTreeMap<NodeKey, NodeInfo>) -> Vec<Missing> {
    let mut counts: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
    for (_, event) in &losses.events {
        if let Ok(loss) = wire::etf::LossPayload::decode(&event.payload) {
            *counts
                .entry((name_of(event.node, nodes), loss.reason.name()))
                .or_default() += loss.count;
        }
    }
    let lost = counts.into_iter().map(|((node, reason), count)| {
        said(
            "loss",
            format!("{count} events of {node} in that time were dropped ({reason})"),
        )
    });
    let gaps = losses.gaps.len();
    let gaps = (gaps > 0).then(|| {
        said(
            "gap",
            format!("{gaps} ranges of batches in that time were given up"),
        )
    });
    lost.chain(gaps).collect()
}

fn node_names(nodes: Vec<NodeInfo>) -> BTreeMap<NodeKey, NodeInfo> {
    nodes.into_iter().map(|n| (n.key, n)).collect()
}

fn name_of(key: NodeKey, nodes: &BTreeMap<NodeKey, NodeInfo>) -> String {
    nodes
        .get(&key)
        .map_or_else(|| format!("node {key}"), |n| n.name.clone())
}

async fn source(State(api): State<Api>, Path(hash): Path<String>) -> Result<Response, Failure> {
    let source: SourceHash = hash
        .parse()
        .map_err(|e| Failure::wrong(format!("'{hash}' is no SHA-256: {e}"), "64 hex digits"))?;
    let text = blocking(move || {
        api.blobs
            .source(source)
            .ok_or_else(|| Failure::missing(format!("source {source} is not published")))
    });
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.await?).into_response())
}

async fn audit(State(api): State<Api>) -> Result<Response, Failure> {
    let audit = blocking(move || {
        let names = api.shards.nodes()?.value;
        Ok((api.shards.audits()?, node_names(names)))
    });
    let (audits, names) = audit.await?;
    let counts = |member: MemberId, audit: &Audit| {
        let nodes: Vec<_> = audit
            .by_node
            .iter()
            .map(|(key, events)| json!({"key": key.to_string(), "name": name_of(*key, &names), "events": events}))
            .collect();
        json!({
            "member": member.0,
            "events": audit.events,
            "duplicates": audit.duplicates,
            "losses": audit.losses,
            "batches": audit.batches,
            "missing_batches": audit.missing_batches,
            "given_up_batches": audit.given_up_batches,
            "damaged_frames": audit.damaged_frames,
            "nodes": nodes,
        })
    };
    let mut all = audits.value.iter().map(|(member, audit)| counts(*member, audit));
    // This member's own counts, and those of the others beside them.
    let mut own = all.next().unwrap_or_default();
    let others: Vec<_> = all.collect();
    if let Some(own) = own.as_object_mut() {
        own.insert("others".to_owned(), others.into());
        own.insert("complete".to_owned(), audits.missing.is_empty().into());
        own.insert("missing".to_owned(), audits.missing.into());
    }
    Ok(Json(own).into_response())
}

async fn doctor(State(api): State<Api>) -> Result<Response, Failure> {
    blocking(move || Ok(Json(api.checks.findings()).into_response())).await
}
