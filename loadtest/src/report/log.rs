//! The run as an HdrHistogram interval log, a line a second, values in microseconds: `HistogramLogAnalyzer`,
//! `hdr-plot` and their like read it (<https://github.com/HdrHistogram/HdrHistogram>).

use std::time::SystemTime;

use anyhow::{Result, anyhow};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use super::Report;

/// The log's text.
pub(super) fn hdr_log(report: &Report) -> Result<Vec<u8>> {
    let (mut out, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let length = report.seen.intervals.last().map(|i| i.end).unwrap_or_default();
    let begin = SystemTime::now()
        .checked_sub(length)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment(&format!("[{} to {}, latency in us]", report.name, report.target))
        .with_start_time(begin)
        .with_base_time(begin)
        .with_max_value_divisor(1_000.0)
        .begin_log_with(&mut out, &mut serializer)?;
    for interval in &report.seen.intervals {
        let start = interval.end.saturating_sub(interval.length);
        writer
            .write_histogram(&interval.latency_us, start, interval.length, None)
            .map_err(|e| anyhow!("the log cannot be written: {e}"))?;
    }
    Ok(out)
}
