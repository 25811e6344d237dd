//! OTLP/HTTP: `POST /v1/traces`, `POST /v1/logs`, protobuf or JSON.
//!
//! Source: `opentelemetry-proto`, `docs/specification.md`, "OTLP/HTTP".

use axum::body::Body;
use axum::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use host::access::Denied;
use hyper::body::Incoming;
use hyper::{Request, Response};
use wire::otlp::{Code, Detail, encode_response, encode_status, protobuf_to_json, status_json};

use super::answer::Failure;
use super::body;
use super::intake::{Intake, Receipt};
use super::service::{Context, Door, Signal};
use super::unpack::{Encoding, Packed, unpack};

/// How bodies are written, those of requests and of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Protobuf,
    Json,
}

impl Format {
    /// By the content type of a request.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let plain = text.split(';').next().unwrap_or_default().trim();
        if plain.eq_ignore_ascii_case("application/x-protobuf") {
            Some(Self::Protobuf)
        } else if plain.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }
}

pub(super) async fn answer<I: Intake>(context: &Context<I>, request: Request<Incoming>) -> Response<Body> {
    let format = Format::of(request.headers());
    let taken = take(context, request, format).await;
    // A request of another type is answered in JSON, which people can read.
    let format = format.unwrap_or(Format::Json);
    let response = match taken {
        Ok((signal, receipt)) => accepted(format, signal, &receipt),
        Err(failure) => failed(format, &failure),
    };
    context.metrics.answered(Door::Http, response.status().as_str());
    response
}

/// The answer to a request that is not let in. Of its body a little is read, so that a client that is set up wrong reads the answer.
pub(super) async fn deny<I: Intake>(
    context: &Context<I>,
    request: Request<Incoming>,
    denied: &Denied,
) -> Response<Body> {
    let format = Format::of(request.headers()).unwrap_or(Format::Json);
    body::discard(&mut request.into_body()).await;
    let code = match denied.status() {
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        _ => Code::Unauthenticated,
    };
    let mut response = failed(format, &Failure::new(denied.status(), code, denied.message()));
    denied.add_headers(response.headers_mut());
    context.metrics.answered(Door::Http, response.status().as_str());
    response
}

async fn take<I: Intake>(
    context: &Context<I>,
    request: Request<Incoming>,
    format: Option<Format>,
) -> Result<(Signal, Receipt), Failure> {
    let (parts, mut body) = request.into_parts();
    let signal = match parts.uri.path() {
        "/v1/traces" => Signal::Traces,
        "/v1/logs" => Signal::Logs,
        _ => {
            let message = "only /v1/traces and /v1/logs are here";
            return Err(Failure::new(StatusCode::NOT_FOUND, Code::NotFound, message));
        }
    };
    if parts.method != Method::POST {
        return Err(Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            Code::Unimplemented,
            "only POST is known here",
        ));
    }
    let unsupported =
        |message| Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument, message);
    let Some(format) = format else {
        return Err(unsupported(
            "the content type is neither application/x-protobuf nor application/json",
        ));
    };
    let Some(encoding) = encoding(&parts.headers) else {
        return Err(unsupported(
            "the content encoding is none of identity, gzip and zstd",
        ));
    };
    let limits = &context.limits;
    let max = match encoding {
        Encoding::Identity => limits.request_bytes_max,
        Encoding::Gzip | Encoding::Zstd => limits.compressed_bytes_max,
    };
    let mut held = context.budget.reservation();
    let bytes = body::read(&mut body, max, &mut held, limits.body_timeout).await?;
    context.metrics.received(Door::Http, bytes.len());
    let packed = Packed {
        bytes,
        encoding,
        json: (format == Format::Json).then(|| signal.request()),
    };
    let (protobuf, held) = unpack(packed, limits.request_bytes_max, held).await?;
    let receipt = context.take_in(signal, protobuf, held).await?;
    Ok((signal, receipt))
}

/// The one encoding of a body; `None` if it is unknown, or there are more.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let mut named = headers.get_all(CONTENT_ENCODING).iter();
    match (named.next(), named.next()) {
        (None, _) => Some(Encoding::Identity),
        (Some(name), None) => Encoding::named(name.to_str().ok()?),
        (Some(_), Some(_)) => None,
    }
}

fn respond(status: StatusCode, format: Format, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, format.content_type());
    response
}

fn accepted(format: Format, signal: Signal, receipt: &Receipt) -> Response<Body> {
    let protobuf = encode_response(receipt.rejected, &receipt.message);
    let body = match format {
        Format::Protobuf => Body::from(protobuf),
        // What was encoded here is protobuf.
        Format::Json => Body::from(protobuf_to_json(signal.response(), &protobuf).unwrap_or_default()),
    };
    respond(StatusCode::OK, format, body)
}

fn failed(format: Format, failure: &Failure) -> Response<Body> {
    let Failure {
        code,
        message,
        detail,
        ..
    } = failure;
    let body = match format {
        Format::Protobuf => Body::from(encode_status(*code, message, *detail)),
        Format::Json => Body::from(status_json(*code, message, *detail)),
    };
    let mut response = respond(failure.status, format, body);
    let headers = response.headers_mut();
    match failure.status {
        StatusCode::METHOD_NOT_ALLOWED => drop(headers.insert(ALLOW, HeaderValue::from_static("POST"))),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
        }
        _ => {}
    }
    if let Detail::RetryAfter(ms) = detail {
        headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000).max(1)));
    }
    response
}
