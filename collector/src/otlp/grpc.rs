//! OTLP/gRPC: `TraceService/Export`, `LogsService/Export`.
//!
//! Source: `opentelemetry-proto`, `docs/specification.md`, "OTLP/gRPC"; framing by [`host::grpc`].

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use host::access::Denied;
use host::grpc::{PREFIX_BYTES, Status, failed, message, unary};
use hyper::body::Incoming;
use hyper::{Request, Response};
use wire::otlp::{Code, encode_response};

use super::answer::{Failure, code_name};
use super::body;
use super::intake::{Intake, Receipt};
use super::service::{Context, Door, Signal};
use super::unpack::{Encoding, Packed, UnpackFault, unpack};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const ACCEPTED: HeaderValue = HeaderValue::from_static("identity,gzip,zstd");

pub(super) async fn answer<I: Intake>(context: &Context<I>, request: Request<Incoming>) -> Response<Body> {
    // Neither is gRPC: there is no call that could be answered with a code.
    let refused = match (request.version(), request.method()) {
        (version, _) if version != Version::HTTP_2 => Some(StatusCode::HTTP_VERSION_NOT_SUPPORTED),
        (_, method) if method != Method::POST => Some(StatusCode::METHOD_NOT_ALLOWED),
        _ => None,
    };
    if let Some(status) = refused {
        context.metrics.answered(Door::Grpc, status.as_str());
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        return response;
    }
    let (code, mut response) = match take(context, request).await {
        Ok(receipt) => (
            Code::Ok,
            unary(&encode_response(receipt.rejected, &receipt.message)),
        ),
        Err(status) => (status.code, failed(&status)),
    };
    response.headers_mut().insert(ACCEPT, ACCEPTED);
    context.metrics.answered(Door::Grpc, code_name(code));
    response
}

/// The answer to a call that is not let in.
pub(super) fn deny<I: Intake>(context: &Context<I>, denied: &Denied) -> Response<Body> {
    let code = match denied.status() {
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        _ => Code::Unauthenticated,
    };
    context.metrics.answered(Door::Grpc, code_name(code));
    let mut response = failed(&Status::new(code, denied.message()));
    denied.add_headers(response.headers_mut());
    response.headers_mut().insert(ACCEPT, ACCEPTED);
    response
}

async fn take<I: Intake>(context: &Context<I>, request: Request<Incoming>) -> Result<Receipt, Status> {
    let (parts, mut body) = request.into_parts();
    let signal = match parts.uri.path() {
        TRACES => Signal::Traces,
        LOGS => Signal::Logs,
        other => {
            return Err(Status::new(
                Code::Unimplemented,
                format!("method {other} is not known"),
            ));
        }
    };
    let encoding = encoding(&parts.headers)?;
    let limits = &context.limits;
    let max = match encoding {
        Encoding::Identity => limits.request_bytes_max,
        Encoding::Gzip | Encoding::Zstd => limits.compressed_bytes_max,
    };
    let mut held = context.budget.reservation();
    let read = body::read(&mut body, max + PREFIX_BYTES, &mut held, limits.body_timeout).await;
    let bytes = read.map_err(|fault| status(fault.into()))?;
    context.metrics.received(Door::Grpc, bytes.len());
    let framed = message(bytes)?;
    let encoding = match (framed.compressed, encoding) {
        (false, _) => Encoding::Identity,
        (true, Encoding::Identity) => {
            return Err(Status::new(
                Code::Internal,
                "a message is compressed, but grpc-encoding does not say how",
            ));
        }
        (true, encoding) => encoding,
    };
    let packed = Packed {
        bytes: framed.bytes,
        encoding,
        json: None,
    };
    let (protobuf, held) = match unpack(packed, limits.request_bytes_max, held).await {
        Ok(unpacked) => unpacked,
        // `statuscodes.md`: could not decompress, although the algorithm is supported.
        Err(UnpackFault::Compression(error)) => return Err(Status::new(Code::Internal, error)),
        Err(fault) => return Err(status(fault.into())),
    };
    context
        .take_in(signal, protobuf, held)
        .await
        .map_err(|refusal| status(refusal.into()))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Status> {
    let Some(name) = headers.get(ENCODING) else {
        return Ok(Encoding::Identity);
    };
    let known = name.to_str().ok().and_then(Encoding::named);
    known.ok_or_else(|| {
        Status::new(
            Code::Unimplemented,
            "grpc-encoding is none of identity, gzip and zstd",
        )
    })
}

fn status(failure: Failure) -> Status {
    Status {
        code: failure.code,
        message: failure.message,
        detail: failure.detail,
    }
}
