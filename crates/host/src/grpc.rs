//! gRPC over HTTP/2, the part of it that a server needs: a message is five bytes of prefix and protobuf, the outcome is in
//! trailers. Unary calls and streams of answers; what the messages are is the caller's.
//!
//! Source: `grpc/doc/PROTOCOL-HTTP2.md` and `grpc/doc/statuscodes.md` of github.com/grpc/grpc. Connections, deadlines and
//! compression are not here.

mod body;
mod status;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc;

pub use status::Status;
pub use wire::otlp::{Code, Detail};

/// Bytes before a message: whether it is compressed, and its length.
pub const PREFIX_BYTES: usize = 5;

const GRPC: &str = "application/grpc";
const GRPC_ANSWER: HeaderValue = HeaderValue::from_static("application/grpc");

/// Is it a call of gRPC with protobuf messages?
pub fn is_call(headers: &HeaderMap) -> bool {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let plain = text.split(';').next().unwrap_or_default().trim();
    plain.eq_ignore_ascii_case(GRPC) || plain.eq_ignore_ascii_case("application/grpc+proto")
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// By the method that the header `grpc-encoding` names.
    pub compressed: bool,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The one message of a unary call's body, without a copy.
pub fn message(mut body: Bytes) -> Result<Message, Status> {
    let broken = |what: String| Err(Status::new(Code::Internal, what));
    let Some(&[flag, a, b, c, d]) = body.first_chunk::<PREFIX_BYTES>() else {
        return broken(format!("request of {} bytes holds no gRPC message", body.len()));
    };
    if flag > 1 {
        return broken(format!(
            "gRPC message begins with flags {flag:#04x}, only 0 and 1 are known"
        ));
    }
    let (length, there) = (
        u32::from_be_bytes([a, b, c, d]) as usize,
        body.len() - PREFIX_BYTES,
    );
    if there < length {
        return broken(format!("gRPC message of {length} bytes ends after {there}"));
    }
    if there > length {
        // `statuscodes.md`: a violation of the number of requests.
        return Err(Status::new(Code::Unimplemented, "a unary call has one message"));
    }
    Ok(Message {
        compressed: flag == 1,
        bytes: body.split_off(PREFIX_BYTES),
    })
}

/// A message with its prefix, not compressed.
pub fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}

/// The answer to a unary call that went well.
pub fn unary(message: &[u8]) -> Response<Body> {
    let body = body::Unary::new(framed(message));
    answer(Body::new(body), HeaderMap::new())
}

/// The answer to a call that failed before anything was sent: trailers only.
pub fn failed(status: &Status) -> Response<Body> {
    answer(Body::empty(), status.trailers())
}

/// The answer to a call with a stream of answers: messages as they come, until the sender is dropped (well) or sends a status.
/// When the client is gone the receiver is dropped.
pub fn streaming(messages: mpsc::Receiver<Result<Bytes, Status>>) -> Response<Body> {
    answer(Body::new(body::Stream::new(messages)), HeaderMap::new())
}

fn answer(body: Body, headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    *response.headers_mut() = headers;
    response.headers_mut().insert(CONTENT_TYPE, GRPC_ANSWER);
    response
}
