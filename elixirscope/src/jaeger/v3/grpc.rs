//! `jaeger.api_v3.QueryService` over gRPC.

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use event::Span;
use host::grpc::{Code, Status, failed, is_call, message, streaming, unary};
use query::jaeger::v3;
use tokio::sync::mpsc;

use super::{Answer, Failure, ask};
use crate::jaeger::Jaeger;
use crate::lacks;

/// Clients take messages of 4 MiB unless told otherwise; a longer trace is several messages.
const MESSAGE_BYTES: usize = 2 << 20;

pub(super) async fn call(
    State(jaeger): State<Jaeger>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    match called(&jaeger, &method, &headers, body).await {
        Ok(response) => response,
        Err(status) => failed(&status),
    }
}

async fn called(
    jaeger: &Jaeger,
    method: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response<Body>, Status> {
    if !is_call(headers) {
        let text = "not a call of gRPC with protobuf";
        return Err(Status::new(Code::InvalidArgument, text));
    }
    let request = message(body)?;
    if request.compressed {
        let text = "compressed requests are not supported";
        return Err(Status::new(Code::Unimplemented, text));
    }
    let status = |Failure(_, code, text): Failure| Status::new(code, text);
    let Some(call) = v3::decode(method, &request.bytes) else {
        return Err(Status::new(
            Code::Unimplemented,
            format!("method {method} is not known"),
        ));
    };
    let call = call.map_err(|error| status(error.into()))?;
    let (answer, missing) = ask(jaeger, call).await.map_err(status)?;
    let mut response = match answer {
        Answer::Services(services) => unary(&v3::encode_services(&services)),
        Answer::Operations(operations) => unary(&v3::encode_operations(&operations)),
        Answer::Dependencies(dependencies) => unary(&v3::encode_dependencies(&dependencies)),
        Answer::Summaries(summaries) => unary(&v3::encode_summaries(&summaries)),
        Answer::Trace(spans) => all(messages(&spans)),
        Answer::Traces(traces) => all(traces.iter().flat_map(|spans| messages(spans)).collect()),
    };
    lacks::say(&missing, response.headers_mut());
    Ok(response)
}

/// A trace as messages, each short enough unless one span is longer.
fn messages(spans: &[Span]) -> Vec<Bytes> {
    let (mut parts, mut encoded) = (vec![spans], Vec::new());
    while let Some(part) = parts.pop() {
        let bytes = wire::otlp::encode_traces(part);
        if bytes.len() > MESSAGE_BYTES && part.len() > 1 {
            let (first, second) = part.split_at(part.len() / 2);
            parts.extend([second, first]);
        } else {
            encoded.push(Bytes::from(bytes));
        }
    }
    encoded
}

/// A stream of messages that are here already.
fn all(messages: Vec<Bytes>) -> Response<Body> {
    let (sender, receiver) = mpsc::channel(messages.len().max(1));
    for bytes in messages {
        // There is room for all of them, and the receiver is here.
        let _ = sender.try_send(Ok(bytes));
    }
    streaming(receiver)
}

#[cfg(test)]
mod tests {
    use event::SpanId;

    use super::*;

    /// Scenario: a trace of 300 spans of 20,000 bytes each, and one of a single span of 3 MiB. Guarantee: the first comes in messages under the
    /// limit that together are all its spans in order; the second in one.
    #[test]
    fn long_traces_are_several_messages() {
        let span = |id: u64, bytes: usize| Span {
            id: SpanId(id),
            name: "x".repeat(bytes),
            ..Span::blank()
        };
        let spans: Vec<Span> = (1..=300).map(|id| span(id, 20_000)).collect();
        let split = messages(&spans);
        assert!(split.len() >= 3 && split.iter().all(|bytes| bytes.len() <= MESSAGE_BYTES));
        let joined = split.concat();
        let ids: Vec<u64> = joined
            .windows(10)
            .filter_map(|bytes| bytes.strip_prefix(&[0x12, 8]))
            .filter_map(|id| Some(u64::from_be_bytes(id.try_into().ok()?)))
            .filter(|id| (1..=300).contains(id))
            .collect();
        assert_eq!(ids, (1..=300).collect::<Vec<u64>>());
        assert_eq!(messages(&[span(1, 3 << 20)]).len(), 1);
    }
}
