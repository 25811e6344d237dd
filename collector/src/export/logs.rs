//! The log records of a bucket: sorted in memory by trace and time, a stretch at a time.

use std::ops::ControlFlow;

use event::LogRecord;
use tables::recorded::{LogRow, STRETCH_BYTES_MAX};

use super::bucket::{BucketExport, Failed};
use super::manifest::ExportedFile;
use super::plan::Next;
use super::spool::Spool;

/// About what a record takes in memory beside its texts.
const RECORD_BYTES: usize = 600;

pub(super) fn write(
    of: &BucketExport<'_>,
    next: Next,
    mut spool: Spool<'_>,
) -> Result<Vec<ExportedFile>, Failed> {
    let mut stretch: Vec<LogRecord> = Vec::new();
    let mut bytes = 0;
    let mut failed = None;
    of.store.visit_logs(next.bucket, &mut |records| {
        bytes += records.len() * RECORD_BYTES + records.iter().map(texts).sum::<usize>();
        stretch.extend(records);
        if bytes < STRETCH_BYTES_MAX {
            return ControlFlow::Continue(());
        }
        bytes = 0;
        match of.sink.check().and_then(|()| end(&mut stretch, &mut spool)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    end(&mut stretch, &mut spool)?;
    spool.finish()
}

fn texts(record: &LogRecord) -> usize {
    let body = record.body.as_str().map_or(64, str::len);
    body + record.attributes.len() * 96
}

fn end(stretch: &mut Vec<LogRecord>, spool: &mut Spool<'_>) -> Result<(), Failed> {
    // Stable: what is equal in these stays in order of arrival.
    let time = |log: &LogRecord| {
        if log.time_ns == 0 {
            log.observed_ns
        } else {
            log.time_ns
        }
    };
    stretch.sort_by_key(|log| (log.trace, time(log), log.span));
    for log in stretch.drain(..) {
        spool.log(LogRow(&log))?;
    }
    spool.end_stretch()?;
    spool.between()
}
