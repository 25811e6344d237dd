//! Metrics of spans: rate, errors and durations by service and operation, and who calls whom, under Tempo's names
//! (`docs/span-metrics.md`).
//!
//! [`SpanMetrics`] counts the spans of a frame that is on disk, by the numbers of its dictionaries: texts are looked at once a
//! frame, not once a span, and labels when a series is first seen. The two sides of a call are looked for in the frame first; a side whose other one is not there waits for
//! it, so long and so many at most. What has no room is counted in one series or as dropped. It takes `now` and keeps no clock.

mod edges;
mod frame;
mod histogram;
mod known;
mod names;
mod pair;
mod quick;
mod series;
mod waiting;

#[cfg(test)]
mod tests;

pub use edges::{CallSeconds, Connection, Edge, SLICE_NS};
pub use histogram::{Exemplar, Histogram, SCHEMA};

use event::{SpanKind, Value};
use wire::spans::{Glance, SpanBuilder};

use edges::Edges;
use frame::Frame;
use known::{Key, Known};
use names::{Names, shortened};
use quick::Seed;
use series::Table;
use waiting::Waiting;

/// Durations of spans, over the bounds of Tempo's span metrics: 2 ms to 16.4 s.
pub type SpanSeconds = Histogram<2_000_000, 15>;

/// What is counted, and the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Attributes of resources that become labels, beside those that all series have.
    pub dimensions: Vec<String>,
    /// Is what was said of a status a label?
    pub status_message: bool,
    /// Series of spans at most.
    pub series_max: usize,
    /// Edges at most.
    pub edges_max: usize,
    /// Sides of calls that wait for the other one, at most.
    pub waiting_max: usize,
    /// How long they wait, nanoseconds.
    pub wait_ns: u64,
    /// Series in which nothing was counted for so long are forgotten, nanoseconds.
    pub idle_ns: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dimensions: Vec::new(),
            status_message: false,
            series_max: 2_000,
            edges_max: 1_000,
            waiting_max: 65_536,
            wait_ns: 10_000_000_000,
            idle_ns: 15 * 60 * 1_000_000_000,
        }
    }
}

/// What is counted of the spans of one service, name, kind and status.
#[derive(Clone, Debug, Default)]
pub struct SpanSeries {
    /// Bytes of the spans as they came.
    pub bytes: u64,
    /// Their durations, and how many they are.
    pub seconds: SpanSeconds,
}

/// Sizes, for whoever watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Series of spans.
    pub series: usize,
    /// Edges.
    pub edges: usize,
    /// Sides of calls that wait.
    pub waiting: usize,
}

/// Counts spans.
#[derive(Debug)]
pub struct SpanMetrics {
    settings: Settings,
    seed: Seed,
    since_ns: u64,
    collected_ns: u64,
    spans: Table<SpanSeries>,
    edges: Edges,
    names: Names,
    waiting: Waiting,
    known: Known,
    frame: Frame,
}

/// Names of services are as many as series and edges may have.
const NAMES_MAX: usize = 16_384;
/// How often what is idle is looked for.
const COLLECT_NS: u64 = 60 * 1_000_000_000;

impl SpanMetrics {
    /// Nothing counted yet. `seed` should be random: it keeps senders from choosing ids that collide.
    pub fn new(settings: Settings, seed: u64, now_ns: u64) -> Self {
        let seed = Seed(seed);
        Self {
            seed,
            since_ns: now_ns,
            collected_ns: now_ns,
            spans: Table::new(settings.series_max, seed),
            edges: Edges::new(settings.edges_max, seed),
            names: Names::new(NAMES_MAX),
            waiting: Waiting::new(settings.waiting_max, seed),
            known: Known::new(seed),
            frame: Frame::new(seed),
            settings,
        }
    }

    /// Counts the spans of a builder.
    pub fn take(&mut self, builder: &SpanBuilder, now_ns: u64) {
        self.frame.reset(builder);
        self.known.begin();
        let mut last = ((u64::MAX, 0), 0);
        let mut series = std::mem::take(&mut self.frame.series);
        for span in builder.glances() {
            let key = self.known.key(builder, &span, self.settings.status_message);
            if key != last.0 {
                let known = self.known.series(key);
                let number = known.unwrap_or_else(|| self.new_series(builder, &span, key, now_ns));
                last = (key, number);
            }
            series.push(last.1);
            match span.kind {
                2 | 5 if span.parent == 0 => self.frame.roots.push(span),
                2 | 5 => self.frame.servers.push(span),
                3 | 4 => self.frame.clients.push(span),
                _ => {}
            }
        }
        // Apart from the rest: all that it waits for is memory, and so it waits for that of several spans at once.
        for (span, number) in builder.glances().zip(&series) {
            if let Some(series) = self.spans.counted(*number, now_ns) {
                series.bytes += u64::from(span.bytes);
                let trace = || builder.trace_id(span.trace);
                series.seconds.count(span.duration_ns(), span.end_ns, trace);
            }
        }
        self.frame.series = series;
        self.pair(builder, now_ns);
        self.expire(now_ns);
    }

    #[cold]
    fn new_series(&mut self, builder: &SpanBuilder, span: &Glance, key: Key, now_ns: u64) -> u32 {
        let resource = self.frame.resource(builder, span.resource);
        let name = String::from_utf8_lossy(builder.name(span.name));
        let message = String::from_utf8_lossy(builder.status_message(span.message));
        let mut labels = vec![shortened(resource.service())];
        for dimension in &self.settings.dimensions {
            let value = resource
                .attributes
                .iter()
                .find(|attribute| attribute.key == *dimension);
            let text = value.and_then(|attribute| match &attribute.value {
                Value::String(text) => Some(shortened(text)),
                _ => None,
            });
            labels.push(text.unwrap_or_default());
        }
        labels.extend([shortened(&name), kind_label(span.kind), status_label(span.status)]);
        if self.settings.status_message {
            labels.push(shortened(&message));
        }
        let number = self.spans.number(&labels, now_ns);
        self.known.insert(key, number);
        number
    }

    /// Ends the waiting of those whose time is over, and forgets what is idle. Also asked for between frames.
    pub fn expire(&mut self, now_ns: u64) {
        while let Some(expired) = self.waiting.expired(now_ns) {
            self.gave_up(expired, now_ns);
        }
        if now_ns.saturating_sub(self.collected_ns) < COLLECT_NS {
            return;
        }
        self.collected_ns = now_ns;
        let before = now_ns.saturating_sub(self.settings.idle_ns);
        if self.spans.forget(before) > 0 {
            // Numbers are given anew, and what had no room may have some now.
            self.known.clear();
        }
        self.edges.forget(before);
        if self.names.is_crowded() {
            let of_edges = self.edges.sorted().into_iter().filter_map(|(ends, _)| ends);
            let mut used: std::collections::HashSet<u32> =
                of_edges.flat_map(|ends| [ends.client, ends.server]).collect();
            used.extend(self.waiting.names());
            self.names.retain(|number| used.contains(&number));
        }
    }

    /// Names of the labels of [`Self::spans`]: those of dimensions with underscores for what a label may not have.
    pub fn span_labels(&self) -> Vec<String> {
        let mut names = vec!["service".to_owned()];
        names.extend(self.settings.dimensions.iter().map(|name| label_name(name)));
        names.extend(["span_name", "span_kind", "status_code"].map(str::to_owned));
        if self.settings.status_message {
            names.push("status_message".to_owned());
        }
        names
    }

    /// What was counted of spans, each with its labels' values; those without room have none.
    pub fn spans(&self) -> impl Iterator<Item = (&[Box<str>], &SpanSeries)> {
        self.spans.iter()
    }

    /// What was counted of calls: client, server and connection; those without room have none.
    pub fn calls(&self) -> impl Iterator<Item = (Option<(&str, &str, Connection)>, &Edge)> {
        self.edges.sorted().into_iter().map(|(ends, edge)| {
            let named = |ends: edges::Ends| {
                (
                    self.names.text(ends.client),
                    self.names.text(ends.server),
                    ends.connection,
                )
            };
            (ends.map(named), edge)
        })
    }

    /// Since when it counts, Unix nanoseconds.
    pub fn since_ns(&self) -> u64 {
        self.since_ns
    }

    /// Sizes of its tables.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            series: self.spans.len(),
            edges: self.edges.len(),
            waiting: self.waiting.len(),
        }
    }

    /// From now on exemplars are taken anew.
    pub fn renew_exemplars(&mut self) {
        for series in self.spans.values_mut() {
            series.seconds.renew();
        }
        for edge in self.edges.values_mut() {
            edge.server.renew();
            edge.client.renew();
        }
    }
}

/// The name of a label: letters, digits and underscores, no digit first, none of the fixed ones.
fn label_name(name: &str) -> String {
    let mut label: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let fixed = [
        "",
        "service",
        "span_name",
        "span_kind",
        "status_code",
        "status_message",
        "le",
    ];
    if fixed.contains(&label.as_str()) || label.starts_with(|c: char| c.is_ascii_digit() || c == '_') {
        label.insert_str(0, "attr_");
    }
    label
}

fn kind_label(code: u8) -> &'static str {
    match SpanKind::try_from(code) {
        Ok(SpanKind::Internal) => "SPAN_KIND_INTERNAL",
        Ok(SpanKind::Server) => "SPAN_KIND_SERVER",
        Ok(SpanKind::Client) => "SPAN_KIND_CLIENT",
        Ok(SpanKind::Producer) => "SPAN_KIND_PRODUCER",
        Ok(SpanKind::Consumer) => "SPAN_KIND_CONSUMER",
        Ok(SpanKind::Unspecified) | Err(_) => "SPAN_KIND_UNSPECIFIED",
    }
}

fn status_label(code: u8) -> &'static str {
    match code {
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "STATUS_CODE_UNSET",
    }
}
