//! Names and attributes of spans and of their resources.

use std::collections::{BTreeMap, HashSet};

use event::{Event, KeyValue, NodeInfo, NodeKey, Resource, Value};

use crate::answer::{Closed, FrameEnd, Item};
use crate::tree::node_name;

pub(super) fn set(attributes: &mut Vec<KeyValue>, key: &str, value: impl Into<Value>) {
    attributes.push(KeyValue {
        key: key.to_owned(),
        value: value.into(),
    });
}

/// `Shop.Stock.reserve/2`; of a frame whose code is not known its kind and site.
pub(super) fn name(item: &Item) -> String {
    match (
        item.name.is_empty(),
        item.module_key.is_empty(),
        item.frame.is_some(),
    ) {
        (false, _, true) => item.name.clone(),
        (false, _, false) => format!("{} {}", item.kind, item.name),
        (true, false, _) => format!("{} {}:{}", item.kind, item.module_key, item.site),
        (true, true, _) => item.kind.clone(),
    }
}

/// What frames and points have.
pub(super) fn of_item(item: &Item, event: &Event) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    code(&mut attributes, item);
    set(&mut attributes, "beam.pid", item.pid.as_str());
    set(&mut attributes, "beam.event", item.id.as_str());
    set(&mut attributes, "beam.kind", item.kind.as_str());
    set(&mut attributes, "beam.hlc", number(event.hlc.0));
    values(&mut attributes, item);
    attributes
}

/// Where in the code: OpenTelemetry's `code.*`, and the exact version and site.
pub(super) fn code(attributes: &mut Vec<KeyValue>, item: &Item) {
    let is_function = matches!(item.kind.as_str(), "call" | "callback" | "fn") && !item.name.is_empty();
    if is_function {
        let name = item.name.strip_prefix("fn in ").unwrap_or(&item.name);
        // The convention names functions without arguments; the arity is in the span's name.
        let function = name.rsplit_once('/').map_or(name, |(function, _)| function);
        set(attributes, "code.function.name", function);
    }
    if let Some(place) = item.place.as_ref().filter(|place| !place.file.is_empty()) {
        set(attributes, "code.file.path", place.file.as_str());
        if place.line > 0 {
            set(attributes, "code.line.number", i64::from(place.line));
        }
        if place.column > 0 {
            set(attributes, "code.column.number", i64::from(place.column));
        }
    }
    if !item.module_key.is_empty() {
        set(attributes, "beam.module_version", item.module_key.as_str());
    }
    if item.site > 0 {
        set(attributes, "beam.site", i64::from(item.site));
    }
    if item.clause > 0 {
        set(attributes, "beam.clause", i64::from(item.clause));
    }
}

/// Captured values, each under a key of its own.
pub(super) fn values(attributes: &mut Vec<KeyValue>, item: &Item) {
    let mut taken: HashSet<String> = HashSet::new();
    for value in &item.values {
        let name = if value.name.is_empty() {
            &value.role
        } else {
            &value.name
        };
        let mut key = format!("beam.value.{name}");
        if taken.contains(&key) {
            key = format!("beam.value.{}.{name}", value.role);
        }
        if taken.contains(&key) {
            // As many as there are values, so that no two are equal.
            key = format!("{key}.{}", taken.len());
        }
        set(attributes, &key, value.text.as_str());
        taken.insert(key);
    }
}

/// How a frame went and ended.
pub(super) fn of_frame(attributes: &mut Vec<KeyValue>, item: &Item, frame: &FrameEnd) {
    let inferred = match frame.closed {
        Closed::Observed => None,
        Closed::TailCall => Some("tail_call"),
        Closed::ExceptionInferred => Some("exception"),
    };
    if let Some(how) = inferred {
        set(attributes, "beam.end_inferred", how);
    }
    if !frame.result.is_empty() {
        set(attributes, "beam.result", frame.result.as_str());
    }
    if !frame.shape.is_empty() {
        set(attributes, "beam.message.shape", frame.shape.as_str());
    }
    if frame.state_changed {
        set(attributes, "beam.state_changed", true);
    }
    if frame.ahead {
        set(attributes, "beam.clock_ahead", true);
    }
    if item.kind == "root" {
        set(attributes, "beam.entry", true);
    }
}

/// A node as a service instance: `shop@10.0.0.5` is an instance of `shop`.
pub(super) fn resource(node: NodeKey, nodes: &BTreeMap<NodeKey, NodeInfo>) -> Resource {
    let name = node_name(node, nodes);
    let (service, host) = name.split_once('@').unwrap_or((&name, ""));
    let mut attributes = Vec::new();
    set(&mut attributes, "service.name", service);
    set(&mut attributes, "service.instance.id", name.as_str());
    if !host.is_empty() {
        set(&mut attributes, "host.name", host);
    }
    set(&mut attributes, "telemetry.sdk.language", "erlang");
    set(&mut attributes, "telemetry.sdk.name", "elixir_scope");
    set(&mut attributes, "beam.node", name.as_str());
    set(
        &mut attributes,
        "beam.node.incarnation",
        node.to_string().as_str(),
    );
    Resource {
        attributes,
        ..Resource::default()
    }
}

pub(super) fn number(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
