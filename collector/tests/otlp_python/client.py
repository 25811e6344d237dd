import logging, sys
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

protocol, endpoint, compression = sys.argv[1:4]
if protocol == "grpc":
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    kind = grpc.Compression.Gzip if compression == "gzip" else grpc.Compression.NoCompression
    spans = OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=kind)
    records = OTLPLogExporter(endpoint=endpoint, insecure=True, compression=kind)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    spans = OTLPSpanExporter(endpoint=endpoint + "/v1/traces", compression=Compression(compression))
    records = OTLPLogExporter(endpoint=endpoint + "/v1/logs", compression=Compression(compression))

resource = Resource.create({"service.name": "shop", "replica": 3})
traces = TracerProvider(resource=resource)
traces.add_span_processor(BatchSpanProcessor(spans, max_export_batch_size=100))
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(records))
logger = logging.getLogger("shop")
logger.setLevel(logging.INFO)
logger.addHandler(LoggingHandler(logger_provider=logs))
tracer = traces.get_tracer("shop.orders", "1.2", schema_url="https://opentelemetry.io/schemas/1.30.0")

def shown(span):
    context, parent = span.get_span_context(), span.parent
    print(f"{context.trace_id:032x} {context.span_id:016x} {parent.span_id if parent else 0:016x} {span.start_time} {span.end_time} {span.name}")

for number in range(250):
    with tracer.start_as_current_span(f"GET /orders/{number}", kind=SpanKind.SERVER) as server:
        link = Link(server.get_span_context(), {"why": "caused"})
        client = tracer.start_span("SELECT", kind=SpanKind.CLIENT, links=[link])
        client.set_attributes({"text": "h\u00f6f", "truth": True, "number": -7, "ratio": 0.25, "many": [1, 2], "texts": ["a", "b"]})
        client.add_event("retried", {"attempt": 2}, timestamp=1_760_000_000_123_456_789)
        client.set_status(Status(StatusCode.ERROR, "no rows"))
        client.end()
        if number == 0:
            logger.error("order %s failed", 123, extra={"order": 123})
    shown(client)
    shown(server)
traces.shutdown()
logs.shutdown()
