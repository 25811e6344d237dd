//! One row a span.

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, Int64Builder, StringBuilder, StructBuilder, TimestampMicrosecondBuilder,
};
use event::{KeyValue, Span, SpanEvent, SpanLink, Value, value_of};

use super::attributes::Attributes;
use super::column::{ColumnBuilder, Structs, TextMap, columns, long, micros, text};
use super::sheet::{Recorded, RecordedRow};

/// Spans as they were sent.
#[derive(Debug, Clone, Copy)]
pub struct SpanRow<'a>(pub &'a Span);

/// What happened during a span.
#[derive(Debug)]
pub(crate) struct Events(Structs);

/// Other spans that a span names.
#[derive(Debug)]
pub(crate) struct Links(Structs);

columns! {
    /// Columns of spans.
    SpanColumns {
        /// Trace, 32 hexadecimal digits.
        trace_id: StringBuilder;
        /// Span, 16 hexadecimal digits.
        span_id: StringBuilder;
        /// Parent, 16 hexadecimal digits; NULL = none.
        parent_span_id: StringBuilder;
        /// W3C trace state; NULL = none.
        trace_state: StringBuilder;
        /// W3C trace flags and OTLP's remote bits.
        flags: Int64Builder;
        /// `service.name` of the resource, `unknown_service` if it has none.
        service: StringBuilder;
        /// Operation.
        name: StringBuilder;
        /// `unspecified`, `internal`, `server`, `client`, `producer`, `consumer`.
        kind: StringBuilder;
        /// Start, cut to microseconds; NULL = 0 was sent.
        start_time: TimestampMicrosecondBuilder;
        /// End, cut to microseconds; NULL = 0 was sent.
        end_time: TimestampMicrosecondBuilder;
        /// Start, Unix nanoseconds as sent.
        start_ns: Int64Builder;
        /// End, Unix nanoseconds as sent.
        end_ns: Int64Builder;
        /// End less start, nanoseconds; 0 if it ended before it began.
        duration_ns: Int64Builder;
        /// `unset`, `ok`, `error`.
        status: StringBuilder;
        /// What was said of the status; NULL = nothing.
        status_message: StringBuilder;
        /// Attributes, values as text.
        attributes: TextMap;
        /// Attributes in OTLP's JSON, types kept; NULL = all are texts with keys of their own, the map says all.
        attributes_json: StringBuilder;
        /// Attributes that the sender dropped.
        dropped_attributes: Int64Builder;
        /// Attributes of the resource, values as text.
        resource_attributes: TextMap;
        /// The same in OTLP's JSON; NULL = the map says all.
        resource_attributes_json: StringBuilder;
        /// Schema of the resource; NULL = none.
        resource_schema_url: StringBuilder;
        /// Attributes of the resource that the sender dropped.
        resource_dropped_attributes: Int64Builder;
        /// Library that made the span; NULL = not said.
        scope_name: StringBuilder;
        /// Its version; NULL = not said.
        scope_version: StringBuilder;
        /// Its attributes, values as text.
        scope_attributes: TextMap;
        /// The same in OTLP's JSON; NULL = the map says all.
        scope_attributes_json: StringBuilder;
        /// Schema of the spans; NULL = none.
        scope_schema_url: StringBuilder;
        /// Attributes of the scope that the sender dropped.
        scope_dropped_attributes: Int64Builder;
        /// What happened during the span, in order.
        events: Events;
        /// Events that the sender dropped.
        dropped_events: Int64Builder;
        /// Other spans that belong to it, in order.
        links: Links;
        /// Links that the sender dropped.
        dropped_links: Int64Builder;
        /// `http.request.method`, or `http.method`.
        http_method: StringBuilder;
        /// `http.response.status_code`, or `http.status_code`.
        http_status: Int64Builder;
        /// `http.route`.
        http_route: StringBuilder;
        /// `db.system.name`, or `db.system`.
        db_system: StringBuilder;
        /// `error.type`.
        error_type: StringBuilder;
        /// `code.function.name`, or `code.function`.
        code_function: StringBuilder;
        /// `code.file.path`, or `code.filepath`.
        code_file: StringBuilder;
        /// `code.line.number`, or `code.lineno`.
        code_line: Int64Builder;
        /// `service.instance.id` of the resource.
        service_instance: StringBuilder;
        /// `deployment.environment.name`, or `deployment.environment`, of the resource.
        environment: StringBuilder;
    }
}

impl ColumnBuilder for Events {
    const SQL: &'static str = "STRUCT(time_ns BIGINT, name VARCHAR, attributes MAP(VARCHAR, VARCHAR), attributes_json VARCHAR, dropped_attributes BIGINT)[]";

    fn make() -> Self {
        Self(Structs::of(vec![
            ("time_ns", Box::new(Int64Builder::new())),
            ("name", Box::new(StringBuilder::new())),
            ("attributes", Box::new(TextMap::make())),
            ("attributes_json", Box::new(StringBuilder::new())),
            ("dropped_attributes", Box::new(Int64Builder::new())),
        ]))
    }

    fn take(&mut self) -> ArrayRef {
        ArrayBuilder::finish(&mut self.0.0)
    }
}

impl ColumnBuilder for Links {
    const SQL: &'static str = "STRUCT(trace_id VARCHAR, span_id VARCHAR, trace_state VARCHAR, flags BIGINT, attributes MAP(VARCHAR, VARCHAR), attributes_json VARCHAR, dropped_attributes BIGINT)[]";

    fn make() -> Self {
        Self(Structs::of(vec![
            ("trace_id", Box::new(StringBuilder::new())),
            ("span_id", Box::new(StringBuilder::new())),
            ("trace_state", Box::new(StringBuilder::new())),
            ("flags", Box::new(Int64Builder::new())),
            ("attributes", Box::new(TextMap::make())),
            ("attributes_json", Box::new(StringBuilder::new())),
            ("dropped_attributes", Box::new(Int64Builder::new())),
        ]))
    }

    fn take(&mut self) -> ArrayRef {
        ArrayBuilder::finish(&mut self.0.0)
    }
}

/// Puts a cell of a structure. Its builders are those that it was made with.
fn part<B: ArrayBuilder, T>(to: &mut StructBuilder, at: usize, put: impl FnOnce(&mut B) -> T) -> Option<T> {
    let builder = to.field_builder::<B>(at);
    debug_assert!(builder.is_some(), "part {at} of a structure");
    builder.map(put)
}

fn put_text(to: &mut StructBuilder, at: usize, value: Option<&str>) -> usize {
    part::<StringBuilder, _>(to, at, |builder| builder.append_option(value));
    value.map_or(0, str::len) + 4
}

fn put_long(to: &mut StructBuilder, at: usize, value: i64) -> usize {
    part::<Int64Builder, _>(to, at, |builder| builder.append_value(value));
    8
}

fn put_pairs(to: &mut StructBuilder, at: usize, pairs: &[KeyValue], scratch: &mut Attributes) -> usize {
    let map = part::<TextMap, _>(to, at, |map| scratch.map(pairs, map));
    let json = part::<StringBuilder, _>(to, at + 1, |json| scratch.json(pairs, json));
    map.unwrap_or_default() + json.unwrap_or_default()
}

fn put_event(to: &mut StructBuilder, event: &SpanEvent, scratch: &mut Attributes) -> usize {
    let bytes = put_long(to, 0, long(event.time_ns))
        + put_text(to, 1, Some(&event.name))
        + put_pairs(to, 2, &event.attributes, scratch)
        + put_long(to, 4, event.dropped_attributes.into());
    to.append(true);
    bytes
}

fn put_link(to: &mut StructBuilder, link: &SpanLink, scratch: &mut Attributes) -> usize {
    let bytes = put_text(to, 0, Some(&link.trace.to_string()))
        + put_text(to, 1, Some(&link.id.to_string()))
        + put_text(to, 2, text(&link.trace_state))
        + put_long(to, 3, link.flags.into())
        + put_pairs(to, 4, &link.attributes, scratch)
        + put_long(to, 6, link.dropped_attributes.into());
    to.append(true);
    bytes
}

/// The text of the first of some attributes that is there.
fn named<'a>(pairs: &'a [KeyValue], names: &[&str]) -> Option<&'a str> {
    names
        .iter()
        .find_map(|name| value_of(pairs, name))
        .and_then(Value::as_str)
}

/// The number of the first of some attributes that is there; some senders write it as text.
fn number(pairs: &[KeyValue], names: &[&str]) -> Option<i64> {
    match names.iter().find_map(|name| value_of(pairs, name))? {
        Value::Int(number) => Some(*number),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

impl RecordedRow for SpanRow<'_> {
    type Columns = SpanColumns;
    const TABLE: Recorded = Recorded::Span;

    fn put(&self, to: &mut SpanColumns, scratch: &mut Attributes) -> usize {
        let span = self.0;
        let (resource, scope) = (&*span.resource, &*span.scope);
        let mut bytes = 400 + span.name.len() + span.status_message.len() + span.trace_state.len();
        to.trace_id.append_value(span.trace.to_string());
        to.span_id.append_value(span.id.to_string());
        to.parent_span_id
            .append_option((span.parent.0 != 0).then(|| span.parent.to_string()));
        to.trace_state.append_option(text(&span.trace_state));
        to.flags.append_value(span.flags.into());
        to.service.append_value(resource.service());
        to.name.append_value(&span.name);
        to.kind.append_value(span.kind.name());
        to.start_time.append_option(micros(span.start_ns));
        to.end_time.append_option(micros(span.end_ns));
        to.start_ns.append_value(long(span.start_ns));
        to.end_ns.append_value(long(span.end_ns));
        to.duration_ns.append_value(long(span.duration_ns()));
        to.status.append_value(span.status.name());
        to.status_message.append_option(text(&span.status_message));
        bytes += scratch.map(&span.attributes, &mut to.attributes);
        bytes += scratch.json(&span.attributes, &mut to.attributes_json);
        to.dropped_attributes.append_value(span.dropped_attributes.into());
        bytes += scratch.map(&resource.attributes, &mut to.resource_attributes);
        bytes += scratch.json(&resource.attributes, &mut to.resource_attributes_json);
        to.resource_schema_url.append_option(text(&resource.schema_url));
        to.resource_dropped_attributes
            .append_value(resource.dropped_attributes.into());
        to.scope_name.append_option(text(&scope.name));
        to.scope_version.append_option(text(&scope.version));
        bytes += scratch.map(&scope.attributes, &mut to.scope_attributes);
        bytes += scratch.json(&scope.attributes, &mut to.scope_attributes_json);
        to.scope_schema_url.append_option(text(&scope.schema_url));
        to.scope_dropped_attributes
            .append_value(scope.dropped_attributes.into());
        let events = &mut to.events.0.0;
        for event in &span.events {
            bytes += put_event(events.values(), event, scratch);
        }
        events.append(true);
        to.dropped_events.append_value(span.dropped_events.into());
        let links = &mut to.links.0.0;
        for link in &span.links {
            bytes += put_link(links.values(), link, scratch);
        }
        links.append(true);
        to.dropped_links.append_value(span.dropped_links.into());
        put_conventions(span, to);
        bytes
    }

    fn make() -> SpanColumns {
        SpanColumns::make()
    }

    fn take(columns: &mut SpanColumns) -> Vec<ArrayRef> {
        columns.take()
    }
}

/// Columns for attributes that OpenTelemetry's semantic conventions name; the names before 2024 too.
fn put_conventions(span: &Span, to: &mut SpanColumns) {
    let (own, of_resource) = (&*span.attributes, &*span.resource.attributes);
    to.http_method
        .append_option(named(own, &["http.request.method", "http.method"]));
    to.http_status
        .append_option(number(own, &["http.response.status_code", "http.status_code"]));
    to.http_route.append_option(named(own, &["http.route"]));
    to.db_system
        .append_option(named(own, &["db.system.name", "db.system"]));
    to.error_type.append_option(named(own, &["error.type"]));
    to.code_function
        .append_option(named(own, &["code.function.name", "code.function"]));
    to.code_file
        .append_option(named(own, &["code.file.path", "code.filepath"]));
    to.code_line
        .append_option(number(own, &["code.line.number", "code.lineno"]));
    to.service_instance
        .append_option(named(of_resource, &["service.instance.id"]));
    let environment = named(
        of_resource,
        &["deployment.environment.name", "deployment.environment"],
    );
    to.environment.append_option(environment);
}
