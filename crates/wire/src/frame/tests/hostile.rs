//! Frames that lie.

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard};

use super::super::*;
use crate::bytes::{Put, ReadError};
use crate::control::RejectCode;

/// A frame around any payload, its body as given, its checksum right.
fn around(compression: Compression, sections: u32, events: u32, payload_len: usize, body: &[u8]) -> Vec<u8> {
    let header = FrameHeader {
        layout: super::super::Layout::Events,
        compression,
        producer: Producer(1),
        epoch: Epoch(1),
        sections,
        events,
        payload_len: payload_len as u32,
        body_len: body.len() as u32,
        hlc: Hlc(1),
        bucket: Bucket(1),
        crc: 0,
    };
    let mut frame = header.encode();
    frame.extend_from_slice(body);
    seal(&mut frame).unwrap();
    frame
}

fn plain(sections: u32, events: u32, payload: &[u8]) -> Vec<u8> {
    around(Compression::None, sections, events, payload.len(), payload)
}

/// Empty dictionaries, then a section's head.
fn section(rows: u32, traces: u32, len: u32) -> Vec<u8> {
    let mut out = vec![0; 4];
    let head = super::version_1::Head {
        shard: Shard(0),
        seq: Seq(1),
        gap: false,
        rows,
        traces,
        hlc: (Hlc(0), Hlc(0)),
        time: Default::default(),
        len,
    };
    head.write(&mut out);
    out
}

/// Scenario: 16 MiB of zeros in a body of some hundred bytes. Guarantee: the ratio refuses it by the header alone.
#[test]
fn a_zip_bomb_is_refused_by_its_ratio() {
    let bomb = zstd::bulk::compress(&vec![0; PAYLOAD_BYTES_MAX], 19).unwrap();
    let frame = around(Compression::Zstd, 0, 0, PAYLOAD_BYTES_MAX, &bomb);
    let error = decode(&frame).unwrap_err();
    assert_eq!(
        error,
        FrameError::Ratio {
            payload: 16 << 20,
            body: bomb.len() as u32
        }
    );
    assert_eq!(error.reject_code(), RejectCode::TooLarge);
}

/// Scenario: the same bomb with a modest declared length, with and without a content size in the zstd frame.
/// Guarantee: refused, and no more than the declared length is ever written.
#[test]
fn a_zip_bomb_that_lies_is_refused() {
    let zeros = vec![0; PAYLOAD_BYTES_MAX];
    let bomb = zstd::bulk::compress(&zeros, 1).unwrap();
    let frame = around(Compression::Zstd, 0, 0, 4_096, &bomb);
    let expected = FrameError::PayloadLength {
        declared: 4_096,
        actual: 16 << 20,
    };
    assert_eq!(decode(&frame).unwrap_err(), expected);

    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    compressor.include_contentsize(false).unwrap();
    let bomb = compressor.compress(&zeros).unwrap();
    let frame = around(Compression::Zstd, 0, 0, 4_096, &bomb);
    assert!(matches!(decode(&frame).unwrap_err(), FrameError::Zstd(_)));
}

/// Scenario: a zstd frame that asks for a window of 16 MiB. Guarantee: refused before decompression.
#[test]
fn a_wide_window_is_refused() {
    let mut body = zstd::bulk::compress(&[1; 100], 1).unwrap();
    body[4] = 0; // no single segment, no content size
    body[5] = 14 << 3;
    let frame = around(Compression::Zstd, 0, 0, 100, &body);
    assert_eq!(decode(&frame).unwrap_err(), FrameError::Window(16 << 20));
}

/// Scenario: a second zstd frame, or other bytes, behind the first. Guarantee: refused.
#[test]
fn bytes_behind_the_zstd_frame_are_refused() {
    let mut body = zstd::bulk::compress(&[0; 100], 1).unwrap();
    body.extend_from_within(..);
    let frame = around(Compression::Zstd, 0, 0, 100, &body);
    assert_eq!(decode(&frame).unwrap_err(), FrameError::Zstd("bytes follow it"));
}

/// Scenario: a section says that it has a million traces, and another 2^32 - 1. Guarantee: refused before a list
/// is made.
#[test]
fn a_trace_list_that_is_not_there_is_refused() {
    for traces in [1_000_000, u32::MAX] {
        let frame = plain(1, 1_000_000, &section(1_000_000, traces, 0));
        let error = decode_directory(&frame).unwrap_err();
        let FrameError::Read {
            what: "trace list",
            source: ReadError::Truncated { wanted, .. },
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(wanted, traces as usize * 24);
    }
}

/// Scenario: a million rows in one trace and no columns, or a column of kinds that is too short. Guarantee: refused
/// before rows are made.
#[test]
fn rows_that_are_not_there_are_refused() {
    let mut payload = section(1_000_000, 1, 26);
    payload.put_u128(1);
    payload.put_u32(0);
    payload.put_u32(1_000_000);
    payload.put_u16(0);
    let frame = plain(1, 1_000_000, &payload);
    let directory = decode_directory(&frame).unwrap();
    let error = directory.rows(&directory.sections()[0]).unwrap_err();
    assert_eq!(
        error,
        FrameError::Value {
            column: 2,
            row: 0,
            value: 0
        }
    );
}

/// Scenario: counts of the header beyond the limits. Guarantee: each is refused by its header, with the value.
#[test]
fn headers_beyond_the_limits_are_refused() {
    let refused = |at: usize, value: u32| {
        let mut frame = plain(0, 0, &[0; 4]);
        frame[at..at + 4].copy_from_slice(&value.to_le_bytes());
        peek_header(&frame).unwrap_err()
    };
    assert_eq!(refused(32, 4_097), FrameError::Sections(4_097));
    assert_eq!(refused(36, u32::MAX), FrameError::Events(u32::MAX));
    assert_eq!(refused(40, u32::MAX), FrameError::PayloadTooLarge(u32::MAX));
    assert_eq!(
        refused(40, 70_312),
        FrameError::Ratio {
            payload: 70_312,
            body: 4
        }
    );
    assert_eq!(
        refused(44, 5_000_000).to_string(),
        "body of 5000000 bytes exceeds the limit of 4194304"
    );
    assert_eq!(refused(0, 0), FrameError::Magic([0; 4]));
    assert_eq!(refused(4, 4), FrameError::Version(4));
    assert_eq!(refused(4, 1 | 1 << 16), FrameError::Compression(1));
    assert_eq!(refused(4, 1 | 1 << 24), FrameError::Reserved(1));
    assert_eq!(peek_header(&[0; 63]).unwrap_err(), FrameError::Short(63));
}

/// Scenario: one bit of a stored frame flips. Guarantee: the checksum says so, with the code for the agent.
#[test]
fn a_flipped_bit_is_seen() {
    let mut frame = plain(0, 0, &[0; 4]);
    assert!(decode(&frame).is_ok());
    frame[66] ^= 0x10;
    assert_eq!(decode(&frame).unwrap_err().reject_code(), RejectCode::Crc);
}

/// Scenario: more sections than a frame may have. Guarantee: the builder says so, and makes no frame.
#[test]
fn the_builder_keeps_the_limits() {
    let mut frame = FrameBuilder::new(Producer(1), Epoch(1), Hlc(1), Bucket(1));
    for seq in 1..=4_097 {
        frame.section(Shard(0), Seq(seq), &[]);
    }
    let error = frame.finish(Compression::Zstd).unwrap_err();
    assert_eq!(
        error,
        FrameTooLarge::Count {
            what: "sections",
            found: 4_097,
            max: SECTIONS_MAX
        }
    );
}
