//! How a call ended.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use wire::base64;
use wire::otlp::{Code, Detail, encode_status};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What a client acts upon.
    pub code: Code,
    /// For its developer.
    pub message: String,
    /// What may be said beyond that.
    pub detail: Detail,
}

impl Status {
    /// Without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            detail: Detail::None,
        }
    }

    /// As trailers.
    pub fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(3);
        trailers.insert(STATUS, HeaderValue::from(self.code as u16));
        let mut put = |name, value: String| {
            // Both values are ASCII without control characters.
            if let Ok(value) = HeaderValue::try_from(value) {
                trailers.insert(name, value);
            }
        };
        if !self.message.is_empty() {
            put(MESSAGE, percent_encoded(&self.message));
        }
        if self.detail != Detail::None {
            let mut text = String::new();
            base64::encode(&encode_status(self.code, &self.message, self.detail), &mut text);
            // `PROTOCOL-HTTP2.md`: senders should not pad.
            put(DETAILS, text.trim_end_matches('=').to_owned());
        }
        trailers
    }
}

/// `PROTOCOL-HTTP2.md`, `Percent-Encoded`: printable ASCII but `%`, all else as `%XX`. At most 1 KiB of the message.
fn percent_encoded(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for &byte in message.as_bytes().iter().take(1024) {
        if (0x20..0x7f).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
