//! The two formats of text: Prometheus' own, version 0.0.4, and OpenMetrics 1.0.0, which has exemplars.

use std::fmt::Write as _;

use super::family::{ExemplarValue, Family, FamilyKind, HistogramValue, Series, Value};

/// Writes families. Writing into a string does not fail: results are dropped.
pub(super) struct TextWriter {
    out: String,
    open_metrics: bool,
}

impl TextWriter {
    pub(super) fn new(open_metrics: bool) -> Self {
        Self {
            out: String::new(),
            open_metrics,
        }
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        if self.open_metrics {
            self.out.push_str("# EOF\n");
        }
        self.out.into_bytes()
    }

    pub(super) fn family(&mut self, family: &Family) {
        if family.series.is_empty() {
            return;
        }
        let stem = family.name.strip_suffix("_total");
        let (name, kind) = match (family.kind, stem) {
            // OpenMetrics names a counter without its suffix; one that has none is no counter there.
            (FamilyKind::Counter, Some(stem)) if self.open_metrics => (stem, "counter"),
            (FamilyKind::Counter, None) | (FamilyKind::Untyped, _) if self.open_metrics => {
                (family.name.as_str(), "unknown")
            }
            (FamilyKind::Counter, _) => (family.name.as_str(), "counter"),
            (FamilyKind::Gauge, _) => (family.name.as_str(), "gauge"),
            (FamilyKind::Histogram, _) => (family.name.as_str(), "histogram"),
            (FamilyKind::Untyped, _) => (family.name.as_str(), "untyped"),
        };
        let help = escaped(&family.help, self.open_metrics);
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for series in &family.series {
            match &series.value {
                Value::Number(number) => {
                    self.labels(&family.name, "", series, None);
                    let _ = writeln!(self.out, " {}", number_text(*number));
                }
                Value::Histogram(histogram) => self.histogram(&family.name, series, histogram),
            }
        }
    }

    fn histogram(&mut self, name: &str, series: &Series, histogram: &HistogramValue) {
        let mut ended = false;
        for bucket in &histogram.buckets {
            ended |= bucket.bound == f64::INFINITY;
            self.bucket(name, series, bucket.bound, bucket.cumulative);
            if let Some(exemplar) = &bucket.exemplar
                && self.open_metrics
            {
                self.exemplar(exemplar);
            }
            self.out.push('\n');
        }
        if !ended {
            self.bucket(name, series, f64::INFINITY, histogram.count);
            self.out.push('\n');
        }
        self.labels(name, "_sum", series, None);
        let _ = writeln!(self.out, " {}", number_text(histogram.sum));
        self.labels(name, "_count", series, None);
        let _ = writeln!(self.out, " {}", histogram.count);
    }

    fn bucket(&mut self, name: &str, series: &Series, bound: f64, cumulative: u64) {
        let mut le = number_text(bound);
        if self.open_metrics && !le.contains(['.', 'e', 'I', 'N']) {
            le.push_str(".0");
        }
        self.labels(name, "_bucket", series, Some(&le));
        let _ = write!(self.out, " {cumulative}");
    }

    /// Its label names and values may have 128 characters together: those of a trace id have 40.
    fn exemplar(&mut self, exemplar: &ExemplarValue) {
        let (seconds, millis) = (
            exemplar.time_ns / 1_000_000_000,
            exemplar.time_ns / 1_000_000 % 1_000,
        );
        let (trace, value) = (&exemplar.trace_id, number_text(exemplar.value));
        let _ = write!(
            self.out,
            " # {{trace_id=\"{trace}\"}} {value} {seconds}.{millis:03}"
        );
    }

    fn labels(&mut self, name: &str, suffix: &str, series: &Series, le: Option<&str>) {
        self.out.push_str(name);
        self.out.push_str(suffix);
        let of_series = series
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let mut before = '{';
        for (name, value) in of_series.chain(le.map(|le| ("le", le))) {
            let value = escaped(value, true);
            let _ = write!(self.out, "{before}{name}=\"{value}\"");
            before = ',';
        }
        if before == ',' {
            self.out.push('}');
        }
    }
}

fn number_text(number: f64) -> String {
    if number == f64::INFINITY {
        "+Inf".to_owned()
    } else if number == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        number.to_string()
    }
}

fn escaped(text: &str, quotes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out
}
