//! The log records of a bucket: sorted in memory by trace and time, a stretch at a time.

use event::LogRecord;
use tables::recorded::{LogRow, STRETCH_BYTES_MAX};

use super::bucket::{BucketExport, Failed, Written, each};
use super::plan::Next;
use super::spool::Spool;

/// About what a record takes in memory beside its texts.
const RECORD_BYTES: usize = 600;

pub(super) fn write(of: &BucketExport<'_>, next: Next, mut spool: Spool<'_>) -> Result<Written, Failed> {
    let mut stretch: Vec<LogRecord> = Vec::new();
    let mut bytes = 0;
    let unreadable = each(
        |visit| of.store.visit_bucket_logs(next.bucket, visit),
        |records| {
            bytes += records.len() * RECORD_BYTES + records.iter().map(texts).sum::<usize>();
            stretch.extend(records);
            if bytes < STRETCH_BYTES_MAX {
                return Ok(());
            }
            bytes = 0;
            of.sink.check()?;
            end(&mut stretch, &mut spool)
        },
    )?;
    end(&mut stretch, &mut spool)?;
    let files = spool.finish()?;
    Ok(Written { files, unreadable })
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
