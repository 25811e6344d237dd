//! One row a log record.

use arrow_array::ArrayRef;
use arrow_array::builder::{Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use event::{LogRecord, Value};

use super::attributes::Attributes;
use super::column::{TextMap, columns, long, micros, text};
use super::json;
use super::sheet::{Recorded, RecordedRow};

/// A log record as it was sent.
#[derive(Debug, Clone, Copy)]
pub struct LogRow<'a>(pub &'a LogRecord);

columns! {
    /// Columns of log records.
    LogColumns {
        /// Trace, 32 hexadecimal digits; NULL = none.
        trace_id: StringBuilder;
        /// Span, 16 hexadecimal digits; NULL = none.
        span_id: StringBuilder;
        /// When it happened, cut to microseconds; NULL = not known.
        time: TimestampMicrosecondBuilder;
        /// When it happened, Unix nanoseconds as sent; 0 = not known.
        time_ns: Int64Builder;
        /// When it was seen, Unix nanoseconds as sent.
        observed_ns: Int64Builder;
        /// `service.name` of the resource, `unknown_service` if it has none.
        service: StringBuilder;
        /// 1 to 24, 0 = not said.
        severity: Int32Builder;
        /// Severity as the source wrote it; NULL = not said.
        severity_text: StringBuilder;
        /// What was logged, as text; NULL = nothing.
        body: StringBuilder;
        /// What was logged, in OTLP's JSON; NULL = it is a text, or nothing.
        body_json: StringBuilder;
        /// Name of the kind of event; NULL = none.
        event_name: StringBuilder;
        /// W3C trace flags.
        flags: Int64Builder;
        /// Attributes, values as text.
        attributes: TextMap;
        /// Attributes in OTLP's JSON, types kept; NULL = the map says all.
        attributes_json: StringBuilder;
        /// Attributes that the sender dropped.
        dropped_attributes: Int64Builder;
        /// Attributes of the resource, values as text.
        resource_attributes: TextMap;
        /// The same in OTLP's JSON; NULL = the map says all.
        resource_attributes_json: StringBuilder;
        /// Library that made the record; NULL = not said.
        scope_name: StringBuilder;
        /// Its version; NULL = not said.
        scope_version: StringBuilder;
    }
}

impl RecordedRow for LogRow<'_> {
    type Columns = LogColumns;
    const TABLE: Recorded = Recorded::Log;

    fn put(&self, to: &mut LogColumns, scratch: &mut Attributes) -> usize {
        let log = self.0;
        let mut bytes = 200 + log.severity_text.len() + log.event_name.len();
        to.trace_id
            .append_option((log.trace.0 != 0).then(|| log.trace.to_string()));
        to.span_id
            .append_option((log.span.0 != 0).then(|| log.span.to_string()));
        to.time.append_option(micros(log.time_ns));
        to.time_ns.append_value(long(log.time_ns));
        to.observed_ns.append_value(long(log.observed_ns));
        to.service.append_value(log.resource.service());
        to.severity.append_value(log.severity.into());
        to.severity_text.append_option(text(&log.severity_text));
        let mut body = String::new();
        json::plain(&mut body, &log.body);
        bytes += body.len();
        to.body.append_option((log.body != Value::Empty).then_some(&body));
        if matches!(log.body, Value::Empty | Value::String(_)) {
            to.body_json.append_null();
        } else {
            body.clear();
            json::typed(&mut body, &log.body, 0);
            bytes += body.len();
            to.body_json.append_value(&body);
        }
        to.event_name.append_option(text(&log.event_name));
        to.flags.append_value(log.flags.into());
        bytes += scratch.map(&log.attributes, &mut to.attributes);
        bytes += scratch.json(&log.attributes, &mut to.attributes_json);
        to.dropped_attributes.append_value(log.dropped_attributes.into());
        bytes += scratch.map(&log.resource.attributes, &mut to.resource_attributes);
        bytes += scratch.json(&log.resource.attributes, &mut to.resource_attributes_json);
        to.scope_name.append_option(text(&log.scope.name));
        to.scope_version.append_option(text(&log.scope.version));
        bytes
    }

    fn make() -> LogColumns {
        LogColumns::make()
    }

    fn take(columns: &mut LogColumns) -> Vec<ArrayRef> {
        columns.take()
    }
}
