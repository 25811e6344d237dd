//! What a receiver answers: `ExportTraceServiceResponse`, `ExportLogsServiceResponse`, and `google.rpc.Status` for errors
//! (`google/rpc/status.proto`, `google/rpc/error_details.proto`).

use std::fmt::Write as _;

use super::json::write_text;
use super::proto::{LENGTH, VARINT, Writer, key};
use super::schema::{partial_success, response};

/// Characters of a message that are sent; what a client does with more is to log it.
pub const MESSAGE_CHARS_MAX: usize = 1024;

/// Code of gRPC: what a status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Well.
    Ok = 0,
    /// The request is wrong and stays wrong.
    InvalidArgument = 3,
    /// The time that the client gave is over.
    DeadlineExceeded = 4,
    /// There is no such thing.
    NotFound = 5,
    /// The credentials do not permit it.
    PermissionDenied = 7,
    /// Too large, or, with [`Detail::RetryAfter`], too much at once.
    ResourceExhausted = 8,
    /// There is no such method.
    Unimplemented = 12,
    /// We are wrong.
    Internal = 13,
    /// Not now: to be retried.
    Unavailable = 14,
    /// There are no credentials.
    Unauthenticated = 16,
}

/// What a status says beyond its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    None,
    /// `google.rpc.RetryInfo`: to be retried after so many milliseconds.
    RetryAfter(u32),
    /// `google.rpc.BadRequest`: the message describes what is wrong with the request.
    BadRequest,
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";

/// The response to an accepted request, of traces or of logs: they differ in JSON only. Empty unless something was rejected
/// or there is something to say.
pub fn encode_response(rejected: u64, message: &str) -> Vec<u8> {
    let mut w = Writer::new();
    if rejected > 0 || !message.is_empty() {
        w.message(response::PARTIAL_SUCCESS, |w| {
            w.varint(partial_success::REJECTED, rejected.min(i64::MAX as u64));
            w.bytes(partial_success::ERROR_MESSAGE, shortened(message).as_bytes());
        });
    }
    w.into_bytes()
}

/// `google.rpc.Status` as protobuf.
pub fn encode_status(code: Code, message: &str, detail: Detail) -> Vec<u8> {
    let message = shortened(message);
    let mut w = Writer::new();
    w.varint(key(1, VARINT), code as u64);
    w.bytes(key(2, LENGTH), message.as_bytes());
    let mut any = |type_url: &str, value: &dyn Fn(&mut Writer)| {
        w.message(key(3, LENGTH), |w| {
            w.bytes(key(1, LENGTH), type_url.as_bytes());
            w.message(key(2, LENGTH), |w| value(w));
        });
    };
    match detail {
        Detail::None => {}
        Detail::RetryAfter(ms) => any(RETRY_INFO, &|w| {
            w.message(key(1, LENGTH), |w| {
                w.varint(key(1, VARINT), u64::from(ms / 1000));
                w.varint(key(2, VARINT), u64::from(ms % 1000) * 1_000_000);
            });
        }),
        Detail::BadRequest => any(BAD_REQUEST, &|w| {
            w.message(key(1, LENGTH), |w| w.bytes(key(2, LENGTH), message.as_bytes()));
        }),
    }
    w.into_bytes()
}

/// `google.rpc.Status` as JSON.
pub fn status_json(code: Code, message: &str, detail: Detail) -> String {
    let message = shortened(message);
    let mut out = String::new();
    let _ = write!(out, "{{\"code\":{},\"message\":", code as u8);
    write_text(&mut out, message.as_bytes());
    match detail {
        Detail::None => {}
        Detail::RetryAfter(ms) => {
            let (seconds, ms) = (ms / 1000, ms % 1000);
            let _ = write!(
                out,
                ",\"details\":[{{\"@type\":\"{RETRY_INFO}\",\"retryDelay\":\"{seconds}.{ms:03}s\"}}]"
            );
        }
        Detail::BadRequest => {
            let _ = write!(
                out,
                ",\"details\":[{{\"@type\":\"{BAD_REQUEST}\",\"fieldViolations\":[{{\"description\":"
            );
            write_text(&mut out, message.as_bytes());
            out.push_str("}]}]");
        }
    }
    out.push('}');
    out
}

fn shortened(message: &str) -> &str {
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => message.get(..end).unwrap_or_default(),
        None => message,
    }
}
