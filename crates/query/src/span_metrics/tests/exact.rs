//! What is counted by numbers against what is counted by labels, span by span.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use event::{SpanKind, StatusCode};
use proptest::prelude::*;
use wire::spans::SpanBuilder;

use super::super::known::Known;
use super::super::quick::Seed;
use super::super::{Settings, SpanMetrics, kind_label, status_label};
use super::{SECOND, frame, span};

/// Spans, nanoseconds, bytes.
type Counts = (u64, f64, u64);

/// Counts by labels: as many series as there is room, those in which nothing was counted for long forgotten.
struct Plain {
    settings: Settings,
    series: BTreeMap<Vec<String>, (Counts, u64)>,
    overflow: Option<Counts>,
    collected_ns: u64,
}

impl Plain {
    fn take(&mut self, builder: &SpanBuilder, now_ns: u64) {
        for span in builder.glances() {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let resource = builder.resource(span.resource);
            let mut labels = vec![
                resource.service().to_owned(),
                text(builder.name(span.name)),
                kind_label(span.kind).to_owned(),
                status_label(span.status).to_owned(),
            ];
            if self.settings.status_message {
                labels.push(text(builder.status_message(span.message)));
            }
            let room = self.series.len() < self.settings.series_max;
            let counts = if room || self.series.contains_key(&labels) {
                let (counts, touched) = self.series.entry(labels).or_default();
                *touched = now_ns;
                counts
            } else {
                self.overflow.get_or_insert_default()
            };
            counts.0 += 1;
            counts.1 += span.duration_ns() as f64 / 1e9;
            counts.2 += u64::from(span.bytes);
        }
        if now_ns - self.collected_ns >= 60 * SECOND {
            self.collected_ns = now_ns;
            let before = now_ns.saturating_sub(self.settings.idle_ns);
            self.series.retain(|_, (_, touched)| *touched >= before);
        }
    }

    fn all(&self) -> BTreeMap<Vec<String>, Counts> {
        let series = self.series.iter();
        let mut all: BTreeMap<Vec<String>, Counts> = series
            .map(|(labels, (counts, _))| (labels.clone(), *counts))
            .collect();
        all.extend(self.overflow.map(|counts| (Vec::new(), counts)));
        all
    }
}

fn all(metrics: &SpanMetrics) -> BTreeMap<Vec<String>, Counts> {
    let shown = metrics.spans().map(|(labels, series)| {
        let labels = labels.iter().map(ToString::to_string).collect();
        let seconds = &series.seconds;
        (labels, (seconds.total(), seconds.sum_seconds(), series.bytes))
    });
    shown.collect()
}

fn alike(one: &BTreeMap<Vec<String>, Counts>, other: &BTreeMap<Vec<String>, Counts>) -> bool {
    let close = |a: &Counts, b: &Counts| a.0 == b.0 && a.2 == b.2 && (a.1 - b.1).abs() < 1e-6;
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
}

proptest! {
    /// Scenario: frames of spans of a few services, names, kinds, states and messages, seconds and quarters of an hour apart, with
    /// more series than there is room, and a memory for combinations from none to enough. Guarantee: after each frame, the same
    /// series as if each span's labels were looked up, with the same counts.
    #[test]
    fn as_by_labels(
        frames in prop::collection::vec(
            (prop::collection::vec((0usize..3, 0usize..4, 0u8..6, 0u8..3, 0usize..2), 1..30), 1u64..500),
            1..12,
        ),
        series_max in 0usize..40,
        status_message: bool,
        texts_max in 0usize..6,
        combinations_max in 0usize..40,
    ) {
        let settings = Settings {
            series_max,
            status_message,
            idle_ns: 900 * SECOND,
            ..Settings::default()
        };
        let mut metrics = SpanMetrics::new(settings.clone(), 5, 0);
        metrics.known = Known::bounded(Seed(5), texts_max, combinations_max);
        let mut plain = Plain {
            settings,
            series: BTreeMap::new(),
            overflow: None,
            collected_ns: 0,
        };
        let mut now_ns = SECOND;
        for (spans, seconds) in &frames {
            now_ns += seconds * SECOND;
            let made = (1u64..).zip(spans).map(|(id, (service, name, kind, status, message))| {
                let mut made = span(1, id, 0, ["a", "b", "c"][*service], SpanKind::Internal);
                made.name = ["w", "x", "y", "z"][*name].to_owned();
                made.kind = SpanKind::try_from(*kind).unwrap();
                made.status = StatusCode::try_from(*status).unwrap();
                made.status_message = ["", "late"][*message].to_owned();
                made
            });
            let builder = frame(&made.collect::<Vec<_>>());
            metrics.take(&builder, now_ns);
            plain.take(&builder, now_ns);
            prop_assert!(alike(&all(&metrics), &plain.all()), "{:?} is not {:?}", all(&metrics), plain.all());
        }
    }
}
