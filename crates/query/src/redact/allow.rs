//! Which values are shown: attributes that OpenTelemetry's semantic conventions define so that they name parts of the system, not what
//! its users put in, and our own of the same kind. What is not listed is not shown.

use event::Value;

/// Bytes of a text that is shown; the conventions' own are short, what is longer is something else.
const TEXT_BYTES_MAX: usize = 256;

/// Texts that name a part of the system, or numbers of it.
const SHOWN: &[&str] = &[
    "beam.clause",
    "beam.clock_ahead",
    "beam.end_inferred",
    "beam.entry",
    "beam.event",
    "beam.hlc",
    "beam.kind",
    "beam.module_version",
    "beam.node",
    "beam.node.incarnation",
    "beam.peer",
    "beam.pid",
    "beam.rescued",
    "beam.result",
    "beam.site",
    "beam.site.kind",
    "beam.state_changed",
    "cloud.availability_zone",
    "cloud.platform",
    "cloud.provider",
    "cloud.region",
    "code.column",
    "code.column.number",
    "code.file.path",
    "code.filepath",
    "code.function",
    "code.function.name",
    "code.line.number",
    "code.lineno",
    "code.namespace",
    "container.name",
    "db.collection.name",
    "db.operation",
    "db.operation.name",
    "db.response.status_code",
    "db.sql.table",
    "db.system",
    "db.system.name",
    "deployment.environment",
    "deployment.environment.name",
    "error.type",
    "exception.escaped",
    "exception.type",
    "faas.name",
    "faas.version",
    "host.arch",
    "host.name",
    "http.flavor",
    "http.method",
    "http.request.body.size",
    "http.request.method",
    "http.request.resend_count",
    "http.request_content_length",
    "http.response.body.size",
    "http.response.status_code",
    "http.response_content_length",
    "http.route",
    "http.scheme",
    "http.status_code",
    "k8s.cluster.name",
    "k8s.container.name",
    "k8s.deployment.name",
    "k8s.namespace.name",
    "k8s.node.name",
    "k8s.pod.name",
    "k8s.statefulset.name",
    "messaging.batch.message_count",
    "messaging.operation",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.system",
    "network.protocol.name",
    "network.protocol.version",
    "network.transport",
    "network.type",
    "os.type",
    "os.version",
    "otel.scope.name",
    "otel.scope.version",
    "otel.status_code",
    "process.runtime.name",
    "process.runtime.version",
    "rpc.grpc.status_code",
    "rpc.method",
    "rpc.service",
    "rpc.system",
    "rpc.system.name",
    "server.port",
    "service.instance.id",
    "service.name",
    "service.namespace",
    "service.version",
    "span.kind",
    "telemetry.distro.name",
    "telemetry.distro.version",
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "thread.id",
    "url.scheme",
];

/// Whether values of an attribute are shown.
pub(super) fn shows(key: &str) -> bool {
    SHOWN.binary_search(&key).is_ok()
}

/// Whether this value is: lists, maps, bytes and long texts are not what the conventions mean.
pub(super) fn shows_value(key: &str, value: &Value) -> bool {
    let plain = match value {
        Value::Empty | Value::Bool(_) | Value::Int(_) | Value::Double(_) => true,
        Value::String(text) => text.len() <= TEXT_BYTES_MAX,
        Value::Array(_) | Value::Map(_) | Value::Bytes(_) => false,
    };
    plain && shows(key)
}

/// Names of events that say what happened, not to whom.
pub(super) fn shows_event(name: &str) -> bool {
    matches!(name, "exception" | "message") || event_kind(name).is_some()
}

/// The kind of a BEAM event by its name.
pub(super) fn event_kind(name: &str) -> Option<event::EventKind> {
    event::EventKind::ALL
        .iter()
        .copied()
        .find(|kind| kind.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: the list is sorted, or looking in it would miss some.
    #[test]
    fn sorted() {
        assert!(SHOWN.is_sorted());
        assert!(SHOWN.iter().all(|key| shows(key)));
        for not in [
            "",
            "user.id",
            "db.statement",
            "exception.message",
            "url.full",
            "beam.value.x",
            "beam.message",
        ] {
            assert!(!shows(not), "{not}");
        }
    }

    /// Scenario: a shown key with a text, a long text, a list. Guarantee: only the first.
    #[test]
    fn values() {
        assert!(shows_value("http.route", &"/orders/:id".into()));
        assert!(!shows_value("http.route", &"x".repeat(257).as_str().into()));
        assert!(!shows_value("http.route", &Value::Array(vec!["/orders".into()])));
        assert!(!shows_value("http.url", &"/orders/7".into()));
    }
}
