//! What a receiver answers, byte for byte.

use crate::otlp::schema::{log_response, response};
use crate::otlp::{
    Code, Detail, MESSAGE_CHARS_MAX, encode_response, encode_status, protobuf_to_json, status_json,
};

/// Guarantee: nothing is said unless there is something to say; in JSON each signal has its own name for it.
#[test]
fn responses() {
    assert_eq!(encode_response(0, ""), b"");
    assert_eq!(encode_response(0, "hm"), b"\x0a\x04\x12\x02hm");
    let some = encode_response(3, "no");
    assert_eq!(some, b"\x0a\x06\x08\x03\x12\x02no");
    let json = |message| protobuf_to_json(message, &some).unwrap();
    assert_eq!(
        json(&response::MESSAGE),
        r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#
    );
    assert_eq!(
        json(&log_response::MESSAGE),
        r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#
    );
    assert_eq!(protobuf_to_json(&response::MESSAGE, b"").unwrap(), "{}");
}

/// Guarantee: a status is `google.rpc.Status`, its detail an `Any` of `RetryInfo` or `BadRequest`; its message is bounded.
#[test]
fn statuses() {
    let retry = encode_status(Code::Unavailable, "busy", Detail::RetryAfter(1500));
    let info = b"\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01";
    let url = b"type.googleapis.com/google.rpc.RetryInfo";
    let any = [&[0x0a, url.len() as u8][..], url, &[0x12, info.len() as u8], info].concat();
    assert_eq!(
        retry,
        [b"\x08\x0e\x12\x04busy\x1a", &[any.len() as u8][..], &any].concat()
    );
    assert_eq!(
        status_json(Code::Unavailable, "\"busy\"", Detail::RetryAfter(1500)),
        r#"{"code":14,"message":"\"busy\"","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}]}"#
    );
    assert_eq!(
        status_json(Code::InvalidArgument, "no", Detail::BadRequest),
        r#"{"code":3,"message":"no","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"description":"no"}]}]}"#
    );
    assert_eq!(
        status_json(Code::NotFound, "no", Detail::None),
        r#"{"code":5,"message":"no"}"#
    );
    let bad = encode_status(Code::InvalidArgument, "no", Detail::BadRequest);
    assert!(bad.ends_with(b"google.rpc.BadRequest\x12\x06\x0a\x04\x12\x02no"));
    let long = encode_status(Code::NotFound, &"\u{e9}".repeat(5000), Detail::None);
    assert_eq!(long.len(), 2 + 3 + 2 * MESSAGE_CHARS_MAX);
}
